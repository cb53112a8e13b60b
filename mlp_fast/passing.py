"""The forward pass that keeps all outputs, and the backward pass after it, each by one kernel."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import is_plain, read_only
from mlp_fast.history import History
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.learning import Learner, return_unless_finite
from mlp_fast.net import Net
from mlp_fast.paths import only_path
from mlp_fast.settings import Settings, rates
from mlp_fast.update_rule import PLAIN

FORWARD, BACKWARD = map(only_path, ("forward", "backward"))
DONE = 0  # of backward_rows.py, which is imported when it is compiled
SMALL = 4096  # numbers of a buffer: larger ones are aligned

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
        shape, k, begin, views = self.net.layout.shape, self.samples.size, 0, []
        width = FORWARD.buffers(shape)[0] - sum(shape.widths[1:]) * (3 if shape.keeps_h else 2)
        for n, distance in zip(shape.sizes, (width, *shape.widths[1:]), strict=True):
            end = begin + k * distance
            views.append(read_only(self.buffer[begin:end].reshape(k, distance)[:, :n]))
            begin = end
        return views


def forwarding(net: Net) -> Forwarding:
    """Return the forward pass of ordinary rows: of them, and whether to keep the weights, too.

    It returns what is kept, and the outputs of the last layer; None for anything out of the
    ordinary, and if they are not finite.
    """
    layout, dtype, empty = net.layout, net.layout.dtype, np.empty
    per_row, besides, n_listed = FORWARD.buffers(layout.shape)
    n_in, n_out, every, theta = layout.sizes[0], layout.sizes[-1], layout.shape.every, net.theta
    fixed = net.for_kernels()
    some = read_only(empty((1, 1), dtype)), empty((1, 1), dtype)
    call = FORWARD.entry(dtype, *fixed, every, every, theta, *some)

    def forward(X: Any, copies: bool) -> tuple[Forward, Floats] | None:
        if not (is_plain(X, dtype) and X.ndim == 2 and len(X) > 0):
            return None
        k = len(X)
        size, out = k * per_row + besides, empty((k, n_out), dtype)
        buffer = np.zeros(size, dtype) if size < SMALL else aligned(size, dtype)
        samples = every[:k] if k <= every.size else np.arange(k)
        listed = empty(n_listed + max(0, k - n_in), np.int64)
        if not call(*fixed, samples, listed, buffer, X, out):
            return None
        return Forward(net, samples, listed, buffer, theta.copy() if copies else None), out

    return forward


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
        self._fixed = (
            *net.for_kernels(),
            net.loss.code,
            float(net.output.low),
            float(net.output.high),
        )
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
