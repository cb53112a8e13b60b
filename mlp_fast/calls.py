"""Calls of a kernel that trains, each of about 50 ms: short enough for Ctrl-C and for progress."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_fast.boundary.arrays import read_only
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.network.arguments import Curves, Data, Learning, Network, Rule
from mlp_fast.paths import Path
from mlp_fast.rule_state import RuleState

SECONDS_PER_CALL = 0.05  # short enough for Ctrl-C, long enough that a call's overhead vanishes
VISITS_PER_CALL = 5e7  # weights visited in that time: a first guess, corrected by each call


class Calls:
    """A kernel, and the examples that it is called on, for some epochs.

    Where the calls are cut does not change the result. A call covers whole epochs, or part of one.

    Parameters
    ----------
    path : Path
        The path whose kernel is called.
    arguments : tuple of Network, Data, Rule and the path's buffers
        The kernel's arguments; the network's weights are updated in place.
    epochs : int
        How many epochs there will be at most.
    state : RuleState, optional
        What an update rule keeps, if the kernel changes it.
    """

    def __init__(
        self,
        path: Path,
        arguments: tuple[Network, Data, Rule | Learning, Any],
        epochs: int,
        state: RuleState | None = None,
    ) -> None:
        network, data, rule, _ = arguments
        self._state = state
        self._path, self._arguments = path, arguments
        self.theta = network.theta
        self.k: int = data.T.shape[0]
        self._batch_size = rule.batch_size
        self.per_epoch: int = -(-self.k // rule.batch_size)
        self._steps_per_call = max(
            1, int(VISITS_PER_CALL / (3 * self.theta.size * min(self.k, rule.batch_size)))
        )
        self.curves = Curves(np.zeros(epochs), np.zeros(epochs))
        self._seen_theta, self._seen_losses = read_only(self.theta), read_only(self.curves.loss)

    def end_of_call(self, step: int, until: int) -> int:
        """Return the step at which the call from `step` ends, not after the end of an epoch."""
        stop, epoch = step + self._steps_per_call, step - step % self.per_epoch
        next_epoch = epoch + self.per_epoch
        if stop < next_epoch:
            return min(next_epoch, stop + (epoch - stop) % self._path.cut)
        if step % self.per_epoch != 0:
            return next_epoch
        return min(stop - stop % self.per_epoch, until * self.per_epoch)

    def is_finite_after(self, step: int, stop: int) -> bool:
        """Run the kernel from step to stop; return whether every loss and weight is finite."""
        started = time.perf_counter()
        self._path(*self._arguments, self.curves, step, stop)
        seconds = max(time.perf_counter() - started, 1e-6)
        # clamped, because the first call also compiles or loads the kernel
        factor = min(4.0, max(0.25, SECONDS_PER_CALL / seconds))
        self._steps_per_call = max(1, round((stop - step) * factor))
        losses = self._seen_losses[step // self.per_epoch : -(-stop // self.per_epoch)]
        if not (all_finite(losses) and all_finite(self._seen_theta)):
            return False
        return self._state is None or self._state.is_finite()

    def is_finite_after_all(self) -> bool:
        """Run the kernel for one epoch of few steps, anew; return as `is_finite_after` does."""
        curves = self.curves
        curves.loss[0] = curves.error[0] = 0.0
        self._path(*self._arguments, curves, 0, self.per_epoch)
        if not (math.isfinite(curves.loss[0]) and all_finite(self._seen_theta)):
            return False
        return self._state is None or self._state.is_finite()

    def take_epoch(self, check: Callable[[], None] = lambda: None) -> bool:
        """Run the first epoch anew, with a check after each call; return whether all was finite."""
        self.forget(0, 1)
        step, finite = 0, True
        while step < self.per_epoch:
            stop = self.end_of_call(step, 1)
            finite &= self.is_finite_after(step, stop)
            step = stop
            check()
        return finite

    def learn_at(self, rate: float) -> None:
        """Set the learning rate of the calls that follow."""
        network, data, rule, buffers = self._arguments
        if rate != rule.learning_rate:
            self._arguments = network, data, rule._replace(learning_rate=rate), buffers

    def samples(self, step: int) -> int:
        """Return how many samples the steps before `step` take."""
        epoch, batch = divmod(step, self.per_epoch)
        return epoch * self.k + batch * self._batch_size

    def forget(self, first: int, last: int) -> None:
        """Clear the sums of epochs first to last (exclusive), which are to be run again."""
        for curve in self.curves:
            curve[first:last] = 0.0
