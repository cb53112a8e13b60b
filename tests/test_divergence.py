"""Where a run that diverges stops, what it keeps, and what that costs: on every path."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, calls_of
from cross import cross
from spying import general

from mlp_fast import MLP, calls, learning
from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.inputs import as_rows
from mlp_fast.kernels.network.arguments import Curves
from mlp_fast.optimizers import Momentum

# inputs, hidden layers, outputs, batch size, and the kernel that trains
PATHS = {
    "registers, 4": (3, (3,), 1, 1, "train_shallow_4"),
    "registers, 64": (3, (50,), 1, 1, "train_shallow_64"),
    "blocks": (7, (20,), 2, 1, "train_in_blocks"),
    "one by one": (100, (1,), 2, 1, "train_one_by_one"),
    "one output": (100, (), 1, 1, "train_one_output"),
    "grid, a batch": (2, (3,), 1, None, "train_shallow_batch_4_8"),
    "grid, batches": (2, (2,), 1, 4, "train_shallow_batch_2_4"),
    "lanes, a batch": (2, (2, 2), 1, None, "train_in_lanes"),
    "lanes, batches": (2, (2, 2), 2, 3, "train_in_lanes"),
    "batch": (5, (9,), 3, None, "train_batch"),
    "batches": (5, (6,), 3, 3, "train_batch"),
    "sparse, blocks": (7, (20,), 2, 1, "train_sparse_in_blocks"),
    "sparse, one by one": (100, (1,), 2, 1, "train_sparse_one_by_one"),
    "sparse, one output": (100, (), 1, 1, "train_sparse_one_output"),
    "sparse, batches": (5, (6,), 3, 3, "train_sparse_batch"),
    "blocks, momentum": (7, (20,), 2, 1, "train_in_linear_blocks"),
    "one by one, momentum": (100, (1,), 2, 1, "train_one_by_rule"),
    "batches, momentum": (5, (6,), 3, 3, "train_batch_by_rule"),
    "sparse, blocks, momentum": (7, (20,), 2, 1, "train_sparse_in_linear_blocks"),
    "sparse, one by one, momentum": (100, (1,), 2, 1, "train_sparse_one_by_rule"),
    "sparse, batches, momentum": (5, (6,), 3, 3, "train_sparse_batch_by_rule"),
}
MOMENTUM = {"optimizer": Momentum(0.5, nesterov=True), "l2": 1e-3}
EPOCHS = 3000


@pytest.fixture
def runs(monkeypatch):
    """Return the list of all runs to come."""
    made = []

    class Noted(calls.Calls):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(learning, "Calls", Noted)
    return made


def cut_into(steps_per_call, monkeypatch):
    original = calls.Calls.end_of_call

    def end_of_call(self, step, until):
        self._steps_per_call = steps_per_call
        return original(self, step, until)

    monkeypatch.setattr(calls.Calls, "end_of_call", end_of_call)


def data_of(path):
    n_in, _, n_out, _, _ = PATHS[path]
    rng = np.random.default_rng(0)
    X, T = 4 * rng.standard_normal((8, n_in)), rng.standard_normal((8, n_out))
    X[0] = 0
    return X, T


def diverge(path, dtype, hidden="tanh", rate=3.0, **options):
    """Train at so many times the rate at which a last layer of saturated inputs just holds."""
    _, sizes, _, batch_size, _ = PATHS[path]
    X, T = data_of(path)
    largest = 1 + (sizes[-1] if sizes else np.mean(np.sum(X**2, axis=1)))
    options |= {"batch_size": batch_size, "learning_rate": rate / largest, "dtype": dtype}
    options |= rule_of(path)
    m = MLP(layer_sizes=sizes, activation=hidden, output_activation="linear")
    with pytest.warns(RuntimeWarning, match="diverged in epoch"):
        m.train(sp.csr_array(X) if path.startswith("sparse") else X, T, EPOCHS, **options)
    return m


def rule_of(path):
    return MOMENTUM if path.endswith("momentum") else {}


def rows_of(path, X):
    return as_rows(sp.csr_array(X) if path.startswith("sparse") else X, X.dtype.name)


def bits(m):
    return [W.tobytes() for W in m.weights], m.loss_curve_.tobytes(), str(m.error_)


@cross(path=PATHS, hidden_and_rate=[("tanh", 12.0), ("linear", 40.0)], dtype=DTYPES)
def test_where_a_run_stops_depends_on_no_cut(path, hidden, rate, dtype, monkeypatch, runs):
    once = diverge(path, dtype, hidden, rate)
    assert runs[0]._path.kernel.__name__ == PATHS[path][-1]
    kept = len(once.loss_curve_)
    assert kept < EPOCHS
    assert kept > 1 or hidden == "linear"  # which may diverge in the first epoch
    assert np.isfinite(once.loss_curve_).all()
    assert all(np.isfinite(W).all() for W in once.weights)
    each = diverge(path, dtype, hidden, rate, save_weights=True)
    assert bits(each) == bits(once)
    assert len(each.saved_weights) == kept + 1
    for steps_per_call in (1, 5, 37, 10**6):
        with monkeypatch.context() as patch:
            cut_into(steps_per_call, patch)
            assert bits(diverge(path, dtype, hidden, rate)) == bits(once)


@cross(
    batch_size=[1, 3, None],
    shape=[(2, (3,), 1), (5, (2,), 1), (1, (8,), 1), (3, (2,), 1)],
    rate=[20.0, 60.0],
    dtype=DTYPES,
    all_meet=["batch_size", "shape", "dtype"],
)
def test_paths_of_the_same_mathematics_stop_within_an_epoch(
    shape, batch_size, rate, dtype, monkeypatch, runs
):
    monkeypatch.setitem(PATHS, "special", (*shape, batch_size, None))
    monkeypatch.setitem(PATHS, "sparse", (*shape, batch_size, None))
    kept = [len(diverge(path, dtype, rate=rate).loss_curve_) for path in ("special", "sparse")]
    with monkeypatch.context() as patch:
        patch.setattr(learning, "are_moderate", lambda *_: False)
        kept.append(len(diverge("special", dtype, rate=rate).loss_curve_))
    with general():
        kept.append(len(diverge("special", dtype, rate=rate).loss_curve_))
    assert len({run._path.kernel for run in runs}) >= 3 - (batch_size == 1)
    assert max(kept) - min(kept) <= 1, kept


EXTREME = {  # inputs and targets, rate, and hidden activation
    "inputs": (1e20 * np.linspace(-1, 1, 12).reshape(4, 3), np.ones((4, 1)), 1e-42, "linear"),
    "inputs, some rate": (6e19 * np.eye(4, 3), np.ones((4, 1)), 5e-12, "relu"),
    "products": (np.full((8, 3), 3e19), np.linspace(0, 1, 8).reshape(8, 1), 1e-22, "sigmoid"),
    "a target": (np.array([[100.0], [-100.0]]), np.array([[1e20], [0.0]]), 0.5, "tanh"),
    "rate": (np.eye(4, 3), np.ones((4, 1)), 1e20, "tanh"),
}


@pytest.mark.parametrize("batch_size", [1, 2, None])
@pytest.mark.parametrize("kind", EXTREME)
def test_paths_agree_where_numbers_are_extreme_from_the_start(kind, batch_size, monkeypatch):
    X, T, rate, hidden = EXTREME[kind]
    options = {"layer_sizes": (3,), "activation": hidden, "output_activation": "linear"}
    options |= {"dtype": "float32", "batch_size": batch_size, "learning_rate": rate}
    kept = []
    for rows in (X, sp.csr_array(X), X):
        m = MLP(**options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            m.train(rows, T, 20, shuffle=False)
        kept.append(len(m.loss_curve_))
        monkeypatch.setattr(learning, "are_moderate", lambda *_: False)
    assert max(kept) - min(kept) <= 1, kept


def test_a_tiny_batch_keeps_every_finite_epoch():
    X, T = [[5, 0], [-5, 5]], [[1], [2]]
    options = {"activation": "tanh", "output_activation": "linear", "learning_rate": 1.0}
    for save_weights in (False, True):
        m = MLP(layer_sizes=(3,), **options)
        with pytest.warns(RuntimeWarning, match="diverged in epoch 519 "):
            m.train(X, T, 40_000, save_weights=save_weights)
        assert len(m.loss_curve_) == 519


@cross(path=PATHS, hidden=HIDDEN, dtype=DTYPES)
def test_what_a_diverged_call_leaves_in_its_buffers_changes_no_bit(path, hidden, dtype):
    n_in, sizes, n_out, batch_size, _ = PATHS[path]
    options = {"activation": hidden, "output_activation": "linear", "dtype": dtype}
    options |= {"learning_rate": 1e-6, **rule_of(path)}
    m = MLP(layer_sizes=sizes, batch_size=batch_size, shuffle=False, epochs=1, **options)
    m.init_weights((n_in, *sizes, n_out), 0)
    # so that sums of huge inputs overflow; exponentials of them do sooner, and of others must not
    start = [(0.1 if hidden == "exponential" else 4) * W for W in m.weights]
    X, T = (A.astype(dtype) for A in data_of(path))
    huge = np.finfo(dtype).max
    results = []
    for spoilt in (False, True):
        m.weights, m._history.rule = start, None
        run = calls_of(m, rows_of(path, X), T)
        kernel, (network, data, rule, work) = run._path.kernel, run._arguments
        kept = run._state and run._state.twin()
        if spoilt:
            bad = data._replace(
                rows=rows_of(path, np.copysign(huge, X)), T=read_only(np.copysign(huge, T))
            )
            fast = rule._replace(learning_rate=1e30)
            kernel(network, bad, fast, work, run.curves, 0, run.per_epoch)
            assert not np.isfinite(m._net.theta).all()
            m._net.theta[:] = 0  # padding too, as when a run returns to the weights it kept
            m.weights = start
            if kept:
                run._state.take(kept)
        curves = Curves(np.zeros(2), np.zeros(2))
        first = run.per_epoch - 1  # a small batch, in buffers that were full
        first -= first % run._path.cut
        kernel(network, data, rule, work, curves, first, 2 * run.per_epoch)
        results.append((m._net.theta.tobytes(), *(curve.tobytes() for curve in curves)))
    assert np.isfinite(curves.loss).all()
    assert results[0] == results[1]


@pytest.mark.parametrize("epochs", [10**5, 10**6])
def test_finding_the_last_finite_epoch_takes_no_more_steps_than_the_run(epochs, monkeypatch):
    taken = []
    original = calls.Calls.is_finite_after

    def counted(self, step, stop):
        taken.append(stop - step)
        return original(self, step, stop)

    monkeypatch.setattr(calls.Calls, "is_finite_after", counted)
    monkeypatch.setattr(calls, "VISITS_PER_CALL", 1e9)  # all in a call or two
    m = MLP(layer_sizes=(), output_activation="linear", learning_rate=1.005)
    with pytest.warns(RuntimeWarning, match="diverged in epoch 35707 "):
        m.train([[1.0]], [[1.0]], epochs)
    assert len(m.loss_curve_) == 35707
    assert sum(taken) <= 2 * epochs
    assert len(taken) <= 2 + 2 * np.log2(epochs)


def test_epochs_that_are_not_reached_take_no_memory():
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("only Linux tells what memory is touched")

    def resident():
        return int(status.read_text().split()[1]) * 4096

    m = MLP(layer_sizes=(), output_activation="linear", learning_rate=3.0)
    with pytest.warns(RuntimeWarning, match="diverged"):
        m.train([[1.0]], [[1.0]], 1000)
    before = resident()
    with pytest.warns(RuntimeWarning, match="diverged"):
        m.train([[1.0]], [[1.0]], 10**8)  # curves of 1.6 GB
    assert len(m.loss_curve_) < 10**5
    assert resident() - before < 100e6
