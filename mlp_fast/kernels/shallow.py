"""Online training (algorithm 2.4.1) of one hidden layer below one output, in registers.

So small a network is bound by how long one sample waits for the one before it. While sample t is
worked on, the first layer's weights take the update of sample t - 1 and meet the inputs of sample
t + 1: s = x_{t+1} W. Only the update by t itself is lacking then, and follows as soon as its delta
is known: h_{t+1} = s - eta (x_t . x_{t+1}) delta_t, the bias node's -1 included in x.
"""

import numpy as np

from mlp_fast.kernels.activation import g, times_g_slope
from mlp_fast.kernels.arguments import Curves, Data, Network, Nodes, Rule
from mlp_fast.kernels.jit import inlined, kernel
from mlp_fast.kernels.loss import SQUARED_ERROR, entropy, slope_left
from mlp_fast.kernels.permute import permute
from mlp_fast.kernels.simd import first as first_lanes
from mlp_fast.kernels.simd import fma, load, splat, store, vsum
from mlp_fast.kernels.sparse import clear, scatter
from mlp_fast.kernels.views import unlocked

LANES = (4, 16, 32, 64)  # that a row may have
RUN = 1024  # samples after which all updates are in the weights, counted from an epoch's start


@kernel(inline=False)
def train_shallow(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last, of k in every epoch; they lie between runs."""
    k, n = data.T.shape[0], network.layers[0].n_out
    step = first
    while step < last:
        epoch, begin = step // k, step % k
        order = data.orders[epoch % data.orders.shape[0]]
        if rule.shuffle and begin == 0:
            permute(order, rule.key, epoch)
        end = min(begin + RUN, k)
        samples = order[begin:end]
        X, places = unlocked(data.rows.X), samples
        if data.rows.sparse:
            X, places = nodes.run, nodes.every
            scatter(data.rows, samples, X.reshape(X.size), X.shape[1])
        if n <= 4:
            error, loss = train_run(network, data.T, X, places, rule, nodes, samples, 4)
        elif n <= 16:
            error, loss = train_run(network, data.T, X, places, rule, nodes, samples, 16)
        elif n <= 32:
            error, loss = train_run(network, data.T, X, places, rule, nodes, samples, 32)
        else:
            error, loss = train_run(network, data.T, X, places, rule, nodes, samples, 64)
        if data.rows.sparse:
            clear(data.rows, samples, X.reshape(X.size), X.shape[1])
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        step += end - begin


@inlined
def train_run(network, T, X, places, rule, nodes, samples, count):
    """Take some samples; return the sums of (a - t)² and of the loss. Rows have so many lanes."""
    hidden, output = network.layers[0], network.layers[1]
    W, w = network.theta[hidden.weights :], network.theta[output.weights :]
    n, stride, g_hidden, g_output = (
        hidden.n_out,
        hidden.stride,
        hidden.activation,
        output.activation,
    )
    left = slope_left(rule.loss, g_output)
    one, eta = W.dtype.type(1.0), W.dtype.type(rule.learning_rate)
    beta, beta_out = W.dtype.type(hidden.beta), W.dtype.type(output.beta)
    eta_out = -eta * beta_out
    bias, v = w[0], load(w, 1, count)
    error, loss = 0.0, 0.0

    x = X[places[0]]
    h = -load(W, 0, count)
    i = 0
    for p in range(x.size):
        i += stride
        h = fma(x[p], load(W, i, count), h)
    x_before, change = x, splat(W.dtype.type(0.0), v)
    for s in range(samples.size):
        t = unlocked(T[samples[s]])
        a = g(g_hidden, beta, h)
        v_slope = times_g_slope(g_hidden, beta, a, v)
        h_out = vsum(a * v) - bias
        y = g(g_output, beta_out, h_out)
        e = y - t[0]  # (47)
        delta_out = times_g_slope(left, one, y, e)  # but for beta, which eta_out has

        x_next = X[places[min(s + 1, samples.size - 1)]]
        row = load(W, 0, count) - change  # (4), of the sample before
        store(W, 0, row)
        h, product = -row, one
        i = 0
        for p in range(x.size):
            i += stride
            row = fma(x_before[p], change, load(W, i, count))
            store(W, i, row)
            h = fma(x_next[p], row, h)
            product = fma(x[p], x_next[p], product)
        h = fma(delta_out, (eta_out * product) * v_slope, h)
        step = eta_out * delta_out
        change = step * v_slope  # -eta delta (36), with the weights of the forward phase
        v = fma(step, first_lanes(a, n), v)
        bias -= step
        x_before, x = x, x_next

        error += np.float64(e) * np.float64(e)
        if rule.loss != SQUARED_ERROR:
            nodes.delta[0] = h_out
            loss += entropy(rule.loss, output.beta, nodes.delta, t)
    store(W, 0, load(W, 0, count) - change)
    i = 0
    for p in range(x.size):
        i += stride
        store(W, i, fma(x_before[p], change, load(W, i, count)))
    store(w, 1, v)
    w[0] = bias
    return error, 0.5 * error if rule.loss == SQUARED_ERROR else loss
