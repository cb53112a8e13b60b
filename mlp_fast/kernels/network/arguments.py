"""What kernels are called with, grouped so that no argument list is a wall."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64] | NDArray[np.float32]
Vector = Any  # a simd.Vec, which only Numba knows
Real = np.float64 | np.float32  # a number of the network's dtype

LAYER = np.dtype(
    [
        ("n_in", np.int64),  # nodes of the layer before, its bias node not counted
        ("n_out", np.int64),  # nodes of this layer
        ("by_input", np.int64),  # whether a row of weights belongs to an input, or to an output
        ("weights", np.int64),  # where this layer's rows begin in theta
        ("stride", np.int64),  # from one row to the next
        ("nodes", np.int64),  # where its neurons begin in the buffers of one sample
        ("width", np.int64),  # from one sample to the next in the buffers of many ...
        ("before", np.int64),  # ... and the widths of all layers before this one
        ("activation", np.int64),  # a code of activation.py
        ("beta", np.float64),  # the sigmoid's steepness (38)
    ],
    align=True,
)
BLOCK = 16  # samples that the first layer takes at once


class Matrix(NamedTuple):
    """Numbers in a buffer: row i, column j stands at i row + j column."""

    values: Floats
    row: int
    column: int


class Listed(NamedTuple):
    """What a product of matrices takes: C has these rows, and sums run over these numbers."""

    rows: NDArray[np.int64]  # of A and C
    inner: NDArray[np.int64]  # columns of A, rows of B
    packed: bool  # whether A has no others, so that its own numbers are the places in the lists


class Network(NamedTuple):
    """All weights in one buffer, and how each layer lies in it."""

    theta: Floats  # (n_weights,)
    layers: NDArray[np.void]  # (L,) of LAYER


class Rows(NamedTuple):
    """Inputs, never copied: a matrix, or, if it is sparse (CSR), what is stored of it."""

    X: Floats  # (k, n_0), read-only; no rows if sparse
    values: Floats  # (stored,), read-only; these three are empty unless sparse
    columns: NDArray[np.int32]  # (stored,), read-only, increasing within a row
    starts: NDArray[np.int64]  # (k + 1,), read-only, where the rows begin and end
    sparse: bool
    n: int  # columns

    @property
    def shape(self) -> tuple[int, int]:
        """Of the matrix."""
        return (self.starts.size - 1 if self.sparse else self.X.shape[0]), self.n


class Part(NamedTuple):
    """Some rows that are worked on at a time."""

    A: Matrix  # where they are, in order, or else collected; nowhere if sparse
    rows: Rows
    samples: NDArray[np.int64]  # which of them


class Data(NamedTuple):
    """The examples, never copied, and the order or orders in which they are taken."""

    rows: Rows  # (k, n_0)
    T: Floats  # (k, n_L), read-only
    orders: NDArray[np.int64]  # (r, k), epoch e uses row e % r


class Rule(NamedTuple):
    """How the network learns from them."""

    loss: int  # a code of loss.py
    learning_rate: float
    batch_size: int
    shuffle: bool  # whether each epoch writes a fresh order into orders
    key: int  # of the stream that the orders are drawn from
    gather: bool  # whether rows must be collected, because they are not in order or not by input
    skip_zeros: bool  # whether so many inputs are 0 that listing the others is worth its cost


class Nodes(NamedTuple):
    """Buffers of one sample: each layer begins at a multiple of a vector and ends in zeros."""

    a: Floats  # outputs
    delta: Floats  # h, then delta, which no longer needs h
    listed: NDArray[np.int64]  # (n_0 + ROOM,), which inputs are not 0
    every: NDArray[np.int64]  # 0, 1, 2, ...: the list of a layer that has no zeros to skip
    run: Floats  # (RUN, n_0) or nothing: the sparse rows of a run, made dense
    h_out: Floats  # (RUN,) or nothing: h of the one output, of each sample of a run ...
    delta_out: Floats  # ... and its delta, but for beta


class Block(NamedTuple):
    """Buffers of the first layer for some samples at once; a row for each, which ends in zeros."""

    nodes: Nodes
    x: Floats  # (BLOCK, width), of the inputs those that are listed, end to end
    width: int
    h: Floats  # (BLOCK, width of the first layer)
    delta: Floats  # (BLOCK, width of the first layer)
    steps: Floats  # (BLOCK, BLOCK), eta times the product of two samples' inputs
    listed: NDArray[np.int64]  # (n_0 + ROOM,), which inputs are not 0 in all of the samples
    places: NDArray[np.int64]  # (BLOCK,), where the samples' rows begin
    dense: Floats  # (BLOCK, n_0) or nothing: zeros, into which sparse rows are written
    heads: NDArray[np.int64]  # (3, BLOCK), how far each sparse row is merged


class Work(NamedTuple):
    """Buffers for some rows of a batch; those of a layer form a block, whose rows end in zeros."""

    capacity: int  # rows
    x: Floats  # (capacity, width), rows that were collected
    width: int
    outputs: Floats  # a of every layer and row
    delta: Floats  # h of every layer and row, then delta, which no longer needs h
    sums: Floats  # (largest width,), over the rows of a batch
    gradient: Floats  # as theta, of a batch that is larger than the capacity; or nothing
    listed: NDArray[np.int64]  # of inputs or of rows that are not 0
    every: NDArray[np.int64]  # 0, 1, 2, ...: the list of a layer that has no zeros to skip
    turned: "Turned"


class Turned(NamedTuple):
    """Buffers for some sparse rows by columns; empty where there are none."""

    ends: NDArray[np.int64]  # (n_0,), where a column's entries end; 0 between two uses
    rows: NDArray[np.int32]  # (stored,), column by column
    values: Floats  # (stored,)


class Lanes(NamedTuple):
    """Buffers of a batch whose samples lie in lanes: a vector for each neuron."""

    a: Floats  # outputs of all layers, the inputs first
    delta: Floats  # h, then delta, which no longer needs h
    t: Floats  # targets
    top: int  # where the last layer begins in them


class Grid(NamedTuple):
    """Buffers of a batch with a lane for each hidden unit and sample; weights are repeated."""

    x: Floats  # inputs, a vector each
    W: Floats  # of the hidden layer, a vector for the bias and one for each input
    v: Floats  # of the output
    t: Floats  # targets
    e: Floats  # errors, or h of the output
    used: Floats  # 1 where there is such a unit and sample, 0 elsewhere
    n_samples: int  # that there is room for: a unit has so many lanes


class Curves(NamedTuple):
    """Sums over the samples of each epoch, in float64."""

    error: NDArray[np.float64]  # (epochs,), of (a - t)²
    loss: NDArray[np.float64]  # (epochs,), of the configured loss
