"""One row, or a few, that come again and again: what the general way checks is checked once."""

import warnings
from typing import Any, ClassVar

from sklearn.utils import check_random_state

from mlp_fast.interrupts import Interrupts
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.sklearn.before import Streams
from mlp_fast.sklearn.live import Live
from mlp_fast.sklearn.quick import Quick, is_ordinary
from mlp_fast.sklearn.stochastic import INTERRUPTED, Stochastic


class FewRows(Stochastic):
    """An estimator that answers one row, and learns from a few, at little more than kernels."""

    _names: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, **options: Any) -> None:
        """Have the names of the parameters at hand."""
        super().__init_subclass__(**options)
        cls._names = tuple(cls._get_param_names())

    def _params(self) -> tuple[Any, ...]:
        """Return all parameters, and the optimizer."""
        state = self.__dict__
        return *(state[name] for name in self._names), state.get("_optimizer")

    def _ordinary(self, X: Any) -> Floats | None:
        """Return the outputs for ordinary rows of a network without feature names, or None."""
        live: Live | None = self.__dict__.get("_live")
        if live is None or "feature_names_in_" in self.__dict__:
            return None
        if live.functions != self._functions or not live.holds(self.coefs_, self.intercepts_):
            return None
        live.take(self.coefs_, self.intercepts_)
        return live.answer(X)

    def _ready(self, X: Any, y: Any) -> Quick | None:
        """Return what trains on ordinary rows just as the last `partial_fit` did, or None.

        It is then told inputs and targets.
        """
        live: Live | None = self.__dict__.get("_live")
        if live is None or live.params is None or not is_ordinary(X, live):
            return None
        unusual = self.verbose or self.warm_start or self.progress
        if unusual or "feature_names_in_" in self.__dict__:
            return None
        if any(a is not b for a, b in zip(live.params, self._params(), strict=True)):
            return None
        if not live.holds(self.coefs_, self.intercepts_):
            return None
        k = X.shape[0]
        size = min(200, k) if self.batch_size == "auto" else self.batch_size
        if size > k:
            return None  # a warning is due
        if live.quick is None or not live.quick.fits(k, self._optimizer):
            live.quick = Quick(live, k, self._optimizer, self.alpha, self._loss_scale, size)
        quick: Quick = live.quick
        return quick if self._take_targets(y, quick.T) and quick.take(X) else None

    def _take_targets(self, y: Any, T: Floats) -> bool:
        """Write targets as outputs have them, if they are ordinary; return whether they are."""
        raise NotImplementedError

    def _learn_quickly(self, quick: Quick) -> None:
        """Train for one epoch on what is ready."""
        k = quick.T.shape[0]
        self._live.take(self.coefs_, self.intercepts_)
        before, streams = self._random_state, None
        if k > 1 and self.shuffle:
            if not self.continue_state:
                self._random_state = check_random_state(self.random_state)
            if self._random_state is before:
                streams = Streams(self)
            quick.epochs.draw_from(self._random_state)
        try:
            with Interrupts() as interrupts:
                loss = quick.epochs.run(interrupts)
                self.n_iter_, self.loss_ = 0, loss
                self._record(k, None)
                self._is_to_stop()
        except KeyboardInterrupt:
            warnings.warn(INTERRUPTED, stacklevel=3)
        except BaseException:
            self._random_state = before
            if streams is not None:
                streams.restore()
            raise
