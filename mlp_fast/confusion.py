"""Confusion matrices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def binary_confusion(predicted: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.int64]:
    """Return [[tp, fp], [fn, tn]] for two boolean vectors."""
    return np.array(
        [
            [np.sum(predicted & truth), np.sum(predicted & ~truth)],
            [np.sum(~predicted & truth), np.sum(~predicted & ~truth)],
        ],
        np.int64,
    )


def confusion(
    predicted: NDArray[np.int64], truth: NDArray[np.int64], n_classes: int
) -> NDArray[np.int64]:
    """Return the matrix of counts; rows are true classes, columns predicted ones."""
    counts = np.bincount(truth * n_classes + predicted, minlength=n_classes * n_classes)
    return counts.reshape(n_classes, n_classes).astype(np.int64)
