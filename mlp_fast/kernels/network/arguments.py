"""What kernels are called with, grouped so that no argument list is a wall."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats

LAYER = np.dtype(
    [
        ("n_in", np.int64),  # nodes of the layer before, its bias node not counted
        ("n_out", np.int64),  # nodes of this layer
        ("by_input", np.int64),  # whether weights are input-major: a row belongs to an input
        ("weights", np.int64),  # where this layer's rows begin in theta
        ("stride", np.int64),  # from one row to the next
        ("nodes", np.int64),  # where its neurons begin in the buffers of one sample
        ("width", np.int64),  # from one sample to the next in the buffers of many ...
        ("before", np.int64),  # ... and the widths of all layers before this one
        ("activation", np.int64),  # a code of activation.py
        ("beta", np.float64),  # the sigmoid's steepness (38)
        ("keeps_h", np.int64),  # whether g'(h) is told from h, which is kept for it, or from a
    ],
    align=True,
)


class Network(NamedTuple):
    """All weights in one buffer, and how each layer lies in it."""

    theta: Floats  # (n_weights,)
    layers: NDArray[np.void]  # (L,) of LAYER
    every: NDArray[np.int64]  # 0, 1, 2, ...: the list of rows or inputs of which none is left out


class Shape(NamedTuple):
    """A network as it looks before kernels run: which buffers it needs, which path it takes."""

    sizes: tuple[int, ...]  # nodes of every layer, input and output included
    widths: tuple[int, ...]  # from one sample to the next in the buffers of many, of each of these
    nodes: tuple[int, ...]  # where each begins in the buffers of one sample, and where all end
    strides: tuple[int, ...]  # from one row of weights to the next, of each layer but the input
    n_weights: int  # biases included
    n_theta: int  # numbers in the buffer of the weights
    input_major: bool  # whether a row of the first layer's weights belongs to an input
    keeps_h: bool  # whether a layer keeps h for its derivative
    elementwise: bool  # whether no activation ties the nodes of a layer together
    dtype: np.dtype[Any]
    every: NDArray[np.int64]  # that of `Network`


class Data(NamedTuple):
    """The examples, never copied, and the order or orders in which they are taken."""

    rows: Rows  # (k, n_0)
    T: Floats  # (k, n_L), read-only
    orders: NDArray[np.int64]  # (r, k), epoch e uses row e % r
    in_order: bool  # whether every epoch takes the examples as they stand


class Rule(NamedTuple):
    """How the network learns from them, by plain gradient descent."""

    loss: int  # a code of loss.py
    learning_rate: float
    batch_size: int
    shuffle: bool  # whether each epoch writes a fresh order into orders
    key: int  # of the stream that the orders are drawn from


class Curves(NamedTuple):
    """Sums over the samples of each epoch, in float64."""

    error: NDArray[np.float64]  # (epochs,), of (a - t)²
    loss: NDArray[np.float64]  # (epochs,), of the configured loss
