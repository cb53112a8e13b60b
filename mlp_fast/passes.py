"""Passes of `partial_train` over a few ordinary rows, again and again, with what the first made."""

from typing import Any, NamedTuple

import numpy as np

from mlp_fast.boundary.arrays import is_plain, read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.boundary.rows import dense_rows
from mlp_fast.calls import Calls
from mlp_fast.history import History
from mlp_fast.interrupts import Interrupts
from mlp_fast.kept import Kept
from mlp_fast.kernels.compile.jit import entry_point
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.take_rows import take_rows
from mlp_fast.learning import Learner
from mlp_fast.net import Net
from mlp_fast.paths import MODERATE
from mlp_fast.rule_state import RuleState
from mlp_fast.settings import Settings

MOST_ROWS = 256
MOST_COUNTS = 16  # of rows, of which what is needed is kept


class Ready(NamedTuple):
    """Buffers for some examples, and what trains on them."""

    x: Floats  # the rows end to end, to be written to
    t: Floats  # their targets, likewise
    calls: Calls
    kept: Kept


class Claim(NamedTuple):
    """What a network is trained by, for others that look meanwhile: what was before the pass."""

    theta: Floats
    rule: RuleState | None


class Passes:
    """Passes of a network over few rows, one pass for each array of them.

    Parameters
    ----------
    net : Net
        The network, which must be trainable.
    settings : Settings
        The options in force, but for those that `partial_train` has of its own.
    history : History
        The state of its training.
    """

    def __init__(self, net: Net, settings: Settings, history: History) -> None:
        self._net, self._settings, self._history = net, settings, history
        self._ready: dict[int, Ready] = {}
        self._most = MODERATE[net.layout.dtype.itemsize]
        self._told = *net.demands(), self._most
        self._state = history.rule
        self._taking: Any = None  # the machine code of `take_rows`

    def ordinary(self, owner: dict[str, Any], X: Any, T: Any) -> bool:
        """Train on ordinary rows; or return False, having changed nothing.

        `owner` is the dictionary of the object that the network belongs to, which is told that it
        is being trained.
        """
        history, net, dtype = self._history, self._net, self._net.layout.dtype
        if not (is_plain(X, dtype) and is_plain(T, dtype) and X.ndim == 2):
            return False
        (k, n_in), (n, n_out) = X.shape, net.widths
        if n_in != n or T.shape != ((k,) if net.vector else (k, n_out)) or not 0 < k <= MOST_ROWS:
            return False
        if history.rule is not self._state or history.best is not None or history.last is not None:
            return False
        rate = self._settings.rate(history.epochs)
        if not rate <= self._most:
            return False
        T = T.reshape(k, n_out)
        ready = self._ready.get(k) or self._new(X, T, rate)
        if ready is None:
            return False
        claim = Claim(ready.kept.theta, ready.kept.rule)
        with Interrupts():
            if owner.setdefault("_running", claim) is not claim:
                return False
            try:
                return self._take(ready.x, ready.t, X, T) and self._train(ready, rate)
            finally:
                del owner["_running"]

    def _take(self, x: Floats, t: Floats, X: Floats, T: Floats) -> bool:
        """Take over rows, if they are ordinary; return whether they are."""
        if self._taking is None:
            types = *self._told, x, t, read_only(X), read_only(T)
            self._taking = entry_point(take_rows, *types)
        return bool(self._taking(*self._told, x, t, X, T))

    def _new(self, X: Floats, T: Floats, rate: float) -> Ready | None:
        """Return what trains on these rows, and on as many others; None if they are unusual."""
        k, x, t = len(X), np.empty(X.size, X.dtype), np.empty(T.size, T.dtype)
        if not self._take(x, t, X, T):  # or else the path might be one for unusual numbers
            return None
        rows = dense_rows(read_only(x.reshape(X.shape)))
        examples = Examples(rows, read_only(t.reshape(T.shape)), vector=False)
        learner = Learner(self._net, self._settings, self._history)
        calls, kept = learner.calls(examples, rate), learner.keep()
        ready = Ready(x, t, calls, kept)
        if len(self._ready) < MOST_COUNTS:
            self._ready[k] = ready
        return ready

    def _train(self, ready: Ready, rate: float) -> bool:
        """Train on the rows that are ready; return False, and undo it, if it diverges."""
        calls, kept = ready.calls, ready.kept
        kept.keep()
        calls.learn_at(rate)
        if not calls.is_finite_after_all():
            kept.restore()
            return False
        history, curves, k = self._history, calls.curves, calls.k
        history.started, history.stopped = True, "epochs"
        history.count_one(float(curves.loss[0]) / k, float(curves.error[0]) / k)
        return True
