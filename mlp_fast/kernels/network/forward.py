"""The forward pass of one sample (2, 3): a matvec and an activation per layer.

Computes `Reference.forward` of reference.py for one row, for all networks; online training, `step`
and recall of a single row share it. It allocates nothing, and an input-major first layer skips the
weights of zero inputs.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.linalg.input_major import matvec_input_major
from mlp_fast.kernels.linalg.nonzero import list_inputs
from mlp_fast.kernels.linalg.output_major import matvec_output_major
from mlp_fast.kernels.network.activation import SOFTMAX, activate, activate_each
from mlp_fast.kernels.network.arguments import Network, Shape
from mlp_fast.kernels.simd.compress import SLACK
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import lanes

FEW_OUTPUTS = 3  # of a layer: up to so many are computed one by one


class Nodes(NamedTuple):
    """Buffers of one sample: each layer is vector-aligned and padded with zeros."""

    a: Floats  # outputs
    delta: Floats  # h, overwritten by delta
    h: Floats  # of the layers that keep it; empty if none does
    listed: NDArray[np.int64]  # (n_0 + SLACK,), indices of the non-zero inputs


def node_buffers(shape: Shape) -> Nodes:
    """Return buffers for one sample."""
    n, dtype = shape.nodes[-1], shape.dtype
    return Nodes(
        aligned(n, dtype),
        aligned(n, dtype),
        aligned(n if shape.keeps_h else 0, dtype),
        np.zeros(shape.sizes[0] + SLACK, np.int64),
    )


@inner_kernel
def first_sum(network: Network, x: Floats, nodes: Nodes) -> int:
    """Compute h of the first layer (2); return how many inputs were listed for it."""
    layer = network.layers[0]
    W, h = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    if layer.input_major:
        m = list_inputs(x, nodes.listed)
        matvec_input_major(W, layer.stride, x, nodes.listed[:m], h, layer.n_out)
        return m
    for p in range(x.size):
        nodes.a[p] = x[p]
    matvec_output_major(W, layer.stride, nodes.a, layer.n_in, h, layer.n_out)
    return 0


@inner_kernel
def forward_layers(network: Network, nodes: Nodes) -> None:
    """Compute all outputs from h of the first layer (2, 3); keep h where there is room for it."""
    for l in range(network.layers.size):
        layer = network.layers[l]
        h, a = nodes.delta[layer.nodes :], nodes.a[layer.nodes :]
        if l > 0:
            below = network.layers[l - 1]
            W, p = network.theta[layer.weights :], nodes.a[below.nodes :]
            n_in, n = layer.n_in, layer.n_out
            if layer.input_major:
                matvec_input_major(W, layer.stride, p, network.every[:n_in], h, n)
            else:
                matvec_output_major(W, layer.stride, p, n_in, h, n)
        if layer.keeps_h and nodes.h.size > 0:
            for j in range(0, layer.n_out, lanes(h)):
                store(nodes.h, layer.nodes + j, load(h, j))
        if takes_each(layer):
            activate_each(layer.activation, layer.beta, h, a, layer.n_out)
        else:
            activate(layer.activation, layer.beta, h, a, layer.n_out)


@inlined
def takes_each(layer: Any) -> bool:
    """Return whether the outputs of a layer are computed one by one."""
    return layer.n_out <= FEW_OUTPUTS and not layer.input_major and layer.activation != SOFTMAX


@inlined
def derivative_operand(layer: Any, nodes: Nodes) -> Floats:
    """Return what g'(h) of a layer is computed from: a, or h if the layer keeps it."""
    operand = nodes.a[layer.nodes :]
    if layer.keeps_h:
        operand = nodes.h[layer.nodes :]
    return operand
