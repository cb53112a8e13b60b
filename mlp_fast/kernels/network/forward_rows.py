"""The forward pass of rows that keeps what the backward pass after it needs, in one buffer.

Computes `Reference.forward` of reference.py, for all networks.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.buffers import whole_vectors
from mlp_fast.kernels.linalg.csr import Transposed
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.linalg.matrix import Matrix
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward_batch import Part, Work, forward_batch
from mlp_fast.kernels.network.recall_dense import no_csr, survey, vectors_of
from mlp_fast.kernels.simd.arrays import flat
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.types import Floats

KEPT = 1  # at the end of the list of indices: whether zeros are many


def kept_sizes(shape: Shape) -> tuple[int, int, int]:
    """Return the size of the buffer, for each row and besides, and that of the index list but k."""
    n, dtype = shape.sizes[0], shape.dtype
    x = n if shape.input_major else whole_vectors(n, dtype)
    per_layer = 3 if shape.keeps_h else 2  # a, delta and h
    return x + per_layer * sum(shape.widths[1:]), max(shape.widths), n + SLACK + KEPT


@inlined
def kept_work(
    network: Network, buffer: Floats, listed: NDArray[np.int64], samples: NDArray[np.int64]
) -> Work:
    """Return the buffers of some rows, x first, in those that are given."""
    first, top = network.layers[0], network.layers[network.layers.size - 1]
    k, width, size = samples.size, first.n_in, top.before + top.width
    if not first.input_major:
        width = vectors_of(width, buffer)
    begin, rows = k * width, k * size
    keeps_h = False
    for l in range(network.layers.size):
        keeps_h |= network.layers[l].keeps_h != 0
    delta = begin + rows
    h = delta + rows
    end = h + (rows if keeps_h else 0)
    return Work(
        k,
        buffer[:begin],
        width,
        buffer[begin:delta],
        buffer[delta:h],
        buffer[h:end],
        buffer[end:],
        buffer[:0],
        listed,
        samples,
        Transposed(listed[:0], listed[:0].view(np.int32), buffer[:0]),
        True,
        listed[listed.size - 1] != 0,
    )


@kernel
def forward_rows(
    theta: Floats,
    layers: NDArray[np.void],
    every: NDArray[np.int64],
    samples: NDArray[np.int64],
    listed: NDArray[np.int64],
    buffer: Floats,
    X: Floats,
    out: Floats,
) -> bool:
    """Keep inputs and all outputs; return whether rows have the right length, and all is finite.

    `samples` are 0, 1, and so on.
    """
    network, top = Network(theta, layers, every), layers[layers.size - 1]
    k, n = X.shape
    if n != layers[0].n_in:
        return False
    x = flat(X)
    is_finite, skips = survey(x, n)
    listed[listed.size - 1] = skips
    work = kept_work(network, buffer, listed, samples)
    for i in range(k):
        for p in range(n):
            work.x[i * work.width + p] = x[i * n + p]
    part = Part(Matrix(work.x, work.width, 1), no_csr(X, buffer, listed), samples)
    forward_batch(network, part, work, False)
    for i in range(k):
        begin = top.before * k + i * top.width
        a = work.outputs[begin : begin + top.n_out]
        is_finite &= are_finite(a)
        for j in range(a.size):
            out[i, j] = a[j]
    return is_finite
