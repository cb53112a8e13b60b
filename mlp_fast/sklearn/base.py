"""What both estimators have in common: scikit-learn's own, with this package's kernels below.

Parameters, their checks, attributes, policies of learning rates and of stopping, and texts are
inherited. What is replaced is everything that computes: passes forward and backward, updates, and
the loss and gradient that L-BFGS asks for.
"""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from mlp_fast.kernels.simd.types import Floats
from mlp_fast.sklearn.before import Before
from mlp_fast.sklearn.few_rows import FewRows
from mlp_fast.sklearn.full_batch import FullBatch
from mlp_fast.sklearn.live import dtype_of

HIDDEN = "identity", "logistic", "tanh", "relu"


class Estimator(FewRows):
    """An estimator of scikit-learn's that computes by this package's kernels."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseMultilayerPerceptron._parameter_constraints,
        "activation": [StrOptions(set(HIDDEN)), list, tuple],
        "continue_state": ["boolean"],
        "progress": ["boolean"],
    }

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Fit the model to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or real numbers.
        sample_weight : array-like of shape (n_samples,), default None
            How much each sample counts.
        X_val, y_val : like X and y, default None
            Rows to validate by: `validation_loss_curve_` then has the loss over them after every
            epoch, and early stopping looks at their score instead of holding out some of X.

        Returns
        -------
        object
            This estimator.

        Raises
        ------
        ValueError
            If data are invalid, or training diverged; the estimator is then as it was.
        """
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given both, or none of them")
        if X_val is not None and self.solver == "lbfgs":
            raise ValueError("X_val must be None with solver='lbfgs', which has no epochs")
        return self._fit(X, y, sample_weight, validation=None if X_val is None else (X_val, y_val))

    def save(self, path: Any) -> None:
        """Save the fitted estimator to a file that holds numbers and text only.

        Parameters
        ----------
        path : str or path-like
            Where. A file that is there is replaced, once all is written.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        from mlp_fast.sklearn.files import save

        save(self, path)

    @classmethod
    def load(cls, path: Any) -> Self:
        """Load what `save` has written.

        Parameters
        ----------
        path : str or path-like
            The file.

        Returns
        -------
        object
            An estimator that predicts, and goes on, as the saved one would.

        Raises
        ------
        ValueError
            If the file is no such estimator.
        """
        from mlp_fast.sklearn.files import load

        loaded: Self = load(cls, path)
        return loaded

    @classmethod
    def from_sklearn(cls, estimator: Any) -> Self:
        """Return an estimator that goes on from one of scikit-learn's own.

        Parameters
        ----------
        estimator : sklearn.neural_network.MLPClassifier or MLPRegressor
            Of the same kind, fitted or not; it is left as it is.

        Returns
        -------
        object
            With its parameters, weights, and the state of its optimizer.
        """
        from mlp_fast.sklearn.exchange import from_sklearn

        taken: Self = from_sklearn(cls, estimator)
        return taken

    def to_sklearn(self) -> Any:
        """Return scikit-learn's own estimator with what this one has learnt.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            With all parameters that it knows, weights, and the state of the optimizer.
            `class_weight`, `continue_state` and `progress` are left out.

        Raises
        ------
        ValueError
            If activations differ from layer to layer, which it does not know.
        """
        from mlp_fast.sklearn.exchange import to_sklearn

        return to_sklearn(self)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        incremental: bool = False,
        validation: tuple[Any, Any] | None = None,
    ) -> Self:
        """Fit; if anything is refused or fails, leave the estimator as it was."""
        self._check_layers()
        before = Before(self)
        try:
            self._given = before, validation
            super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)
        except BaseException:
            before.restore()
            raise
        finally:
            self.__dict__.pop("_given", None)
        return self

    def _check_layers(self) -> None:
        """Check activations that are given layer by layer, and that of the output."""
        if not isinstance(self.activation, str):
            n_hidden = np.size(self.hidden_layer_sizes)
            names = list(self.activation)
            if len(names) != n_hidden or not all(name in HIDDEN for name in names):
                raise ValueError(
                    f"activation must be one of {', '.join(map(repr, HIDDEN))}, or one of them for "
                    f"each of the {n_hidden} hidden layers; got {self.activation!r}"
                )

    def _initialize(self, y: Any, layer_units: list[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)
        self.__dict__.pop("validation_loss_curve_", None)
        self.__dict__.pop("_live", None)
        if self.out_activation is not None:
            self.out_activation_ = self.out_activation

    def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> Any:
        """Draw a layer's weights, by the rule for its own activation."""
        told, layer = self.activation, len(self.coefs_)
        if isinstance(told, str):
            return super()._init_coef(fan_in, fan_out, dtype)
        try:
            self.activation = [*told, *told[-1:], "relu"][layer]
            return super()._init_coef(fan_in, fan_out, dtype)
        finally:
            self.activation = told

    def _fit_lbfgs(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        sample_weight = self._weigh(y, sample_weight)
        try:
            self._full_batch = self._full_batch_of(X, y, sample_weight)
            super()._fit_lbfgs(X, y, sample_weight, *buffers)
        finally:
            self.__dict__.pop("_full_batch", None)
        self._take_up()

    def _full_batch_of(self, X: Any, y: Any, sample_weight: Any) -> FullBatch:
        # SciPy's vector has the dtype of the start, and so have scikit-learn's clipped outputs
        live = self._network(None if X.dtype == np.float32 else "float64")
        examples = self._examples(live, X, y, sample_weight)
        return FullBatch(live, examples, self.alpha, self._loss_scale)

    def _loss_grad_lbfgs(
        self, packed: Floats, X: Any, y: Any, sample_weight: Any, *buffers: Any
    ) -> tuple[float, Floats]:
        self._unpack(packed)
        full_batch = self.__dict__.get("_full_batch") or self._full_batch_of(X, y, sample_weight)
        return full_batch.loss_and_gradient(self.coefs_, self.intercepts_)

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Floats:
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        dtype = dtype_of(self.coefs_)
        if dtype == "float32" and np.result_type(X.dtype, np.float32) != np.float32:
            dtype = "float64"
        live = self._network(dtype)
        return live.outputs(live.rows(X))

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_live"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "coefs_" in state:
            self._take_up()
        optimizer: Any = state.get("_optimizer")
        if getattr(optimizer, "state", None) is not None:  # joblib passes large arrays read-only
            optimizer.state = optimizer.state.twin()


def stochastic(estimator: Estimator) -> bool:
    """Return True if the solver takes step by step; raise AttributeError if not."""
    return bool(estimator._check_solver())


for_stochastic = available_if(stochastic)
"""A method that is there for stochastic solvers only."""
