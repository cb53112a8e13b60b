"""Rows of inputs, dense or sparse (CSR), in the form that kernels take."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.linalg.csr import OUTSIDE, UNORDERED, check_columns
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import read_only

LARGEST_COLUMNS = 2**31 - 1  # that int32 can count

Ordered = tuple[NDArray[np.int32], NDArray[np.int64], NDArray[Any]]


def _nothing(dtype: type) -> NDArray[Any]:
    return read_only(np.zeros(0, dtype))


_NO_COLUMNS, _NO_STARTS = _nothing(np.int32), _nothing(np.int64)
_NO_VALUES = {np.dtype(t): _nothing(t) for t in (np.float64, np.float32)}
_NO_X = {dtype: read_only(np.zeros((0, 0), dtype)) for dtype in _NO_VALUES}


def is_sparse(X: Any) -> bool:
    """Return whether this is a sparse matrix, or array, of SciPy, which is not imported for it."""
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and bool(scipy_sparse.issparse(X))


def dense_rows(X: Floats) -> Rows:
    """Return the rows of a matrix."""
    no_values = _NO_VALUES[X.dtype]
    return Rows(read_only(X), no_values, _NO_COLUMNS, _NO_STARTS, False, X.shape[1])


def csr_rows(values: Floats, columns: NDArray[np.int32], starts: NDArray[np.int64], n: int) -> Rows:
    """Return sparse rows, whose columns are in order."""
    return Rows(_NO_X[values.dtype], read_only(values), columns, starts, True, n)


def as_dense(rows: Rows) -> Floats:
    """Return the rows as a matrix; a copy if they are sparse."""
    if not rows.sparse:
        return rows.X
    X = np.zeros(rows.shape, rows.values.dtype)
    X[np.repeat(np.arange(rows.shape[0]), np.diff(rows.starts)), rows.columns] = rows.values
    return read_only(X)


def in_order(
    values: NDArray[Any],
    columns: NDArray[Any],
    starts: NDArray[Any],
    shape: tuple[int, int],
) -> Ordered:
    """Check the arrays of a CSR matrix; return columns, starts and values in the kernels' form.

    The columns of each row then increase, and none is there twice; what is so already is not
    copied, but for the indices if they are not of the kernels' dtype.

    Raises
    ------
    ValueError
        If the arrays are not those of a matrix of this shape.
    """
    k, n = shape
    for name, array in (("data", values), ("indices", columns), ("indptr", starts)):
        if array.ndim != 1 or (name != "data" and array.dtype.kind not in "iu"):
            raise ValueError(f"its {name} must be 1-D" + ", of integers" * (name != "data"))
    if n > LARGEST_COLUMNS:
        raise ValueError(f"it has {n} columns, more than {LARGEST_COLUMNS}")
    if starts.size != k + 1:
        raise ValueError(f"its indptr must have {k + 1} elements; got {starts.size}")
    if starts[0] != 0 or np.any(starts[1:] < starts[:-1]):
        raise ValueError("its indptr must begin with 0 and never decrease")
    stored = int(starts[-1])
    if stored > min(values.size, columns.size):
        raise ValueError(
            f"its indptr ends with {stored}, but there are {values.size} data and "
            f"{columns.size} indices"
        )
    values, columns = values[:stored], columns[:stored]
    if columns.dtype != np.int32 and stored and not 0 <= columns.min() <= columns.max() < n:
        raise ValueError(f"its indices must lie in 0 .. {n - 1}")
    starts = read_only(np.require(starts, np.int64, ["C", "A"]))
    columns = read_only(np.require(columns, np.int32, ["C", "A"]))
    found = check_columns(columns, starts, n)
    if found == OUTSIDE:
        raise ValueError(f"its indices must lie in 0 .. {n - 1}")
    if found == UNORDERED:
        return _sorted(values, columns, starts, n)
    return columns, starts, values


def _sorted(
    values: NDArray[Any], columns: NDArray[np.int32], starts: NDArray[np.int64], n: int
) -> Ordered:
    """Sort each row by its columns, and add up what is there twice, from the first on."""
    k = starts.size - 1
    rows = np.repeat(np.arange(k), np.diff(starts))
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    new = np.ones(order.size, bool)
    new[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    sums = np.zeros(np.count_nonzero(new), values.dtype)
    np.add.at(sums, np.cumsum(new) - 1, values[order])
    ends = np.searchsorted(rows[new], np.arange(k + 1))
    return read_only(columns[new]), read_only(ends.astype(np.int64)), sums
