"""Online training (algorithm 2.4.1) of one hidden layer and one output, in registers.

Computes `Reference.train` of reference.py with batches of one row. So small a network is
latency-bound: each sample waits for the one before it. While sample t is in work, the first layer's
weights get the update of sample t - 1 and are multiplied by the inputs of sample t + 1: s = x_{t+1}
W. Then only the update by t itself is missing, and is added as soon as its delta is known: h_{t+1}
= s - eta (x_t . x_{t+1}) delta_t, the bias node's -1 included in x.

For plain gradient descent, up to 64 units and up to 64 inputs. Compared with blocks: 2-2-1 is 2.8
times as fast (float64) and 3.7 (float32), 8-10-1 2.5 and 3.1, 8-50-1 1.6 and 3.1, 64-16-1 1.7 and
1.9. Each width of a row is there because the next larger one takes a fifth longer, except the
smallest: with four lanes instead of two, 2-2-1 takes 5% longer.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned, lanes_of
from mlp_fast.kernels.linalg.csr import clear, scatter
from mlp_fast.kernels.linalg.finite import amax
from mlp_fast.kernels.network.activation import activate, g, times_derivative
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.loss import (
    POISSON,
    SQUARED_ERROR,
    binary_entropy,
    output_code,
    output_delta,
    poisson,
    squared,
)
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats, Real, Vector
from mlp_fast.kernels.simd.vector import absolute, fma, lanes, splat, vmax, vsum
from mlp_fast.kernels.simd.vector import first as first_lanes

RUN = 1024  # samples, from an epoch's start, after which all updates are in the weights
LATENCY_BOUND = 4  # lanes: up to so many, latency is all that counts; instructions are free
INPUTS = 64  # with more, training is no longer latency-bound ...
INPUTS_OF_WIDE = 16  # ... nor with more than these if a row ...
WIDE_ROW = 4  # ... takes more vectors than these


class Run(NamedTuple):
    """Buffers for a run of samples; the weights are not among them."""

    a: Floats  # (most lanes of a row,), outputs of the hidden layer
    dense: Floats  # (RUN, n_0) or empty: a run's sparse rows, made dense
    every: NDArray[np.int64]  # 0, 1, 2, ...: indices of the rows of `dense`
    h_out: Floats  # (RUN,), h of the output ...
    delta_out: Floats  # ... and its delta, without the factor beta


def run_buffers(shape: Shape, data: Data, rule: Rule) -> Run:
    """Return buffers for a run."""
    dtype, n = shape.dtype, min(data.T.shape[0], RUN)
    n_dense = n if data.rows.sparse else 0
    return Run(
        aligned(max(TRAIN_SHALLOW), dtype),
        np.zeros((n_dense, data.rows.n), dtype),
        np.arange(n_dense),
        np.zeros(n, dtype),
        np.zeros(n, dtype),
    )


def row_lanes(sizes: Sequence[int], dtype: np.dtype[Any]) -> int:
    """Return how many lanes a row of weights takes; 0 if such networks are not trained here."""
    if len(sizes) != 3 or sizes[2] != 1 or sizes[1] > max(TRAIN_SHALLOW):
        return 0
    count = min(lanes for lanes in TRAIN_SHALLOW if lanes >= sizes[1])
    most = INPUTS if count <= WIDE_ROW * lanes_of(dtype) else INPUTS_OF_WIDE
    return count if sizes[0] <= most else 0


def _with_rows_of(count: int) -> Any:
    def train(
        network: Network,
        data: Data,
        rule: Rule,
        run: Run,
        curves: Curves,
        first: int,
        last: int,
    ) -> None:
        take_runs(network, data, rule, run, curves, first, last, count)

    train.__name__ = train.__qualname__ = f"train_shallow_{count}"
    return kernel(train)


TRAIN_SHALLOW = {count: _with_rows_of(count) for count in (2, 4, 16, 32, 64)}
"""Kernels by the lanes of a row of weights; each trains for steps first to last (exclusive)."""


@inlined
def take_runs(
    network: Network,
    data: Data,
    rule: Rule,
    run: Run,
    curves: Curves,
    begin: int,
    end: int,
    count: int,
) -> None:
    """Train for steps begin to end (exclusive), which bound runs, with rows of `count` lanes."""
    k, layers, sparse = data.T.shape[0], network.layers, data.rows.sparse
    W, w = network.theta[layers[0].weights :], network.theta[layers[1].weights :]
    n, stride = layers[0].n_out, layers[0].stride
    g_hidden, g_output = layers[0].activation, layers[1].activation
    code = output_code(rule.loss, g_output)
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
        X, places = as_writable(data.rows.X), samples
        if sparse:
            X, places = run.dense, run.every
            scatter(data.rows, samples, X.reshape(X.size), X.shape[1])
        x = X[places[0]]
        if step == begin or sparse or (s == 0 and not in_order):
            h = -load(W, 0, count)
            for p in range(x.size):
                h = fma(x[p], load(W, (p + 1) * stride, count), h)
        x_before, change = x, splat(W.dtype.type(0.0), v)
        error = 0.0
        for s in range(samples.size):
            t = as_writable(data.T[samples[s]])
            if count > 4 * lanes(W):  # a long formula would run out of registers: vector by vector
                store(run.a, 0, h)
                activate(g_hidden, layers[0].beta, run.a, run.a, n)
                a = load(run.a, 0, count)
            else:
                a = g(g_hidden, h, beta)
            v_slope = times_derivative(g_hidden, a, beta, v)
            h_out = sum_output(a, v, bias, count)
            y = g(g_output, h_out, beta_out)
            e = y - t[0]  # (47)
            slope_out = output_delta(code, y, one, one)  # eta_out contains beta

            x_next = X[places[min(s + 1, samples.size - 1)]]
            row = load(W, 0, count) - change  # (4), by the previous sample
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
            change = step_out * v_slope  # -eta delta (36), with v before its update
            v = fma(step_out, first_lanes(a, n), v)
            bias -= step_out
            x_before, x = x, x_next

            error += squared(e)
            run.h_out[s], run.delta_out[s] = h_out, e * slope_out
        # the last sample's update, and h of the next run's first sample if the order is known
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
        # NaN where the sum in (36) overflows: other kernels then diverge, however small g'(h)
        if not amax(run.delta_out, samples.size) * (beta_out * vmax(absolute(v))) < np.inf:
            error = np.nan
        loss = 0.5 * error  # (48)
        if rule.loss != SQUARED_ERROR:
            loss = entropy_of_run(rule.loss, layers[1].beta, data.T, samples, run) + 0.0 * error
        curves.error[epoch] += error
        curves.loss[epoch] += loss
    store(w, 1, v)
    w[0] = bias


@inner_kernel(inline=False)  # not inlined: the loop over samples needs the registers
def entropy_of_run(
    loss: int, beta: float, T: Floats, samples: NDArray[np.int64], run: Run
) -> float:
    """Sum the loss over the samples of a run, if it is not the squared error."""
    total = 0.0
    if loss == POISSON:
        for s in range(samples.size):
            total += poisson(np.float64(run.h_out[s]), np.float64(T[samples[s], 0]))
        return total
    for s in range(samples.size):
        t = np.float64(T[samples[s], 0])
        total += binary_entropy(beta * np.float64(run.h_out[s]), t)
    return total


@inlined
def sum_output(a: Vector, v: Vector, bias: Real, count: int) -> Any:
    """Return h of the output (2); with few lanes, the bias is subtracted off the critical path."""
    if count <= LATENCY_BOUND:
        return vsum(fma(a, v, first_lanes(splat(-bias, v), 1)))
    return vsum(a * v) - bias


@inlined
def add_update(h: Vector, share: Vector, y: Real, t: Real, slope: Real, count: int) -> Vector:
    """Return h + (y - t) slope share; with few lanes, by a chain that waits for y less."""
    if count <= LATENCY_BOUND:
        return fma(slope, fma(y, share, -t * share), h)
    return fma((y - t) * slope, share, h)
