"""Batch training: the rows of a batch as matrices, one update for each batch (section 2.5)."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.activation import times_slope
from mlp_fast.kernels.arguments import Curves, Data, Floats, Network, Real, Rule, Work
from mlp_fast.kernels.forward import forward_batch, weights_of
from mlp_fast.kernels.gemm import add_product
from mlp_fast.kernels.jit import kernel
from mlp_fast.kernels.loss import (
    SQUARED_ERROR,
    entropy,
    output_delta,
    slope_left,
    squared_distance,
)
from mlp_fast.kernels.permute import permute


@kernel
def train_batch(
    network: Network, data: Data, rule: Rule, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last; each is one batch, the last batch of an epoch by its own size."""
    k, size = data.X.shape[0], rule.batch_size
    batches = (k + size - 1) // size
    for step in range(first, last):
        epoch, batch = step // batches, step % batches
        order = data.orders[epoch % data.orders.shape[0]]
        if rule.shuffle and batch == 0:
            permute(order, rule.key, epoch)
        start, end = batch * size, min((batch + 1) * size, k)
        A = data.X[start:end]
        if rule.gather:
            for i in range(start, end):
                x = data.X[order[i]]
                for p in range(x.size):
                    work.rows[i - start, p] = x[p]
            A = work.rows_in[: end - start]
        forward_batch(network, rule.blas, A, work)
        error, loss = output_errors(network, rule.loss, data.T, order[start:end], work)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        backward_batch(network, rule.blas, rule.learning_rate, A, work)


@kernel
def output_errors(
    network: Network, loss: int, T: Floats, order: NDArray[np.int64], work: Work
) -> tuple[float, float]:
    """Turn h of the last layer into delta (85); return the sums of (a - t)² and of the loss."""
    layer = network.layers[network.layers.size - 1]
    begin = layer.outputs * work.rows.shape[0] + layer.slack
    error, summed = 0.0, 0.0
    for i in range(order.size):
        t = T[order[i]]
        a, h = work.outputs[begin + i * layer.n_out :], work.delta[begin + i * layer.n_out :]
        error += squared_distance(a, t)
        if loss != SQUARED_ERROR:
            summed += entropy(loss, layer.beta, h, t)
        output_delta(loss, layer.activation, layer.beta, a, t, h)
    a, delta = work.outputs[begin:], work.delta[begin:]
    n = order.size * layer.n_out
    times_slope(slope_left(loss, layer.activation), layer.beta, a, delta, n)
    return error, (0.5 * error if loss == SQUARED_ERROR else summed)


@kernel
def backward_batch(
    network: Network, blas: int, learning_rate: float, A: Floats, work: Work
) -> None:
    """From the last layer down: the errors of the layer below (79), then an update (78)."""
    layers, n = network.layers, A.shape[0]
    capacity = work.rows.shape[0]
    # the gradient is the mean over the batch, as in code 2.6, where (78) has the sum
    eta = network.theta.dtype.type(learning_rate / n)
    for l in range(layers.size - 1, -1, -1):
        layer = layers[l]
        n_in, n_out = layer.n_in, layer.n_out
        W = weights_of(network.theta, layer)
        begin = layer.outputs * capacity + layer.slack
        delta = work.delta[begin : begin + n * n_out].reshape(n, n_out)
        P = A
        if l > 0:
            below = layers[l - 1]
            begin = below.outputs * capacity + below.slack
            P = work.outputs_in[begin : begin + n * n_in].reshape(n, n_in)
            delta_below = work.delta[begin : begin + n * n_in].reshape(n, n_in)
            delta_below[:] = 0
            add_product(blas, 1.0, delta, W[1:].T, delta_below)
            a, d = work.outputs[begin:], work.delta[begin:]
            times_slope(below.activation, below.beta, a, d, n * n_in)
        update_biases(W[0], delta, eta, work.sums)
        if layer.by_input:
            add_product(blas, -eta, P.T, delta, W[1:])
        else:
            add_product(blas, -eta, delta.T, P, W[1:].T)


@kernel
def update_biases(w: Floats, delta: Floats, eta: Real, sums: Floats) -> None:
    """Add eta times the column sums of delta to w_0q, whose input is -1."""
    n, n_out = delta.shape
    for j in range(n_out):
        sums[j] = 0
    for i in range(n):
        for j in range(n_out):
            sums[j] += delta[i, j]
    # once: added to the weights one by one, small errors would vanish beside them
    for j in range(n_out):
        w[j] += eta * sums[j]
