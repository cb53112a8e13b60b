"""Batch training by any update rule: batch.py, but for what is done with a gradient.

Computes `Reference.step` of reference.py for each batch, for all networks and rules, with weights
of samples, L2 and clipping. The gradient of a batch is formed in a buffer, and the rule takes it in
one pass over all weights. Plain gradient descent, here because of weights of samples, still adds
it to the network's weights where they lie, if the batch is taken in one part.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.network.arguments import Curves, Data, Learning, Network, Rule, Shape
from mlp_fast.kernels.network.forward_batch import (
    ROWS,
    Work,
    forward_batch,
    part_of,
    work_buffers,
)
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import lanes
from mlp_fast.kernels.train.batch import backward_batch, loss_and_delta_of_row
from mlp_fast.kernels.train.by_rule import scale, take_step


def rule_buffers(shape: Shape, data: Data, rule: Rule) -> Work:
    """Return buffers for a batch or a part of it, and for its gradient."""
    n_rows = min(rule.batch_size, ROWS)
    return work_buffers(
        shape,
        data.rows,
        n_rows,
        in_order=data.in_order,
        train=True,
        skips=True,
        gradient=True,
    )


@kernel
def train_batch_by_rule(
    network: Network, data: Data, rule: Learning, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive), one batch each; an epoch's last may be smaller.

    If the rule does not update, only add the sum of all their gradients to work.gradient.
    """
    take_batches_by_rule(network, data, rule, work, curves, first, last, False)


@kernel
def train_sparse_batch_by_rule(
    network: Network, data: Data, rule: Learning, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive), one batch of CSR rows each."""
    take_batches_by_rule(network, data, rule, work, curves, first, last, True)


@inlined
def take_batches_by_rule(
    network: Network,
    data: Data,
    rule: Learning,
    work: Work,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
) -> None:
    """Train for steps first to last (exclusive), one batch of dense or CSR rows each."""
    k, size = data.T.shape[0], rule.batch_size
    batches = (k + size - 1) // size
    real = network.theta.dtype.type
    for step in range(first, last):
        epoch, batch = step // batches, step % batches
        order = order_of(epoch, batch == 0, data, rule)
        start, end = batch * size, min((batch + 1) * size, k)
        count = end - start
        in_place = rule.direct and rule.updates and count <= work.capacity
        in_place &= rule.clip_norm == math.inf
        # a full batch, or one in parts, is summed up first, so that chunks of it give the same bits
        summed = count > work.capacity or size == k or not rule.updates
        # the gradient is the mean over the batch, as in code 2.6, where (78) has the sum
        total = 1.0 * count
        if rule.by_weight:
            total = sum_of_weights(rule, order, start, end)
        mean = real(1.0 / total)
        factor, target = real(1.0) if summed else mean, work.gradient
        if in_place:
            factor, target = real(-rule.learning_rate / total), network.theta
        for begin in range(start, end, work.capacity):
            samples = order[begin : min(begin + work.capacity, end)]
            part = part_of(data.rows, samples, work, sparse)
            forward_batch(network, part, work, sparse)
            error, loss = weighted_loss_and_delta(network, rule, data.T, samples, work)
            curves.error[epoch] += error
            curves.loss[epoch] += loss * rule.loss_scale * (count / total)
            backward_batch(network, factor, part, work, target, sparse)
        if rule.updates and not in_place:
            if summed:
                scale(mean, work.gradient)
            l2 = rule.l2 / total if rule.by_weight else rule.l2
            curves.loss[epoch] += count * take_step(network.theta, work.gradient, l2, rule)


@inner_kernel
def sum_of_weights(rule: Learning, order: NDArray[np.int64], start: int, end: int) -> float:
    """Return the sum of the weights of a batch's samples: their number, if they have none."""
    if rule.sample_weights.size == 0:
        return 1.0 * (end - start)
    total = 0.0
    for i in range(start, end):
        total += np.float64(rule.sample_weights[order[i]])
    return total


@inner_kernel
def weighted_loss_and_delta(
    network: Network, rule: Learning, T: Floats, samples: NDArray[np.int64], work: Work
) -> tuple[float, float]:
    """Turn h of the last layer into delta (13) times the samples' weights, if there are any.

    Return the sum of (a - t)², and that of the weighted losses.
    """
    layer = network.layers[network.layers.size - 1]
    error, summed = 0.0, 0.0
    for i in range(samples.size):
        of_row = loss_and_delta_of_row(network, rule.loss, T, samples[i], i, work)
        weight = 1.0
        if rule.sample_weights.size > 0:
            weight = np.float64(rule.sample_weights[samples[i]])
            delta = work.delta[layer.before * work.capacity + i * layer.width :]
            for j in range(0, layer.n_out, lanes(delta)):
                store(delta, j, delta.dtype.type(weight) * load(delta, j))
        error += of_row[0]
        summed += weight * of_row[1]
    return error, summed
