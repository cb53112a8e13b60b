"""The loss over many rows, such as those of a validation set after each epoch.

Computes the sum of `Reference.sample_losses` of reference.py, for all networks, after the forward
pass that recall shares. Logarithms (of float64) and exponentials (of the network's dtype) are taken
of vectors of samples: one by one, they would take as long as all else in a small network.
"""

from typing import NamedTuple

import numpy as np

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import aligned, whole_vectors
from mlp_fast.kernels.linalg.matrix import Rows, rows_from
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward_batch import (
    ROWS,
    Work,
    forward_batch,
    part_of,
    work_buffers,
)
from mlp_fast.kernels.network.loss import (
    CLIPPED,
    CROSS_ENTROPY,
    POISSON,
    SQUARED_ERROR,
    entropy,
)
from mlp_fast.kernels.simd.arrays import as_writable, flat
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.transcendental import exp, log
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import fma, lanes, splat, vsum

DOUBLE = np.dtype(np.float64)
FACTORS = 8  # of which one logarithm is taken


class Evaluation(NamedTuple):
    """Buffers for a part of the rows."""

    work: Work
    x: Floats  # float64, (capacity * n_out,): errors, or what logarithms are taken of
    t: Floats  # float64, (capacity * n_out,): their factors, or what is added to them
    e: Floats  # of the network's dtype, a whole number of vectors: exponentials


def evaluation_buffers(shape: Shape, rows: Rows) -> Evaluation:
    """Return buffers for one part of the rows, in which h is kept apart from a."""
    n_rows = min(rows.shape[0], ROWS)
    work = work_buffers(shape, rows, n_rows, in_order=True, train=True, skips=True)
    n = n_rows * shape.sizes[-1]
    x, t = aligned(n, DOUBLE), aligned(n, DOUBLE)
    return Evaluation(work, x, t, aligned(whole_vectors(n, shape.dtype), shape.dtype))


@kernel
def evaluate(network: Network, loss: int, rows: Rows, T: Floats, buffers: Evaluation) -> float:
    """Return the sum of the loss over all rows of a dense matrix."""
    return loss_of_rows(network, loss, rows, T, buffers, False)


@kernel
def evaluate_sparse(
    network: Network, loss: int, rows: Rows, T: Floats, buffers: Evaluation
) -> float:
    """Return the sum of the loss over all rows of a CSR matrix."""
    return loss_of_rows(network, loss, rows, T, buffers, True)


@inlined
def loss_of_rows(
    network: Network, loss: int, rows: Rows, T: Floats, buffers: Evaluation, sparse: bool
) -> float:
    """Return the sum of the loss, one part of the rows at a time."""
    total, work, k = 0.0, buffers.work, T.shape[0]
    for start in range(0, k, work.capacity):
        samples = work.every[: min(work.capacity, k - start)]
        part = part_of(rows_from(rows, start, work.capacity), samples, work, sparse)
        forward_batch(network, part, work, sparse)
        if loss == SQUARED_ERROR:
            total += squared_errors(network, T[start:], samples.size, buffers)
        elif loss & CLIPPED:
            total += clipped_entropies(network, loss, T[start:], samples.size, buffers)
        elif loss == CROSS_ENTROPY:
            total += cross_entropies(network, T[start:], samples.size, buffers)
        elif loss == POISSON:
            total += poisson_losses(network, T[start:], samples.size, buffers)
        else:
            total += binary_entropies(network, T[start:], samples.size, buffers)
    return total


@inner_kernel(inline=False)
def squared_errors(network: Network, T: Floats, k: int, buffers: Evaluation) -> float:
    """Return the sum of the squared error (48) over k rows that were forwarded."""
    layer, work = network.layers[network.layers.size - 1], buffers.work
    n, width = layer.n_out, layer.width
    outputs, targets = work.outputs[layer.before * work.capacity :], flat(T)
    x = buffers.x
    for i in range(k):
        for j in range(n):
            x[i * n + j] = outputs[i * width + j] - targets[i * n + j]
    n *= k
    V, summed = lanes(x), splat(0.0)
    whole = n - n % V
    for i in range(0, whole, V):
        e = load(x, i)
        summed = fma(e, e, summed)
    total = vsum(summed)
    for i in range(whole, n):
        total += x[i] * x[i]
    return float(0.5 * total)


@inner_kernel(inline=False)
def clipped_entropies(network: Network, loss: int, T: Floats, k: int, buffers: Evaluation) -> float:
    """Return the sum of either cross-entropy, of clipped probabilities, over k forwarded rows."""
    layer, work = network.layers[network.layers.size - 1], buffers.work
    begin, total = layer.before * work.capacity, 0.0
    for i in range(k):
        h = work.delta[begin + i * layer.width : begin + i * layer.width + layer.n_out]
        total += entropy(loss, layer.beta, h, as_writable(T[i]))
    return float(total)


@inner_kernel(inline=False)
def cross_entropies(network: Network, T: Floats, k: int, buffers: Evaluation) -> float:
    """Return the sum of the cross-entropy (52) over k rows that were forwarded.

    As log a_j = h_j - max h - log(1 + the other a / max a), a logarithm for each row is enough. It
    is exact where max a rounds to 1.
    """
    layer, work = network.layers[network.layers.size - 1], buffers.work
    begin, total = layer.before * work.capacity, 0.0
    for i in range(k):
        h, a = work.delta[begin + i * layer.width :], work.outputs[begin + i * layer.width :]
        highest, largest, others = h[0], a[0], 0.0
        for j in range(1, layer.n_out):
            highest = max(highest, h[j])
            others += min(largest, a[j])
            largest = max(largest, a[j])
        targets = 0.0
        for j in range(layer.n_out):
            targets += T[i, j]
            total += np.float64(T[i, j]) * (np.float64(highest) - np.float64(h[j]))
        buffers.x[i], buffers.t[i] = 1.0 + others / np.float64(largest), targets
    V = lanes(buffers.x)
    whole, summed = k - k % V, splat(0.0)
    for i in range(0, whole, V):
        summed += load(buffers.t, i) * log(load(buffers.x, i))
    total += vsum(summed)
    for i in range(whole, k):
        total += buffers.t[i] * log(buffers.x[i])
    return float(total)


@inner_kernel(inline=False)
def binary_entropies(network: Network, T: Floats, k: int, buffers: Evaluation) -> float:
    """Return the sum of the binary cross-entropy over k rows that were forwarded.

    That of one output is softplus(z) - t z, as in loss.py, and softplus(z) is max(z, 0) + log(1 +
    exp(-|z|)). What the logarithm is taken of is 2 at most, so one of many products will do. It is
    also 1 / max(a, 1 - a), which spares the exponential where a is float64: float32 would lose all
    losses below 6e-8.
    """
    layer, work = network.layers[network.layers.size - 1], buffers.work
    n, width, beta, x, t = layer.n_out, layer.width, layer.beta, buffers.x, buffers.t
    begin, targets, e = layer.before * work.capacity, flat(T), buffers.e
    h, outputs, double = work.delta[begin:], work.outputs[begin:], e.itemsize == 8
    sign = -1.0 if double else 1.0
    for i in range(k):
        for j in range(n):
            z = beta * np.float64(h[i * width + j])
            t[i * n + j] = max(z, 0.0) - targets[i * n + j] * z
            if double:
                a = np.float64(outputs[i * width + j])
                x[i * n + j] = max(a, 1.0 - a)
            else:
                e[i * n + j] = -abs(z)
    n *= k
    if not double:
        for i in range(0, n, lanes(e)):
            store(e, i, exp(load(e, i)))
        for i in range(n):
            x[i] = 1.0 + np.float64(e[i])
    V = lanes(x)
    whole, summed, logarithms = n - n % V, splat(0.0), splat(0.0)
    for i in range(0, whole, V):
        summed += load(t, i)
    for i in range(0, whole, FACTORS * V):
        product = load(x, i)
        for p in range(i + V, min(i + FACTORS * V, whole), V):
            product = product * load(x, p)
        logarithms += log(product)
    total = vsum(summed) + sign * vsum(logarithms)
    for i in range(whole, n):
        total += t[i] + sign * log(x[i])
    return float(total)


@inner_kernel(inline=False)
def poisson_losses(network: Network, T: Floats, k: int, buffers: Evaluation) -> float:
    """Return the sum of the Poisson loss (S4) over k rows that were forwarded.

    Its terms nearly cancel where a is near t, so exponentials are taken in float64, too.
    """
    layer, work = network.layers[network.layers.size - 1], buffers.work
    n, width, x, t = layer.n_out, layer.width, buffers.x, buffers.t
    h, targets = work.delta[layer.before * work.capacity :], flat(T)
    total = 0.0
    for i in range(k):
        for j in range(n):
            target = np.float64(targets[i * n + j])
            x[i * n + j], t[i * n + j] = 1.0, target
            if target != 0:  # else t log t is 0, and t h even where h is not finite
                x[i * n + j] = target
                total -= target * np.float64(h[i * width + j]) + target
    total += sum_products_of_logarithms(t, x, k * n)
    for i in range(k):
        for j in range(n):
            x[i * n + j] = h[i * width + j]
    return float(total + sum_exponentials(x, k * n))


@inner_kernel
def sum_products_of_logarithms(t: Floats, x: Floats, n: int) -> float:
    """Return the sum of t log x over n numbers."""
    V, summed = lanes(x), splat(0.0)
    whole = n - n % V
    for i in range(0, whole, V):
        summed += load(t, i) * log(load(x, i))
    total = vsum(summed)
    for i in range(whole, n):
        total += t[i] * log(x[i])
    return float(total)


@inner_kernel
def sum_exponentials(x: Floats, n: int) -> float:
    """Return the sum of exp x over n numbers."""
    V, summed = lanes(x), splat(0.0)
    whole = n - n % V
    for i in range(0, whole, V):
        summed += exp(load(x, i))
    total = vsum(summed)
    for i in range(whole, n):
        total += exp(x[i])
    return float(total)
