"""Passes over sparse rows (CSR), at a cost proportional to what the rows store.

Online training gives the same bits as for the same rows made dense. A zero adds nothing to a sum
over inputs, so leaving it out changes no bit as long as the others keep their order. Where sums run
in whole vectors, the lanes hold the inputs that are non-zero in some row of a block, and dense and
CSR rows list the same ones.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.matrix import Matrix, Rows
from mlp_fast.kernels.simd.memory import load_tile, store
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import fma, lanes, splat

IN_ORDER, UNORDERED, OUTSIDE = 0, 1, 2


class Transposed(NamedTuple):
    """Buffers for some sparse rows in column order; empty if the rows are dense."""

    ends: NDArray[np.int64]  # (n,), where each column's entries end; 0 between uses
    rows: NDArray[np.int32]  # (stored,), column by column
    values: Floats  # (stored,)


def transposed_buffers(n: int, dtype: np.dtype, stored: int) -> Transposed:
    """Return buffers to transpose rows of n columns that store `stored` numbers in all."""
    return Transposed(
        np.zeros(n if stored else 0, np.int64), np.zeros(stored, np.int32), np.zeros(stored, dtype)
    )


def stored_in_rows(rows: Rows, n_rows: int) -> int:
    """Return the most numbers that any n_rows of the rows can store; 0 if they are dense."""
    if not rows.sparse:
        return 0
    return max(1, min(n_rows * int(np.diff(rows.starts).max()), rows.values.size))


@kernel
def check_columns(columns: NDArray[np.int32], starts: NDArray[np.int64], n: int) -> int:
    """Return IN_ORDER, UNORDERED or, if a column is not in 0 .. n - 1, OUTSIDE."""
    found = IN_ORDER
    for i in range(starts.size - 1):
        before = -1
        for q in range(starts[i], starts[i + 1]):
            p = columns[q]
            if p < 0 or p >= n:
                return OUTSIDE
            if p <= before:
                found = UNORDERED
            before = p
    return found


@inner_kernel
def scatter(rows: Rows, samples: NDArray[np.int64], x: Floats, width: int) -> None:
    """Scatter the rows of some samples into zeros, `width` apart."""
    for i in range(samples.size):
        begin, end = rows.starts[samples[i]], rows.starts[samples[i] + 1]
        for q in range(begin, end):
            x[i * width + rows.columns[q]] = rows.values[q]


@inner_kernel
def clear(rows: Rows, samples: NDArray[np.int64], x: Floats, width: int) -> None:
    """Set what `scatter` has written back to zero."""
    for i in range(samples.size):
        for q in range(rows.starts[samples[i]], rows.starts[samples[i] + 1]):
            x[i * width + rows.columns[q]] = 0


@inner_kernel
def scatter_row(rows: Rows, sample: int, x: Floats, listed: NDArray[np.int64]) -> int:
    """Scatter a row into zeros; list where the vectors it touches begin; return how many."""
    V = lanes(x)
    m, last = 0, -1
    for q in range(rows.starts[sample], rows.starts[sample + 1]):
        p = np.int64(rows.columns[q])
        x[p] = rows.values[q]
        listed[m] = p // V * V
        m += p // V != last
        last = p // V
    return m


@inner_kernel
def transpose(
    rows: Rows, samples: NDArray[np.int64], to: Transposed, listed: NDArray[np.int64]
) -> int:
    """Transpose some sparse rows to column order; list the columns in use; return how many."""
    ends = to.ends
    m = 0
    for i in range(samples.size):
        for q in range(rows.starts[samples[i]], rows.starts[samples[i] + 1]):
            p = rows.columns[q]
            if ends[p] == 0:
                listed[m] = p
                m += 1
            ends[p] += 1
    begin = 0
    for c in range(m):
        count = ends[listed[c]]
        ends[listed[c]] = begin
        begin += count
    for i in range(samples.size):
        for q in range(rows.starts[samples[i]], rows.starts[samples[i] + 1]):
            place = ends[rows.columns[q]]
            to.rows[place] = i
            to.values[place] = rows.values[q]
            ends[rows.columns[q]] = place + 1
    return m


@inner_kernel(inline=False)
def axpy_rows(
    alpha: Real,
    values: Floats,
    index: NDArray[np.int32],
    B: Matrix,
    C: Floats,
    n: int,
) -> None:
    """Add alpha v B to n columns of C, where v is sparse: the axpys of the listed rows of B."""
    V = lanes(C)
    j = 0
    while j < n:
        if n - j > 7 * V:
            j += _add_columns(alpha, values, index, B, C, j, 8)
        elif n - j > 3 * V:
            j += _add_columns(alpha, values, index, B, C, j, 4)
        elif n - j > V:
            j += _add_columns(alpha, values, index, B, C, j, 2)
        else:
            j += _add_columns(alpha, values, index, B, C, j, 1)


@inlined
def _add_columns(
    alpha: Real,
    values: Floats,
    index: NDArray[np.int32],
    B: Matrix,
    C: Floats,
    j: int,
    vectors: int,
) -> int:
    """Update `vectors` vectors of columns from j on; return how many columns."""
    c = load_tile(C, j, vectors)
    total = splat(C.dtype.type(0.0), c)
    for q in range(index.size):
        total = fma(values[q], load_tile(B.values, index[q] * B.row + j, vectors), total)
    store(C, j, fma(alpha, total, c))
    width: int = vectors * lanes(C)
    return width
