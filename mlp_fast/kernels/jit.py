"""The one policy by which kernels are compiled, and the list of all of them."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

from mlp_fast.kernels.cache import KernelCache

Function = TypeVar("Function", bound=Callable[..., Any])

KERNELS: list[Any] = []
"""Every kernel there is, for tests that hold the number of signatures and of cache misses."""


def kernel(function: Function) -> Function:
    """Compile a function at its first call: no GIL, C's division, no fast-math, kept on disk."""
    compiled: Any = numba.njit(error_model="numpy", nogil=True)(function)
    compiled._cache = KernelCache(function)
    KERNELS.append(compiled)
    return compiled  # type: ignore[no-any-return]
