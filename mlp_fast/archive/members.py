"""Which arrays are kept: their names, dtypes and shapes, and what stands before their bytes."""

import math
import re
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.archive.errors import ContentError
from mlp_fast.boundary.values import shown

ITEMSIZES = {"<f8": 8, "<f4": 4, "<i8": 8}
NAME = re.compile(r"[a-z0-9_]{1,200}")
CHUNK = 2**18  # bytes: hashed and copied while they are in the cache
N_AXES = 32  # what all versions of NumPy can have


class Layout(NamedTuple):
    """A dtype, as NumPy writes it, and a shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Return how many bytes the elements have."""
        return math.prod(self.shape) * ITEMSIZES[self.dtype]

    def preamble(self) -> bytes:
        """Return what a .npy file has before the elements.

        It is not taken from NumPy, whose padding differs from version to version.
        """
        text = f"{{'descr': '{self.dtype}', 'fortran_order': False, 'shape': {self.shape}, }}"
        magic = b"\x93NUMPY\x01\x00"
        length = -(-(len(magic) + 2 + len(text) + 1) // 64) * 64 - len(magic) - 2
        return magic + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n"


def layout_of(name: Any, array: Any) -> Layout:
    """Return the layout of an array to be written, or raise the error of what cannot be."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"names of arrays must match {NAME.pattern}; got {shown(name)}")
    if not isinstance(array, np.ndarray):
        raise TypeError(f"arrays must hold NumPy arrays; {name} is {shown(array)}")
    dtype = array.dtype.newbyteorder("<").str
    if dtype not in ITEMSIZES:
        raise TypeError(f"arrays must be of float64, float32 or int64; {name} is of {array.dtype}")
    if array.ndim > N_AXES:
        raise ValueError(f"arrays must have at most {N_AXES} axes; {name} has {array.ndim}")
    return Layout(dtype, array.shape)


def declared(arrays: Any, limit: int) -> dict[str, Layout]:
    """Return the layouts that a header declares, or raise its fault; `limit` is in bytes."""
    if not isinstance(arrays, dict):
        raise ContentError('"arrays" in its header.json must be an object')
    layouts = {}
    for name, entry in arrays.items():
        if not NAME.fullmatch(name):
            raise ContentError(f"names of arrays must match {NAME.pattern}; it has {shown(name)}")
        match entry:
            case [str(dtype), list(shape)] if dtype in ITEMSIZES and _is_shape(shape):
                layouts[name] = Layout(dtype, tuple(shape))
            case _:
                raise ContentError(
                    f"{name} must be declared by one of the dtypes {', '.join(ITEMSIZES)} and a "
                    f"shape of at most {N_AXES} axes, and it is not"
                )
        # without the axes of length 0, too, NumPy cannot address more
        addressed = math.prod(n for n in shape if n) * ITEMSIZES[dtype]
        if layouts[name].n_bytes > limit or addressed > sys.maxsize:
            raise ContentError(
                f"it has {limit:,} bytes, but {name} is declared to have the shape "
                f"{shown(layouts[name].shape)}"
            )
    return layouts


def _is_shape(shape: list[Any]) -> bool:
    return len(shape) <= N_AXES and all(type(n) is int and n >= 0 for n in shape)


def elements(array: NDArray[Any]) -> memoryview:
    """Return the bytes of an array in C order, without a copy."""
    return array.reshape(-1).view(np.uint8).data
