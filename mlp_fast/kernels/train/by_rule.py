"""One step by an update rule, once the gradient of a batch is known: clip it, add L2, step.

Computes `Reference.step` of reference.py from the gradient on, for all networks and rules.
"""

import math

from mlp_fast.kernels.compile.address import call_rule
from mlp_fast.kernels.compile.jit import inner_kernel, kernel
from mlp_fast.kernels.linalg.finite import SUMMED, hypotenuse, norm
from mlp_fast.kernels.network.arguments import Learning, Network, State
from mlp_fast.kernels.network.forward import Nodes
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import fma, lanes, splat, vsum


@kernel
def step_by_rule(network: Network, k: int, gradient: Floats, rule: Learning) -> float:
    """Take a step by a sum of k gradients, leave it zero; return λ/2 Σw² before the step."""
    scale(network.theta.dtype.type(1.0 / k), gradient)
    return take_step(network.theta, gradient, rule.l2, rule)


@inner_kernel
def take_step(theta: Floats, gradient: Floats, l2: float, rule: Learning) -> float:
    """Take a step by the gradient of the mean loss, leave it zero; return λ/2 Σw² before."""
    if rule.clip_norm < math.inf:
        length = norm(gradient, gradient.size)
        if length > rule.clip_norm:
            scale(theta.dtype.type(rule.clip_norm / length), gradient)
    return descend_by_rule(theta, gradient, l2, rule, rule.state)


@inner_kernel
def descend_by_rule(
    theta: Floats, gradient: Floats, l2: float, rule: Learning, state: State
) -> float:
    """Take a step by a gradient that is clipped already; return λ/2 Σw² before."""
    penalty = add_penalty(theta, gradient, l2, state.mask)
    call_rule(rule.step, theta, gradient, state, rule.learning_rate)
    return penalty


@inner_kernel
def add_penalty(theta: Floats, gradient: Floats, l2: float, mask: Floats) -> float:
    """Add the gradient λ w of the penalty λ/2 Σw² (U1); return the penalty."""
    if l2 == 0.0:
        return 0.0
    decay, V, total = theta.dtype.type(l2), lanes(theta), 0.0
    for begin in range(0, theta.size, SUMMED):
        summed = splat(theta.dtype.type(0.0))
        for i in range(begin, min(begin + SUMMED, theta.size), V):
            w = load(mask, i) * load(theta, i)
            store(gradient, i, fma(decay, w, load(gradient, i)))
            summed = fma(w, w, summed)
        total += vsum(summed)
    return 0.5 * l2 * total


@inner_kernel
def scale(factor: Real, values: Floats) -> None:
    """Multiply whole vectors by a factor."""
    for i in range(0, values.size, lanes(values)):
        store(values, i, factor * load(values, i))


@inner_kernel
def scale_delta(factor: float, layer: int, network: Network, nodes: Nodes) -> None:
    """Multiply a sample's delta of a layer by a factor."""
    of_layer = network.layers[layer]
    delta, f = nodes.delta[of_layer.nodes :], nodes.delta.dtype.type(factor)
    for j in range(0, of_layer.n_out, lanes(delta)):
        store(delta, j, f * load(delta, j))


@inner_kernel
def clip_sample(network: Network, x: Floats, n: int, clip_norm: float, nodes: Nodes) -> None:
    """Scale all deltas of a sample such that its gradient's norm is at most `clip_norm`.

    The gradient of a layer is an outer product, so its squared norm is (‖a‖² + 1) ‖δ‖² (U8), a
    being the layer's inputs: the first layer's are the first n numbers of x.
    """
    inputs, length = hypotenuse(norm(x, n), 1.0), 0.0
    for l in range(network.layers.size):
        layer = network.layers[l]
        of_layer = inputs * norm(nodes.delta[layer.nodes :], layer.n_out)
        length = hypotenuse(length, of_layer)
        inputs = hypotenuse(norm(nodes.a[layer.nodes :], layer.n_out), 1.0)
    if length > clip_norm:
        for l in range(network.layers.size):
            scale_delta(clip_norm / length, l, network, nodes)


@inner_kernel
def upper_state(state: State, begin: int) -> State:
    """Return the state of the weights from `begin` on."""
    first, second, mask = state.first[begin:], state.second[begin:], state.mask[begin:]
    return State(first, second, mask, state.numbers, state.powers)
