"""Whether every number is finite, or within a range."""

import math

from mlp_fast.kernels.arguments import Floats
from mlp_fast.kernels.jit import kernel


@kernel
def all_finite(values: Floats) -> bool:
    """Look at every element, without a temporary array."""
    for i in range(values.size):  # noqa: SIM110  a plain loop is what compiles well
        if not math.isfinite(values[i]):
            return False
    return True


@kernel
def all_within(values: Floats, low: float, high: float) -> bool:
    """Look at every element, without a temporary array."""
    for i in range(values.size):  # noqa: SIM110  as above
        if not low <= values[i] <= high:
            return False
    return True
