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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.linalg.csr import stored_in_rows
from mlp_fast.kernels.linalg.finite import SUMMED, are_finite, squared_norm
from mlp_fast.kernels.linalg.gather import prefetch_row
from mlp_fast.kernels.linalg.matmul import add_product, add_to_row, dot_product
from mlp_fast.kernels.linalg.matrix import Listed, Matrix
from mlp_fast.kernels.linalg.pack import Packed, pack, packed_buffers
from mlp_fast.kernels.network.arguments import Curves, Data, Learning, Network, Rule, Shape
from mlp_fast.kernels.network.forward import Nodes, forward_layers, node_buffers
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import fma, lanes, splat, vsum
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
from mlp_fast.kernels.train.online_blocks import BLOCK, HALF

AT_ONCE = 16  # rows of W and of V, which with the deltas are to fit in the L1 cache


class LinearBlock(NamedTuple):
    """Buffers of the first layer for a block of samples: a row for each, padded with zeros."""

    nodes: Nodes
    inputs: Packed
    h: Floats  # (BLOCK, width of the first layer), x_t W_0, later x_t W_t, without the bias
    u: Floats  # (BLOCK, width of the first layer), x_t V_0; with a penalty, later x_t V_t
    delta: Floats  # (BLOCK, width of the first layer)
    scaled: Floats  # (2, BLOCK, width of the first layer), c_s delta_s for W and for V
    gram: Floats  # (2, BLOCK, BLOCK), eta (M^(t-s) e)_1 or _2 times x_s . x_t of each pair s < t
    bias: Floats  # (2, width of the first layer), the bias's rows of W and V
    gradient: Floats  # like theta, for the layers above
    M: NDArray[np.float64]  # (BLOCK + 1, 6), (M^t)_11, _12, _21, _22 and (M^t e)_1, _2


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
    step = first
    while step < last:
        epoch, begin = step // k, step % k
        order = order_of(epoch, begin == 0, data, rule)
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
            error, loss = learn_in_block(network, t, m, rule, targets, weight, block)
            curves.error[epoch] += error
            curves.loss[epoch] += loss
        curves.loss[epoch] += update_linear_block(network, count, m, rule, block)
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
    finite, both = True, rule.l2 > 0.0 and rule.momentum > 0.0
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
    if rule.momentum > 0.0:
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
    block: LinearBlock,
) -> tuple[float, float]:
    """Learn from sample t of a block; return Σ (a - t)², and its weighted loss with a penalty.

    The first layer's weights, but those of the bias, stay as they are; so does their penalty.
    """
    layer, nodes, top = network.layers[0], block.nodes, network.layers.size - 1
    correct_sum(network, t, rule, block)
    forward_layers(network, nodes)
    error, loss = loss_and_delta_of_sample(network, rule.loss, targets, nodes)
    loss *= weight
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
def correct_sum(network: Network, t: int, rule: Learning, block: LinearBlock) -> None:
    """Write h of sample t; leave x_t W without the bias in block.h, and x_t V in block.u."""
    layer, h = network.layers[0], block.nodes.delta[network.layers[0].nodes :]
    real, M, W = h.dtype.type, block.M, network.theta[network.layers[0].weights :]
    row, moves = t * layer.width, rule.momentum > 0.0
    w, v = block.h[row:], block.u[row:]
    both = rule.l2 > 0.0 and moves
    if moves:
        for j in range(0, layer.n_out, lanes(h)):
            x_w, x_v = load(w, j), load(v, j)
            store(w, j, fma(real(M[t, 0]), x_w, real(M[t, 1]) * x_v))
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
    return descend_by_rule(network.theta[begin:], block.gradient[begin:], rule, state)


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
    if rule.momentum == 0.0:
        for j in range(layer.n_out):
            W[j] += eta * delta[j]
        return
    V = rule.state.first[layer.weights :]
    for j in range(layer.n_out):
        descent = eta * delta[j]
        V[j] = fma(mu, V[j], descent)
        W[j] += fma(mu, V[j], descent) if rule.nesterov else V[j]


@inner_kernel
def update_linear_block(
    network: Network, count: int, m: int, rule: Learning, block: LinearBlock
) -> float:
    """Update W and V by all samples of the block; return the sum of their first layer's penalties.

    The rows of inputs that are 0 change, too, if there is a velocity or a penalty. A few rows are
    taken at a time, so that they are still in cache when the samples are added to them.
    """
    layer, inputs, real = network.layers[0], block.inputs, network.theta.dtype.type
    W, moves = network.theta[layer.weights :], rule.momentum > 0.0
    eta, every, width = real(rule.learning_rate), network.every[:count], layer.width
    if not moves and rule.l2 == 0.0:
        x, delta = Matrix(inputs.x, 1, inputs.width), Matrix(block.delta, width, 1)
        listed, rows = (
            Listed(inputs.listed[:m], every, True),
            Matrix(W[layer.stride :], layer.stride, 1),
        )
        add_product(-eta, x, delta, rows, listed, layer.n_out)
        return 0.0
    V = rule.state.first[layer.weights :] if moves else W
    w_delta, v_delta = (
        Matrix(block.scaled, width, 1),
        Matrix(block.scaled[BLOCK * width :], width, 1),
    )
    scale_deltas(count, layer.n_out, width, block)
    put_bias_aside(W, V, layer.n_out, block.bias)
    rows_at_once = layer.n_in if layer.stride % lanes(W) != 0 else AT_ONCE
    ww, wv, vv, done = 0.0, 0.0, 0.0, 0
    for p in range(0, layer.n_in, rows_at_once):
        q = min(p + rows_at_once, layer.n_in)
        begin = (p + 1) * layer.stride if p > 0 else 0
        norms = scale_rows(W, V, begin, (q + 1) * layer.stride, moves, block.M[count])
        ww, wv, vv = ww + norms[0], wv + norms[1], vv + norms[2]
        first = done
        while done < m and inputs.listed[done] < q:
            done += 1
        x, listed = (
            Matrix(inputs.x[first:], 1, inputs.width),
            Listed(inputs.listed[first:done], every, True),
        )
        add_product(
            -eta, x, w_delta, Matrix(W[layer.stride :], layer.stride, 1), listed, layer.n_out
        )
        if moves:
            add_product(
                -eta, x, v_delta, Matrix(V[layer.stride :], layer.stride, 1), listed, layer.n_out
            )
    put_bias_back(W, V, layer.n_out, moves, block.bias)
    if rule.l2 == 0.0:
        return 0.0
    return 0.5 * rule.l2 * sum_of_norms(network, count, m, rule, (ww, wv, vv), block)


@inner_kernel
def scale_deltas(count: int, n: int, width: int, block: LinearBlock) -> None:
    """Write c_s delta_s of all samples, for W and for V."""
    real, delta, scaled = block.delta.dtype.type, block.delta, block.scaled
    for s in range(count):
        c, d = real(block.M[count - 1 - s, 4]), real(block.M[count - 1 - s, 5])
        for j in range(s * width, s * width + n, lanes(delta)):
            store(scaled, j, c * load(delta, j))
            store(scaled, BLOCK * width + j, d * load(delta, j))


@inner_kernel
def put_bias_aside(W: Floats, V: Floats, n: int, bias: Floats) -> None:
    """Leave zeros in the bias's rows of W and V, which may be the same, and keep what was there."""
    for j in range(n):
        bias[j], bias[n + j] = W[j], V[j]
    for j in range(n):
        W[j] = V[j] = 0


@inner_kernel
def put_bias_back(W: Floats, V: Floats, n: int, moves: bool, bias: Floats) -> None:
    """Undo `put_bias_aside`."""
    for j in range(n):
        W[j] = bias[j]
        if moves:
            V[j] = bias[n + j]


@inner_kernel
def scale_rows(
    W: Floats, V: Floats, begin: int, end: int, moves: bool, M: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Multiply [W; V] by M from `begin` on, in whole vectors; return ‖W‖², W . V, ‖V‖² before."""
    real = W.dtype.type
    m_11, m_12, m_21, m_22 = real(M[0]), real(M[1]), real(M[2]), real(M[3])
    ww, wv, vv = 0.0, 0.0, 0.0
    for p in range(begin, end, SUMMED):
        s_ww = s_wv = s_vv = splat(real(0.0))
        for i in range(p, min(p + SUMMED, end), lanes(W)):
            w = load(W, i)
            s_ww = fma(w, w, s_ww)
            if moves:
                v = load(V, i)
                s_wv, s_vv = fma(w, v, s_wv), fma(v, v, s_vv)
                store(W, i, fma(m_11, w, m_12 * v))
                store(V, i, fma(m_21, w, m_22 * v))
            else:
                store(W, i, m_11 * w)
        ww, wv, vv = ww + vsum(s_ww), wv + vsum(s_wv), vv + vsum(s_vv)
    return ww, wv, vv


@inner_kernel
def sum_of_norms(
    network: Network,
    count: int,
    m: int,
    rule: Learning,
    norms: tuple[float, float, float],
    block: LinearBlock,
) -> float:
    """Return the sum of ‖W‖² before each sample of the block, from that before the block (U12)."""
    ww, wv, vv = norms
    width, M, eta, total = network.layers[0].width, block.M, rule.learning_rate, 0.0
    m_11, m_12, m_21, m_22, e_1, e_2 = M[1, 0], M[1, 1], M[1, 2], M[1, 3], M[0, 4], M[0, 5]
    for t in range(count):
        total += ww
        begin, n = t * width, network.layers[0].n_out
        delta, x = block.delta[begin:], block.inputs.x[t * block.inputs.width :]
        a = dot(block.h[begin:], delta, n)
        b = dot(block.u[begin:], delta, n) if rule.momentum > 0.0 else 0.0
        g = squared_norm(x, m) * squared_norm(delta, n)
        w_g, v_g = m_11 * a + m_12 * b, m_21 * a + m_22 * b
        ww, wv, vv = (
            m_11 * m_11 * ww
            + 2 * m_11 * m_12 * wv
            + m_12 * m_12 * vv
            - eta * e_1 * (2 * w_g - eta * e_1 * g),
            m_11 * m_21 * ww
            + (m_11 * m_22 + m_12 * m_21) * wv
            + m_12 * m_22 * vv
            - eta * (e_2 * w_g + e_1 * v_g - eta * e_1 * e_2 * g),
            m_21 * m_21 * ww
            + 2 * m_21 * m_22 * wv
            + m_22 * m_22 * vv
            - eta * e_2 * (2 * v_g - eta * e_2 * g),
        )
    return total


@inner_kernel
def dot(a: Floats, b: Floats, n: int) -> float:
    """Return the dot product of the first n numbers, in float64."""
    total = 0.0
    for j in range(n):
        total += np.float64(a[j]) * np.float64(b[j])
    return total
