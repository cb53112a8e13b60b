"""Going on: five epochs and five more have the bits of ten, whatever happens in between."""

import copy
import io
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, learns_little
from cross import cross
from states import state

from mlp_fast import MLP, NotFittedError
from mlp_fast.options import OF_NETWORK

joblib = pytest.importorskip("joblib")

pytestmark = learns_little

NETWORKS = {
    "shallow": {"layer_sizes": (4,), "output_activation": "sigmoid"},
    "one output": {"layer_sizes": (), "output_activation": "linear"},
    "deep": {"layer_sizes": (9, 5), "activation": "relu", "output_activation": "softmax"},
}
"""For online training, the first two take paths of their own."""
MODES = {"online": 1, "tiny": 3, "mini": 16, "full": None}
STOPS = {
    "plain": {},
    "held out": {"validation_fraction": 0.25},
    "patience": {"patience": 20},
    "patience, held out": {"patience": 20, "validation_fraction": 0.25, "tol": 1e-3},
    "patience, validation": {"patience": 20, "validation": True},
}


def examples(network, rows, dtype, k=60, seed=0):
    rng = np.random.default_rng(seed)
    n_in, n_out = {"shallow": (3, 1), "one output": (40, 1), "deep": (12, 3)}[network]
    X = rng.standard_normal((k, n_in)) * (rng.random((k, n_in)) < 0.5)
    T = np.eye(n_out)[rng.integers(n_out, size=k)] if n_out > 1 else rng.random((k, 1))
    X = X.astype(dtype)
    return (sp.csr_array(X) if rows == "CSR" else X), T


def by_file(m, folder):
    m.save(folder / "m.npz")
    return MLP.load(folder / "m.npz")


def by_joblib(m, folder):
    joblib.dump(m, folder / "m")
    return joblib.load(folder / "m", mmap_mode="r")  # whose arrays are read-only


WAYS = {
    "itself": lambda m, folder: m,
    "file": by_file,
    "pickle": lambda m, folder: pickle.load(io.BytesIO(pickle.dumps(m))),
    "deepcopy": lambda m, folder: copy.deepcopy(m),
    "copy": lambda m, folder: copy.copy(m),
    "joblib": by_joblib,
}


@cross(
    network=NETWORKS,
    mode=MODES,
    rows=["dense", "CSR"],
    dtype=DTYPES,
    stop=STOPS,
    way=WAYS,
    all_meet=("network", "mode", "rows"),
)
def test_five_epochs_and_five_more_are_ten(network, mode, rows, dtype, stop, way, tmp_path):
    X, T = examples(network, rows, dtype)
    told = {**NETWORKS[network], "batch_size": MODES[mode], "dtype": dtype, **STOPS[stop]}
    given = {}
    if told.pop("validation", False):
        given["validation"] = examples(network, rows, dtype, 20, 1)
    whole = MLP(**told).train(X, T, 10, learning_rate=0.1, **given)
    half = MLP(**told).train(X, T, 5, learning_rate=0.1, **given)
    m = WAYS[way](half, tmp_path)
    assert m.resume(X, T, 5, **given) is m
    assert state(m) == state(whole)
    assert whole.epochs_ == len(whole.loss_curve_) == 10


@cross(mode=MODES, dtype=DTYPES, stop=["patience", "patience, held out"])
def test_with_the_best_epoch_in_the_first_half(mode, dtype, stop, tmp_path):
    X, T = examples("shallow", "dense", dtype, 30)
    told = dict(layer_sizes=(4,), batch_size=MODES[mode], dtype=dtype, **STOPS[stop])
    # the rate is so large that it soon gets worse
    found = None
    for rate in (0.5, 2.0, 8.0, 30.0):
        whole = MLP(**told).train(X, T, 10, learning_rate=rate)
        if 0 < whole.best_epoch_ < 4:
            found = rate
            break
    if found is None:  # with a training loss that falls every time, only a slope helps
        told["tol"] = 0.05
        whole = MLP(**told).train(X, T, 10, learning_rate=2.0)
        found = 2.0
    assert whole.best_epoch_ < 4
    half = MLP(**told).train(X, T, 5, learning_rate=found)
    shown = half.weights.copy()
    m = by_file(half, tmp_path)
    for A, B in zip(m.weights, shown, strict=True):
        assert A.tobytes() == B.tobytes()
    assert state(m.resume(X, T, 5)) == state(half.resume(X, T, 5)) == state(whole)
    for A, B in zip(m.weights, shown, strict=True):  # still the best
        assert A.tobytes() == B.tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_through_a_process_that_was_killed(mode, tmp_path):
    code = """
        import os, signal, sys
        import numpy as np
        from mlp_fast import MLP

        def kill(epoch, network, logs):
            if epoch == 5:
                os.kill(os.getpid(), signal.SIGKILL)

        rng = np.random.default_rng(0)
        X, T = rng.random((40, 3)), rng.random((40, 1))
        MLP(layer_sizes=(4,), batch_size={size}).train(
            X, T, 10, callback=kill, checkpoint=sys.argv[1], checkpoint_every=5
        )
    """
    code = textwrap.dedent(code).format(size=MODES[mode])
    path = tmp_path / "m.npz"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    rng = np.random.default_rng(0)
    X, T = rng.random((40, 3)), rng.random((40, 1))
    m = MLP.load(path)
    assert (m.epochs_, m.stopped_) == (5, "interrupted")
    whole = MLP(layer_sizes=(4,), batch_size=MODES[mode]).train(X, T, 10)
    assert state(m.resume(X, T, 5)) == state(whole)


def test_every_part_of_a_training_is_one_training():
    X, T = examples("deep", "dense", "float64")
    whole = MLP(batch_size=7, layer_sizes=(5,)).train(X, T, 9)
    m = MLP(batch_size=7, layer_sizes=(5,)).train(X, T, 1)
    for epochs in (1, 3, 1, 2, 1):
        m.resume(X, T, epochs)
    assert state(m) == state(whole)


def test_live_views_stay_live():
    X, T = examples("shallow", "dense", "float64")
    m = MLP(layer_sizes=(4,), batch_size=1, patience=30).train(X, T, 5, learning_rate=9)
    views = m.weights
    m.resume(X, T, 5)
    m.weights[0][0, 0] = 7
    assert views[0][0, 0] == 7


def test_other_rows_and_other_options_go_on_from_the_same_state():
    X, T = examples("deep", "dense", "float64")
    Y, S = examples("deep", "CSR", "float64", 31, 5)
    m = MLP(batch_size=4, layer_sizes=(5,)).train(X, T, 3)
    m.resume(Y, S, 2, learning_rate=0.5, batch_size=1, shuffle=False)
    assert (m.epochs_, m._history.passes, len(m.loss_curve_)) == (5, 5, 5)
    assert (m.in_force.learning_rate, m.in_force.batch_size, m.in_force.epochs) == (0.5, 1, 2)
    assert m.settings.batch_size == 4
    # they stay in force
    other = copy.copy(m).resume(Y, S, 2)
    assert state(other) == state(m.resume(Y, S, 2, learning_rate=0.5, batch_size=1, shuffle=False))


def test_resume_shuffles_by_the_number_of_the_epoch():
    X, T = examples("deep", "dense", "float64")
    m = MLP(batch_size=1, layer_sizes=(5,)).train(X, T, 1)
    weights = m.weights.copy()
    resumed = copy.copy(m).resume(X, T, 1)
    anew = m.train(X, T, 1, weights=weights)
    assert state(resumed)["weights"] != state(anew)["weights"]


def test_after_init_weights_and_after_weights_are_set():
    X, T = examples("deep", "dense", "float64")
    sizes = (X.shape[1], 5, T.shape[1])
    trained = MLP(batch_size=4, layer_sizes=(5,)).train(X, T, 3)
    m = MLP(batch_size=4).init_weights(sizes)
    assert not hasattr(m, "epochs_")
    assert state(m.resume(X, T, 3)) == state(trained)
    m.weights = [W + 1 for W in m.weights]
    expected = MLP(batch_size=4, layer_sizes=(5,), shuffle=False)
    expected.train(X, T, 2, weights=m.weights)
    m.resume(X, T, 2, shuffle=False)
    assert state(m)["weights"] == state(expected)["weights"]
    assert m.epochs_ == 5


def test_weights_set_in_place_of_the_best_ones_are_what_is_gone_on_from():
    X, T = examples("shallow", "dense", "float64")
    m = MLP(layer_sizes=(4,), patience=30, batch_size=1, shuffle=False)
    m.train(X, T, 6, learning_rate=30, validation=examples("shallow", "dense", "float64", 9, 3))
    assert m._history.last is not None
    weights = [W / 2 for W in m.weights]
    m.weights = weights
    m.resume(X, T, 1, patience=None, validation=None)
    expected = MLP(layer_sizes=(4,), batch_size=1, shuffle=False)
    expected.train(X, T, 1, learning_rate=30, weights=weights)
    assert state(m)["weights"] == state(expected)["weights"]


def test_without_patience_the_last_weights_are_shown_again():
    X, T = examples("shallow", "dense", "float64")
    given = {"validation": examples("shallow", "dense", "float64", 9, 3), "learning_rate": 30}
    m = MLP(layer_sizes=(4,), patience=30, batch_size=1).train(X, T, 6, **given)
    assert m._history.last is not None
    plain = MLP(layer_sizes=(4,), batch_size=1).train(X, T, 7, **given)
    m.resume(X, T, 1, patience=None)
    assert state(m) == state(plain)


def test_resume_needs_weights():
    with pytest.raises(NotFittedError, match="train or init_weights"):
        MLP().resume([[0.0]], [0.0], 1)


OTHERS = {
    "layer_sizes": (7,),
    "activation": "tanh",
    "output_activation": "linear",
    "loss": "binary_cross_entropy",
    "beta": 2.0,
    "initialisation": "glorot",
    "random_state": 5,
    "dtype": "float32",
}


@pytest.mark.parametrize("name", sorted(OF_NETWORK))
def test_what_a_network_is_made_with_cannot_change(name):
    X, T = examples("shallow", "dense", "float64")
    m = MLP(layer_sizes=(4,)).train(X, T, 2)
    before = state(m)
    with pytest.raises(ValueError, match=rf"^{name} must be .* in resume.*; got .*train makes"):
        m.resume(X, T, 2, **{name: OTHERS[name]})
    assert state(m) == before
    m.resume(X, T, 2, **{name: getattr(m.in_force, name)})
    assert m.epochs_ == 4


def test_unknown_options_are_suggested():
    X, T = examples("shallow", "dense", "float64")
    m = MLP(layer_sizes=(4,)).train(X, T, 2)
    with pytest.raises(TypeError, match="unknown option 'lr': did you mean 'learning_rate'"):
        m.resume(X, T, 2, lr=0.1)
    with pytest.raises(TypeError, match="unknown option 'fixed'"):
        m.resume(X, T, 2, fixed=1)


@pytest.mark.parametrize(
    ("X", "T", "message"),
    [
        (np.ones((4, 2)), np.ones((4, 1)), "X must have 3 columns, one for each input .* got 2"),
        (np.ones((4, 3)), np.ones((4, 2)), "T must have 1 columns, one for each output .* got 2"),
        (np.ones((4, 3)), np.ones((3, 1)), "T must have as many rows as X; got 3 and 4"),
        (np.full((4, 3), np.nan), np.ones((4, 1)), r"X must be finite; got nan at \(0, 0\)"),
        (np.ones((4, 3)), np.full((4, 1), 3.0), r"T must lie in \[0, 1\]"),
        ([(np.ones((4, 2)), np.ones(4))], None, "X of chunk 0 must have 3 columns"),
        ([(np.ones((4, 3)), np.ones((4, 2)))], None, "T of chunk 0 must have 1 columns"),
    ],
)
def test_other_shapes_are_refused_and_change_nothing(X, T, message):
    m = MLP(layer_sizes=(4,)).train(*examples("shallow", "dense", "float64"), 2)
    before, in_force = state(m), m.in_force
    with pytest.raises(ValueError, match=message):
        m.resume(X, T, 2, learning_rate=0.3)
    assert state(m) == before
    assert m.in_force is in_force


def test_orders_must_be_told_again():
    X, T = examples("shallow", "dense", "float64", 6)
    orders = np.array([np.random.default_rng(e).permutation(6) for e in range(4)])
    told = {"layer_sizes": (4,), "batch_size": 1}
    whole = MLP(**told).train(X, T, 4, orders=orders)
    m = MLP(**told).train(X, T, 2, orders=orders[:2])
    with pytest.raises(ValueError, match="orders must be given to resume, or be None"):
        m.resume(X, T, 2)
    assert state(copy.copy(m).resume(X, T, 2, orders=orders[2:])) == state(whole)
    assert m.resume(X, T, 2, orders=None).epochs_ == 4


def test_validation_rows_are_told_again_after_a_copy(tmp_path):
    X, T = examples("shallow", "dense", "float64")
    rows = examples("shallow", "dense", "float64", 9, 1)
    m = MLP(layer_sizes=(4,)).train(X, T, 2, validation=rows)
    other = by_file(m, tmp_path)
    with pytest.raises(ValueError, match="validation must be given to resume, or be None"):
        other.resume(X, T, 2)
    m.resume(X, T, 2)  # the same object has them
    assert state(other.resume(X, T, 2, validation=rows)) == state(m)
    without = m.resume(X, T, 1, validation=None).validation_loss_curve_
    assert np.isnan(without).tolist() == [False] * 4 + [True]
    assert m.resume(X, T, 1).epochs_ == 6  # and from then on, there is none


def test_a_callback_goes_on_with_the_object_only():
    X, T = examples("shallow", "dense", "float64")
    called = []
    m = MLP(layer_sizes=(4,)).train(X, T, 2, callback=lambda *told: called.append(told[0]))
    copy.copy(m).resume(X, T, 2)
    assert called == [0, 1]
    m.resume(X, T, 2)
    assert called == [0, 1, 2, 3]
    m.resume(X, T, 2, callback=None)
    assert called == [0, 1, 2, 3]


@cross(mode=MODES, dtype=DTYPES)
def test_after_divergence_training_goes_on_from_the_last_finite_epoch(mode, dtype):
    X, T = examples("one output", "dense", dtype)
    m = MLP(layer_sizes=(), output_activation="linear", batch_size=MODES[mode], dtype=dtype)
    with pytest.warns(RuntimeWarning, match=r"diverged in epoch (\d+)") as told:
        m.train(X, T, 500, learning_rate=1e5)
    assert told[0].filename == __file__
    epochs, before = m.epochs_, state(m)["weights"]
    assert m.stopped_ == "diverged"
    with pytest.warns(RuntimeWarning, match=rf"diverged in epoch {epochs} ") as told:
        m.resume(X, T, 5)
    assert told[0].filename == __file__
    assert (m.epochs_, state(m)["weights"]) == (epochs, before)
    scale = max(float(np.abs(W).max()) for W in m.weights)
    m.weights = [W / max(scale, 1) for W in m.weights]
    m.resume(X, T, 5, learning_rate=1e-4)
    assert (m.epochs_, m.stopped_) == (epochs + 5, "epochs")


def test_saved_weights_go_on():
    X, T = examples("shallow", "dense", "float64")
    whole = MLP(layer_sizes=(4,), save_weights=True).train(X, T, 4)
    m = MLP(layer_sizes=(4,), save_weights=True).train(X, T, 2)
    kept = copy.copy(m)
    m.resume(X, T, 2)
    np.testing.assert_equal(m.saved_weights, whole.saved_weights)
    assert (len(m.saved_weights), len(kept.saved_weights)) == (5, 3)
