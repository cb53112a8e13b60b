"""The one policy by which all kernels are compiled, and the list of them."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

import numba
from numba.core import config
from numba.core.registry import CPUDispatcher

from mlp_fast.kernels.compile.cache import KernelCache
from mlp_fast.kernels.compile.compiler import InnerCompiler, KernelCompiler

Function = TypeVar("Function", bound=Callable[..., Any])

if config.DISABLE_JIT:
    raise ImportError("mlp_fast is compiled or it is nothing: unset NUMBA_DISABLE_JIT")

KERNELS: list[Any] = []
"""Every kernel, for tests that count signatures and cache misses."""
INNER_KERNELS: list[Any] = []
"""Every inner kernel, for tests that count signatures."""

OPTIONS = {"error_model": "numpy", "nogil": True, "_nrt": False}
"""No GIL, C's division, no fast-math, no runtime (NRT).

Without the runtime nothing can be allocated, and slices are not reference-counted, which would cost
a network of a few dozen weights more than its arithmetic. Once inlined, a slice is just a pointer.
"""
BY_NJIT = {"nopython": True, "boundscheck": None}
"""What `njit` adds."""


def kernel(function: Function) -> Function:
    """Compile a function that Python calls, at its first call; its machine code is kept on disk.

    Kernels can call it, too.
    """
    compiled: Any = numba.njit(pipeline_class=KernelCompiler, **OPTIONS)(function)
    compiled._cache = KernelCache(function)
    KERNELS.append(compiled)
    return compiled  # type: ignore[no-any-return]  # Numba ships no types


@overload
def inner_kernel(function: Function) -> Function: ...
@overload
def inner_kernel(*, inline: bool) -> Callable[[Function], Function]: ...
def inner_kernel(function: Any = None, *, inline: bool = True) -> Any:
    """Compile a function that only kernels call, as a part of them: see compiler.py.

    It is inlined into its callers; if not `inline`, LLVM decides whether it is.
    """
    if function is None:
        return partial(inner_kernel, inline=inline)
    options = OPTIONS | BY_NJIT | ({"forceinline": True} if inline else {})
    compiled = InnerKernel(function, targetoptions=options, pipeline_class=InnerCompiler)
    INNER_KERNELS.append(compiled)
    return compiled


class InnerKernel(CPUDispatcher):  # type: ignore[misc]  # Numba ships no types
    """A function that only kernels call."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Refuse: it has no machine code."""
        raise TypeError(f"{self.__name__} is an inner kernel: only kernels can call it")

    def add_overload(self, result: Any) -> None:
        """Keep a signature for kernels, but not for calls from Python."""
        self.overloads[tuple(result.signature.args)] = result


def inlined(function: Function) -> Function:
    """Inline a function into its callers, so that arguments which are literals there stay so."""
    compiled: Any = numba.njit(error_model="numpy", inline="always")(function)
    return compiled  # type: ignore[no-any-return]  # as above


def entry_point(function: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a kernel's machine code for arguments of exactly these types, compiled or loaded.

    Never call it with other types: it checks nothing, and that is what makes it fast. Numba's
    dispatcher looks at every argument to find the code for its type, which takes longer than a
    small network's recall.
    """
    signature = tuple(map(numba.typeof, arguments))
    function.compile(signature)
    return function.overloads[signature].entry_point  # type: ignore[no-any-return]
