"""What kernels are called with, grouped so that no argument list is a wall."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64] | NDArray[np.float32]
Real = np.float64 | np.float32  # a number of the network's dtype

LAYER = np.dtype(
    [
        ("n_in", np.int64),  # nodes of the layer before, its bias node not counted
        ("n_out", np.int64),  # nodes of this layer
        ("weights", np.int64),  # where this layer's weights begin in theta
        ("outputs", np.int64),  # where its outputs begin among those of one sample
        ("activation", np.int64),  # a code of activation.py
        ("beta", np.float64),  # the sigmoid's steepness (38)
    ],
    align=True,
)


class Network(NamedTuple):
    """All weights in one buffer, and how each layer lies in it."""

    theta: Floats  # (n_weights,)
    layers: NDArray[np.void]  # (L,) of LAYER


class Data(NamedTuple):
    """The examples, never copied, and the order or orders in which they are taken."""

    X: Floats  # (k, n_0), read-only
    T: Floats  # (k, n_L), read-only
    orders: NDArray[np.int64]  # (r, k), epoch e uses row e % r


class Rule(NamedTuple):
    """How the network learns from them."""

    loss: int  # a code of loss.py
    learning_rate: float
    batch_size: int
    shuffle: bool  # whether each epoch writes a fresh order into orders
    key: int  # of the stream that the orders are drawn from
    gather: bool  # whether a batch's rows must be collected, being in no order or in a new one


class Work(NamedTuple):
    """Buffers for a batch of so many rows; each layer's block is contiguous.

    The fields whose names end in ``_in`` are read-only views of the ones before them: a layer's
    input is always a read-only array, whether it comes from the data or from the layer below.
    """

    rows: Floats  # (rows, n_0), a batch's rows collected
    rows_in: Floats
    outputs: Floats  # a of every layer and row
    outputs_in: Floats
    delta: Floats  # h of every layer and row, then delta, which no longer needs h
    gradient: Floats  # as long as the largest layer's weights


class Curves(NamedTuple):
    """Sums over the samples of each epoch, in float64."""

    error: NDArray[np.float64]  # (epochs,), of (a - t)²
    loss: NDArray[np.float64]  # (epochs,), of the configured loss
