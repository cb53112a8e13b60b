"""The mean loss over rows, as a function of a network's weights and of the rows: its gradients."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlp_fast.boundary.examples import Examples
from mlp_fast.kernels.simd.types import Floats
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
        """Return the mean loss over the examples."""
        loss = Validation(self.net, self.examples).loss()
        _check("loss", math.isfinite(loss), self.net)
        return loss

    def gradient(self) -> list[Floats]:
        """Return the gradient of the value with respect to the weights (77), like them."""
        net, (rows, T, _) = self.net, self.examples
        total = net.gradient()
        calls = net.calls(self.settings.told({"orders": None}), rows, T, 0, 0, 1, total)
        step = 0
        while step < calls.per_epoch:
            stop = calls.end_of_call(step, 1)
            calls.is_finite_after(step, stop)
            step = stop
        gradient = [np.divide(G, T.shape[0], order="C") for G in net.layout.views(total)]
        _check("gradient", _finite(gradient), net)
        return gradient


def input_gradient(net: Net, examples: Examples) -> Floats:
    """Return the derivative of the mean loss over examples with respect to their inputs (G1)."""
    rows, T, _ = examples
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
