"""The loop over compiled calls: cuts, orders, divergence, Ctrl-C, determinism."""

import copy
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from cases import learns_little, make_data
from from_python import permute

import mlp_fast
from mlp_fast import MLP, calls, initialisation
from mlp_fast.kernels.train.online_blocks import BLOCK

MODES = [1, 4, None]
X, T = make_data("linear", k=23)
OPTIONS = {"layer_sizes": (6,), "output_activation": "linear", "learning_rate": 0.05}


def bits(m):
    return [W.tobytes() for W in m.weights], m.loss_curve_.tobytes(), m.error_


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", MODES)
def test_same_seed_same_bits(batch_size, dtype):
    m = MLP(**OPTIONS, batch_size=batch_size, dtype=dtype, random_state=4)
    assert bits(m.train(X, T, 9)) == bits(m.train(X, T, 9))
    assert bits(m.train(X, T, 9)) != bits(m.train(X, T, 9, random_state=5))


@pytest.mark.parametrize(
    ("batch_size", "steps_per_call"),
    [(b, s) for b in MODES for s in (1, 2, 5, 24) if (b, s) != (None, 24)],  # which is all at once
)
def test_cutting_a_run_into_other_calls_changes_no_bit(batch_size, steps_per_call, monkeypatch):
    m = MLP(**OPTIONS, batch_size=batch_size)
    whole = bits(m.train(X, T, 12))
    ends = []

    def end_of_call(self, step, until):
        self._steps_per_call = steps_per_call
        ends.append(original(self, step, until))
        return ends[-1]

    original = calls.Calls.end_of_call
    monkeypatch.setattr(calls.Calls, "end_of_call", end_of_call)
    assert bits(m.train(X, T, 12)) == whole
    assert ends[-1] == 12 * -(-23 // (batch_size or 23))
    assert len(ends) > 1


@pytest.mark.parametrize(("seconds_per_step", "steps"), [(0.01, 5), (0.0005, 92), (10.0, 1)])
def test_a_call_lasts_about_fifty_milliseconds(seconds_per_step, steps, monkeypatch):
    assert steps == np.median(lengths_of_calls((), seconds_per_step, monkeypatch))


def test_a_call_takes_whole_blocks_of_samples(monkeypatch):
    lengths = lengths_of_calls((50, 50), 0.01, monkeypatch)
    assert set(lengths) == {BLOCK, 23 - BLOCK}  # 23 samples are a block and the rest


def lengths_of_calls(layer_sizes, seconds_per_step, monkeypatch):
    """With a clock that counts steps, calls settle at 50 ms: in whole epochs, or parts of one."""
    clock, ends = [0.0], [0]
    original = calls.Calls.end_of_call

    def end_of_call(self, step, until):
        ends.append(original(self, step, until))
        return ends[-1]

    def perf_counter():
        clock.append(clock[-1] if len(clock) % 2 else clock[-1] + lasting())
        return clock[-1]

    def lasting():
        return seconds_per_step * (ends[-1] - ends[-2])

    monkeypatch.setattr(calls.Calls, "end_of_call", end_of_call)
    monkeypatch.setattr(calls.time, "perf_counter", perf_counter)
    monkeypatch.setattr(calls, "VISITS_PER_CALL", 1e4)
    MLP(batch_size=1, layer_sizes=layer_sizes).train(X, T[:, :1] > 0, 20_000)
    return np.diff(ends)[-200:-1]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_shuffling_takes_every_example_once_in_a_fresh_order(batch_size):
    m = MLP(**OPTIONS, batch_size=batch_size, random_state=8)
    orders, key = np.empty((5, 23), np.int64), initialisation.shuffle_key(8)
    for epoch, order in enumerate(orders):
        permute(order, key, epoch)
    assert len(np.unique(orders, axis=0)) == 5
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(23), (5, 1)))
    assert bits(m.train(X, T, 5)) == bits(m.train(X, T, 5, orders=orders))
    assert bits(m.train(X, T, 5)) != bits(m.train(X, T, 5, shuffle=False))
    in_order = np.tile(np.arange(23), (5, 1))
    assert bits(m.train(X, T, 5, shuffle=False)) == bits(m.train(X, T, 5, orders=in_order))


def test_every_seed_has_orders_of_its_own():
    keys = {initialisation.shuffle_key(seed) for seed in range(1000)}
    assert len(keys) == 1000
    assert all(0 <= key < 2**63 for key in keys)


@pytest.mark.parametrize("batch_size", [1, 4, 22])
def test_orders_are_followed(batch_size):
    rng = np.random.default_rng(0)
    orders = np.array([rng.permutation(23) for _ in range(3)])
    m = MLP(**OPTIONS, batch_size=batch_size).train(X, T, 1, orders=orders[:1])
    sorted_rows = MLP(**OPTIONS, batch_size=batch_size, shuffle=False)
    sorted_rows.train(X[orders[0]], T[orders[0]], 1)
    assert bits(m) == bits(sorted_rows)
    before = orders.copy()
    m.train(X, T, 3, orders=orders)
    np.testing.assert_array_equal(orders, before)


def test_orders_stay_as_they_were_handed_in():
    orders = np.tile(np.arange(23), (2, 1))
    m = MLP(**OPTIONS, batch_size=1, epochs=2, orders=orders)
    expected = bits(m.train(X, T))
    orders[:] = orders[:, ::-1]
    assert bits(m.train(X, T)) == expected


def test_a_full_batch_is_not_shuffled():
    m = MLP(**OPTIONS)
    assert bits(m.train(X, T, 9, shuffle=True)) == bits(m.train(X, T, 9, shuffle=False))


def test_a_batch_larger_than_the_data_is_the_full_batch():
    m = MLP(**OPTIONS)
    assert bits(m.train(X, T, 9)) == bits(m.train(X, T, 9, batch_size=1000))


def test_error_and_losses_are_those_of_the_passes_trained_on():
    m = MLP(**OPTIONS, save_weights=True).train(X, T, 4)
    assert len(m.loss_curve_) == 4
    for epoch, loss in enumerate(m.loss_curve_):
        A = m.forward(X, m.saved_weights[epoch])
        assert loss == pytest.approx(np.sum((A - T) ** 2) / 23 / 2)
    assert m.error_ == pytest.approx(2 * m.loss_curve_[-1])


def test_error_is_the_squared_one_for_every_loss():
    X, T = make_data("softmax")
    m = MLP(output_activation="softmax", loss="cross_entropy", save_weights=True).train(X, T, 3)
    A = m.forward(X, m.saved_weights[2])
    assert m.error_ == pytest.approx(np.sum((A - T) ** 2) / 23)
    assert m.loss_curve_[-1] == pytest.approx(-np.sum(T * np.log(A)) / 23)


def last_finite_epoch(**options):
    """Train epoch by epoch, each run from the start, until one warns."""
    epochs = 1
    while True:
        m = MLP(**options)
        try:
            m.train(X * 50, T * 50, epochs, shuffle=False)
        except RuntimeWarning:
            return epochs - 1
        epochs += 1


@pytest.mark.parametrize("steps_per_call", [None, 1, 3, 50, 10_000])
@pytest.mark.parametrize("batch_size", MODES)
@learns_little
def test_a_run_that_diverges_keeps_the_last_finite_weights(batch_size, steps_per_call, monkeypatch):
    options = {"layer_sizes": (), "output_activation": "linear", "batch_size": batch_size}
    options |= {"learning_rate": 0.005, "activation": "linear"}
    good = last_finite_epoch(**options)
    assert good > 1
    expected = MLP(**options).train(X * 50, T * 50, good, shuffle=False)
    if steps_per_call is not None:
        original = calls.Calls.end_of_call

        def end_of_call(self, step, until):
            self._steps_per_call = steps_per_call
            return original(self, step, until)

        monkeypatch.setattr(calls.Calls, "end_of_call", end_of_call)
    m = MLP(**options)
    with pytest.warns(RuntimeWarning, match=f"diverged in epoch {good} ") as caught:
        m.train(X * 50, T * 50, 1000, shuffle=False)
    assert caught[0].filename == __file__
    assert bits(m) == bits(expected)
    assert m.loss_curve_.shape == (good,)
    assert np.isfinite(m.error_)


def test_a_run_that_diverges_at_once_keeps_the_initial_weights():
    m = MLP(layer_sizes=(), output_activation="linear", learning_rate=1e300)
    with pytest.warns(RuntimeWarning, match="diverged in epoch 0 "):
        m.train(X * 1e150, T * 1e150, 50, save_weights=True)
    (saved,) = m.saved_weights
    fresh = MLP(**OPTIONS).init_weights((5, 3))
    for W, S, F in zip(m.weights, saved, fresh.weights, strict=True):
        np.testing.assert_array_equal(W, F)
        np.testing.assert_array_equal(S, F)


@pytest.mark.parametrize("save_weights", [False, True])
def test_ctrl_c_leaves_a_usable_network(monkeypatch, save_weights):
    m = MLP(**OPTIONS, batch_size=1, save_weights=save_weights)
    begun = []
    original = calls.Calls.is_finite_after

    def interrupted(self, step, stop):
        begun.append(step)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return original(self, step, stop)

    monkeypatch.setattr(calls.Calls, "is_finite_after", interrupted)
    monkeypatch.setattr(calls, "VISITS_PER_CALL", 1)
    with pytest.raises(KeyboardInterrupt):
        m.train(X, T, 100_000)
    assert len(begun) == 3
    assert np.isfinite(m.predict(X)).all()
    assert len(m.loss_curve_) < 100_000
    monkeypatch.undo()
    m.train(X, T, 2)
    assert len(m.loss_curve_) == 2


def test_ctrl_c_in_the_middle_of_a_divergence_leaves_finite_weights(monkeypatch):
    m = MLP(**OPTIONS, batch_size=1)

    def interrupted(self, step, stop):
        self.theta[:] = np.nan
        raise KeyboardInterrupt

    monkeypatch.setattr(calls.Calls, "is_finite_after", interrupted)
    with pytest.raises(KeyboardInterrupt):
        m.train(X, T, 10)
    for W, fresh in zip(m.weights, MLP(**OPTIONS).init_weights((5, 6, 3)).weights, strict=True):
        np.testing.assert_array_equal(W, fresh)


INTERRUPTED = """
import json, signal, sys
import numpy as np
from test_training import OPTIONS, T, X
from mlp_fast import MLP

epochs, save_weights = int(sys.argv[1]), sys.argv[2] == "True"
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have it ignored
m = MLP(**OPTIONS, batch_size=1, save_weights=save_weights)
try:
    m.train(np.tile(X, (100, 1)), np.tile(T, (100, 1)), epochs, verbose=1)
except KeyboardInterrupt:
    found = {
        "finite": bool(np.isfinite(m.predict(X)).all()),
        "trained": len(m.loss_curve_),
        "saved": len(m.saved_weights) if save_weights else None,
        "again": len(m.train(X, T, 2).loss_curve_),
    }
    print(json.dumps(found))
"""


@pytest.mark.parametrize("save_weights", [False, True])
def test_a_real_signal_interrupts_a_long_run(save_weights):
    """In a process of its own: here, some callback might run just then, and swallow it."""
    epochs = 1_000_000  # which take minutes
    paths = [Path(__file__).parent, Path(mlp_fast.__file__).parents[1]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-u", "-c", INTERRUPTED, str(epochs), str(save_weights)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as child:
        killer = threading.Timer(300, child.kill)  # of a child that hangs, whatever it waits for
        killer.start()
        try:
            started = child.stdout.readline()  # after a first call, so that more are to come
            time.sleep(0.1)
            child.send_signal(signal.SIGINT)
            out, err = child.communicate()
        finally:
            killer.cancel()
            child.kill()
    assert started.startswith("epoch: 0 "), err
    assert child.returncode == 0, err
    found = json.loads(out.splitlines()[-1])
    assert found["finite"]
    assert 0 < found["trained"] < epochs
    assert found["saved"] == (found["trained"] + 1 if save_weights else None)
    assert found["again"] == 2


def test_memory_grows_by_twenty_five_bytes_an_epoch():
    def peak(epochs):
        m = MLP(layer_sizes=(2,), batch_size=1)
        tracemalloc.start()
        m.train([[0.0, 1.0]], [1.0], epochs)
        result = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return result

    peak(10)
    few, many = 10_000, 210_000
    assert (peak(many) - peak(few)) / (many - few) <= 25


def test_the_data_is_not_copied():
    big = np.random.default_rng(0).random((20_000, 50))
    targets = np.zeros((20_000, 1))
    for batch_size in MODES:
        m = MLP(layer_sizes=(1,), batch_size=batch_size)
        m.train(big[:10], targets[:10], 1)
        tracemalloc.start()
        m.train(big, targets, 1)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < big.nbytes / 4


def test_what_train_is_told_holds_for_that_call():
    m = MLP(layer_sizes=(3,), learning_rate=0.5, epochs=7)
    m.train(X, T, 2, layer_sizes=(4,), output_activation="linear", dtype="float32")
    assert m.weights[0].shape == (6, 4)
    assert m.weights[0].dtype == np.float32
    assert len(m.loss_curve_) == 2
    np.testing.assert_array_equal(m.predict(X), m.forward(X))  # linear, as it was trained
    assert m.settings == MLP(layer_sizes=(3,), learning_rate=0.5, epochs=7).settings
    m.train(X, T > 0)
    assert m.weights[0].shape == (6, 3)
    assert len(m.loss_curve_) == 7


def test_train_returns_the_network_and_repr_shows_its_options():
    m = MLP(layer_sizes=3, dtype=np.float32)
    assert m.train(X, T > 0, 1) is m
    assert repr(m) == "MLP(layer_sizes=(3,), dtype='float32')"


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_is_a_network_of_its_own(twin):
    m = MLP(**OPTIONS).train(X, T, 3)
    other = twin(m)
    np.testing.assert_array_equal(other.predict(X), m.predict(X))
    other.weights[0][:] = 0
    assert m.weights[0].any()
    assert not np.array_equal(other.predict(X), m.predict(X))


def test_a_copy_between_forward_and_backward_has_to_call_forward_itself():
    m = MLP(**OPTIONS).train(X, T, 3)
    m.forward(X)
    other = copy.deepcopy(m)
    with pytest.raises(RuntimeError, match="forward"):
        other.backward(T, 0.1)
    m.backward(T, 0.1)


def test_a_network_handed_over_read_only_can_be_changed():
    """As joblib does with arrays of more than a megabyte."""
    m = MLP(**OPTIONS).train(X, T, 3)
    state = m.__getstate__()
    theta = m._net.theta.copy()
    theta.flags.writeable = False
    other = MLP.__new__(MLP)
    other.__setstate__({**state, "_net": m._net._replace(theta=theta)})
    other.weights[0][0, 0] = 7.0
    other.forward(X)
    other.backward(T, 0.1)
    assert m.weights[0][0, 0] != other.weights[0][0, 0] != 7.0


@learns_little
def test_threads_do_not_share_buffers():
    expected = [
        bits(MLP(**OPTIONS, batch_size=b, random_state=s).train(X, T, 200))
        for b in MODES
        for s in range(3)
    ]
    networks = [MLP(**OPTIONS, batch_size=b, random_state=s) for b in MODES for s in range(3)]
    threads = [threading.Thread(target=m.train, args=(X, T, 200)) for m in networks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [bits(m) for m in networks] == expected


def test_progress_bar_counts_every_step(capsys):
    m = MLP(**OPTIONS, batch_size=1, progress=True).train(X, T, 4)
    assert "92.0/92.0" in capsys.readouterr().err
    m.train(X, T, 4, batch_size=10)
    assert "92.0/92.0" in capsys.readouterr().err
