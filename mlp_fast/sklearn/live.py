"""The network that an estimator's `coefs_` and `intercepts_` are in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlp_fast.activations import ACTIVATIONS
from mlp_fast.answering import answering
from mlp_fast.boundary.inputs import as_rows
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.network.answer import VALUES
from mlp_fast.kernels.network.loss import CLIPPED
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout
from mlp_fast.losses import LOSSES
from mlp_fast.net import Net

NAMES = {"identity": "linear", "logistic": "sigmoid", "exp": "exponential"}
"""scikit-learn's names of activations that have others here."""


class Live:
    """A network, and scikit-learn's view of its weights.

    The matrices are views of the network's buffer. An intercept is the negative of a bias node's
    weight, for the input of that node is -1 (68); so the vectors are arrays of their own, brought
    in line with the buffer where either may have changed.

    Parameters
    ----------
    coefs, intercepts : sequence of ndarray
        A matrix (n_in, n_out) and a vector (n_out,) per layer, which are copied.
    activations : sequence of str
        scikit-learn's names, one per layer.
    loss : str
        The name of the loss, here.
    dtype : {'float64', 'float32'}, optional
        Of the network; that of the matrices by default.

    Attributes
    ----------
    net : Net
        The network.
    coefs, intercepts : list of ndarray
        Its weights, live.
    functions : tuple
        The names of its activations, and that of its loss.
    loss_flags : int
        What is added to the code of the loss, to have that of scikit-learn.
    answer : callable
        Returns the outputs for one ordinary row, or None.
    quick : Quick or None
        What the last `partial_fit` made ready.
    params : tuple or None
        The estimator's parameters then.
    """

    def __init__(
        self,
        coefs: Sequence[Floats],
        intercepts: Sequence[Floats],
        activations: Sequence[str],
        loss: str,
        dtype: str | None = None,
    ) -> None:
        dtype = dtype or dtype_of(coefs)
        self.functions = tuple(activations), loss
        sizes = (coefs[0].shape[0], *(W.shape[1] for W in coefs))
        engine = tuple(ACTIVATIONS[NAMES.get(name, name)] for name in activations)
        layout = Layout.of(sizes, engine, (1.0,) * len(engine), dtype)
        theta = layout.new_theta()
        self.net = Net(layout, theta, engine, LOSSES[loss], vector=False)
        views = layout.views(theta)
        self.coefs, self._biases = [V[1:] for V in views], [V[0] for V in views]
        self.intercepts = [b.copy() for b in self._biases]
        self.params: tuple[Any, ...] | None = None
        self.quick: Any = None
        self.answer = answering(layout, theta, VALUES, vector=False)
        self.loss_flags = CLIPPED if loss.endswith("entropy") else 0
        self.take(coefs, intercepts)
        for intercept, given in zip(self.intercepts, intercepts, strict=True):
            intercept[:] = given

    def layout_of(self, dtype: str) -> Layout:
        """Return the layout that the network would have with another dtype."""
        layout, activations = self.net.layout, self.net.activations
        return Layout.of(layout.sizes, activations, (1.0,) * len(activations), dtype)

    def take(self, coefs: Sequence[Floats], intercepts: Sequence[Floats]) -> None:
        """Have the network compute by these weights."""
        for view, W in zip(self.coefs, coefs, strict=True):
            if view is not W:
                view[:] = W
        for bias, intercept in zip(self._biases, intercepts, strict=True):
            np.negative(intercept, out=bias)

    def show_intercepts(self) -> None:
        """Bring the intercepts in line with the network."""
        for bias, intercept in zip(self._biases, self.intercepts, strict=True):
            np.negative(bias, out=intercept)

    def holds(self, coefs: Sequence[Floats], intercepts: Sequence[Floats]) -> bool:
        """Return whether these arrays are the network's own."""
        own, given = (*self.coefs, *self.intercepts), (*coefs, *intercepts)
        return len(own) == len(given) and all(a is b for a, b in zip(own, given, strict=True))

    def rows(self, X: Any) -> Rows:
        """Return checked inputs as kernels take them."""
        X = X.tocsr() if issparse(X) else np.asarray(X, self.net.dtype)
        return as_rows(X, self.net.dtype, finite=False)

    def outputs(self, rows: Rows) -> Floats:
        """Return the outputs of the last layer."""
        return self.net.outputs(rows, self.net.theta)

    def from_views(self, buffer: Floats, sign: float = -1.0) -> tuple[list[Floats], list[Floats]]:
        """Return what a buffer like that of the weights holds, as `coefs_` and `intercepts_` are.

        What belongs to a bias node is multiplied by `sign`.
        """
        views = self.net.layout.views(buffer)
        return [V[1:] for V in views], [sign * V[0] for V in views]


def dtype_of(coefs: Sequence[Floats]) -> str:
    """Return the dtype of a network that holds these matrices."""
    return "float32" if all(W.dtype == np.float32 for W in coefs) else "float64"
