"""`MLPClassifier`, in place of scikit-learn's."""

import math
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import _fit_context
from sklearn.neural_network import MLPClassifier as Original
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.validation import column_or_1d, validate_data

from mlp_fast.kernels.simd.types import Floats
from mlp_fast.sklearn.base import Estimator, for_stochastic

MULTILABEL = "multilabel-indicator"


class MLPClassifier(Estimator, Original):  # type: ignore[misc]  # scikit-learn ships no types
    """Multi-layer perceptron classifier: scikit-learn's, by this package's kernels.

    Parameters, attributes and methods are those of `sklearn.neural_network.MLPClassifier`, and so
    are the numbers: the same `random_state` gives the same initial weights, the same order of
    samples, and to rounding the same fit. The parameters described here are additions.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int, default (100,)
        Units of each hidden layer.
    activation : {'identity', 'logistic', 'tanh', 'relu'} or a list of them, default 'relu'
        Of the hidden layers, or of each.
    class_weight : dict, 'balanced' or None, default None
        What the weights of a class's samples are multiplied by; 'balanced' for n_samples /
        (n_classes * count of the class).
    out_activation : {'softmax', 'logistic'} or None, default None
        None for 'softmax' with three classes or more, else 'logistic'. With 'logistic' each class
        is told from all others; their probabilities are then divided by their sum.
    continue_state : bool, default False
        Whether a fit with `warm_start`, or `partial_fit`, goes on with the random stream of the
        last one, and a warm fit with its optimizer's state.
    progress : bool, default False
        Whether a bar is shown; needs the extra `progress`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mlp_fast import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier((20,), solver="lbfgs", max_iter=500, random_state=0)
    >>> clf.fit(X / 8, y).score(X / 8, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Estimator._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "out_activation": [StrOptions({"softmax", "logistic"}), None],
    }

    def __init__(
        self,
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
        class_weight: Any = None,
        out_activation: str | None = None,
        continue_state: bool = False,
        progress: bool = False,
    ) -> None:
        given = locals()
        for name in self._get_param_names():
            setattr(self, name, given[name])
        self.loss = "log_loss"

    @for_stochastic  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train for one epoch.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default None
            How much each sample counts.
        classes : array of shape (n_classes,), default None
            All classes that there will be; needed in the first call.

        Returns
        -------
        object
            This estimator.
        """
        if sample_weight is None and classes is None and self.class_weight is None:
            quick = self._ready(X, y)
            if quick is not None:
                self._learn_quickly(quick)
                return self
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight must be None or a dict for partial_fit, which sees a part of the "
                f"samples only; got {self.class_weight!r}"
            )
        known = set(vars(self))
        try:
            super().partial_fit(X, y, sample_weight=sample_weight, classes=classes)
        except BaseException:
            for name in set(vars(self)) - known:  # what a first call was told of classes
                delattr(self, name)
            raise
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            A column for each of `classes_`.
        """
        one = self._ordinary(X)
        A: Floats
        if one is None:
            A = super().predict_proba(X)
        elif one.shape[1] > 1:
            A = one
        else:
            A = np.concatenate([1 - one, one], axis=1)
        if self.out_activation == "logistic" and self._is_multiclass:
            A /= np.maximum(A.sum(axis=1, keepdims=True), np.finfo(A.dtype).tiny)
        return A

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The input data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Class labels.
        """
        a = self._ordinary(X)
        answer: NDArray[Any]
        if a is None or not self._tells_classes:
            answer = super().predict(X)
        elif a.shape[1] > 1:
            answer = self.classes_[a.argmax(axis=1)]
        else:
            answer = self.classes_[(a[:, 0] > 0.5).astype(np.intp)]
        return answer

    @property
    def _tells_classes(self) -> bool:
        """Whether a row has one of two classes or more."""
        return self.classes_.size > 1 and self._label_binarizer.y_type_ in ("binary", "multiclass")

    @property
    def _is_multiclass(self) -> bool:
        return bool(self._label_binarizer.y_type_ == "multiclass")

    def _initialize(self, y: Any, layer_units: list[int], dtype: Any) -> None:
        super()._initialize(y, layer_units, dtype)
        if self.out_activation == "softmax" and not self._is_multiclass:
            raise ValueError(
                "out_activation='softmax' needs three classes or more, and one label for each "
                f"sample; got {len(self.classes_)} classes of {self._label_binarizer.y_type_} "
                "targets"
            )

    def _check_class_weight(self) -> None:
        told, is_multilabel = self.class_weight, self._label_binarizer.y_type_ == MULTILABEL
        if not isinstance(told, str) and isinstance(told, list) != is_multilabel:
            kind = "list of a dict for each column" if is_multilabel else "dict"
            raise ValueError(
                f"class_weight must be a {kind}, 'balanced' or None with these targets; got "
                f"{told!r}"
            )
        tables = told if isinstance(told, list) else [told] if isinstance(told, dict) else []
        for table in tables:
            for weight in table.values():
                if not (isinstance(weight, Real) and 0 <= float(weight) < math.inf):
                    raise ValueError(
                        "class_weight must hold numbers that are finite and not negative; got "
                        f"{told!r}"
                    )

    def _weigh(self, y: Any, sample_weight: Any) -> Any:
        if self.class_weight is None:
            return sample_weight
        self._check_class_weight()
        if self._label_binarizer.y_type_ == MULTILABEL:
            weights = compute_sample_weight(self.class_weight, y.astype(int))
        else:  # of all classes, for a part of the samples may lack some of them
            codes = y.argmax(axis=1) if self._is_multiclass else y.ravel().astype(int)
            classes = self.classes_
            of_class = compute_class_weight(self.class_weight, classes=classes, y=classes[codes])
            weights = of_class[codes]
        return weights if sample_weight is None else weights * sample_weight

    def _validated(self, X_val: Any, y_val: Any) -> tuple[Any, Any]:
        X_val, y_val = validate_data(
            self, X_val, y_val, accept_sparse=["csr", "csc"], multi_output=True, reset=False
        )
        if y_val.ndim == 2 and y_val.shape[1] == 1:
            y_val = column_or_1d(y_val, warn=True)
        unseen = np.setdiff1d(y_val, self.classes_) if y_val.ndim == 1 else ()
        if len(unseen):
            raise ValueError(f"y_val must hold classes of y only; got {unseen} besides")
        return X_val, self._label_binarizer.transform(y_val).astype(bool)

    def _take_targets(self, y: Any, T: Floats) -> bool:
        classes = self.classes_
        if type(y) is not np.ndarray or y.dtype != classes.dtype or y.shape != (T.shape[0],):
            return False
        if not self._tells_classes or classes.dtype.kind not in "biufU":
            return False
        codes = np.minimum(classes.searchsorted(y), classes.size - 1)
        if T.shape[1] == 1:
            T[:, 0] = codes
        else:
            T[:] = codes[:, None] == np.arange(T.shape[1])
        return bool((classes[codes] == y).all())

    def _score_of(self, outputs: Floats, y: Any, sample_weight: Any) -> float:
        """Return the accuracy, told from codes of classes."""
        if self.classes_.size == 1:
            right = np.ones(len(y), bool)
        elif self._is_multiclass:
            right = outputs.argmax(axis=1) == y.argmax(axis=1)
        else:
            right = ((outputs > 0.5) == y).all(axis=1)
        if sample_weight is None:
            return float(np.count_nonzero(right) / right.size)
        return float(np.average(right, weights=sample_weight))
