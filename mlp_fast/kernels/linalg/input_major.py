"""Matvecs and updates on input-major weights: row p holds w_p1 .. w_pn, row 0 the bias's (68).

A list of indices says which inputs to visit, so that zeros can be skipped. Columns are taken in
tiles of up to eight vectors, whose sums stay in registers from row to row. A vector may reach past
the end of a row into the next; delta is padded with zeros, so nothing changes there.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.linalg.matmul import add_to_row
from mlp_fast.kernels.linalg.matrix import Matrix
from mlp_fast.kernels.simd.memory import load, load_tile, store
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import fma, lanes, splat, vsum

ONLY = np.zeros(1, np.int64)  # the row list of a matrix of one row


@inner_kernel(inline=False)
def matvec_input_major(
    W: Floats, stride: int, x: Floats, listed: NDArray[np.int64], h: Floats, n: int
) -> None:
    """Compute h_j, the sum over listed p of a_p w_pj, with the bias node's a_0 = -1 (2)."""
    V = lanes(W)
    for j in range(0, n, V):
        store(h, j, -load(W, j))
    A, B, C = Matrix(x, 0, 1), Matrix(W[stride:], stride, 1), Matrix(h, 0, 1)
    add_to_row(W.dtype.type(1.0), A, B, C, ONLY, 0, listed, n)


@inner_kernel
def update_inputs(
    W: Floats,
    stride: int,
    x: Floats,
    listed: NDArray[np.int64],
    eta: Real,
    delta: Floats,
    n: int,
) -> None:
    """Subtract eta delta_q a_p from w_pq (4), for the listed inputs p and the bias."""
    V = lanes(W)
    j = 0
    while j < n:
        if n - j > 7 * V:
            j += _update_tile(W, stride, x, listed, eta, delta, j, 8)
        elif n - j > 3 * V:
            j += _update_tile(W, stride, x, listed, eta, delta, j, 4)
        elif n - j > V:
            j += _update_tile(W, stride, x, listed, eta, delta, j, 2)
        else:
            j += _update_tile(W, stride, x, listed, eta, delta, j, 1)


@inlined
def _update_tile(
    W: Floats,
    stride: int,
    x: Floats,
    listed: NDArray[np.int64],
    eta: Real,
    delta: Floats,
    j: int,
    vectors: int,
) -> int:
    """Update `vectors` vectors of columns from j on; return how many columns."""
    d = load_tile(delta, j, vectors)
    store(W, j, fma(eta, d, load_tile(W, j, vectors)))
    for q in range(listed.size):
        i = (listed[q] + 1) * stride + j
        store(W, i, fma(-eta * x[listed[q]], d, load_tile(W, i, vectors)))
    width: int = vectors * lanes(W)
    return width


@inner_kernel
def back_propagate_inputs(
    W: Floats, stride: int, delta: Floats, n: int, delta_below: Floats, n_below: int
) -> None:
    """Compute the sum in (36): the dot products of delta and the rows of W, not yet updated."""
    V = lanes(W)
    for p in range(n_below):
        total = splat(W.dtype.type(0.0))
        for j in range(0, n, V):
            total = fma(load(delta, j), load(W, (p + 1) * stride + j), total)
        delta_below[p] = vsum(total)
