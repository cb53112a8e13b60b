"""Both estimators side by side, this package's and scikit-learn's own, and how near they must be.

Where training amplifies roundings, nobody's numbers are right to more than a few digits. How many
is measured: scikit-learn's own estimator is fitted once more, from weights moved by one ulp.
"""

import contextlib
import copy
import warnings

import numpy as np
import scipy.sparse as sp
from sklearn import neural_network as theirs

from mlp_fast import sklearn as ours

MOST = {"float64": 1e-3, "float32": 1e-3}  # of a bound: more would show nothing
LEAST = {"float64": 1e-9, "float32": 1e-3}
FACTOR = {"float64": 1000, "float32": 30}  # times what a start moved by one ulp changes
TARGETS = ["binary", "multiclass", "multilabel", "one output", "two outputs"]
ATTRIBUTES = "n_iter_", "t_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_"
NUMBERS = "loss_", "best_loss_", "best_validation_score_", "loss_curve_", "validation_scores_"


class Moved:
    """A start moved by one ulp: upwards, or each number as a stream says."""

    stream = None

    def _init_coef(self, *arguments):
        parts = super()._init_coef(*arguments)
        up = [True if self.stream is None else self.stream.random(A.shape) < 0.5 for A in parts]
        ends = [
            np.where(is_up, np.inf, -np.inf).astype(A.dtype)
            for is_up, A in zip(up, parts, strict=True)
        ]
        return [np.nextafter(A, end) for A, end in zip(parts, ends, strict=True)]


class MovedClassifier(Moved, theirs.MLPClassifier):
    pass


class MovedRegressor(Moved, theirs.MLPRegressor):
    pass


CLASSIFIERS = ours.MLPClassifier, theirs.MLPClassifier, MovedClassifier
REGRESSORS = ours.MLPRegressor, theirs.MLPRegressor, MovedRegressor


def three(target, **params):
    """Return the estimators of a kind of target: ours, scikit-learn's, and its own moved start."""
    if target in ("binary", "multiclass", "multilabel"):
        return [cls(**params) for cls in CLASSIFIERS]
    if target == "poisson":
        params["loss"] = "poisson"
    return [cls(**params) for cls in REGRESSORS]


def data(target, rows="dense", dtype="float64", k=80, seed=0):
    """Return a few rows with targets that can be learnt in part."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((k, 6))
    if rows != "dense":
        X[rng.random(X.shape) < 0.6] = 0
    H = np.tanh(X @ rng.standard_normal((6, 3))) + 0.1 * rng.standard_normal((k, 3))
    y = {
        "binary": np.where(H[:, 0] > 0, "yes", "no"),
        "multiclass": np.array([3, 5, 8])[H.argmax(axis=1)],
        "multilabel": (H > 0.2).astype(int),
        "one output": H[:, 0],
        "two outputs": H[:, :2],
        "poisson": rng.poisson(np.exp(H[:, 0])).astype(float),
    }[target]
    X = X.astype(dtype)
    forms = {"dense": np.asarray, "CSR": sp.csr_array, "CSC": sp.csc_array}
    return forms[rows](X), y


def weights_of(kind, k=80, seed=1):
    """Return weights of samples of a kind, whose batches of 7 and more hardly sum to 0."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 2, k)
    if kind == "none":
        return None
    if kind == "negative":
        weights[::9] *= -0.5
    elif kind == "zero":
        weights[::6] = 0
    return weights


def outcome(call):
    """Return the texts of warnings that a call gives, and its error.

    What NumPy says of overflow is no part of it.
    """
    error = None
    with warnings.catch_warnings(record=True) as given, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            call()
        except (ValueError, ZeroDivisionError, AttributeError, TypeError) as raised:
            error = type(raised), str(raised)
    said = [
        (warning.category, str(warning.message))
        for warning in given
        if not issubclass(warning.category, RuntimeWarning)
    ]
    return said, error


@contextlib.contextmanager
def without_warnings():
    """Let trainings end as they like: how is tested elsewhere."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def difference(a, b):
    """Return the norm of the difference over the norm."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    assert a.shape == b.shape
    if np.array_equal(a, b):
        return 0.0
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300)


def answers(estimator, X):
    """Return probabilities or predictions."""
    return getattr(estimator, "predict_proba", estimator.predict)(X)


def distance(a, b, X):
    """Return how far two fitted estimators are from each other: the most of all their numbers."""
    pairs = [*zip(a.coefs_, b.coefs_, strict=True), *zip(a.intercepts_, b.intercepts_, strict=True)]
    if len(a.__dict__.get("loss_curve_", ())) != len(b.__dict__.get("loss_curve_", ())):
        return np.inf
    for name in NUMBERS:
        values = vars(a).get(name), vars(b).get(name)
        if None not in values and np.isfinite(values).all():
            pairs.append(values)
    pairs.append((answers(a, X), answers(b, X)))
    return max(difference(*pair) for pair in pairs)


def assert_same(a, b, X, bound):
    """Compare all that our estimator has with what scikit-learn's has."""
    assert public(a) == public(b)
    for name in ATTRIBUTES:
        assert vars(a).get(name) == vars(b).get(name), name
    assert vars(a).get("_no_improvement_count") == vars(b).get("_no_improvement_count")
    for name in NUMBERS:
        assert (vars(a).get(name) is None) == (vars(b).get(name) is None), name
        assert np.shape(vars(a).get(name)) == np.shape(vars(b).get(name)), name
    for A, B in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        assert (A.shape, A.dtype) == (B.shape, B.dtype)
    if hasattr(b, "classes_"):
        np.testing.assert_array_equal(a.classes_, b.classes_)
    if "_optimizer" in vars(b):
        rates = a._optimizer.learning_rate, b._optimizer.learning_rate
        np.testing.assert_allclose(*rates, rtol=1e-12)
        assert vars(a._optimizer).get("t") == vars(b._optimizer).get("t")
    assert answers(a, X).dtype == answers(b, X).dtype
    assert a.predict(X).dtype == b.predict(X).dtype
    assert distance(a, b, X) <= bound


def public(estimator):
    """Return the names of what an estimator has learnt."""
    own = {"validation_loss_curve_"}
    return {name for name in vars(estimator) if name.endswith("_")} - own


def compare(target, X, calls, dtype="float64", bound=None, **params):
    """Have both estimators do some calls, and compare; return how far a moved start gets.

    Without a bound, that is measured. Returns infinity, having compared nothing, if nobody's
    numbers mean anything any more; and 0 if both refuse, by the same words.
    """
    a, b, moved = three(target, **params)
    happened = [outcome(lambda e=e: calls(e)) for e in (a, b)]
    if happened[1][1] is not None:
        assert happened[0][1] == happened[1][1]
        return 0.0
    if bound is None:
        with without_warnings():
            calls(moved)
        grown = distance(moved, b, X)
        bound = max(LEAST[dtype], FACTOR[dtype] * grown)
        if not bound <= MOST[dtype]:
            return np.inf
    else:
        grown = 0.0
    assert happened[0] == happened[1]
    assert_same(a, b, X, bound)
    return grown


def most_grown(target, X, calls, starts=8, **params):
    """Return how far the worst of some moved starts gets."""
    _, b, _ = three(target, **params)
    grown = []
    with without_warnings():
        calls(b)
        for seed in range(starts):
            moved = three(target, **params)[2]
            moved.stream = np.random.default_rng(seed)
            calls(moved)
            grown.append(distance(moved, b, X))
    return max(grown)


def compare_cut(target, X, calls, max_iter, **params):
    """Compare; with fewer epochs where a moved start gets too far. Return whether these are cut."""
    epochs = max_iter
    while compare(target, X, calls, max_iter=epochs, **params) == np.inf:
        assert epochs > 1
        epochs = max(1, epochs // 3)
    return epochs < max_iter


def everything(value):
    """Return all that there is in an estimator, down to the bits, to be compared."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, np.random.RandomState):
        return everything(value.get_state())
    if isinstance(value, list | tuple):
        return [everything(item) for item in value]
    if isinstance(value, dict):
        return {name: everything(item) for name, item in value.items() if name != "_live"}
    if hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value):
        return type(value).__name__, everything(vars(value))
    if hasattr(value, "_asdict"):
        return everything(value._asdict())
    return copy.copy(repr(value))
