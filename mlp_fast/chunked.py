"""Training on examples that come in chunks, of which one need be in memory at a time."""

import math

import numpy as np

from mlp_fast.bar import Bar
from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.chunks import Chunks
from mlp_fast.calls import Calls
from mlp_fast.interrupts import Interrupts
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.learning import Learner


class ChunkedTraining:
    """One training over chunks that are iterated anew in every epoch.

    Each chunk is shuffled for itself, and ends with a smaller batch if need be. A full batch is the
    sum of all chunks' gradients.

    Parameters
    ----------
    learner : Learner
        The network, whose weights are updated in place, its options, and its history, where
        complete epochs are recorded.
    chunks : Chunks
        The examples.
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
        self, learner: Learner, chunks: Chunks, rate: float, interrupts: Interrupts, bar: Bar
    ) -> None:
        self._learner, self._chunks, self._rate = learner, chunks, rate
        self._history, self._interrupts, self._bar = learner.history, interrupts, bar
        self._epochs_done, self._samples = 0, 0
        full = learner.settings.batch_size is None
        self._gradient = learner.new_gradient() if full else None
        self.kept = learner.keep()

    def learn_at(self, rate: float) -> None:
        """Set the learning rate of the epochs that follow."""
        self._rate = rate

    def run(self, until: int) -> bool:
        """Train up to an epoch of this training (exclusive); return whether all was finite.

        If not, the weights are those after the last epoch in which all was.
        """
        while self._epochs_done < until:
            if not self._epoch():
                self.kept.restore()
                return False
        return True

    def _epoch(self) -> bool:
        """Train for one epoch; return whether all was finite."""
        history, net = self._history, self._learner.net
        error, loss, k, n = 0.0, 0.0, 0, 0
        chunks = self._chunks.epoch(history.epochs, net.output, net.loss)
        while True:
            with self._interrupts.allowed():  # a file is read, say
                chunk = next(chunks, None)
            if chunk is None:
                break
            calls = self._learner.calls(chunk, self._rate, chunk=n, gradient=self._gradient)
            if not self._is_finite_over(calls):
                self._chunks.check_finite(chunk, n)
                return False
            error += float(calls.curves.error[0])
            loss += float(calls.curves.loss[0])
            k, n = k + calls.k, n + 1
            del calls, chunk  # before the next one is read
        if self._gradient is not None:
            loss += k * self._learner.descend(self._rate, k, self._gradient)
        if not (math.isfinite(loss) and self.kept.may_be_kept()):
            return False
        self._epochs_done += 1
        self.kept.keep()
        history.count(np.array([loss / k]), error / k, n)
        self._bar.expect(self._learner.settings.epochs * k)
        self._bar.show(history)
        return True

    def _is_finite_over(self, calls: Calls) -> bool:
        """Train on a chunk; return whether all was finite."""
        step = 0
        while step < calls.per_epoch:
            stop = calls.end_of_call(step, 1)
            if not calls.is_finite_after(step, stop):
                return False
            self._interrupts.check()
            self._bar.at(self._samples + calls.samples(stop))
            step = stop
        self._samples += calls.k
        gradient = self._gradient
        return gradient is None or bool(all_finite(read_only(gradient)))
