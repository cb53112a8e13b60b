"""Drop-in replacements of scikit-learn's multi-layer perceptrons: a thin layer over the engine."""

from mlp_fast.extras import extra

extra("sklearn", "sklearn")  # before the imports that need it

from mlp_fast.sklearn.classifier import MLPClassifier  # noqa: E402
from mlp_fast.sklearn.regressor import MLPRegressor  # noqa: E402

__all__ = ["MLPClassifier", "MLPRegressor"]
