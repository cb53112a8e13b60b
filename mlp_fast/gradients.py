"""The mean loss over rows, as a function of a network's weights and of the rows: its gradients."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlp_fast.boundary.examples import Examples
from mlp_fast.history import History
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.learning import Learner
from mlp_fast.net import Net
from mlp_fast.paths import Task, path_for
from mlp_fast.settings import Settings
from mlp_fast.validation import Validation


class Objective(NamedTuple):
    """What is minimised over some examples, as a function of a network's weights."""

    net: Net
    settings: Settings
    examples: Examples

    def value(self) -> float:
        """Return the mean loss over the examples and, with L2, λ/2 Σw²."""
        loss, l2 = Validation(self.net, self.examples).loss(), self.settings.l2
        if l2:
            squares = (np.sum(W[1:] ** 2, dtype=np.float64) for W in self._weights)
            loss += 0.5 * l2 * float(sum(squares))
        _check("loss", math.isfinite(loss), self.net)
        return loss

    def gradient(self) -> list[Floats]:
        """Return the gradient of the value with respect to the weights (77), like them."""
        net, settings = self.net, self.settings.told({"orders": None})
        learner = Learner(net, settings, History(seed=0))
        total = learner.new_gradient()
        learner.calls(self.examples, 1.0, gradient=total).take_epoch()
        k = self.examples.k
        gradient = [np.divide(G, k, order="C") for G in net.layout.views(total)]
        if settings.l2:
            for G, W in zip(gradient, self._weights, strict=True):
                G[1:] += W.dtype.type(settings.l2) * W[1:]
        _check("gradient", _finite(gradient), net)
        return gradient

    @property
    def _weights(self) -> list[Floats]:
        return self.net.layout.views(self.net.theta)


def input_gradient(net: Net, examples: Examples) -> Floats:
    """Return the derivative of the mean loss over examples with respect to their inputs (G1)."""
    rows, T = examples.rows, examples.T
    path = path_for(Task("input_gradient", net.layout, rows.sparse))
    gradient: Floats = np.empty(rows.shape, net.dtype)
    buffers = path.buffers(net.layout.shape, rows)
    path(net.layout.network(net.theta), net.loss.code, rows, T, buffers, gradient)
    _check("gradient", _finite([gradient]), net)
    return gradient


def _finite(arrays: Sequence[Floats]) -> bool:
    return all(np.isfinite(array).all() for array in arrays)


def _check(what: str, finite: bool, net: Net) -> None:
    if not finite:
        raise ValueError(
            f"the {what} is not finite: X, T or the weights are too large for {net.dtype}, or a "
            "weight was set to a number that is not finite"
        )
