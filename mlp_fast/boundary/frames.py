"""Frames and their columns: told by what they have, so that pandas need not be imported."""

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMERIC = "biuf"  # kinds of dtypes: booleans, integers of either sign, floats
NUMBERS = (numbers.Real, np.bool_)
NAMED = 5  # columns, at most, in an error message


def array_of_frame(name: str, values: Any) -> NDArray[Any] | None:
    """Return the numbers of a frame or a column, missing ones as NaN; None for anything else.

    NumPy would make objects of pandas' nullable numbers, and of booleans beside numbers.

    Raises
    ------
    TypeError
        If columns hold anything but numbers; the message names them.
    """
    if not hasattr(values, "to_numpy"):
        return None
    is_frame = hasattr(values, "columns") and hasattr(values, "dtypes")
    if not (_frame_needs_it(name, values) if is_frame else _column_needs_it(values)):
        return None
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))


def _frame_needs_it(name: str, frame: Any) -> bool:
    columns = [*zip(frame.columns, frame.dtypes, strict=True)]
    if any(not hasattr(dtype, "kind") for _, dtype in columns):
        return False  # of a library whose frames NumPy converts
    bad = [i for i, (_, dtype) in enumerate(columns) if dtype.kind not in NUMERIC]
    if bad and len(columns) == 1 and name == "T":
        return False  # class names, perhaps
    if bad:
        raise TypeError(_named(name, [(*columns[i], frame.iloc[:, i]) for i in bad]))
    dtypes = {dtype for _, dtype in columns}
    if any(not isinstance(dtype, np.dtype) for dtype in dtypes):
        return True
    return np.dtype(bool) in dtypes and len(dtypes) > 1


def _column_needs_it(column: Any) -> bool:
    dtype = getattr(column, "dtype", None)
    if dtype == np.dtype(object):  # a row of a frame has it where its columns have several
        return all(isinstance(value, NUMBERS) for value in column)
    return not isinstance(dtype, np.dtype) and getattr(dtype, "kind", "O") in NUMERIC


def _named(name: str, columns: list[tuple[Any, Any, Any]]) -> str:
    """Say which columns hold no numbers, and of which dtype they are."""
    shown = [
        f"{label!r} ({dtype}{f', such as {column.iloc[0]!r}' if len(column) else ''})"
        for label, dtype, column in columns[:NAMED]
    ]
    more = f" and {len(columns) - NAMED} more" * (len(columns) > NAMED)
    return (
        f"{name} must hold real numbers; its column{'s' * (len(columns) > 1)} {', '.join(shown)}"
        f"{more} must be encoded as numbers, converted by astype(float), or left out"
    )
