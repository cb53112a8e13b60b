"""Tests for finite numbers and for ranges, and norms: sums and the maximum of absolute values."""

import math

import numpy as np

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.memory import load, load_first
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import absolute, fma, lanes, maximum, splat, vmax, vsum

SUMMED = 4096  # squares: longer sums in float32 would lose digits


@kernel
def all_finite(values: Floats) -> bool:
    """Return whether every element of a read-only array is finite."""
    return are_finite(as_writable(values))


@inner_kernel
def are_finite(values: Floats) -> bool:
    """Return whether every element x is finite: only then is 0 x = 0."""
    zero = values.dtype.type(0.0)
    V = lanes(values)
    whole, four = values.size - values.size % V, values.size - values.size % (4 * V)
    a, b, c, d = splat(zero), splat(zero), splat(zero), splat(zero)
    for i in range(0, four, 4 * V):  # sums side by side, since each waits for the one before
        a, b = fma(zero, load(values, i), a), fma(zero, load(values, i + V), b)
        c, d = fma(zero, load(values, i + 2 * V), c), fma(zero, load(values, i + 3 * V), d)
    for i in range(four, whole, V):
        a = fma(zero, load(values, i), a)
    last = zero
    for i in range(whole, values.size):
        last += zero * values[i]
    return bool(vsum((a + b) + (c + d)) + last == 0)


@kernel
def all_within(values: Floats, low: float, high: float) -> bool:
    """Return whether all elements are in [low, high], without temporaries or branches."""
    outside = 0
    for i in range(values.size):
        outside += not low <= values[i] <= high
    return outside == 0


@inner_kernel
def asum(values: Floats, n: int) -> float:
    """Sum the absolute values of the first n numbers; not finite if one of them is not."""
    V = lanes(values)
    whole = n - n % V
    total = splat(values.dtype.type(0.0))
    for i in range(0, whole, V):
        total += absolute(load(values, i))
    if whole < n:
        total += absolute(load_first(values, whole, n - whole))
    return float(vsum(total))


@inner_kernel
def amax(values: Floats, n: int) -> Real:
    """Return the largest absolute value of the first n numbers; NaN is ignored."""
    V = lanes(values)
    whole = n - n % V
    most = splat(values.dtype.type(0.0))
    for i in range(0, whole, V):
        most = maximum(most, absolute(load(values, i)))
    if whole < n:
        most = maximum(most, absolute(load_first(values, whole, n - whole)))
    size: Real = vmax(most)
    return size


@inner_kernel(inline=False)
def norm(values: Floats, n: int) -> float:
    """Return the root of the sum of the squares of the first n numbers, however large or small."""
    total, V = 0.0, lanes(values)
    for begin in range(0, n, SUMMED):
        end = min(begin + SUMMED, n)
        whole = end - (end - begin) % V
        summed = splat(values.dtype.type(0.0))
        for i in range(begin, whole, V):
            x = load(values, i)
            summed = fma(x, x, summed)
        if whole < end:
            x = load_first(values, whole, end - whole)
            summed = fma(x, x, summed)
        total += vsum(summed)
    if 1e-30 < total < 1e37:  # else squares may have overflowed, or become 0
        return math.sqrt(total)
    most, total = np.float64(amax(values, n)), 0.0
    if most == 0.0:
        return 0.0
    for i in range(n):
        share = np.float64(values[i]) / most
        total += share * share
    return most * math.sqrt(total)


@inlined
def hypotenuse(a: float, b: float) -> float:
    """Return the root of a² + b², of numbers that are not negative."""
    most, least = max(a, b), min(a, b)
    return most * math.sqrt(1.0 + (least / most) ** 2) if most > 0.0 else 0.0
