"""Multi-layer perceptrons on the CPU, trained by Numba-compiled kernels."""

from mlp_fast.mlp import MLP, NotFittedError
from mlp_fast.warming import warmup

__all__ = ["MLP", "NotFittedError", "__version__", "warmup"]

__version__ = "0.1.0"
