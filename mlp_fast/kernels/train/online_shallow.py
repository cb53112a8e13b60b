"""Online training (algorithm 2.4.1) of one hidden layer below one output, in registers.

So small a network is bound by how long one sample waits for the one before it. While sample t is
worked on, the first layer's weights take the update of sample t - 1 and meet the inputs of sample
t + 1: s = x_{t+1} W. Only the update by t itself is lacking then, and follows as soon as its delta
is known: h_{t+1} = s - eta (x_t . x_{t+1}) delta_t, the bias node's -1 included in x.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.csr import clear, scatter
from mlp_fast.kernels.linalg.finite import largest
from mlp_fast.kernels.network.activation import activate, g, times_g_slope
from mlp_fast.kernels.network.arguments import (
    Curves,
    Data,
    Floats,
    Network,
    Nodes,
    Real,
    Rule,
    Vector,
)
from mlp_fast.kernels.network.loss import SQUARED_ERROR, entropy, slope_left
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import unlocked
from mlp_fast.kernels.simd.vector import absolute, fma, lanes, load, splat, store, vmax, vsum
from mlp_fast.kernels.simd.vector import first as first_lanes

RUN = 1024  # samples after which all updates are in the weights, counted from an epoch's start
FEW = 4  # lanes, with which a sample is but a wait, and one more instruction costs nothing


def _with_rows_of(count: int) -> Any:
    def train(
        network: Network,
        data: Data,
        rule: Rule,
        nodes: Nodes,
        curves: Curves,
        first: int,
        last: int,
    ) -> None:
        take_runs(network, data, rule, nodes, curves, first, last, count)

    train.__name__ = train.__qualname__ = f"train_shallow_{count}"
    return kernel(inline=False)(train)


TRAIN_SHALLOW = {count: _with_rows_of(count) for count in (2, 4, 16, 32, 64)}
"""By the lanes of a row of weights: take steps first to last, of k in every epoch."""


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
    """Take steps begin to end, which lie between runs, with rows of so many lanes."""
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
        order = order_of(epoch, s == 0, data, rule)
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
        error = 0.0
        for s in range(samples.size):
            t = unlocked(data.T[samples[s]])
            if count > 4 * lanes(W):  # too many registers for a long formula: vector by vector
                store(nodes.a, 0, h)
                activate(g_hidden, layers[0].beta, nodes.a, nodes.a, n)
                a = load(nodes.a, 0, count)
            else:
                a = g(g_hidden, beta, h)
            v_slope = times_g_slope(g_hidden, beta, a, v)
            h_out = sum_output(a, v, bias, count)
            y = g(g_output, beta_out, h_out)
            e = y - t[0]  # (47)
            slope_out = times_g_slope(left, one, y, one)  # but for beta, which eta_out has

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
            share = (eta_out * product) * v_slope
            h = add_update(h, share, y, t[0], slope_out, count)
            step_out = eta_out * (e * slope_out)
            change = step_out * v_slope  # -eta delta (36), with v as in the forward phase
            v = fma(step_out, first_lanes(a, n), v)
            bias -= step_out
            x_before, x = x, x_next

            error += np.float64(e) * np.float64(e)
            nodes.h_out[s], nodes.delta_out[s] = h_out, e * slope_out
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
        # the sum in (36) overflows: other kernels then diverge, however small g'(h)
        if not largest(nodes.delta_out, samples.size) * (beta_out * vmax(absolute(v))) < np.inf:
            error = np.nan
        loss = 0.5 * error  # (48)
        if rule.loss != SQUARED_ERROR:
            loss = entropy_of_run(rule.loss, layers[1].beta, data.T, samples, nodes) + 0.0 * error
        curves.error[epoch] += error
        curves.loss[epoch] += loss
    store(w, 1, v)
    w[0] = bias


@kernel(inline=False)  # whose registers the loop over samples needs
def entropy_of_run(
    loss: int, beta: float, T: Floats, samples: NDArray[np.int64], nodes: Nodes
) -> float:
    """Sum up either cross-entropy over the samples of a run."""
    total = 0.0
    for s in range(samples.size):
        total += entropy(loss, beta, nodes.h_out[s:], unlocked(T[samples[s]]))
    return total


@inlined
def sum_output(a: Vector, v: Vector, bias: Real, count: int) -> Any:
    """Return h of the output (2). In a lane of few the bias is subtracted sooner."""
    if count <= FEW:
        return vsum(fma(a, v, first_lanes(splat(-bias, v), 1)))
    return vsum(a * v) - bias


@inlined
def add_update(h: Vector, share: Vector, y: Real, t: Real, slope: Real, count: int) -> Vector:
    """Return h after the update by (y - t) slope times its share; of few lanes at once."""
    if count <= FEW:
        return fma(slope, fma(y, share, -t * share), h)
    return fma((y - t) * slope, share, h)
