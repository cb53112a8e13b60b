"""Online training (algorithm 2.4.1) by any update rule, one sample at a time.

Computes `Reference.train` of reference.py with batches of one row, for all networks and rules. A
sample's gradient is formed in a buffer, without the rows of inputs that are 0; the rule then takes
one pass over all weights and its state, for every sample. Plain gradient descent, here because of
weights of samples or clipping, updates the weights where they lie.
"""

import math
from typing import NamedTuple

import numpy as np

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.linalg.csr import clear, scatter_row
from mlp_fast.kernels.network.arguments import Curves, Data, Learning, Network, Rule, Shape
from mlp_fast.kernels.network.forward import Nodes, first_sum, forward_layers, node_buffers
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.by_rule import clip_sample, descend_by_rule, scale_delta
from mlp_fast.kernels.train.online import (
    back_propagate,
    loss_and_delta_of_sample,
    update_first,
    update_layers,
)


class Sample(NamedTuple):
    """Buffers for one sample and its gradient."""

    nodes: Nodes
    x: Floats  # (n_0,), zeros, into which a sparse row is scattered; empty if rows are dense
    gradient: Floats  # like theta


def gradient_buffers(shape: Shape, data: Data, rule: Rule) -> Sample:
    """Return buffers for one sample and its gradient."""
    return sample_of(shape, data.rows.n if data.rows.sparse else 0)


def sample_of(shape: Shape, n: int = 0) -> Sample:
    """Return buffers for one sample whose x, if it is sparse, has n inputs."""
    x, gradient = aligned(n, shape.dtype), aligned(shape.n_theta, shape.dtype)
    return Sample(node_buffers(shape), x, gradient)


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
    network: Network, rule: Learning, x: Floats, t: Floats, weight: float, sample: Sample
) -> float:
    """Learn from one sample; return its weighted loss with the penalty, as before the step."""
    _, loss = learn_by_rule(network, rule, as_writable(x), as_writable(t), weight, sample)
    return loss
