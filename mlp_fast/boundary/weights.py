"""Check weights: one array per layer, of the network's shapes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_fast.boundary.arrays import as_array, as_finite
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout


def as_weights(weights: Any, layout: Layout, dtype: str) -> Floats:
    """Check one array of weights per layer, and pack them into a new buffer."""
    if isinstance(weights, np.ndarray):
        weights = [*weights] if weights.ndim == 3 or weights.dtype == object else [weights]
    if not isinstance(weights, Sequence):
        raise TypeError(
            "weights must be a sequence of arrays, one for each layer; "
            f"got {type(weights).__name__}"
        )
    if len(weights) != len(layout.shapes):
        raise ValueError(
            f"weights must hold {len(layout.shapes)} arrays, one for each layer; got {len(weights)}"
        )
    checked = [as_layer_weights(W, l, layout, dtype) for l, W in enumerate(weights)]
    return layout.pack(checked)


def as_layer_weights(W: Any, l: int, layout: Layout, dtype: str) -> Floats:
    """Check the weights of layer l, counted from 0."""
    array = as_array(f"weights[{l}]", W)
    if array.shape != layout.shapes[l]:
        raise ValueError(
            f"weights[{l}] must have shape {layout.shapes[l]}, (n_in + 1, n_out); got {array.shape}"
        )
    return as_finite(f"weights[{l}]", array, dtype)
