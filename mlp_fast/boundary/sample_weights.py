"""Check weights of samples: how much each example counts."""

from typing import Any

import numpy as np

from mlp_fast.boundary.arrays import as_array, as_finite, read_only
from mlp_fast.checks import finite
from mlp_fast.kernels.simd.types import Floats


def as_sample_weights(
    values: Any, dtype: str, k: int, name: str = "sample_weight"
) -> Floats | None:
    """Check a weight for each of k examples; None if they are not given, or all 1."""
    if values is None:
        return None
    array = as_array(name, values)
    if array.shape != (k,):
        raise ValueError(
            f"{name} must have shape ({k},), a weight for each row of X; got {array.shape}"
        )
    weights = as_finite(name, array, dtype)
    if weights.min() < 0:
        i = int(weights.argmin())
        raise ValueError(f"{name} must be 0 or more; got {array[i]!s} at ({i},)")
    if not weights.any():
        raise ValueError(f"{name} must have a number above 0; got {k} zeros")
    return None if np.all(weights == 1) else weights


def relative(weights: Floats | None, name: str = "sample_weight") -> Floats | None:
    """Divide weights by their mean; None if all are equal, which is as without."""
    if weights is None:
        return None
    if not weights.any():  # those above 0 may be held out
        raise ValueError(f"{name} must have a number above 0 among the rows that are trained on")
    if np.all(weights == weights[0]):
        return None
    weights = weights / weights.max()  # so that no sum overflows
    share = weights.astype(np.float64) / np.mean(weights, dtype=np.float64)
    return read_only(share.astype(weights.dtype))


def as_sample_weight(value: Any) -> float:
    """Check the weight of one sample."""
    return finite("sample_weight", value, "0 or more", lambda number: number >= 0)
