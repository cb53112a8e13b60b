"""The derivative of the mean loss over rows with respect to their inputs.

Computes `Reference.input_gradients` of reference.py, for all networks: the forward and backward
passes of batch.py, without a gradient of the weights, and one more product with those of the first
layer, whose errors no activation multiplies.
"""

from typing import NamedTuple

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.linalg.matrix import Matrix, Rows, rows_from
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward_batch import (
    ROWS,
    Work,
    forward_batch,
    part_of,
    work_buffers,
)
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.batch import back_propagate, errors_below, loss_and_delta_of_rows


class InputErrors(NamedTuple):
    """Buffers for a part of the rows."""

    work: Work
    errors: Floats  # (capacity * width,): what reaches the inputs, in padded rows


def input_gradient_buffers(shape: Shape, rows: Rows) -> InputErrors:
    """Return buffers for one part of the rows."""
    n_rows = min(rows.shape[0], ROWS)
    work = work_buffers(shape, rows, n_rows, in_order=True, train=True, skips=True)
    return InputErrors(work, aligned(n_rows * work.width, shape.dtype))


@kernel
def input_gradient(
    network: Network, loss: int, rows: Rows, T: Floats, buffers: InputErrors, out: Floats
) -> None:
    """Write the derivative with respect to every input of a dense matrix."""
    input_gradient_of_rows(network, loss, rows, T, buffers, out, False)


@kernel
def input_gradient_sparse(
    network: Network, loss: int, rows: Rows, T: Floats, buffers: InputErrors, out: Floats
) -> None:
    """Write the derivative with respect to every input of a CSR matrix, stored or not."""
    input_gradient_of_rows(network, loss, rows, T, buffers, out, True)


@inlined
def input_gradient_of_rows(
    network: Network,
    loss: int,
    rows: Rows,
    T: Floats,
    buffers: InputErrors,
    out: Floats,
    sparse: bool,
) -> None:
    """Write delta W' / k (G1), without the bias's row, one part of the rows at a time."""
    work, errors, k = buffers.work, buffers.errors, T.shape[0]
    first, count = network.layers[0], network.theta.dtype.type(k)
    for start in range(0, k, work.capacity):
        samples = work.every[: min(work.capacity, k - start)]
        part = part_of(rows_from(rows, start, work.capacity), samples, work, sparse)
        forward_batch(network, part, work, sparse)
        loss_and_delta_of_rows(network, loss, T[start:], samples, work)
        for l in range(network.layers.size - 1, -1, -1):
            if l > 0:
                back_propagate(network, l, samples.size, work)
            else:
                delta, below = Matrix(work.delta, first.width, 1), Matrix(errors, work.width, 1)
                errors_below(network, l, delta, below, samples.size, work)
        for i in range(samples.size):
            for p in range(first.n_in):
                out[start + i, p] = errors[i * work.width + p] / count
