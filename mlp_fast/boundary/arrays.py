"""Check any array: real, finite, C-contiguous, read-only, and of the network's dtype.

Arrays that have this form already are not copied.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.frames import array_of_frame
from mlp_fast.boundary.values import CONVERTIBLE, NUMERIC, shown
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.simd.types import Floats

Array = TypeVar("Array", bound=NDArray[Any])

_DTYPES = {name: np.dtype(name) for name in ("float64", "float32")}

ENCODED = (
    "one-hot rows: classes, labels = np.unique(T, return_inverse=True); "
    "T = np.eye(len(classes))[labels.ravel()]"
)

ENCODED_SAMPLE = "rows of np.eye(n_classes), or as 0 and 1 if there is one output"
TARGETS = "T", "t", "validation[1]"  # how the names of targets begin
TEXT_OR_OBJECTS = "USTO"  # kinds of dtypes: text, bytes, NumPy's StringDType, Python objects


def read_only(array: Array) -> Array:
    """Return a read-only view, so that kernels are compiled for one type whatever users pass."""
    view = array.view()
    view.flags.writeable = False
    return view


def is_plain(array: Any, dtype: np.dtype[Any]) -> bool:
    """Return whether something is an array that has the form that kernels take already."""
    if type(array) is not np.ndarray or array.dtype != dtype:
        return False
    flags = array.flags
    return bool(flags.carray or (flags.c_contiguous and flags.aligned))


def in_kernel_form(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return a read-only, C-contiguous array of a dtype; a view if it has that form already."""
    if array.dtype is dtype:
        flags = array.flags
        if flags.c_contiguous and flags.aligned:
            return read_only(array)
    elif array.dtype.kind in "biu":
        return read_only(array.astype(dtype, order="C"))
    with np.errstate(over="ignore"):  # as_finite reports what becomes infinite
        return read_only(np.require(array, dtype, ["C", "A"]))


def as_array(name: str, values: Any) -> NDArray[Any]:
    """Convert to an array of real numbers; refuse an empty one."""
    array = values if type(values) is np.ndarray else _converted(name, values)
    if array.dtype.kind not in NUMERIC:
        raise TypeError(_no_numbers(name, values, array))
    if array.size == 0:
        raise ValueError(f"{name} must not be empty; got shape {array.shape}")
    return array


def _converted(name: str, values: Any) -> NDArray[Any]:
    """Convert anything to an array."""
    rows = values if isinstance(values, list | tuple) else [values]
    if any(isinstance(row, np.ma.MaskedArray) for row in [values, *rows]):
        raise TypeError(
            f"{name} must not be a masked array, whose mask would be lost; "
            "fill it or drop the masked rows first"
        )
    array = array_of_frame(name, values)
    if array is None:
        try:
            array = np.asarray(values)
        except ValueError:
            raise ValueError(f"{name} must be rectangular, its rows of one length") from None
    return array


def _no_numbers(name: str, values: Any, array: NDArray[Any]) -> str:
    """Say what there is in place of real numbers and, if that can be mended, how."""
    if hasattr(values, "toarray"):
        return f"{name} must not be sparse here: convert it by {name}.toarray()"
    if array.dtype.kind not in TEXT_OR_OBJECTS:
        return f"{name} must hold real numbers; got dtype {array.dtype}"
    text = next((value for value in array.flat if isinstance(value, str | bytes)), None)
    if text is not None and name.startswith(TARGETS):
        return f"{name} must hold real numbers; {_class_names(name, text, array)}"
    other = _first_that_is_not(CONVERTIBLE, array)
    if other is None:
        hint = "; numbers that are objects are converted by astype(float)" * (array.size > 0)
        return f"{name} must hold real numbers; got dtype {array.dtype}{hint}"
    return f"{name} must hold real numbers; got dtype {array.dtype}, such as {other}"


def _class_names(name: str, text: Any, array: NDArray[Any]) -> str:
    """Say how class names are encoded, or what must be mended before they can be."""
    other = _first_that_is_not((str, bytes), array)
    if other is not None:
        return f"got class names such as {shown(text)}, but {other}, which names no class"
    encoded = ENCODED_SAMPLE if name == "t" else ENCODED
    return f"got class names such as {shown(text)}: encode them as {encoded}"


def _first_that_is_not(types: tuple[type, ...], array: NDArray[Any]) -> str | None:
    """Return the first element that is of none of the types, and where it is, in words."""
    for i, value in enumerate(array.flat):
        if not isinstance(value, types):
            where = tuple(map(int, np.unravel_index(i, array.shape))) if array.ndim else ()
            return shown(value) + f" at {where}" * (array.ndim > 0)
    return None


def as_matrix(
    name: str, array: NDArray[Any], dtype: str, shape: str = "(k, n_in)", finite: bool = True
) -> Floats:
    """Check a matrix, whose shape error messages describe as `shape`.

    If not `finite`, its numbers need not be so.
    """
    if array.ndim != 2:
        raise ValueError(f"{name} must be 2-D, of shape {shape}; got shape {array.shape}")
    if not finite:
        return in_kernel_form(array, _DTYPES[dtype])
    return as_finite(name, array, dtype)


def as_vector(name: str, array: NDArray[Any], dtype: str, n: int) -> Floats:
    """Check a vector of n numbers that belongs to one sample."""
    if array.shape != (n,):
        raise wrong_sample(name, n, array.shape)
    return as_finite(name, array, dtype)


def wrong_sample(name: str, n: int, shape: tuple[int, ...]) -> ValueError:
    """Return the error for a sample whose shape is not (n,)."""
    return ValueError(f"{name} must have shape ({n},), that of one sample; got {shape}")


def as_finite(
    name: str,
    array: NDArray[Any],
    dtype: str,
    index_of: Callable[[int], tuple[int, ...]] | None = None,
) -> Floats:
    """Convert real numbers to the dtype, and check that they are finite.

    `index_of` maps the flat index of an element to the index that the error message shows.
    """
    numbers: Floats = in_kernel_form(array, _DTYPES[dtype])
    if not all_finite(numbers.reshape(-1)):
        i = int(np.argmin(np.isfinite(numbers)))
        where = index_of(i) if index_of else tuple(map(int, np.unravel_index(i, array.shape)))
        became = f", which is infinite as {dtype}" if np.isfinite(array.flat[i]) else ""
        raise ValueError(f"{name} must be finite; got {array.flat[i]!s}{became} at {where}")
    return numbers
