"""The one policy by which all kernels are compiled, and the list of them."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, overload

import numba
from numba.core import config

from mlp_fast.kernels.compile.cache import KernelCache

Function = TypeVar("Function", bound=Callable[..., Any])

if config.DISABLE_JIT:
    raise ImportError("mlp_fast is compiled or it is nothing: unset NUMBA_DISABLE_JIT")

KERNELS: list[Any] = []
"""Every kernel, for tests that count signatures and cache misses."""


@overload
def kernel(function: Function) -> Function: ...
@overload
def kernel(*, inline: bool) -> Callable[[Function], Function]: ...
def kernel(function: Any = None, *, inline: bool = True) -> Any:
    """Compile a function at its first call: no GIL, C's division, no fast-math, cached on disk.

    Without Numba's runtime (NRT) nothing can be allocated, and slices are not reference-counted,
    which would cost a network of a few dozen weights more than its arithmetic. Once inlined, a
    slice is just a pointer.
    """
    if function is None:
        return partial(kernel, inline=inline)
    options = {"forceinline": True} if inline else {}
    compiled: Any = numba.njit(error_model="numpy", nogil=True, _nrt=False, **options)(function)
    compiled._cache = KernelCache(function)
    KERNELS.append(compiled)
    return compiled


def inlined(function: Function) -> Function:
    """Inline a function into its callers, so that arguments which are literals there stay so."""
    return numba.njit(error_model="numpy", inline="always")(function)  # type: ignore[no-any-return]


def entry_point(function: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a kernel's machine code for arguments of exactly these types, compiled or loaded.

    Never call it with other types: it checks nothing, and that is what makes it fast. Numba's
    dispatcher looks at every argument to find the code for its type, which takes longer than a
    small network's recall.
    """
    signature = tuple(map(numba.typeof, arguments))
    function.compile(signature)
    return function.overloads[signature].entry_point  # type: ignore[no-any-return]
