"""Place the initial weights: random draws, scaled to within bounds.

Computes `initial_weights` of reference.py from the same draws.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.simd.types import Floats


@dataclass(frozen=True)
class Initialisation:
    """The bound of a layer's initial weights, which are uniform between it and its opposite."""

    source: str  # as it is documented
    bound: Callable[[int, int], float]  # of n_in and n_out
    draws_biases: bool  # within the same bound; they are 0 if not


INITIALISATIONS = {
    "tutorial": Initialisation("±1/√n_in (57)", lambda n_in, n_out: 1 / math.sqrt(n_in), True),
    "glorot": Initialisation(
        "±√(6/(n_in + n_out))", lambda n_in, n_out: math.sqrt(6 / (n_in + n_out)), False
    ),
    "he": Initialisation("±√(6/n_in)", lambda n_in, n_out: math.sqrt(6 / n_in), False),
}
"""Every way to draw initial weights, by name; all take the same draws."""


@kernel
def place_draws(
    draws: NDArray[np.float64],
    theta: Floats,
    layers: NDArray[np.void],
    bounds: NDArray[np.float64],
) -> None:
    """Write the weights that follow from draws in [0, 1), taken layer by layer and row by row.

    For each layer, `bounds` has those of its biases and of its other weights.
    """
    i = 0
    for l in range(layers.size):
        layer = layers[l]
        by_input, by_output = layer.stride, 1
        if not layer.input_major:
            by_input, by_output = 1, layer.stride
        for p in range(layer.n_in + 1):
            bound = bounds[l, min(p, 1)]
            scale = 2.0 * bound
            for j in range(layer.n_out):
                place = layer.weights + p * by_input + j * by_output
                theta[place] = theta.dtype.type(draws[i] * scale - bound)
                i += 1
