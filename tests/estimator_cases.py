"""What the tests of scikit-learn's estimators share: pairs of ours and theirs, data, and states."""

import copy
import warnings

import numpy as np
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

from mlp_fast import MLPClassifier, MLPRegressor
from mlp_fast.rule_state import RuleState
from mlp_fast.sklearn.live import Live

ORIGINALS = {MLPClassifier: theirs.MLPClassifier, MLPRegressor: theirs.MLPRegressor}
OURS = [*ORIGINALS]
SOLVERS = "sgd", "adam", "lbfgs"
STOCHASTIC = "sgd", "adam"

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0, "batch_size": 8}

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = {
    MLPClassifier: np.arange(40) % 3,
    MLPRegressor: X @ [1.0, -2.0, 0.5] + 0.1 * RNG.standard_normal(40),
}
LABELS = {
    "ints": np.array([7, -1, 30])[np.arange(40) % 3],
    "strings": np.array(["no", "yes", "perhaps"])[np.arange(40) % 3],
    "objects": np.array(["no", "yes", "perhaps"], object)[np.arange(40) % 3],
    "bools": np.arange(40) % 2 == 0,
    "two": np.array(["a", "b"])[np.arange(40) % 2],
    "floats": np.array([1.0, 2.0, 3.0])[np.arange(40) % 3],
    "multilabel": RNG.integers(0, 2, (40, 3)),
}


def quietly(method, *arguments, **named):
    """Call a method that may say that it has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return method(*arguments, **named)


def fitted(cls, y=None, **told):
    """Return a small estimator that has learnt a little."""
    return quietly(cls(**{**SMALL, **told}).fit, X, Y_of(cls) if y is None else y)


def Y_of(cls):
    return Y[OURS[0] if issubclass(cls, theirs.MLPClassifier) else OURS[1]]


def plain(value):
    """Return a value as something to compare with ==, to the bit, and that stays as it is."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        content = value.tolist() if value.dtype.hasobject else value.tobytes()
        return value.dtype.str, value.shape, content
    if isinstance(value, np.random.RandomState):
        return plain(value.get_state(legacy=False))
    if isinstance(value, Live):
        return plain([value.net.theta, value.coefs, value.intercepts])
    if isinstance(value, RuleState):
        return plain([value.powers, value.arrays])
    if isinstance(value, dict):
        return {plain_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str | type):
        return type(value).__name__, repr(value)
    return type(value).__name__, plain(vars(value)) if hasattr(value, "__dict__") else repr(value)


def plain_key(key):
    return key if isinstance(key, str) else (type(key).__name__, repr(key))


def state(estimator):
    """Return all that an estimator knows, copied, to the bit."""
    return copy.deepcopy(plain(vars(estimator)))


def learnt(estimator):
    """Return what an estimator knows but for where it is kept and what each fit finds anew."""
    known = state(estimator)
    _, of_optimizer = known.get("_optimizer", (None, {}))
    for name in "velocities", "ms", "vs":  # the state is that of the kernels
        assert of_optimizer.pop(name, ("list", [])) == ("list", [])
    return {name: value for name, value in known.items() if name not in FOUND_ANEW}


FOUND_ANEW = "_live", "_coef_indptr", "_intercept_indptr"
