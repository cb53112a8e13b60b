"""Online training (algorithm 2.4.1) of one hidden layer below one output, in registers.

The meaning is `Reference.train` of reference.py with batches of one row. So small a network is
bound by how long one sample waits for the one before it. While sample t is worked on, the first
layer's weights take the update of sample t - 1 and meet the inputs of sample t + 1: s = x_{t+1} W.
Only the update by t itself is lacking then, and follows as soon as its delta is known:
h_{t+1} = s - eta (x_t . x_{t+1}) delta_t, the bias node's -1 included in x.

For plain gradient descent and up to 64 units, above up to 64 inputs. Beside blocks: 2-2-1 2.8 times
as fast (float64) and 3.7 (float32), 8-10-1 2.5 and 3.1, 8-50-1 1.6 and 3.1, 64-16-1 1.7 and 1.9.
Each width of a row is there because the next larger one takes a fifth longer, but for the least:
with four lanes in place of two, 2-2-1 takes 5% longer.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.buffers import aligned, lanes_of
from mlp_fast.kernels.linalg.csr import clear, scatter
from mlp_fast.kernels.linalg.finite import largest
from mlp_fast.kernels.network.activation import activate, g, times_derivative
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.loss import (
    SQUARED_ERROR,
    binary_entropy,
    output_code,
    output_delta,
    squared,
)
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import unlocked
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats, Real, Vector
from mlp_fast.kernels.simd.vector import absolute, fma, lanes, splat, vmax, vsum
from mlp_fast.kernels.simd.vector import first as first_lanes

RUN = 1024  # samples after which all updates are in the weights, counted from an epoch's start
LATENCY_BOUND = 4  # lanes, with which a sample is but a wait, and an instruction costs nothing
INPUTS = 64  # with more, a sample no longer waits for the one before it ...
INPUTS_OF_WIDE = 16  # ... nor with more than these where a row is ...
WIDE_ROW = 4  # ... of more vectors than these


class Run(NamedTuple):
    """Buffers for the samples of a run, but for their weights, which stay in registers."""

    a: Floats  # (most lanes of a row,), of the hidden layer
    dense: Floats  # (RUN, n_0) or nothing: the sparse rows of a run
    every: NDArray[np.int64]  # 0, 1, 2, ...: which of these are taken
    h_out: Floats  # (RUN,), h of the output ...
    delta_out: Floats  # ... and its delta, but for beta


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
    """Return how many lanes a row of weights takes in registers; 0 if networks are not for here."""
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
    return kernel(inline=False)(train)


TRAIN_SHALLOW = {count: _with_rows_of(count) for count in (2, 4, 16, 32, 64)}
"""By the lanes of a row of weights: take steps first to last, of k in every epoch."""


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
    """Take steps begin to end, which lie between runs, with rows of so many lanes."""
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
        X, places = unlocked(data.rows.X), samples
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
            t = unlocked(data.T[samples[s]])
            if count > 4 * lanes(W):  # too many registers for a long formula: vector by vector
                store(run.a, 0, h)
                activate(g_hidden, layers[0].beta, run.a, run.a, n)
                a = load(run.a, 0, count)
            else:
                a = g(g_hidden, h, beta)
            v_slope = times_derivative(g_hidden, a, beta, v)
            h_out = sum_output(a, v, bias, count)
            y = g(g_output, h_out, beta_out)
            e = y - t[0]  # (47)
            slope_out = output_delta(code, y, one, one)  # eta_out has beta

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

            error += squared(e)
            run.h_out[s], run.delta_out[s] = h_out, e * slope_out
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
        if not largest(run.delta_out, samples.size) * (beta_out * vmax(absolute(v))) < np.inf:
            error = np.nan
        loss = 0.5 * error  # (48)
        if rule.loss != SQUARED_ERROR:
            loss = entropy_of_run(layers[1].beta, data.T, samples, run) + 0.0 * error
        curves.error[epoch] += error
        curves.loss[epoch] += loss
    store(w, 1, v)
    w[0] = bias


@kernel(inline=False)  # whose registers the loop over samples needs
def entropy_of_run(beta: float, T: Floats, samples: NDArray[np.int64], run: Run) -> float:
    """Sum up the binary cross-entropy over the samples of a run."""
    total = 0.0
    for s in range(samples.size):
        t = np.float64(T[samples[s], 0])
        total += binary_entropy(beta * np.float64(run.h_out[s]), t)
    return total


@inlined
def sum_output(a: Vector, v: Vector, bias: Real, count: int) -> Any:
    """Return h of the output (2). In a lane of few the bias is subtracted sooner."""
    if count <= LATENCY_BOUND:
        return vsum(fma(a, v, first_lanes(splat(-bias, v), 1)))
    return vsum(a * v) - bias


@inlined
def add_update(h: Vector, share: Vector, y: Real, t: Real, slope: Real, count: int) -> Vector:
    """Return h after the update by (y - t) slope times its share; of few lanes at once."""
    if count <= LATENCY_BOUND:
        return fma(slope, fma(y, share, -t * share), h)
    return fma((y - t) * slope, share, h)
