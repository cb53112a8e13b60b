"""What no call can be quicker than: its compiled code alone, and the memory that it has to move.

There is a function for each call, which says how `mlp_fast` calls its kernels. It returns machine
code, and what that takes for each part of the rows, made before; nothing is checked.
"""

import functools
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from peers.caller import Call, Caller, Ours
from peers.peer import Array, Job

from mlp_fast.boundary.examples import as_examples
from mlp_fast.boundary.inputs import as_sample
from mlp_fast.boundary.targets import as_target
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.network.answer import VALUES
from mlp_fast.kernels.network.forward_batch import ROWS
from mlp_fast.learning import Learner
from mlp_fast.mlp import ONE_PASS
from mlp_fast.paths import only_path
from mlp_fast.stepping import plain_entry, rule_entry
from mlp_fast.update_rule import PLAIN

Parts = list[tuple[Array, Array]]
Entry = Callable[..., Any]
Ready = tuple[Entry, list[tuple[Any, ...]]]


def one_row(learner: Learner, parts: Parts) -> Ready:
    """Any answer to one row."""
    net, path = learner.net, only_path("predict")
    n_buffer, n_listed = path.buffers(net.layout.shape)
    buffers = np.empty(n_buffer, net.dtype), np.empty(n_listed, np.int64)
    fixed = *net.for_kernels(), VALUES, *buffers
    told = [(*fixed, X, answers(net, X)) for X, _ in parts]
    return path.entry(net.layout.dtype, *told[0]), told


def many_rows(learner: Learner, parts: Parts) -> Ready:
    """Any answer to many rows."""
    net, path = learner.net, only_path("recall")
    per_row, n_listed = path.buffers(net.layout.shape)
    k = min(len(parts[0][0]), ROWS)
    buffers = aligned(k * per_row, net.layout.dtype), np.empty(n_listed, np.int64)
    fixed = *net.for_kernels(), VALUES, *buffers
    told = [(*fixed, X, answers(net, X)) for X, _ in parts]
    return path.entry(net.layout.dtype, *told[0]), told


def forward(learner: Learner, parts: Parts) -> Ready:
    """A forward pass that keeps all outputs."""
    net, path, k = learner.net, only_path("forward"), len(parts[0][0])
    per_row, besides, n_listed = path.buffers(net.layout.shape)
    buffer = aligned(k * per_row + besides, net.layout.dtype)
    kept = np.arange(k), np.empty(n_listed + k, np.int64), buffer
    told = [(*net.for_kernels(), *kept, X, answers(net, X)) for X, _ in parts]
    return path.entry(net.layout.dtype, *told[0]), told


def step(learner: Learner, parts: Parts) -> Ready:
    """A step by one sample."""
    net, rate = learner.net, learner.settings.rate(0)
    plain = learner.settings.rules == PLAIN
    code, fixed, new, told = plain_entry(net, careful=True) if plain else rule_entry(learner)
    known, weight = (*fixed, *new(), *told, rate), () if plain else (1.0,)
    n_in, n_out = net.widths
    samples = (
        (as_sample(X[0], net.dtype, n_in), as_target(T[0], net.dtype, n_out)) for X, T in parts
    )
    return code, [(*known, x, t, *weight) for x, t in samples]


def one_pass(learner: Learner, parts: Parts) -> Ready:
    """Training on the rows of a part, once."""
    net, told = learner.net, []
    once = learner._replace(settings=learner.settings.told(ONE_PASS))
    for X, T in parts:
        examples = as_examples(X, T, net.dtype, *net.widths)
        calls = once.calls(examples, learner.settings.rate(0))
        *fixed, own = calls._arguments
        buffers = told[0][3] if told else own  # of as many rows
        told.append((*fixed, buffers, calls.curves, 0, calls.per_epoch))
    return calls._path.entry(net.layout.dtype, *told[0]), told


def whole(learner: Learner, parts: Parts) -> Ready:
    """What `train` takes for as many rows, of a call for all of them."""
    X, T = (np.concatenate(column) for column in zip(*parts, strict=True))
    return one_pass(learner, [(X, T)])


def answers(net: Any, X: Array) -> Array:
    """Return an array for the answers to some rows, the last that kernels take."""
    return np.empty((len(X), net.widths[1]), net.dtype)


FLOORS = {
    "forward": forward,
    "step": step,
    "partial_train": one_pass,
    "forward, backward": whole,
}


class Floor(Caller):
    """The compiled code of a call."""

    def __init__(self, job: Job, call: Call) -> None:
        super().__init__(job, call)
        self.net = m = Ours(job, call).net
        learner = Learner(m._fitted(), m.in_force, m._trained())
        learner.prepare()
        self.kept = learner.keep()
        answering = one_row if call.rows == 1 else many_rows
        self.ready = FLOORS.get(call.name, answering)(learner, self.parts)

    def restore(self) -> None:
        self.kept.restore()

    @property
    def function(self) -> Entry:
        return self.ready[0]

    @property
    def calls(self) -> list[tuple[Any, ...]]:
        return self.ready[1]

    def answers(self) -> Array:
        self.train()
        return np.concatenate([told[-1] for told in self.calls])

    def weights(self) -> list[Array]:
        return self.net.weights.copy()


def traffic(job: Job, call: Call) -> int:
    """Return the bytes that a call has to read or write, if it does so once.

    They are the weights, those of inputs that are 0 in all of its rows left out, its rows, its
    answers or targets, and what a rule keeps. What is learned from is written, too.
    """
    X, T = job.X[: call.rows], job.T[: call.rows]
    inputs = int(np.count_nonzero(X.any(axis=0)))
    used = (inputs, *job.network.sizes[1:])
    n_weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(used))
    kept = {"sgd": 0, "momentum": 1, "rmsprop": 1, "adam": 2, "adamw": 2}[job.network.optimizer]
    if kept:  # of which no weight is left out
        n_weights = sum(W.size for W in job.weights)
    times = 2 * (1 + kept) if call.learns else 1
    return X.nbytes + T.nbytes + times * n_weights * X.itemsize


@functools.cache
def memory_seconds(size: int) -> float:
    """Return how long a copy takes that reads and writes so many bytes together, at best."""
    copied = max(size, LEAST) // 2
    read = np.ones(copied, np.uint8)
    written = np.empty_like(read)
    return min(_copying(read, written)) * size / (2 * copied)


LEAST = 1 << 18  # bytes, below which it would mostly be a call that is timed
COPIES, SECONDS = 15, 0.002


def _copying(read: Array, written: Array) -> Iterator[float]:
    """Yield the seconds of a copy, again and again."""
    for _ in range(COPIES):
        copies, taken, started = 0, 0.0, time.perf_counter()
        while taken < SECONDS:
            np.copyto(written, read)
            copies, taken = copies + 1, time.perf_counter() - started
        yield taken / copies
