"""The loss over all rows and its gradient, as SciPy's L-BFGS asks for them."""

import numpy as np

from mlp_fast.boundary.examples import Examples
from mlp_fast.history import History
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.learning import Learner
from mlp_fast.sklearn.live import Live
from mlp_fast.sklearn.told import Told


class FullBatch:
    """What L-BFGS minimises over some examples: (Σ s l + α/2 Σw²) / Σ s.

    Parameters
    ----------
    live : Live
        The network.
    examples : Examples
        Inputs, targets and weights s.
    alpha, loss_scale : float
        The strength of L2, and what losses are multiplied by.
    """

    def __init__(self, live: Live, examples: Examples, alpha: float, loss_scale: float) -> None:
        learner = Learner(live.net, Told(loss_flags=live.loss_flags), History(seed=0))
        self._live, self._alpha, self._loss_scale = live, alpha, loss_scale
        weights, k = examples.weights, examples.k
        self._total = float(k if weights is None else weights.sum(dtype=np.float64))
        if self._total == 0:
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        self._gradient = learner.new_gradient()
        self._calls = learner.calls(examples, 1.0, gradient=self._gradient)

    def loss_and_gradient(
        self, coefs: list[Floats], intercepts: list[Floats]
    ) -> tuple[float, Floats]:
        """Return the loss and its gradient, all matrices before all intercepts."""
        live, calls = self._live, self._calls
        live.take(coefs, intercepts)
        self._gradient[:] = 0
        calls.take_epoch()
        of_coefs, of_intercepts = live.from_views(self._gradient)
        squares = 0.0
        for G, W in zip(of_coefs, live.coefs, strict=True):
            squares += float(np.sum(W * W))
            G += self._alpha * W
        loss = self._loss_scale * calls.curves.loss[0] + 0.5 * self._alpha * squares
        packed: Floats = np.concatenate([G.ravel() for G in (*of_coefs, *of_intercepts)])
        packed /= self._total
        return float(loss / self._total), packed
