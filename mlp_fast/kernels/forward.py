"""Recall: the forward process for many rows at once (58-70)."""

from typing import Any

from mlp_fast.kernels.activation import SOFTMAX, activate
from mlp_fast.kernels.arguments import Floats, Network, Work
from mlp_fast.kernels.gemm import add_product
from mlp_fast.kernels.jit import inlined, kernel


@kernel
def forward_batch(network: Network, blas: int, A: Floats, work: Work) -> None:
    """Compute A^(l) = g(A_bias^(l-1) W^(l)) of every layer (69) into the blocks of work."""
    n, capacity = A.shape[0], work.rows.shape[0]
    for layer in network.layers:
        n_out = layer.n_out
        W = weights_of(network.theta, layer)
        begin = layer.outputs * capacity + layer.slack
        H = work.delta[begin : begin + n * n_out].reshape(n, n_out)
        # the bias column of (70) as what the sum starts from: the data is not copied
        for i in range(n):
            for j in range(n_out):
                H[i, j] = -W[0, j]
        add_product(blas, 1.0, A, W[1:], H)
        h, a = work.delta[begin:], work.outputs[begin:]
        if layer.activation == SOFTMAX:
            for i in range(0, n * n_out, n_out):
                activate(layer.activation, layer.beta, h[i:], a[i:], n_out)
        else:
            activate(layer.activation, layer.beta, h, a, n * n_out)
        A = work.outputs_in[begin : begin + n * n_out].reshape(n, n_out)


@kernel
def recall(network: Network, blas: int, X: Floats, work: Work, out: Floats) -> None:
    """Write the outputs of the last layer for every row of X, one block of rows at a time."""
    last = network.layers[network.layers.size - 1]
    capacity = work.rows.shape[0]
    begin = last.outputs * capacity + last.slack
    for start in range(0, X.shape[0], capacity):
        n = min(capacity, X.shape[0] - start)
        forward_batch(network, blas, X[start : start + n], work)
        for i in range(n):
            for j in range(last.n_out):
                out[start + i, j] = work.outputs[begin + i * last.n_out + j]


@inlined
def weights_of(theta: Floats, layer: Any) -> Any:
    """Return the weights of a layer as its users see them: (n_in + 1, n_out), bias first (68)."""
    rows, stride = layer.n_out, layer.stride
    if layer.by_input:
        rows = layer.n_in + 1
    block = theta[layer.weights : layer.weights + rows * stride].reshape(rows, stride)
    W = block.T[: layer.n_in + 1]
    if layer.by_input:
        W = block[:, : layer.n_out]
    return W
