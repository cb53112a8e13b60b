"""Batch training: matmuls over the rows of a batch, one update per batch (section 2.5).

Computes `Reference.step` of reference.py for each batch, for all networks and rules. Matmuls keep
tiles of sums in registers, and zero inputs are skipped where they are many. A large batch is taken
in parts that fit in a cache, whose gradients are summed before the update. Compared with the same
matmuls in NumPy's BLAS: 784-100-10 is 2.4 times as fast in batches of 32 (float32), and 1.6 times
in batches of 256; 784-1024-1024-10 is 1.8 times as fast in batches of 128.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.csr import axpy_rows, transpose
from mlp_fast.kernels.linalg.matmul import add_product, dot_product
from mlp_fast.kernels.linalg.matrix import Listed, Matrix, Rows
from mlp_fast.kernels.linalg.nonzero import list_rows
from mlp_fast.kernels.network.activation import times_slope
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.forward_batch import (
    ROWS,
    Part,
    Work,
    derivative_operand_of_rows,
    forward_batch,
    part_of,
    work_buffers,
)
from mlp_fast.kernels.network.loss import loss_and_delta
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import fma, lanes


def batch_buffers(shape: Shape, data: Data, rule: Rule) -> Work:
    """Return buffers for a batch or, if it is large, for one part of it at a time."""
    n_rows = min(rule.batch_size, ROWS)
    return work_buffers(
        shape,
        data.rows,
        n_rows,
        in_order=data.in_order,
        train=True,
        skips=True,
        gradient=rule.batch_size > ROWS,
    )


@kernel
def train_batch(
    network: Network, data: Data, rule: Rule, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive), one batch each; an epoch's last may be smaller."""
    take_batches(network, data, rule, work, curves, first, last, False, True)


@kernel
def train_sparse_batch(
    network: Network, data: Data, rule: Rule, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive), one batch of CSR rows each."""
    take_batches(network, data, rule, work, curves, first, last, True, True)


@inlined
def take_batches(
    network: Network,
    data: Data,
    rule: Rule,
    work: Work,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
    updates: bool,
) -> None:
    """Train for steps first to last (exclusive), one batch of dense or CSR rows each.

    If not `updates`, only add the sum of all their gradients to work.gradient.
    """
    k, size = data.T.shape[0], rule.batch_size
    batches = (k + size - 1) // size
    one = network.theta.dtype.type(1.0)
    for step in range(first, last):
        epoch, batch = step // batches, step % batches
        order = order_of(epoch, batch == 0, data, rule)
        start, end = batch * size, min((batch + 1) * size, k)
        # the gradient is the mean over the batch, as in code 2.6, where (78) has the sum
        eta = network.theta.dtype.type(rule.learning_rate / (end - start))
        whole = updates and end - start <= work.capacity
        for begin in range(start, end, work.capacity):
            stop = min(begin + work.capacity, end)
            samples = order[begin:stop]
            part = part_of(data.rows, samples, work, sparse)
            forward_batch(network, part, work, sparse)
            error, loss = loss_and_delta_of_rows(network, rule.loss, data.T, samples, work)
            curves.error[epoch] += error
            curves.loss[epoch] += loss
            factor, target = -eta, network.theta
            if not whole:
                factor, target = one, work.gradient
            backward_batch(network, factor, part, work, target, sparse)
        if updates and not whole:
            descend(network.theta, eta, work.gradient)


@inner_kernel
def loss_and_delta_of_rows(
    network: Network, loss: int, T: Floats, samples: NDArray[np.int64], work: Work
) -> tuple[float, float]:
    """Turn h of the last layer into delta (13); return the sums of (a - t)² and of the loss."""
    error, summed = 0.0, 0.0
    for i in range(samples.size):
        of_row = loss_and_delta_of_row(network, loss, T, samples[i], i, work)
        error += of_row[0]
        summed += of_row[1]
    return error, summed


@inlined
def loss_and_delta_of_row(
    network: Network, loss: int, T: Floats, sample: int, i: int, work: Work
) -> tuple[float, float]:
    """Turn h of the last layer in row i into delta (13); return Σ (a - t)² and the loss."""
    layer = network.layers[network.layers.size - 1]
    begin, row = layer.before * work.capacity, i * layer.width
    a, h, t = work.outputs[begin + row :], work.delta[begin + row :], as_writable(T[sample])
    operand = derivative_operand_of_rows(layer, work)[row:]
    return loss_and_delta(loss, layer.activation, layer.beta, h, a, operand, t, h)


@inlined
def backward_batch(
    network: Network,
    factor: Real,
    part: Part,
    work: Work,
    theta: Floats,
    sparse: bool,
) -> None:
    """Back-propagate: from the last layer down, the delta below (79), then the gradient (77).

    `factor` times the gradient is added to `theta`, which may be the weights themselves.
    """
    k = part.samples.size
    for l in range(network.layers.size - 1, -1, -1):
        layer = network.layers[l]
        delta = Matrix(work.delta[layer.before * work.capacity :], layer.width, 1)
        A = part.A
        if l > 0:
            below = network.layers[l - 1]
            A = Matrix(work.outputs[below.before * work.capacity :], below.width, 1)
            back_propagate(network, l, k, work)
        add_bias_gradient(network, l, factor, delta, k, work, theta)
        if sparse and l == 0:
            add_sparse_gradient(network, factor, part.rows, part.samples, work, theta)
        else:
            skip_zeros = work.skips_zeros and l == 0
            add_gradient(network, l, factor, A, delta, k, skip_zeros, work, theta)


@inlined
def back_propagate(network: Network, l: int, k: int, work: Work) -> None:
    """Compute the delta of the layer below (79)."""
    layer, below = network.layers[l], network.layers[l - 1]
    delta = Matrix(work.delta[layer.before * work.capacity :], layer.width, 1)
    delta_below = Matrix(work.delta[below.before * work.capacity :], below.width, 1)
    errors_below(network, l, delta, delta_below, k, work)
    operand = derivative_operand_of_rows(below, work)
    for i in range(0, k * below.width, below.width):
        d = delta_below.values[i:]
        times_slope(below.activation, below.beta, operand[i:], d, below.n_out)


@inner_kernel
def add_bias_gradient(
    network: Network, l: int, factor: Real, delta: Matrix, k: int, work: Work, theta: Floats
) -> None:
    """Add `factor` times the bias's row of A_bias' delta (77) to `theta`."""
    layer = network.layers[l]
    W, n = theta[layer.weights :], layer.n_out
    sum_rows(delta, k, n, work.sums)
    if layer.input_major:
        for j in range(0, n, lanes(W)):
            store(W, j, fma(-factor, load(work.sums, j), load(W, j)))
    else:
        for j in range(n):
            W[j * layer.stride] -= factor * work.sums[j]


@inner_kernel
def errors_below(
    network: Network, l: int, delta: Matrix, delta_below: Matrix, k: int, work: Work
) -> None:
    """Compute delta W' without the bias's row (79), not yet times g'(h) of the layer below."""
    layer = network.layers[l]
    W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
    if layer.input_major:
        rows = Matrix(W[layer.stride :], layer.stride, 1)
        dot_product(delta, rows, delta_below, k, n, n_in)
        return
    delta_below.values[: k * delta_below.row] = 0
    one, rows = W.dtype.type(1.0), Matrix(W[1:], layer.stride, 1)
    listed = Listed(work.every[:k], network.every[:n], False)
    add_product(one, delta, rows, delta_below, listed, n_in)


@inner_kernel
def add_gradient(
    network: Network,
    l: int,
    factor: Real,
    A: Matrix,
    delta: Matrix,
    k: int,
    skip_zeros: bool,
    work: Work,
    theta: Floats,
) -> None:
    """Add `factor` times A' delta (77) of a layer, without the bias's row, to `theta`."""
    layer = network.layers[l]
    W, n_in, n = theta[layer.weights :], layer.n_in, layer.n_out
    samples = work.every[:k]
    if not layer.input_major:
        rows, errors = Matrix(W[1:], layer.stride, 1), Matrix(delta.values, 1, delta.row)
        add_product(factor, errors, A, rows, Listed(network.every[:n], samples, False), n_in)
        return
    rows, columns = Matrix(W[layer.stride :], layer.stride, 1), Matrix(A.values, 1, A.row)
    whole = 0
    if skip_zeros:
        whole = n_in - n_in % 8
        for p in range(0, whole, 8):
            listed = work.listed[: list_rows(A, k, p, work.listed)]
            add_product(
                factor, columns, delta, rows, Listed(network.every[p : p + 8], listed, False), n
            )
    add_product(factor, columns, delta, rows, Listed(network.every[whole:n_in], samples, False), n)


@inner_kernel
def sum_rows(delta: Matrix, k: int, n: int, sums: Floats) -> None:
    """Sum each neuron's delta over the rows: the gradient of its bias, but for the input -1.

    The sum is taken first because small deltas, added to a bias one by one, would be lost to
    rounding.
    """
    for j in range(0, n, lanes(sums)):
        total = load(delta.values, j)
        for i in range(1, k):
            total += load(delta.values, i * delta.row + j)
        store(sums, j, total)


@inner_kernel
def descend(theta: Floats, eta: Real, gradient: Floats) -> None:
    """Subtract eta times the gradient (78), and set it to zero for the next batch."""
    for i in range(theta.size):
        theta[i] -= eta * gradient[i]
        gradient[i] = 0


@inner_kernel
def add_sparse_gradient(
    network: Network,
    factor: Real,
    rows: Rows,
    samples: NDArray[np.int64],
    work: Work,
    theta: Floats,
) -> None:
    """Add `factor` times A' delta (77) of the first layer, without the bias's row, for CSR rows."""
    layer = network.layers[0]
    W, n, stride = theta[layer.weights :], layer.n_out, layer.stride
    delta, columns = Matrix(work.delta, layer.width, 1), work.transposed
    begin = 0
    for c in range(transpose(rows, samples, columns, work.listed)):
        p = work.listed[c]
        end = columns.ends[p]
        columns.ends[p] = 0
        index, values = columns.rows[begin:end], columns.values[begin:end]
        if layer.input_major:
            axpy_rows(factor, values, index, delta, W[(p + 1) * stride :], n)
        else:
            for j in range(n):
                total = W.dtype.type(0.0)
                for q in range(index.size):
                    total = fma(values[q], delta.values[index[q] * layer.width + j], total)
                i = j * stride + p + 1
                W[i] = fma(factor, total, W[i])
        begin = end
