"""Matrices in buffers: dense, sparse (CSR), and what a product takes of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.simd.types import Floats


class Matrix(NamedTuple):
    """Numbers in a buffer: row i, column j stands at i row + j column."""

    values: Floats
    row: int
    column: int


class Listed(NamedTuple):
    """What a product of matrices takes: C has these rows, and sums run over these numbers."""

    rows: NDArray[np.int64]  # of A and C
    inner: NDArray[np.int64]  # columns of A, rows of B
    packed: bool  # whether A has no others, so that its own numbers are the places in the lists


class Rows(NamedTuple):
    """Inputs, never copied: a matrix, or, if it is sparse (CSR), what is stored of it."""

    X: Floats  # (k, n), read-only; no rows if sparse
    values: Floats  # (stored,), read-only; these three are empty unless sparse
    columns: NDArray[np.int32]  # (stored,), read-only, increasing within a row
    starts: NDArray[np.int64]  # (k + 1,), read-only, where the rows begin and end
    sparse: bool
    n: int  # columns

    @property
    def shape(self) -> tuple[int, int]:
        """Of the matrix."""
        return (self.starts.size - 1 if self.sparse else self.X.shape[0]), self.n
