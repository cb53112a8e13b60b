"""The formulas of update rules, each on all weights, or on those of some layers.

Computes `UpdateRule.step` of reference.py. A rule gets the gradient g of a batch, L2 included,
updates weights w and its own state in one pass over them, and leaves a gradient of zeros for the
next batch. All buffers are whole vectors; padding is zero in all of them and stays so.
"""

import math

from mlp_fast.kernels.compile.jit import inner_kernel, kernel
from mlp_fast.kernels.network.arguments import State
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import by_sign, fma, lanes, maximum, minimum, sign, splat, sqrt


@kernel
def sgd(theta: Floats, gradient: Floats, state: State, eta: float) -> None:
    """Plain gradient descent (78): w -= η g."""
    rate, zero = theta.dtype.type(eta), splat(theta.dtype.type(0.0))
    for i in range(0, theta.size, lanes(theta)):
        store(theta, i, fma(-rate, load(gradient, i), load(theta, i)))
        store(gradient, i, zero)


@kernel
def momentum(theta: Floats, gradient: Floats, state: State, eta: float) -> None:
    """Momentum (U2): v = μ v - η g; w += v. Nesterov's (U3): w += μ v - η g."""
    real, v = theta.dtype.type, state.first
    rate, mu, nesterov = real(eta), real(state.numbers[0]), state.numbers[1] != 0
    zero = splat(real(0.0))
    for i in range(0, theta.size, lanes(theta)):
        descent = -rate * load(gradient, i)
        velocity = fma(mu, load(v, i), descent)
        store(v, i, velocity)
        if nesterov:
            velocity = fma(mu, velocity, descent)
        store(theta, i, load(theta, i) + velocity)
        store(gradient, i, zero)


@kernel
def rmsprop(theta: Floats, gradient: Floats, state: State, eta: float) -> None:
    """RMSprop (U4): s = ρ s + (1-ρ) g²; w -= η g / (√s + ε)."""
    real, mean = theta.dtype.type, state.first
    rate, rho, epsilon = real(eta), real(state.numbers[0]), real(state.numbers[1])
    rest, zero = real(1.0 - state.numbers[0]), splat(real(0.0))
    for i in range(0, theta.size, lanes(theta)):
        g = load(gradient, i)
        s = fma(rest * g, g, rho * load(mean, i))
        store(mean, i, s)
        store(theta, i, load(theta, i) - rate * g / (sqrt(s) + epsilon))
        store(gradient, i, zero)


@kernel
def adam(theta: Floats, gradient: Floats, state: State, eta: float) -> None:
    """Adam (U5): m = β₁ m + (1-β₁) g; v = β₂ v + (1-β₂) g²; w -= η m̂ / (√v̂ + ε)."""
    adapt(theta, gradient, state, eta)


@kernel
def adamw(theta: Floats, gradient: Floats, state: State, eta: float) -> None:
    """AdamW (U6): first w -= η λ w, biases left out, then as Adam."""
    decay = theta.dtype.type(eta * state.numbers[4])
    for i in range(0, theta.size, lanes(theta)):
        w = load(theta, i)
        store(theta, i, fma(-decay * load(state.mask, i), w, w))
    adapt(theta, gradient, state, eta)


@inner_kernel
def adapt(theta: Floats, gradient: Floats, state: State, eta: float) -> None:
    """Adam's step; with m̂ = m / (1-β₁ᵗ) and v̂ = v / (1-β₂ᵗ), the powers being those after it."""
    real, numbers, powers = theta.dtype.type, state.numbers, state.powers
    powers[0] *= numbers[0]
    powers[1] *= numbers[1]
    root = math.sqrt(1.0 - powers[1])
    rate, epsilon = real(eta * root / (1.0 - powers[0])), real(numbers[2] * root)
    if numbers[3] != 0:  # ε is added to √v in place of √v̂
        epsilon = real(numbers[2])
    beta_1, beta_2 = real(numbers[0]), real(numbers[1])
    rest_1, rest_2, zero = real(1.0 - numbers[0]), real(1.0 - numbers[1]), splat(real(0.0))
    for i in range(0, theta.size, lanes(theta)):
        g = load(gradient, i)
        m = fma(rest_1, g, beta_1 * load(state.first, i))
        v = fma(rest_2 * g, g, beta_2 * load(state.second, i))
        store(state.first, i, m)
        store(state.second, i, v)
        store(theta, i, load(theta, i) - rate * m / (sqrt(v) + epsilon))
        store(gradient, i, zero)


@kernel
def rprop(theta: Floats, gradient: Floats, state: State, eta: float) -> None:
    """RPROP (U7), no backtracking: steps Δ grow while g keeps its sign, and shrink if it turns."""
    real, steps, before = theta.dtype.type, state.first, state.second
    up, down = real(state.numbers[0]), real(state.numbers[1])
    least, most = real(state.numbers[2]), real(state.numbers[3])
    zero = splat(real(0.0))
    for i in range(0, theta.size, lanes(theta)):
        g, delta = load(gradient, i), load(steps, i)
        agreement = sign(g) * sign(load(before, i))
        grown, shrunk = minimum(up * delta, most), maximum(down * delta, least)
        delta = by_sign(agreement, grown, shrunk, delta)
        g = by_sign(agreement, g, zero, g)
        store(steps, i, delta)
        store(before, i, g)
        store(theta, i, load(theta, i) - sign(g) * delta)
        store(gradient, i, zero)
