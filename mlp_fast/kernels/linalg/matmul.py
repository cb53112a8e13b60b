"""Matmuls of strided matrices, in tiles whose sums stay in registers.

Columns are taken in whole vectors, which may reach past the end of a row: there either the rows of
B are padded with zeros, or C has slack that is never read.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.cpu import WIDE
from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.linalg.matrix import Listed, Matrix
from mlp_fast.kernels.simd.microkernels import add_tile, dot_tile
from mlp_fast.kernels.simd.types import Real
from mlp_fast.kernels.simd.vector import lanes

# tile sizes such that all sums and their operands stay in registers: up to 16 sums, or 4 where a
# vector takes several registers
TALL = 8 if WIDE else 4
DOT_TALL, DOT_WIDE = (2, 8) if WIDE else (1, 4)
SINGLE_COLUMNS = 3  # if no more columns of C are left, they are taken one by one
FEW_ROWS = 3
FEW_WIDE = 4 if WIDE else 2  # vectors of a strip of so few rows: B is then read once, not cached


@inner_kernel(inline=False)
def add_product(
    alpha: Real,
    A: Matrix,
    B: Matrix,
    C: Matrix,
    listed: Listed,
    n: int,
) -> None:
    """Add alpha A B to n columns of C, in the listed rows; sums run over `listed.inner`."""
    V = lanes(C.values)
    j = 0
    if listed.rows.size <= FEW_ROWS:
        while n - j > (FEW_WIDE - 1) * V:
            j += _add_strip(alpha, A, B, C, listed, j, FEW_ROWS, FEW_WIDE)
    while j < n:
        left = (n - j + V - 1) // V
        if WIDE and left == 3:  # otherwise a single vector would be left over
            j += _add_strip(alpha, A, B, C, listed, j, 4, 3)
        elif WIDE and left >= 2:
            j += _add_strip(alpha, A, B, C, listed, j, TALL, 2)
        else:
            j += _add_strip(alpha, A, B, C, listed, j, TALL, 1)


@inlined
def _add_strip(
    alpha: Real,
    A: Matrix,
    B: Matrix,
    C: Matrix,
    listed: Listed,
    j: int,
    tall: int,
    vectors: int,
) -> int:
    """Update `vectors` vectors of columns of C from j on; return how many columns."""
    rows, inner, packed = listed.rows, listed.inner, listed.packed
    r = 0
    while rows.size - r >= tall:
        r += add_tile(alpha, A, B, C, rows, r, inner, packed, j, tall, vectors)
    if tall > 4 and rows.size - r >= 4:
        r += add_tile(alpha, A, B, C, rows, r, inner, packed, j, 4, vectors)
    if rows.size - r >= 2:
        r += add_tile(alpha, A, B, C, rows, r, inner, packed, j, 2, vectors)
    if r < rows.size:
        r += add_tile(alpha, A, B, C, rows, r, inner, packed, j, 1, vectors)
    width: int = vectors * lanes(C.values)
    return width


@inlined
def add_to_row(
    alpha: Real,
    A: Matrix,
    B: Matrix,
    C: Matrix,
    rows: NDArray[np.int64],
    r: int,
    inner: NDArray[np.int64],
    n: int,
) -> None:
    """Add alpha A B to row rows[r] alone (a matvec), in as few strips as registers allow."""
    V = lanes(C.values)
    j = 0
    while j < n:
        left = (n - j + V - 1) // V
        if left >= 8:
            add_tile(alpha, A, B, C, rows, r, inner, 0, j, 1, 8)
            j += 8 * V
        elif left == 7:
            add_tile(alpha, A, B, C, rows, r, inner, 0, j, 1, 7)
            j += 7 * V
        elif left >= 5:
            add_tile(alpha, A, B, C, rows, r, inner, 0, j, 1, 5)
            j += 5 * V
        elif left >= 3:
            add_tile(alpha, A, B, C, rows, r, inner, 0, j, 1, 3)
            j += 3 * V
        elif left == 2:
            add_tile(alpha, A, B, C, rows, r, inner, 0, j, 1, 2)
            j += 2 * V
        else:
            add_tile(alpha, A, B, C, rows, r, inner, 0, j, 1, 1)
            j += V


@inner_kernel(inline=False)
def dot_product(A: Matrix, B: Matrix, C: Matrix, m: int, n_inner: int, n: int) -> None:
    """Write A B' to m rows and n columns of C, whose rows need slack up to a whole vector."""
    _dot_strips(A, B, C, m, n_inner, n, 0)


@inner_kernel(inline=False)
def dot_product_biased(A: Matrix, B: Matrix, C: Matrix, m: int, n_inner: int, n: int) -> None:
    """Write A_bias B' to C: A_bias is A after a column of -1 (70); rows of B begin with a bias."""
    _dot_strips(A, B, C, m, n_inner, n, 1)


@inlined
def _dot_strips(A: Matrix, B: Matrix, C: Matrix, m: int, n_inner: int, n: int, biased: int) -> None:
    """Write A B', a few rows of B at a time, which stay in cache while all of A meets them."""
    q = 0
    while q < n:
        if n - q > SINGLE_COLUMNS:
            q += _dot_strip(A, B, C, m, n_inner, q, n, biased, DOT_WIDE)
        else:
            q += _dot_strip(A, B, C, m, n_inner, q, n, biased, 1)


@inlined
def _dot_strip(
    A: Matrix,
    B: Matrix,
    C: Matrix,
    m: int,
    n_inner: int,
    q: int,
    n: int,
    biased: int,
    width: int,
) -> int:
    """Write `width` columns of C from q on; return the width."""
    r = 0
    while m - r >= DOT_TALL:
        dot_tile(A, B, C, r, q, n_inner, n, biased, DOT_TALL, width)
        r += DOT_TALL
    while r < m:
        dot_tile(A, B, C, r, q, n_inner, n, biased, 1, width)
        r += 1
    return width


@inner_kernel
def dot_row(A: Matrix, B: Matrix, C: Matrix, n_inner: int, n: int) -> None:
    """Write A_bias B' for a single row of A, computing no more quarters of a vector than needed."""
    quarter = lanes(C.values) // 4
    q = 0
    while q < n:
        left = n - q
        if not WIDE:
            q += dot_tile(A, B, C, 0, q, n_inner, n, 1, 1, 4)
        elif left > 3 * quarter:
            q += dot_tile(A, B, C, 0, q, n_inner, n, 1, 1, 0)
        elif left > 2 * quarter:
            q += dot_tile(A, B, C, 0, q, n_inner, n, 1, 1, -1)
        elif left > quarter:
            q += dot_tile(A, B, C, 0, q, n_inner, n, 1, 1, -2)
        else:
            q += dot_tile(A, B, C, 0, q, n_inner, n, 1, 1, -3)
