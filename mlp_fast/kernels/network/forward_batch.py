"""The forward pass of many rows at once (58-70): a matmul and an activation per layer.

Computes `Reference.forward` of reference.py, for all networks; batch training and recall share it.
Tiles of rows read each weight once for all of their rows, and where many inputs are zeros, the
weights of those that are 0 in a group of rows are skipped.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.linalg.csr import (
    Transposed,
    axpy_rows,
    clear,
    scatter_row,
    stored_in_rows,
    transposed_buffers,
)
from mlp_fast.kernels.linalg.gather import gather
from mlp_fast.kernels.linalg.matmul import add_product, dot_product_biased
from mlp_fast.kernels.linalg.matrix import Listed, Matrix, Rows
from mlp_fast.kernels.linalg.nonzero import list_columns, skips_zeros
from mlp_fast.kernels.linalg.output_major import matvec_output_major_sparse
from mlp_fast.kernels.network.activation import SOFTMAX, activate, activate_column
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.simd.arrays import as_writable, flat
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import lanes

ROWS = 256  # per part: their activations fit in a cache
TOGETHER = 8  # rows that share a list of non-zero columns: more rows share fewer zeros


class Work(NamedTuple):
    """Buffers for some rows: a block for each layer, whose rows are padded with zeros."""

    capacity: int  # rows
    x: Floats  # (capacity, width), gathered rows
    width: int
    outputs: Floats  # a of every layer and row
    delta: Floats  # h of every layer and row, overwritten by delta
    h: Floats  # of the layers that keep it; empty if none does
    sums: Floats  # (largest width,), sums over the rows of a batch
    gradient: Floats  # like theta, for a batch larger than the capacity; else empty
    listed: NDArray[np.int64]  # indices of non-zero inputs or rows
    every: NDArray[np.int64]  # 0, 1, 2, ...: the list of rows that leaves none out
    transposed: Transposed
    gathers: bool  # whether rows must be gathered: they are not in order, or need padding
    skips_zeros: bool  # whether zeros are many enough for lists of non-zeros to pay


class Part(NamedTuple):
    """The rows that are processed at a time."""

    A: Matrix  # in place if they are in order, else gathered; unused if sparse
    rows: Rows
    samples: NDArray[np.int64]  # indices of the rows in this part


def work_buffers(
    shape: Shape,
    rows: Rows,
    n_rows: int,
    *,
    in_order: bool,
    train: bool,
    skips: bool,
    gradient: bool = False,
) -> Work:
    """Return buffers for n_rows of the rows at a time, no larger than the task needs."""
    dtype, n_in = shape.dtype, shape.sizes[0]
    gathers = not (in_order and shape.input_major)
    gathered = n_rows if gathers else 0
    if rows.sparse:  # made dense one at a time
        gathered = 0 if shape.input_major else 1
    outputs = aligned(n_rows * sum(shape.widths[1:]), dtype)
    return Work(
        capacity=n_rows,
        x=aligned(gathered * shape.widths[0], dtype),
        width=shape.widths[0],
        outputs=outputs,
        delta=aligned(outputs.size, dtype) if train else outputs,
        h=aligned(outputs.size if train and shape.keeps_h else 0, dtype),
        sums=aligned(max(shape.widths) if train else 0, dtype),
        gradient=aligned(shape.n_theta if gradient else 0, dtype),
        listed=np.zeros(max(n_rows, n_in) + SLACK, np.int64),
        every=shape.every if n_rows <= shape.every.size else np.arange(n_rows),
        transposed=transposed_buffers(n_in, dtype, stored_in_rows(rows, n_rows)),
        gathers=gathers,
        skips_zeros=skips and skips_zeros(rows),
    )


def recall_buffers(shape: Shape, rows: Rows) -> Work:
    """Return buffers for recall: no layer is kept, so h and a share memory."""
    n_rows = min(rows.shape[0], ROWS)
    return work_buffers(shape, rows, n_rows, in_order=True, train=False, skips=True)


def outputs_of(network: Network, work: Work, k: int) -> list[Floats]:
    """Return each layer's outputs of k rows as a view of shape (k, n_out)."""
    views = []
    for layer in network.layers:
        begin, width = int(layer["before"]) * work.capacity, int(layer["width"])
        rows = work.outputs[begin : begin + k * width].reshape(k, width)
        views.append(rows[:, : int(layer["n_out"])])
    return views


@inlined
def forward_batch(network: Network, part: Part, work: Work, sparse: bool) -> None:
    """Compute A^(l) = g(A_bias^(l-1) W^(l)) of every layer (69) into the blocks of work."""
    A, k = part.A, part.samples.size
    for l in range(network.layers.size):
        layer = network.layers[l]
        begin = layer.before * work.capacity
        h, a = work.delta[begin:], work.outputs[begin:]
        H = Matrix(h, layer.width, 1)
        if sparse and l == 0:
            sum_sparse(network, part.rows, part.samples, work)
        elif layer.input_major:
            matmul_input_major(network, l, A, H, k, work.skips_zeros and l == 0, work)
        else:
            matmul_output_major(network, l, A, H, k)
        if layer.keeps_h and work.h.size > 0:
            for i in range(0, k * layer.width, lanes(h)):
                store(work.h, begin + i, load(h, i))
        if layer.n_out == 1 and layer.activation != SOFTMAX:
            activate_column(layer.activation, layer.beta, h, a, layer.width, k)
        else:
            for i in range(0, k * layer.width, layer.width):
                activate(layer.activation, layer.beta, h[i:], a[i:], layer.n_out)
        A = Matrix(a, layer.width, 1)


@inlined
def derivative_operand_of_rows(layer: Any, work: Work) -> Floats:
    """Return what g'(h) of a layer is computed from, for all rows: a, or h if it is kept."""
    operand = work.outputs[layer.before * work.capacity :]
    if layer.keeps_h:
        operand = work.h[layer.before * work.capacity :]
    return operand


@inner_kernel
def matmul_input_major(
    network: Network, l: int, A: Matrix, H: Matrix, k: int, skip_zeros: bool, work: Work
) -> None:
    """Compute H = A_bias W (69) of a layer whose weights are input-major."""
    layer = network.layers[l]
    W = network.theta[layer.weights :]
    for i in range(k):  # sums start from the bias column of (70)
        for j in range(0, layer.n_out, lanes(W)):
            store(H.values, i * H.row + j, -load(W, j))
    one, rows = W.dtype.type(1.0), Matrix(W[layer.stride :], layer.stride, 1)
    if not skip_zeros:
        inputs = network.every[: layer.n_in]
        add_product(one, A, rows, H, Listed(work.every[:k], inputs, False), layer.n_out)
        return
    for i in range(0, k, TOGETHER):
        some = work.every[i : min(i + TOGETHER, k)]
        part = Matrix(A.values[i * A.row :], A.row, 1)
        m = list_columns(part, some.size, layer.n_in, work.listed)
        listed = work.listed[:m]
        add_product(one, A, rows, H, Listed(some, listed, False), layer.n_out)


@inner_kernel
def matmul_output_major(network: Network, l: int, A: Matrix, H: Matrix, k: int) -> None:
    """Compute H = A_bias W (69) of a layer whose weights are output-major."""
    layer = network.layers[l]
    W = network.theta[layer.weights :]
    dot_product_biased(A, Matrix(W, layer.stride, 1), H, k, layer.n_in, layer.n_out)


@inner_kernel
def sum_sparse(network: Network, rows: Rows, samples: NDArray[np.int64], work: Work) -> None:
    """Compute H = A_bias W of the first layer (69) for sparse rows."""
    layer = network.layers[0]
    W, n = network.theta[layer.weights :], layer.n_out
    one, below = W.dtype.type(1.0), Matrix(W[layer.stride :], layer.stride, 1)
    values, columns = as_writable(rows.values), as_writable(rows.columns)
    for i in range(samples.size):
        h = work.delta[i * layer.width :]
        if layer.input_major:
            for j in range(0, n, lanes(W)):
                store(h, j, -load(W, j))
            begin, end = rows.starts[samples[i]], rows.starts[samples[i] + 1]
            axpy_rows(one, values[begin:end], columns[begin:end], below, h, n)
        else:
            m = scatter_row(rows, samples[i], work.x, work.listed)
            matvec_output_major_sparse(W, layer.stride, work.x, work.listed[:m], h, n)
            clear(rows, samples[i : i + 1], work.x, work.width)


@inlined
def part_of(rows: Rows, samples: NDArray[np.int64], work: Work, sparse: bool) -> Part:
    """Return some samples as a part; dense rows are gathered unless they can be used in place."""
    A = Matrix(work.x, work.width, 1)
    if not sparse:
        A = inputs_of(rows.X, samples, work)
    return Part(A, rows, samples)


@inner_kernel
def inputs_of(X: Floats, samples: NDArray[np.int64], work: Work) -> Matrix:
    """Return the rows of some samples: in place if they are in order, else gathered."""
    n = X.shape[1]
    if work.gathers:
        gather(X, samples, work.x, work.width)
        return Matrix(work.x, work.width, 1)
    return Matrix(flat(X)[samples[0] * n :], n, 1)
