"""The loss of the best constant answer, and a warning about training that ends no better."""

from collections.abc import Callable

import numpy as np

from mlp_fast.boundary.examples import Examples
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.settings import Settings
from mlp_fast.warn import warn

LEAST_EPOCHS = 100
LARGEST_SHARE = 0.9


def warn_if_no_better(loss: float, examples: Examples, settings: Settings) -> None:
    """Warn if, after many epochs, the loss is not clearly below that of a constant answer.

    Nothing is said of a loss that is weighted, or has a penalty in it.
    """
    if settings.epochs < LEAST_EPOCHS or examples.weights is not None or settings.l2:
        return
    T = examples.T
    with np.errstate(over="ignore"):
        constant = CONSTANT_LOSS[settings.loss](T)
    if not loss > LARGEST_SHARE * constant or np.all(T[0] == T):  # or nothing to learn
        return
    rate = settings.learning_rate
    shown = f"{rate:g}" if isinstance(rate, float) else repr(rate)
    updates = ", one update an epoch" if settings.batch_size is None else ""
    warn(
        f"after {settings.epochs} epochs the loss is {loss:.4g}, and that of the best constant "
        f"answer is {constant:.4g}: the network has learnt next to nothing. What usually helps: "
        f"another learning_rate (it was {shown}); a smaller batch_size, such as 32 or 1 (it "
        f"was {settings.batch_size}{updates}); inputs scaled to mean 0 and standard "
        "deviation 1",
        UserWarning,
    )


def _squared_error(T: Floats) -> float:
    """Return the mean of (46) over the rows, where every answer is the mean target."""
    deviations = (T - _mean(T)).ravel()
    return 0.5 * float(deviations @ deviations) / len(T)


def _cross_entropy(T: Floats) -> float:
    """Return the mean of (52), likewise: the entropy of the mean target."""
    return _entropy(_mean(T))


def _binary_cross_entropy(T: Floats) -> float:
    mean = _mean(T)
    return _entropy(mean) + _entropy(1 - mean)


def _poisson(T: Floats) -> float:
    """Return the mean of (S4), likewise: of t log(t / mean), for the rest of it cancels."""
    return -_entropy(T[T > 0].astype(np.float64)) / len(T) + _entropy(_mean(T))


CONSTANT_LOSS: dict[str, Callable[[Floats], float]] = {
    "squared_error": _squared_error,
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "poisson": _poisson,
}
"""For every loss, its mean over the targets with the best constant answer: their mean."""


def _mean(T: Floats) -> Floats:
    mean: Floats = T.mean(axis=0, dtype=np.float64)
    return mean


def _entropy(p: Floats) -> float:
    some = p[p > 0]
    return float(-(some @ np.log(some)))
