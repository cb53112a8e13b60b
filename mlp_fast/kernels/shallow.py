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

ROW_LANES = (4, 16, 32, 64)  # that a row may have
RUN = 1024  # samples after which all updates are in the weights, counted from an epoch's start


@kernel(inline=False)
def train_shallow(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last, of k in every epoch; they lie between runs."""
    n = network.layers[0].n_out
    if n <= 4:
        take_runs(network, data, rule, nodes, curves, first, last, 4)
    elif n <= 16:
        take_runs(network, data, rule, nodes, curves, first, last, 16)
    elif n <= 32:
        take_runs(network, data, rule, nodes, curves, first, last, 32)
    else:
        take_runs(network, data, rule, nodes, curves, first, last, 64)


@inlined
def take_runs(
    network: Network,
    data: Data,
    rule: Rule,
    nodes: Nodes,
    curves: Curves,
    begin: int,
    end: int,
    count: int,
) -> None:
    """Do so with rows of so many lanes."""
    k, layers, sparse = data.T.shape[0], network.layers, data.rows.sparse
    W, w = network.theta[layers[0].weights :], network.theta[layers[1].weights :]
    n, stride = layers[0].n_out, layers[0].stride
    g_hidden, g_output = layers[0].activation, layers[1].activation
    left = slope_left(rule.loss, g_output)
    one, eta = W.dtype.type(1.0), W.dtype.type(rule.learning_rate)
    beta, beta_out = W.dtype.type(layers[0].beta), W.dtype.type(layers[1].beta)
    eta_out = -eta * beta_out
    bias, v = w[0], load(w, 1, count)
    in_order = not rule.shuffle and data.orders.shape[0] == 1
    h = v
    step = begin
    while step < end:
        epoch, s = step // k, step % k
        order = data.orders[epoch % data.orders.shape[0]]
        if rule.shuffle and s == 0:
            permute(order, rule.key, epoch)
        samples = order[s : min(s + RUN, k)]
        X, places = unlocked(data.rows.X), samples
        if sparse:
            X, places = nodes.run, nodes.every
            scatter(data.rows, samples, X.reshape(X.size), X.shape[1])
        x = X[places[0]]
        if step == begin or sparse or (s == 0 and not in_order):
            h = -load(W, 0, count)
            for p in range(x.size):
                h = fma(x[p], load(W, (p + 1) * stride, count), h)
        x_before, change = x, splat(W.dtype.type(0.0), v)
        error, loss = 0.0, 0.0
        for s in range(samples.size):
            t = unlocked(data.T[samples[s]])
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
            step_out = eta_out * delta_out
            change = step_out * v_slope  # -eta delta (36), with v as in the forward phase
            v = fma(step_out, first_lanes(a, n), v)
            bias -= step_out
            x_before, x = x, x_next

            error += np.float64(e) * np.float64(e)
            if rule.loss != SQUARED_ERROR:
                nodes.delta[0] = h_out
                loss += entropy(rule.loss, layers[1].beta, nodes.delta, t)
        # the last sample's update, and h of the first of the next run where its order is known
        step += samples.size
        x_next = X[0 if sparse else order[step % k]]
        row = load(W, 0, count) - change
        store(W, 0, row)
        h = -row
        for p in range(x.size):
            row = fma(x_before[p], change, load(W, (p + 1) * stride, count))
            store(W, (p + 1) * stride, row)
            h = fma(x_next[p], row, h)
        if sparse:
            clear(data.rows, samples, X.reshape(X.size), X.shape[1])
        curves.error[epoch] += error
        curves.loss[epoch] += 0.5 * error if rule.loss == SQUARED_ERROR else loss  # (48)
    store(w, 1, v)
    w[0] = bias
