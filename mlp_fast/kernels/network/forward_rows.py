"""The forward pass of rows that keeps what the backward pass after it needs, in one buffer.

Computes `Reference.forward` of reference.py, for all networks. Rows are taken some at a time, all
layers of them before the next ones, so that what they need stays in a cache.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.buffers import whole_vectors
from mlp_fast.kernels.linalg.csr import Transposed
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.linalg.gather import gather
from mlp_fast.kernels.linalg.matrix import Matrix
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward_batch import ROWS, Part, Work, forward_batch
from mlp_fast.kernels.network.recall_dense import no_csr, survey, vectors_of
from mlp_fast.kernels.simd.arrays import flat
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import lanes


def kept_sizes(shape: Shape) -> tuple[int, int, int]:
    """Return the size of the buffer, for each row and besides, and that of the index list."""
    n, dtype = shape.sizes[0], shape.dtype
    x = n if shape.input_major else whole_vectors(n, dtype)
    per_layer = 3 if shape.keeps_h else 2  # a, delta and h
    return x + per_layer * sum(shape.widths[1:]), max(shape.widths), max(n, ROWS) + SLACK


def parts_of(k: int) -> tuple[int, int]:
    """Return in how many parts k rows are taken, and how many rows a part has room for."""
    n_parts = -(-k // ROWS)
    return n_parts, -(-k // n_parts)


@inlined
def rows_of_part(samples: NDArray[np.int64], part: int) -> NDArray[np.int64]:
    """Return the numbers of the rows in a part."""
    n_parts = (samples.size + ROWS - 1) // ROWS
    capacity = (samples.size + n_parts - 1) // n_parts
    return samples[part * capacity : min(samples.size, (part + 1) * capacity)]


@inlined
def kept_work(
    network: Network,
    buffer: Floats,
    listed: NDArray[np.int64],
    samples: NDArray[np.int64],
    part: int,
) -> Work:
    """Return the buffers of a part, in those that are given for all.

    After the list of indices comes, for each part, whether zeros are many in it.
    """
    first, top = network.layers[0], network.layers[network.layers.size - 1]
    n_parts = (samples.size + ROWS - 1) // ROWS
    k, width, size = rows_of_part(samples, 0).size, first.n_in, top.before + top.width
    if not first.input_major:
        width = vectors_of(width, buffer)
    keeps_h = False
    for l in range(network.layers.size):
        keeps_h |= network.layers[l].keeps_h != 0
    rows = k * size
    h_rows = rows if keeps_h else 0
    whole = k * width + 2 * rows + h_rows
    x = part * whole
    a = x + k * width
    delta = a + rows
    h = delta + rows
    return Work(
        k,
        buffer[x:a],
        width,
        buffer[a:delta],
        buffer[delta:h],
        buffer[h : h + h_rows],
        buffer[n_parts * whole :],
        buffer[:0],
        listed,
        samples[:k],
        Transposed(listed[:0], listed[:0].view(np.int32), buffer[:0]),
        True,
        listed[listed.size - n_parts + part] != 0,
    )


@inlined
def copy(x: Floats, to: Floats) -> None:
    """Copy all numbers of x."""
    V = lanes(x)
    whole = x.size - x.size % V
    for p in range(0, whole, V):
        store(to, p, load(x, p))
    for p in range(whole, x.size):
        to[p] = x[p]


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
    all_finite = True
    n_parts = (k + ROWS - 1) // ROWS
    for some in range(n_parts):
        rows = rows_of_part(samples, some)
        start = rows[0]
        x = flat(X)[start * n : (start + rows.size) * n]
        is_finite, skips = survey(x, n)
        all_finite &= is_finite
        listed[listed.size - n_parts + some] = skips
        work = kept_work(network, buffer, listed, samples, some)
        if layers[0].input_major:
            copy(x, work.x)
        else:
            gather(X, rows, work.x, work.width)
        part = Part(Matrix(work.x, work.width, 1), no_csr(X, buffer, listed), rows)
        forward_batch(network, part, work, False)
        for i in range(rows.size):
            begin = top.before * work.capacity + i * top.width
            a = work.outputs[begin : begin + top.n_out]
            all_finite &= are_finite(a)
            for j in range(a.size):
                out[start + i, j] = a[j]
    return all_finite
