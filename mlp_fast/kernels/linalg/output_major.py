"""Matvecs and updates on output-major weights: row q holds w_1q .. w_nq, its bias just before.

Rows and inputs are taken in whole vectors, which may reach past the end of a row, even into the
next row's bias: inputs are padded with zeros, so this adds and changes nothing.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.linalg.matmul import add_to_row, dot_row
from mlp_fast.kernels.linalg.matrix import Matrix
from mlp_fast.kernels.simd.memory import load, load_tile, store
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import fma, lanes, splat, vsum


@inner_kernel
def matvec_output_major(W: Floats, stride: int, p: Floats, n_in: int, h: Floats, n: int) -> None:
    """Compute h_q, the dot product of row q and the inputs, with the bias node's a_0 = -1 (2)."""
    dot_row(Matrix(p, 0, 1), Matrix(W, stride, 1), Matrix(h, 0, 1), n_in, n)


@inner_kernel
def matvec_output_major_sparse(
    W: Floats, stride: int, p: Floats, places: NDArray[np.int64], h: Floats, n: int
) -> None:
    """Compute h_q (2) from the vectors of inputs that begin at `places`; all others are 0."""
    for q in range(n):
        i = 1 + q * stride
        total = splat(W.dtype.type(0.0))
        for c in range(places.size):
            total = fma(load(p, places[c]), load(W, i + places[c]), total)
        h[q] = vsum(total) - W[i - 1]


@inner_kernel
def back_propagate_and_update(
    W: Floats, stride: int, p: Floats, n_in: int, eta: Real, delta: Floats, n: int, below: Floats
) -> None:
    """Compute the sum in (36) and subtract eta delta_q a_p from w_pq (4), in one pass.

    The sum uses each weight as it was before the update.
    """
    V = lanes(W)
    k = 0
    while k < n_in:
        if n_in - k > 3 * V:
            k += _back_tile(W, stride, p, eta, delta, n, below, k, 4)
        elif n_in - k > V:
            k += _back_tile(W, stride, p, eta, delta, n, below, k, 2)
        else:
            k += _back_tile(W, stride, p, eta, delta, n, below, k, 1)
    update_biases(W, stride, eta, delta, n)


@inlined
def _back_tile(
    W: Floats,
    stride: int,
    p: Floats,
    eta: Real,
    delta: Floats,
    n: int,
    below: Floats,
    k: int,
    vectors: int,
) -> int:
    """Sum and update `vectors` vectors of inputs from k on; return how many inputs."""
    a = load_tile(p, k, vectors)
    total = splat(W.dtype.type(0.0), a)
    i = 1 + k
    for q in range(n):
        w = load_tile(W, i, vectors)
        total = fma(delta[q], w, total)
        store(W, i, fma(-eta * delta[q], a, w))
        i += stride
    store(below, k, total)
    width: int = vectors * lanes(W)
    return width


@inner_kernel
def back_propagate_outputs(
    W: Floats,
    stride: int,
    delta: Floats,
    n: int,
    every: NDArray[np.int64],
    below: Floats,
    n_in: int,
) -> None:
    """Compute the sum in (36) without updating the weights."""
    V = lanes(W)
    for k in range(0, n_in, V):
        store(below, k, splat(W.dtype.type(0.0)))
    A, B, C = Matrix(delta, 0, 1), Matrix(W[1:], stride, 1), Matrix(below, 0, 1)
    add_to_row(W.dtype.type(1.0), A, B, C, every, 0, every[:n], n_in)


@inner_kernel
def update_outputs(
    W: Floats, stride: int, p: Floats, n_in: int, eta: Real, delta: Floats, n: int
) -> None:
    """Subtract eta delta_q a_p from w_pq (4)."""
    V = lanes(W)
    for q in range(n):
        i = 1 + q * stride
        for k in range(0, n_in, V):
            store(W, i + k, fma(-eta * delta[q], load(p, k), load(W, i + k)))
    update_biases(W, stride, eta, delta, n)


@inner_kernel
def update_outputs_sparse(
    W: Floats,
    stride: int,
    p: Floats,
    places: NDArray[np.int64],
    eta: Real,
    delta: Floats,
    n: int,
) -> None:
    """Update w_pq (4) for the vectors of inputs that begin at `places`; all others are 0."""
    for q in range(n):
        i = 1 + q * stride
        for c in range(places.size):
            k = places[c]
            store(W, i + k, fma(-eta * delta[q], load(p, k), load(W, i + k)))
    update_biases(W, stride, eta, delta, n)


@inner_kernel
def update_biases(W: Floats, stride: int, eta: Real, delta: Floats, n: int) -> None:
    """Add eta delta_q to w_0q, whose input is -1."""
    for q in range(n):
        W[q * stride] += eta * delta[q]
