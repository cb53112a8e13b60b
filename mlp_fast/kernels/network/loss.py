"""Losses, each with its name, its formula and the errors of the last layer that follow from it.

Whatever trains computes errors, losses and deltas of the output here: `judge` for the outputs of
one sample, `output_delta` and `sum_losses` where samples lie side by side in vectors.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.network.activation import SOFTMAX, times_derivative
from mlp_fast.kernels.simd.memory import load, load_first, store
from mlp_fast.kernels.simd.transcendental import exp, log, log1p
from mlp_fast.kernels.simd.types import Floats, Real, Vector
from mlp_fast.kernels.simd.vector import first, lanes


@dataclass(frozen=True)
class Loss:
    """What the package knows of a loss; like activations, compared by ``==``."""

    name: str
    outputs: tuple[str, ...]  # the output activations it pairs with; of () all with a derivative

    @property
    def code(self) -> int:
        """The number by which kernels know it."""
        return CODES[self.name]

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the name alone."""
        return LOSSES.__getitem__, (self.name,)


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("squared_error", ()),  # (46)
        Loss("cross_entropy", ("softmax",)),  # (52)
        Loss("binary_cross_entropy", ("sigmoid",)),
    )
}
CODES = {name: code for code, name in enumerate(LOSSES)}
SQUARED_ERROR, CROSS_ENTROPY = CODES["squared_error"], CODES["cross_entropy"]


@inlined
def squared(e: Real) -> float:
    """Return e² in float64."""
    return np.float64(e) * np.float64(e)


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


@inlined
def output_delta(loss: int, activation: int, beta: Real, told: Vector, e: Vector) -> Vector:
    """Return dE/dh of outputs (13) from e = a - t (47), vectors or numbers.

    `told` is what g'(h) is told from. With the entropies it cancels, but for beta, which is 1 for
    all outputs but the sigmoid. The squared error of softmax needs a whole row: see `judge`.
    """
    return times_derivative(activation, told, beta, e) if loss == SQUARED_ERROR else beta * e


@kernel
def judge(
    loss: int,
    activation: int,
    beta: float,
    h: Floats,
    a: Floats,
    told: Floats,
    t: Floats,
    delta: Floats,
    each: bool,
) -> tuple[float, float]:
    """Write delta of a sample's outputs (13); return the sum of (a - t)² and the loss.

    Delta may lie where h does. It ends in zeros, up to a whole vector, unless it is to be written
    one by one: a vector would wait for outputs that were so stored.
    """
    n, V = t.size, lanes(t)
    b = a.dtype.type(beta)
    error, value = 0.0, 0.0
    if loss != SQUARED_ERROR:
        value = entropy(loss, beta, h, t)
    if each:
        for j in range(n):
            e = a[j] - t[j]  # (47)
            error += squared(e)
            delta[j] = output_delta(loss, activation, b, told[j], e)
    else:
        for j in range(n):
            error += squared(a[j] - t[j])
        whole = n - n % V
        for j in range(0, whole, V):
            e = load(a, j) - load(t, j)
            store(delta, j, output_delta(loss, activation, b, load(told, j), e))
        if whole < n:
            e = load(a, whole) - load_first(t, whole, n - whole)
            d = output_delta(loss, activation, b, load(told, whole), e)
            store(delta, whole, first(d, n - whole))
    if loss == SQUARED_ERROR:
        value = 0.5 * error  # (48)
        if activation == SOFTMAX:  # the whole Jacobian (43-44)
            mean = a.dtype.type(0.0)
            for j in range(n):
                mean += delta[j] * a[j]
            for j in range(n):
                delta[j] = a[j] * (delta[j] - mean)
    return error, value


@inlined
def sum_losses(
    loss: int, beta: float, e: Floats, h: Floats, t: Floats, k: int
) -> tuple[float, float]:
    """Return the sums of (a - t)² and of the loss over k samples of one output, end to end."""
    error, value = 0.0, 0.0
    for s in range(k):
        error += squared(e[s])
    if loss == SQUARED_ERROR:
        value = 0.5 * error  # (48)
    else:
        for s in range(k):
            value += entropy(loss, beta, h[s:], t[s : s + 1])
    return error, value
