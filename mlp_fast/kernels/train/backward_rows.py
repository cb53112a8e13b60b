"""The backward pass and the update of rows that were forwarded (77-79), with checked targets.

Computes `Reference.step` of reference.py from the outputs on, for all networks.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inner_kernel, kernel
from mlp_fast.kernels.linalg.finite import are_finite, asum
from mlp_fast.kernels.linalg.matrix import Matrix
from mlp_fast.kernels.network.arguments import Network
from mlp_fast.kernels.network.forward_batch import ROWS
from mlp_fast.kernels.network.forward_rows import kept_work, rows_of_part
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.batch import (
    add_bias_gradient,
    add_gradient,
    back_propagate,
    loss_and_delta_of_rows,
)
from mlp_fast.kernels.train.step import are_fit, largest_of

DONE, UNFIT, UNSAFE = range(3)


@kernel
def backward_rows(
    theta: Floats,
    layers: NDArray[np.void],
    every: NDArray[np.int64],
    loss: int,
    low: float,
    high: float,
    samples: NDArray[np.int64],
    listed: NDArray[np.int64],
    buffer: Floats,
    T: Floats,
    target: Floats,
    factor: float,
    careful: bool,
) -> int:
    """Add `factor` times the gradient of rows that were forwarded to `target`; return DONE.

    That may be the weights themselves. It is UNFIT if the targets are, and UNSAFE if it is
    `careful` and a weight might overflow; then nothing was changed but the buffer.
    """
    network = Network(theta, layers, every)
    k, L = samples.size, layers.size
    n_parts = (k + ROWS - 1) // ROWS
    if T.shape[0] != k or T.shape[1] != layers[L - 1].n_out:
        return UNFIT
    for i in range(k):
        if not are_fit(loss, low, high, as_writable(T[i])):
            return UNFIT
    for part in range(n_parts):
        rows = rows_of_part(samples, part)
        work = kept_work(network, buffer, listed, samples, part)
        loss_and_delta_of_rows(network, loss, T, rows, work)
        for l in range(L - 1, 0, -1):
            back_propagate(network, l, rows.size, work)
    if careful and not are_finite(theta):
        return UNSAFE
    if careful and not stays_finite(network, abs(factor), samples, listed, buffer):
        return UNSAFE
    eta = theta.dtype.type(factor)
    for part in range(n_parts):
        n_rows = rows_of_part(samples, part).size
        work = kept_work(network, buffer, listed, samples, part)
        A = Matrix(work.x, work.width, 1)
        for l in range(L):
            layer = layers[l]
            begin, skips = layer.before * work.capacity, work.skips_zeros and l == 0
            delta = Matrix(work.delta[begin:], layer.width, 1)
            add_bias_gradient(network, l, eta, delta, n_rows, work, target)
            add_gradient(network, l, eta, A, delta, n_rows, skips, work, target)
            A = Matrix(work.outputs[begin:], layer.width, 1)
    return DONE


@inner_kernel
def stays_finite(
    network: Network,
    eta: float,
    samples: NDArray[np.int64],
    listed: NDArray[np.int64],
    buffer: Floats,
) -> bool:
    """Return whether surely no weight overflows; False if one might, or a number is not finite.

    As `stays_finite` of step.py, the sums being over all rows.
    """
    half_ulp, largest = largest_of(buffer)
    n_parts = (samples.size + ROWS - 1) // ROWS
    for l in range(network.layers.size):
        layer = network.layers[l]
        inputs, errors = 1.0, 0.0
        for part in range(n_parts):
            work = kept_work(network, buffer, listed, samples, part)
            A, width, begin = work.x, work.width, 0
            if l > 0:
                below = network.layers[l - 1]
                A, width, begin = work.outputs, below.width, below.before * work.capacity
            for i in range(rows_of_part(samples, part).size):
                place = layer.before * work.capacity + i * layer.width
                inputs += asum(A[begin + i * width :], layer.n_in)
                errors += asum(work.delta[place:], layer.n_out)
        if not (eta * inputs < largest and eta * errors < largest and errors * inputs < largest):
            return False
        if not eta * errors * inputs < half_ulp:
            return False
    return True
