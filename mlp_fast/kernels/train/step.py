"""A single online step (algorithm 2.4.1), for samples that arrive one by one.

Computes `Reference.step` of reference.py with one row, for all networks. All deltas are computed
before any weight is changed, so a step that would overflow can be refused without a copy of the
weights.
"""

import math

from mlp_fast.kernels.compile.jit import inner_kernel, kernel
from mlp_fast.kernels.linalg.finite import asum
from mlp_fast.kernels.network.arguments import Network
from mlp_fast.kernels.network.forward import Nodes, first_sum, forward_layers
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.train.online import (
    back_propagate,
    loss_and_delta_of_sample,
    update_first,
    update_layers,
)


@kernel
def train_one(
    network: Network,
    loss: int,
    learning_rate: float,
    x: Floats,
    t: Floats,
    nodes: Nodes,
    careful: bool,
) -> tuple[float, bool]:
    """Learn from one sample; return its loss, and whether the weights were changed.

    They are not changed if the loss is not finite or, if `careful`, a weight might overflow.
    """
    x, t = as_writable(x), as_writable(t)
    m = first_sum(network, x, nodes)
    forward_layers(network, nodes)
    _, value = loss_and_delta_of_sample(network, loss, t, nodes)
    if not math.isfinite(value):
        return value, False
    eta = network.theta.dtype.type(learning_rate)
    back_propagate(network, nodes)
    if careful and not stays_finite(network, eta, x, nodes):
        return value, False
    update_layers(network, eta, nodes)
    update_first(network, x, m, eta, nodes)
    return value, True


@inner_kernel
def stays_finite(network: Network, eta: Real, x: Floats, nodes: Nodes) -> bool:
    """Return whether surely no weight overflows; False if one might, or a number is not finite.

    No update eta delta_q a_p exceeds eta times the sum of |delta| times the sum of |a|. Kernels
    form it from eta delta_q or eta a_p, each bounded by eta times one of the sums. An update below
    half an ulp of the largest number turns no finite weight into infinity; another factor of two
    covers roundings.
    """
    half_ulp, largest = 2.0**969, 2.0**1023
    if network.theta.itemsize == 4:
        half_ulp, largest = 2.0**102, 2.0**127
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
