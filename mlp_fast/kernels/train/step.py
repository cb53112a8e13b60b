"""A single online step (algorithm 2.4.1), for samples that arrive one by one.

Computes `Reference.step` of reference.py with one row, for all networks. The kernel also checks the
sample, at a part of the cost of doing so from Python. All deltas are computed before any weight is
changed, so a step that would overflow can be refused without a copy of the weights.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.finite import are_finite, asum
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward import Nodes, first_sum, forward_layers
from mlp_fast.kernels.network.loss import CROSS_ENTROPY
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.train.online import (
    back_propagate,
    loss_and_delta_of_sample,
    update_first,
    update_layers,
)

SUM_TOLERANCE = 1e-5  # how far a row of probabilities may be from summing to 1, in any dtype


def step_buffers(shape: Shape) -> tuple[int, int]:
    """Return the sizes of the buffer and of the index list: see `nodes_in`."""
    return 3 * shape.nodes[-1], shape.sizes[0] + SLACK


@inlined
def nodes_in(buffer: Floats, listed: NDArray[np.int64]) -> Nodes:
    """Return a sample's nodes in a buffer that is zero at first."""
    n = buffer.size // 3
    return Nodes(buffer[:n], buffer[n : 2 * n], buffer[2 * n :], listed)


@kernel
def train_one(
    theta: Floats,
    layers: NDArray[np.void],
    every: NDArray[np.int64],
    loss: int,
    low: float,
    high: float,
    buffer: Floats,
    listed: NDArray[np.int64],
    careful: bool,
    learning_rate: float,
    x: Floats,
    t: Floats,
) -> float:
    """Learn from one sample; return its loss, which is not finite if no weight was changed.

    It is NaN if the sample is unfit or, if `careful`, a weight might overflow.
    """
    network, nodes = Network(theta, layers, every), nodes_in(buffer, listed)
    if not is_fit(network, loss, low, high, x, t):
        return math.nan
    m = first_sum(network, x, nodes)
    forward_layers(network, nodes)
    _, value = loss_and_delta_of_sample(network, loss, t, nodes)
    if not math.isfinite(value):
        return float(value)
    eta = theta.dtype.type(learning_rate)
    back_propagate(network, nodes)
    if careful and not stays_finite(network, eta, x, nodes):
        return math.nan
    update_layers(network, eta, nodes)
    update_first(network, x, m, eta, nodes)
    return float(value)


@inner_kernel
def is_fit(network: Network, loss: int, low: float, high: float, x: Floats, t: Floats) -> bool:
    """Return whether a sample has the right lengths, and finite numbers that suit the loss."""
    first, top = network.layers[0], network.layers[network.layers.size - 1]
    lengths = x.size == first.n_in and t.size == top.n_out
    return lengths and are_fit(loss, low, high, t) and are_finite(x)


@inlined
def are_fit(loss: int, low: float, high: float, t: Floats) -> bool:
    """Return whether a row of targets is finite, in a range, and suits the loss."""
    total, outside = 0.0, 0
    for j in range(t.size):
        total += np.float64(t[j])
        outside += not low <= t[j] <= high
    # sums of another order differ by roundings
    sums_to_1 = loss != CROSS_ENTROPY or abs(total - 1.0) <= SUM_TOLERANCE * (1.0 + 1e-9)
    return outside == 0 and sums_to_1 and are_finite(t)


@inlined
def largest_of(values: Floats) -> tuple[float, float]:
    """Return half an ulp of the dtype's largest number, and a bound with room for roundings."""
    half_ulp, largest = 2.0**969, 2.0**1023
    if values.itemsize == 4:
        half_ulp, largest = 2.0**102, 2.0**127
    return half_ulp, largest


@inner_kernel
def stays_finite(network: Network, eta: Real, x: Floats, nodes: Nodes) -> bool:
    """Return whether surely no weight overflows; False if one might, or a number is not finite.

    No update eta delta_q a_p exceeds eta times the sum of |delta| times the sum of |a|. Kernels
    form it from eta delta_q or eta a_p, each bounded by eta times one of the sums. An update below
    half an ulp of the largest number turns no finite weight into infinity; another factor of two
    covers roundings.
    """
    half_ulp, largest = largest_of(network.theta)
    inputs = 1.0 + asum(x, x.size)
    for l in range(network.layers.size):
        layer = network.layers[l]
        errors = asum(nodes.delta[layer.nodes :], layer.n_out)
        if not (eta * inputs < largest and eta * errors < largest):
            return False
        if not eta * errors * inputs < half_ulp:
            return False
        inputs = 1.0 + asum(nodes.a[layer.nodes :], layer.n_out)
    return True
