"""Lay out all weights of a network in one buffer, with a live 2-D view of it per layer."""

import functools
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np

from mlp_fast.kernels.linalg.buffers import aligned, lanes_of, padded_stride, whole_vectors
from mlp_fast.kernels.network.activation import Activation
from mlp_fast.kernels.network.arguments import LAYER, Network, Shape
from mlp_fast.kernels.network.forward_batch import ROWS
from mlp_fast.kernels.simd.types import Floats

LARGEST_PADDING = 1.25  # padded row length over row length, at most ...
LARGEST_NETWORK = 2**42  # weights
SPARE_BYTES = 2048  # ... but small layers share this much extra padding


class Layout:
    """Where each layer's weights lie in one buffer, and what its nodes compute.

    Immutable, so that `Layout.of` can share one among many networks.

    Parameters
    ----------
    sizes : sequence of int
        Nodes of every layer, input and output included, bias nodes not counted.
    activations : sequence of Activation
        One per layer but the input.
    betas : sequence of float
        One per layer but the input.
    dtype : {'float64', 'float32'}
        Of the weights.
    least_stride : int, default 0
        Smallest distance between rows of weights, for kernels that load whole rows.
    input_major : bool, default False
        Whether the first layer must be input-major; if not, the cheaper layout is chosen.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        betas: Sequence[float],
        dtype: str,
        least_stride: int = 0,
        input_major: bool = False,
    ) -> None:
        n_weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
        if n_weights > LARGEST_NETWORK:
            raise ValueError(
                f"layer_sizes must make a network that memory can hold; got {n_weights:.2g} weights"
            )
        self._parameters = (
            *(tuple(values) for values in (sizes, activations, betas)),
            *(dtype, least_stride, input_major),
        )
        self.sizes, self.betas = tuple(sizes), tuple(betas)
        self.input_major = input_major  # whether it was asked for
        self.dtype, self.dtype_name = np.dtype(dtype), dtype  # dtype.name is slow
        self._lanes = lanes_of(self.dtype)
        self.shapes = [(n_in + 1, n_out) for n_in, n_out in pairwise(sizes)]
        self.layers = np.zeros(len(self.shapes), LAYER)
        self.layers["n_in"] = sizes[:-1]
        self.layers["n_out"] = sizes[1:]
        widths = [padded_stride(n, self.dtype) for n in sizes[1:]]
        self.layers["width"] = widths
        self.layers["before"] = np.cumsum([0, *widths[:-1]])
        self.layers["activation"] = [activation.code for activation in activations]
        self.layers["beta"] = betas
        self.layers["keeps_h"] = [activation.derivative_uses_h for activation in activations]
        self._places: list[tuple[int, int, int, int, bool]] = []
        end, spare = 0, SPARE_BYTES // self.dtype.itemsize
        for l, (n_in, n_out) in enumerate(pairwise(sizes)):
            by_input = (l == 0 and input_major) or self._by_input(n_in, n_out, first=l == 0)
            rows, columns = (n_in + 1, n_out) if by_input else (n_out, n_in + 1)
            stride = max(padded_stride(columns, self.dtype), least_stride)
            if least_stride == 0 and stride > LARGEST_PADDING * columns:
                if (stride - columns) * rows > spare:
                    stride = columns
                else:
                    spare -= (stride - columns) * rows
            layer = self.layers[l]
            # output-major weights begin with a bias, which lies just before a vector boundary
            begin = end if by_input else end + self._lanes - 1
            layer["input_major"], layer["weights"], layer["stride"] = by_input, begin, stride
            self._places.append((begin, rows, stride, columns, by_input))
            end = whole_vectors(begin + rows * stride, self.dtype)
        self.n_weights = end + self._lanes  # slack: a vector may reach past the last row
        ends = np.cumsum([whole_vectors(n, self.dtype) + self._lanes for n in sizes])
        self.layers["nodes"] = ends[:-1]
        self.shape = Shape(
            sizes=self.sizes,
            widths=(padded_stride(sizes[0], self.dtype), *widths),
            nodes=(0, *ends.tolist()),
            strides=tuple(self.layers["stride"].tolist()),
            n_weights=n_weights,
            n_theta=self.n_weights,
            input_major=bool(self.layers["input_major"][0]),
            keeps_h=any(activation.derivative_uses_h for activation in activations),
            steep=any(activation.steep for activation in activations[:-1]),
            elementwise=not any(activation.couples_layer for activation in activations),
            dtype=self.dtype,
            every=np.arange(max(ROWS, *sizes)),
        )

    @classmethod
    @functools.lru_cache(maxsize=32)  # making one takes longer than training a small network
    def of(
        cls,
        sizes: tuple[int, ...],
        activations: tuple[Activation, ...],
        betas: tuple[float, ...],
        dtype: str,
        least_stride: int = 0,
        input_major: bool = False,
    ) -> Self:
        """Return the layout for these parameters, from a cache if it was made before."""
        return cls(sizes, activations, betas, dtype, least_stride, input_major)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle only the parameters, from which the rest follows."""
        return Layout.of, self._parameters

    def new_theta(self) -> Floats:
        """Return a zeroed, vector-aligned buffer for the weights."""
        return aligned(self.n_weights, self.dtype)

    def copy(self, theta: Floats) -> Floats:
        """Return a new buffer with the same weights."""
        twin = self.new_theta()
        twin[:] = theta
        return twin

    def mask(self) -> Floats:
        """Return a buffer like the weights: 1 for each but those of bias nodes, 0 elsewhere."""
        mask = self.new_theta()
        for view in self.views(mask):
            view[1:] = 1
        return mask

    def views(self, theta: Floats) -> list[Floats]:
        """Return each layer's weights as a view of shape (n_in + 1, n_out), as in (68)."""
        views = []
        for begin, rows, stride, columns, by_input in self._places:
            block = theta[begin : begin + rows * stride].reshape(rows, stride)[:, :columns]
            views.append(block if by_input else block.T)
        return views

    def pack(self, weights: Iterable[Floats]) -> Floats:
        """Return a new buffer that holds these weights, one array per layer."""
        theta = self.new_theta()
        for view, W in zip(self.views(theta), weights, strict=True):
            view[:] = W
        return theta

    def network(self, theta: Floats) -> Network:
        """Return the `Network` that kernels take."""
        return Network(theta, self.layers, self.shape.every)

    def _by_input(self, n_in: int, n_out: int, first: bool) -> bool:
        """Return whether input-major is better, by the number of vectors that a step visits."""
        to_sum_up = 2  # vectors' worth of work: a horizontal sum, once per row
        by_input = (n_in + 1) * (math.ceil(n_out / self._lanes) + (0 if first else to_sum_up))
        by_output = n_out * (math.ceil((n_in + 1) / self._lanes) + to_sum_up)
        # the first layer gains more from input-major: zeros are skipped, and weights visited once
        return by_input <= (1.3 if first else 1.0) * by_output
