"""Contenders that are called for a row or a few at a time, which latency.py times; ours among them.

A call of theirs may learn or answer. What a user would have at hand, such as a row as an array, is
made before; what the call itself needs is not.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_fast import MLP
from peers.ours import SEED, Training
from peers.peer import Array, Job, Peer

LEARNING = ("step", "partial_train", "forward, backward")
Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Call:
    """What is called: a method of `MLP` by its name, or two, and what it is given."""

    name: str
    rows: int = 1
    lists: bool = False  # whether it is given lists and numbers in place of arrays

    @property
    def learns(self) -> bool:
        return self.name in LEARNING


class Caller(Peer):
    """One contender, and one pass of its calls over the rows of a job, some in each call."""

    def __init__(self, job: Job, call: Call) -> None:
        super().__init__(job)
        self.call = call

    @property
    def function(self) -> Callable[..., Any]:
        """What is called, with the weights that are there."""
        raise NotImplementedError

    def arguments(self, X: Array, T: Array) -> Arguments:
        """Return what is given to a call for these rows."""
        raise NotImplementedError

    @property
    def parts(self) -> list[tuple[Array, Array]]:
        """The rows of each call of a pass."""
        (X, T), rows = (self.job.X, self.job.T), self.call.rows
        return [(X[i : i + rows], T[i : i + rows]) for i in range(0, len(T), rows)]

    @functools.cached_property
    def calls(self) -> list[Arguments]:
        """The arguments of each call of a pass."""
        return [self.arguments(*part) for part in self.parts]

    def train(self) -> None:
        function = self.function
        for arguments in self.calls:
            function(*arguments)

    def answers(self) -> Array:
        """Return the answers to all rows."""
        function, shape = self.function, (self.call.rows, -1)
        return np.concatenate([np.reshape(function(*told), shape) for told in self.calls])


class Ours(Caller):
    """A method of `MLP`."""

    def __init__(self, job: Job, call: Call) -> None:
        super().__init__(job, call)
        self.net: MLP = Training(job).net
        self.restore()

    def restore(self) -> None:
        self.net.init_weights(self.network.sizes, random_state=SEED)

    @property
    def function(self) -> Callable[..., Any]:
        m = self.net
        if self.call.name != "forward, backward":
            return getattr(m, self.call.name)

        def forward_and_backward(X: Array, T: Array) -> None:
            m.forward(X)
            m.backward(T)

        return forward_and_backward

    def arguments(self, X: Array, T: Array) -> Arguments:
        if not self.call.learns:
            return (X,)
        if self.call.name == "step":
            X, T = X[0], T[0]
        if self.call.lists:
            return X.tolist(), T.item() if T.size == 1 else T.tolist()
        return X, T

    def weights(self) -> list[Array]:
        return self.net.weights.copy()
