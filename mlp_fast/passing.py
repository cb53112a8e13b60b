"""The forward pass that keeps all outputs, and the backward pass after it, each by one kernel."""

from collections.abc import Callable
from sys import getrefcount
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import is_plain, read_only
from mlp_fast.history import History
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.network.forward_rows import parts_of
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.learning import Learner, return_unless_finite
from mlp_fast.net import Net
from mlp_fast.paths import only_path
from mlp_fast.settings import Settings, rates
from mlp_fast.update_rule import PLAIN

FORWARD, BACKWARD = map(only_path, ("forward", "backward"))
DONE = 0  # of backward_rows.py, which is imported when it is compiled
LARGEST_KEPT = 2**28  # bytes of a buffer that is kept to be used again

Forwarding = Callable[[Any, bool], tuple["Forward", Floats] | None]


class Forward(NamedTuple):
    """What a forward pass leaves for the backward pass that follows it."""

    net: Net
    samples: NDArray[np.int64]  # 0, 1, and so on: a number for each row
    listed: NDArray[np.int64]
    buffer: Floats  # see forward_rows.py
    theta: Floats | None  # a copy of the weights that were used, if others may change them

    def is_of(self, theta: Floats) -> bool:
        """Return whether these are still the weights that were used, down to the bits."""
        bits = f"i{theta.itemsize}"  # of numbers, NaN would differ from itself
        return self.theta is None or np.array_equal(self.theta.view(bits), theta.view(bits))

    def outputs(self) -> list[Floats]:
        """Return the inputs, then every layer's outputs; read-only."""
        shape, k = self.net.layout.shape, self.samples.size
        n_parts, rows = parts_of(k)
        per_row = FORWARD.buffers(shape)[0]
        width = per_row - sum(shape.widths[1:]) * (3 if shape.keeps_h else 2)
        parts = self.buffer[: n_parts * rows * per_row].reshape(n_parts, rows * per_row)
        begin, views = 0, []
        for n, distance in zip(shape.sizes, (width, *shape.widths[1:]), strict=True):
            end = begin + rows * distance
            layer = parts[:, begin:end].reshape(-1, distance)[:k, :n]  # a copy of several parts
            views.append(read_only(layer))
            begin = end
        return views


def forwarding(net: Net) -> Forwarding:
    """Return the forward pass of ordinary rows: of them, and whether to keep the weights, too.

    It returns what is kept, and the outputs of the last layer; None for anything out of the
    ordinary, and if they are not finite. Memory of a pass before is used again, if it was of as
    many rows, and nobody can see it any more: to have new memory takes longer than small passes.
    """
    layout, dtype, empty = net.layout, net.layout.dtype, np.empty
    per_row, besides, n_listed = FORWARD.buffers(layout.shape)
    n_out, every, theta = layout.sizes[-1], layout.shape.every, net.theta
    fixed = net.for_kernels()
    some = read_only(empty((1, 1), dtype)), empty((1, 1), dtype)
    call = FORWARD.entry(dtype, *fixed, every, every, theta, *some)
    before: list[Forward] = []  # the last and the one before it, unless threads add some

    def forward(X: Any, copies: bool) -> tuple[Forward, Floats] | None:
        if not (is_plain(X, dtype) and X.ndim == 2 and len(X) > 0):
            return None
        k = len(X)
        kept, out = memory_for(k), empty((k, n_out), dtype)
        if not call(*fixed, kept.samples, kept.listed, kept.buffer, X, out):
            return None
        if copies and kept.theta is not None:
            kept.theta[:] = theta
        elif copies or kept.theta is not None:
            kept = kept._replace(theta=theta.copy() if copies else None)
        if kept.buffer.nbytes <= LARGEST_KEPT:
            before.append(kept)
        return kept, out

    def memory_for(k: int) -> Forward:
        """Return what nobody else uses, for k rows."""
        if len(before) > 1:
            kept = unseen(before)
            if kept is not None and kept.samples.size == k:
                return kept
        n_parts, rows = parts_of(k)
        buffer = aligned(n_parts * rows * per_row + besides, dtype)
        samples = every[:k] if k <= every.size else np.arange(k)
        return Forward(net, samples, empty(n_listed + n_parts, np.int64), buffer, None)

    return forward


def references(before: list[Forward]) -> tuple[Forward, int, int, int]:
    """Take the first of some; return it, and the references to it, its buffer and that's memory.

    The numbers count those of this function, too, which are not the same in all versions of Python.
    """
    kept = before.pop(0)
    buffer = kept.buffer
    return kept, getrefcount(kept), getrefcount(buffer), getrefcount(buffer.base)


def unseen(before: list[Forward]) -> Forward | None:
    """Take the first of some; return it, or None if anything else refers to it or its memory."""
    try:
        kept, *counts = references(before)
    except IndexError:  # another thread was faster
        return None
    return kept if counts == ALONE else None


_nothing: Any = np.zeros(0)
_, *ALONE = references(
    [Forward(_nothing, _nothing, _nothing, aligned(1, np.dtype("float64")), None)]
)
"""The numbers of references if there are no others."""


class Backward:
    """Backward passes and updates of a network, by the options in force.

    Parameters
    ----------
    net : Net
        The network, which must be trainable.
    settings : Settings
        The options in force.
    history : History
        The state of its training.
    """

    def __init__(self, net: Net, settings: Settings, history: History) -> None:
        self._learner, self._plain = Learner(net, settings, history), settings.rules == PLAIN
        self._rate = rates(settings, history)
        self._fixed = *net.for_kernels(), *net.demands()
        dtype, every = net.layout.dtype, net.layout.shape.every
        some = every, every, net.theta, read_only(np.empty((1, 1), dtype)), net.theta, 1.0, True
        self._call = BACKWARD.entry(dtype, *self._fixed, *some)

    def ordinary(self, forward: Forward, T: Any, learning_rate: Any) -> bool:
        """Update the weights by ordinary targets; return False, having changed nothing, if not."""
        net, rate = self._learner.net, self._rate(learning_rate)
        if rate is None or not (self._plain and is_plain(T, net.layout.dtype) and T.size):
            return False
        if T.ndim == 1:
            T = T.reshape(-1, 1)
        return T.ndim == 2 and self._pass(forward, T, -rate / T.shape[0], careful=True)

    def checked(self, forward: Forward, T: Floats, rate: float) -> None:
        """Update the weights by the errors of a forward pass (78), if all stays finite."""
        k = T.shape[0]
        if self._plain and self._pass(forward, T, -(rate / k), careful=True):
            return
        learner = self._learner
        learner.prepare()
        before = learner.keep()
        if self._plain:
            self._pass(forward, T, -(rate / k), careful=False)
        else:
            gradient = learner.new_gradient()
            self._pass(forward, T, 1.0, careful=False, target=gradient)
            learner.descend(rate, k, gradient)
        return_unless_finite(before)

    def _pass(
        self,
        forward: Forward,
        T: Floats,
        factor: float,
        careful: bool,
        target: Floats | None = None,
    ) -> bool:
        """Add `factor` times the gradient to a target, by default the weights, if all is well."""
        to = self._learner.net.theta if target is None else target
        rows = forward.samples, forward.listed, forward.buffer
        return bool(self._call(*self._fixed, *rows, T, to, factor, careful) == DONE)
