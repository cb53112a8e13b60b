"""Type aliases for the arguments of kernels; only Numba knows their types more precisely."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64] | NDArray[np.float32]
Vector = Any  # a Vec of vector.py
Real = np.float64 | np.float32  # a number of the network's dtype
