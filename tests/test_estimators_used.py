"""scikit-learn's estimators as they are used: by its tools, by threads, on frames."""

import functools
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
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
    learnt,
    plain,
    quietly,
    state,
)
from processes import PACKAGE
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from mlp_fast import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

Y_C, Y_R = Y[MLPClassifier], Y[MLPRegressor]
both = pytest.mark.parametrize("cls", OURS)


def alike(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    return True


# ------------------------------------------------------------------------- scikit-learn's tools


@both
def test_tags_and_requests_are_those_of_the_original(cls):
    assert get_tags(cls()) == get_tags(ORIGINALS[cls]())
    assert is_classifier(cls()) == (cls is MLPClassifier) != is_regressor(cls())
    known = ORIGINALS[cls]().get_params()
    assert {name: cls().get_params()[name] for name in known} == known
    assert [*cls().get_params()][: len(known)] == [*known] or {*known} < {*cls().get_params()}


@both
def test_a_clone_has_the_parameters_and_nothing_learnt(cls):
    estimator = fitted(cls, activation=["tanh"], alpha=0.5)
    again = clone(estimator)
    assert plain(again.get_params()) == plain(estimator.get_params())
    assert not [name for name in vars(again) if name.endswith("_") or name.startswith("_")]
    assert repr(again) == repr(estimator)


def in_pipeline(estimator):
    return make_pipeline(StandardScaler(), estimator)


def in_grid(n_jobs, estimator):
    return GridSearchCV(estimator, {"alpha": [1e-4, 10.0]}, cv=3, n_jobs=n_jobs)


CLASSIFIERS = {
    "pipeline": in_pipeline,
    "grid": functools.partial(in_grid, 1),
    "calibrated": lambda estimator: CalibratedClassifierCV(estimator, cv=2),
    "bagging": lambda estimator: BaggingClassifier(estimator, 3, random_state=0),
    "one against the rest": OneVsRestClassifier,
    "stacking": lambda estimator: StackingClassifier(
        [("mlp", estimator), ("line", LogisticRegression())], cv=2
    ),
}
REGRESSORS = {
    "pipeline": in_pipeline,
    "grid": functools.partial(in_grid, 1),
    "voting": lambda estimator: VotingRegressor([("mlp", estimator), ("line", LinearRegression())]),
    "transformed": lambda estimator: TransformedTargetRegressor(
        estimator, transformer=StandardScaler()
    ),
    "multioutput": lambda estimator: in_pipeline(MultiOutputRegressor(estimator)),
}


@pytest.mark.parametrize(
    ("wrap", "cls"),
    [
        *(pytest.param(wrap, MLPClassifier, id=name) for name, wrap in CLASSIFIERS.items()),
        *(pytest.param(wrap, MLPRegressor, id=f"{name}, r") for name, wrap in REGRESSORS.items()),
    ],
)
def test_what_wraps_an_estimator_answers_as_with_the_original(wrap, cls):
    y = LABELS["strings"] if cls is MLPClassifier else Y_R
    if "MultiOutput" in repr(wrap(cls())):
        y = np.stack([Y_R, -Y_R], 1)
    ours, theirs = (wrap(each(**SMALL)).fit(X, y) for each in (cls, ORIGINALS[cls]))
    method = "predict_proba" if cls is MLPClassifier else "predict"
    assert alike(getattr(ours, method)(X), getattr(theirs, method)(X))
    assert (ours.predict(X) == theirs.predict(X)).all() or cls is MLPRegressor
    assert type(ours).__name__ != cls.__name__
    assert f"{cls.__module__}.{cls.__name__}" in str(used_by(ours))


def used_by(wrapped, depth=0):
    """Return the types of all estimators inside one."""
    found = {f"{type(wrapped).__module__}.{type(wrapped).__name__}"}
    if depth > 4:
        return found
    inside = wrapped if isinstance(wrapped, list | tuple) else getattr(wrapped, "__dict__", {})
    inside = inside.values() if isinstance(inside, dict) else inside
    for each in inside:
        if isinstance(each, list | tuple) or hasattr(each, "get_params"):
            found |= used_by(each, depth + 1)
    return found


@both
def test_scores_of_folds_and_of_columns_are_those_of_the_original(cls):
    found, wanted = (
        cross_val_score(each(**SMALL), X, Y[cls], cv=4) for each in (cls, ORIGINALS[cls])
    )
    assert alike(found, wanted)
    found, wanted = (
        permutation_importance(
            quietly(each(**SMALL).fit, X, Y[cls]), X, Y[cls], n_repeats=2, random_state=0
        ).importances
        for each in (cls, ORIGINALS[cls])
    )
    assert alike(found, wanted)


@both
def test_jobs_find_what_one_process_finds(cls, monkeypatch):
    """Workers have the package by its path, and warn of what has not converged."""
    monkeypatch.setenv("PYTHONPATH", str(PACKAGE.parent))
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    found = [in_grid(n, cls(**SMALL)).fit(X, Y[cls]) for n in (1, 2)]
    one, two = (search.cv_results_["mean_test_score"].tolist() for search in found)
    assert one == two
    assert learnt(found[0].best_estimator_) == learnt(found[1].best_estimator_)


WEIGHTS = np.linspace(0.1, 2, 40)


@both
def test_weights_of_samples_are_routed(cls):
    with sklearn.config_context(enable_metadata_routing=True):
        estimators = [
            GridSearchCV(
                make_pipeline(
                    StandardScaler().set_fit_request(sample_weight=True),
                    each(**SMALL)
                    .set_fit_request(sample_weight=True)
                    .set_score_request(sample_weight=True),
                ),
                {f"{each.__name__.lower()}__alpha": [1e-4, 1.0]},
                cv=3,
            )
            for each in (cls, ORIGINALS[cls])
        ]
        for estimator in estimators:
            estimator.fit(X, Y[cls], sample_weight=WEIGHTS)
        plainly = clone(estimators[0]).fit(X, Y[cls])
    found, wanted = (each.cv_results_["mean_test_score"] for each in estimators)
    assert alike(found, wanted)
    found, wanted, without = (each.best_estimator_[-1] for each in (*estimators, plainly))
    assert alike(found.coefs_[0], wanted.coefs_[0])
    assert not np.allclose(found.coefs_[0], without.coefs_[0])


def test_weights_are_refused_where_nobody_asked_for_them():
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), MLPRegressor(**SMALL))
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            pipe.fit(X, Y_R, sample_weight=WEIGHTS)


FRAMES = {"pandas": pd.DataFrame, "polars": lambda A, columns: pl.DataFrame(A, schema=columns)}


@both
@pytest.mark.parametrize("library", FRAMES)
def test_frames_give_the_same_and_their_names(cls, library):
    frame = FRAMES[library](X, columns=["a", "b", "c"])
    labels = Y[cls]
    y = (pd if library == "pandas" else pl).Series(labels)
    with_frame, with_array = (
        make_pipeline(StandardScaler().set_output(transform=library), cls(**SMALL)),
        make_pipeline(StandardScaler(), cls(**SMALL)),
    )
    with_frame.fit(frame, y)
    with_array.fit(X, labels)
    assert [*with_frame[-1].feature_names_in_] == ["a", "b", "c"]
    assert not hasattr(with_array[-1], "feature_names_in_")
    assert alike(with_frame[-1].coefs_[0], with_array[-1].coefs_[0])
    alone, by_array = (quietly(cls(**SMALL).fit, *data) for data in ((frame, y), (X, labels)))
    assert plain(alone.coefs_) == plain(by_array.coefs_)
    assert plain(alone.predict(frame)) == plain(by_array.predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        alone.predict(FRAMES[library](X, columns=["a", "b", "other"]))
    with pytest.raises(ValueError, match="feature names should match"):
        alone.partial_fit(FRAMES[library](X, columns=["b", "a", "c"]), y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert plain(alone.predict(X)) == plain(alone.predict(frame))


@pytest.mark.parametrize("library", FRAMES)
def test_labels_of_frames_come_back(library, tmp_path):
    labels = LABELS["strings"].tolist()
    y = (pd if library == "pandas" else pl).Series(labels)
    estimator = quietly(MLPClassifier(**SMALL).fit, X, y)
    original = quietly(ORIGINALS[MLPClassifier](**SMALL).fit, X, y)
    assert estimator.predict(X).tolist() == original.predict(X).tolist()
    assert {*estimator.predict(X)} <= {*labels}
    estimator.save(tmp_path / "file")
    again = MLPClassifier.load(tmp_path / "file")
    assert again.predict(X).tolist() == estimator.predict(X).tolist()
    assert again.partial_fit(X, y).classes_.tolist() == ["no", "perhaps", "yes"]


@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_sparse_targets_are_taken_as_by_the_original(cls, solver):
    y = sparse.csr_array((X > 0.5) * (1 if cls is MLPClassifier else X))
    early = solver == "adam" and cls is MLPClassifier  # scikit-learn's R² does not take them
    told = {**SMALL, "solver": solver, "early_stopping": early}
    ours, theirs = (quietly(each(**told).fit, X, y) for each in (cls, ORIGINALS[cls]))
    assert alike(ours.coefs_[0], theirs.coefs_[0])
    found, wanted = ours.predict(X), theirs.predict(X)
    assert sparse.issparse(found) == sparse.issparse(wanted) == (cls is MLPClassifier)
    if cls is MLPClassifier:
        found, wanted = found.toarray(), wanted.toarray()
    assert alike(found, wanted)
    dense = quietly(cls(**told).fit, X, y.toarray())
    assert plain(ours.coefs_) == plain(dense.coefs_)


# ------------------------------------------------------------------------------- back and forth


@both
@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("told", [{}, {"momentum": 0}, {"nesterovs_momentum": False}])
def test_both_go_on_with_what_the_other_has_learnt(cls, solver, told):
    names = {**SMALL, **told, "solver": solver}
    mine, original = (quietly(each(**names).fit, X, Y[cls]) for each in (cls, ORIGINALS[cls]))
    before = learnt(mine)
    given, taken = mine.to_sklearn(), cls.from_sklearn(original)
    assert type(given) is ORIGINALS[cls]
    assert type(taken) is cls
    assert learnt(mine) == before
    everyone = mine, original, given, taken, cls.from_sklearn(given), taken.to_sklearn()
    for _ in range(4):
        for each in everyone:
            each.partial_fit(X, Y[cls])
        for each in everyone[1:]:
            for name in "coefs_", "intercepts_":
                for found, wanted in zip(getattr(each, name), getattr(mine, name), strict=True):
                    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)
            assert each.loss_curve_ == pytest.approx(mine.loss_curve_, rel=1e-9)
            assert (each.t_, each.n_iter_) == (mine.t_, mine.n_iter_)


@both
@pytest.mark.parametrize("solver", SOLVERS)
def test_warm_starts_go_on_too(cls, solver):
    names = {**SMALL, "solver": solver, "warm_start": True}
    mine, original = (quietly(each(**names).fit, X, Y[cls]) for each in (cls, ORIGINALS[cls]))
    everyone = mine, original, mine.to_sklearn(), cls.from_sklearn(original)
    for each in everyone:
        quietly(each.fit, X, Y[cls])
    for each in everyone[1:]:
        assert alike(each.predict(X), mine.predict(X))


@both
def test_what_is_not_fitted_is_taken_and_given(cls):
    assert plain(cls(alpha=3).to_sklearn().get_params()) == plain(
        ORIGINALS[cls](alpha=3).get_params()
    )
    taken = cls.from_sklearn(ORIGINALS[cls](alpha=3))
    assert state(taken) == state(cls(alpha=3))
    (other,) = {*OURS} - {cls}
    for wrong in ORIGINALS[other](), LogisticRegression(), None:
        with pytest.raises(TypeError, match=f"must be a sklearn.*{cls.__name__}; got a"):
            cls.from_sklearn(wrong)


@both
def test_what_scikit_learn_does_not_know_is_not_given(cls):
    for told in {"activation": ["tanh"]}, {"out_activation": "logistic"}:
        with pytest.raises(ValueError, match="activation must be one name and out_activation None"):
            fitted(cls, **told).to_sklearn()


@both
def test_an_activation_that_is_set_is_used_at_once(cls):
    ours, theirs = (quietly(each(**SMALL).fit, X, Y[cls]) for each in (cls, ORIGINALS[cls]))
    method = "predict_proba" if cls is MLPClassifier else "predict"
    for name in "tanh", "logistic", "identity":
        for each in ours, theirs:
            each.set_params(activation=name)
        assert alike(getattr(ours, method)(X), getattr(theirs, method)(X))
        for each in ours, theirs:
            each.partial_fit(X, Y[cls])
        assert alike(getattr(ours, method)(X), getattr(theirs, method)(X))


# -------------------------------------------------------------------------------------- extremes


@both
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("rows", "columns", "y"),
    [(1, 1, [1]), (1, 3, [0]), (2, 1, [0, 1]), (40, 1, [3] * 40), (3, 3, [1, 1, 1])],
)
def test_very_small_data_and_constant_targets(cls, solver, rows, columns, y):
    told = {"hidden_layer_sizes": (3,), "random_state": 0, "solver": solver, "max_iter": 15}
    data = X[:rows, :columns]
    ours, theirs = (quietly(each(**told).fit, data, y) for each in (cls, ORIGINALS[cls]))
    tolerance = {"rtol": 1e-4, "atol": 1e-7} if solver == "lbfgs" else {"rtol": 1e-9}
    np.testing.assert_allclose(ours.predict(data), theirs.predict(data), **tolerance)
    if cls is MLPClassifier:
        found, wanted = ours.predict_proba(data), theirs.predict_proba(data)
        np.testing.assert_allclose(found, wanted, **tolerance)
        assert ours.classes_.tolist() == theirs.classes_.tolist() == sorted({*y})


@both
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_a_fit_that_could_take_for_ever_ends_when_it_should(cls, solver):
    told = {"solver": solver, "max_iter": 10**12, "tol": 0.5, "learning_rate_init": 1e-4}
    told["validation_fraction"] = 11 / 40  # odd: no score is that of all answers turned round
    for early in False, True:
        ours, theirs = (
            each(**{**SMALL, **told}, early_stopping=early).fit(X, Y[cls])
            for each in (cls, ORIGINALS[cls])
        )
        assert ours.n_iter_ == theirs.n_iter_ < 100
        if early:
            assert ours.validation_scores_ == pytest.approx(theirs.validation_scores_, rel=1e-9)
        assert alike(ours.coefs_[0], theirs.coefs_[0])


@both
@pytest.mark.parametrize("told", [{"n_iter_no_change": np.inf}, {"tol": 0}, {"tol": 1e9}])
def test_limits_that_are_none(cls, told):
    told = {**SMALL, "max_iter": 30, **told}
    ours, theirs = (outcome_of(each(**told)) for each in (cls, ORIGINALS[cls]))
    assert ours == theirs


def outcome_of(estimator):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, Y_C if is_classifier(estimator) else Y_R)
    return estimator.n_iter_, len(estimator.loss_curve_), [str(w.message) for w in caught]


# --------------------------------------------------------------------------------------- threads


def at_once(n, function):
    """Call a function in n threads at the same time; return what it returns in each."""
    start = threading.Barrier(n)

    def called(i):
        start.wait(60)
        return function(i)

    with ThreadPoolExecutor(n) as pool:
        return [*pool.map(called, range(n))]


@both
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_threads_predict_by_the_same_estimator(cls, dtype):
    rows = np.random.default_rng(0).standard_normal((4, 2000, 3)).astype(dtype)
    estimator = quietly(cls(**SMALL).fit, X.astype(dtype), Y[cls])
    wanted = [plain(estimator.predict(part)) for part in rows]

    def predict(i):
        parts = [(i + k) % 4 for k in range(40)]
        return [plain(estimator.predict(rows[part])) == wanted[part] for part in parts]

    assert all(map(all, at_once(4, predict)))


@both
def test_threads_fit_clones_and_predict_meanwhile(cls):
    estimators = [cls(**{**SMALL, "random_state": seed, "max_iter": 30}) for seed in range(4)]
    wanted = [learnt(quietly(clone(each).fit, X, Y[cls])) for each in estimators]
    one = fitted(cls)
    answers = plain(one.predict(X))
    found, same = [None] * 4, []

    def fit_or_predict(i):
        if i < 4:
            estimator = clone(estimators[i])
            for _ in range(3):
                estimator.fit(X, Y[cls])
            found[i] = learnt(estimator)
        else:
            same.extend(plain(one.predict(X)) == answers for _ in range(100))

    at_once(6, fit_or_predict)
    assert found == wanted
    assert len(same) == 200
    assert all(same)


# -------------------------------------------------------------------------------- without sklearn


def printed(code):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_package_does_not_import_scikit_learn_until_it_is_asked():
    code = """
import sys, mlp_fast
m = mlp_fast.MLP(layer_sizes=(2,)).init_weights((3, 2, 1))
m.predict([[1.0, 2.0, 3.0]])
print([name for name in sys.modules if name.split(".")[0] == "sklearn"])
print([name for name in sys.modules if name.startswith("mlp_fast.sklearn")])
print("MLPClassifier" in dir(mlp_fast), "MLPClassifier" in mlp_fast.__all__)
from mlp_fast import MLPRegressor
print("sklearn" in sys.modules, MLPRegressor.__module__)
"""
    wanted = ["[]", "[]", "True False", "True mlp_fast.sklearn.regressor"]
    assert printed(code).splitlines() == wanted


def test_without_scikit_learn_the_error_names_the_extra():
    code = """
import sys
sys.modules["sklearn"] = None
import mlp_fast
print(mlp_fast.MLP(layer_sizes=(2,)).init_weights((3, 2, 1)).predict([[1.0, 2.0, 3.0]]).shape)
for name in "MLPClassifier", "MLPRegressor":
    try:
        exec(f"from mlp_fast import {name}")
    except ImportError as error:
        print(error)
try:
    mlp_fast.nonsense
except AttributeError as error:
    print(error)
"""
    error = "this needs sklearn, which is not installed: pip install 'mlp_fast[sklearn]'"
    wanted = ["(1, 1)", error, error, "module 'mlp_fast' has no attribute 'nonsense'"]
    assert printed(code).splitlines() == wanted
