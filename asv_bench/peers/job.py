"""What every peer is given, and what it returns."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
AT_ONCE = 8  # what a peer may unroll: parts of a job are so many batches, or a multiple


@dataclasses.dataclass(frozen=True)
class Network:
    """What is trained, and how."""

    sizes: tuple[int, ...]
    hidden: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "squared_error"
    learning_rate: float = 0.1
    batch_size: int = 1

    @property
    def activations(self) -> list[str]:
        return [self.hidden] * (len(self.sizes) - 2) + [self.output]


@dataclasses.dataclass(frozen=True)
class Job:
    """A network, the weights it starts from, and its data: arrays of one dtype, rows contiguous."""

    network: Network
    weights: list[Array]  # (n_in + 1, n_out) each, row 0 the bias node's, whose output is -1
    X: Array
    T: Array
    epochs: int = 1

    @property
    def dtype(self) -> np.dtype:
        return self.X.dtype

    @property
    def samples(self) -> int:
        return len(self.X) * self.epochs

    @functools.cached_property
    def many_zeros(self) -> bool:
        """Whether listing the other inputs pays."""
        return float(np.mean(self.X == 0)) > 0.3

    def part(self, samples: int) -> "Job":
        """Return a job of about so many samples, in whole batches, from the start of this one."""
        whole = self.network.batch_size * AT_ONCE
        rows = min(len(self.X), max(1, samples // whole) * whole)
        epochs = min(self.epochs, max(1, round(samples / rows)))
        return dataclasses.replace(self, X=self.X[:rows], T=self.T[:rows], epochs=epochs)

    def batches(self) -> list[slice]:
        """Return the rows of each batch of an epoch."""
        size = self.network.batch_size
        return [slice(i, min(i + size, len(self.X))) for i in range(0, len(self.X), size)]


@dataclasses.dataclass
class Run:
    """One contender: what is timed, and what belongs to it but is not."""

    call: Callable[[], Any]
    samples: int  # that a call takes
    restore: Callable[[], object] = lambda: None  # the initial weights, before each call
    weights: Callable[[], list[Array]] | None = None  # after a call, as those of `Job`
    outputs: Callable[[Array], Array] | None = None  # of rows, after a call; where no `weights`
    differs: str = ""  # why it may end at other weights, or answer otherwise
    note: str = ""


def with_plain_bias(weights: list[Array]) -> list[tuple[Array, Array]]:
    """Return copies (W, b) of each layer for peers whose bias node has the output +1."""
    return [(W[1:].copy(), -W[0]) for W in weights]


def with_bias_row(layers: list[tuple[Array, Array]]) -> list[Array]:
    """Return each layer's weights as `Job` has them."""
    return [np.vstack([-np.asarray(b), np.asarray(W)]) for W, b in layers]
