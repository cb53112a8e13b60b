"""`partial_fit` of a few rows, without what the general way checks and makes for every call."""

from typing import Any

import numpy as np

from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.boundary.rows import dense_rows
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.sklearn.epochs import Epochs
from mlp_fast.sklearn.live import Live


class Quick:
    """A network and buffers for k examples, ready to be trained on others again and again.

    Parameters
    ----------
    live : Live
        The network.
    k : int
        The number of rows.
    optimizer : SGDOptimizer or AdamOptimizer
        scikit-learn's.
    alpha, loss_scale : float
        As for `Epochs`.
    batch_size : int
        Likewise.

    Attributes
    ----------
    epochs : Epochs
        Trains on what is in the buffers.
    """

    def __init__(
        self, live: Live, k: int, optimizer: Any, alpha: float, loss_scale: float, batch_size: int
    ) -> None:
        n_in, n_out = live.net.widths
        dtype = live.net.layout.dtype
        self._X, self.T = np.empty((k, n_in), dtype), np.empty((k, n_out), dtype)
        self._optimizer, self._k = optimizer, k
        rows = dense_rows(read_only(self._X))
        examples = Examples(rows, read_only(self.T), vector=False)
        self._seen = read_only(self._X.reshape(-1)), read_only(self.T.reshape(-1))
        self.epochs = Epochs(live, examples, optimizer, alpha, loss_scale, batch_size, None)

    def fits(self, k: int, optimizer: Any) -> bool:
        """Return whether it is for so many rows, and this optimizer."""
        return k == self._k and optimizer is self._optimizer

    def take(self, X: Floats) -> bool:
        """Take over inputs, where targets are already; return whether both are finite."""
        self._X[:] = X
        return all(all_finite(array) for array in self._seen)


def is_ordinary(X: Any, live: Live) -> bool:
    """Return whether inputs have the form that kernels take, whatever numbers are in them."""
    return (
        type(X) is np.ndarray
        and X.dtype == live.net.layout.dtype
        and X.ndim == 2
        and X.shape[1] == live.net.layout.sizes[0]
        and X.shape[0] > 0
        and X.flags.c_contiguous
        and X.flags.aligned
    )
