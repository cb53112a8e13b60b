"""Losses of one sample, and the errors of the last layer that follow from them."""

import numpy as np

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.network.activation import LINEAR, SOFTMAX
from mlp_fast.kernels.network.arguments import Floats
from mlp_fast.kernels.simd.transcendental import exp, log, log1p
from mlp_fast.kernels.simd.vector import lanes, load, load_first, store

SQUARED_ERROR, CROSS_ENTROPY, BINARY_CROSS_ENTROPY = range(3)


@kernel
def squared_distance(a: Floats, t: Floats) -> float:
    """Sum of (a - t)², in float64; of as many neurons as there are targets, like all here."""
    total = 0.0
    for j in range(t.size):
        e = np.float64(a[j]) - np.float64(t[j])
        total += e * e
    return total


@kernel(inline=False)  # or its constants take the registers of the loops around it
def entropy(loss: int, beta: float, h: Floats, t: Floats) -> float:
    """Either cross-entropy, from h and in float64: finite whatever the outputs were rounded to."""
    total = 0.0
    if loss == CROSS_ENTROPY:  # (52) with log a_j = h_j - log sum exp h
        largest = np.float64(h[0])
        for j in range(1, t.size):
            largest = max(largest, np.float64(h[j]))
        summed = 0.0
        for j in range(t.size):
            summed += exp(np.float64(h[j]) - largest)
        log_summed = log(summed)
        for j in range(t.size):
            if t[j] != 0:
                total += np.float64(t[j]) * (log_summed + (largest - np.float64(h[j])))
    else:  # -t log a - (1 - t) log(1 - a) = softplus(beta h) - t beta h
        for j in range(t.size):
            z = beta * np.float64(h[j])
            positive = 0.0 if z <= 0.0 else z
            total += (positive - np.float64(t[j]) * z) + log1p(exp(-abs(z)))
    return total


@kernel
def output_delta(
    loss: int, activation: int, beta: float, a: Floats, t: Floats, delta: Floats
) -> None:
    """Write the error of the last layer, dE/dh (13), but for the slope that `slope_left` tells."""
    n, V = t.size, lanes(t)
    factor = a.dtype.type(beta if loss == BINARY_CROSS_ENTROPY else 1.0)
    for j in range(0, n, V):
        target = load(t, j) if j + V <= n else load_first(t, j, n - j)
        store(delta, j, factor * (load(a, j) - target))  # (47)
    if loss == SQUARED_ERROR and activation == SOFTMAX:  # the whole Jacobian (43-44)
        mean = a.dtype.type(0.0)
        for j in range(n):
            mean += delta[j] * a[j]
        for j in range(n):
            delta[j] = a[j] * (delta[j] - mean)


@kernel
def slope_left(loss: int, activation: int) -> int:
    """Return the activation whose slope (18) is still to be multiplied with the output's delta."""
    return activation if loss == SQUARED_ERROR else LINEAR
