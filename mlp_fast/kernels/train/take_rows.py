"""Take over a few examples, and check them at the same time."""

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.linalg.finite import amax, are_finite
from mlp_fast.kernels.simd.arrays import as_writable, flat
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.step import are_fit


@kernel
def take_rows(
    loss: int, low: float, high: float, most: float, x: Floats, t: Floats, X: Floats, T: Floats
) -> bool:
    """Copy X to x and T to t; return whether they are finite, suit the loss, and are moderate.

    That is, no absolute value is above `most`.
    """
    inputs, targets = flat(X), flat(T)
    for i in range(inputs.size):
        x[i] = inputs[i]
    for i in range(targets.size):
        t[i] = targets[i]
    for i in range(T.shape[0]):
        if not are_fit(loss, low, high, as_writable(T[i])):
            return False
    largest = max(amax(x, x.size), amax(t, t.size))
    return are_finite(x) and bool(largest <= most)
