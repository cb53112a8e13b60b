"""Training on examples that come in chunks, of which one need be in memory at a time."""

import math

import numpy as np

from mlp_fast.bar import Bar
from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.chunks import Chunks
from mlp_fast.calls import Calls
from mlp_fast.history import History
from mlp_fast.interrupts import Interrupts
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.net import Net
from mlp_fast.settings import Settings


class ChunkedTraining:
    """One training over chunks that are iterated anew in every epoch.

    Each chunk is shuffled for itself, and ends with a smaller batch if need be. A full batch is the
    sum of all chunks' gradients.

    Parameters
    ----------
    net : Net
        The network, whose weights are updated in place.
    settings : Settings
        The options in force.
    chunks : Chunks
        The examples.
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

    def __init__(
        self,
        net: Net,
        settings: Settings,
        chunks: Chunks,
        history: History,
        interrupts: Interrupts,
        bar: Bar,
    ) -> None:
        self._net, self._settings, self._chunks = net, settings, chunks
        self._history, self._interrupts, self._bar = history, interrupts, bar
        self._epochs_done, self._samples = 0, 0
        self._theta = net.theta
        self._gradient = net.gradient() if settings.batch_size is None else None
        self.kept = net.theta.copy()

    def run(self, until: int) -> bool:
        """Train up to an epoch of this training (exclusive); return whether all was finite.

        If not, the weights are those after the last epoch in which all was.
        """
        while self._epochs_done < until:
            if not self._epoch():
                self._theta[:] = self.kept
                return False
        return True

    def _epoch(self) -> bool:
        """Train for one epoch; return whether all was finite."""
        history, net = self._history, self._net
        error, loss, k, n = 0.0, 0.0, 0, 0
        chunks = self._chunks.epoch(history.epochs, net.output, net.loss)
        while True:
            with self._interrupts.allowed():  # a file is read, say
                chunk = next(chunks, None)
            if chunk is None:
                break
            number = history.passes + n
            calls = net.calls(
                self._settings, chunk.rows, chunk.T, history.seed, number, 1, self._gradient
            )
            if not self._is_finite_over(calls):
                self._chunks.check_finite(chunk, n)
                return False
            error += float(calls.curves.error[0])
            loss += float(calls.curves.loss[0])
            k, n = k + calls.k, n + 1
            del calls, chunk  # before the next one is read
        if self._gradient is not None and not self._descend(self._gradient, k):
            return False
        if not math.isfinite(loss):
            return False
        self._epochs_done += 1
        self.kept[:] = self._theta
        history.count(np.array([loss / k]), error / k, n)
        self._bar.expect(self._settings.epochs * k)
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

    def _descend(self, gradient: Floats, k: int) -> bool:
        """Take the one step of an epoch of a full batch; return whether all was finite."""
        self._net.descend(self._settings.learning_rate / k, gradient)
        return bool(all_finite(read_only(self._theta)))
