"""Training on examples in memory, epoch by epoch, and recovery from divergence."""

from mlp_fast.bar import Bar
from mlp_fast.boundary.examples import Examples
from mlp_fast.interrupts import Interrupts
from mlp_fast.learning import Learner


class Training:
    """One training over the same examples in every epoch.

    Parameters
    ----------
    learner : Learner
        The network, whose weights are updated in place, its options, and its history, where
        complete epochs are recorded.
    examples : Examples
        What it is trained on.
    rate : float
        The learning rate, until there is another.
    interrupts : Interrupts
        Looked at after every call.
    bar : Bar
        Told the samples that are done.

    Attributes
    ----------
    kept : Kept
        What is returned to if the next epoch diverges or is interrupted.
    """

    def __init__(
        self, learner: Learner, examples: Examples, rate: float, interrupts: Interrupts, bar: Bar
    ) -> None:
        self._history = learner.history
        self._calls = learner.calls(examples, rate, learner.settings.epochs)
        self._interrupts, self._bar = interrupts, bar
        self._epochs_done = 0
        self.kept = learner.keep()

    def learn_at(self, rate: float) -> None:
        """Set the learning rate of the epochs that follow."""
        self._calls.learn_at(rate)

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
        self.kept.keep()
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
        self.kept.restore()

    def _forget(self, last: int) -> None:
        """Undo the epochs that are not counted as done, up to `last` (exclusive)."""
        self.kept.restore()
        self._calls.forget(self._epochs_done, last)
