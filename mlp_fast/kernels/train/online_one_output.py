"""Online training (algorithm 2.4.1) of one layer with one output: linear and logistic regression.

Computes `Reference.train` of reference.py with batches of one row. It passes over the weights once
per sample: the update by one sample and the dot product with the next are fused, with four partial
sums, because a single one would be latency-bound. CSR rows skip the vectors of weights that meet
only zeros, and give the same bits.

For plain gradient descent and output-major weights. Compared with one sample at a time
(online_one_by_one.py): 784-1 is 1.9 times as fast (float64), 30-1 1.5 (float64) and 1.4 (float32).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned, lanes_of
from mlp_fast.kernels.linalg.csr import clear, scatter_row
from mlp_fast.kernels.linalg.gather import prefetch_row
from mlp_fast.kernels.network.activation import g
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.loss import (
    SQUARED_ERROR,
    output_code,
    output_delta,
    squared,
    sum_entropies,
)
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import flat
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.memory import load, load_first, store
from mlp_fast.kernels.simd.types import Floats, Real, Vector
from mlp_fast.kernels.simd.vector import fma, lanes, splat, vsum

SUMS = 4  # partial sums of h


class Sample(NamedTuple):
    """Buffers of one sample."""

    h: Floats  # (1,), for the loss
    t: Floats  # (1,), for the loss
    x: Floats  # (n_0,) or empty: zeros, into which a sparse row is scattered; zero-padded
    listed: NDArray[np.int64]  # where its vectors begin that are not all 0
    sums: Floats  # (SUMS, lanes)


def output_buffers(shape: Shape, data: Data, rule: Rule) -> Sample:
    """Return buffers for one sample."""
    dtype, n = shape.dtype, shape.widths[0] if data.rows.sparse else 0
    return Sample(
        np.zeros(1, dtype),
        np.zeros(1, dtype),
        aligned(n, dtype),
        np.zeros(n + SLACK, np.int64),
        aligned(SUMS * lanes_of(dtype), dtype),
    )


@kernel
def train_one_output(
    network: Network, data: Data, rule: Rule, sample: Sample, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive); step s is sample s % k of epoch s // k."""
    take_one_output(network, data, rule, sample, curves, first, last, False)


@kernel
def train_sparse_one_output(
    network: Network, data: Data, rule: Rule, sample: Sample, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive) on CSR rows; see `train_one_output`."""
    take_one_output(network, data, rule, sample, curves, first, last, True)


@inlined
def take_one_output(
    network: Network,
    data: Data,
    rule: Rule,
    sample: Sample,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
) -> None:
    """Train for steps first to last (exclusive) on dense or CSR rows."""
    k, layer, x = data.T.shape[0], network.layers[0], flat(data.rows.X)
    W, n = network.theta[layer.weights :], layer.n_in
    w, bias = W[1:], W[0]
    zero, eta = W.dtype.type(0.0), W.dtype.type(rule.learning_rate)
    beta, code = W.dtype.type(layer.beta), output_code(rule.loss, layer.activation)
    h, is_known, m = zero, False, 0
    for step in range(first, last):
        epoch, s = step // k, step % k
        order = order_of(epoch, s == 0, data, rule)
        place = order[s] * n
        if sparse:
            m = scatter_row(data.rows, order[s], sample.x, sample.listed)
            h = sum_listed(w, n, m, sample) - bias
        elif not is_known:
            h = sum_and_update(w, x, place, place, zero, n, False) - bias
        if not sparse and not data.in_order and s + 2 < k:
            prefetch_row(data.rows.X, order[s + 2])
        t = data.T[order[s], 0]
        a = g(layer.activation, h, beta)
        e = a - t  # (47)
        delta = output_delta(code, a, beta, e)
        error = squared(e)
        curves.error[epoch] += error
        if rule.loss == SQUARED_ERROR:
            curves.loss[epoch] += 0.5 * error  # (48)
        else:
            sample.h[0], sample.t[0] = h, t
            curves.loss[epoch] += sum_entropies(
                rule.loss, layer.beta, sample.h, sample.t, sample.h.size
            )
        bias += eta * delta  # the bias node's output is -1
        if sparse:
            update_listed(w, -eta * delta, m, sample)
            clear(data.rows, order[s : s + 1], sample.x, n)
        else:
            is_known = s + 1 < k
            following = order[s + 1] * n if is_known else place
            h = sum_and_update(w, x, following, place, -eta * delta, n, True) - bias
    W[0] = bias


@inlined
def sum_and_update(
    w: Floats, x: Floats, to_sum: int, to_update: int, change: Real, n: int, updates: bool
) -> Any:
    """If `updates`, add `change` x_update to w (4); return the dot product of w and x_sum (2)."""
    V = lanes(w)
    tiled, whole = n - n % (SUMS * V), n - n % V
    a, b = splat(w.dtype.type(0.0)), splat(w.dtype.type(0.0))
    c, d = splat(w.dtype.type(0.0)), splat(w.dtype.type(0.0))
    for p in range(0, tiled, SUMS * V):
        a = fma(load(x, to_sum + p), updated(w, x, to_update, p, change, updates), a)
        q = p + V
        b = fma(load(x, to_sum + q), updated(w, x, to_update, q, change, updates), b)
        q += V
        c = fma(load(x, to_sum + q), updated(w, x, to_update, q, change, updates), c)
        q += V
        d = fma(load(x, to_sum + q), updated(w, x, to_update, q, change, updates), d)
    for p in range(tiled, whole, V):
        a = fma(load(x, to_sum + p), updated(w, x, to_update, p, change, updates), a)
    if whole < n:
        u = load(w, whole)
        if updates:
            u = fma(change, load_first(x, to_update + whole, n - whole), u)
            store(w, whole, u)
        b = fma(load_first(x, to_sum + whole, n - whole), u, b)
    return vsum((a + b) + (c + d))


@inner_kernel
def sum_listed(w: Floats, n: int, m: int, sample: Sample) -> Real:
    """Return the dot product (2) of w and a scattered row, in the order of `sum_and_update`."""
    V = lanes(w)
    tiled, whole = n - n % (SUMS * V), n - n % V
    for q in range(0, SUMS * V, V):
        store(sample.sums, q, splat(w.dtype.type(0.0)))
    for i in range(m):
        p = sample.listed[i]
        q = p % (SUMS * V)
        if p >= tiled:
            q = V if p == whole else 0
        total = load(sample.sums, q)
        store(sample.sums, q, fma(load(sample.x, p), load(w, p), total))
    a, b = load(sample.sums, 0), load(sample.sums, V)
    c, d = load(sample.sums, 2 * V), load(sample.sums, 3 * V)
    h: Real = vsum((a + b) + (c + d))
    return h


@inner_kernel
def update_listed(w: Floats, change: Real, m: int, sample: Sample) -> None:
    """Add `change` times a scattered row to w (4)."""
    for i in range(m):
        p = sample.listed[i]
        store(w, p, fma(change, load(sample.x, p), load(w, p)))


@inlined
def updated(w: Floats, x: Floats, to_update: int, p: int, change: Real, updates: bool) -> Vector:
    """Return the vector of weights at p; if `updates`, update it first."""
    u = load(w, p)
    if updates:
        u = fma(change, load(x, to_update + p), u)
        store(w, p, u)
    return u
