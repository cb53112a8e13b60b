"""`MLPRegressor`, in place of scikit-learn's."""

from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import _fit_context
from sklearn.neural_network import MLPRegressor as Original
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from mlp_fast.kernels.simd.types import Floats
from mlp_fast.sklearn.base import HIDDEN, Estimator


@available_if  # type: ignore[untyped-decorator]
def for_epochs(estimator: Any) -> bool:
    """Return whether training takes epochs; another solver is refused as a parameter is."""
    return estimator.solver != "lbfgs" or bool(estimator._check_solver())


class MLPRegressor(Estimator, Original):  # type: ignore[misc]  # scikit-learn ships no types
    """Multi-layer perceptron regressor: scikit-learn's, by this package's kernels.

    Parameters, attributes and methods are those of `sklearn.neural_network.MLPRegressor`, and so
    are the numbers: the same `random_state` gives the same initial weights, the same order of
    samples, and to rounding the same fit. The parameters described here are additions.

    Parameters
    ----------
    loss : {'squared_error', 'poisson'}, default 'squared_error'
        What is minimised; 'poisson' is for counts, with an exponential output.
    hidden_layer_sizes : array-like of int, default (100,)
        Units of each hidden layer.
    activation : {'identity', 'logistic', 'tanh', 'relu'} or a list of them, default 'relu'
        Of the hidden layers, or of each.
    out_activation : {'identity', 'logistic', 'tanh', 'relu'} or None, default None
        Of the output with the squared error; None for 'identity'.
    continue_state : bool, default False
        Whether a fit with `warm_start`, or `partial_fit`, goes on with the random stream of the
        last one, and a warm fit with its optimizer's state.
    progress : bool, default False
        Whether a bar is shown; needs the extra `progress`.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp_fast import MLPRegressor
    >>> X = np.linspace(-1, 1, 50).reshape(-1, 1)
    >>> reg = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0)
    >>> reg.fit(X, X.ravel() ** 2).score(X, X.ravel() ** 2) > 0.99
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Original._parameter_constraints,
        **Estimator._parameter_constraints,
        "out_activation": [StrOptions(set(HIDDEN)), None],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: int = 15000,
        out_activation: str | None = None,
        continue_state: bool = False,
        progress: bool = False,
    ) -> None:
        given = locals()
        for name in self._get_param_names():
            setattr(self, name, given[name])

    @for_epochs  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Real numbers.
        sample_weight : array-like of shape (n_samples,), default None
            How much each sample counts.

        Returns
        -------
        object
            This estimator.
        """
        if sample_weight is None:
            quick = self._ready(X, y)
            if quick is not None:
                self._learn_quickly(quick)
                return self
        return self._fit(X, y, sample_weight=sample_weight, incremental=True)

    def predict(self, X: Any) -> Floats:
        """Return the outputs for each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Real numbers.
        """
        a = self._ordinary(X)
        answer: Floats = super().predict(X) if a is None else a
        return answer[:, 0] if answer.ndim == 2 and answer.shape[1] == 1 else answer

    def _take_targets(self, y: Any, T: Floats) -> bool:
        if type(y) is not np.ndarray or y.dtype.kind not in "fiu" or y.shape[:1] != T.shape[:1]:
            return False
        if y.size != T.size or y.ndim > 2 or (y.ndim == 2 and T.shape[1] == 1):
            return False
        T[:] = y.reshape(T.shape)
        return True

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Any]:
        X, y = super()._validate_input(X, y, incremental, reset)
        return X, y.toarray() if issparse(y) else y

    def _initialize(self, y: Any, layer_units: list[int], dtype: Any) -> None:
        if self.loss == "poisson" and self.out_activation is not None:
            raise ValueError(
                "out_activation must be None with loss='poisson', whose output is exponential; "
                f"got {self.out_activation!r}"
            )
        super()._initialize(y, layer_units, dtype)

    def _validated(self, X_val: Any, y_val: Any) -> tuple[Any, Any]:
        X_val, y_val = validate_data(
            self,
            X_val,
            y_val,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=True,
            reset=False,
        )
        y_val = y_val.toarray() if issparse(y_val) else y_val
        y_val = y_val.reshape(X_val.shape[0], -1)
        if y_val.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y_val must have {self.n_outputs_} columns, as y has; got {y_val.shape[1]}"
            )
        return X_val, y_val

    def _score_of(self, outputs: Floats, y: Any, sample_weight: Any) -> float:
        """Return R², the mean over outputs; NaN if an output is not finite."""
        if not np.isfinite(outputs).all():
            return np.nan
        y = np.asarray(y, np.float64)
        mean = np.average(y, axis=0, weights=sample_weight)
        missed = np.average((y - outputs) ** 2, axis=0, weights=sample_weight)
        spread = np.average((y - mean) ** 2, axis=0, weights=sample_weight)
        exact = np.where(missed == 0, 1.0, 0.0)
        scores = np.where(spread == 0, exact, 1.0 - missed / np.where(spread == 0, 1.0, spread))
        return float(np.mean(scores))
