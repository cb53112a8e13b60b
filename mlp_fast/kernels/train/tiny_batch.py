"""Batch training of tiny networks: each sample of the batch has a lane of its own (section 2.5).

Where matrices are of a few rows and columns, every neuron is one vector over the samples: nothing
is called, and only the sums over the batch in (77) cross lanes.
"""

from typing import Any

import numpy as np

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.network.activation import g, times_g_slope
from mlp_fast.kernels.network.arguments import Curves, Data, Lanes, Network, Real, Rule
from mlp_fast.kernels.network.loss import SQUARED_ERROR, entropy, slope_left
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.vector import first, fma, load, splat, store, vsum

LANES = 8  # more than the samples of most such batches, and sums over them end soon


@kernel(inline=False)
def train_in_lanes(
    network: Network, data: Data, rule: Rule, lanes: Lanes, curves: Curves, begin: int, end: int
) -> None:
    """Take steps begin to end; each is one batch, the last batch of an epoch by its own size."""
    k, size = data.T.shape[0], rule.batch_size
    batches = (k + size - 1) // size
    for step in range(begin, end):
        epoch, batch = step // batches, step % batches
        order = order_of(epoch, batch == 0, data, rule)
        samples = order[batch * size : min((batch + 1) * size, k)]
        if step == begin or batches > 1 or data.orders.shape[0] > 1:
            for i in range(samples.size):
                for p in range(data.rows.X.shape[1]):
                    lanes.a[p * LANES + i] = data.rows.X[samples[i], p]
                for j in range(data.T.shape[1]):
                    lanes.t[j * LANES + i] = data.T[samples[i], j]
            if step == begin or samples.size < size:
                clear_lanes(samples.size, data.rows.X.shape[1], lanes)
        forward_lanes(network, lanes)
        error, loss = output_errors(network, rule.loss, lanes, samples.size)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        # the gradient is the mean over the batch, as in code 2.6, where (78) has the sum
        eta = network.theta.dtype.type(rule.learning_rate / samples.size)
        backward_lanes(network, eta, lanes)


@kernel
def clear_lanes(k: int, n_in: int, lanes: Lanes) -> None:
    """Give lanes without a sample inputs of 0, whatever was there: their outputs stay finite."""
    for p in range(n_in):
        for i in range(k, LANES):
            lanes.a[p * LANES + i] = 0


@kernel
def forward_lanes(network: Network, lanes: Lanes) -> None:
    """Compute h and a of every neuron (2, 3)."""
    W = network.theta
    below = 0
    for l in range(network.layers.size):
        layer = network.layers[l]
        begin = below + layer.n_in * LANES
        beta = W.dtype.type(layer.beta)
        to_input, to_output = steps(layer)
        for j in range(layer.n_out):
            i = layer.weights + j * to_output
            h = splat(-W[i], LANES)
            for p in range(below, begin, LANES):
                i += to_input
                h = fma(W[i], load(lanes.a, p, LANES), h)
            store(lanes.delta, begin + j * LANES, h)
            store(lanes.a, begin + j * LANES, g(layer.activation, beta, h))
        below = begin


@inlined
def steps(layer: Any) -> tuple[int, int]:
    """Return how far apart the weights of two inputs are, and those of two outputs."""
    to_input, to_output = layer.stride, 1
    if not layer.by_input:
        to_input, to_output = 1, layer.stride
    return to_input, to_output


@kernel
def output_errors(network: Network, loss: int, lanes: Lanes, k: int) -> tuple[float, float]:
    """Turn h of the last layer into delta (13); return the sums of (a - t)² and of the loss."""
    top = network.layers[network.layers.size - 1]
    begin = lanes.top
    error, summed = 0.0, 0.0
    if loss != SQUARED_ERROR:  # of one output
        for s in range(k):
            summed += entropy(loss, top.beta, lanes.delta[begin + s :], lanes.t[s : s + 1])
    one, beta = lanes.a.dtype.type(1.0), lanes.a.dtype.type(top.beta)
    left = slope_left(loss, top.activation)
    for i in range(0, top.n_out * LANES, LANES):
        a = load(lanes.a, begin + i, LANES)
        e = first(a - load(lanes.t, i, LANES), k)  # (47)
        store(lanes.t, top.n_out * LANES + i, e)
        store(lanes.delta, begin + i, times_g_slope(left, one, a, beta * e))
        for s in range(top.n_out * LANES + i, top.n_out * LANES + i + k):
            error += np.float64(lanes.t[s]) * np.float64(lanes.t[s])
    return error, (0.5 * error if loss == SQUARED_ERROR else summed)  # (48)


@kernel
def backward_lanes(network: Network, eta: Real, lanes: Lanes) -> None:
    """From the last layer down: the errors of the layer below (36), then the update (78)."""
    W = network.theta
    begin = lanes.top
    for l in range(network.layers.size - 1, -1, -1):
        layer = network.layers[l]
        below, end = begin - layer.n_in * LANES, begin + layer.n_out * LANES
        to_input, to_output = steps(layer)
        if l > 0:
            g_below = network.layers[l - 1].activation
            beta = W.dtype.type(network.layers[l - 1].beta)
            for p in range(below, begin, LANES):
                i = layer.weights + (1 + (p - below) // LANES) * to_input
                total = splat(W.dtype.type(0.0), LANES)
                for j in range(begin, end, LANES):
                    total = fma(W[i], load(lanes.delta, j, LANES), total)
                    i += to_output
                a = load(lanes.a, p, LANES)
                store(lanes.delta, p, times_g_slope(g_below, beta, a, total))
        for j in range(begin, end, LANES):
            i = layer.weights + (j - begin) // LANES * to_output
            delta = load(lanes.delta, j, LANES)
            W[i] += eta * vsum(delta)  # the bias node's output is -1
            for p in range(below, begin, LANES):
                i += to_input
                W[i] -= eta * vsum(load(lanes.a, p, LANES) * delta)
        begin = below
