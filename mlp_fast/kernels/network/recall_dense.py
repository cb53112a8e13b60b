"""Recall of many rows, in the form of the targets, at little more than the cost of its matmuls.

Computes `Reference.forward` of reference.py, for all networks. The forward pass is the one that all
recall shares; here buffers are parts of one that is given, and inputs and outputs are checked and
converted where they are still in a cache.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import whole_vectors
from mlp_fast.kernels.linalg.csr import Transposed
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.linalg.nonzero import MANY_INPUTS, MANY_ZEROS
from mlp_fast.kernels.network.answer import write_answer
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward_batch import (
    ROWS,
    Part,
    Work,
    forward_batch,
    inputs_of,
)
from mlp_fast.kernels.simd.arrays import as_read_only, flat
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.memory import load
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import fma, is_zero, lanes, splat, vsum


def buffer_sizes(shape: Shape) -> tuple[int, int]:
    """Return how large the buffer is for each row, and how large the index list is."""
    gathered = 0 if shape.input_major else whole_vectors(shape.sizes[0], shape.dtype)
    return gathered + sum(shape.widths[1:]), max(ROWS, shape.sizes[0]) + SLACK


@kernel
def recall_dense(
    theta: Floats,
    layers: NDArray[np.void],
    every: NDArray[np.int64],
    form: int,
    buffer: Floats,
    listed: NDArray[np.int64],
    X: Floats,
    out: Floats,
) -> bool:
    """Answer rows if they have the right length; return whether they have, and all is finite.

    The buffer has room for some rows, and as many are taken at a time.
    """
    network, first, top = Network(theta, layers, every), layers[0], layers[layers.size - 1]
    k, n = X.shape
    if n != first.n_in:
        return False
    all_finite = True
    n_x = 0 if first.input_major else vectors_of(n, buffer)
    capacity = min(ROWS, buffer.size // (n_x + top.before + top.width))
    x, outputs = buffer[: n_x * capacity], buffer[n_x * capacity :]
    for start in range(0, k, capacity):
        samples = every[: min(capacity, k - start)]
        end = start + samples.size
        is_finite, skips = survey(flat(X)[start * n : end * n], n)
        all_finite &= is_finite
        work = Work(
            capacity,
            x,
            n_x,
            outputs,
            outputs,
            x[:0],
            x[:0],
            x[:0],
            listed,
            every,
            Transposed(listed[:0], listed[:0].view(np.int32), x[:0]),
            n_x > 0,
            skips,
        )
        rows = X[start:end]
        part = Part(inputs_of(rows, samples, work), no_csr(rows, buffer, listed), samples)
        forward_batch(network, part, work, False)
        for i in range(samples.size):
            begin = top.before * capacity + i * top.width
            a = outputs[begin : begin + top.n_out]
            all_finite &= are_finite(a)
            write_answer(form, a, out, start + i)
    return all_finite


@inlined
def vectors_of(n: int, buffer: Floats) -> int:
    """Return n, rounded up to whole vectors."""
    V = lanes(buffer)
    width: int = (n + V - 1) // V * V
    return width


@inlined
def no_csr(X: Floats, values: Floats, integers: NDArray[np.int64]) -> Rows:
    """Return dense rows as `Rows`."""
    starts = as_read_only(integers[:0])
    return Rows(
        X, as_read_only(values[:0]), as_read_only(integers[:0].view(np.int32)), starts, False, 0
    )


@inner_kernel
def survey(x: Floats, n: int) -> tuple[bool, bool]:
    """Return whether all numbers of rows are finite, and whether zeros are many."""
    if n < MANY_INPUTS:
        return are_finite(x), False
    zero = x.dtype.type(0.0)
    V = lanes(x)
    whole = x.size - x.size % (2 * V)
    total, zeros, total_2, zeros_2 = splat(zero), splat(zero), splat(zero), splat(zero)
    for i in range(0, whole, 2 * V):  # two sums of each, since an addition waits for the one before
        some, others = load(x, i), load(x, i + V)
        total, total_2 = fma(zero, some, total), fma(zero, others, total_2)
        zeros += is_zero(some)
        zeros_2 += is_zero(others)
    last, n_zeros = zero, vsum(zeros + zeros_2)
    for i in range(whole, x.size):
        last += zero * x[i]
        n_zeros += x[i] == zero
    return bool(vsum(total + total_2) + last == 0), bool(n_zeros > MANY_ZEROS * x.size)
