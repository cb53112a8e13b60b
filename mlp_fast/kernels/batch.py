"""Batch training: the rows of a batch as matrices, one update for each batch (section 2.5)."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.activation import times_slope
from mlp_fast.kernels.arguments import Curves, Data, Floats, Network, Rule, Work
from mlp_fast.kernels.forward import forward_batch, matrix
from mlp_fast.kernels.jit import kernel
from mlp_fast.kernels.loss import SQUARED_ERROR, entropy, output_delta, squared_distance
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
                work.rows[i - start] = data.X[order[i]]
            A = work.rows_in[: end - start]
        forward_batch(network, A, work)
        error, loss = output_errors(network, rule.loss, data.T, order[start:end], work)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        backward_batch(network, rule.learning_rate, A, work)


@kernel
def output_errors(
    network: Network, loss: int, T: Floats, order: NDArray[np.int64], work: Work
) -> tuple[float, float]:
    """Turn h of the last layer into delta (85); return the sums of (a - t)² and of the loss."""
    layer = network.layers[network.layers.size - 1]
    offset = layer.outputs * work.rows.shape[0]
    H = matrix(work.delta, offset, order.size, layer.n_out)
    A = matrix(work.outputs, offset, order.size, layer.n_out)
    error, summed = 0.0, 0.0
    for i in range(order.size):
        t = T[order[i]]
        error += squared_distance(A[i], t)
        if loss != SQUARED_ERROR:
            summed += entropy(loss, layer.beta, H[i], t)
        output_delta(loss, layer.activation, layer.beta, A[i], t, H[i])
    return error, (0.5 * error if loss == SQUARED_ERROR else summed)


@kernel
def backward_batch(network: Network, learning_rate: float, A: Floats, work: Work) -> None:
    """From the last layer down: the errors of the layer below (79), then an update (78)."""
    layers, n = network.layers, A.shape[0]
    capacity = work.rows.shape[0]
    # the gradient is the mean over the batch, as in code 2.6, where (78) has the sum
    eta = network.theta.dtype.type(learning_rate / n)
    for l in range(layers.size - 1, -1, -1):
        layer = layers[l]
        n_in, n_out = layer.n_in, layer.n_out
        W = matrix(network.theta, layer.weights, n_in + 1, n_out)
        delta = matrix(work.delta, layer.outputs * capacity, n, n_out)
        P = A
        if l > 0:
            below = layers[l - 1]
            offset = below.outputs * capacity
            P = work.outputs_in[offset : offset + n * n_in].reshape(n, n_in)
            outputs = matrix(work.outputs, offset, n, n_in)
            delta_below = matrix(work.delta, offset, n, n_in)
            np.dot(delta, W[1:].T, delta_below)
            for i in range(n):
                times_slope(below.activation, below.beta, outputs[i], delta_below[i])
        gradient = work.gradient[: n_in * n_out].reshape(n_in, n_out)
        np.dot(P.T, delta, gradient)
        for i in range(n):
            for j in range(n_out):
                W[0, j] += eta * delta[i, j]  # the bias node's output is -1
        for p in range(n_in):
            for j in range(n_out):
                W[p + 1, j] -= eta * gradient[p, j]
