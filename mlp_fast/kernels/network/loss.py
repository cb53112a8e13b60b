"""Losses, each with its name, its formula, and the delta of the output layer that follows from it.

All training gets errors, losses and the output's delta here: from `loss_and_delta` for one sample,
from `output_delta` and `sum_losses` where a vector holds many samples.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.network.activation import ACTIVATIONS, SOFTMAX, times
from mlp_fast.kernels.simd.memory import load, load_first, store
from mlp_fast.kernels.simd.transcendental import exp, log, log1p
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.value import Value
from mlp_fast.kernels.simd.vector import by_code, first, lanes


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss function; there is one object of each, copied and pickled by name."""

    name: str
    outputs: tuple[str, ...]  # the output activations it pairs with; () for all with a derivative
    source: str = ""  # its equation in the tutorial

    @property
    def code(self) -> int:
        """Its number in kernels."""
        return CODES[self.name]

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by name."""
        return _named, (self.name,)


def _named(name: str) -> Loss:
    return LOSSES[name]


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("squared_error", (), source="(46)"),
        Loss("cross_entropy", ("softmax",), source="(52)"),
        Loss("binary_cross_entropy", ("sigmoid",)),
        Loss("poisson", ("exponential",)),
    )
}
CODES = {name: code for code, name in enumerate(LOSSES)}
SQUARED_ERROR, CROSS_ENTROPY = CODES["squared_error"], CODES["cross_entropy"]
POISSON = CODES["poisson"]
LOG_2 = math.log(2.0)
CLIPPED = 1 << 8  # added to a code: entropies are those of probabilities from eps to 1 - eps


def _beta(operand: Value, beta: Value) -> Value:
    return beta  # what is left of g'(h) where it cancels; 1 for all outputs but the sigmoid


@inlined
def squared(e: Real) -> float:
    """Return e² in float64."""
    return np.float64(e) * np.float64(e)


@inner_kernel(inline=False)  # inlined, its constants would take registers from the loops around it
def entropy(loss: int, beta: float, h: Floats, t: Floats) -> float:
    """Return any other loss than the squared error, from h in float64: a may round to 0."""
    total, kind, (least, most) = 0.0, loss & (CLIPPED - 1), clipped_range(loss, h)
    if kind == CROSS_ENTROPY:  # (52) with log a_j = h_j - log sum exp h
        largest = np.float64(h[0])
        for j in range(1, t.size):
            largest = max(largest, np.float64(h[j]))
        summed = 0.0
        for j in range(t.size):
            summed += exp(np.float64(h[j]) - largest)
        log_summed = log(summed)
        for j in range(t.size):
            if t[j] != 0:
                minus_log = log_summed + (largest - np.float64(h[j]))
                total += np.float64(t[j]) * min(max(minus_log, least), most)
    elif kind == POISSON:
        for j in range(t.size):
            total += poisson(np.float64(h[j]), np.float64(t[j]))
    elif loss == kind:
        for j in range(t.size):
            total += binary_entropy(beta * np.float64(h[j]), np.float64(t[j]))
    else:
        for j in range(t.size):
            a, of_1 = clipped_sigmoid(beta * np.float64(h[j]), h), np.float64(t[j])
            if of_1 != 0.0:
                total -= of_1 * log(a)
            if of_1 != 1.0:
                total -= (1.0 - of_1) * log(1.0 - a)
    return total


@inlined
def clipped_sigmoid(z: float, h: Floats) -> float:
    """Return sigmoid(z) rounded to the dtype of h, and clipped (K2).

    Of outputs near 1 scikit-learn's loss is that of the rounded ones. L-BFGS sees the difference.
    """
    e = exp(-abs(z))
    a = (1.0 if z > 0.0 else e) / (1.0 + e)
    if h.itemsize == 4:
        a = np.float64(np.float32(a))
    eps = 1.0 / (1 << (52 if h.itemsize == 8 else 23))
    if a < eps:
        a = eps
    elif a > 1.0 - eps:
        a = 1.0 - eps
    return float(a)


@inlined
def clipped_range(loss: int, h: Floats) -> tuple[float, float]:
    """Return -log(1 - eps) and -log(eps) (K2), or 0 and infinity if nothing is clipped."""
    least, most = 0.0, np.inf
    if loss & CLIPPED:
        bits = 52 if h.itemsize == 8 else 23
        eps = 1.0 / (1 << bits)
        least, most = eps + 0.5 * eps * eps, LOG_2 * bits
    return least, most


@inner_kernel
def binary_entropy(z: float, t: float) -> float:
    """Return -t log a - (1 - t) log(1 - a) for a = sigmoid(z), as softplus(z) - t z."""
    positive = 0.0 if z <= 0.0 else z
    return float((positive - t * z) + log1p(exp(-abs(z))))


@inner_kernel
def poisson(h: float, t: float) -> float:
    """Return t log(t / a) - t + a for a = exp h, where t log t is 0 if t is (S4)."""
    if t == 0.0:
        return float(exp(h))
    return float((t * (log(t) - h) - t) + exp(h))


CANCELLED = len(ACTIVATIONS)
output_delta = by_code(
    "output_delta",
    [*(times(activation.derivative) for activation in ACTIVATIONS.values()), times(_beta)],
)
"""dE/dh of outputs (13) as output_delta(code, operand, beta, e), from e = a - t (47).

Of vectors or scalars; `code` comes from `output_code`, and `operand` is what g'(h) is computed
from: a, or h. Softmax with the squared error needs the whole row: see `loss_and_delta`.
"""


@inlined
def output_code(loss: int, activation: int) -> int:
    """Return the code of the formula for the output's delta: g'(h) cancels but for one loss."""
    return activation if loss == SQUARED_ERROR else CANCELLED


@inner_kernel
def loss_and_delta(
    loss: int,
    activation: int,
    beta: float,
    h: Floats,
    a: Floats,
    operand: Floats,
    t: Floats,
    delta: Floats,
) -> tuple[float, float]:
    """Write delta of a sample's outputs (13); return the sum of (a - t)² and the loss.

    Delta may overwrite h. It is padded with zeros to a whole vector.
    """
    n, V = t.size, lanes(t)
    b, code = a.dtype.type(beta), output_code(loss, activation)
    error, value = 0.0, 0.0
    if loss != SQUARED_ERROR:
        value = entropy(loss, beta, h, t)
    for j in range(n):
        error += squared(a[j] - t[j])
    whole = n - n % V
    for j in range(0, whole, V):
        e = load(a, j) - load(t, j)  # (47)
        store(delta, j, output_delta(code, load(operand, j), b, e))
    if whole < n:
        e = load(a, whole) - load_first(t, whole, n - whole)
        d = output_delta(code, load(operand, whole), b, e)
        store(delta, whole, first(d, n - whole))
    if loss == SQUARED_ERROR:
        value = 0.5 * error  # (48)
        if activation == SOFTMAX:  # the full Jacobian (43-44)
            mean = a.dtype.type(0.0)
            for j in range(n):
                mean += delta[j] * a[j]
            for j in range(n):
                delta[j] = a[j] * (delta[j] - mean)
    return error, value


@inner_kernel
def loss_and_delta_one_by_one(
    loss: int,
    activation: int,
    beta: float,
    h: Floats,
    a: Floats,
    operand: Floats,
    t: Floats,
    delta: Floats,
) -> tuple[float, float]:
    """Write delta of a sample's outputs (13) one by one; return the sum of (a - t)² and the loss.

    Not for softmax. For outputs that were stored number by number: a vector load would stall until
    those stores are done.
    """
    b, code = a.dtype.type(beta), output_code(loss, activation)
    error, value = 0.0, 0.0
    if loss != SQUARED_ERROR:
        value = entropy(loss, beta, h, t)
    for j in range(t.size):
        e = a[j] - t[j]  # (47)
        error += squared(e)
        delta[j] = output_delta(code, operand[j], b, e)
    return error, (0.5 * error if loss == SQUARED_ERROR else value)  # (48)


@inlined
def sum_losses(
    loss: int, beta: float, e: Floats, h: Floats, t: Floats, k: int
) -> tuple[float, float]:
    """Return the sums of (a - t)² and of the loss over k contiguous samples of one output."""
    error = 0.0
    for s in range(k):
        error += squared(e[s])
    return error, 0.5 * error if loss == SQUARED_ERROR else sum_entropies(
        loss, beta, h, t, k
    )  # (48)


@inner_kernel(inline=False)  # as entropy
def sum_entropies(loss: int, beta: float, h: Floats, t: Floats, k: int) -> float:
    """Sum `entropy` of k samples of one output, which is never softmax."""
    total = 0.0
    if loss == POISSON:
        for s in range(k):
            total += poisson(np.float64(h[s]), np.float64(t[s]))
        return total
    for s in range(k):
        total += binary_entropy(beta * np.float64(h[s]), np.float64(t[s]))
    return total
