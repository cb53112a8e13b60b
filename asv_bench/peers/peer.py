"""What every peer is given, and what it is to the comparison."""

import dataclasses
import functools
from typing import Any

import numpy as np

Array = Any
MOMENTUM, BETA_1, BETA_2, EPSILON = 0.9, 0.9, 0.999, 1e-8  # of momentum and of Adam
AT_ONCE = 8  # steps that a peer may unroll: parts of a job have so many, or a multiple


@dataclasses.dataclass(frozen=True)
class Network:
    """What is trained, and how."""

    sizes: tuple[int, ...]
    hidden: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "squared_error"
    learning_rate: float = 0.1
    batch_size: int = 1
    optimizer: str = "sgd"  # or "momentum" or "adam"
    l2: float = 0.0  # times half the sum of w², bias weights left out
    weighted: bool = False  # whether samples have weights

    @property
    def activations(self) -> list[str]:
        return [self.hidden] * (len(self.sizes) - 2) + [self.output]


@dataclasses.dataclass(frozen=True)
class Job:
    """A network, the weights it starts from, and its data: arrays of one dtype, rows contiguous."""

    network: Network
    weights: list[Array]  # (n_in + 1, n_out) each, row 0 the bias node's, whose output is -1
    X: Array  # or CSR of SciPy
    T: Array
    epochs: int = 1

    @property
    def samples(self) -> int:
        return len(self.T) * self.epochs

    @functools.cached_property
    def sample_weight(self) -> Array | None:
        """Weights of the rows whose mean is 1, if the network is to be trained with such."""
        if not self.network.weighted:
            return None
        drawn = np.random.default_rng(0).uniform(0.5, 1.5, len(self.T))
        return drawn / drawn.mean()

    def part(self, samples: int) -> "Job":
        """Return a job of about so many samples, in whole batches, from the start of this one."""
        whole = self.network.batch_size * AT_ONCE
        rows = min(len(self.T), max(1, samples // whole) * whole)
        epochs = min(self.epochs, max(1, round(samples / rows)))
        return dataclasses.replace(self, X=self.X[:rows], T=self.T[:rows], epochs=epochs)


class Peer:
    """One contender with one job; making it fails with `NotImplementedError` if it cannot do it."""

    differs = ""  # why it may end at other weights, or answer otherwise

    def __init__(self, job: Job) -> None:
        self.job, self.network, self.dtype = job, job.network, job.X.dtype

    def restore(self) -> None:
        """Go back to the initial weights."""

    def train(self) -> None:
        """Train for the epochs of the job: unless a peer has a call for it, step by step."""
        step, batches = self.step, self.batches
        for _ in range(self.job.epochs):
            for X, T in batches:
                step(X, T)

    @functools.cached_property
    def batches(self) -> list[tuple[Array, Array]]:
        """What `step`, which makes one update, is given in an epoch."""
        (X, T), size = (self.job.X, self.job.T), self.network.batch_size
        batches = (slice(i, i + size) for i in range(0, len(T), size))
        return [(self.given(X[rows]), self.given(T[rows])) for rows in batches]

    def given(self, rows: Array) -> Array:
        """Return the inputs, or the targets, of a batch as `step` takes them."""
        return rows

    def ask(self) -> None:
        """Let it `predict` the rows of the job, as often as the job has epochs."""
        predict = self.predict
        for _ in range(self.job.epochs):
            predict()

    def weights(self) -> list[Array] | None:
        """Return the weights as `Job` has them, or None if only `outputs` can tell the loss."""


class PlainBias(Peer):
    """A peer whose bias node has the output +1: each layer is a pair (W, b) of arrays."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.layers = [(V[1:].copy(), -V[0]) for V in job.weights]

    def restore(self) -> None:
        for (W, b), V in zip(self.layers, self.job.weights, strict=True):
            W[:], b[:] = V[1:], -V[0]

    def weights(self) -> list[Array]:
        return [np.vstack([-np.asarray(b), np.asarray(W)]) for W, b in self.layers]
