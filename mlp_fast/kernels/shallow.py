"""Online training (algorithm 2.4.1) of one hidden layer below one output, in registers.

So small a network is bound by how long one sample waits for the one before it. While sample t is
worked on, the first layer's weights take the update of sample t - 1 and meet the inputs of sample
t + 1: s = x_{t+1} W. Only the update by t itself is lacking then, and follows as soon as its delta
is known: h_{t+1} = s - eta (x_t . x_{t+1}) delta_t, the bias node's -1 included in x.
"""

import numpy as np

from mlp_fast.kernels.activation import g, times_g_slope
from mlp_fast.kernels.arguments import Curves, Data, Floats, Network, Nodes, Real, Rule
from mlp_fast.kernels.jit import inlined, kernel
from mlp_fast.kernels.loss import SQUARED_ERROR, entropy, slope_left
from mlp_fast.kernels.permute import permute
from mlp_fast.kernels.simd import first as first_lanes
from mlp_fast.kernels.simd import fma, load, splat, store, vsum
from mlp_fast.kernels.views import unlocked

LANES = (4, 16, 32, 64)  # that a row may have
RUN = 1024  # samples after which all updates are in the weights, counted from an epoch's start


@kernel(inline=False)
def train_shallow(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last, of k in every epoch; they lie between runs."""
    k, n = data.X.shape[0], network.layers[0].n_out
    step = first
    while step < last:
        epoch, begin = step // k, step % k
        order = data.orders[epoch % data.orders.shape[0]]
        if rule.shuffle and begin == 0:
            permute(order, rule.key, epoch)
        end = min(begin + RUN, k)
        samples = order[begin:end]
        if n <= 4:
            error, loss = train_run(network, data, rule, nodes, samples, 4)
        elif n <= 16:
            error, loss = train_run(network, data, rule, nodes, samples, 16)
        elif n <= 32:
            error, loss = train_run(network, data, rule, nodes, samples, 32)
        else:
            error, loss = train_run(network, data, rule, nodes, samples, 64)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        step += end - begin


@inlined
def train_run(network, data, rule, nodes, samples, count):
    """Take some samples; return the sums of (a - t)² and of the loss. Rows have so many lanes."""
    hidden, output = network.layers[0], network.layers[1]
    W, w = network.theta[hidden.weights :], network.theta[output.weights :]
    eta = W.dtype.type(rule.learning_rate)
    beta, beta_out = W.dtype.type(hidden.beta), W.dtype.type(output.beta)
    beta_loss = W.dtype.type(1.0 if rule.loss == SQUARED_ERROR else output.beta)
    left = slope_left(rule.loss, output.activation)
    bias, v = w[0], load(w, 1, count)
    error, loss = 0.0, 0.0

    x = unlocked(data.X[samples[0]])
    h = -load(W, 0, count)
    for p in range(x.size):
        h = fma(x[p], load(W, (p + 1) * hidden.stride, count), h)
    x_before, delta = x, splat(W.dtype.type(0.0), v)
    for s in range(samples.size):
        t = unlocked(data.T[samples[s]])
        a = g(hidden.activation, beta, h)
        v_slope = times_g_slope(hidden.activation, beta, a, v)
        h_out = vsum(a * v) - bias
        y = g(output.activation, beta_out, h_out)
        e = y - t[0]  # (47)
        delta_out = times_g_slope(left, beta_out, y, beta_loss * e)

        x_next = unlocked(data.X[samples[min(s + 1, samples.size - 1)]])
        row = fma(eta, delta, load(W, 0, count))  # (4), of the sample before
        store(W, 0, row)
        h, product = -row, eta
        for p in range(x.size):
            i = (p + 1) * hidden.stride
            row = fma(-eta * x_before[p], delta, load(W, i, count))
            store(W, i, row)
            h = fma(x_next[p], row, h)
            product = fma(eta * x[p], x_next[p], product)
        delta = delta_out * v_slope  # (36), with the weights as they were in the forward phase
        h = fma(-product, delta, h)
        v = fma(-eta * delta_out, first_lanes(a, hidden.n_out), v)
        bias += eta * delta_out
        x_before, x = x, x_next

        error += np.float64(e) * np.float64(e)
        if rule.loss != SQUARED_ERROR:
            nodes.delta[0] = h_out
            loss += entropy(rule.loss, output.beta, nodes.delta, t)
    store(W, 0, fma(eta, delta, load(W, 0, count)))
    for p in range(x.size):
        i = (p + 1) * hidden.stride
        store(W, i, fma(-eta * x_before[p], delta, load(W, i, count)))
    store(w, 1, v)
    w[0] = bias
    return error, 0.5 * error if rule.loss == SQUARED_ERROR else loss
