"""What a block of samples makes of the first layer's weights W and velocity V, if rules are linear.

With a penalty both are scaled in a pass over them (U11), a few rows at a time. Without, that pass
is spared: Z = W + k V, with k = μ / (1 - μ), or μ² / (1 - μ) for Nesterov's, stands still but for
the samples' gradients (U13), and V only shrinks, which a number can keep: V = scale U. So buffers
hold Z and U in place of W and V for a group of blocks, and the rows of inputs that are 0 rest.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.linalg.finite import SUMMED, norm
from mlp_fast.kernels.linalg.matmul import add_product
from mlp_fast.kernels.linalg.matrix import Listed, Matrix
from mlp_fast.kernels.linalg.pack import Packed
from mlp_fast.kernels.network.arguments import Learning, Network
from mlp_fast.kernels.network.forward import Nodes
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import fma, lanes, splat, vsum
from mlp_fast.kernels.train.online_blocks import BLOCK

LEAST_MOMENTUM = 0.5  # of which the 16th power is no less than 2^-16
LEAST_SCALE = 2.0**-40  # of U; smaller ones might overflow it
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


@inlined
def stands_still(rule: Learning) -> bool:
    """Return whether Z and U are kept: there is no penalty, and V shrinks, but not too fast."""
    shrinks = LEAST_MOMENTUM <= rule.momentum < 1.0
    return rule.state.first.size > 0 and rule.l2 == 0.0 and shrinks


@inlined
def ahead(rule: Learning) -> float:
    """Return k, such that W + k V is where the velocity would lead in the end."""
    mu = rule.momentum
    return (mu * mu if rule.nesterov else mu) / (1.0 - mu)


@inner_kernel
def combine(network: Network, rule: Learning, k: float, scale: float, block: LinearBlock) -> None:
    """Multiply V by `scale`, then add k V to W, but for the bias."""
    layer, real = network.layers[0], network.theta.dtype.type
    W, V = network.theta[layer.weights :], rule.state.first[layer.weights :]
    put_bias_aside(W, V, layer.n_out, block.bias)
    for i in range(0, (layer.n_in + 1) * layer.stride, lanes(W)):
        v = real(scale) * load(V, i)
        store(V, i, v)
        store(W, i, fma(real(k), v, load(W, i)))
    put_bias_back(W, V, layer.n_out, rule.state.first.size > 0, block.bias)


@inner_kernel
def add_block(
    network: Network, count: int, m: int, rule: Learning, scale: float, block: LinearBlock
) -> None:
    """Subtract eta X' (c delta) of the block from Z and U (U13), V being `scale` U after it."""
    layer, M, real = network.layers[0], block.M, block.delta.dtype.type
    for s in range(count):
        d = real(M[count - 1 - s, 5] / scale)
        for j in range(s * layer.width, s * layer.width + layer.n_out, lanes(block.delta)):
            store(block.scaled, j, d * load(block.delta, j))
    W, V = network.theta[layer.weights :], rule.state.first[layer.weights :]
    eta, e = rule.learning_rate, M[0, 4] + ahead(rule)
    add_rows(network, W, real(-eta * e), block.delta, count, m, block)
    add_rows(network, V, real(-eta), block.scaled, count, m, block)


@inner_kernel
def add_rows(
    network: Network, W: Floats, factor: Real, delta: Floats, count: int, m: int, block: LinearBlock
) -> None:
    """Add `factor` X' delta to the rows of the inputs that are listed."""
    layer, inputs = network.layers[0], block.inputs
    x, deltas = Matrix(inputs.x, 1, inputs.width), Matrix(delta, layer.width, 1)
    listed = Listed(inputs.listed[:m], network.every[:count], True)
    rows = Matrix(W[layer.stride :], layer.stride, 1)
    add_product(factor, x, deltas, rows, listed, layer.n_out)


@inner_kernel
def update_block_linear(
    network: Network, count: int, m: int, rule: Learning, block: LinearBlock
) -> float:
    """Update W and V by all samples of the block; return the sum of their first layer's penalties.

    The rows of inputs that are 0 change, too, if there is a velocity or a penalty. A few rows are
    taken at a time, so that they are still in cache when the samples are added to them.
    """
    layer, inputs, real = network.layers[0], block.inputs, network.theta.dtype.type
    W, moves = network.theta[layer.weights :], rule.state.first.size > 0
    eta, every, width = real(rule.learning_rate), network.every[:count], layer.width
    if not moves and rule.l2 == 0.0:
        add_rows(network, W, -eta, block.delta, count, m, block)
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
        b = dot(block.u[begin:], delta, n) if rule.state.first.size > 0 else 0.0
        g = (norm(x, m) * norm(delta, n)) ** 2
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
