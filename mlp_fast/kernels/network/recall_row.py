"""Recall of a single row, in the form of the targets, at little more than the cost of its matvecs.

Computes `Reference.forward` of reference.py for one row, for all networks. What a call for many
rows needs, buffers above all, takes longer than a small network's arithmetic; here a small
network's buffers are on the stack.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.linalg.finite import are_finite
from mlp_fast.kernels.linalg.input_major import matvec_input_major
from mlp_fast.kernels.linalg.nonzero import MANY_INPUTS
from mlp_fast.kernels.network.answer import write_answer
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.network.forward import Nodes, first_sum, forward_layers
from mlp_fast.kernels.simd.arrays import SCRATCH, flat, scratch
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.types import Floats


def row_buffers(shape: Shape) -> tuple[int, int]:
    """Return the sizes of `recall_row`'s buffer and of its index list; 0 if not needed."""
    needed = 2 * (shape.nodes[-2] + shape.widths[1] + shape.widths[-1])
    n_in = shape.sizes[0]
    return 0 if needed <= SCRATCH else needed, 0 if n_in < MANY_INPUTS else n_in + SLACK


@kernel
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
    """Predict X if it is one row of the right length; return whether it is, and all is finite.

    Plain arrays are the quickest to pass, and none at all is quicker still: a small network needs
    no buffer. If `listed` is empty, zero inputs are not skipped.
    """
    if buffer.size == 0:
        buffer = scratch(buffer)
    x, first = flat(X), layers[0]
    if X.shape[0] != 1 or x.size != first.n_in:
        return False
    top = layers[layers.size - 1]
    end = top.nodes + first.width + top.width  # behind the last layer, padding and slack included
    a, delta = buffer[:end], buffer[end:]
    network, nodes = Network(theta, layers, every), Nodes(a, delta, a[:0], listed)
    if not are_finite(x):
        return False
    for p in range(x.size, end):  # padding must be 0, and layers do not write it
        a[p] = 0
    if first.input_major and listed.size == 0:
        W, h = theta[first.weights :], delta[first.nodes :]
        matvec_input_major(W, first.stride, x, every[: x.size], h, first.n_out)
    else:
        first_sum(network, x, nodes)
    forward_layers(network, nodes)
    outputs = a[top.nodes : top.nodes + top.n_out]
    write_answer(form, outputs, out, 0)
    return are_finite(outputs)
