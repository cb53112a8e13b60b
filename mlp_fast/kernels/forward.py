"""Recall: the forward process for many rows at once (58-70)."""

import numpy as np

from mlp_fast.kernels.activation import activate
from mlp_fast.kernels.arguments import Floats, Network, Work
from mlp_fast.kernels.jit import kernel


@kernel
def forward_batch(network: Network, A: Floats, work: Work) -> None:
    """Compute A^(l) = g(A_bias^(l-1) W^(l)) of every layer (69) into the blocks of work."""
    n = A.shape[0]
    for layer in network.layers:
        n_in, n_out = layer.n_in, layer.n_out
        W = matrix(network.theta, layer.weights, n_in + 1, n_out)
        offset = layer.outputs * work.rows.shape[0]
        H = matrix(work.delta, offset, n, n_out)
        a = matrix(work.outputs, offset, n, n_out)
        np.dot(A, W[1:], H)  # the bias column of (70) is a subtraction: the data is not copied
        for i in range(n):
            for j in range(n_out):
                H[i, j] -= W[0, j]
            activate(layer.activation, layer.beta, H[i], a[i])
        A = work.outputs_in[offset : offset + n * n_out].reshape(n, n_out)


@kernel
def recall(network: Network, X: Floats, work: Work, out: Floats) -> None:
    """Write the outputs of the last layer for every row of X, one block of rows at a time."""
    last = network.layers[network.layers.size - 1]
    capacity = work.rows.shape[0]
    for start in range(0, X.shape[0], capacity):
        end = min(start + capacity, X.shape[0])
        forward_batch(network, X[start:end], work)
        out[start:end] = matrix(work.outputs, last.outputs * capacity, end - start, last.n_out)


@kernel
def matrix(buffer: Floats, offset: int, rows: int, columns: int) -> Floats:
    """Return a block of a buffer as a matrix."""
    return buffer[offset : offset + rows * columns].reshape(rows, columns)
