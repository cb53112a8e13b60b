"""Online training: one sample at a time, the weights changed after each (algorithm 2.4.1)."""

from mlp_fast.kernels.activation import activate, times_slope
from mlp_fast.kernels.arguments import Curves, Data, Floats, Network, Real, Rule, Work
from mlp_fast.kernels.jit import kernel
from mlp_fast.kernels.loss import SQUARED_ERROR, entropy, output_delta, squared_distance
from mlp_fast.kernels.permute import permute


@kernel
def train_online(
    network: Network, data: Data, rule: Rule, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last, of k in every epoch; step s is sample s % k of epoch s // k."""
    k = data.X.shape[0]
    eta = network.theta.dtype.type(rule.learning_rate)
    step = first
    while step < last:
        epoch = step // k
        order = data.orders[epoch % data.orders.shape[0]]
        if rule.shuffle and step == epoch * k:
            permute(order, rule.key, epoch)
        end = min(last, (epoch + 1) * k)
        for i in order[step - epoch * k : end - epoch * k]:
            x, t = data.X[i], data.T[i]
            error, loss = forward_phase(network, rule.loss, x, t, work)
            curves.error[epoch] += error
            curves.loss[epoch] += loss
            backward_phase(network, rule.loss, eta, x, t, work)
        step = end


@kernel
def forward_phase(
    network: Network, loss: int, x: Floats, t: Floats, work: Work
) -> tuple[float, float]:
    """Compute every layer's outputs; return the sum of (a - t)² and the loss."""
    p = x  # outputs of the layer below
    for layer in network.layers:
        W = weights_of(network.theta, layer.weights, layer.n_in, layer.n_out)
        h = work.delta[layer.outputs : layer.outputs + layer.n_out]
        a = work.outputs[layer.outputs : layer.outputs + layer.n_out]
        summation(W, p, h)
        activate(layer.activation, layer.beta, h, a)  # (3)
        p = work.outputs_in[layer.outputs : layer.outputs + layer.n_out]
    error = squared_distance(a, t)
    if loss == SQUARED_ERROR:
        return error, 0.5 * error  # (48)
    return error, entropy(loss, layer.beta, h, t)


@kernel
def backward_phase(
    network: Network, loss: int, eta: Real, x: Floats, t: Floats, work: Work
) -> None:
    """From the last layer down: the error of the layer below, then this layer's update."""
    layers = network.layers
    top = layers[layers.size - 1]
    delta = work.delta[top.outputs : top.outputs + top.n_out]
    a = work.outputs[top.outputs : top.outputs + top.n_out]
    output_delta(loss, top.activation, top.beta, a, t, delta)
    for l in range(layers.size - 1, -1, -1):
        layer = layers[l]
        W = weights_of(network.theta, layer.weights, layer.n_in, layer.n_out)
        p = x
        delta_below = delta
        if l > 0:
            below = layers[l - 1]
            p = work.outputs_in[below.outputs : below.outputs + below.n_out]
            a = work.outputs[below.outputs : below.outputs + below.n_out]
            delta_below = work.delta[below.outputs : below.outputs + below.n_out]
            back_propagate(W, delta, delta_below)
            times_slope(below.activation, below.beta, a, delta_below)
        update(W, p, delta, eta)
        delta = delta_below


@kernel
def weights_of(theta: Floats, offset: int, n_in: int, n_out: int) -> Floats:
    """Return the weights of one layer, (n_in + 1, n_out), the bias node's in row 0 (68)."""
    return theta[offset : offset + (n_in + 1) * n_out].reshape(n_in + 1, n_out)


@kernel
def summation(W: Floats, p: Floats, h: Floats) -> None:
    """Compute h_j, the sum over k of a_k w_kj, the bias node's a_0 being -1 (2)."""
    for j in range(h.size):
        h[j] = -W[0, j]
    for k in range(p.size):
        for j in range(h.size):
            h[j] += p[k] * W[k + 1, j]


@kernel
def back_propagate(W: Floats, delta: Floats, delta_below: Floats) -> None:
    """Compute the sum in (36), with the weights as they were in the forward phase."""
    for k in range(delta_below.size):
        total = delta.dtype.type(0.0)
        for i in range(delta.size):
            total += delta[i] * W[k + 1, i]
        delta_below[k] = total


@kernel
def update(W: Floats, p: Floats, delta: Floats, eta: Real) -> None:
    """Subtract eta delta_q a_p from w_pq (4), the bias node's a_0 being -1."""
    for j in range(delta.size):
        W[0, j] += eta * delta[j]
    for k in range(p.size):
        for j in range(delta.size):
            W[k + 1, j] -= eta * p[k] * delta[j]
