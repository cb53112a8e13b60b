"""The backward pass and the update of rows that were forwarded (77-79), with checked targets.

Computes `Reference.step` of reference.py from the outputs on, for all networks.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inner_kernel, kernel
from mlp_fast.kernels.linalg.finite import are_finite, asum
from mlp_fast.kernels.linalg.matrix import Matrix
from mlp_fast.kernels.network.arguments import Network
from mlp_fast.kernels.network.forward_batch import Work
from mlp_fast.kernels.network.forward_rows import kept_work
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
    work, k, L = kept_work(network, buffer, listed, samples), samples.size, layers.size
    if T.shape[0] != k or T.shape[1] != layers[L - 1].n_out:
        return UNFIT
    for i in range(k):
        if not are_fit(loss, low, high, as_writable(T[i])):
            return UNFIT
    loss_and_delta_of_rows(network, loss, T, samples, work)
    for l in range(L - 1, 0, -1):
        back_propagate(network, l, k, work)
    eta = theta.dtype.type(factor)
    if careful and not (are_finite(theta) and stays_finite(network, abs(factor), work)):
        return UNSAFE
    A = Matrix(work.x, work.width, 1)
    for l in range(L):
        layer = layers[l]
        delta = Matrix(work.delta[layer.before * k :], layer.width, 1)
        add_bias_gradient(network, l, eta, delta, k, work, target)
        add_gradient(network, l, eta, A, delta, k, work.skips_zeros and l == 0, work, target)
        A = Matrix(work.outputs[layer.before * k :], layer.width, 1)
    return DONE


@inner_kernel
def stays_finite(network: Network, eta: float, work: Work) -> bool:
    """Return whether surely no weight overflows; False if one might, or a number is not finite.

    As `stays_finite` of step.py, the sums being over all rows.
    """
    half_ulp, largest = largest_of(work.x)
    k, before = work.capacity, network.layers[0].n_in
    A, width, begin = work.x, work.width, 0
    for l in range(network.layers.size):
        layer = network.layers[l]
        inputs, errors = 1.0, 0.0
        for i in range(k):
            inputs += asum(A[begin + i * width :], before)
            errors += asum(work.delta[layer.before * k + i * layer.width :], layer.n_out)
        if not (eta * inputs < largest and eta * errors < largest and errors * inputs < largest):
            return False
        if not eta * errors * inputs < half_ulp:
            return False
        A, width, begin, before = work.outputs, layer.width, layer.before * k, layer.n_out
    return True
