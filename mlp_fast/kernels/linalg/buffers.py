"""Aligned buffers, and the padded distance between their rows."""

from functools import lru_cache
from itertools import accumulate

import numpy as np

from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import VECTOR_BITS

VECTOR_BYTES = VECTOR_BITS // 8
CROWDED = 1024  # bytes: rows at multiples of this distance evict each other from a cache


NOTHING: dict[np.dtype, Floats] = {
    np.dtype(name): np.zeros(0, name) for name in ("float64", "float32")
}
"""Empty arrays, in place of buffers that are not needed."""


def aligned(size: int, dtype: np.dtype) -> Floats:
    """Return `size` zeros, the first of which is aligned to a whole vector."""
    if size == 0:
        return NOTHING[dtype]
    raw: Floats = np.zeros(size + lanes_of(dtype), dtype)
    address = raw.__array_interface__["data"][0]
    start = -address % VECTOR_BYTES // dtype.itemsize
    return raw[start : start + size]


def side_by_side(sizes: tuple[int, ...], dtype: np.dtype) -> list[Floats]:
    """Return buffers of these sizes in one block, each at a multiple of a vector.

    Buffers that are small and used together then never lie a multiple of 4 KiB apart, where loads
    wait for unrelated stores.
    """
    places, end = _places(sizes, dtype)
    block = aligned(end, dtype)
    return [block[place] for place in places]


@lru_cache(maxsize=64)  # short trainings begin with it
def _places(sizes: tuple[int, ...], dtype: np.dtype) -> tuple[list[slice], int]:
    ends = [0, *accumulate(whole_vectors(size, dtype) for size in sizes)]
    places = [slice(start, start + size) for start, size in zip(ends, sizes, strict=False)]
    return places, ends[-1]


def lanes_of(dtype: np.dtype) -> int:
    """Return how many numbers of a dtype a vector holds."""
    return VECTOR_BYTES // dtype.itemsize


def whole_vectors(n: int, dtype: np.dtype) -> int:
    """Return n, rounded up to whole vectors."""
    lanes = lanes_of(dtype)
    return -(-n // lanes) * lanes


def padded_stride(n: int, dtype: np.dtype) -> int:
    """Return the stride of rows of n numbers: padded to whole vectors, no multiple of CROWDED."""
    up = whole_vectors(n, dtype)
    return up + lanes_of(dtype) * (up * dtype.itemsize % CROWDED == 0)
