"""Multi-layer perceptrons on the CPU, trained by Numba-compiled kernels."""

from typing import TYPE_CHECKING, Any

from mlp_fast.mlp import MLP, NotFittedError
from mlp_fast.warming import warmup

if TYPE_CHECKING:
    from mlp_fast.sklearn import MLPClassifier as MLPClassifier
    from mlp_fast.sklearn import MLPRegressor as MLPRegressor

__all__ = ["MLP", "NotFittedError", "__version__", "warmup"]

__version__ = "0.1.0"

ESTIMATORS = "MLPClassifier", "MLPRegressor"


def __getattr__(name: str) -> Any:
    """Import scikit-learn's estimators when they are asked for: the package does without it."""
    if name not in ESTIMATORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mlp_fast import sklearn

    return getattr(sklearn, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *ESTIMATORS])
