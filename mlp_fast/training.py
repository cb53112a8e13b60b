"""The loop over compiled calls: how long they are, progress, and recovery from divergence."""

import contextlib
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import read_only
from mlp_fast.extras import extra
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule
from mlp_fast.paths import Path
from mlp_fast.settings import Settings

SECONDS_PER_CALL = 0.05  # short enough for Ctrl-C, long enough that a call's overhead vanishes
VISITS_PER_CALL = 5e7  # weights visited in that time: a first guess, corrected by each call


class Training:
    """One training run: a kernel is called over all epochs, for about 50 ms at a time.

    Where the calls are cut does not change the result. A call covers whole epochs, or part of one.

    Parameters
    ----------
    path : Path
        The path whose kernel is called.
    arguments : tuple of Network, Data, Rule and the path's buffers
        The kernel's arguments; the network's weights are updated in place.
    settings : Settings
        Its ``epochs``, ``verbose``, ``save_weights`` and ``progress`` are used here.
    """

    def __init__(
        self,
        path: Path,
        arguments: tuple[Network, Data, Rule, Any],
        settings: Settings,
    ) -> None:
        network, data, rule, _ = arguments
        self._path, self._arguments = path, arguments
        self._theta = network.theta
        self._k: int = data.T.shape[0]
        self._per_epoch: int = -(-self._k // rule.batch_size)
        self._steps_per_call = max(
            1, int(VISITS_PER_CALL / (3 * self._theta.size * min(self._k, rule.batch_size)))
        )
        self._settings = settings
        self._tqdm = extra("tqdm", "progress") if settings.progress else None
        self._curves = Curves(np.zeros(settings.epochs), np.zeros(settings.epochs))
        self._seen_theta, self._seen_losses = read_only(self._theta), read_only(self._curves.loss)
        self._epochs_done = 0
        # the weights after epochs_done epochs: finite, and what divergence returns to
        self._kept = self._theta.copy()

    def run(self, after_epoch: Callable[[], None] | None = None) -> None:
        """Train to the last epoch, or to the last one before the run diverges.

        Parameters
        ----------
        after_epoch : callable, optional
            Called after each epoch.
        """
        step, total = 0, self._settings.epochs * self._per_epoch
        with self._progress(total) as bar:
            try:
                while step < total:
                    stop = self._end_of_call(step, one_epoch=after_epoch is not None)
                    if not self._is_finite_after(step, stop):
                        self._stop_before_divergence(stop)
                        break
                    if stop % self._per_epoch == 0:
                        if after_epoch is not None:
                            after_epoch()
                        self._count_epochs(stop // self._per_epoch)
                    bar.update(stop - step)
                    step = stop
            except BaseException:  # above all Ctrl-C: leave a network that can be used
                if not self._weights_are_finite():
                    self._theta[:] = self._kept
                raise

    @property
    def epochs_done(self) -> int:
        """The number of epochs that were completed."""
        return self._epochs_done

    @property
    def error(self) -> float:
        """Sum of (a - t)² over the examples of the last epoch, divided by their number."""
        if self._epochs_done == 0:
            return float("nan")
        return float(self._curves.error[self._epochs_done - 1] / self._k)

    @property
    def loss_curve(self) -> NDArray[np.float64]:
        """Mean loss over the examples of each epoch."""
        return self._curves.loss[: self._epochs_done]

    def _end_of_call(self, step: int, one_epoch: bool) -> int:
        """Return the step at which the next call ends (exclusive)."""
        stop, epoch = step + self._steps_per_call, step - step % self._per_epoch
        next_epoch = epoch + self._per_epoch
        if stop < next_epoch:
            return min(next_epoch, stop + (epoch - stop) % self._path.cut)
        if one_epoch or step % self._per_epoch != 0:
            return next_epoch
        return min(stop - stop % self._per_epoch, self._settings.epochs * self._per_epoch)

    def _is_finite_after(self, step: int, stop: int) -> bool:
        """Run the kernel from step to stop; return whether every loss and weight is finite."""
        started = time.perf_counter()
        self._path(*self._arguments, self._curves, step, stop)
        seconds = max(time.perf_counter() - started, 1e-6)
        # clamped, because the first call also compiles or loads the kernel
        factor = min(4.0, max(0.25, SECONDS_PER_CALL / seconds))
        self._steps_per_call = max(1, round((stop - step) * factor))
        losses = self._seen_losses[step // self._per_epoch : -(-stop // self._per_epoch)]
        return all_finite(losses) and self._weights_are_finite()

    def _weights_are_finite(self) -> bool:
        return all_finite(self._seen_theta)

    def _count_epochs(self, done: int) -> None:
        """Record that `done` epochs are complete; if verbose, print epoch and error (code 2.6)."""
        epochs, k = self._settings.epochs, self._k
        if self._settings.verbose:
            every = max(1, epochs // 10)
            due = set(range(-(-self._epochs_done // every) * every, done, every))
            if done == epochs:
                due.add(epochs - 1)
            for epoch in sorted(due):
                print(f"epoch: {epoch}  error: {self._curves.error[epoch] / k}")
        self._curves.loss[self._epochs_done : done] /= k
        self._epochs_done = done
        self._kept[:] = self._theta

    def _stop_before_divergence(self, stop: int) -> None:
        """Restore the weights after the last finite epoch, and warn.

        The diverged call may have covered many epochs. A weight that is not finite stays so, hence
        a bisection: half of the epochs in question are run again until only one is left, in no more
        steps than that call took. So the epoch at which a run stops does not depend on where its
        calls were cut.
        """
        diverged = -(-stop // self._per_epoch)  # not all epochs before this one are finite
        self._forget(diverged)
        try:
            while diverged - self._epochs_done > 1:
                first, middle = self._epochs_done, (self._epochs_done + diverged) // 2
                if self._is_finite_after(first * self._per_epoch, middle * self._per_epoch):
                    self._count_epochs(middle)
                else:
                    diverged = middle
                    self._forget(diverged)
        finally:  # also after Ctrl-C
            self._theta[:] = self._kept
        warnings.warn(
            f"training diverged in epoch {self._epochs_done} (counted from 0): a loss or a weight "
            "is no longer finite. The weights are those before that epoch; a smaller learning_rate "
            "or scaled inputs may help.",
            RuntimeWarning,
            stacklevel=5,
        )

    def _forget(self, last: int) -> None:
        """Undo the epochs that are not counted as done, up to `last` (exclusive)."""
        self._theta[:] = self._kept
        for curve in self._curves:
            curve[self._epochs_done : last] = 0.0

    def _progress(self, total: int) -> Any:
        """Return a progress bar if asked for."""
        if self._tqdm is None:
            return _NO_BAR
        unit = "sample" if self._per_epoch == self._k else "batch"
        return self._tqdm.tqdm(total=total, unit=unit, unit_scale=True)


class _NoBar(contextlib.nullcontext["_NoBar"]):
    """What stands for a progress bar where none is shown."""

    def __enter__(self) -> "_NoBar":
        return self

    def update(self, steps: int) -> None:
        """Show nothing."""


_NO_BAR = _NoBar()
