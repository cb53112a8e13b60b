"""Check targets: their shape, and whether the network's outputs can reach them."""

import math
from typing import Any

import numpy as np

from mlp_fast.activations import TANH, Activation
from mlp_fast.boundary.arrays import ENCODED, as_array, as_matrix, as_vector
from mlp_fast.kernels.linalg.finite import all_within
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.step import SUM_TOLERANCE
from mlp_fast.losses import CROSS_ENTROPY, Loss

ONE_HOT = "class labels must be given as one-hot rows: np.eye(n_classes)[labels]"
MOST_CLASSES = 30  # whole numbers of more values than this are ages or counts rather than labels


def as_targets(
    T: Any, dtype: str, k: int, names: tuple[str, str] = ("X", "T")
) -> tuple[Floats, bool]:
    """Check targets, one row per row of X; return them as a matrix, and whether they were 1-D.

    Errors call X and T by their names.
    """
    inputs, name = names
    array = as_array(name, T)
    vector = array.ndim == 1
    matrix = array.reshape(-1, 1) if vector else array
    targets = as_matrix(name, matrix, dtype, shape="(k, n_out) or (k,)")
    if targets.shape[0] != k:
        raise ValueError(
            f"{name} must have as many rows as {inputs}; got {targets.shape[0]} and {k}"
        )
    return targets, vector


def as_target(t: Any, dtype: str, n_out: int) -> Floats:
    """Check one sample's targets; a single target may be a scalar."""
    array = as_array("t", t)
    return as_vector("t", array if array.ndim else array.reshape(1), dtype, n_out)


def check_targets(T: Floats, output: Activation, loss: Loss, name: str = "T") -> None:
    """Check that targets lie in the range of the output activation, and suit the loss."""
    if not all_within(T.reshape(-1), output.low, output.high):
        low, high = float(T.min()), float(T.max())
        outside = low if low < output.low else high
        hint = "".join(f"; {way}" for way in _ways_out(T, output, name))
        raise ValueError(
            f"{name} must lie in [{output.low:g}, {output.high:g}], the range of "
            f"output_activation={output.name!r}; got {outside:g}{hint}"
        )
    if loss == CROSS_ENTROPY:
        worst = float(np.max(np.abs(T.sum(axis=1, dtype=np.float64) - 1.0)))
        if worst > SUM_TOLERANCE:
            raise ValueError(
                f"each row of {name} must sum to 1 for loss='cross_entropy' (one-hot rows, or "
                f"probabilities); got a row that is {worst:g} off"
            )


def _ways_out(T: Floats, output: Activation, name: str) -> list[str]:
    """Return what may help where targets lie outside the range of the output, likeliest first."""
    regression = "for regression, use output_activation='linear'"
    if T.shape[1] > 1 or not math.isfinite(output.high):
        return [regression]
    found = np.unique(T)
    if np.array_equal(found, [-1, 1]):
        return ["classes -1 and 1 go with output_activation='tanh', or are given as 0 and 1"]
    if not np.array_equal(found, np.round(found)):
        return [regression]
    if name == "t":
        return [regression, "a class label must be given as its row of np.eye(n_classes)"]
    first, without_gaps = found[0], found[-1] - found[0] == found.size - 1
    if first not in (0, 1) or not without_gaps:  # counts, ages or prices
        return [regression, f"class labels must be given as {ENCODED}"]
    one_hot = ONE_HOT.replace("[labels]", "[labels - 1]") if first == 1 else ONE_HOT
    are_labels = 1 < found.size <= MOST_CLASSES and found.size < T.size
    return [one_hot, regression] if are_labels else [regression, one_hot]


def check_classes(T: Floats, output: Activation) -> None:
    """Check that each row of targets encodes exactly one class."""
    low = -1.0 if output == TANH else 0.0
    ones, others = T == 1.0, (T == 0.0) | (low == T)
    if T.shape[1] == 1:
        if not np.all(ones | (low == T)):
            raise ValueError(
                f"T must be {low:g} or 1 for a confusion matrix of one output; "
                f"got values from {T.min():g} to {T.max():g}"
            )
    elif not (np.all(ones | others) and np.all(ones.sum(axis=1) == 1)):
        raise ValueError(
            f"T must be one-hot rows for a confusion matrix of {T.shape[1]} outputs; {ONE_HOT}"
        )


def check_width(T: Floats, n_out: int, name: str = "T") -> None:
    """Check that targets have one column per output of the network."""
    if T.shape[1] != n_out:
        hint = f"; {ONE_HOT}" if T.shape[1] == 1 else ""
        raise ValueError(
            f"{name} must have {n_out} columns, one for each output of the network; "
            f"got {T.shape[1]}{hint}"
        )
