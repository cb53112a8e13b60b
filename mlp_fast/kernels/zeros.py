"""Whether so many inputs are zero that listing the others pays."""

from mlp_fast.kernels.arguments import Floats
from mlp_fast.kernels.jit import kernel

MANY = 0.4  # of the inputs: where the listed kernel overtakes the one that visits weights once


@kernel
def zeros_are_many(X: Floats) -> bool:
    """Count the zeros of a matrix."""
    zeros = 0
    for i in range(X.shape[0]):
        for p in range(X.shape[1]):
            zeros += X[i, p] == 0
    return zeros > MANY * X.size
