"""The activations that a network may use, by name."""

from typing import Literal

from mlp_fast.kernels.network.activation import ACTIVATIONS, Activation

__all__ = [
    "ACTIVATIONS",
    "HIDDEN",
    "SIGMOID",
    "SOFTMAX",
    "TANH",
    "Activation",
    "HiddenName",
    "OutputName",
    "trainable",
]

HiddenName = Literal["sigmoid", "tanh", "linear", "relu", "exponential", "threshold"]
OutputName = Literal["sigmoid", "tanh", "linear", "relu", "exponential", "softmax", "threshold"]
"""The names in signatures; tests hold them and `ACTIVATIONS` together."""

SIGMOID, TANH, SOFTMAX = (ACTIVATIONS[name] for name in ("sigmoid", "tanh", "softmax"))
HIDDEN = {name: a for name, a in ACTIVATIONS.items() if not a.couples_layer}
"""All but softmax, which couples the nodes of a layer and is for the output only."""


def trainable() -> list[str]:
    """Return the names of the activations that have a derivative."""
    return [name for name, a in ACTIVATIONS.items() if a.derivative is not None]
