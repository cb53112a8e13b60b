"""`save` and `load` of scikit-learn's estimators: all comes back, to the bit, or is refused."""

import copy
import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
from estimator_cases import (
    LABELS,
    OURS,
    RNG,
    SOLVERS,
    STOCHASTIC,
    X,
    Y,
    Y_of,
    fitted,
    learnt,
    plain,
    quietly,
    state,
)
from scipy import sparse
from sklearn.exceptions import NotFittedError

from mlp_fast import MLP, MLPClassifier, MLPRegressor
from mlp_fast.archive import read_archive, write_archive


def through_file(estimator, tmp_path):
    path = tmp_path / "estimator.npz"
    estimator.save(path)
    return type(estimator).load(path)


def through_pickle(estimator, tmp_path):
    return pickle.loads(pickle.dumps(estimator))


def through_joblib(estimator, tmp_path):
    path = tmp_path / f"{len([*tmp_path.iterdir()])}.joblib"  # the arrays stay in the file
    joblib.dump(estimator, path)
    return joblib.load(path, mmap_mode="r")


def through_deepcopy(estimator, tmp_path):
    return copy.deepcopy(estimator)


THROUGH = [through_file, through_pickle, through_joblib, through_deepcopy]
ways = pytest.mark.parametrize("through", THROUGH, ids=lambda through: through.__name__[8:])


def goes_on_alike(estimator, again, y, steps=2):
    """Check that both learn the same, to the bit, whatever they are asked for."""
    assert type(again) is type(estimator)
    assert learnt(again) == learnt(estimator)
    assert plain(again.predict(X)) == plain(estimator.predict(X))
    if estimator.solver == "lbfgs":
        for each in estimator, again:
            quietly(each.set_params(warm_start=True).fit, X, y)
    elif not estimator.early_stopping:
        for _ in range(steps):
            for each in estimator, again:
                each.partial_fit(X, y)
    for each in estimator, again:  # with the optimizers that there are now
        quietly(each.set_params(warm_start=True).fit, X, y)
    assert learnt(again) == learnt(estimator)
    assert plain(again.predict(X)) == plain(estimator.predict(X))
    return True


@ways
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cls", OURS)
def test_an_estimator_comes_back_and_goes_on_to_the_same_bits(cls, solver, through, tmp_path):
    estimator = fitted(cls, solver=solver)
    assert goes_on_alike(estimator, through(estimator, tmp_path), Y[cls])


@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("labels", LABELS)
def test_labels_come_back_with_their_dtype(labels, solver, tmp_path):
    y = LABELS[labels]
    estimator = fitted(MLPClassifier, y, solver=solver)
    again = through_file(estimator, tmp_path)
    assert again.classes_.dtype == estimator.classes_.dtype
    assert goes_on_alike(estimator, again, y)


OPTIONS = {
    "sgd without momentum": {"solver": "sgd", "momentum": 0},
    "momentum of before": {"solver": "sgd", "nesterovs_momentum": False},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "max_iter": 30, "tol": 0.5},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "a seed": {"random_state": 2**32 - 1},
    "a stream": {"random_state": np.random.RandomState(5)},
    "no seed": {"random_state": None},
    "layers": {"hidden_layer_sizes": [3, 2], "activation": ["tanh", "relu"]},
    "a tuple": {"hidden_layer_sizes": np.array([3, 2]), "activation": ("tanh", "logistic")},
    "no limit": {"n_iter_no_change": np.inf, "tol": 0},
    "NumPy's numbers": {"alpha": np.float64(0.1), "batch_size": np.int64(7)},
    "continued": {"continue_state": True, "warm_start": True},
    "one output": {"out_activation": "logistic"},
}


@pytest.mark.parametrize("cls", OURS)
@pytest.mark.parametrize("name", OPTIONS)
def test_options_come_back_and_go_on(cls, name, tmp_path):
    if OPTIONS[name].get("random_state", 0) is None:
        before = np.random.get_state()
    estimator = fitted(cls, **copy.deepcopy(OPTIONS[name]))
    again = through_file(estimator, tmp_path)
    for param, value in estimator.get_params().items():
        found = again.get_params()[param]
        if isinstance(value, np.ndarray):  # comes back as a list
            value = value.tolist()
        assert plain(found) == plain(value)
        if param != "random_state":
            estimator.set_params(**{param: found})
    if estimator.random_state is None:  # each draws from what all draw from
        assert plain(again.predict(X)) == plain(estimator.predict(X))
        np.random.set_state(before)
    else:
        assert goes_on_alike(estimator, again, Y_of(cls))


def test_a_stream_that_is_a_parameter_is_drawn_from_as_before(tmp_path):
    """Whether fits go on with the last stream or ask the parameter, it is the same one."""
    told = {"random_state": np.random.RandomState(3), "continue_state": True}
    estimator = fitted(MLPRegressor, **told)
    again = through_file(estimator, tmp_path)
    for continues in True, False, True:
        for each in estimator, again:
            each.set_params(continue_state=continues).partial_fit(X, Y[MLPRegressor])
    assert learnt(again) == learnt(estimator)


@ways
def test_sparse_labels_come_back_as_such(through, tmp_path):
    y = sparse.csr_array(LABELS["multilabel"])
    estimator = fitted(MLPClassifier, y)
    again = through(estimator, tmp_path)
    answers = estimator.predict(X), again.predict(X)
    assert all(sparse.issparse(answer) for answer in answers)
    assert plain(answers[0].toarray()) == plain(answers[1].toarray())


@pytest.mark.parametrize("solver", SOLVERS)
def test_counts_come_back_and_go_on(solver, tmp_path):
    y = RNG.poisson(2, 40).astype(float)
    estimator = fitted(MLPRegressor, y, loss="poisson", solver=solver)
    assert estimator.out_activation_ == "exp"
    again = through_file(estimator, tmp_path)
    assert again.loss == "poisson"
    assert goes_on_alike(estimator, again, y)


@pytest.mark.parametrize("class_weight", ["balanced", {"no": 2, "yes": 0.5}, {}])
def test_weights_of_classes_come_back(class_weight, tmp_path):
    y = LABELS["strings"]
    estimator = fitted(MLPClassifier, y, class_weight=class_weight)
    again = through_file(estimator, tmp_path)
    assert again.class_weight == class_weight
    for each in estimator, again:
        if isinstance(class_weight, str):
            quietly(each.set_params(warm_start=True).fit, X, y)
        else:
            each.partial_fit(X[:20], y[:20])
    assert learnt(again) == learnt(estimator)


@ways
def test_validation_and_single_precision_come_back(through, tmp_path):
    estimator = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0)
    half, y = X.astype(np.float32), Y[MLPRegressor]
    quietly(estimator.fit, half[:30], y[:30], X_val=half[30:], y_val=y[30:])
    again = through(estimator, tmp_path)
    assert len(estimator.validation_loss_curve_) == 3
    assert learnt(again) == learnt(estimator)
    for each in estimator, again:
        each.partial_fit(half, y)
    assert again.coefs_[0].dtype == np.float32
    assert plain(again.coefs_) == plain(estimator.coefs_)


@ways
def test_names_of_features_come_back(through, tmp_path):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    estimator = quietly(
        MLPRegressor(hidden_layer_sizes=(2,), max_iter=2).fit, frame, Y[MLPRegressor]
    )
    again = through(estimator, tmp_path)
    assert plain(again.predict(frame)) == plain(estimator.predict(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        again.predict(frame.rename(columns={"a": "other"}))


@ways
def test_an_estimator_in_the_middle_of_its_life(through, tmp_path):
    """Of classes that no row has shown yet, with an optimizer that has taken other steps."""
    y = np.arange(40) % 2
    estimator = MLPClassifier((4,), random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    for step in range(3):
        again = through(estimator, tmp_path)
        assert learnt(again) == learnt(estimator)
        for each in estimator, again:
            each.partial_fit(X, (y + step) % 3)
        assert learnt(again) == learnt(estimator)
        estimator = again


@pytest.mark.parametrize("cls", OURS)
def test_what_is_not_fitted_is_pickled_but_not_saved(cls, tmp_path):
    estimator = cls(alpha=0.5)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        estimator.save(tmp_path / "none")
    assert not [*tmp_path.iterdir()]
    again = through_pickle(estimator, tmp_path)
    assert state(again) == state(estimator)


class Callable:
    def __call__(self):
        raise AssertionError


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"random_state": np.random.RandomState(np.random.PCG64(0))}, "random_state must draw"),
        ({"progress": Callable()}, "progress must be a number, text or a collection"),
    ],
)
def test_what_no_file_can_keep_is_refused_and_the_old_file_stays(told, message, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    estimator = fitted(MLPRegressor)
    estimator.set_params(**told)
    if "random_state" in told:
        estimator.partial_fit(X, Y[MLPRegressor])
    with pytest.raises(ValueError, match=message):
        estimator.save(path)
    assert path.read_bytes() == b"old"


# -------------------------------------------------------------------------- what is no such file


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a file of each kind."""
    folder = tmp_path_factory.mktemp("files")
    for cls in OURS:
        fitted(cls).save(folder / cls.__name__)
    return folder


@pytest.mark.parametrize("cls", OURS)
def test_files_of_others_are_refused(cls, files, tmp_path):
    (other,) = {*OURS} - {cls}
    with pytest.raises(ValueError, match=f"{cls.__name__} has saved; .*holds '{other.__name__}'"):
        cls.load(files / other.__name__)
    network = tmp_path / "network"
    MLP(layer_sizes=(2,)).init_weights((3, 2, 1)).save(network)
    with pytest.raises(ValueError, match=rf"that {cls.__name__} has saved; .*see MLP\.load"):
        cls.load(network)
    with pytest.raises(ValueError, match="is no network that mlp_fast saved"):
        MLP.load(files / cls.__name__)
    with pytest.raises(FileNotFoundError):
        cls.load(tmp_path / "absent")
    with pytest.raises(TypeError, match="path must be"):
        cls.load(3)
    for content in (b"", b"no archive", pickle.dumps(fitted(cls))):
        (tmp_path / "none").write_bytes(content)
        with pytest.raises(ValueError, match="path must name a file"):
            cls.load(tmp_path / "none")


@pytest.mark.parametrize("cls", OURS)
def test_every_cut_and_every_changed_byte_is_refused(cls, files, tmp_path):
    content = (files / cls.__name__).read_bytes()
    path = tmp_path / "damaged"
    rng = np.random.default_rng(0)
    for length in [*range(64), *rng.integers(64, len(content), 40), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="path must name a file"):
            cls.load(path)
    for at in [*range(0, len(content), len(content) // 150)]:
        changed = bytearray(content)
        changed[at] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        with pytest.raises(ValueError, match="path must name a file"):
            cls.load(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(ValueError, match="path must name a file"):
        cls.load(path)


class set_in:  # noqa: N801
    """What puts a value at a place of a header."""

    def __init__(self, *keys):
        self.keys = keys

    def __call__(self, header, value):
        *above, last = self.keys
        for key in above:
            header = header[key]
        header[last] = value

    def __str__(self):
        return ".".join(self.keys)


STREAM = [[0] * 624, 0, 0, 0.0]
DEEP = []
for _ in range(200):
    DEEP = {"list": [DEEP]}

FORGED = [
    *((set_in("params"), value) for value in (None, [], {"nonsense": 1}, {"alpha": -1})),
    *((set_in("params", "solver"), value) for value in ("os.system", None, {"tuple": []}, DEEP)),
    *((set_in("params", "activation"), value) for value in ("exec", {"list": ["tanh"] * 3})),
    *((set_in("params", "random_state"), {"stream": value}) for value in (None, [], "x")),
    (set_in("params", "random_state"), {"stream": [[0] * 624, 625, 0, 0.0]}),
    (set_in("params", "random_state"), {"stream": [[0] * 624, -1, 0, 0.0]}),
    (set_in("params", "random_state"), {"stream": [[0] * 624, 2**40, 0, 0.0]}),
    (set_in("params", "random_state"), {"stream": [[0] * 623, 0, 0, 0.0]}),
    (set_in("params", "random_state"), {"stream": [[2**40] * 624, 0, 0, 0.0]}),
    (set_in("params", "random_state"), {"stream": [[[0]] * 624, 0, 0, 0.0]}),
    (set_in("params", "random_state"), {"stream": STREAM, "more": 1}),
    (set_in("params", "random_state"), {"eval": "print(1)"}),
    *((set_in("numbers"), value) for value in (None, {}, {"__class__": 1}, {"predict": 1})),
    *((set_in("numbers", "n_layers_"), value) for value in (2, 4, -1, 1.5, "3", None, 10**90)),
    *((set_in("numbers", "n_outputs_"), value) for value in (2, "3", None)),
    *((set_in("numbers", "n_features_in_"), value) for value in (2, 4, "3", None)),
    *((set_in("numbers", "out_activation_"), value) for value in ("tanh2", None, 3, [])),
    *((set_in("numbers", "t_"), value) for value in ("1", None, {"list": []}, -1, 0.5)),
    *((set_in("numbers", "n_iter_"), value) for value in ("1", None, -1, 0.5, True)),
    *((set_in("numbers", "loss_"), value) for value in ("1", {"list": []})),
    *((set_in("numbers", "best_loss_"), value) for value in ("1", {"list": []})),
    *((set_in("numbers", "loss"), value) for value in ("1", None, {"list": []})),
    *((set_in("numbers", "_no_improvement_count"), value) for value in ("1", None, 0.5)),
    *((set_in("stream"), value) for value in (None, 3, {"number": "1"}, {"stream": []})),
    *((set_in("optimizer"), value) for value in (None, {}, {"name": "eval"}, [])),
    *((set_in("optimizer", "name"), value) for value in ("sgd", "x", None, [])),
    *((set_in("optimizer", "numbers"), value) for value in (None, {"__class__": 1}, [])),
    *((set_in("optimizer", "numbers", "t"), value) for value in ("1", None, -1, 0.5)),
    *((set_in("optimizer", "numbers", "beta_1"), value) for value in ("1", None, {"list": []}, 2)),
    *((set_in("optimizer", "network"), value) for value in (None, 3, [], [3, "float64"])),
]
OF_CLASSES = [
    *((set_in("classes_"), value) for value in (None, [], ["<i8", []], ["<i8", [1]], ["O", 3])),
    *((set_in("classes_"), value) for value in (["<U3", ["a", "b"]], ["<i8", ["a", "b", "c"]])),
    *((set_in("classes_"), ["<i8", [[0], [1], [2]]]) for _ in range(1)),
    *((set_in("classes_"), [dtype, [0, 1, 2]]) for dtype in ("nonsense", 3, None, "V8", "<i8,<i8")),
    (set_in("classes_"), ["|O", [{"list": []}, 1, 2]]),
    *((set_in("targets"), value) for value in ("x", None, [], ["binary", False], [[], False])),
    *((set_in("targets"), value) for value in (["multiclass", 0], ["multilabel-indicator", True])),
    (set_in("feature_names_in_"), ["|O", ["a"]]),
    (set_in("feature_names_in_"), ["<i8", [1, 2, 3]]),
]


def shown(value):
    return str(value)[:30]


@pytest.mark.parametrize(
    ("put", "value", "cls"),
    [
        *((put, value, cls) for put, value in FORGED for cls in OURS),
        *((put, value, MLPClassifier) for put, value in OF_CLASSES),
    ],
    ids=shown,
)
def test_sound_archives_of_no_estimator_are_refused(put, value, cls, files, tmp_path):
    header, arrays = read_archive(files / cls.__name__)
    put(header, value)
    write_archive(tmp_path / "forged", header, arrays)
    with pytest.raises(ValueError, match=f"^path must name a file that {cls.__name__} has saved; "):
        cls.load(tmp_path / "forged")


ARRAYS = [
    ("coef_0", np.zeros((4, 4))),
    ("coef_0", np.zeros((3, 5))),
    ("coef_0", np.zeros(12)),
    ("coef_0", np.full((3, 4), np.nan)),
    ("coef_0", np.zeros((3, 4), np.int64)),
    ("coef_0", np.zeros((0, 4))),
    ("coef_0", None),
    ("intercept_0", np.zeros(1)),
    ("intercept_0", np.zeros((4, 1))),
    ("intercept_0", np.array([0, np.inf, 0, 0])),
    ("intercept_0", None),
    ("best_coef_1", np.zeros((4, 9))),
    ("best_intercept_1", np.zeros(9)),
    ("best_coef_1", None),
    ("powers", np.zeros(7)),
    ("powers", np.array([0, np.nan])),
    ("powers", None),
    ("rule_mean_0", np.zeros((1, 1))),
    ("rule_mean_0", np.full((4, 4), np.nan)),
    ("rule_mean_0", None),
    ("loss_curve_", np.zeros((3, 1))),
    ("loss_curve_", np.zeros(3, np.int64)),
    ("unknown", np.zeros(3)),
]


@pytest.mark.parametrize("cls", OURS)
@pytest.mark.parametrize(("name", "array"), ARRAYS)
def test_arrays_that_are_not_those_of_the_estimator_are_refused(cls, name, array, files, tmp_path):
    header, arrays = read_archive(files / cls.__name__)
    assert name in arrays or name == "unknown"
    arrays[name] = array
    write_archive(tmp_path / "forged", header, {n: A for n, A in arrays.items() if A is not None})
    with pytest.raises(ValueError, match=f"^path must name a file that {cls.__name__} has saved; "):
        cls.load(tmp_path / "forged")


def test_an_error_names_the_file(files, tmp_path):
    path = files / "MLPRegressor"
    with pytest.raises(ValueError, match=re.escape(repr(str(path)))):
        MLPClassifier.load(path)
