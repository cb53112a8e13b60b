"""What scikit-learn's estimators refuse, ours refuse likewise, and are then as they were."""

import copy
import re
import warnings
from itertools import product

import numpy as np
import pandas as pd
import pytest
from estimator_cases import (
    LABELS,
    ORIGINALS,
    OURS,
    SMALL,
    SOLVERS,
    STOCHASTIC,
    X,
    Y,
    fitted,
    quietly,
    state,
)
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from mlp_fast import MLPClassifier, MLPRegressor

Y_C, Y_R = Y[MLPClassifier], Y[MLPRegressor]

both = pytest.mark.parametrize("cls", OURS)


def outcome(estimator, method, *arguments, **named):
    """Return the error of a call and its warnings, each by type and text, if it has any."""
    error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            getattr(estimator, method)(*arguments, **named)
        except Exception as raised:
            error = type(raised), str(raised)
    said = {(w.category, str(w.message)) for w in caught if w.category is not RuntimeWarning}
    return error, said


def refused_alike(ours, theirs, method, *arguments, **named):
    """Check that both refuse a call in the same words, and that ours is then as it was."""
    before = state(ours)
    found, wanted = (
        outcome(each, method, *copy.deepcopy(arguments), **copy.deepcopy(named))
        for each in (ours, theirs)
    )
    assert wanted[0] is not None, "scikit-learn does not refuse it"
    assert found[0] == wanted[0]
    unsaid = {category for category, _ in wanted[1] - found[1]}
    assert found[1] <= wanted[1]
    if "non-finite" in wanted[0][1]:  # ours does not go on then
        unsaid -= {ConvergenceWarning}
    assert not unsaid
    assert state(ours) == before
    return True


def pair(cls, **told):
    return cls(**{**SMALL, **told}), ORIGINALS[cls](**{**SMALL, **told})


def fitted_pair(cls, **told):
    ours, theirs = pair(cls, **told)
    for each in ours, theirs:
        quietly(each.fit, X, Y[cls])
    return ours, theirs


# --------------------------------------------------------------------------------- parameters

BAD = {
    "hidden_layer_sizes": [0, -3, (4, -1), (0,), None, "4", 2.5],
    "activation": ["nonsense", None, 3, "softmax", "sigmoid"],
    "solver": ["nonsense", None, 0, "SGD"],
    "alpha": [-1, "a", None, np.nan, -np.inf],
    "batch_size": [0, -1, "all", 2.5, None],
    "learning_rate": ["nonsense", None, 0.1],
    "learning_rate_init": [0, -1, "a", None, np.nan],
    "power_t": [-1, "a", None],
    "max_iter": [-1, 0, 2.5, "a", None],
    "shuffle": ["yes", None, 2],
    "random_state": [-1, "a", 2.5, np.random.default_rng(0)],
    "tol": [-1, "a", None, np.nan],
    "verbose": [-1, "a", None],
    "warm_start": ["yes", None],
    "momentum": [-0.1, 1.1, "a", None],
    "nesterovs_momentum": ["yes", None],
    "early_stopping": ["yes", None],
    "validation_fraction": [-0.1, 1, 1.0, "a", None],
    "beta_1": [-0.1, 1, "a"],
    "beta_2": [-0.1, 1, "a"],
    "epsilon": [0, -1, "a"],
    "n_iter_no_change": [0, -1, 2.5, "a", None, -np.inf],
    "max_fun": [0, -1, 2.5, "a", None],
}


CHOICES = re.compile(r" must be .*\. Got ")  # of activations, to which ours add lists


@both
@pytest.mark.parametrize(("name", "value"), [(name, v) for name in BAD for v in BAD[name]])
def test_bad_parameters(cls, name, value):
    for (ours, theirs), method in product((pair(cls), fitted_pair(cls)), ("fit", "partial_fit")):
        for each in ours, theirs:
            each.set_params(**{name: value})
        if method == "partial_fit" and hasattr(ours, "coefs_"):
            # scikit-learn does not check parameters again, and may do anything
            before = state(ours)
            if outcome(ours, method, X, Y[cls])[0] is not None:
                assert state(ours) == before
        elif name == "activation":
            before = state(ours)
            found, wanted = (outcome(each, method, X, Y[cls])[0] for each in (ours, theirs))
            assert found[0] is wanted[0]
            assert CHOICES.sub("", found[1]) == CHOICES.sub("", wanted[1])
            assert state(ours) == before
        else:
            assert refused_alike(ours, theirs, method, X, Y[cls])


def test_every_parameter_of_theirs_has_a_bad_value():
    told = {*ORIGINALS[MLPClassifier]().get_params()} & {*ORIGINALS[MLPRegressor]().get_params()}
    assert {*BAD} == told


@pytest.mark.parametrize("loss", ["nonsense", None, "log_loss"])
def test_bad_losses(loss):
    for ours, theirs in (pair(MLPRegressor), fitted_pair(MLPRegressor)):
        assert refused_alike(ours.set_params(loss=loss), theirs.set_params(loss=loss), "fit", X, X)


@both
def test_unknown_parameters(cls):
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        cls(nonsense=1)
    with pytest.raises(ValueError, match="Invalid parameter 'nonsense' for estimator"):
        cls().set_params(nonsense=1)


# --------------------------------------------------------------------------------------- data


def with_at(A, value):
    A = np.array(A, float)
    A.flat[3] = value
    return A


BAD_X = {
    "NaN": with_at(X, np.nan),
    "infinite": with_at(X, -np.inf),
    "one axis": X[:, 0],
    "three axes": X[:, :, None],
    "scalar": np.array(3.0),
    "no rows": X[:0],
    "no columns": X[:, :0],
    "text": X.astype(str).astype(object) + "a",
    "text in a list": [["a", "b", "c"]] * 40,
    "complex": X * 1j,
    "None": None,
    "ragged": [[1.0], [1.0, 2.0]] * 20,
    "fewer rows": X[:20],
    "objects": np.full((40, 3), None),
    "dicts": [{"a": 1}] * 40,
    "a set": {1, 2},
    "sparse NaN": sparse.csr_array(with_at(X, np.nan)),
    "sparse one-dimensional": sparse.coo_array(X[:, 0]),
    "other columns": None,
}
BAD_Y = {
    "NaN": with_at(np.arange(40) % 2, np.nan),
    "infinite": with_at(np.arange(40) % 2, np.inf),
    "fewer": np.arange(39) % 2,
    "empty": [],
    "None": None,
    "scalar": 3,
    "three axes": np.zeros((40, 2, 2)),
    "complex": np.ones(40) * 1j,
    "None among them": [None, 1] * 20,
    "ragged": [[1], [1, 2]] * 20,
    "dicts": [{}] * 40,
}
BAD_WEIGHTS = {
    "NaN": with_at(np.ones(40), np.nan),
    "infinite": with_at(np.ones(40), np.inf),
    "fewer": np.ones(39),
    "two axes": np.ones((40, 2)),
    "text": ["a"] * 40,
    "complex": np.ones(40) * 1j,
    "text alone": "balanced",
    "sum to zero": np.zeros(40),
}


def fit_methods(cls):
    yield "fit", {}
    yield "partial_fit", ({"classes": [0, 1, 2]} if cls is MLPClassifier else {})


def all_pairs(cls, **told):
    """Yield pairs that are fitted and that are not, and what they are told of classes."""
    for method, named in fit_methods(cls):
        yield *pair(cls, **told), method, named
        yield *fitted_pair(cls, **told), method, named
        yield *fitted_pair(cls, **told, warm_start=True), method, named


@both
@pytest.mark.parametrize("name", BAD_X)
def test_bad_inputs(cls, name):
    if name == "other columns":
        pairs = [each for each in all_pairs(cls) if hasattr(each[0], "coefs_")]
        for ours, theirs, method, named in pairs:
            if method == "partial_fit" or ours.warm_start:
                assert refused_alike(ours, theirs, method, X[:, :2], Y[cls], **named)
        return
    for ours, theirs, method, named in all_pairs(cls):
        assert refused_alike(ours, theirs, method, BAD_X[name], Y[cls], **named)


@both
@pytest.mark.parametrize("name", BAD_Y)
def test_bad_targets(cls, name):
    for ours, theirs, method, named in all_pairs(cls):
        assert refused_alike(ours, theirs, method, X, BAD_Y[name], **named)


@pytest.mark.parametrize("y", [np.linspace(0, 1, 40), np.stack([np.arange(40) % 3] * 2, 1)])
def test_targets_that_are_no_classes(y):
    for ours, theirs, method, named in all_pairs(MLPClassifier):
        assert refused_alike(ours, theirs, method, X, y, **named)


@pytest.mark.parametrize("y", [["a"] * 40, ["1.5", "b"] * 20, [1, "b"] * 20])
def test_targets_that_are_no_numbers(y):
    """scikit-learn has NumPy say that it cannot subtract them."""
    for solver in SOLVERS:
        for estimator in MLPRegressor(**SMALL), fitted(MLPRegressor):
            estimator.set_params(solver=solver)
            assert refuses(estimator, "could not convert string to float", "fit", X, y)
            if solver != "lbfgs":
                assert refuses(estimator, "could not convert string to float", "partial_fit", X, y)


@pytest.mark.parametrize("solver", SOLVERS)
def test_numbers_of_outputs_and_layers_that_change(solver):
    """scikit-learn's arrays do not fit one another then; ours would be read beyond their ends."""
    two = np.stack([Y_R, Y_R], 1)
    for first, then, columns in (Y_R, two, "1 columns, .*; got 2"), (two, Y_R, "2 .*; got 1"):
        estimator = fitted(MLPRegressor, first, solver=solver, warm_start=True)
        assert refuses(estimator, f"y must have {columns}", "fit", X, then)
        if solver != "lbfgs":
            assert refuses(estimator, f"y must have {columns}", "partial_fit", X, then)
    estimator = fitted(MLPRegressor, solver=solver, warm_start=True)
    estimator.set_params(hidden_layer_sizes=(4, 4), activation=["tanh", "relu"])
    message = "activation must have a name for each of the 1 hidden layers that were fitted; got"
    assert refuses(estimator, message, "predict", X)
    if solver != "lbfgs":  # where SciPy's vector is cut first, which is refused likewise
        assert refuses(estimator, message, "fit", X, Y_R)


@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_bad_sample_weights(cls, name, solver):
    for ours, theirs, method, named in all_pairs(cls, solver=solver):
        if solver == "lbfgs" and method == "partial_fit":
            continue
        weights = BAD_WEIGHTS[name]
        assert refused_alike(ours, theirs, method, X, Y[cls], sample_weight=weights, **named)


def test_partial_fit_of_full_batches():
    """There is none, but that scikit-learn's regressor has it by mistake."""
    ours, theirs = fitted_pair(MLPClassifier, solver="lbfgs")
    for each in ours, theirs:
        assert not hasattr(each, "partial_fit")
    assert refused_alike(ours, theirs, "partial_fit", X, Y_C)
    ours, theirs = fitted_pair(MLPRegressor, solver="lbfgs")
    assert hasattr(theirs, "partial_fit")
    assert not hasattr(ours, "partial_fit")


@both
def test_partial_fit_and_early_stopping(cls):
    for ours, theirs in (pair(cls, early_stopping=True), fitted_pair(cls, early_stopping=True)):
        named = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
        assert refused_alike(ours, theirs, "partial_fit", X, Y[cls], **named)


@pytest.mark.parametrize(
    ("y", "named"),
    [
        (LABELS["two"], {}),
        (np.arange(40) % 3, {"classes": [0, 1, 2, 3]}),
        (np.arange(40) % 4, {}),
        (np.arange(40) % 2 + 0.5, {}),
        (LABELS["multilabel"], {}),
    ],
)
def test_labels_that_are_unseen(y, named):
    ours, theirs = fitted_pair(MLPClassifier)
    assert refused_alike(ours, theirs, "partial_fit", X, y, **named)
    ours, theirs = fitted_pair(MLPClassifier, warm_start=True)
    if not named:
        assert refused_alike(ours, theirs, "fit", X, y)


def test_the_first_call_needs_classes():
    ours, theirs = pair(MLPClassifier)
    assert refused_alike(ours, theirs, "partial_fit", X, Y[MLPClassifier])
    assert refused_alike(ours, theirs, "partial_fit", X, Y[MLPClassifier], classes=[0, 1])


@both
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba", "score"])
def test_predictions_of_what_is_not_fitted_and_of_bad_rows(cls, method):
    if not hasattr(cls, method):
        assert cls is MLPRegressor
        return
    y = (Y[cls],) if method == "score" else ()
    assert refused_alike(*pair(cls), method, X, *y)
    ours, theirs = fitted_pair(cls)
    for name, rows in BAD_X.items():
        if name == "fewer rows" and not y:
            continue
        assert refused_alike(ours, theirs, method, X[:, :2] if rows is None else rows, *y)
    with pytest.raises(NotFittedError):
        cls().predict(X)


@both
def test_names_of_features_that_change(cls):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frames = [
        frame.rename(columns={"a": "z"}),
        frame[["b", "a", "c"]],
        frame[["a", "b"]],
        frame.assign(d=1.0),
        frame.rename(columns={"a": 0}),
    ]
    for warm in False, True:
        ours, theirs = pair(cls, warm_start=warm)
        for each in ours, theirs:
            quietly(each.fit, frame, Y[cls])
        assert [*ours.feature_names_in_] == ["a", "b", "c"]
        for other in frames:
            assert refused_alike(ours, theirs, "predict", other)
            assert refused_alike(ours, theirs, "partial_fit", other, Y[cls])
            if warm:
                assert refused_alike(ours, theirs, "fit", other, Y[cls])
        unnamed = [outcome(each, "predict", X) for each in (ours, theirs)]
        assert unnamed[0] == unnamed[1]
        assert "does not have valid feature names" in str(unnamed[0])


@both
@pytest.mark.parametrize("told", [{"batch_size": 100}, {"batch_size": 41, "solver": "sgd"}, {}])
def test_warnings_are_the_same(cls, told):
    ours, theirs = (outcome(each, "fit", X, Y[cls]) for each in pair(cls, **told))
    assert ours == theirs
    assert len(ours[1]) == len(told and [1]) + 1
    column = [outcome(each, "fit", X, Y[cls][:, None]) for each in pair(cls, **told)]
    assert column[0] == column[1]


@both
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_what_diverges_leaves_the_estimator_as_it_was(cls, solver):
    for ours, theirs in (pair(cls), fitted_pair(cls), fitted_pair(cls, warm_start=True)):
        for each in ours, theirs:
            each.set_params(solver=solver, learning_rate_init=1e200, max_iter=5)
        with np.errstate(all="ignore"):
            assert refused_alike(ours, theirs, "fit", X * 1e100, Y[cls])


# ----------------------------------------------------------------------- what only ours are told


def refuses(estimator, message, method="fit", *arguments, **named):
    before = state(estimator)
    with pytest.raises(ValueError, match=message):
        getattr(estimator, method)(*arguments, **named)
    assert state(estimator) == before
    return True


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nonsense", "'class_weight' parameter of MLPClassifier must be .*'balanced'.* 'nonsense'"),
        (3, "'class_weight' parameter of MLPClassifier must be .*'dict'.* Got 3"),
        ({0: -1}, r"class_weight must hold numbers that .* not negative; got {0: -1}"),
        ({0: np.nan}, "class_weight must hold numbers that are finite"),
        ({0: np.inf}, "class_weight must hold numbers that are finite"),
        ({0: "a"}, r"class_weight must hold numbers .*; got {0: 'a'}"),
        ({7: 2.0}, r"\[0, 1, 2\], are not in class_weight"),
        ([{0: 1}], r"class_weight must be a dict, 'balanced' or None .*; got \[{0: 1}\]"),
    ],
)
def test_bad_weights_of_classes(value, message):
    for estimator in MLPClassifier(**SMALL), fitted(MLPClassifier):
        assert refuses(estimator.set_params(class_weight=value), message, "fit", X, Y_C)


def test_weights_of_classes_of_many_labels():
    y = LABELS["multilabel"]
    message = "class_weight must be a list of a dict for each column, .*; got {0: 1}"
    estimator = fitted(MLPClassifier, y)
    assert refuses(estimator.set_params(class_weight={0: 1}), message, "fit", X, y)
    message = "number of elements in class_weight should match number of outputs"
    assert refuses(estimator.set_params(class_weight=[{0: 1}]), message, "fit", X, y)
    message = "class_weight must be None or a dict for partial_fit, .*; got 'balanced'"
    estimator.set_params(class_weight="balanced")
    assert refuses(estimator, message, "partial_fit", X, y)
    quietly(estimator.fit, X, y)


def test_a_part_of_the_samples_needs_not_show_all_classes_that_have_weights():
    told = {"class_weight": {0: 2.0, 1: 3.0}, "alpha": 0}
    ours = MLPClassifier(**{**SMALL, **told}).partial_fit(X, Y_C, classes=[0, 1, 2])
    theirs = ORIGINALS[MLPClassifier](**SMALL, alpha=0)
    theirs.partial_fit(X, Y_C, np.array([2.0, 3.0, 1.0])[Y_C], classes=[0, 1, 2])
    some = Y_C != 1
    ours.partial_fit(X[some], Y_C[some])
    theirs.partial_fit(X[some], Y_C[some], np.array([2.0, 3.0, 1.0])[Y_C[some]])
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-10)


@both
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["tanh"], r"each of the 2 hidden layers; got \['tanh'\]"),
        (["tanh"] * 3, "activation must be one of 'identity', 'logistic', 'tanh', 'relu', or"),
        (("tanh", "softmax"), r"each of the 2 hidden layers; got \('tanh', 'softmax'\)"),
        (["tanh", None], r"each of the 2 hidden layers; got \['tanh', None\]"),
        (["tanh", ["relu"]], "each of the 2 hidden layers; got"),
        ([], r"each of the 2 hidden layers; got \[\]"),
        ({"tanh", "relu"}, "'activation' parameter of MLP.* must be"),
    ],
)
def test_bad_lists_of_activations(cls, value, message):
    estimator = cls(**{**SMALL, "hidden_layer_sizes": (3, 2)}, activation=value)
    assert refuses(estimator, message, "fit", X, Y[cls])
    estimator = fitted(cls, hidden_layer_sizes=(3, 2)).set_params(activation=value)
    assert refuses(estimator, message, "fit", X, Y[cls])


@both
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("continue_state", "yes"),
        ("continue_state", None),
        ("progress", "yes"),
        ("progress", None),
        ("out_activation", "nonsense"),
        ("out_activation", 3),
        ("out_activation", ["logistic"]),
    ],
)
def test_bad_values_of_what_is_ours(cls, name, value):
    shown = re.escape(repr(value))
    message = f"'{name}' parameter of {cls.__name__} must be .*Got {shown} instead"
    for estimator in cls(**SMALL), fitted(cls):
        assert refuses(estimator.set_params(**{name: value}), message, "fit", X, Y[cls])


def test_outputs_that_do_not_go_with_targets():
    told = fitted(MLPClassifier).set_params(out_activation="softmax")
    assert refuses(told, "out_activation='softmax' needs three classes", "fit", X, LABELS["two"])
    assert refuses(told, "out_activation='softmax' needs", "fit", X, LABELS["multilabel"])
    told = fitted(MLPRegressor).set_params(out_activation="tanh", loss="poisson")
    message = "out_activation must be None with loss='poisson', .*; got 'tanh'"
    assert refuses(told, message, "fit", X, np.abs(Y_R))


@both
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((X, None), "X_val and y_val must be given both"),
        ((None, 1), "X_val and y_val must be given both"),
        ((X[:, :2], 1), "X has 2 features, but MLP.* is expecting 3"),
        ((with_at(X, np.nan), 1), "contains NaN"),
        ((X[:5], 1), "inconsistent numbers of samples"),
        ((X, np.full(40, np.nan)), "contains NaN"),
        ((X, ["a"] * 40), "y_val must hold classes|could not convert|dtype='numeric'"),
        ((X[:0], []), "0 sample"),
    ],
)
def test_bad_rows_to_validate_by(cls, rows, message):
    X_val, y_val = rows
    y_val = Y[cls] if isinstance(y_val, int) else y_val
    for estimator in cls(**SMALL), fitted(cls):
        assert refuses(estimator, message, "fit", X, Y[cls], X_val=X_val, y_val=y_val)


def test_rows_to_validate_by_need_epochs_and_the_same_outputs():
    for cls in OURS:
        named = {"X_val": X, "y_val": Y[cls]}
        message = "X_val must be None with solver='lbfgs'"
        assert refuses(fitted(cls, solver="lbfgs"), message, "fit", X, Y[cls], **named)
    message = "y_val must hold classes of y only; got .*9"
    named = {"X_val": X, "y_val": np.full(40, 9)}
    assert refuses(fitted(MLPClassifier), message, "fit", X, Y_C, **named)
    named = {"X_val": X, "y_val": np.full((40, 1), 9)}
    with pytest.warns(match="column-vector"):
        assert refuses(fitted(MLPClassifier), message, "fit", X, Y_C, **named)
    named = {"X_val": X, "y_val": X}
    message = "y_val must have 1 columns, as y has; got 3"
    assert refuses(fitted(MLPRegressor), message, "fit", X, Y_R, **named)


@both
def test_what_is_interrupted_by_an_error_is_as_it_was(cls, monkeypatch):
    """Whatever the error, and whenever it comes: here, after some epochs."""
    from mlp_fast.sklearn import epochs

    for told in {}, {"early_stopping": True}, {"warm_start": True}, {"solver": "sgd"}:
        estimator = fitted(cls, **told)
        if not told:
            estimator.partial_fit(X, Y[cls])
        before, run = state(estimator), epochs.Epochs.run

        def fails(epochs, *told, run=run, ran=[], **named):  # noqa: B006
            ran.append(1)
            if len(ran) == 3:
                raise MemoryError
            return run(epochs, *told, **named)

        with monkeypatch.context() as patch:
            patch.setattr(epochs.Epochs, "run", fails)
            with pytest.raises(MemoryError):
                estimator.fit(X, Y[cls])
        assert state(estimator) == before
