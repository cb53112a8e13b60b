"""Place the initial weights: random draws, scaled to within ±1/√n (57).

Computes `initial_weights` of reference.py from the same draws.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.simd.types import Floats


@kernel
def place_draws(draws: NDArray[np.float64], theta: Floats, layers: NDArray[np.void]) -> None:
    """Write the weights that follow from draws in [0, 1), taken layer by layer and row by row."""
    i = 0
    for l in range(layers.size):
        layer = layers[l]
        bound = np.sqrt(np.float64(layer.n_in))
        scale, shift = 2.0 / bound, 1.0 / bound
        by_input, by_output = layer.stride, 1
        if not layer.input_major:
            by_input, by_output = 1, layer.stride
        for p in range(layer.n_in + 1):
            for j in range(layer.n_out):
                place = layer.weights + p * by_input + j * by_output
                theta[place] = theta.dtype.type(draws[i] * scale - shift)
                i += 1
