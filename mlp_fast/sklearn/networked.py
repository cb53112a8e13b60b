"""The network of an estimator: its weights are in a buffer that kernels take."""

from typing import Any

import numpy as np
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron

from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.sklearn.live import Live


class Networked(BaseMultilayerPerceptron):  # type: ignore[misc]  # scikit-learn ships no types
    """An estimator of scikit-learn's whose weights are those of a network of this package's."""

    activation: Any

    def _network(self, dtype: str | None = None) -> Live:
        """Return the network with the weights that there are now, for reading."""
        live: Live | None = self.__dict__.get("_live")
        if (
            live is not None
            and dtype in (None, live.net.dtype)
            and live.functions == self._functions
            and live.holds(self.coefs_, self.intercepts_)
        ):
            live.take(self.coefs_, self.intercepts_)
            return live
        return Live(self.coefs_, self.intercepts_, *self._functions, dtype)

    @property
    def _functions(self) -> tuple[tuple[str, ...], str]:
        """The names of the activations in force, and that of the loss."""
        return tuple(self._activations()), self._loss_name()

    def _take_up(self) -> Live:
        """Return the network with the weights that there are now, and have them live in it."""
        self._live = live = self._network()
        self.coefs_, self.intercepts_ = list(live.coefs), list(live.intercepts)
        return live

    def _activations(self) -> list[str]:
        n_hidden, told = len(self.coefs_) - 1, self.activation
        hidden = [told] * n_hidden if isinstance(told, str) else list(told)
        if len(hidden) != n_hidden:
            raise ValueError(
                f"activation must have a name for each of the {n_hidden} hidden layers that were "
                f"fitted; got {told!r}"
            )
        return [*hidden, self.out_activation_]

    def _loss_name(self) -> str:
        """Return what the loss is called here."""
        names = {"log_loss": "cross_entropy", "poisson": "poisson"}
        if self.loss == "log_loss" and self.out_activation_ == "logistic":
            return "binary_cross_entropy"
        return names.get(self.loss, "squared_error")

    @property
    def _loss_scale(self) -> float:
        """What the sum over outputs is multiplied by: the squared error is their mean."""
        return 1.0 / self.n_outputs_ if self.loss == "squared_error" else 1.0

    def _examples(self, live: Live, X: Any, y: Any, sample_weight: Any) -> Examples:
        """Return checked data as the engine takes them."""
        rows, T = live.rows(X), np.array(y, live.net.dtype, order="C", ndmin=2)
        n_outputs = self.coefs_[-1].shape[1]
        if T.shape[1] != n_outputs:
            raise ValueError(
                f"y must have {n_outputs} columns, as it had in the first fit; got {T.shape[1]}"
            )
        weights = sample_weight
        if weights is not None:
            weights = read_only(np.ascontiguousarray(weights, live.net.dtype))
        return Examples(rows, read_only(T), vector=False, weights=weights)
