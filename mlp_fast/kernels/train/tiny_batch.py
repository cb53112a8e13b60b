"""Batch training of tiny networks: each sample of the batch has a lane of its own (section 2.5).

Computes `Reference.step` of reference.py for each batch. Where matrices have only a few rows and
columns, each neuron is one vector over the samples: there are no calls of matmuls, and only the
sums over the batch in (77) cross lanes.

For plain gradient descent, up to 8 samples and, growing with their number, up to 60 weights.
Compared with the general kernel: 2-2-3-1 is 1.8 times as fast in batches of 4 (float64) and 2.0
(float32), in batches of 8 2.6; 4-4-3-1 1.5 and 1.6, then 2.0.
"""

from typing import Any, NamedTuple

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.network.activation import g, times_derivative
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.loss import output_code, output_delta, sum_losses
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import first, fma, splat, vsum

LANES = 8  # enough for most tiny batches, and few steps to sum across
TINY, TINY_BY_SAMPLE = 20, 5  # weights: with more, matmuls are worth their calls


def is_tiny(n_weights: int, batch_size: int) -> bool:
    """Return whether a lane for each sample is faster for so many weights, and lanes suffice."""
    return batch_size <= LANES and n_weights <= TINY + TINY_BY_SAMPLE * batch_size


class Lanes(NamedTuple):
    """Buffers of a batch whose samples lie in lanes: one vector per neuron."""

    a: Floats  # outputs of all layers, the inputs first
    delta: Floats  # h, overwritten by delta
    t: Floats  # targets
    e: Floats  # a - t of the outputs
    top: int  # where the last layer begins in a and delta


def lane_buffers(shape: Shape, data: Data, rule: Rule) -> Lanes:
    """Return buffers for a batch."""
    dtype, n_out = shape.dtype, shape.sizes[-1] * LANES
    top = sum(shape.sizes[:-1]) * LANES
    a, delta = aligned(top + n_out, dtype), aligned(top + n_out, dtype)
    return Lanes(a, delta, aligned(n_out, dtype), aligned(n_out, dtype), top)


@kernel
def train_in_lanes(
    network: Network, data: Data, rule: Rule, lanes: Lanes, curves: Curves, begin: int, end: int
) -> None:
    """Train for steps begin to end (exclusive), one batch each; an epoch's last may be smaller."""
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
        error, loss = loss_and_delta_in_lanes(network, rule.loss, lanes, samples.size)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        # the gradient is the mean over the batch, as in code 2.6, where (78) has the sum
        eta = network.theta.dtype.type(rule.learning_rate / samples.size)
        backward_lanes(network, eta, lanes)


@inner_kernel
def clear_lanes(k: int, n_in: int, lanes: Lanes) -> None:
    """Set the inputs of lanes without a sample to 0, so that their outputs stay finite."""
    for p in range(n_in):
        for i in range(k, LANES):
            lanes.a[p * LANES + i] = 0


@inner_kernel
def forward_lanes(network: Network, lanes: Lanes) -> None:
    """Compute h and a of every neuron (2, 3)."""
    W = network.theta
    below = 0
    for l in range(network.layers.size):
        layer = network.layers[l]
        begin = below + layer.n_in * LANES
        beta = W.dtype.type(layer.beta)
        to_input, to_output = weight_strides(layer)
        for j in range(layer.n_out):
            i = layer.weights + j * to_output
            h = splat(-W[i], LANES)
            for p in range(below, begin, LANES):
                i += to_input
                h = fma(W[i], load(lanes.a, p, LANES), h)
            store(lanes.delta, begin + j * LANES, h)
            store(lanes.a, begin + j * LANES, g(layer.activation, h, beta))
        below = begin


@inlined
def weight_strides(layer: Any) -> tuple[int, int]:
    """Return the distances between the weights of adjacent inputs, and of adjacent outputs."""
    to_input, to_output = layer.stride, 1
    if not layer.input_major:
        to_input, to_output = 1, layer.stride
    return to_input, to_output


@inner_kernel
def loss_and_delta_in_lanes(
    network: Network, loss: int, lanes: Lanes, k: int
) -> tuple[float, float]:
    """Turn h of the last layer into delta (13); return the sums of (a - t)² and of the loss."""
    top = network.layers[network.layers.size - 1]
    error, summed, beta = 0.0, 0.0, lanes.a.dtype.type(top.beta)
    code = output_code(loss, top.activation)
    for i in range(0, top.n_out * LANES, LANES):
        a = load(lanes.a, lanes.top + i, LANES)
        e = a - load(lanes.t, i, LANES)  # (47)
        store(lanes.e, i, e)
        h = lanes.delta[lanes.top + i :]
        of_output = sum_losses(loss, top.beta, lanes.e[i:], h, lanes.t[i:], k)
        error += of_output[0]
        summed += of_output[1]
        store(h, 0, first(output_delta(code, a, beta, e), k))
    return error, summed


@inner_kernel
def backward_lanes(network: Network, eta: Real, lanes: Lanes) -> None:
    """Back-propagate: from the last layer down, the delta below (36), then the update (78)."""
    W = network.theta
    begin = lanes.top
    for l in range(network.layers.size - 1, -1, -1):
        layer = network.layers[l]
        below, end = begin - layer.n_in * LANES, begin + layer.n_out * LANES
        to_input, to_output = weight_strides(layer)
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
                store(lanes.delta, p, times_derivative(g_below, a, beta, total))
        for j in range(begin, end, LANES):
            i = layer.weights + (j - begin) // LANES * to_output
            delta = load(lanes.delta, j, LANES)
            W[i] += eta * vsum(delta)  # the bias node's output is -1
            for p in range(below, begin, LANES):
                i += to_input
                W[i] -= eta * vsum(load(lanes.a, p, LANES) * delta)
        begin = below
