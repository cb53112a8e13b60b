"""Recall of a single row, in the form of the targets, at the cost of little more than its matvecs.

The meaning is `Reference.forward` of reference.py. What a call of many rows needs, buffers above
all, takes longer than a small network's arithmetic: here it lies on the stack.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.linalg.input_major import sum_inputs
from mlp_fast.kernels.linalg.nonzero import MANY_INPUTS
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward import Nodes, first_sum, forward_layers
from mlp_fast.kernels.simd.arrays import SCRATCH, scratch
from mlp_fast.kernels.simd.compress import ROOM
from mlp_fast.kernels.simd.types import Floats

VALUES, CLASSES, LARGEST = range(3)  # forms of an answer


def row_buffers(shape: Shape) -> tuple[int, int]:
    """Return how many numbers `recall_row` needs in its buffer, and in its list; 0 for none."""
    needed = 2 * (shape.nodes[-2] + shape.widths[1] + shape.widths[-1])
    n_in = shape.sizes[0]
    return 0 if needed <= SCRATCH else needed, 0 if n_in < MANY_INPUTS else n_in + ROOM


@kernel
def answer(form: int, a: Floats, out: Floats) -> None:
    """Write outputs, or 1 for those above 0.5 or for the first of the largest and else 0."""
    if form == VALUES:
        for j in range(a.size):
            out[0, j] = a[j]
        return
    integers, largest = out.view(np.int64), 0
    for j in range(a.size):
        integers[0, j] = form == CLASSES and a[j] > 0.5
        if a[j] > a[largest]:
            largest = j
    if form == LARGEST:
        integers[0, largest] = 1


@kernel(inline=False)
def recall_row(
    theta: Floats,
    layers: NDArray[np.void],
    every: NDArray[np.int64],
    form: int,
    buffer: Floats,
    listed: NDArray[np.int64],
    X: Floats,
    out: Floats,
) -> bool:
    """Write the answer for X, if that is one row of the right length; return whether all is finite.

    Plain arrays are what a call takes least time for, and making none takes less: a small network
    needs no buffer. Without room for a list of the inputs that are not 0, all are taken.
    """
    if buffer.size == 0:
        buffer = scratch(buffer)
    x, first = X.reshape(X.size), layers[0]
    if X.shape[0] != 1 or x.size != first.n_in:
        return False
    top = layers[layers.size - 1]
    end = top.nodes + first.width + top.width  # behind the last layer, with room for a vector
    a, delta = buffer[:end], buffer[end:]
    network, nodes = Network(theta, layers, every), Nodes(a, delta, a[:0], listed)
    if not are_finite(x):
        return False
    for p in range(x.size, end):  # no layer writes what is behind it, up to a whole vector
        a[p] = 0
    if first.by_input and listed.size == 0:
        W, h = theta[first.weights :], delta[first.nodes :]
        sum_inputs(W, first.stride, x, every[: x.size], h, first.n_out)
    else:
        first_sum(network, x, nodes)
    forward_layers(network, nodes)
    outputs = a[top.nodes : top.nodes + top.n_out]
    answer(form, outputs, out)
    return are_finite(outputs)
