"""The tutorial's pictures, as plotly figures: activations, a decision boundary, its training."""

from mlp_fast.plots.activations import (
    activations,
    sigmoid_activation,
    tanh_activation,
    threshold_activation,
    threshold_and_sigmoid,
)
from mlp_fast.plots.animation import boundary_animation
from mlp_fast.plots.boundary import decision_boundary
from mlp_fast.plots.pages import write_all
from mlp_fast.plots.xor import XOR_INPUTS, XOR_TARGETS

__all__ = [
    "XOR_INPUTS",
    "XOR_TARGETS",
    "activations",
    "boundary_animation",
    "decision_boundary",
    "sigmoid_activation",
    "tanh_activation",
    "threshold_activation",
    "threshold_and_sigmoid",
    "write_all",
]
