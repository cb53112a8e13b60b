"""The registry of activation functions: names, kernel codes, ranges."""

import math
from dataclasses import dataclass

from mlp_fast.kernels.network import activation as codes


@dataclass(frozen=True)
class Activation:
    """What the rest of the package must know of an activation function.

    A copied network has copies of these: compare them by ``==``, never by ``is``.
    """

    name: str
    code: int
    low: float  # the closed range of its outputs
    high: float


THRESHOLD = Activation("threshold", codes.THRESHOLD, 0.0, 1.0)
SIGMOID = Activation("sigmoid", codes.SIGMOID, 0.0, 1.0)
TANH = Activation("tanh", codes.TANH, -1.0, 1.0)
SOFTMAX = Activation("softmax", codes.SOFTMAX, 0.0, 1.0)
LINEAR = Activation("linear", codes.LINEAR, -math.inf, math.inf)
RELU = Activation("relu", codes.RELU, 0.0, math.inf)

ACTIVATIONS = {a.name: a for a in (THRESHOLD, SIGMOID, TANH, SOFTMAX, LINEAR, RELU)}
HIDDEN = {name: a for name, a in ACTIVATIONS.items() if a != SOFTMAX}
"""Softmax ties the nodes of a layer together and is for the output only."""
