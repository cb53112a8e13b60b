"""Whether every number is finite, or within a range, and how large numbers are."""

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.simd.arrays import unlocked
from mlp_fast.kernels.simd.memory import load, load_first
from mlp_fast.kernels.simd.types import Floats, Real
from mlp_fast.kernels.simd.vector import absolute, fma, lanes, maximum, splat, vmax, vsum


@kernel
def all_finite(values: Floats) -> bool:
    """Look at every element of a read-only array."""
    return are_finite(unlocked(values))


@kernel
def are_finite(values: Floats) -> bool:
    """Look at every element: 0 times a number is 0 only if that is finite."""
    zero = values.dtype.type(0.0)
    V = lanes(values)
    whole = values.size - values.size % V
    total, last = splat(zero), zero
    for i in range(0, whole, V):
        total = fma(zero, load(values, i), total)
    for i in range(whole, values.size):
        last += zero * values[i]
    return bool(vsum(total) + last == 0)


@kernel
def all_within(values: Floats, low: float, high: float) -> bool:
    """Look at every element, without a temporary array and, to be vectorized, without a branch."""
    outside = 0
    for i in range(values.size):
        outside += not low <= values[i] <= high
    return outside == 0


@kernel
def sum_of_sizes(values: Floats, n: int) -> float:
    """Sum up the first n numbers without their signs; not finite if one of them is not."""
    V = lanes(values)
    whole = n - n % V
    total = splat(values.dtype.type(0.0))
    for i in range(0, whole, V):
        total += absolute(load(values, i))
    if whole < n:
        total += absolute(load_first(values, whole, n - whole))
    return float(vsum(total))


@kernel
def largest(values: Floats, n: int) -> Real:
    """Return the largest of the first n numbers without their signs; NaN goes unseen."""
    V = lanes(values)
    whole = n - n % V
    most = splat(values.dtype.type(0.0))
    for i in range(0, whole, V):
        most = maximum(most, absolute(load(values, i)))
    if whole < n:
        most = maximum(most, absolute(load_first(values, whole, n - whole)))
    size: Real = vmax(most)
    return size
