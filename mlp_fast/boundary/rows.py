"""Wrap checked arrays as the `Rows` that kernels take, and convert `Rows` back to a matrix."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import read_only
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats


def _nothing(dtype: type) -> NDArray[Any]:
    return read_only(np.zeros(0, dtype))


_NO_COLUMNS, _NO_STARTS = _nothing(np.int32), _nothing(np.int64)
_NO_VALUES = {np.dtype(t): _nothing(t) for t in (np.float64, np.float32)}
_NO_X = {dtype: read_only(np.zeros((0, 0), dtype)) for dtype in _NO_VALUES}


def dense_rows(X: Floats) -> Rows:
    """Wrap a dense matrix, which must be read-only, as `Rows`."""
    no_values = _NO_VALUES[X.dtype]
    return Rows(X, no_values, _NO_COLUMNS, _NO_STARTS, False, X.shape[1])


def csr_rows(values: Floats, columns: NDArray[np.int32], starts: NDArray[np.int64], n: int) -> Rows:
    """Wrap the arrays of a canonical CSR matrix as `Rows`."""
    return Rows(_NO_X[values.dtype], read_only(values), columns, starts, True, n)


def as_dense(rows: Rows) -> Floats:
    """Return the rows as a dense matrix; a copy only if they are sparse."""
    if not rows.sparse:
        return rows.X
    X = np.zeros(rows.shape, rows.values.dtype)
    X[np.repeat(np.arange(rows.shape[0]), np.diff(rows.starts)), rows.columns] = rows.values
    return read_only(X)


def rows_at(rows: Rows, index: NDArray[np.int64]) -> Rows:
    """Return a copy of the rows at some indices, which increase."""
    if not rows.sparse:
        return dense_rows(read_only(rows.X[index]))
    chosen = np.zeros(rows.shape[0], bool)
    chosen[index] = True
    lengths = np.diff(rows.starts)
    stored = np.repeat(chosen, lengths)
    starts = np.concatenate([[0], np.cumsum(lengths[index])])
    columns = read_only(rows.columns[: stored.size][stored])
    return csr_rows(rows.values[: stored.size][stored], columns, read_only(starts), rows.n)
