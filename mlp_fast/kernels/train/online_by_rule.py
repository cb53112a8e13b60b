"""Online training (algorithm 2.4.1) by any update rule, one sample at a time.

Computes `Reference.train` of reference.py with batches of one row, for all networks and rules. A
sample's gradient is formed in a buffer, without the rows of inputs that are 0; the rule then takes
one pass over all weights and its state, for every sample. Plain gradient descent, here because of
weights of samples or clipping, updates the weights where they lie.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.linalg.csr import clear, scatter_row
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.network.arguments import Curves, Data, Learning, Network, Rule, Shape, State
from mlp_fast.kernels.network.forward import Nodes, first_sum, forward_layers, node_buffers
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import as_read_only, as_writable
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.by_rule import clip_sample, descend_by_rule, scale_delta
from mlp_fast.kernels.train.online import (
    back_propagate,
    loss_and_delta_of_sample,
    update_first,
    update_layers,
)
from mlp_fast.kernels.train.step import is_fit, nodes_in


class Sample(NamedTuple):
    """Buffers for one sample and its gradient."""

    nodes: Nodes
    x: Floats  # (n_0,), zeros, into which a sparse row is scattered; empty if rows are dense
    gradient: Floats  # like theta


def gradient_buffers(shape: Shape, data: Data, rule: Rule) -> Sample:
    """Return buffers for one sample and its gradient."""
    dtype = shape.dtype
    x = aligned(data.rows.n if data.rows.sparse else 0, dtype)
    return Sample(node_buffers(shape), x, aligned(shape.n_theta, dtype))


@kernel
def train_one_by_rule(
    network: Network,
    data: Data,
    rule: Learning,
    sample: Sample,
    curves: Curves,
    first: int,
    last: int,
) -> None:
    """Train for steps first to last (exclusive); step s is sample s % k of epoch s // k."""
    take_each_by_rule(network, data, rule, sample, curves, first, last, False)


@kernel
def train_sparse_one_by_rule(
    network: Network,
    data: Data,
    rule: Learning,
    sample: Sample,
    curves: Curves,
    first: int,
    last: int,
) -> None:
    """Train for steps first to last (exclusive) on CSR rows, one sample each."""
    take_each_by_rule(network, data, rule, sample, curves, first, last, True)


@inlined
def take_each_by_rule(
    network: Network,
    data: Data,
    rule: Learning,
    sample: Sample,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
) -> None:
    """Train for steps first to last (exclusive) on dense or CSR rows, one sample each."""
    k = data.T.shape[0]
    for step in range(first, last):
        epoch, s = step // k, step % k
        order = order_of(epoch, s == 0, data, rule)
        row, x = order[s], sample.x
        if sparse:
            scatter_row(data.rows, row, x, sample.nodes.listed)
        else:
            x = as_writable(data.rows.X[row])
        weight = 1.0
        if rule.sample_weights.size > 0:
            weight = np.float64(rule.sample_weights[row])
        t = as_writable(data.T[row])
        error, loss = learn_by_rule(network, rule, x, t, weight, sample)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        if sparse:
            clear(data.rows, order[s : s + 1], x, data.rows.n)


@inner_kernel
def learn_by_rule(
    network: Network, rule: Learning, x: Floats, t: Floats, weight: float, sample: Sample
) -> tuple[float, float]:
    """Learn from one sample; return Σ (a - t)², and its weighted loss with the penalty."""
    nodes = sample.nodes
    m = first_sum(network, x, nodes)
    forward_layers(network, nodes)
    error, loss = loss_and_delta_of_sample(network, rule.loss, t, nodes)
    l2 = rule.l2
    if rule.by_weight:  # divided by the weight, the sample's gradient is as it was
        l2 /= weight
        weight = 1.0
    if weight != 1.0:
        scale_delta(weight, network.layers.size - 1, network, nodes)
    back_propagate(network, nodes)
    if rule.clip_norm < math.inf:
        clip_sample(network, x, x.size, rule.clip_norm, nodes)
    loss *= weight * rule.loss_scale
    if rule.direct:
        descend_sample(network, x, m, rule.learning_rate, nodes)
    else:
        gradient = Network(sample.gradient, network.layers, network.every)
        descend_sample(gradient, x, m, -1.0, nodes)
        loss += descend_by_rule(network.theta, sample.gradient, l2, rule, rule.state)
    return error, loss


@inner_kernel
def descend_sample(network: Network, x: Floats, m: int, eta: float, nodes: Nodes) -> None:
    """Subtract eta times a sample's gradient, of whose inputs m are listed."""
    rate = network.theta.dtype.type(eta)
    update_layers(network, rate, nodes)
    update_first(network, x, m, rate, nodes)


@kernel
def step_one_by_rule(
    theta: Floats,
    layers: NDArray[np.void],
    every: NDArray[np.int64],
    loss: int,
    low: float,
    high: float,
    buffer: Floats,
    listed: NDArray[np.int64],
    first: Floats,
    second: Floats,
    mask: Floats,
    numbers: NDArray[np.float64],
    powers: NDArray[np.float64],
    gradient: Floats,
    kept: Floats,
    kept_powers: NDArray[np.float64],
    step: int,
    direct: bool,
    l2: float,
    clip_norm: float,
    learning_rate: float,
    x: Floats,
    t: Floats,
    weight: float,
) -> float:
    """Learn from one sample; return its weighted loss with the penalty, as before the step.

    Nothing is changed if the sample is unfit, which returns NaN, if the loss is not finite, or if
    a number that is kept would not be. That returns -infinity, and the loss behind `kept_powers`.
    """
    network = Network(theta, layers, every)
    sample = Sample(nodes_in(buffer, listed), x[:0], gradient)
    if not is_fit(network, loss, low, high, x, t):
        return math.nan
    state = State(first, second, mask, numbers, powers)
    rule = Learning(
        loss,
        learning_rate,
        1,
        False,
        0,
        0,
        step,
        state,
        True,
        direct,
        0.0,
        False,
        l2,
        clip_norm,
        as_read_only(x[:0]),
        False,
        1.0,
    )
    begin, end = theta.size, theta.size + first.size
    copy(theta, kept)
    copy(first, kept[begin:])
    copy(second, kept[end:])
    copy(powers, kept_powers)
    _, value = learn_by_rule(network, rule, x, t, weight, sample)
    finite = are_finite(theta) and are_finite(first) and are_finite(second)
    if math.isfinite(value) and finite:
        return float(value)
    copy(kept[:begin], theta)
    copy(kept[begin:end], first)
    copy(kept[end : end + second.size], second)
    copy(kept_powers[: powers.size], powers)
    for i in range(gradient.size):
        gradient[i] = 0
    if not math.isfinite(value):
        return float(value)
    kept_powers[powers.size] = value
    return -math.inf


@inlined
def copy(source: NDArray[np.floating], to: NDArray[np.floating]) -> None:
    """Copy all of an array to the beginning of another."""
    for i in range(source.size):
        to[i] = source[i]
