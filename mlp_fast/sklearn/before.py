"""An estimator as it was before a fit, to return to if that fails."""

import copy
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

GROWING = "loss_curve_", "validation_scores_", "validation_loss_curve_"


class Before:
    """What an estimator was; what a fit changes in place is copied, what it extends is measured.

    Parameters
    ----------
    estimator : Estimator
        The estimator.

    Attributes
    ----------
    fitted : bool
        Whether it was fitted.
    stream : numpy.random.RandomState or None
        What the last fit has drawn from.
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator, self._state = estimator, dict(vars(estimator))
        self.fitted = "coefs_" in self._state
        self.stream = self._state.get("_random_state")
        self._lengths = {
            name: len(self._state[name])
            for name in GROWING
            if isinstance(self._state.get(name), list)
        }
        live = self._state.get("_live")
        self._theta = None if live is None else live.net.theta.copy()
        self._arrays = [
            (array, array.copy())
            for name in ("coefs_", "intercepts_")
            for array in self._state.get(name) or ()
        ]
        self._lists = [
            (weights, list(weights))
            for name in ("coefs_", "intercepts_")
            if isinstance(weights := self._state.get(name), list)
        ]
        self._optimizer = copy.deepcopy(self._state.get("_optimizer"))
        self._streams = Streams(estimator)

    def restore(self) -> None:
        """Return to it."""
        state = vars(self._estimator)
        state.clear()
        state.update(self._state)
        for name, length in self._lengths.items():
            del state[name][length:]
        for weights, arrays in self._lists:
            weights[:] = arrays
        if self._theta is not None:
            state["_live"].net.theta[:] = self._theta
        for array, before in self._arrays:
            if array.flags.writeable:
                array[:] = before
        if self._optimizer is not None:
            state["_optimizer"] = self._optimizer
        self._streams.restore()


class Streams:
    """The random streams that an estimator draws from, but for NumPy's own, which is everybody's.

    Parameters
    ----------
    estimator : Estimator
        The estimator.
    """

    def __init__(self, estimator: Any) -> None:
        state = vars(estimator)
        shared = check_random_state(None)
        streams = {id(s): s for s in (state.get("_random_state"), state["random_state"])}
        self._states = [
            (stream, stream.get_state(legacy=False))
            for stream in streams.values()
            if isinstance(stream, np.random.RandomState) and stream is not shared
        ]

    def restore(self) -> None:
        """Have them go on from where they were."""
        for stream, state in self._states:
            stream.set_state(state)
