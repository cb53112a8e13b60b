"""The rectangle around the points of a data set, on which a network is evaluated."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlp_fast.boundary.inputs import as_rows
from mlp_fast.boundary.rows import as_dense
from mlp_fast.boundary.targets import as_targets, check_width
from mlp_fast.checks import count
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.mlp import MLP

MARGIN = 0.1  # around the points, as a fraction of their extent


class Plane:
    """A grid of inputs around a data set, for networks with two inputs and one output."""

    def __init__(self, network: MLP, X: ArrayLike, T: ArrayLike, grid: int) -> None:
        weights = network.weights
        for name, got, right in (
            ("two inputs", weights[0].shape[0] - 1, 2),
            ("one output", weights[-1].shape[1], 1),
        ):
            if got != right:
                raise ValueError(f"network must have {name}; got a network with {got}")
        self._network = network
        self._X = as_dense(as_rows(X, "float64", 2))
        T, _ = as_targets(T, "float64", len(self._X))
        check_width(T, 1)
        self._t = T[:, 0]
        _check_binary("T must hold 0 and 1 only", self._t)
        grid = count("grid", grid, least=2)
        self.x, self.y = (_axis(column, grid) for column in self._X.T)

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self._t)

    def points(self, target: int) -> Floats:
        """Return the inputs of this target, one row each."""
        chosen: Floats = self._X[self._t == target]
        return chosen

    def right(self, weights: Any) -> int:
        """Return the number of points whose target is predicted with these weights."""
        return int(np.sum(self._network.predict(self._X, weights).ravel() == self._t))

    def outputs(self, weights: Any) -> NDArray[np.float32]:
        """Return the network's outputs with these weights, one row per y.

        Those above 0.5 are predicted to be 1, the others 0.
        """
        xx, yy = np.meshgrid(self.x, self.y)
        inputs = np.column_stack([xx.ravel(), yy.ravel()])
        _check_binary(
            "network must predict 0 or 1, with output_activation='sigmoid' or 'threshold'",
            self._network.predict(inputs, weights).ravel(),
        )
        # half the bytes of float64, in a file that holds a hundred of these
        return self._network.forward(inputs, weights).reshape(xx.shape).astype(np.float32)


def _check_binary(rule: str, values: NDArray[Any]) -> None:
    wrong = values[(values != 0) & (values != 1)]
    if wrong.size:
        raise ValueError(f"{rule}; got {wrong[0]:g}")


def _axis(values: Floats, grid: int) -> Floats:
    """Return points along an axis, a margin beyond the values."""
    low, high = values.min(), values.max()
    margin = MARGIN * (high - low or abs(high) or 1.0)
    return np.linspace(low - margin, high + margin, grid)
