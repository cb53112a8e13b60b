"""What both estimators have in common: scikit-learn's own, with this package's kernels below.

Parameters, their checks, attributes, policies of learning rates and of stopping, and texts are
inherited. What is replaced is everything that computes: passes forward and backward, updates, and
the loss and gradient that L-BFGS asks for.
"""

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from mlp_fast.bar import NO_BAR, Bar
from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.interrupts import Interrupts
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.sklearn.before import Before, Streams
from mlp_fast.sklearn.epochs import Epochs
from mlp_fast.sklearn.full_batch import FullBatch
from mlp_fast.sklearn.live import Live, dtype_of
from mlp_fast.sklearn.quick import Quick, is_ordinary
from mlp_fast.validation import Validation

INTERRUPTED = "Training interrupted by user."
HIDDEN = "identity", "logistic", "tanh", "relu"


class Estimator(BaseMultilayerPerceptron):  # type: ignore[misc]
    """An estimator of scikit-learn's that computes by this package's kernels."""

    activation: Any
    _no_improvement_count: int
    _names: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, **options: Any) -> None:
        """Have the names of the parameters at hand."""
        super().__init_subclass__(**options)
        cls._names = tuple(cls._get_param_names())

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

    def _network(self, dtype: str | None = None) -> Live:
        """Return the network with the weights that there are now, for reading."""
        live: Live | None = self.__dict__.get("_live")
        functions = tuple(self._activations()), self._loss_name()
        if (
            live is not None
            and dtype in (None, live.net.dtype)
            and live.functions == functions
            and live.holds(self.coefs_, self.intercepts_)
        ):
            live.take(self.coefs_, self.intercepts_)
            return live
        return Live(self.coefs_, self.intercepts_, *functions, dtype)

    def _take_up(self) -> Live:
        """Return the network with the weights that there are now, and have them live in it."""
        self._live = live = self._network()
        is_best = self.__dict__.get("_best_coefs") is self.__dict__["coefs_"]
        self.coefs_, self.intercepts_ = list(live.coefs), list(live.intercepts)
        if is_best:
            self._best_coefs, self._best_intercepts = self.coefs_, self.intercepts_
        return live

    def _activations(self) -> list[str]:
        n_hidden, told = len(self.coefs_) - 1, self.activation
        hidden = [told] * n_hidden if isinstance(told, str) else list(told)
        if len(hidden) != n_hidden:
            raise ValueError(
                f"activation must have a name for each of the {n_hidden} hidden layers that were "
                f"fitted; got {told!r}"
            )
        return [*hidden, self.out_activation_]

    def _loss_name(self) -> str:
        """Return what the loss is called here."""
        names = {"log_loss": "cross_entropy", "poisson": "poisson"}
        if self.loss == "log_loss" and self.out_activation_ == "logistic":
            return "binary_cross_entropy"
        return names.get(self.loss, "squared_error")

    @property
    def _loss_scale(self) -> float:
        """What the sum over outputs is multiplied by: the squared error is their mean."""
        return 1.0 / self.n_outputs_ if self.loss == "squared_error" else 1.0

    def _examples(self, live: Live, X: Any, y: Any, sample_weight: Any) -> Examples:
        """Return checked data as the engine takes them."""
        rows, T = live.rows(X), np.array(y, live.net.dtype, order="C", ndmin=2)
        n_outputs = self.coefs_[-1].shape[1]
        if T.shape[1] != n_outputs:
            raise ValueError(
                f"y must have {n_outputs} columns, as it had in the first fit; got {T.shape[1]}"
            )
        weights = sample_weight
        if weights is not None:
            weights = read_only(np.ascontiguousarray(weights, live.net.dtype))
        return Examples(rows, read_only(T), vector=False, weights=weights)

    def _fit_lbfgs(self, X: Any, y: Any, sample_weight: Any, *buffers: Any) -> None:
        sample_weight = self._weigh(y, sample_weight)
        try:
            self._full_batch = self._full_batch_of(X, y, sample_weight)
            super()._fit_lbfgs(X, y, sample_weight, *buffers)
        finally:
            self.__dict__.pop("_full_batch", None)
        self._take_up()

    def _full_batch_of(self, X: Any, y: Any, sample_weight: Any) -> FullBatch:
        live = self._network("float64")
        examples = self._examples(live, X, y, sample_weight)
        return FullBatch(live, examples, self.alpha, self._loss_scale)

    def _loss_grad_lbfgs(
        self, packed: Floats, X: Any, y: Any, sample_weight: Any, *buffers: Any
    ) -> tuple[float, Floats]:
        self._unpack(packed)
        full_batch = self.__dict__.get("_full_batch") or self._full_batch_of(X, y, sample_weight)
        return full_batch.loss_and_gradient(self.coefs_, self.intercepts_)

    def _fit_stochastic(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        activations: Any,
        deltas: Any,
        coef_grads: Any,
        intercept_grads: Any,
        layer_units: Any,
        incremental: bool,
    ) -> None:
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        before, validation = self._given
        goes_on = self.continue_state and before.fitted and (self.warm_start or incremental)
        if goes_on and before.stream is not None:
            self._random_state = before.stream
        if not self._has_optimizer(incremental, goes_on):
            self._optimizer = self._new_optimizer()
        sample_weight = self._weigh(y, sample_weight)
        held = None if validation is None else self._validated(*validation)
        X, y, sample_weight, X_val, y_val, weight_val = self._split(X, y, sample_weight, held)
        live = self._take_up()
        examples = self._examples(live, X, y, sample_weight)
        if X_val is not None:
            X_val = live.net.recalling(live.rows(X_val))
        validated = None
        if held is not None:
            of_held = self._examples(live, *held, None)
            validated = Validation(live.net, of_held, live.loss_flags)
        epochs = Epochs(
            live,
            examples,
            self._optimizer,
            self.alpha,
            self._loss_scale,
            self._clipped_batch_size(examples.k),
            self._random_state if self.shuffle else None,
        )
        held_out = X_val, y_val, weight_val
        self._run(epochs, held_out, validated, examples.k, incremental)
        live.params, live.quick = self._params() if incremental else None, None
        if self.early_stopping:  # as in scikit-learn, they are the same arrays from here on
            self.coefs_, self.intercepts_ = self._best_coefs, self._best_intercepts
            self._take_up()

    def _run(
        self,
        epochs: Epochs,
        held_out: tuple[Any, Any, Any],
        validated: Validation | None,
        k: int,
        incremental: bool,
    ) -> None:
        """Train epoch by epoch until there is a reason to stop."""
        total = k * (1 if incremental else self.max_iter)
        interrupts, bar = Interrupts(), Bar(total) if self.progress else NO_BAR
        self.n_iter_ = 0
        try:
            with interrupts, bar:
                while True:
                    self.loss_ = epochs.run(interrupts, careful=not self.early_stopping)
                    self._record(k, validated)
                    bar.at(self.n_iter_ * k)
                    if self._is_to_stop(*held_out) or incremental:
                        break
                    if self.n_iter_ == self.max_iter:
                        self._warn_of_end()
                        break
        except KeyboardInterrupt:
            warnings.warn(INTERRUPTED, stacklevel=6)

    def _is_to_stop(self, X_val: Any = None, y_val: Any = None, weights: Any = None) -> bool:
        """Do what follows an epoch; return whether the optimizer says that it was the last."""
        self._update_no_improvement_count(self.early_stopping, X_val, y_val, weights)
        self._optimizer.iteration_ends(self.t_)
        if self._no_improvement_count > self.n_iter_no_change:
            if self._optimizer.trigger_stopping(self._why(), self.verbose):
                return True
            self._no_improvement_count = 0
        return False

    def _record(self, k: int, validated: Validation | None) -> None:
        """Record an epoch."""
        self.n_iter_ += 1
        self.t_ += k
        self.loss_curve_.append(self.loss_)
        if validated is not None:
            curve = self.__dict__.setdefault("validation_loss_curve_", [])
            curve.append(self._loss_scale * validated.loss())
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {self.loss_:.8f}")

    def _why(self) -> str:
        what = "Validation score" if self.early_stopping else "Training loss"
        return (
            f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change:d} "
            "consecutive epochs."
        )

    def _warn_of_end(self) -> None:

        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=7,
        )

    def _has_optimizer(self, incremental: bool, goes_on: bool) -> bool:
        """Return whether there is an optimizer to go on with."""
        optimizer = self.__dict__.get("_optimizer")
        if optimizer is None or incremental:
            return optimizer is not None
        return goes_on and isinstance(optimizer, AdamOptimizer) == (self.solver == "adam")

    def _new_optimizer(self) -> Any:
        if self.solver == "adam":
            rates = self.learning_rate_init, self.beta_1, self.beta_2, self.epsilon
            return AdamOptimizer([], *rates)
        policy = self.learning_rate, self.momentum, self.nesterovs_momentum, self.power_t
        return SGDOptimizer([], self.learning_rate_init, *policy)

    def _clipped_batch_size(self, k: int) -> int:
        if self.batch_size == "auto":
            return min(200, k)
        if self.batch_size > k:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                stacklevel=7,
            )
        return int(min(self.batch_size, k))

    def _split(self, X: Any, y: Any, sample_weight: Any, held: Any) -> tuple[Any, ...]:
        """Return what to train on, and what to stop early by: inputs, targets, weights of each."""
        if not self.early_stopping:
            return X, y, sample_weight, None, None, None
        if held is not None:
            return X, y, sample_weight, *held, None
        one_column = is_classifier(self) and self.n_outputs_ == 1
        arrays = (X, y) if sample_weight is None else (X, y, sample_weight)
        parts = train_test_split(
            *arrays,
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=y if one_column else None,
        )
        if parts[1].shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        train, held_out = parts[::2], parts[1::2]
        nothing = () if sample_weight is not None else (None,)
        return *train, *nothing, *held_out, *nothing

    def _weigh(self, y: Any, sample_weight: Any) -> Any:
        """Return the weights of samples, those of their classes included."""
        return sample_weight

    def _validated(self, X_val: Any, y_val: Any) -> tuple[Any, Any]:
        """Return checked rows to validate by, and their targets as the outputs have them."""
        raise NotImplementedError

    def _params(self) -> tuple[Any, ...]:
        """Return all parameters, and the optimizer."""
        state = self.__dict__
        return *(state[name] for name in self._names), state.get("_optimizer")

    def _one_row(self, X: Any) -> Floats | None:
        """Return the outputs for one ordinary row of a network without feature names, or None."""
        live: Live | None = self.__dict__.get("_live")
        if live is None or "feature_names_in_" in self.__dict__:
            return None
        if not live.holds(self.coefs_, self.intercepts_):
            return None
        live.take(self.coefs_, self.intercepts_)
        return live.answer(X)

    def _ready(self, X: Any, y: Any) -> Quick | None:
        """Return what trains on ordinary rows just as the last `partial_fit` did, or None.

        It is then told inputs and targets.
        """
        live: Live | None = self.__dict__.get("_live")
        if live is None or live.params is None or not is_ordinary(X, live):
            return None
        unusual = self.verbose or self.warm_start or self.progress
        if unusual or "feature_names_in_" in self.__dict__:
            return None
        if any(a is not b for a, b in zip(live.params, self._params(), strict=True)):
            return None
        if not live.holds(self.coefs_, self.intercepts_):
            return None
        k = X.shape[0]
        size = min(200, k) if self.batch_size == "auto" else self.batch_size
        if size > k:
            return None  # a warning is due
        if live.quick is None or not live.quick.fits(k, self._optimizer):
            live.quick = Quick(live, k, self._optimizer, self.alpha, self._loss_scale, size)
        quick: Quick = live.quick
        return quick if self._take_targets(y, quick.T) and quick.take(X) else None

    def _take_targets(self, y: Any, T: Floats) -> bool:
        """Write targets as outputs have them, if they are ordinary; return whether they are."""
        raise NotImplementedError

    def _learn_quickly(self, quick: Quick) -> None:
        """Train for one epoch on what is ready."""
        k = quick.T.shape[0]
        self._live.take(self.coefs_, self.intercepts_)
        before, streams = self._random_state, None
        if k > 1 and self.shuffle:
            if not self.continue_state:
                self._random_state = check_random_state(self.random_state)
            if self._random_state is before:
                streams = Streams(self)
            quick.epochs.draw_from(self._random_state)
        try:
            with Interrupts() as interrupts:
                loss = quick.epochs.run(interrupts)
                self.n_iter_, self.loss_ = 0, loss
                self._record(k, None)
                self._is_to_stop()
        except KeyboardInterrupt:
            warnings.warn(INTERRUPTED, stacklevel=3)
        except BaseException:
            self._random_state = before
            if streams is not None:
                streams.restore()
            raise

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Floats:
        if check_input:
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        dtype = dtype_of(self.coefs_)
        if dtype == "float32" and np.result_type(X.dtype, np.float32) != np.float32:
            dtype = "float64"
        live = self._network(dtype)
        return live.outputs(live.rows(X))

    def _score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of rows to validate by: X is a function that recalls them."""
        if not callable(X):
            return float(super()._score(X, y, sample_weight=sample_weight))
        return self._score_of(X(self._live.net.theta), y, sample_weight)

    def _score_of(self, outputs: Floats, y: Any, sample_weight: Any) -> float:
        """Return the score of outputs."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_live"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        of_rule = vars(state["_optimizer"]).get("state") if "_optimizer" in state else None
        if of_rule is not None:  # joblib maps arrays read-only
            self._optimizer.state = of_rule.twin()
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
