"""Online training (algorithm 2.4.1) of one layer of one output: linear and logistic regression.

The meaning is `Reference.train` of reference.py with batches of one row. There is one pass over the
weights for each sample: while they take the update by one sample, they meet the inputs of the next,
in four sums, since a single one would be latency-bound. CSR rows visit the same vectors of weights,
but for those that meet zeros only, and have the same bits.

For plain gradient descent, above output-major weights. Beside one sample at a time: 784-1 1.9 times
as fast (float64), 30-1 1.5 and 1.4 (float32).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
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

SUMS = 4


class Sample(NamedTuple):
    """Buffers of one sample."""

    h: Floats  # (1,), of which its loss is computed ...
    t: Floats  # (1,)
    x: Floats  # (n_0,) or nothing: a sparse row, dense; it ends in zeros
    listed: NDArray[np.int64]  # which vectors of it are not 0
    sums: Floats  # four vectors


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


@kernel(inline=False)
def train_one_output(
    network: Network, data: Data, rule: Rule, sample: Sample, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last, of k in every epoch; step s is sample s % k of epoch s // k."""
    take_one_output(network, data, rule, sample, curves, first, last, False)


@kernel(inline=False)
def train_sparse_one_output(
    network: Network, data: Data, rule: Rule, sample: Sample, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last with sparse rows."""
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
    """Take steps first to last with rows that are sparse or not."""
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
            curves.loss[epoch] += sum_entropies(layer.beta, sample.h, sample.t, sample.h.size)
        bias += eta * delta  # whose input is -1
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
    """Add to n weights so many times the inputs at one place (4); sum up those at another (2)."""
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


@kernel
def sum_listed(w: Floats, n: int, m: int, sample: Sample) -> Real:
    """Sum up h as `sum_and_update` does, of the vectors of inputs that are listed."""
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


@kernel
def update_listed(w: Floats, change: Real, m: int, sample: Sample) -> None:
    """Add so many times the vectors of inputs that are listed (4)."""
    for i in range(m):
        p = sample.listed[i]
        store(w, p, fma(change, load(sample.x, p), load(w, p)))


@inlined
def updated(w: Floats, x: Floats, to_update: int, p: int, change: Real, updates: bool) -> Vector:
    """Return a vector of weights from p on, after their update if there is one."""
    u = load(w, p)
    if updates:
        u = fma(change, load(x, to_update + p), u)
        store(w, p, u)
    return u
