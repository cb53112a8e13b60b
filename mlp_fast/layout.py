"""From layer sizes to one buffer of weights, and a live 2-D view of it for each layer."""

import functools
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlp_fast.activations import Activation
from mlp_fast.kernels.linalg.csr import CROWDED_COLUMNS
from mlp_fast.kernels.network.arguments import (
    BLOCK,
    LAYER,
    Block,
    Floats,
    Grid,
    Lanes,
    Network,
    Nodes,
    Turned,
    Work,
)
from mlp_fast.kernels.simd.arrays import SCRATCH
from mlp_fast.kernels.simd.compress import ROOM
from mlp_fast.kernels.train.online_shallow import TRAIN_SHALLOW
from mlp_fast.kernels.train.tiny_batch import LANES

Array = TypeVar("Array", bound=NDArray[Any])

VECTOR_BYTES = 64  # as in kernels/simd.py
LARGEST_PADDING = 1.25  # of the rows of a layer, ...
LARGEST_NETWORK = 2**42  # weights
SPARE_BYTES = 2048  # ... but small layers may share this much more
SHALLOW_INPUTS = 64  # more, and a sample no longer waits for the one before it
MANY_INPUTS = 64  # of a row: fewer are not worth looking for zeros
CROWDED = 1024  # bytes: rows that begin at multiples of it push each other out of a cache


class Layout:
    """Where the weights of each layer lie in one buffer, and what its nodes compute.

    It changes no more, so that `Layout.of` may return one for many networks.

    Parameters
    ----------
    sizes : sequence of int
        Nodes of every layer, input and output included, bias nodes not counted.
    activations : sequence of Activation
        One for each layer but the input.
    betas : sequence of float
        One for each layer but the input.
    dtype : {'float64', 'float32'}
        Of the weights.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        betas: Sequence[float],
        dtype: str,
    ) -> None:
        n_weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
        if n_weights > LARGEST_NETWORK:
            raise ValueError(
                f"layer_sizes must make a network that memory can hold; got {n_weights:.2g} weights"
            )
        self._parameters = tuple(sizes), tuple(activations), tuple(betas), dtype
        self.sizes = tuple(sizes)
        self.dtype, self.dtype_name = np.dtype(dtype), dtype  # NumPy takes its time for the name
        self._lanes = VECTOR_BYTES // self.dtype.itemsize
        self.shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        self.layers = np.zeros(len(self.shapes), LAYER)
        self.layers["n_in"] = sizes[:-1]
        self.layers["n_out"] = sizes[1:]
        self._widths = [self._apart(n) for n in sizes]
        self.layers["width"] = self._widths[1:]
        self.layers["before"] = np.cumsum([0, *self._widths[1:-1]])
        self.layers["activation"] = [activation.code for activation in activations]
        self.layers["beta"] = betas
        self._places: list[tuple[int, int, int, int, bool]] = []
        end, spare = 0, SPARE_BYTES // self.dtype.itemsize
        for l, (n_in, n_out) in enumerate(pairwise(sizes)):
            by_input = self._by_input(n_in, n_out, first=l == 0)
            rows, columns = (n_in + 1, n_out) if by_input else (n_out, n_in + 1)
            stride = max(self._apart(columns), self._shallow_lanes())
            if stride > LARGEST_PADDING * columns and (stride - columns) * rows > spare:
                stride = columns
            elif stride > LARGEST_PADDING * columns:
                spare -= (stride - columns) * rows
            layer = self.layers[l]
            # by output, the weights begin at a bias, which stands just before a vector
            begin = end if by_input else end + self._lanes - 1
            layer["by_input"], layer["weights"], layer["stride"] = by_input, begin, stride
            self._places.append((begin, rows, stride, columns, by_input))
            end = self._up(begin + rows * stride)
        self.n_weights = end + self._lanes  # a vector may reach over the end of the last row
        ends = np.cumsum([self._up(n) + self._lanes for n in sizes])
        self._n_nodes = max(int(ends[-1]), self._shallow_lanes())
        self.layers["nodes"] = ends[:-1]
        self.n_true = n_weights
        self.every = np.arange(max(BLOCK, *sizes))
        # what a single row needs: see recall_row
        needed = 2 * int(ends[-2] + self._widths[1] + self._widths[-1])
        self.row_buffer = 0 if needed <= SCRATCH else needed
        self.row_list = 0 if sizes[0] < MANY_INPUTS else sizes[0] + ROOM
        # of a row of weights in registers, or 0: see shallow.py
        lanes = self._shallow_lanes()
        fit = self.by_input and bool((self.layers["stride"] >= lanes).all())
        self.row_lanes = lanes if fit else 0

    @classmethod
    @functools.lru_cache(maxsize=32)  # making one takes longer than a small training
    def of(
        cls,
        sizes: tuple[int, ...],
        activations: tuple[Activation, ...],
        betas: tuple[float, ...],
        dtype: str,
    ) -> Self:
        """Return the layout of these parameters, made now or before."""
        return cls(sizes, activations, betas, dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the parameters alone, from which the rest follows."""
        return Layout.of, self._parameters

    @property
    def by_input(self) -> bool:
        """Whether a row of the first layer's weights belongs to an input."""
        return bool(self.layers[0]["by_input"])

    def new_theta(self) -> Floats:
        """Return a buffer for the weights, which begins at a multiple of a vector."""
        return self._aligned(self.n_weights)

    def copy(self, theta: Floats) -> Floats:
        """Return a buffer of its own with the same weights."""
        twin = self.new_theta()
        twin[:] = theta
        return twin

    def views(self, theta: Floats) -> list[Floats]:
        """Return each layer's weights as a view of shape (n_in + 1, n_out), as in (68)."""
        views = []
        for begin, rows, stride, columns, by_input in self._places:
            block = theta[begin : begin + rows * stride].reshape(rows, stride)[:, :columns]
            views.append(block if by_input else block.T)
        return views

    def pack(self, weights: Iterable[Floats]) -> Floats:
        """Return a new buffer that holds these weights, one array for each layer."""
        theta = self.new_theta()
        for view, W in zip(self.views(theta), weights, strict=True):
            view[:] = W
        return theta

    def network(self, theta: Floats) -> Network:
        """Return what kernels take for a network."""
        return Network(theta, self.layers)

    def nodes(self, run: int = 0, dense: int = 0) -> Nodes:
        """Return buffers for one sample, for a run of so many, and for sparse rows made dense."""
        a, delta = self._aligned(self._n_nodes), self._aligned(self._n_nodes)
        return Nodes(
            a,
            delta,
            np.zeros(self.sizes[0] + ROOM, np.int64),
            self._numbers(dense),
            np.zeros((dense, self.sizes[0]), self.dtype),
            np.zeros(run, self.dtype),
            np.zeros(run, self.dtype),
        )

    def block(self, stored: int = 0) -> Block:
        """Return buffers for the samples that the first layer takes at once.

        Sparse rows store no more than so many numbers each; dense rows none.
        """
        n_in, n = self.sizes[0], self._widths[1]
        most = min(n_in, BLOCK * stored) if stored else n_in  # inputs that are listed
        width = self._apart(most + self._lanes)
        # merged from rows of so few numbers, they need not be dense
        n_dense = n_in if stored and n_in <= CROWDED_COLUMNS * BLOCK * stored else 0
        return Block(
            nodes=self.nodes(),
            x=self._aligned(BLOCK * width),
            width=width,
            h=self._aligned(BLOCK * n),
            delta=self._aligned(BLOCK * n),
            steps=self._aligned(BLOCK * BLOCK),
            listed=np.zeros(self.sizes[0] + ROOM, np.int64),
            places=np.zeros(BLOCK, np.int64),
            dense=self._aligned(BLOCK * n_dense),
            heads=np.zeros((3, BLOCK), np.int64),
        )

    def work(
        self,
        n_rows: int,
        *,
        collected: int = 0,
        train: bool,
        gradient: bool = False,
        stored: int = 0,
    ) -> Work:
        """Return buffers for so many rows of a batch, no larger than the task needs.

        That may need some of the rows collected at a time, and what sparse rows store, turned.
        """
        outputs = self._aligned(n_rows * sum(self._widths[1:]))
        turned = Turned(
            np.zeros(self.sizes[0] if stored else 0, np.int64),
            np.zeros(stored, np.int32),
            np.zeros(stored, self.dtype),
        )
        return Work(
            capacity=n_rows,
            x=self._aligned(collected * self._widths[0]),
            width=self._widths[0],
            outputs=outputs,
            delta=self._aligned(outputs.size) if train else outputs,
            sums=self._aligned(max(self._widths) if train else 0),
            gradient=self._aligned(self.n_weights if gradient else 0),
            listed=np.zeros(max(n_rows, self.sizes[0]) + ROOM, np.int64),
            every=self._numbers(n_rows),
            turned=turned,
        )

    def lanes(self) -> Lanes:
        """Return buffers for a batch of which each sample has a lane of its own."""
        size, top = (sum(sizes) * LANES for sizes in (self.sizes, self.sizes[:-1]))
        a, delta, t = (self._aligned(n) for n in (size, size, 2 * (size - top)))
        return Lanes(a, delta, t, top)

    def grid(self, n_units: int, n_samples: int) -> Grid:
        """Return buffers for a batch of which each hidden unit and sample has a lane of its own."""
        n_lanes = n_units * n_samples
        x, W = (self._aligned(n * n_lanes) for n in (self.sizes[0], self.sizes[0] + 1))
        v, t, e, used = (self._aligned(n_lanes) for _ in range(4))
        return Grid(x, W, v, t, e, used, n_samples)

    def outputs(self, work: Work, n_rows: int) -> list[Floats]:
        """Return each layer's outputs of a batch as a read-only view of shape (n_rows, n_out)."""
        views = []
        for layer in self.layers:
            start, width = int(layer["before"]) * work.capacity, int(layer["width"])
            block = work.outputs[start : start + n_rows * width].reshape(n_rows, width)
            views.append(read_only(block[:, : int(layer["n_out"])]))
        return views

    def _numbers(self, least: int) -> NDArray[np.int64]:
        """Return 0, 1, 2, ..., at least so many."""
        return self.every if least <= self.every.size else np.arange(least)

    def _by_input(self, n_in: int, n_out: int, first: bool) -> bool:
        """Whether rows should belong to inputs: by the number of vectors that a step visits."""
        to_sum_up = 2  # a row's vector, once a row
        by_input = (n_in + 1) * (math.ceil(n_out / self._lanes) + (0 if first else to_sum_up))
        by_output = n_out * (math.ceil((n_in + 1) / self._lanes) + to_sum_up)
        # the first layer is worth more by input, where zeros are skipped and weights visited once
        return by_input <= (1.3 if first else 1.0) * by_output

    def _shallow_lanes(self) -> int:
        """Return how many lanes a row has in registers, or 0 if it does not fit in."""
        if len(self.sizes) != 3 or self.sizes[2] != 1 or self.sizes[0] > SHALLOW_INPUTS:
            return 0
        return min((lanes for lanes in TRAIN_SHALLOW if lanes >= self.sizes[1]), default=0)

    def _up(self, n: int) -> int:
        return -(-n // self._lanes) * self._lanes

    def _apart(self, n: int) -> int:
        """Return how far apart rows of n numbers are best, so that a whole vector is at the end."""
        up = self._up(n)
        return up + self._lanes * (up * self.dtype.itemsize % CROWDED == 0)

    def _aligned(self, size: int) -> Floats:
        raw: Floats = np.zeros(size + self._lanes, self.dtype)
        start = -raw.ctypes.data % VECTOR_BYTES // self.dtype.itemsize
        return raw[start : start + size]


def read_only(array: Array) -> Array:
    """Return a read-only view: kernels see one type of input wherever it comes from."""
    view = array.view()
    view.flags.writeable = False
    return view
