"""Activation functions (37-45), each with its name, formula and derivative side by side.

To add one, add it to `ACTIVATIONS`, and its NumPy definition to reference.py.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlp_fast.kernels.compile.jit import inner_kernel
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.transcendental import exp, sigmoid, tanh
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.value import Value
from mlp_fast.kernels.simd.vector import by_code, first, lanes, splat

Formula = Callable[[Any, Any], Any]  # of two Values: LLVM vectors or scalars under construction


@dataclass(frozen=True, eq=False)
class Activation:
    """An activation function; there is one object of each, copied and pickled by name."""

    name: str
    formula: Formula  # a = g(h), of h and beta
    derivative: Formula | None  # g'(h), of a and beta; None if it cannot be trained
    low: float = -math.inf  # the closed range of the outputs
    high: float = math.inf
    derivative_uses_h: bool = False  # it is of h and beta: a does not determine it
    steep: bool = False  # whether g'(h) has no bound, and may be infinite where a is
    couples_layer: bool = False  # whether g couples the nodes of a layer: for the output only
    source: str = ""  # its equation in the tutorial

    @property
    def code(self) -> int:
        """Its number in kernels."""
        return CODES[self.name]

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle by name."""
        return _named, (self.name,)


def _named(name: str) -> Activation:
    return ACTIVATIONS[name]


def _sigmoid_derivative(a: Value, beta: Value) -> Any:
    return beta * (-a).fma(a, a)  # (39), a (1 - a) rounded once


def _tanh(h: Value, beta: Value) -> Any:
    return tanh.formula(h)


def _tanh_derivative(a: Value, beta: Value) -> Any:
    return (-a).fma(a, 1.0)  # (41), rounded once


def _relu(h: Value, beta: Value) -> Any:
    return (h <= 0.0).choose(0.0, h)  # NaN propagates


def _relu_derivative(a: Value, beta: Value) -> Any:
    return (a > 0.0).choose(1.0, a.constant(0.0))


def _exponential(h: Value, beta: Value) -> Any:
    return exp.formula(h)


def _exponential_derivative(a: Value, beta: Value) -> Any:
    return a


def _threshold(h: Value, beta: Value) -> Any:
    return (h > 0.0).choose(1.0, (h <= 0.0).choose(0.0, h))  # NaN propagates


def _identity(h: Value, beta: Value) -> Any:
    return h


def _one(a: Value, beta: Value) -> Any:
    return a.constant(1.0)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("sigmoid", sigmoid.formula, _sigmoid_derivative, 0.0, 1.0, source="(38)"),
        Activation("tanh", _tanh, _tanh_derivative, -1.0, 1.0, source="(40)"),
        Activation("linear", _identity, _one, source="(45)"),
        Activation("relu", _relu, _relu_derivative, 0.0),
        Activation("exponential", _exponential, _exponential_derivative, 0.0, steep=True),
        # its derivative is a Jacobian: see loss.py
        Activation("softmax", _identity, _one, 0.0, 1.0, couples_layer=True, source="(42)"),
        Activation("threshold", _threshold, None, 0.0, 1.0, source="(37)"),
    )
}
"""All activations, by name."""
CODES = {name: code for code, name in enumerate(ACTIVATIONS)}
SOFTMAX = CODES["softmax"]


def times(derivative: Formula | None) -> Callable[[Any, Any, Any], Any]:
    """Return the formula of delta g'(h), of a (or h), beta and delta."""
    if derivative is None or derivative is _one:
        return lambda operand, beta, delta: delta
    return lambda operand, beta, delta: delta * derivative(operand, beta)


g = by_code("g", [activation.formula for activation in ACTIVATIONS.values()])
"""g(code, h, beta) of vectors or scalars; for softmax, which needs the whole layer, just h."""
times_derivative = by_code(
    "times_derivative", [times(activation.derivative) for activation in ACTIVATIONS.values()]
)
"""delta g'(h) as times_derivative(code, operand, beta, delta); the operand is a, or h."""


@inner_kernel
def activate(activation: int, beta: float, h: Floats, a: Floats, n: int) -> None:
    """Write a = g(h) of n neurons, padded with zeros to a whole vector; may work in place."""
    if activation == SOFTMAX:
        softmax(h, a, n)
        return
    b = h.dtype.type(beta)
    V = lanes(h)
    whole = n - n % V
    for j in range(0, whole, V):
        store(a, j, g(activation, load(h, j), b))
    if whole < n:
        store(a, whole, first(g(activation, load(h, whole), b), n - whole))


@inner_kernel
def activate_column(activation: int, beta: float, h: Floats, a: Floats, width: int, k: int) -> None:
    """Write a = g(h) of one neuron, but for softmax, in k rows, `width` apart; may work in place.

    Rows are brought together, into whole vectors, and apart again: a vector for each row would
    compute all of its lanes for one.
    """
    b = h.dtype.type(beta)
    for i in range(k):
        a[i] = h[i * width]
    for i in range(0, k, lanes(h)):  # there is room: a row is a vector at least
        store(a, i, g(activation, load(a, i), b))
    for i in range(k - 1, -1, -1):
        of_row = a[i]
        store(a, i * width, first(splat(of_row), 1))


@inner_kernel
def softmax(h: Floats, a: Floats, n: int) -> None:
    """Write the softmax of h (42), shifted by the largest h so that nothing overflows."""
    largest, total, V = h[0], h.dtype.type(0.0), lanes(h)
    for j in range(1, n):
        largest = max(largest, h[j])
    for j in range(0, n, V):
        store(a, j, first(exp(load(h, j) - largest), n - j))
    for j in range(n):
        total += a[j]
    for j in range(0, n, V):
        store(a, j, load(a, j) / total)


@inner_kernel
def times_slope(activation: int, beta: float, operand: Floats, delta: Floats, n: int) -> None:
    """Multiply delta by g'(h) of n neurons, and pad it with zeros to a whole vector."""
    V = lanes(operand)
    b = operand.dtype.type(beta)
    whole = n - n % V
    for j in range(0, whole, V):
        store(delta, j, times_derivative(activation, load(operand, j), b, load(delta, j)))
    if whole < n:
        d = times_derivative(activation, load(operand, whole), b, load(delta, whole))
        store(delta, whole, first(d, n - whole))


@inner_kernel
def activate_each(activation: int, beta: float, h: Floats, a: Floats, n: int) -> None:
    """Write a = g(h) of n neurons one by one, without padding.

    For h that was stored number by number: a vector load would stall until those stores are done.
    """
    b = h.dtype.type(beta)
    for j in range(n):
        a[j] = g(activation, h[j], b)
