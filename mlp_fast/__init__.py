"""Multi-layer perceptrons on the CPU, trained by Numba-compiled kernels."""

from mlp_fast.mlp import MLP
from mlp_fast.validation import NotFittedError

__all__ = ["MLP", "NotFittedError", "__version__"]

__version__ = "0.1.0"
