"""Training on examples in memory, epoch by epoch, and recovery from divergence."""

from mlp_fast.bar import Bar
from mlp_fast.calls import Calls
from mlp_fast.history import History
from mlp_fast.interrupts import Interrupts


class Training:
    """One training over the same examples in every epoch.

    Parameters
    ----------
    calls : Calls
        The kernel and the examples; a network's weights are updated in place.
    history : History
        Where complete epochs are recorded.
    interrupts : Interrupts
        Looked at after every call.
    bar : Bar
        Told the samples that are done.

    Attributes
    ----------
    kept : ndarray
        A copy of the weights after the last complete epoch: finite, and what is returned to if the
        next one diverges or is interrupted.
    """

    def __init__(self, calls: Calls, history: History, interrupts: Interrupts, bar: Bar) -> None:
        self._calls, self._history = calls, history
        self._interrupts, self._bar = interrupts, bar
        self._epochs_done = 0
        self._theta = calls.theta
        self.kept = calls.theta.copy()

    def run(self, until: int) -> bool:
        """Train up to an epoch of this training (exclusive); return whether all was finite.

        If not, the weights are those after the last epoch in which all was.
        """
        calls = self._calls
        step, last = self._epochs_done * calls.per_epoch, until * calls.per_epoch
        while step < last:
            stop = calls.end_of_call(step, until)
            if not calls.is_finite_after(step, stop):
                self._stop_before_divergence(stop)
                return False
            if stop % calls.per_epoch == 0:
                self._count_epochs(stop // calls.per_epoch)
                self._bar.show(self._history)
            self._bar.at(calls.samples(stop))
            step = stop
            if step < last:  # what follows an epoch is done first
                self._interrupts.check()
        return True

    def _count_epochs(self, done: int) -> None:
        """Record that `done` epochs are complete."""
        before, curves, k = self._epochs_done, self._calls.curves, self._calls.k
        self.kept[:] = self._theta
        self._epochs_done = done
        losses = curves.loss[before:done]
        losses /= k
        self._history.count(losses, float(curves.error[done - 1] / k), done - before)

    def _stop_before_divergence(self, stop: int) -> None:
        """Restore the weights after the last finite epoch.

        The diverged call may have covered many epochs. A weight that is not finite stays so, hence
        a bisection: half of the epochs in question are run again until only one is left, in no more
        steps than that call took. So the epoch at which a run stops does not depend on where its
        calls were cut.
        """
        calls = self._calls
        diverged = -(-stop // calls.per_epoch)  # not all epochs before this one are finite
        self._forget(diverged)
        while diverged - self._epochs_done > 1:
            self._interrupts.check()
            first, middle = self._epochs_done, (self._epochs_done + diverged) // 2
            if calls.is_finite_after(first * calls.per_epoch, middle * calls.per_epoch):
                self._count_epochs(middle)
            else:
                diverged = middle
                self._forget(diverged)
        self._theta[:] = self.kept

    def _forget(self, last: int) -> None:
        """Undo the epochs that are not counted as done, up to `last` (exclusive)."""
        self._theta[:] = self.kept
        self._calls.forget(self._epochs_done, last)
