"""What matmuls take: strided matrices in buffers, lists of indices, and rows of inputs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined
from mlp_fast.kernels.simd.types import Floats


class Matrix(NamedTuple):
    """A strided matrix in a buffer: element (i, j) is values[i * row + j * column]."""

    values: Floats
    row: int
    column: int


class Listed(NamedTuple):
    """The indices of a matmul: which rows of C to compute, and which inner indices to sum over."""

    rows: NDArray[np.int64]  # of A and C
    inner: NDArray[np.int64]  # columns of A, rows of B
    packed: bool  # whether A stores only these rows and columns, end to end


class Rows(NamedTuple):
    """Rows of inputs, never copied: a dense matrix, or the arrays of a CSR matrix."""

    X: Floats  # (k, n), read-only; no rows if sparse
    values: Floats  # (stored,), read-only; these three are empty unless sparse
    columns: NDArray[np.int32]  # (stored,), read-only, increasing within a row
    starts: NDArray[np.int64]  # (k + 1,), read-only, where the rows begin and end
    sparse: bool
    n: int  # columns

    @property
    def shape(self) -> tuple[int, int]:
        """The shape (k, n) of the matrix."""
        return (self.starts.size - 1 if self.sparse else self.X.shape[0]), self.n


@inlined
def rows_from(rows: Rows, start: int, n: int) -> Rows:
    """Return the n rows from `start` on, or those there are."""
    X, starts = rows.X[start : start + n], rows.starts[start:]
    return Rows(X, rows.values, rows.columns, starts, rows.sparse, rows.n)
