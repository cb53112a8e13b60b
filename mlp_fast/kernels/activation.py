"""Activation functions (37-45) and their derivatives, for one layer and one sample."""

import math

from mlp_fast.kernels.arguments import Floats
from mlp_fast.kernels.jit import kernel

THRESHOLD, SIGMOID, TANH, SOFTMAX, LINEAR, RELU = range(6)


@kernel
def activate(activation: int, beta: float, h: Floats, a: Floats) -> None:
    """Write a = g(h); the two may be the same array."""
    zero, one, b = h.dtype.type(0.0), h.dtype.type(1.0), h.dtype.type(beta)
    if activation == SIGMOID:  # (38)
        for j in range(h.size):
            a[j] = one / (one + math.exp(-b * h[j]))
    elif activation == TANH:  # (40)
        for j in range(h.size):
            a[j] = math.tanh(h[j])
    elif activation == SOFTMAX:  # (42), shifted by the largest h so that no exponential overflows
        largest = h[0]
        for j in range(1, h.size):
            largest = max(largest, h[j])
        total = zero
        for j in range(h.size):
            a[j] = math.exp(h[j] - largest)
            total += a[j]
        for j in range(h.size):
            a[j] /= total
    elif activation == LINEAR:  # (45)
        for j in range(h.size):
            a[j] = h[j]
    elif activation == RELU:  # asked as "not above 0" so that NaN stays NaN
        for j in range(h.size):
            a[j] = zero if h[j] <= zero else h[j]
    else:  # threshold (37)
        for j in range(h.size):
            a[j] = one if h[j] > zero else (zero if h[j] <= zero else h[j])


@kernel
def times_slope(activation: int, beta: float, a: Floats, delta: Floats) -> None:
    """Multiply delta by g'(h), told from the output a (not for softmax, whose Jacobian is full)."""
    zero, one, b = a.dtype.type(0.0), a.dtype.type(1.0), a.dtype.type(beta)
    if activation == SIGMOID:  # (39)
        for j in range(a.size):
            delta[j] *= b * a[j] * (one - a[j])
    elif activation == TANH:  # (41)
        for j in range(a.size):
            delta[j] *= one - a[j] * a[j]
    elif activation == RELU:
        for j in range(a.size):
            delta[j] = delta[j] if a[j] > zero else zero
