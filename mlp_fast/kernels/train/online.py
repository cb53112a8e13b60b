"""One sample of online training (algorithm 2.4.1), once h of the first layer is known.

A part of `Reference.step` of reference.py with one row. Paths differ in how they compute that h and
update the first layer; everything else they share is here.
"""

from mlp_fast.kernels.compile.jit import inner_kernel
from mlp_fast.kernels.linalg.input_major import (
    back_propagate_inputs,
    update_inputs,
)
from mlp_fast.kernels.linalg.output_major import (
    back_propagate_and_update,
    back_propagate_outputs,
    update_outputs,
)
from mlp_fast.kernels.network.activation import times_slope
from mlp_fast.kernels.network.arguments import Network
from mlp_fast.kernels.network.forward import Nodes, derivative_operand, forward_layers, takes_each
from mlp_fast.kernels.network.loss import loss_and_delta, loss_and_delta_one_by_one
from mlp_fast.kernels.simd.types import Floats, Real


@inner_kernel
def learn_sample(
    network: Network, loss: int, eta: Real, t: Floats, nodes: Nodes
) -> tuple[float, float]:
    """Do a sample's passes, update all layers but the first; return Σ (a - t)² and the loss."""
    forward_layers(network, nodes)
    error, value = loss_and_delta_of_sample(network, loss, t, nodes)
    descend_layers(network, eta, nodes)
    return error, value


@inner_kernel
def descend_layers(network: Network, eta: Real, nodes: Nodes) -> None:
    """Write delta of all layers below the last (36), and update all but the first (4)."""
    for l in range(network.layers.size - 1, 0, -1):
        layer, below = network.layers[l], network.layers[l - 1]
        W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
        delta = nodes.delta[layer.nodes :]
        a, delta_below = nodes.a[below.nodes :], nodes.delta[below.nodes :]
        if layer.input_major:
            back_propagate_inputs(W, layer.stride, delta, n, delta_below, n_in)
            update_inputs(W, layer.stride, a, network.every[:n_in], eta, delta, n)
        else:
            back_propagate_and_update(W, layer.stride, a, n_in, eta, delta, n, delta_below)
        times_slope(
            below.activation, below.beta, derivative_operand(below, nodes), delta_below, n_in
        )


@inner_kernel
def loss_and_delta_of_sample(
    network: Network, loss: int, t: Floats, nodes: Nodes
) -> tuple[float, float]:
    """Write delta of the last layer (13); return the sum of (a - t)² and the loss."""
    top = network.layers[network.layers.size - 1]
    h, a = nodes.delta[top.nodes :], nodes.a[top.nodes :]
    operand, g, beta = derivative_operand(top, nodes), top.activation, top.beta
    if takes_each(top):
        return loss_and_delta_one_by_one(loss, g, beta, h, a, operand, t, h)
    return loss_and_delta(loss, g, beta, h, a, operand, t, h)


@inner_kernel
def back_propagate(network: Network, nodes: Nodes) -> None:
    """Write delta of all layers below the last (36), without updating weights."""
    for l in range(network.layers.size - 1, 0, -1):
        layer, below = network.layers[l], network.layers[l - 1]
        W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
        delta, delta_below = nodes.delta[layer.nodes :], nodes.delta[below.nodes :]
        if layer.input_major:
            back_propagate_inputs(W, layer.stride, delta, n, delta_below, n_in)
        else:
            back_propagate_outputs(W, layer.stride, delta, n, network.every, delta_below, n_in)
        times_slope(
            below.activation, below.beta, derivative_operand(below, nodes), delta_below, n_in
        )


@inner_kernel
def update_layers(network: Network, eta: Real, nodes: Nodes) -> None:
    """Update all layers but the first (4), with the deltas that `back_propagate` wrote."""
    for l in range(1, network.layers.size):
        layer, below = network.layers[l], network.layers[l - 1]
        W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
        delta, a = nodes.delta[layer.nodes :], nodes.a[below.nodes :]
        if layer.input_major:
            update_inputs(W, layer.stride, a, network.every[:n_in], eta, delta, n)
        else:
            update_outputs(W, layer.stride, a, n_in, eta, delta, n)


@inner_kernel
def update_first(network: Network, x: Floats, m: int, eta: Real, nodes: Nodes) -> None:
    """Update the first layer (4), for the m inputs that `first_sum` listed or for all."""
    layer = network.layers[0]
    W, delta = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    if layer.input_major:
        update_inputs(W, layer.stride, x, nodes.listed[:m], eta, delta, layer.n_out)
    else:
        update_outputs(W, layer.stride, nodes.a, layer.n_in, eta, delta, layer.n_out)
