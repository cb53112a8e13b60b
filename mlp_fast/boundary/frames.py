"""Frames and their columns: told by what they have, so that pandas need not be imported."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.values import CONVERTIBLE, NUMBERS, NUMERIC, shown

NAMED = 5  # columns, at most, in an error message


def array_of_frame(name: str, values: Any) -> NDArray[Any] | None:
    """Return the numbers of a frame or a column; None for anything that NumPy converts as well.

    NumPy would make objects of pandas' nullable numbers, and of booleans beside numbers.

    Raises
    ------
    TypeError
        If columns hold anything but numbers; the message names them.
    ValueError
        If a nullable number is missing; the message names its row and its column.
    """
    if not hasattr(values, "to_numpy"):
        return None
    is_frame = hasattr(values, "columns") and hasattr(values, "dtypes")
    if not (_frame_needs_it(name, values) if is_frame else _column_needs_it(values)):
        return None
    array = np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    missing = np.isnan(array)
    if missing.any():
        where = tuple(map(int, np.unravel_index(int(np.argmax(missing)), array.shape)))
        raise ValueError(_missing(name, values, where))
    return array


def _frame_needs_it(name: str, frame: Any) -> bool:
    columns = [*zip(frame.columns, frame.dtypes, strict=True)]
    if name == "T" and len(columns) == 1 and getattr(columns[0][1], "kind", "O") == "O":
        return False  # class names, perhaps
    bad = [i for i, (_, dtype) in enumerate(columns) if not _is_numeric(dtype)]
    if bad:
        raise TypeError(_named(name, [(*columns[i], _column(frame, i)) for i in bad]))
    dtypes = {dtype for _, dtype in columns}
    if any(not hasattr(dtype, "kind") for dtype in dtypes):
        return False  # of a library whose frames NumPy converts
    if any(not isinstance(dtype, np.dtype) for dtype in dtypes):
        return True
    return np.dtype(bool) in dtypes and len(dtypes) > 1


def _is_numeric(dtype: Any) -> bool:
    if hasattr(dtype, "kind"):
        return dtype.kind in NUMERIC
    if hasattr(dtype, "is_numeric"):  # polars, which would make floats of dates
        return bool(dtype.is_numeric()) or str(dtype) == "Boolean"
    return True


def _column(frame: Any, i: int) -> Any:
    """Return the values of a column that are there; labels may occur twice."""
    return frame.iloc[:, i].dropna() if hasattr(frame, "iloc") else frame[:, i].drop_nulls()


def _column_needs_it(column: Any) -> bool:
    dtype = getattr(column, "dtype", None)
    if dtype == np.dtype(object):  # a row of a frame has it where its columns have several
        return all(isinstance(value, NUMBERS) for value in column)
    return not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in NUMERIC


def _missing(name: str, values: Any, where: tuple[int, ...]) -> str:
    """Say which number is missing."""
    at = where if len(where) > 1 else where[0]
    value = getattr(values, "iloc", values)[at]
    label = ""
    if len(where) > 1:
        row, column = values.index[where[0]], values.columns[where[1]]
        label = f", row {shown(row)} of column {shown(column)}"
    return f"{name} must be finite; got {value} at {where}{label}"


def _named(name: str, columns: list[tuple[Any, Any, Any]]) -> str:
    """Say which columns hold no numbers, of which dtype they are, and what can be done."""
    others = [_first_other(column) for _, _, column in columns]
    told = [
        f"{shown(label)} ({dtype}{such_as})"
        for (label, dtype, _), (such_as, _) in zip(columns[:NAMED], others[:NAMED], strict=True)
    ]
    more = f" and {len(columns) - NAMED} more" * (len(columns) > NAMED)
    convertible = [is_number for _, is_number in others]
    ways = "encoded as numbers or left out"
    if all(convertible):
        ways = "converted by astype(float)"
    elif any(convertible):
        ways += ", or converted by astype(float) where all values are numbers"
    return (
        f"{name} must hold real numbers; its column{'s' * (len(columns) > 1)} {', '.join(told)}"
        f"{more} must be {ways}"
    )


def _first_other(column: Any) -> tuple[str, bool]:
    """Return an example of what a column holds, no number if there is such; and if all are."""
    first = None
    for i, value in enumerate(column):
        if not isinstance(value, CONVERTIBLE):
            return f", such as {shown(value)}", False
        first = value if i == 0 else first
    return (f", such as {shown(first)}", True) if len(column) else ("", False)
