"""Check SciPy's CSR matrices and bring them to canonical format, without changing the originals."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import as_finite, in_kernel_form, read_only
from mlp_fast.boundary.rows import csr_rows
from mlp_fast.kernels.linalg.csr import OUTSIDE, UNORDERED, check_columns
from mlp_fast.kernels.linalg.matrix import Rows

LARGEST_COLUMNS = 2**31 - 1  # what an int32 index can address

_COLUMNS, _STARTS = np.dtype(np.int32), np.dtype(np.int64)

Arrays = tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int64]]  # values, columns, starts


def sparse_rows(name: str, matrix: Any, dtype: str) -> Rows:
    """Check a CSR matrix, or a single CSR row if its name is x; return it as `Rows`."""
    if matrix.format != "csr":
        raise TypeError(
            f"{name} must be an array, or CSR if it is sparse; got {matrix.format.upper()}: "
            f"convert it by {name}.tocsr()"
        )
    shape, values = matrix.shape, np.asarray(matrix.data)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers; got dtype {values.dtype}")
    if name == "x" and len(shape) == 1:
        shape = (1, *shape)
    if len(shape) != 2:
        raise ValueError(f"{name} must be 2-D, of shape (k, n_in); got shape {shape}")
    if 0 in shape:
        raise ValueError(f"{name} must not be empty; got shape {shape}")
    columns, starts = np.asarray(matrix.indices), np.asarray(matrix.indptr)
    try:
        values, columns, starts = canonical(values, columns, starts, shape)
    except ValueError as error:
        raise ValueError(f"{name} is no valid CSR matrix: {error}") from None

    def index_of(i: int) -> tuple[int, int]:
        return int(np.searchsorted(starts, i, side="right")) - 1, int(columns[i])

    return csr_rows(as_finite(name, values, dtype, index_of), columns, starts, shape[1])


def canonical(
    values: NDArray[Any],
    columns: NDArray[Any],
    starts: NDArray[Any],
    shape: tuple[int, int],
) -> Arrays:
    """Check the arrays of a CSR matrix; return values, columns and starts in canonical format.

    In canonical format the columns of each row increase strictly. Arrays that are canonical already
    are not copied, except indices of another dtype than the kernels'.

    Raises
    ------
    ValueError
        If the arrays do not describe a matrix of this shape.
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
    starts = in_kernel_form(starts, _STARTS)
    columns = in_kernel_form(columns, _COLUMNS)
    found = check_columns(columns, starts, n)
    if found == OUTSIDE:
        raise ValueError(f"its indices must lie in 0 .. {n - 1}")
    if found == UNORDERED:
        return _sort_and_sum(values, columns, starts)
    return values, columns, starts


def _sort_and_sum(
    values: NDArray[Any], columns: NDArray[np.int32], starts: NDArray[np.int64]
) -> Arrays:
    """Sort each row by column, and sum duplicates in the order in which they are stored."""
    k = starts.size - 1
    rows = np.repeat(np.arange(k), np.diff(starts))
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    new = np.ones(order.size, bool)
    new[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    sums = np.zeros(np.count_nonzero(new), values.dtype)
    np.add.at(sums, np.cumsum(new) - 1, values[order])
    ends = np.searchsorted(rows[new], np.arange(k + 1))
    return sums, read_only(columns[new]), read_only(ends.astype(np.int64))
