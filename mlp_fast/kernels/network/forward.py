"""Recall: the forward process for one row, or for many rows at once (58-70)."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.csr import sum_sparse
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.linalg.gather import collect
from mlp_fast.kernels.linalg.input_major import sum_inputs
from mlp_fast.kernels.linalg.matmul import add_product, dot_product_biased
from mlp_fast.kernels.linalg.nonzero import list_columns
from mlp_fast.kernels.network.activation import activate
from mlp_fast.kernels.network.arguments import (
    Floats,
    Listed,
    Matrix,
    Network,
    Nodes,
    Part,
    Rows,
    Work,
)
from mlp_fast.kernels.simd.arrays import flat, scratch
from mlp_fast.kernels.simd.vector import lanes, load, store
from mlp_fast.kernels.train.online import first_sum, forward_layers

VALUES, CLASSES, LARGEST = range(3)  # forms of an answer
TOGETHER = 8  # rows of inputs whose zeros are told together: the more, the fewer there are


@inlined
def forward_batch(network: Network, part: Part, skip_zeros: bool, work: Work, sparse: bool) -> None:
    """Compute A^(l) = g(A_bias^(l-1) W^(l)) of every layer (69) into the blocks of work."""
    A, k = part.A, part.samples.size
    for l in range(network.layers.size):
        layer = network.layers[l]
        begin = layer.before * work.capacity
        h, a = work.delta[begin:], work.outputs[begin:]
        H = Matrix(h, layer.width, 1)
        if sparse and l == 0:
            sum_sparse(network, part.rows, part.samples, work)
        elif layer.by_input:
            sum_by_input(network, l, A, H, k, skip_zeros and l == 0, work)
        else:
            sum_by_output(network, l, A, H, k)
        for i in range(0, k * layer.width, layer.width):
            activate(layer.activation, layer.beta, h[i:], a[i:], layer.n_out)
        A = Matrix(a, layer.width, 1)


@kernel
def sum_by_input(
    network: Network, l: int, A: Matrix, H: Matrix, k: int, skip_zeros: bool, work: Work
) -> None:
    """Compute H = A_bias W of a layer whose rows of weights belong to inputs."""
    layer = network.layers[l]
    W = network.theta[layer.weights :]
    for i in range(k):  # the bias column of (70) as what the sum starts from
        for j in range(0, layer.n_out, lanes(W)):
            store(H.values, i * H.row + j, -load(W, j))
    one, rows = W.dtype.type(1.0), Matrix(W[layer.stride :], layer.stride, 1)
    if not skip_zeros:
        inputs = work.every[: layer.n_in]
        add_product(one, A, rows, H, Listed(work.every[:k], inputs, False), layer.n_out)
        return
    for i in range(0, k, TOGETHER):
        some = work.every[i : min(i + TOGETHER, k)]
        part = Matrix(A.values[i * A.row :], A.row, 1)
        m = list_columns(part, some.size, layer.n_in, work.listed)
        listed = work.listed[:m]
        add_product(one, A, rows, H, Listed(some, listed, False), layer.n_out)


@kernel
def sum_by_output(network: Network, l: int, A: Matrix, H: Matrix, k: int) -> None:
    """Compute H = A_bias W of a layer whose rows of weights belong to outputs."""
    layer = network.layers[l]
    W = network.theta[layer.weights :]
    dot_product_biased(A, Matrix(W, layer.stride, 1), H, k, layer.n_in, layer.n_out)


@inlined
def take(rows: Rows, samples: NDArray[np.int64], gather: bool, work: Work, sparse: bool) -> Part:
    """Return some samples; if dense, collected unless they may stay where they are, in order."""
    A = Matrix(work.x, work.width, 1)
    if not sparse:
        A = inputs(rows.X, samples, gather, work)
    return Part(A, rows, samples)


@kernel
def inputs(X: Floats, samples: NDArray[np.int64], gather: bool, work: Work) -> Matrix:
    """Return the rows of some samples: where they are, in order, or else collected."""
    n = X.shape[1]
    if gather:
        collect(X, samples, work.x, work.width)
        return Matrix(work.x, work.width, 1)
    return Matrix(flat(X)[samples[0] * n :], n, 1)


@kernel(inline=False)
def recall(
    network: Network, rows: Rows, gather: bool, skip_zeros: bool, work: Work, out: Floats
) -> None:
    """Write the outputs of the last layer for every row, some rows at a time."""
    recall_rows(network, rows, gather, skip_zeros, work, out, False)


@kernel(inline=False)
def recall_sparse(
    network: Network, rows: Rows, gather: bool, skip_zeros: bool, work: Work, out: Floats
) -> None:
    """Do so for sparse rows, which are neither gathered nor have zeros to skip."""
    recall_rows(network, rows, gather, skip_zeros, work, out, True)


@inlined
def recall_rows(
    network: Network,
    rows: Rows,
    gather: bool,
    skip_zeros: bool,
    work: Work,
    out: Floats,
    sparse: bool,
) -> None:
    """Do as `recall`, with rows that are sparse or not."""
    top = network.layers[network.layers.size - 1]
    outputs = work.outputs[top.before * work.capacity :]
    k = out.shape[0]
    for start in range(0, k, work.capacity):
        X, starts = rows.X[start : start + work.capacity], rows.starts[start:]
        some = Rows(X, rows.values, rows.columns, starts, rows.sparse, rows.n)
        samples = work.every[: min(work.capacity, k - start)]
        part = take(some, samples, gather, work, sparse)
        forward_batch(network, part, skip_zeros, work, sparse)
        for i in range(samples.size):
            for j in range(top.n_out):
                out[start + i, j] = outputs[i * top.width + j]


@kernel
def answer(form: int, a: Floats, out: Floats) -> None:
    """Write outputs, or 1 for those above 0.5 or for the first of the largest and else 0."""
    if form == VALUES:
        for j in range(a.size):
            out[0, j] = a[j]
        return
    integers, largest = out.view(np.int64), 0
    for j in range(a.size):
        integers[0, j] = form == CLASSES and a[j] > 0.5
        if a[j] > a[largest]:
            largest = j
    if form == LARGEST:
        integers[0, largest] = 1


@kernel(inline=False)
def recall_row(
    theta: Floats,
    layers: NDArray[np.void],
    every: NDArray[np.int64],
    form: int,
    buffer: Floats,
    listed: NDArray[np.int64],
    X: Floats,
    out: Floats,
) -> bool:
    """Write the answer for X, if that is one row of the right length; return whether all is finite.

    Plain arrays are what a call takes least time for, and making none takes less: a small network
    needs no buffer. Without room for a list of the inputs that are not 0, all are taken.
    """
    if buffer.size == 0:
        buffer = scratch(buffer)
    x, first = X.reshape(X.size), layers[0]
    if X.shape[0] != 1 or x.size != first.n_in:
        return False
    top = layers[layers.size - 1]
    end = top.nodes + first.width + top.width  # behind the last layer, with room for a vector
    a, delta = buffer[:end], buffer[end:]
    network, nodes = Network(theta, layers), Nodes(a, delta, listed, every, X, a, delta)
    if not are_finite(x):
        return False
    for p in range(x.size, end):  # no layer writes what is behind it, up to a whole vector
        a[p] = 0
    if first.by_input and listed.size == 0:
        W, h = theta[first.weights :], delta[first.nodes :]
        sum_inputs(W, first.stride, x, every[: x.size], h, first.n_out)
    else:
        first_sum(network, x, nodes)
    forward_layers(network, nodes)
    outputs = a[top.nodes : top.nodes + top.n_out]
    answer(form, outputs, out)
    return are_finite(outputs)
