"""From layer sizes to one buffer of weights, and a live 2-D view of it for each layer."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from mlp_fast.activations import Activation
from mlp_fast.kernels.arguments import LAYER, Floats, Network, Work


class Layout:
    """Where the weights of each layer lie in one buffer, and what its nodes compute.

    Parameters
    ----------
    sizes : sequence of int
        Nodes of every layer, input and output included, bias nodes not counted.
    activations : sequence of Activation
        One for each layer but the input.
    betas : sequence of float
        One for each layer but the input.
    """

    def __init__(
        self, sizes: Sequence[int], activations: Sequence[Activation], betas: Sequence[float]
    ) -> None:
        self.sizes = tuple(sizes)
        self.shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        counts = [rows * columns for rows, columns in self.shapes]
        self.n_weights = sum(counts)
        self.n_outputs = sum(sizes[1:])
        self.layers = np.zeros(len(self.shapes), LAYER).view(np.recarray)
        self.layers["n_in"] = sizes[:-1]
        self.layers["n_out"] = sizes[1:]
        self.layers["weights"] = np.cumsum([0, *counts[:-1]])
        self.layers["outputs"] = np.cumsum([0, *sizes[1:-1]])
        self.layers["activation"] = [activation.code for activation in activations]
        self.layers["beta"] = betas

    def views(self, theta: Floats) -> list[Floats]:
        """Return each layer's weights as a view of shape (n_in + 1, n_out), as in (68)."""
        return [
            theta[start : start + rows * columns].reshape(rows, columns)
            for start, (rows, columns) in zip(self.layers["weights"], self.shapes, strict=True)
        ]

    def pack(self, weights: Sequence[Floats], dtype: DTypeLike) -> Floats:
        """Return a new buffer that holds these weights, one array for each layer."""
        theta: Floats = np.zeros(self.n_weights, dtype)
        for view, W in zip(self.views(theta), weights, strict=True):
            view[:] = W
        return theta

    def network(self, theta: Floats) -> Network:
        """Return what kernels take for a network."""
        return Network(theta, self.layers)

    def work(self, n_rows: int, dtype: DTypeLike, *, gather: bool, train: bool) -> Work:
        """Return buffers for a batch of so many rows, no larger than the task needs."""
        largest = max((rows - 1) * columns for rows, columns in self.shapes)
        rows: Floats = np.empty((n_rows, self.sizes[0] if gather else 0), dtype)
        outputs: Floats = np.empty(n_rows * self.n_outputs, dtype)
        delta: Floats = np.empty(n_rows * self.n_outputs, dtype) if train else outputs
        gradient: Floats = np.empty(largest if train else 0, dtype)
        return Work(rows, read_only(rows), outputs, read_only(outputs), delta, gradient)

    def outputs(self, work: Work, n_rows: int) -> list[Floats]:
        """Return each layer's outputs of a batch as a read-only view of shape (n_rows, n_out)."""
        views = []
        for layer in self.layers:
            start = int(layer["outputs"]) * work.rows.shape[0]
            block = work.outputs_in[start : start + n_rows * int(layer["n_out"])]
            views.append(block.reshape(n_rows, -1))
        return views


def read_only(array: Floats) -> Floats:
    """Return a read-only view: kernels see one type of input wherever it comes from."""
    view = array.view()
    view.flags.writeable = False
    return view
