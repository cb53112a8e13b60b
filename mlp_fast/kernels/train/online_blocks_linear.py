"""Online training by rules that are linear in weights W and velocity V, a block of samples at once.

Computes `Reference.train` of reference.py with batches of one row, for plain gradient descent,
momentum and Nesterov's, with L2, weights of samples and clipping, if the first layer is
input-major. A step multiplies [W; V] by a matrix M, and adds -η e x_t' δ_t (U9). So, as in
online_blocks.py, the first layer needs W and V at the ends of a block of samples only:

    x_t W = (M^t)_11 x_t W_0 + (M^t)_12 x_t V_0
            - η sum over s < t of (M^(t-1-s) e)_1 (x_t . x_s) δ_s

with t counted from 0 (U10), and the block's updates are added at its end (U11). That is the price
of a second matmul for V, and of a pass over W and V for each block. The bias's row does not decay
by λ: it is updated after every sample.
"""

import math

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.linalg.csr import stored_in_rows
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.linalg.gather import prefetch_row
from mlp_fast.kernels.linalg.matmul import add_product, add_to_row, dot_product
from mlp_fast.kernels.linalg.matrix import Listed, Matrix
from mlp_fast.kernels.linalg.pack import pack, packed_buffers
from mlp_fast.kernels.network.arguments import Curves, Data, Learning, Network, Rule, Shape
from mlp_fast.kernels.network.forward import forward_layers, node_buffers
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import fma, lanes, splat
from mlp_fast.kernels.train.by_rule import (
    clip_sample,
    descend_by_rule,
    scale_delta,
    upper_state,
)
from mlp_fast.kernels.train.online import (
    back_propagate,
    descend_layers,
    loss_and_delta_of_sample,
    update_layers,
)
from mlp_fast.kernels.train.online_blocks import BLOCK, GROUP, HALF
from mlp_fast.kernels.train.online_blocks_update import (
    LEAST_SCALE,
    LinearBlock,
    add_block,
    ahead,
    combine,
    stands_still,
    update_block_linear,
)


def linear_buffers(shape: Shape, data: Data, rule: Rule) -> LinearBlock:
    """Return buffers for the samples of a block."""
    dtype, width = shape.dtype, shape.widths[1]
    return LinearBlock(
        nodes=node_buffers(shape),
        inputs=packed_buffers(BLOCK, data.rows.n, dtype, stored_in_rows(data.rows, 1)),
        h=aligned(BLOCK * width, dtype),
        u=aligned(BLOCK * width, dtype),
        delta=aligned(BLOCK * width, dtype),
        scaled=aligned(2 * BLOCK * width, dtype),
        gram=aligned(2 * BLOCK * BLOCK, dtype),
        bias=aligned(2 * width, dtype),
        gradient=aligned(shape.n_theta, dtype),
        M=np.zeros((BLOCK + 1, 6)),
    )


@kernel
def train_in_linear_blocks(
    network: Network,
    data: Data,
    rule: Learning,
    block: LinearBlock,
    curves: Curves,
    first: int,
    last: int,
) -> None:
    """Train for steps first to last (exclusive); step s is sample s % k of epoch s // k.

    Blocks are counted from the start of each epoch; `first` and `last` must be block boundaries.
    """
    take_linear_blocks(network, data, rule, block, curves, first, last, False)


@kernel
def train_sparse_in_linear_blocks(
    network: Network,
    data: Data,
    rule: Learning,
    block: LinearBlock,
    curves: Curves,
    first: int,
    last: int,
) -> None:
    """Train for steps first to last (exclusive) on CSR rows; see `train_in_linear_blocks`."""
    take_linear_blocks(network, data, rule, block, curves, first, last, True)


@inlined
def take_linear_blocks(
    network: Network,
    data: Data,
    rule: Learning,
    block: LinearBlock,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
) -> None:
    """Train for steps first to last (exclusive) on dense or CSR rows."""
    k = data.T.shape[0]
    raise_to_powers(rule, block.M)
    step, scale = first, 1.0
    while step < last:
        epoch, begin = step // k, step % k
        order = order_of(epoch, begin == 0, data, rule)
        if begin % GROUP == 0 and stands_still(rule):
            combine(network, rule, ahead(rule), 1.0, block)
            scale = 1.0
        count = min(BLOCK - begin % BLOCK, k - begin, last - step)
        samples = order[begin : begin + count]
        m = pack(data.rows, samples, block.inputs, sparse)
        count = multiply_inputs_linear(count, m, rule, block)
        sum_linear_block(network, count, m, rule, block)
        for t in range(count):
            if not data.in_order and not sparse and begin + BLOCK + t < k:
                prefetch_row(data.rows.X, order[begin + BLOCK + t])
            weight = 1.0
            if rule.sample_weights.size > 0:
                weight = np.float64(rule.sample_weights[samples[t]])
            targets = as_writable(data.T[samples[t]])
            error, loss = learn_in_block(network, t, m, rule, targets, weight, scale, block)
            curves.error[epoch] += error
            curves.loss[epoch] += loss
        if stands_still(rule):
            scale *= block.M[count, 3]
            add_block(network, count, m, rule, scale, block)
            ends = (begin + count) % GROUP == 0 or begin + count == k
            if ends or scale < LEAST_SCALE:
                combine(network, rule, -ahead(rule) if ends else 0.0, scale, block)
                scale = 1.0
        else:
            curves.loss[epoch] += update_block_linear(network, count, m, rule, block)
        step += count


@inner_kernel
def raise_to_powers(rule: Learning, M: NDArray[np.float64]) -> None:
    """Compute M^t and M^t e of all t up to BLOCK."""
    mu, decay = rule.momentum, rule.learning_rate * rule.l2
    m_11, m_12, m_21, m_22, e_1, e_2 = 1.0 - decay, mu, -decay, mu, 1.0, 1.0
    if rule.nesterov:
        m_11, m_12, e_1 = 1.0 - decay - mu * decay, mu * mu, 1.0 + mu
    a, b, c, d = 1.0, 0.0, 0.0, 1.0
    for t in range(M.shape[0]):
        M[t, 0], M[t, 1], M[t, 2], M[t, 3] = a, b, c, d
        M[t, 4], M[t, 5] = a * e_1 + b * e_2, c * e_1 + d * e_2
        a, b, c, d = (
            m_11 * a + m_12 * c,
            m_11 * b + m_12 * d,
            m_21 * a + m_22 * c,
            m_21 * b + m_22 * d,
        )


@inner_kernel
def multiply_inputs_linear(count: int, m: int, rule: Learning, block: LinearBlock) -> int:
    """Compute the products of inputs of samples s <= t, times the factors of their deltas.

    Return how many samples to take as a block: one if a product overflows.
    """
    inputs, real = block.inputs, block.inputs.x.dtype.type
    x = Matrix(inputs.x, inputs.width, 1)
    for begin in range(0, count, HALF):  # only products with later samples are used
        later = Matrix(inputs.x[begin * x.row :], x.row, 1)
        products = Matrix(block.gram[begin:], BLOCK, 1)
        dot_product(x, later, products, min(begin + HALF, count), m, min(HALF, count - begin))
    finite, both = True, rule.l2 > 0.0 and rule.state.first.size > 0
    for s in range(count):
        row, second = block.gram[s * BLOCK :], block.gram[(BLOCK + s) * BLOCK :]
        for t in range(s + 1, count):
            product = rule.learning_rate * np.float64(row[t])
            row[t] = real(block.M[t - 1 - s, 4] * product)
            if both:
                second[t] = real(block.M[t - 1 - s, 5] * product)
        finite &= are_finite(row[s + 1 : count])
    return count if finite else 1


@inner_kernel
def sum_linear_block(
    network: Network, count: int, m: int, rule: Learning, block: LinearBlock
) -> None:
    """Compute x_t W and x_t V (2) of all samples, without the bias, as before the block."""
    layer, inputs = network.layers[0], block.inputs
    listed = Listed(network.every[:count], inputs.listed[:m], True)
    x, start = Matrix(inputs.x, inputs.width, 1), layer.weights + layer.stride
    one = network.theta.dtype.type(1.0)
    W = Matrix(network.theta[start:], layer.stride, 1)
    clear_rows(block.h, count * layer.width)
    add_product(one, x, W, Matrix(block.h, layer.width, 1), listed, layer.n_out)
    if rule.state.first.size > 0:
        V = Matrix(rule.state.first[start:], layer.stride, 1)
        clear_rows(block.u, count * layer.width)
        add_product(one, x, V, Matrix(block.u, layer.width, 1), listed, layer.n_out)


@inner_kernel
def clear_rows(rows: Floats, n: int) -> None:
    """Set the first n numbers, whole vectors, to zero."""
    zero = splat(rows.dtype.type(0.0))
    for i in range(0, n, lanes(rows)):
        store(rows, i, zero)


@inner_kernel
def learn_in_block(
    network: Network,
    t: int,
    m: int,
    rule: Learning,
    targets: Floats,
    weight: float,
    scale: float,
    block: LinearBlock,
) -> tuple[float, float]:
    """Learn from sample t of a block; return Σ (a - t)², and its weighted loss with a penalty.

    The first layer's weights, but those of the bias, stay as they are; so does their penalty.
    """
    layer, nodes, top = network.layers[0], block.nodes, network.layers.size - 1
    correct_sum(network, t, rule, scale, block)
    forward_layers(network, nodes)
    error, loss = loss_and_delta_of_sample(network, rule.loss, targets, nodes)
    loss *= weight * rule.loss_scale
    if weight != 1.0:
        scale_delta(weight, top, network, nodes)
    if rule.direct and rule.clip_norm == math.inf:
        descend_layers(network, network.theta.dtype.type(rule.learning_rate), nodes)
    else:
        back_propagate(network, nodes)
        if rule.clip_norm < math.inf:
            x = block.inputs.x[t * block.inputs.width :]
            clip_sample(network, x, m, rule.clip_norm, nodes)
        loss += descend_upper_layers(network, rule, block)
    delta = nodes.delta[layer.nodes :]
    for j in range(0, layer.n_out, lanes(delta)):
        store(block.delta, t * layer.width + j, load(delta, j))
    update_bias(network, delta, rule)
    return error, loss


@inner_kernel
def correct_sum(network: Network, t: int, rule: Learning, scale: float, block: LinearBlock) -> None:
    """Write h of sample t; leave x_t W without the bias in block.h, and x_t V in block.u."""
    layer, h = network.layers[0], block.nodes.delta[network.layers[0].nodes :]
    real, M, W = h.dtype.type, block.M, network.theta[network.layers[0].weights :]
    row, moves = t * layer.width, rule.state.first.size > 0
    w, v = block.h[row:], block.u[row:]
    both = rule.l2 > 0.0 and moves
    if moves:
        m_11, m_12 = real(M[t, 0]), real(M[t, 1])
        if stands_still(rule):
            m_12 = real(-ahead(rule) * M[t, 3] * scale)
        for j in range(0, layer.n_out, lanes(h)):
            x_w, x_v = load(w, j), load(v, j)
            store(w, j, fma(m_11, x_w, m_12 * x_v))
            if both:
                store(v, j, fma(real(M[t, 2]), x_w, real(M[t, 3]) * x_v))
    elif rule.l2 > 0.0:
        for j in range(0, layer.n_out, lanes(h)):
            store(w, j, real(M[t, 0]) * load(w, j))
    gram, deltas = Matrix(block.gram, 1, BLOCK), Matrix(block.delta, layer.width, 1)
    every, one = network.every, real(1.0)
    add_to_row(-one, gram, deltas, Matrix(w, 0, 1), every, t, every[:t], layer.n_out)
    if both:
        second = Matrix(block.gram[BLOCK * BLOCK :], 1, BLOCK)
        add_to_row(-one, second, deltas, Matrix(v, 0, 1), every, t, every[:t], layer.n_out)
    for j in range(0, layer.n_out, lanes(h)):
        store(h, j, load(w, j) - load(W, j))


@inner_kernel
def descend_upper_layers(network: Network, rule: Learning, block: LinearBlock) -> float:
    """Update all layers but the first (4) by the rule; return their penalty before."""
    nodes, real = block.nodes, network.theta.dtype.type
    if rule.direct:
        update_layers(network, real(rule.learning_rate), nodes)
        return 0.0
    if network.layers.size == 1:
        return 0.0
    update_layers(Network(block.gradient, network.layers, network.every), real(-1.0), nodes)
    begin = end_of_first(network)
    state = upper_state(rule.state, begin)
    upper = network.theta[begin:]
    return descend_by_rule(upper, block.gradient[begin:], rule.l2, rule, state)


@inlined
def end_of_first(network: Network) -> int:
    """Return where the weights above the first layer begin, at a whole vector."""
    V = lanes(network.theta)
    end: int = network.theta.size
    if network.layers.size > 1:
        end = network.layers[1].weights // V * V
    return end


@inner_kernel
def update_bias(network: Network, delta: Floats, rule: Learning) -> None:
    """Update the bias's row of the first layer, whose input is -1 and which has no penalty."""
    layer, real = network.layers[0], delta.dtype.type
    W, eta, mu = network.theta[layer.weights :], real(rule.learning_rate), real(rule.momentum)
    if rule.state.first.size == 0:
        for j in range(layer.n_out):
            W[j] += eta * delta[j]
        return
    V = rule.state.first[layer.weights :]
    for j in range(layer.n_out):
        descent = eta * delta[j]
        V[j] = fma(mu, V[j], descent)
        W[j] += fma(mu, V[j], descent) if rule.nesterov else V[j]
