"""Online training: one sample at a time, the weights changed after each (algorithm 2.4.1)."""

import math

from mlp_fast.kernels.activation import (
    SOFTMAX,
    activate,
    activate_few,
    times_slope,
    times_slope_few,
)
from mlp_fast.kernels.arguments import Curves, Data, Floats, Network, Nodes, OneStep, Real, Rule
from mlp_fast.kernels.by_input import (
    back_propagate_inputs,
    list_inputs,
    sum_inputs,
    update_and_sum,
    update_inputs,
)
from mlp_fast.kernels.by_output import back_propagate_and_update, sum_outputs, update_outputs
from mlp_fast.kernels.jit import kernel
from mlp_fast.kernels.loss import (
    SQUARED_ERROR,
    entropy,
    output_delta,
    slope_left,
    squared_distance,
)
from mlp_fast.kernels.permute import permute

FEW = 3  # outputs that are best taken one by one


@kernel
def train_online(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last, of k in every epoch; step s is sample s % k of epoch s // k."""
    k = data.X.shape[0]
    eta = network.theta.dtype.type(rule.learning_rate)
    in_one_pass = network.layers[0].by_input != 0 and not rule.skip_zeros
    step = first
    while step < last:
        epoch = step // k
        order = data.orders[epoch % data.orders.shape[0]]
        if rule.shuffle and step == epoch * k:
            permute(order, rule.key, epoch)
        begin, end = step - epoch * k, min(last - epoch * k, k)
        error_sum, loss_sum = curves.error[epoch], curves.loss[epoch]
        m = first_sum(network, data.X[order[begin]], rule.skip_zeros, nodes)
        for s in range(begin, end):
            x, t = data.X[order[s]], data.T[order[s]]
            error, loss = forward_phase(network, rule.loss, t, nodes)
            error_sum += error
            loss_sum += loss
            backward_phase(network, rule.loss, eta, t, nodes)
            if s + 1 == end:
                if in_one_pass:
                    m = list_inputs(x, rule.skip_zeros, nodes.position, nodes.value)
                first_update(network, m, eta, nodes)
            elif in_one_pass:
                first_update_and_sum(network, x, data.X[order[s + 1]], eta, nodes)
            else:
                first_update(network, m, eta, nodes)
                m = first_sum(network, data.X[order[s + 1]], rule.skip_zeros, nodes)
        curves.error[epoch], curves.loss[epoch] = error_sum, loss_sum
        step += end - begin


@kernel
def train_one(network: Network, rule: OneStep, x: Floats, t: Floats, nodes: Nodes) -> float:
    """Learn from one sample; return its loss. If that is not finite the weights are left alone."""
    m = first_sum(network, x, rule.skip_zeros, nodes)
    _, value = forward_phase(network, rule.loss, t, nodes)
    if math.isfinite(value):
        eta = network.theta.dtype.type(rule.learning_rate)
        backward_phase(network, rule.loss, eta, t, nodes)
        first_update(network, m, eta, nodes)
    return value


@kernel
def first_sum(network: Network, x: Floats, skip_zeros: bool, nodes: Nodes) -> int:
    """Compute h of the first layer (2); return how many inputs were listed for it."""
    layer = network.layers[0]
    W, h = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    if layer.by_input:
        m = list_inputs(x, skip_zeros, nodes.position, nodes.value)
        sum_inputs(W, layer.stride, nodes.position[:m], nodes.value[:m], h, layer.n_out)
        return m
    for p in range(x.size):
        nodes.a[p] = x[p]
    sum_outputs(W, layer.stride, nodes.a, layer.n_in, h, layer.n_out)
    return 0


@kernel
def first_update(network: Network, m: int, eta: Real, nodes: Nodes) -> None:
    """Update the first layer (4) by the inputs that its sum was computed from."""
    layer = network.layers[0]
    W, delta = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    if layer.by_input:
        index, value = nodes.position[:m], nodes.value[:m]
        update_inputs(W, layer.stride, index, value, eta, delta, layer.n_out)
    else:
        update_outputs(W, layer.stride, nodes.a, layer.n_in, eta, delta, layer.n_out)


@kernel
def first_update_and_sum(
    network: Network, x: Floats, x_next: Floats, eta: Real, nodes: Nodes
) -> None:
    """Update the first layer by one sample and compute h of the next, reading the weights once."""
    layer = network.layers[0]
    delta = nodes.delta[layer.nodes :]
    W = network.theta[layer.weights :]
    update_and_sum(W, layer.stride, x, x_next, eta, delta, layer.n_out)


@kernel
def forward_phase(network: Network, loss: int, t: Floats, nodes: Nodes) -> tuple[float, float]:
    """From h of the first layer on, compute all outputs; return the sum of (a - t)² and loss."""
    for l in range(network.layers.size):
        layer = network.layers[l]
        h, a = nodes.delta[layer.nodes :], nodes.a[layer.nodes :]
        if l > 0:
            below = network.layers[l - 1]
            W, p = network.theta[layer.weights :], nodes.a[below.nodes :]
            n_in, n = layer.n_in, layer.n_out
            if layer.by_input:
                sum_inputs(W, layer.stride, nodes.every[:n_in], p[:n_in], h, n)
            else:
                sum_outputs(W, layer.stride, p, n_in, h, n)
        if layer.n_out <= FEW and not layer.by_input and layer.activation != SOFTMAX:
            activate_few(layer.activation, layer.beta, h, a, layer.n_out)  # (3)
        else:
            activate(layer.activation, layer.beta, h, a, layer.n_out)
    error = squared_distance(a, t)
    if loss == SQUARED_ERROR:
        return error, 0.5 * error  # (48)
    return error, entropy(loss, layer.beta, h, t)


@kernel
def backward_phase(network: Network, loss: int, eta: Real, t: Floats, nodes: Nodes) -> None:
    """From the last layer down to the second: the error of the layer below, then the update."""
    layers = network.layers
    top = layers[layers.size - 1]
    a, delta = nodes.a[top.nodes :], nodes.delta[top.nodes :]
    output_delta(loss, top.activation, top.beta, a, t, delta)
    left = slope_left(loss, top.activation)
    if top.n_out <= FEW and not top.by_input:
        times_slope_few(left, top.beta, a, delta, top.n_out)
    else:
        times_slope(left, top.beta, a, delta, top.n_out)
    for l in range(layers.size - 1, 0, -1):
        layer, below = layers[l], layers[l - 1]
        W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
        delta = nodes.delta[layer.nodes :]
        a, delta_below = nodes.a[below.nodes :], nodes.delta[below.nodes :]
        if layer.by_input:
            back_propagate_inputs(W, layer.stride, delta, n, delta_below, n_in)
            update_inputs(W, layer.stride, nodes.every[:n_in], a[:n_in], eta, delta, n)
        else:
            back_propagate_and_update(W, layer.stride, a, n_in, eta, delta, n, delta_below)
        times_slope(below.activation, below.beta, a, delta_below, n_in)
