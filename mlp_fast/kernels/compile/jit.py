"""The one policy by which kernels are compiled, and the list of all of them."""

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
"""Every kernel there is, for tests that hold the number of signatures and of cache misses."""


@overload
def kernel(function: Function) -> Function: ...
@overload
def kernel(*, inline: bool) -> Callable[[Function], Function]: ...
def kernel(function: Any = None, *, inline: bool = True) -> Any:
    """Compile a function at its first call: no GIL, C's division, no fast-math, kept on disk.

    Without Numba's runtime nothing can be allocated, and no slice is counted: counting costs a
    network of a few dozen weights more than its arithmetic. Inlined, a slice is but an address.
    """
    if function is None:
        return partial(kernel, inline=inline)
    options = {"forceinline": True} if inline else {}
    compiled: Any = numba.njit(error_model="numpy", nogil=True, _nrt=False, **options)(function)
    compiled._cache = KernelCache(function)
    KERNELS.append(compiled)
    return compiled


def inlined(function: Function) -> Function:
    """Paste a function into its callers, where its literal arguments are literals, too."""
    return numba.njit(error_model="numpy", inline="always")(function)  # type: ignore[no-any-return]


def entry_point(function: Any, *arguments: Any) -> Callable[..., Any]:
    """Return a kernel's code for arguments of exactly these types, compiled or loaded.

    To be called with no others: nothing checks them, and that is what makes it quick. Numba looks
    at every argument of a kernel to find the code for its types, which takes longer than a small
    network's answer.
    """
    signature = tuple(map(numba.typeof, arguments))
    function.compile(signature)
    return function.overloads[signature].entry_point  # type: ignore[no-any-return]
