"""Stochastic training of an estimator: what scikit-learn does between the epochs of the engine."""

import warnings
from typing import Any

from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlp_fast.bar import NO_BAR, Bar
from mlp_fast.interrupts import Interrupts
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.sklearn.epochs import Epochs
from mlp_fast.sklearn.networked import Networked
from mlp_fast.validation import Validation

CHANGING = {"learning_rate", "t", "ms", "vs", "velocities"}  # what an optimizer is not told
INTERRUPTED = "Training interrupted by user."


class Stochastic(Networked):
    """An estimator that is trained epoch by epoch, by orders that scikit-learn draws."""

    _no_improvement_count: int

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
        self._optimizer = self._optimizer_for(incremental, goes_on)
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
        if self.early_stopping:  # the copies of the best weights stay as they are
            self.coefs_, self.intercepts_ = list(self._best_coefs), list(self._best_intercepts)
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

    def _optimizer_for(self, incremental: bool, goes_on: bool) -> Any:
        """Return the optimizer: that of before, or a new one, which may go on from its state."""
        before = self.__dict__.get("_optimizer")
        if incremental and before is not None:
            return before
        new = self._new_optimizer()
        if not goes_on or type(before) is not type(new):
            return new
        state, told = vars(before), vars(new).keys() - CHANGING
        if all(state[name] == vars(new)[name] for name in told):
            return before
        vars(new).update({name: state[name] for name in ("network", "state", "t") if name in state})
        return new

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

    def _score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of rows to validate by: X is a function that recalls them."""
        if not callable(X):
            return float(super()._score(X, y, sample_weight=sample_weight))
        return self._score_of(X(self._live.net.theta), y, sample_weight)

    def _score_of(self, outputs: Floats, y: Any, sample_weight: Any) -> float:
        """Return the score of outputs."""
        raise NotImplementedError
