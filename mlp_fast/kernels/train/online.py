"""Online training: one sample at a time, the weights changed after each (algorithm 2.4.1).

The first layer, where most weights are, takes BLOCK samples in one pass. Within a block its weights
stay as they were, W; sample t sees them after the updates (4) by the samples s before it, hence

    h_t = x_t W - sum over s < t of eta (x_t . x_s) delta_s,

the bias node's -1 included in x. That is (2), but that the numbers are added in another order; what
it costs does not grow with the number of inputs, and each weight is read twice and written once for
BLOCK samples.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.csr import bring, bring_one, clear
from mlp_fast.kernels.linalg.finite import are_finite, sum_of_sizes
from mlp_fast.kernels.linalg.gather import expect_row
from mlp_fast.kernels.linalg.input_major import back_propagate_inputs, sum_inputs, update_inputs
from mlp_fast.kernels.linalg.matmul import add_product, add_to_row, dot_product
from mlp_fast.kernels.linalg.nonzero import list_inputs, pack_columns
from mlp_fast.kernels.linalg.output_major import (
    back_propagate_and_update,
    back_propagate_outputs,
    sum_outputs,
    sum_some_outputs,
    update_outputs,
    update_some_outputs,
)
from mlp_fast.kernels.network.activation import (
    SOFTMAX,
    activate,
    activate_few,
    times_slope,
    times_slope_few,
)
from mlp_fast.kernels.network.arguments import (
    BLOCK,
    Block,
    Curves,
    Data,
    Floats,
    Listed,
    Matrix,
    Network,
    Nodes,
    Real,
    Rule,
)
from mlp_fast.kernels.network.loss import (
    SQUARED_ERROR,
    entropy,
    output_delta,
    slope_left,
    squared_distance,
)
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import flat, unlocked
from mlp_fast.kernels.simd.vector import fma, lanes, load, store

HALF = BLOCK // 2
FEW = 3  # outputs that are best taken one by one


@kernel(inline=False)
def train_in_blocks(
    network: Network, data: Data, rule: Rule, block: Block, curves: Curves, first: int, last: int
) -> None:
    """Take steps first to last, of k in every epoch; step s is sample s % k of epoch s // k.

    For networks whose first layer has its rows by input. Blocks are counted from the start of each
    epoch, and `first` and `last` lie between them.
    """
    take_blocks(network, data, rule, block, curves, first, last, False)


@kernel(inline=False)
def train_sparse_in_blocks(
    network: Network, data: Data, rule: Rule, block: Block, curves: Curves, first: int, last: int
) -> None:
    """Do so with sparse rows."""
    take_blocks(network, data, rule, block, curves, first, last, True)


@inlined
def take_blocks(
    network: Network,
    data: Data,
    rule: Rule,
    block: Block,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
) -> None:
    """Do as `train_in_blocks`, with rows that are sparse or not."""
    k, n = data.T.shape[0], network.layers[0].n_out
    eta = network.theta.dtype.type(rule.learning_rate)
    width = network.layers[0].width
    step = first
    while step < last:
        epoch, begin = step // k, step % k
        order = order_of(epoch, begin == 0, data, rule)
        count = min(BLOCK - begin % BLOCK, k - begin, last - step)
        samples = order[begin : begin + count]
        m = bring(data.rows, samples, block) if sparse else pack_rows(data.rows.X, samples, block)
        count = multiply_inputs(count, m, eta, block)
        sum_block(network, count, m, block)
        for t in range(count):
            if rule.gather and not sparse and begin + BLOCK + t < k:
                expect_row(data.rows.X, order[begin + BLOCK + t])
            correct(t, n, width, block, block.nodes.delta[network.layers[0].nodes :])
            targets = unlocked(data.T[samples[t]])
            error, loss = forward_phase(network, rule.loss, targets, block.nodes)
            curves.error[epoch] += error
            curves.loss[epoch] += loss
            backward_phase(network, rule.loss, eta, targets, block.nodes)
            keep(n, block.nodes.delta[network.layers[0].nodes :], block.delta[t * width :])
        update_block(network, count, m, eta, block)
        step += count


@kernel
def pack_rows(X: Floats, samples: NDArray[np.int64], block: Block) -> int:
    """List the inputs that are not 0 in all of some samples, and pack these; return how many."""
    n = X.shape[1]
    for t in range(samples.size):
        block.places[t] = samples[t] * n
    return pack_columns(flat(X), n, samples.size, block)


@kernel
def multiply_inputs(count: int, m: int, eta: Real, block: Block) -> int:
    """Compute eta (x_s . x_t) of samples s <= t; return how many may be taken at once.

    That is one where a product is too large for a number: then the sum above is of no use.
    """
    one, x = block.x.dtype.type(1.0), Matrix(block.x, block.width, 1)
    finite = True
    for begin in range(0, count, HALF):  # of samples that come later, which is all that is used
        earlier, n = min(begin + HALF, count), min(HALF, count - begin)
        later, steps = x.values[begin * x.row :], block.steps[begin:]
        dot_product(x, Matrix(later, x.row, 1), Matrix(steps, BLOCK, 1), earlier, m, n)
        for i in range(0, earlier * BLOCK, BLOCK):
            store(steps, i, eta * (one + load(steps, i, HALF)))
            finite &= are_finite(steps[i : i + n])  # behind them may be anything
    return count if finite else 1


@kernel
def sum_block(network: Network, count: int, m: int, block: Block) -> None:
    """Compute x_t W of all samples with the weights as they are before the block (2)."""
    layer = network.layers[0]
    W, every = network.theta[layer.weights :], block.nodes.every
    for t in range(count):
        for j in range(0, layer.n_out, lanes(W)):
            store(block.h, t * layer.width + j, -load(W, j))
    one, x = W.dtype.type(1.0), Matrix(block.x, block.width, 1)
    rows, h = Matrix(W[layer.stride :], layer.stride, 1), Matrix(block.h, layer.width, 1)
    listed = Listed(every[:count], block.listed[:m], True)
    add_product(one, x, rows, h, listed, layer.n_out)


@kernel
def correct(t: int, n: int, width: int, block: Block, h: Floats) -> None:
    """Subtract what the samples before it have changed from h of sample t."""
    for j in range(0, n, lanes(h)):
        store(h, j, load(block.h, t * width + j))
    steps, deltas = Matrix(block.steps, 1, BLOCK), Matrix(block.delta, width, 1)
    every, minus = block.nodes.every, h.dtype.type(-1.0)
    add_to_row(minus, steps, deltas, Matrix(h, 0, 1), every, t, every[:t], n)


@kernel
def keep(n: int, delta: Floats, kept: Floats) -> None:
    """Copy the errors of a sample."""
    for j in range(0, n, lanes(delta)):
        store(kept, j, load(delta, j))


@kernel
def update_block(network: Network, count: int, m: int, eta: Real, block: Block) -> None:
    """Subtract eta x_t delta_t of all samples from the weights (4)."""
    layer = network.layers[0]
    W, every = network.theta[layer.weights :], block.nodes.every
    for j in range(0, layer.n_out, lanes(W)):
        total = load(block.delta, j)
        for t in range(1, count):
            total += load(block.delta, t * layer.width + j)
        store(W, j, fma(eta, total, load(W, j)))
    x, delta = Matrix(block.x, 1, block.width), Matrix(block.delta, layer.width, 1)
    listed = Listed(block.listed[:m], every[:count], True)
    rows = Matrix(W[layer.stride :], layer.stride, 1)
    add_product(-eta, x, delta, rows, listed, layer.n_out)


@kernel(inline=False)
def train_one_by_one(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Do as `train_in_blocks` for networks whose first layer has its rows by output."""
    take_one_by_one(network, data, rule, nodes, curves, first, last, False)


@kernel(inline=False)
def train_sparse_one_by_one(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Do so with sparse rows."""
    take_one_by_one(network, data, rule, nodes, curves, first, last, True)


@inlined
def take_one_by_one(
    network: Network,
    data: Data,
    rule: Rule,
    nodes: Nodes,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
) -> None:
    """Do as `train_one_by_one`, with rows that are sparse or not."""
    k, layer = data.T.shape[0], network.layers[0]
    W, h = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    eta = network.theta.dtype.type(rule.learning_rate)
    for step in range(first, last):
        epoch, s = step // k, step % k
        order = order_of(epoch, s == 0, data, rule)
        t = unlocked(data.T[order[s]])
        if sparse:
            m = bring_one(data.rows, order[s], nodes.a, nodes.listed)
            sum_some_outputs(W, layer.stride, nodes.a, nodes.listed[:m], h, layer.n_out)
        else:
            x = unlocked(data.rows.X[order[s]])
            m = first_sum(network, x, nodes)
        error, loss = forward_phase(network, rule.loss, t, nodes)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        backward_phase(network, rule.loss, eta, t, nodes)
        if sparse:
            places = nodes.listed[:m]
            update_some_outputs(W, layer.stride, nodes.a, places, eta, h, layer.n_out)
            clear(data.rows, order[s : s + 1], nodes.a, data.rows.n)
        else:
            first_update(network, x, m, eta, nodes)


@kernel(inline=False)
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

    They are left alone if the loss is not finite or if, as a careful caller wants to know, a weight
    might overflow.
    """
    x, t = unlocked(x), unlocked(t)
    m = first_sum(network, x, nodes)
    _, value = forward_phase(network, loss, t, nodes)
    if not math.isfinite(value):
        return value, False
    eta = network.theta.dtype.type(learning_rate)
    error_phase(network, loss, t, nodes)
    if careful and not stays_finite(network, eta, x, nodes):
        return value, False
    update_phase(network, eta, nodes)
    first_update(network, x, m, eta, nodes)
    return value, True


@kernel
def stays_finite(network: Network, eta: Real, x: Floats, nodes: Nodes) -> bool:
    """Return whether no finite weight can overflow: if not, one may, or a number is not finite.

    No update eta delta_q a_p is larger than eta times the sums of the sizes of all delta and a, and
    neither are eta delta_q and eta a_p, of which kernels make it, without the other sum. An update
    of less than half an ulp of the largest number changes no weight into infinity; another factor
    of two is for the roundings.
    """
    half_ulp, largest = 2.0**969, 2.0**1023
    if network.theta.itemsize == 4:
        half_ulp, largest = 2.0**102, 2.0**127
    inputs = 1.0 + sum_of_sizes(x, x.size)
    for l in range(network.layers.size):
        layer = network.layers[l]
        errors = sum_of_sizes(nodes.delta[layer.nodes :], layer.n_out)
        if not (eta * inputs < largest and eta * errors < largest):
            return False
        if not eta * errors * inputs < half_ulp:
            return False
        inputs = 1.0 + sum_of_sizes(nodes.a[layer.nodes :], layer.n_out)
    return True


@kernel
def first_sum(network: Network, x: Floats, nodes: Nodes) -> int:
    """Compute h of the first layer (2); return how many inputs were listed for it."""
    layer = network.layers[0]
    W, h = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    if layer.by_input:
        m = list_inputs(x, nodes.listed)
        sum_inputs(W, layer.stride, x, nodes.listed[:m], h, layer.n_out)
        return m
    for p in range(x.size):
        nodes.a[p] = x[p]
    sum_outputs(W, layer.stride, nodes.a, layer.n_in, h, layer.n_out)
    return 0


@kernel
def first_update(network: Network, x: Floats, m: int, eta: Real, nodes: Nodes) -> None:
    """Update the first layer (4) by the inputs that its sum was computed from."""
    layer = network.layers[0]
    W, delta = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    if layer.by_input:
        update_inputs(W, layer.stride, x, nodes.listed[:m], eta, delta, layer.n_out)
    else:
        update_outputs(W, layer.stride, nodes.a, layer.n_in, eta, delta, layer.n_out)


@kernel
def forward_layers(network: Network, nodes: Nodes) -> None:
    """From h of the first layer on, compute all outputs (2, 3)."""
    for l in range(network.layers.size):
        layer = network.layers[l]
        h, a = nodes.delta[layer.nodes :], nodes.a[layer.nodes :]
        if l > 0:
            below = network.layers[l - 1]
            W, p = network.theta[layer.weights :], nodes.a[below.nodes :]
            n_in, n = layer.n_in, layer.n_out
            if layer.by_input:
                sum_inputs(W, layer.stride, p, nodes.every[:n_in], h, n)
            else:
                sum_outputs(W, layer.stride, p, n_in, h, n)
        if layer.n_out <= FEW and not layer.by_input and layer.activation != SOFTMAX:
            activate_few(layer.activation, layer.beta, h, a, layer.n_out)
        else:
            activate(layer.activation, layer.beta, h, a, layer.n_out)


@kernel
def forward_phase(network: Network, loss: int, t: Floats, nodes: Nodes) -> tuple[float, float]:
    """From h of the first layer on, compute all outputs; return the sum of (a - t)² and loss."""
    forward_layers(network, nodes)
    top = network.layers[network.layers.size - 1]
    h, a = nodes.delta[top.nodes :], nodes.a[top.nodes :]
    error = squared_distance(a, t)
    if loss == SQUARED_ERROR:
        return error, 0.5 * error  # (48)
    return error, entropy(loss, top.beta, h, t)


@kernel
def backward_phase(network: Network, loss: int, eta: Real, t: Floats, nodes: Nodes) -> None:
    """From the last layer down to the second: the error of the layer below, then the update."""
    layers = network.layers
    top_error(network, loss, t, nodes)
    for l in range(layers.size - 1, 0, -1):
        layer, below = layers[l], layers[l - 1]
        W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
        delta = nodes.delta[layer.nodes :]
        a, delta_below = nodes.a[below.nodes :], nodes.delta[below.nodes :]
        if layer.by_input:
            back_propagate_inputs(W, layer.stride, delta, n, delta_below, n_in)
            update_inputs(W, layer.stride, a, nodes.every[:n_in], eta, delta, n)
        else:
            back_propagate_and_update(W, layer.stride, a, n_in, eta, delta, n, delta_below)
        times_slope(below.activation, below.beta, a, delta_below, n_in)


@kernel
def top_error(network: Network, loss: int, t: Floats, nodes: Nodes) -> None:
    """Write the error of the last layer (18)."""
    top = network.layers[network.layers.size - 1]
    a, delta = nodes.a[top.nodes :], nodes.delta[top.nodes :]
    output_delta(loss, top.activation, top.beta, a, t, delta)
    left = slope_left(loss, top.activation)
    if top.n_out <= FEW and not top.by_input:
        times_slope_few(left, top.beta, a, delta, top.n_out)
    else:
        times_slope(left, top.beta, a, delta, top.n_out)


@kernel
def error_phase(network: Network, loss: int, t: Floats, nodes: Nodes) -> None:
    """Write the errors of all layers (18, 36), and leave the weights as they are."""
    layers = network.layers
    top_error(network, loss, t, nodes)
    for l in range(layers.size - 1, 0, -1):
        layer, below = layers[l], layers[l - 1]
        W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
        a, delta_below = nodes.a[below.nodes :], nodes.delta[below.nodes :]
        delta = nodes.delta[layer.nodes :]
        if layer.by_input:
            back_propagate_inputs(W, layer.stride, delta, n, delta_below, n_in)
        else:
            back_propagate_outputs(W, layer.stride, delta, n, nodes.every, delta_below, n_in)
        times_slope(below.activation, below.beta, a, delta_below, n_in)


@kernel
def update_phase(network: Network, eta: Real, nodes: Nodes) -> None:
    """Update all layers but the first (4) by their errors."""
    for l in range(1, network.layers.size):
        layer, below = network.layers[l], network.layers[l - 1]
        W, n_in, n = network.theta[layer.weights :], layer.n_in, layer.n_out
        delta, a = nodes.delta[layer.nodes :], nodes.a[below.nodes :]
        if layer.by_input:
            update_inputs(W, layer.stride, a, nodes.every[:n_in], eta, delta, n)
        else:
            update_outputs(W, layer.stride, a, n_in, eta, delta, n)
