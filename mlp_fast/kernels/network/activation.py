"""Activation functions (37-45) and their derivatives."""

from typing import Any

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.network.arguments import Floats, Real, Vector
from mlp_fast.kernels.simd.transcendental import exp, sigmoid, tanh
from mlp_fast.kernels.simd.vector import Value, elementwise, first, lanes, load, store

THRESHOLD, SIGMOID, TANH, SOFTMAX, LINEAR, RELU = range(6)


@elementwise
def threshold(h: Value) -> Any:
    """Return 1 above 0 and 0 elsewhere (37); NaN stays NaN."""
    return (h > 0.0).choose(1.0, (h <= 0.0).choose(0.0, h))


@elementwise
def relu(h: Value) -> Any:
    """Return h above 0 and 0 elsewhere; NaN stays NaN."""
    return (h <= 0.0).choose(0.0, h)


@elementwise
def sigmoid_slope(a: Value) -> Any:
    """Return a(1 - a) (39), but for beta; rounded once."""
    return (-a).fma(a, a)


@elementwise
def tanh_slope(a: Value) -> Any:
    """Return 1 - a² (41), rounded once."""
    return (-a).fma(a, 1.0)


@elementwise
def relu_slope(a: Value) -> Any:
    """Return 1 above 0 and 0 elsewhere."""
    return (a > 0.0).choose(1.0, a.constant(0.0))


@inlined
def g(activation: int, beta: Real, h: Vector) -> Vector:
    """Return g(h) of a vector or a number; not for softmax, which needs the whole layer."""
    if activation == SIGMOID:
        h = sigmoid(h, beta)  # (38)
    elif activation == TANH:
        h = tanh(h)  # (40)
    elif activation == RELU:
        h = relu(h)
    elif activation == THRESHOLD:
        h = threshold(h)
    return h  # linear (45)


@inlined
def times_g_slope(activation: int, beta: Real, a: Vector, delta: Vector) -> Vector:
    """Return delta g'(h) of a vector or a number, g'(h) told from a; not for softmax."""
    if activation == SIGMOID:
        delta = delta * (beta * sigmoid_slope(a))  # (39)
    elif activation == TANH:
        delta = delta * tanh_slope(a)  # (41)
    elif activation == RELU:
        delta = delta * relu_slope(a)
    return delta  # linear (45)


@kernel
def activate(activation: int, beta: float, h: Floats, a: Floats, n: int) -> None:
    """Write a = g(h) of n neurons, and zeros to the end of a vector; both may be one array."""
    if activation == SOFTMAX:
        softmax(h, a, n)
        return
    b = h.dtype.type(beta)
    V = lanes(h)
    whole = n - n % V
    for j in range(0, whole, V):
        store(a, j, g(activation, b, load(h, j)))
    if whole < n:
        store(a, whole, first(g(activation, b, load(h, whole)), n - whole))


@kernel
def softmax(h: Floats, a: Floats, n: int) -> None:
    """Write exp(h) over its sum (42), shifted by the largest h so that nothing overflows."""
    largest = h[0]
    for j in range(1, n):
        largest = max(largest, h[j])
    total = h.dtype.type(0.0)
    for j in range(n):
        a[j] = exp(h[j] - largest)
        total += a[j]
    for j in range(n):
        a[j] /= total


@kernel
def times_slope(activation: int, beta: float, a: Floats, delta: Floats, n: int) -> None:
    """Multiply delta by g'(h), told from the outputs of n neurons; zeros to the end of a vector."""
    V = lanes(a)
    b = a.dtype.type(beta)
    whole = n - n % V
    for j in range(0, whole, V):
        store(delta, j, times_g_slope(activation, b, load(a, j), load(delta, j)))
    if whole < n:
        d = times_g_slope(activation, b, load(a, whole), load(delta, whole))
        store(delta, whole, first(d, n - whole))


@kernel
def activate_few(activation: int, beta: float, h: Floats, a: Floats, n: int) -> None:
    """Write a = g(h) of n neurons only, one by one: a vector would wait for sums so stored."""
    b = h.dtype.type(beta)
    for j in range(n):
        a[j] = g(activation, b, h[j])


@kernel
def times_slope_few(activation: int, beta: float, a: Floats, delta: Floats, n: int) -> None:
    """Multiply delta by g'(h) of n neurons only, one by one."""
    b = a.dtype.type(beta)
    for j in range(n):
        delta[j] = times_g_slope(activation, b, a[j], delta[j])
