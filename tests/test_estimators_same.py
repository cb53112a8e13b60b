"""The estimators of `mlp_fast.sklearn` give scikit-learn's numbers, words and errors."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from cross import cross
from estimators import (
    CLASSIFIERS,
    REGRESSORS,
    TARGETS,
    answers,
    compare,
    compare_cut,
    data,
    difference,
    everything,
    most_grown,
    outcome,
    three,
    weights_of,
    without_warnings,
)
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_sample_weight

from mlp_fast.interrupts import Interrupts
from mlp_fast.sklearn import MLPClassifier, MLPRegressor
from mlp_fast.sklearn.epochs import Epochs

ALL_TARGETS = [*TARGETS, "poisson"]
SOLVERS = ["sgd", "adam", "lbfgs"]
STOCHASTIC = ["sgd", "adam"]
HIDDEN = ["identity", "logistic", "tanh", "relu"]
POLICIES = ["constant", "invscaling", "adaptive"]
WEIGHTS = ["none", "positive", "negative", "zero"]
SIZES = [(), (5,), (7, 4)]
ROWS = [("dense", "float64"), ("CSR", "float64"), ("CSC", "float64"), ("dense", "float32")]
DIVERGED = "Solver produced non-finite parameter weights"
slow = pytest.mark.slow


def digits(k=None, dtype="float64", scale=16):
    X, y = load_digits(return_X_y=True)
    return (X[:k] / scale).astype(dtype), y[:k]


def fit(X, y, weights=None):
    return lambda e: e.fit(X, y) if weights is None else e.fit(X, y, weights)


def fitted(estimator, *data, **more):
    with without_warnings():
        return estimator.fit(*data, **more)


# whole fits of real data


@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize(
    ("k", "batch_size", "dtype"),
    [
        (200, 32, "float64"),
        *[
            pytest.param(None, batch_size, dtype, marks=slow)
            for batch_size in (32, 100, "auto")
            for dtype in ("float64", "float32")
        ],
    ],
)
def test_whole_default_fits_take_the_same_path(solver, k, batch_size, dtype):
    X, y = digits(k, dtype)
    bound = {"float64": 1e-9, "float32": 1e-3}[dtype]
    told = {"solver": solver, "batch_size": batch_size, "random_state": 0}
    if dtype == "float32":  # a dead ReLU may come back a batch sooner: then no two fits agree
        epochs, calls = 200, fit(X, y)
        while most_grown("multiclass", X, calls, max_iter=epochs, **told) > bound / 10:
            assert epochs > 1, "a moved start leads elsewhere within an epoch"
            epochs //= 3
        told["max_iter"] = epochs
    compare("multiclass", X, fit(X, y), dtype, bound, **told)


@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("k", [100, pytest.param(None, marks=slow)])
def test_single_samples_take_the_same_path_over_ten_epochs(solver, k):
    X, y = digits(k)
    told = {"solver": solver, "batch_size": 1, "max_iter": 10, "random_state": 0}
    compare("multiclass", X, fit(X, y), bound=1e-9, learning_rate_init=0.001, **told)


@pytest.mark.parametrize("k", [200, pytest.param(None, marks=slow)])
def test_lbfgs_takes_the_same_path_over_ten_iterations(k):
    X, y = digits(k)
    told = {"solver": "lbfgs", "max_iter": 10, "random_state": 0}
    compare("multiclass", X, fit(X, y), bound=1e-9, **told)


FAR = {
    "batch of 1 at 0.01": {"solver": "sgd", "batch_size": 1, "learning_rate_init": 0.01},
    "batch of 1 at 0.1": {"solver": "sgd", "batch_size": 1, "learning_rate_init": 0.1},
    "Adam at 0.01": {"solver": "adam", "batch_size": 1, "learning_rate_init": 0.01},
    "raw pixels": {"solver": "adam", "batch_size": 32, "scale": 1},
    "raw pixels, SGD": {"solver": "sgd", "batch_size": 32, "scale": 1},
    "L-BFGS to its end": {"solver": "lbfgs", "max_iter": 200},
}


@pytest.mark.parametrize(
    ("k", "max_iter", "at_most"), [(60, 5, 1), pytest.param(400, 40, 4, marks=slow)]
)
def test_elsewhere_they_are_no_further_apart_than_roundings_grow(k, max_iter, at_most):
    cut = []
    for name, told in FAR.items():
        told = {"max_iter": max_iter, "scale": 16, "random_state": 0, **told}
        X, y = digits(k, scale=told.pop("scale"))
        if compare_cut("multiclass", X, fit(X, y), **told):
            cut.append(name)
    assert len(cut) <= at_most, cut


# rates and stopping


@cross(
    policy=POLICIES,
    solver=STOCHASTIC,
    early_stopping=[False, True],
    target=["multiclass", "one output"],
    momentum=[0, 0.9],
    where=lambda solver, policy, momentum, **_: (
        solver == "sgd" or (policy == "constant" and momentum == 0.9)
    ),
)
def test_rates_fall_and_runs_stop_alike(policy, solver, early_stopping, target, momentum):
    X, y = data(target, k=120)
    told = {
        "n_iter_no_change": 2,
        "tol": 0.01,
        "max_iter": 100,
        "learning_rate": policy,
        "learning_rate_init": 0.05,
        "momentum": momentum,
        "solver": solver,
        "early_stopping": early_stopping,
        "batch_size": 16,
        "hidden_layer_sizes": (7,),
        "validation_fraction": 0.2,
        "random_state": 1,
    }
    ended = []

    def fitted(e):
        ended.append(e.fit(X, y))

    compare(target, X, fitted, **told)
    mine = ended[0]
    assert mine.n_iter_ < 100
    if solver == "sgd" and policy != "constant":
        assert mine._optimizer.learning_rate < 0.05
    if policy == "adaptive":
        assert mine._optimizer.learning_rate <= 1e-6


@cross(
    target=["multiclass", "one output"],
    policy=["constant", "adaptive"],
    early_stopping=[False, True],
)
def test_what_is_printed_is_the_same_word_for_word(target, policy, early_stopping, capsys):
    X, y = data(target, k=120)
    printed = []
    told = {"learning_rate": policy, "learning_rate_init": 0.05, "early_stopping": early_stopping}
    for e in three(
        target, solver="sgd", verbose=True, n_iter_no_change=2, tol=0.01, batch_size=16,
        hidden_layer_sizes=(7,), validation_fraction=0.2, random_state=1, max_iter=100, **told
    )[:2]:  # fmt: skip
        fitted(e, X, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "did not improve more than tol=0.010000 for 2 consecutive epochs." in printed[0]
    assert ("Validation score: " in printed[0]) == early_stopping
    assert ("Setting learning rate to 0.01" in printed[0]) == (policy == "adaptive")


def test_words_of_warnings():
    X, y = data("multiclass", k=30)
    e = MLPClassifier((3,), batch_size=31, max_iter=2, random_state=0)
    said, error = outcome(lambda: e.fit(X, y))
    assert error is None
    assert said == [
        (
            UserWarning,
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
        ),
        (
            ConvergenceWarning,
            "Stochastic Optimizer: Maximum iterations (2) reached and the optimization hasn't "
            "converged yet.",
        ),
    ]


# products of parameters


def trial(target, X, y, weights="none", dtype="float64", max_iter=4, **told):
    """Compare fits of a few epochs by some parameters; return whether these had to be fewer."""
    told = {"learning_rate_init": 0.005, "validation_fraction": 0.2, "random_state": 3, **told}
    calls = fit(X, y, weights_of(weights, len(y)))
    return compare_cut(target, X, calls, max_iter, dtype=dtype, **told)


@cross(
    most=400,
    solver=SOLVERS,
    target=ALL_TARGETS,
    activation=HIDDEN,
    sizes=SIZES,
    weights=WEIGHTS,
    rows_and_dtype=ROWS,
)
def test_any_network_on_any_data(solver, target, activation, sizes, weights, rows, dtype):
    X, y = data(target, rows, dtype)
    told = {"activation": activation, "hidden_layer_sizes": sizes, "batch_size": 16}
    assert not trial(target, X, y, weights, dtype, solver=solver, **told)


CUT = {("lbfgs", "one output", "logistic", (5,)), ("lbfgs", "poisson", "tanh", (7, 4))}
"""What a start moved by one ulp of float32 leads too far within four iterations."""


@slow
@cross(
    most=200,
    solver=SOLVERS,
    target=ALL_TARGETS,
    activation=HIDDEN,
    sizes=SIZES,
    weights=WEIGHTS,
    rows=["CSR", "CSC"],
)
def test_any_network_on_sparse_data_in_float32(solver, target, activation, sizes, weights, rows):
    X, y = data(target, rows, "float32")
    told = {"activation": activation, "hidden_layer_sizes": sizes, "batch_size": 16}
    is_cut = trial(target, X, y, weights, "float32", solver=solver, **told)
    assert is_cut <= ((solver, target, activation, sizes) in CUT)


@cross(
    most=400,
    batch_size=[1, 7, "auto", 200],
    policy=POLICIES,
    momentum_and_nesterov=[(0, True), (0.9, True), (0.9, False), (1.0, True), (1.0, False)],
    early_stopping=[False, True],
    alpha=[0.0, 1e-4, 1.0],
    weights=["none", "negative"],
    shuffle=[True, False],
    target=["binary", "two outputs"],
)
def test_any_gradient_descent(
    batch_size, policy, momentum, nesterov, early_stopping, alpha, weights, shuffle, target
):
    X, y = data(target)
    assert not trial(
        target, X, y, weights, solver="sgd", hidden_layer_sizes=(5,), batch_size=batch_size,
        learning_rate=policy, momentum=momentum, nesterovs_momentum=nesterov, alpha=alpha,
        early_stopping=early_stopping, shuffle=shuffle,
    )  # fmt: skip


@cross(
    batch_size=[1, 7, "auto", 200],
    early_stopping=[False, True],
    alpha=[0.0, 1e-4, 1.0],
    weights=["none", "positive"],
    shuffle=[True, False],
    betas=[(0.9, 0.999, 1e-8), (0.0, 0.5, 1e-3), (0.5, 0.0, 10.0)],
)
def test_any_adam(batch_size, early_stopping, alpha, weights, shuffle, betas):
    X, y = data("multiclass")
    told = dict(zip(("beta_1", "beta_2", "epsilon"), betas, strict=True))
    assert not trial(
        "multiclass", X, y, weights, solver="adam", hidden_layer_sizes=(5,), shuffle=shuffle,
        batch_size=batch_size, alpha=alpha, early_stopping=early_stopping, **told,
    )  # fmt: skip


def drawn(rng, target, forms):
    """Return parameters of all sorts, and data."""

    def one(*values):
        return values[rng.integers(len(values))]

    told = {
        "solver": one("sgd", "sgd", "adam", "adam", "lbfgs"),
        "activation": one(*HIDDEN),
        "hidden_layer_sizes": one(*SIZES),
        "batch_size": one(1, 7, 32, "auto", 500),
        "learning_rate": one(*POLICIES),
        "learning_rate_init": float(10 ** rng.uniform(-4, -1)),
        "power_t": float(rng.uniform(0, 1)),
        "momentum": one(0, 0.5, 0.9, 1.0),
        "nesterovs_momentum": one(True, False),
        "early_stopping": one(False, False, True),
        "alpha": one(0, 1e-4, 1.0),
        "shuffle": one(True, False),
        "n_iter_no_change": one(1, 2, 10),
        "tol": one(0.0, 1e-4, 0.1),
        "random_state": int(rng.integers(1000)),
    }
    k = int(rng.integers(60, 151))
    X, y = data(target, one(*forms), k=k, seed=int(rng.integers(1000)))
    return told, X, y, one(*WEIGHTS)


@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize(
    ("seed", "trials"), [(0, 6), *[pytest.param(s, 40, marks=slow) for s in (1, 2)]]
)
def test_parameters_drawn_at_random(target, seed, trials):
    cut = 0
    rng = np.random.default_rng([seed, ALL_TARGETS.index(target)])
    for _ in range(trials):
        told, X, y, weights = drawn(
            rng, target, ["dense"] if trials < 10 else ["dense", "CSR", "CSC"]
        )
        cut += trial(target, X, y, weights, max_iter=int(rng.integers(2, 12)), **told)
    assert cut <= trials // 5


# more than one call


@cross(
    solver=SOLVERS, target=["binary", "multilabel", "two outputs", "poisson"],
    early_stopping=[False, True], policy=POLICIES,
    where=lambda solver, early_stopping, policy, **_: (
        solver == "sgd" or (policy == "constant" and not (early_stopping and solver == "lbfgs"))
    ),
)  # fmt: skip
def test_a_second_warm_fit(solver, target, early_stopping, policy):
    X, y = data(target)

    def calls(e):
        e.fit(X, y)
        if early_stopping:  # the one difference: scikit-learn trains its best weights in place
            e._best_coefs = [W.copy() for W in e.coefs_]
            e._best_intercepts = [b.copy() for b in e.intercepts_]
        e.set_params(max_iter=4, alpha=0.01).fit(X[:70], y[:70])

    told = {"solver": solver, "early_stopping": early_stopping, "learning_rate": policy}
    grown = compare(
        target, X, calls, warm_start=True, max_iter=3, hidden_layer_sizes=(5,), random_state=0,
        validation_fraction=0.2, batch_size=16, **told,
    )  # fmt: skip
    assert grown < np.inf


def test_the_best_weights_are_kept_from_a_warm_fit_that_finds_none_better():
    X, y = data("multiclass")
    told = {"early_stopping": True, "warm_start": True, "random_state": 0, "max_iter": 20}
    ours = MLPClassifier((5,), learning_rate_init=0.05, **told)
    with without_warnings():
        best = [W.copy() for W in ours.fit(X, y).coefs_]
        ours.best_validation_score_ = 2.0
        assert len(ours.fit(X, y).loss_curve_) > ours.n_iter_
    for W, V in zip(ours.coefs_, best, strict=True):
        np.testing.assert_array_equal(W, V)


def partial(e, X, y, weights=None, **params):
    """Train for one epoch, by other parameters."""
    e.set_params(**params)
    first = {}
    if hasattr(e, "predict_proba") and not hasattr(e, "classes_"):
        y_2d = np.asarray(y)
        first = {"classes": np.unique(y) if y_2d.ndim == 1 else np.arange(y_2d.shape[1])}
    return e.partial_fit(X, y, weights, **first)


@cross(
    solver=STOCHASTIC,
    target=ALL_TARGETS,
    weights=["none", "positive"],
    random_state=["a seed", "a stream"],
)
def test_several_partial_fits(solver, target, weights, random_state):
    X, y = data(target)
    w = weights_of(weights)

    def calls(e):
        if random_state == "a stream":
            e.set_params(random_state=np.random.RandomState(5))
        for rows in (slice(0, 30), slice(30, 80), slice(0, 80)):
            partial(e, X[rows], y[rows], None if w is None else w[rows])

    told = {"solver": solver, "hidden_layer_sizes": (5,), "batch_size": 16, "random_state": 0}
    assert compare(target, X, calls, learning_rate="invscaling", **told) < np.inf


SEQUENCES = {
    "partial fits by one optimizer, whatever the solver": lambda e, X, y: (
        partial(e, X, y),
        partial(e, X, y, solver="adam"),
        partial(e, X, y, solver="sgd", learning_rate_init=0.5, momentum=0.1),
    ),
    "a fit, and partial fits by its optimizer": lambda e, X, y: (
        e.fit(X, y),
        partial(e, X, y),
        partial(e, X, y),
    ),
    "partial fits by other parameters": lambda e, X, y: (
        [partial(e, X, y) for _ in range(3)],
        [partial(e, X, y, alpha=1.0) for _ in range(3)],
        [partial(e, X, y, batch_size=9) for _ in range(3)],
        [partial(e, X, y, batch_size=200) for _ in range(3)],
        [partial(e, X, y, shuffle=False) for _ in range(3)],
        [partial(e, X, y, random_state=5, shuffle=True) for _ in range(3)],
        [partial(e, X, y, n_iter_no_change=1, tol=1.0) for _ in range(3)],
    ),
    "partial fits of a network that an array tells": lambda e, X, y: [
        partial(e, X, y, hidden_layer_sizes=np.array([7, 4])) for _ in range(3)
    ],
    "partial fits of one row": lambda e, X, y: [
        partial(e, X, y),
        [partial(e, X[i : i + 1], y[i : i + 1]) for i in range(9)],
    ],
    "partial fits of weights that were written": lambda e, X, y: [
        (partial(e, X, y), e.coefs_[0].__imul__(1.5), e.intercepts_[1].__iadd__(1))
        for _ in range(4)
    ],
    "partial fits and lists of targets": lambda e, X, y: [
        partial(e, X, y if i % 2 else y.tolist(), batch_size=200) for i in range(4)
    ],
    "partial fits, and a fit": lambda e, X, y: (
        partial(e, X, y),
        e.set_params(solver="adam").fit(X, y),
        partial(e, X, y, solver="sgd"),
    ),
    "partial fits, and a warm fit": lambda e, X, y: (
        partial(e, X, y),
        e.set_params(warm_start=True).fit(X, y),
        partial(e, X, y),
    ),
    "early stopping, and a partial fit from the best weights": lambda e, X, y: (
        e.set_params(early_stopping=True, tol=1.0, n_iter_no_change=1).fit(X, y),
        vars(e).update(best_loss_=np.inf),
        partial(e, X, y, early_stopping=False),
    ),
    "early stopping, and a partial fit, which needs another best loss": lambda e, X, y: (
        e.set_params(early_stopping=True).fit(X, y),
        partial(e, X, y, early_stopping=False),
    ),
    "warm fits by several solvers": lambda e, X, y: (
        e.set_params(warm_start=True).fit(X, y),
        e.set_params(solver="lbfgs").fit(X, y),
        e.set_params(solver="adam").fit(X, y),
    ),
    "L-BFGS before partial fits": lambda e, X, y: (
        e.set_params(solver="lbfgs").fit(X, y),
        partial(e, X, y, solver="sgd"),
    ),
    "partial fits before L-BFGS": lambda e, X, y: (
        partial(e, X, y),
        e.set_params(solver="lbfgs").fit(X, y),
    ),
    "a fit of other inputs": lambda e, X, y: (e.fit(X[:, :4], y), e.fit(X, y)),
    "a warm fit of other inputs": lambda e, X, y: (
        e.set_params(warm_start=True).fit(X[:, :4], y),
        e.fit(X, y),
    ),
    "a fit of another network, and partial fits": lambda e, X, y: (
        partial(e, X, y),
        e.set_params(hidden_layer_sizes=(7, 4), activation="tanh").fit(X, y),
        partial(e, X, y),
    ),
    "partial fits do not stop early": lambda e, X, y: partial(e, X, y, early_stopping=True),
    "partial fits of other dtypes": lambda e, X, y: (
        partial(e, X, y),
        partial(e, X.astype("float32"), y),
    ),
    "a stream that is used up": lambda e, X, y: (
        e.set_params(random_state=np.random.RandomState(3), warm_start=True).fit(X, y),
        e.fit(X, y),
    ),
}


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("target", ["binary", "one output", pytest.param("multilabel", marks=slow)])
def test_one_call_after_another(sequence, target):
    X, y = data(target)
    told = {"solver": "sgd", "hidden_layer_sizes": (5,), "batch_size": 16, "random_state": 0}
    calls = SEQUENCES[sequence]
    assert compare(target, X, lambda e: calls(e, X, y), max_iter=4, **told) < np.inf


def test_what_partial_fits_and_warm_fits_count():
    X, y = data("binary")
    e = MLPClassifier((5,), warm_start=True, max_iter=3, random_state=0)
    for _ in range(2):
        partial(e, X, y)
    assert (e.n_iter_, e.t_, len(e.loss_curve_)) == (1, 160, 2)
    before = e._optimizer
    partial(e, X, y)
    assert e._optimizer is before
    fitted(e, X, y)
    assert e._optimizer is not before
    assert (e.n_iter_, e.t_, len(e.loss_curve_)) == (3, 480, 6)
    fitted(e.set_params(solver="lbfgs", warm_start=False), X.astype("float32"), y)
    assert e.t_ == 0
    assert {W.dtype for W in e.coefs_ + e.intercepts_} == {np.dtype("float64")}
    fresh = fitted(MLPClassifier((5,), solver="lbfgs", max_iter=3), X, y)
    assert not hasattr(fresh, "loss_curve_")


def test_partial_fit_is_there_for_stochastic_solvers_only():
    for cls in (MLPClassifier, MLPRegressor):
        assert [hasattr(cls(solver=solver), "partial_fit") for solver in SOLVERS] == [
            True,
            True,
            False,
        ]
        with pytest.raises(AttributeError):
            cls(solver="lbfgs").partial_fit  # noqa: B018
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        MLPRegressor(early_stopping=True).partial_fit(*data("one output"))


def test_the_first_parameter_of_a_regressor_is_its_loss():
    assert MLPRegressor("poisson").loss == REGRESSORS[1]("poisson").loss == "poisson"
    assert MLPClassifier((3,)).hidden_layer_sizes == (3,)


ODD = {
    "bools": ("binary", lambda y: y == "yes"),
    "bools as numbers": ("one output", lambda y: y > 0),
    "one class": ("binary", lambda y: np.full(len(y), "yes")),
    "whole numbers": ("one output", lambda y: (10 * y).astype(int)),
    "a column": ("one output", lambda y: y[:, None]),
    "a column of classes": ("multiclass", lambda y: y[:, None]),
    "one label": ("multilabel", lambda y: y[:, :1]),
    "labels that are all there": ("multilabel", lambda y: np.ones_like(y)),
    "classes that are numbers": ("multiclass", lambda y: y.astype(float)),
    "constant outputs": ("two outputs", lambda y: np.column_stack([y[:, 0], np.ones(len(y))])),
    "float32": ("two outputs", lambda y: y.astype("float32")),
}


@cross(odd=ODD, dtype=["float64", "float32"], early_stopping=[False, True], solver=STOCHASTIC)
def test_odd_targets(odd, dtype, early_stopping, solver):
    target, change = ODD[odd]
    X, y = data(target, dtype=dtype)
    y = change(y)
    told = {"hidden_layer_sizes": (5,), "batch_size": 16, "early_stopping": early_stopping}
    assert not trial(target, X, y, dtype=dtype, solver=solver, **told)


def test_one_class_is_always_right():
    X, y = data("binary")
    told = {"early_stopping": True, "learning_rate_init": 1e-5, "n_iter_no_change": 2}
    for seed in range(3):
        assert not trial("binary", X, np.full(len(y), "yes"), random_state=seed, **told)


@cross(of_fit=["float64", "float32"], asked=["float64", "float32", "int64"], rows=["dense", "CSR"])
def test_dtypes_of_answers(of_fit, asked, rows):
    X, y = data("two outputs", rows, of_fit)
    a, b, _ = (fitted(e, X, y) for e in three("two outputs", max_iter=2, random_state=0))
    asking = (10 * X).astype(asked)
    assert a.predict(asking).dtype == b.predict(asking).dtype
    assert difference(a.predict(asking), b.predict(asking)) < {"float64": 1e-9}.get(of_fit, 1e-5)


# what fails leaves an estimator as it was


CALLS = {
    "fit": lambda e, X, y, w: e.fit(X, y, w),
    "warm fit": lambda e, X, y, w: e.set_params(warm_start=True).fit(X, y, w),
    "partial_fit": partial,
}


def has_learnt(cls, before, X, y, **told):
    """Return an estimator that has been fitted, or had partial fits, or nothing."""
    told = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, **told}
    e = cls(**told)
    if before == "fitted":
        fitted(e, X, y)
    elif before == "with a stream":
        fitted(e.set_params(random_state=np.random.RandomState(4), continue_state=True), X, y)
    elif before == "partial fits":
        for _ in range(2):
            partial(e, X, y)
    elif before == "partial fits with a stream":
        e.set_params(random_state=np.random.RandomState(4))
        for _ in range(2):
            partial(e, X, y)
    return e


@cross(
    call=CALLS,
    before=["nothing", "fitted", "with a stream", "partial fits", "partial fits with a stream"],
    target=["binary", "one output"],
    solver=SOLVERS,
    fault=["weights", "inputs", "rate", "data"],
    where=lambda call, before, target, solver, fault: (
        not (solver == "lbfgs" and (call == "partial_fit" or "partial" in before))
        # what L-BFGS and Adam do of large numbers is tested below
        and not (fault in ("inputs", "rate") and solver != "sgd")
        # an optimizer that goes on has the rate that it had
        and not (fault == "rate" and call == "partial_fit" and before != "nothing")
    ),
)
def test_after_an_error_an_estimator_is_as_it_was(call, before, target, solver, fault):
    X, y = data(target)
    cls = CLASSIFIERS[0] if target == "binary" else REGRESSORS[0]
    e = has_learnt(cls, before, X, y, solver=solver, batch_size=10)
    e.set_params(warm_start=call == "warm fit", activation="identity")
    w = np.ones(80)
    if fault == "weights":
        w = np.where(np.arange(80) < 75, 0.0, 1.0)
        if solver == "lbfgs":
            w = np.where(np.arange(80) % 2, -1.0, 1.0)
    elif fault == "inputs":
        X = X * 1e306
    elif fault == "rate":
        e.set_params(learning_rate_init=1e300)
    else:
        X = np.where(X == X[3, 3], np.nan, X)
    own, e.max_iter = everything(e), 100
    with without_warnings(), pytest.raises((ValueError, ZeroDivisionError)) as raised:
        CALLS[call](e, X, y, w if fault == "weights" else None)
    e.max_iter = 2
    assert everything(e) == own
    if fault == "weights":
        assert raised.type is ZeroDivisionError
        assert str(raised.value) == "Weights sum to zero, can't be normalized"
    elif fault in ("inputs", "rate"):
        assert str(raised.value).startswith(DIVERGED)


@cross(solver=SOLVERS, target=["multiclass", "one output"], fault=["inputs", "rate"])
def test_divergence_is_told_in_the_same_words(solver, target, fault):
    X, y = data(target)
    told = {"solver": solver, "max_iter": 5, "random_state": 0, "hidden_layer_sizes": (5,)}
    if fault == "inputs":
        X = X * 1e300
    else:
        told |= {"learning_rate_init": 1e100, "activation": "identity"}
    a, b, _ = three(target, **told)
    mine, other = (outcome(lambda e=e: e.fit(X, y)) for e in (a, b))
    assert mine[1] == other[1]
    if solver == "sgd":
        assert mine[1][1].startswith(DIVERGED)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_ctrl_c_leaves_the_weights_of_the_last_whole_epoch(monkeypatch, solver, early_stopping):
    X, y = data("binary")
    told = {"solver": solver, "early_stopping": early_stopping, "random_state": 0}
    expected = fitted(MLPClassifier((5,), max_iter=3, **told), X, y)
    e, calls = MLPClassifier((5,), **told), []

    def check(self):
        calls.append(None)
        if len(calls) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(Interrupts, "check", check)
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            e.fit(X, y)
    assert e.n_iter_ == 3
    for name in ("coefs_", "intercepts_", "loss_curve_", "t_", "validation_scores_", "best_loss_"):
        assert everything(getattr(e, name)) == everything(getattr(expected, name)), name
    again = [partial(f, X, y, early_stopping=False) for f in (e, expected)
             if vars(f).update(best_loss_=np.inf) is None]  # fmt: skip
    assert everything(again[0].coefs_) == everything(again[1].coefs_)


# weights are live


EDITS = {
    "an element": lambda e: e.coefs_[0].__setitem__((1, 2), 0.7),
    "an intercept": lambda e: e.intercepts_[1].__setitem__(0, -0.6),
    "all of a matrix": lambda e: e.coefs_[1].__imul__(1.5),
    "an item of the list": lambda e: e.coefs_.__setitem__(0, e.coefs_[0] + 0.25),
    "an item of the list of intercepts": lambda e: e.intercepts_.__setitem__(
        0, e.intercepts_[0] - 0.25
    ),
    "the list": lambda e: setattr(e, "coefs_", [1.1 * W for W in e.coefs_]),
    "the list of intercepts": lambda e: setattr(e, "intercepts_", [b + 0.1 for b in e.intercepts_]),
    "a matrix in Fortran order": lambda e: e.coefs_.__setitem__(
        0, np.asfortranarray(0.5 * e.coefs_[0])
    ),
    "another dtype": lambda e: setattr(
        e, "coefs_", [(0.5 * W).astype("float32").astype(float) for W in e.coefs_]
    ),
}


def joblibbed(e, tmp_path):
    joblib.dump(e, tmp_path / "e.joblib")
    return joblib.load(tmp_path / "e.joblib", mmap_mode="r")


COPIES = {
    "itself": lambda e, _: e,
    "pickle": lambda e, _: pickle.loads(pickle.dumps(e)),
    "deepcopy": lambda e, _: copy.deepcopy(e),
    "joblib": joblibbed,
}


@cross(
    edit=EDITS,
    of=COPIES,
    dtype=["float64", "float32"],
    after=["fit", "early stopping", "partial_fit", "lbfgs"],
)
def test_weights_are_live(edit, of, dtype, after, tmp_path):
    X, y = data("multiclass", dtype=dtype)
    both = three("multiclass", hidden_layer_sizes=(5,), max_iter=3, random_state=0)[:2]
    for e in both:
        if after == "partial_fit":
            partial(e, X, y)
            continue
        e.set_params(early_stopping=after == "early stopping")
        fitted(e.set_params(solver="lbfgs") if after == "lbfgs" else e, X, y)
        e.set_params(solver="adam")
    before = answers(both[0], X)
    a = COPIES[of](both[0], tmp_path)
    b = copy.deepcopy(both[1])
    assert everything(answers(a, X)) == everything(before)
    for e in (a, b):
        EDITS[edit](e)
    bound = {"float64": 1e-12, "float32": 1e-4}[dtype]
    assert difference(answers(a, X), answers(b, X)) < bound
    assert difference(answers(a, X), before) > 1e-3
    if of != "itself":
        assert everything(answers(both[0], X)) == everything(before)
    if after != "lbfgs":
        for e in (a, b):
            vars(e).update(best_loss_=np.inf)
            partial(e, X, y, early_stopping=False)
        assert difference(answers(a, X), answers(b, X)) < bound
        assert {W.dtype for W in a.coefs_} == {W.dtype for W in b.coefs_}


@pytest.mark.parametrize("of", COPIES)
def test_a_copy_goes_on_as_the_estimator_would(of, tmp_path):
    X, y = data("multiclass")
    for solver in STOCHASTIC:
        e = MLPClassifier((5,), solver=solver, max_iter=3, random_state=0)
        fitted(e, X, y)
        other = COPIES[of](e, tmp_path)
        partial(other, X, y)
        if of != "itself":
            partial(e, X, y)
        assert everything(e.coefs_) == everything(other.coefs_)
        assert everything(e._optimizer) == everything(other._optimizer)


def test_a_clone_has_learnt_nothing():
    X, y = data("multiclass")
    e = fitted(MLPClassifier((5,), max_iter=3, class_weight="balanced", random_state=0), X, y)
    fresh = clone(e)
    assert not hasattr(fresh, "coefs_")
    assert everything(fitted(fresh, X, y).coefs_) == everything(e.coefs_)


# what scikit-learn has not


@cross(
    class_weight=["balanced", "dict"],
    target=["binary", "multiclass", "multilabel"],
    weights=["none", "positive"],
    solver=SOLVERS,
    early_stopping=[False, True],
    where=lambda solver, early_stopping, **_: not (solver == "lbfgs" and early_stopping),
)
def test_weights_of_classes_are_weights_of_samples(
    class_weight, target, weights, solver, early_stopping
):
    X, y = data(target)
    if class_weight == "dict":
        some = {"binary": {"yes": 3.0}, "multiclass": {3: 0.5, 8: 2}}
        class_weight = some.get(target, [{0: 1, 1: 2}, {0: 0.5, 1: 1}, {0: 1, 1: 1}])
    w = weights_of(weights)
    told = {"solver": solver, "early_stopping": early_stopping, "max_iter": 3, "random_state": 0}
    told |= {"hidden_layer_sizes": (5,), "validation_fraction": 0.2}
    e = fitted(MLPClassifier(class_weight=class_weight, **told), X, y, w)
    of_classes = compute_sample_weight(class_weight, y)
    other = fitted(MLPClassifier(**told), X, y, of_classes if w is None else of_classes * w)
    for name in ("coefs_", "intercepts_", "loss_"):
        assert everything(getattr(e, name)) == everything(getattr(other, name))
    plain = fitted(MLPClassifier(**told), X, y, w)
    assert everything(e.coefs_) != everything(plain.coefs_)


def test_partial_fits_weigh_classes_too():
    X, y = data("multiclass")
    told = {"hidden_layer_sizes": (5,), "random_state": 0}
    e = partial(MLPClassifier(class_weight={3: 0.5, 8: 2}, **told), X, y)
    w = compute_sample_weight({3: 0.5, 8: 2}, y)
    assert everything(e.coefs_) == everything(partial(MLPClassifier(**told), X, y, w).coefs_)
    with pytest.raises(ValueError, match="class_weight must be None or a dict for partial_fit"):
        partial(MLPClassifier(class_weight="balanced"), X, y)


def loss_by_numpy(e, X, y):
    """Return the mean loss over rows, without L2."""
    A = answers(e, X)
    if e.loss == "squared_error":
        return np.mean((A - y) ** 2) / 2
    if e.loss == "poisson":
        A = A.reshape(len(y), -1)
        y = y.reshape(A.shape)
        return np.sum(
            np.mean(A - y * np.log(A) + np.where(y > 0, y * np.log(y + (y == 0)), 0) - y, 0)
        )
    if y.ndim == 2:
        return -np.mean(np.sum(y * np.log(A) + (1 - y) * np.log(1 - A), axis=1))
    return -np.mean(np.log(A[np.arange(len(y)), np.searchsorted(e.classes_, y)]))


@cross(target=ALL_TARGETS, rows=["dense", "CSR"], solver=STOCHASTIC, early_stopping=[False, True])
def test_validation_by_given_rows(target, rows, solver, early_stopping):
    X, y = data(target, rows)
    held = X[60:], y[60:]
    X, y = X[:60], y[:60]
    if target in ("multiclass", "binary"):
        assert len(set(y)) == len(set(held[1]))
    told = {"solver": solver, "hidden_layer_sizes": (5,), "random_state": 0}
    told |= {"learning_rate_init": 0.05, "n_iter_no_change": 3, "batch_size": 16}
    e = MLPClassifier if target in ("multiclass", "binary", "multilabel") else MLPRegressor
    told |= {"loss": "poisson"} if target == "poisson" else {}
    after = [fitted(e(max_iter=i + 1, tol=0.0, **told), X, y) for i in range(6)]
    losses = [loss_by_numpy(each, *held) for each in after]
    e = e(max_iter=6, early_stopping=early_stopping, tol=0.0, **told)
    fitted(e, X, y, X_val=held[0], y_val=held[1])
    n = e.n_iter_
    assert len(e.validation_loss_curve_) == n
    np.testing.assert_allclose(e.validation_loss_curve_, losses[:n], rtol=1e-12)
    if early_stopping:
        scores = [each.score(*held) for each in after]
        np.testing.assert_allclose(e.validation_scores_, scores[:n], rtol=1e-12)
        best = int(np.argmax(e.validation_scores_))
        assert e.best_validation_score_ == e.validation_scores_[best]
        assert everything(e.coefs_) == everything(after[best].coefs_)
        assert everything(e.intercepts_) == everything(after[best].intercepts_)
    else:
        assert everything(e.coefs_) == everything(after[-1].coefs_)


def test_rows_to_validate_by_are_checked():
    X, y = data("multiclass")
    with pytest.raises(ValueError, match="must be given both"):
        MLPClassifier().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val must be None with solver='lbfgs'"):
        MLPClassifier(solver="lbfgs").fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="y_val must hold classes of y only"):
        MLPClassifier(max_iter=1).fit(X, y, X_val=X, y_val=y + 1)
    with pytest.raises(ValueError, match="features"):
        MLPClassifier(max_iter=1).fit(X, y, X_val=X[:, :3], y_val=y)
    with pytest.raises(ValueError, match="y_val must have 1 columns"):
        MLPRegressor(max_iter=1).fit(X, y, X_val=X, y_val=np.column_stack([y, y]))


def loss_and_gradient(e, X, y, weights):
    """Return the function that L-BFGS minimises, and weights to start from."""
    fitted(e.set_params(solver="lbfgs", max_iter=1), X, y, weights)
    if hasattr(e, "classes_"):
        y = e._label_binarizer.transform(y).astype(bool)
    y = y.reshape(len(y), -1)
    packed = np.concatenate([A.ravel() for A in e.coefs_ + e.intercepts_])
    return lambda at: e._loss_grad_lbfgs(at, X, y, weights, *[None] * 4), packed


LAYERS = {
    "one": ["logistic"],
    "two": ["tanh", "relu"],
    "others": ["identity", "logistic"],
    "three": ["relu", "identity", "tanh"],
}


@cross(
    layers=LAYERS,
    target_and_output=[
        *[(target, None) for target in ALL_TARGETS],
        ("multiclass", "logistic"),
        *[("two outputs", name) for name in HIDDEN],
    ],
    weights=["none", "negative"],
    rows=["dense", "CSC"],
)
def test_gradients_with_an_activation_for_each_layer(layers, target, output, weights, rows):
    X, y = data(target, rows)
    w = weights_of(weights)
    e = three(
        target, activation=LAYERS[layers], hidden_layer_sizes=(4, 3, 3)[: len(LAYERS[layers])]
    )
    e = e[0].set_params(out_activation=output, alpha=0, random_state=0)
    at, packed = loss_and_gradient(e, X, y, w)
    _, gradient = at(packed)
    step, kinks = 1e-5, 0
    # scikit-learn's squared error is the mean over outputs, and its gradient that of their sum
    scale = e.n_outputs_ if e.loss == "squared_error" else 1
    for i in range(0, packed.size, 3):
        moved = np.zeros(packed.size)
        moved[i] = step
        after, here, before = (at(packed + side * moved)[0] for side in (1, 0, -1))
        expected = scale * (after - before) / (2 * step)
        bent = scale * abs(after - 2 * here + before) / step
        if bent > 1e-3 * abs(expected) + 1e-6:  # a ReLU's kink lies between
            kinks += 1
            continue
        assert gradient[i] == pytest.approx(expected, rel=1e-6, abs=1e-8)
    assert kinks <= 1


@cross(target=ALL_TARGETS, activation=HIDDEN, weights=["none", "negative"], rows=["dense", "CSR"])
def test_loss_and_gradient_are_those_of_scikit_learn(target, activation, weights, rows):
    X, y = data(target, rows)
    w = weights_of(weights)
    a, b, _ = three(
        target, activation=activation, alpha=0.3, hidden_layer_sizes=(4, 3), random_state=0
    )
    at, packed = loss_and_gradient(a, X, y, w)
    fitted(b.set_params(solver="lbfgs", max_iter=1), X, y, w)
    T = b._label_binarizer.transform(y).astype(bool) if hasattr(b, "classes_") else y
    buffers = [X, None, None, None], [None] * 3, [None] * 3, [None] * 3
    loss, gradient = b._loss_grad_lbfgs(packed, X, T.reshape(len(y), -1), w, *buffers)
    mine = at(packed)
    assert mine[0] == pytest.approx(loss, rel=1e-12)
    assert difference(mine[1], gradient) < 1e-12


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_activation_for_all_layers_may_be_told_for_each(solver):
    X, y = data("multiclass")
    told = {"hidden_layer_sizes": (5, 4), "solver": solver, "max_iter": 3, "random_state": 0}
    for name in HIDDEN:
        a, b = (
            fitted(MLPClassifier(activation=activation, **told), X, y)
            for activation in (name, [name, name])
        )
        assert everything(a.coefs_) == everything(b.coefs_)
        assert everything(answers(a, X)) == everything(answers(b, X))
    with pytest.raises(ValueError, match="activation must be one of"):
        MLPClassifier(activation=[name], **told).fit(X, y)


def test_activations_of_the_output():
    X, y = data("multiclass")
    told = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
    e = fitted(MLPClassifier(out_activation="logistic", **told), X, y)
    assert e.out_activation_ == "logistic"
    np.testing.assert_allclose(answers(e, X).sum(axis=1), 1, rtol=1e-12)
    same = fitted(MLPClassifier(out_activation="softmax", **told), X, y)
    plain = fitted(MLPClassifier(**told), X, y)
    assert everything(same.coefs_) == everything(plain.coefs_)
    assert everything(e.coefs_) != everything(plain.coefs_)
    with pytest.raises(ValueError, match="out_activation='softmax' needs three classes"):
        MLPClassifier(out_activation="softmax").fit(*data("binary"))
    with pytest.raises(ValueError, match="out_activation must be None with loss='poisson'"):
        MLPRegressor("poisson", out_activation="relu").fit(*data("poisson"))
    X, y = data("two outputs")
    for name, low, high in (("relu", 0, np.inf), ("tanh", -1, 1), ("logistic", 0, 1)):
        A = fitted(MLPRegressor(out_activation=name, **told), X, y).predict(X)
        assert ((low <= A) & (high >= A)).all()


@pytest.fixture
def orders(monkeypatch):
    """Return the list of all orders that epochs draw."""
    drawn, draw = [], Epochs._drawn

    def noted(self, k):
        order = draw(self, k)
        drawn.append(tuple(order))
        return order

    monkeypatch.setattr(Epochs, "_drawn", noted)
    return drawn


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_continued_streams_never_repeat_an_order(orders, call):
    X, y = data("multiclass")
    for goes_on in (True, False):
        n_epochs = 2 if call == "fit" else 1
        e = MLPClassifier((5,), max_iter=2, warm_start=True, random_state=1)
        e.set_params(continue_state=goes_on)
        orders.clear()
        for _ in range(4):
            fitted(e, X, y) if call == "fit" else partial(e, X, y)
        assert len(orders) == 4 * n_epochs
        expected = 4 * n_epochs if goes_on else n_epochs
        if not goes_on:  # the first has drawn weights before
            expected += n_epochs
        assert len(set(orders)) == expected


@cross(solver=STOCHASTIC, policy=POLICIES, dtype=["float64", "float32"])
def test_continued_fits_are_as_one(solver, policy, dtype):
    X, y = data("multiclass", dtype=dtype)
    told = {"solver": solver, "shuffle": False, "learning_rate": policy, "warm_start": True}
    told |= {"hidden_layer_sizes": (5,), "continue_state": True, "random_state": 0}
    whole = fitted(MLPClassifier(max_iter=6, **told), X, y)
    e = MLPClassifier(max_iter=2, **told)
    for _ in range(3):
        fitted(e, X, y)
    one = MLPClassifier(**told)
    for _ in range(6):
        partial(one, X, y)
    for name in ("coefs_", "intercepts_", "loss_curve_", "t_", "_optimizer"):
        assert everything(getattr(e, name)) == everything(getattr(whole, name)), name
        assert everything(getattr(one, name)) == everything(getattr(whole, name)), name


def test_another_solver_has_an_optimizer_of_its_own():
    X, y = data("multiclass")
    e = MLPClassifier((5,), max_iter=2, warm_start=True, continue_state=True, random_state=0)
    fitted(e, X, y)
    adam = e._optimizer
    assert fitted(e, X, y)._optimizer is adam
    assert fitted(e.set_params(solver="sgd"), X, y)._optimizer is not adam


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_a_fit_that_goes_on_takes_another_rate_and_keeps_the_state(solver):
    X, y = data("binary")
    told = {"warm_start": True, "continue_state": True, "random_state": 0, "max_iter": 3}
    ours = MLPClassifier((5,), solver=solver, **told)
    with without_warnings():
        optimizer = ours.fit(X, y)._optimizer
        assert ours.fit(X, y)._optimizer is optimizer
        before = optimizer.state
        ours.set_params(learning_rate_init=1e-9).fit(X, y)
    assert ours._optimizer.learning_rate_init == 1e-9
    assert ours._optimizer.state is before
    if solver == "adam":
        assert ours._optimizer.t == 9
