"""Learning rates that change: when a schedule is asked, and what becomes of what it says."""

import copy
import math
import pickle
from typing import ClassVar

import numpy as np
import pytest
from cases import DTYPES, assert_to_rounding, learns_little
from cross import cross
from rule_cases import (
    MODES,
    NETWORKS,
    RULES,
    K,
    examples,
    fresh,
    goes,
    options_of,
    reference_of,
    rule_bits,
)
from states import everything, state

from mlp_fast import MLP
from mlp_fast.schedules import Cosine, InverseTime, Step, Warmup

pytestmark = learns_little

TRAINED = [rule for rule in RULES if rule != "rprop"]
SCHEDULES = {
    "inverse time": InverseTime(0.01, decay=1),
    "step": Step(0.01, every=2, factor=0.5),
    "cosine": Cosine(0.01, epochs=5, least=0.0001),
    "warm-up": Warmup(2, then=Step(0.01, every=1, factor=0.5)),
    "function": lambda epoch: 0.01 / (1 + epoch),
    "0 in between": lambda epoch: 0.01 * (epoch % 2),
}
ROWS = ["dense", "CSR", "chunks"]


def data(network, rows, dtype="float64"):
    """Return what `resume` takes, and all of it as dense arrays."""
    X, T = examples(network, "CSR" if rows == "CSR" else "dense", dtype)
    given = ([(X[:42], T[:42]), (X[42:], T[42:])], None) if rows == "chunks" else (X, T)
    return given, (X.toarray() if rows == "CSR" else X, T)


class Noted:
    """A learning rate that notes which epochs it is asked for."""

    def __init__(self, rate=0.1):
        self.rate, self.epochs = rate, []

    def __call__(self, epoch):
        self.epochs.append(epoch)
        return self.rate(epoch) if callable(self.rate) else self.rate


@cross(
    most=150,
    schedule=SCHEDULES,
    rule=TRAINED,
    mode=MODES,
    network=NETWORKS,
    rows=ROWS,
    dtype=DTYPES,
    all_meet=["schedule", "mode", "rows"],
)
def test_they_are_those_of_the_reference(schedule, rule, mode, network, rows, dtype):
    given, (X, T) = data(network, rows, dtype)
    rate = SCHEDULES[schedule]
    told = options_of(rule, mode, network, dtype=dtype, learning_rate=rate, shuffle=False)
    m = fresh(network, **told)
    reference, seen = reference_of(rule, network, m.weights, dtype=dtype), []
    m.resume(*given, epochs=4, callback=lambda epoch, m, logs: seen.append(logs["learning_rate"]))
    # batches do not span chunks, which are of whole batches
    reference.train(X, T, [np.arange(K)] * 4, MODES[mode] or K, rate)
    amplified = 16 if rule in ("rmsprop", "adam", "adamw") else 1
    assert_to_rounding(m.weights, reference.weights, 32 * amplified)
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=2048 * np.finfo(dtype).eps)
    assert seen == [float(rate(epoch)) for epoch in range(4)]
    assert all(type(number) is float for number in seen)


@cross(mode=MODES, rows=ROWS, rule=["sgd", "adam"], looking=["nothing", "callback", "patience"])
def test_they_are_asked_once_an_epoch(mode, rows, rule, looking, tmp_path):
    given, (X, T) = data("deep", rows)
    rate = Noted()
    told = {"callback": {"callback": lambda *_: None}, "patience": {"patience": 50}}
    m = fresh("deep", **options_of(rule, mode, "deep", learning_rate=rate))
    assert rate.epochs == []
    m.resume(*given, epochs=3, **told.get(looking, {}))
    assert rate.epochs == [0, 1, 2]
    m.resume(*given, epochs=2)
    assert rate.epochs == [0, 1, 2, 3, 4]
    m.partial_train(X, T)  # counts as an epoch
    assert rate.epochs[5:] == [5]
    m.step(X[0], T[0])  # as none
    m.step(X[1], T[1])
    assert rate.epochs[6:] == [6, 6]
    m.forward(X)
    m.backward(T)
    assert rate.epochs[8:] == [6]
    m.step(X[0], T[0], learning_rate=0.5)
    m.forward(X)
    m.backward(T, 0.5)
    m.loss(X, T), m.gradient(X, T), m.predict(X), m.summary(), repr(m)
    m.save(tmp_path / "m")
    copy.deepcopy(m)
    assert rate.epochs[9:] == []
    m.train(*given, epochs=2)  # from the beginning
    assert rate.epochs[9:] == [0, 1]
    assert all(type(epoch) is int for epoch in rate.epochs)


@cross(mode=MODES, rows=ROWS, rule=["sgd", "momentum", "adam"], schedule=SCHEDULES)
def test_resume_goes_on_where_they_stood(mode, rows, rule, schedule):
    given, _ = data("deep", rows)
    told = options_of(rule, mode, "deep", learning_rate=SCHEDULES[schedule])
    whole = fresh("deep", **told).resume(*given, epochs=6)
    m = fresh("deep", **told)
    for epochs in (1, 3, 2):
        m.resume(*given, epochs=epochs)
    assert state(m) == state(whole)
    assert rule_bits(m) == rule_bits(whole)


@cross(mode=MODES, rule=["sgd", "momentum", "adamw"])
def test_a_constant_function_is_the_constant(mode, rule):
    (X, T), _ = data("input-major", "dense")
    m, n = (
        fresh("input-major", **options_of(rule, mode, learning_rate=rate)).resume(X, T, 3)
        for rate in (0.1, lambda epoch: np.float32(0.1) if epoch < 0 else 0.1)
    )
    assert state(m) == state(n)
    assert rule_bits(m) == rule_bits(n)


@pytest.mark.parametrize("rate", [np.float64(0.1), np.float32(0.125), 1, np.int64(1), True])
def test_what_a_function_may_return(rate):
    (X, T), _ = data("2-2-1", "dense")
    m = MLP((2,), learning_rate=lambda epoch: rate)
    if rate is True:
        with pytest.raises(ValueError, match=r"^learning_rate\(0\) must be a number"):
            m.train(X, T, 2)
        return
    assert state(m.train(X, T, 2)) == state(MLP((2,), learning_rate=float(rate)).train(X, T, 2))


def test_a_rate_of_0_moves_velocity_only():
    (X, T), _ = data("deep", "dense")
    told = options_of("momentum", "mini", "deep")
    told["learning_rate"] = lambda epoch: 0.1 if epoch == 0 else 0.0
    m = fresh("deep", **told).resume(X, T, 1)
    before, v = m.weights.copy(), m._history.rule.arrays["velocity"].copy()
    m.resume(X, T, 1)
    sums = sum(0.8 ** np.arange(1, -(-K // 7) + 1))
    for A, B, V in zip(m.weights, before, m._net.layout.views(v), strict=True):
        np.testing.assert_allclose(A, B + sums * V, rtol=1e-12, atol=1e-12)


# Nonsense


class MineError(Exception):
    """What a function of a user's own may raise."""


def raising(epoch):
    raise MineError("mine")


NONSENSE = {
    "NaN": (
        lambda epoch: math.nan,
        ValueError,
        r"learning_rate\({}\) must be finite and 0 or more",
    ),
    "inf": (
        lambda epoch: math.inf,
        ValueError,
        r"learning_rate\({}\) must be finite and 0 or more",
    ),
    "negative": (lambda epoch: -0.1, ValueError, r"learning_rate\({}\) must be .*; got -0\.1"),
    "text": (lambda epoch: "0.1", ValueError, r"learning_rate\({}\) must be a number .*'0\.1'"),
    "None": (lambda epoch: None, ValueError, r"learning_rate\({}\) must be a number .*got None"),
    "array": (
        lambda epoch: np.ones(2),
        ValueError,
        r"learning_rate\({}\) must be a number 0 or more",
    ),
    "huge": (lambda epoch: 10**400, ValueError, r"learning_rate\({}\) must be finite"),
    "raises": (raising, MineError, "mine"),
    "takes nothing": (lambda: 0.1, TypeError, "positional argument"),
    "in a warm-up": (
        Warmup(1, lambda epoch: -1.0),
        ValueError,
        "the rate of then in its epoch 0 must be",
    ),
}


@cross(most=100, nonsense=NONSENSE, mode=MODES, rows=ROWS, before=["nothing", "weights", "trained"])
def test_nonsense_at_first_changes_nothing(nonsense, mode, rows, before):
    given, (X, T) = data("deep", rows)
    rate, error, message = NONSENSE[nonsense]
    m = MLP(**options_of("momentum", mode, "deep"))
    if before != "nothing":
        m.init_weights(NETWORKS["deep"][0], 3)
    if before == "trained":
        m.resume(*given, epochs=2)
    call = m.train if before == "nothing" else m.resume
    kept = None if before == "nothing" else (everything(m, X), rule_bits(m))
    message = message.format(2 if before == "trained" else 0)
    if nonsense == "in a warm-up" and before == "trained":
        message = message.replace("epoch 0", "epoch 1")
    with pytest.raises(error, match=message):
        call(*given, epochs=3, learning_rate=rate)
    if kept:
        assert (everything(m, X), rule_bits(m)) == kept
    else:
        assert not hasattr(m, "epochs_")
        assert m._net is None
    with pytest.raises(error):
        MLP(**options_of("momentum", mode, "deep", learning_rate=rate)).partial_train(X, T)


@cross(
    most=150,
    nonsense=[name for name in NONSENSE if name not in ("takes nothing", "in a warm-up")],
    mode=MODES,
    rows=ROWS,
    rule=["sgd", "momentum", "adam"],
    patience=[None, 20],
)
def test_nonsense_later_leaves_the_last_complete_epoch(
    nonsense, mode, rows, rule, patience, tmp_path
):
    given, (X, T) = data("deep", rows)
    rate, error, message = NONSENSE[nonsense]
    told = options_of(rule, mode, "deep", patience=patience)

    def sound_for_2(epoch):
        return 0.1 if epoch < 2 else rate(epoch)

    m = fresh("deep", **told)
    with pytest.raises(error, match=message.format(2)):
        m.resume(*given, epochs=5, learning_rate=sound_for_2, checkpoint=tmp_path / "m")
    assert (m.epochs_, m.stopped_) == (2, "interrupted")
    n = fresh("deep", **told).resume(*given, epochs=2, learning_rate=0.1)
    assert state(m, ended=False) == state(n, ended=False)
    assert rule_bits(m) == rule_bits(n)
    file = MLP.load(tmp_path / "m")
    assert (state(file), rule_bits(file)) == (state(m), rule_bits(m))
    with pytest.raises(error):
        m.resume(*given, epochs=1, checkpoint=None)
    with pytest.raises(error):
        m.step(X[0], T[0])
    assert state(m, ended=False) == state(n, ended=False)
    m.resume(*given, epochs=2, learning_rate=0.05, checkpoint=None)
    assert state(m) == state(n.resume(*given, epochs=2, learning_rate=0.05))


def test_rates_too_large_for_float32():
    X, T = examples("2-2-1", dtype="float32")
    m = MLP((2,), dtype="float32", learning_rate=lambda epoch: 1e39)
    with pytest.raises(ValueError, match=r"^learning_rate\(0\) must be finite .* float32; got 1e"):
        m.train(X, T, 2)


@cross(dtype=DTYPES, mode=MODES, rule=["sgd", "momentum", "adam"])
def test_rates_that_fall_to_nothing(dtype, mode, rule):
    """They end as 0, wherever the dtype rounds them to it."""
    X, T = examples("2-2-1", dtype=dtype)
    told = options_of(rule, mode, "2-2-1", learning_rate=Step(0.1, 1, 1e-20), dtype=dtype)
    m = fresh("2-2-1", **told).resume(X, T, 30)
    assert (m.epochs_, m.stopped_) == (30, "epochs")


# Files and copies


@pytest.mark.parametrize("name", ["inverse time", "step", "cosine", "warm-up"])
@pytest.mark.parametrize("rule", ["sgd", "adam"])
def test_schedules_come_back_from_files(name, rule, tmp_path):
    X, T = examples("deep")
    told = options_of(rule, "mini", "deep", learning_rate=SCHEDULES[name])
    m = fresh("deep", **told).resume(X, T, 3)
    m.save(tmp_path / "m")
    n = MLP.load(tmp_path / "m")
    assert n.settings == m.settings
    assert n.in_force.learning_rate == SCHEDULES[name]
    for other in (n, pickle.loads(pickle.dumps(m)), copy.deepcopy(m)):
        other.resume(X, T, 3)
    m.resume(X, T, 3)
    assert state(n) == state(m)


@pytest.mark.parametrize("rate", [lambda epoch: 0.1, Warmup(2, lambda epoch: 0.1), Noted()])
def test_a_function_must_be_given_again(rate, tmp_path):
    X, T = examples("deep")
    m = fresh("deep", **options_of("momentum", "mini", "deep", learning_rate=rate)).resume(X, T, 3)
    m.save(tmp_path / "m")
    n = MLP.load(tmp_path / "m")
    before = everything(n, X), rule_bits(n)
    n.forward(X)
    for call in (
        lambda: n.resume(X, T, 1),
        lambda: n.partial_train(X, T),
        lambda: n.step(X[0], T[0]),
        lambda: n.backward(T),
        lambda: n.train(X, T, 1),
    ):
        n.forward(X)
        with pytest.raises(ValueError, match=r"^learning_rate must be given again: it was a func"):
            call()
    n.outputs = []
    del n.outputs
    assert (everything(n, X), rule_bits(n)) == before
    n.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()
    assert repr(n)
    assert n.summary()
    n.step(X[0], T[0], learning_rate=0.1)
    n = MLP.load(tmp_path / "again").resume(X, T, 2, learning_rate=rate)
    assert state(n) == state(m.resume(X, T, 2))


class Falling:
    """A rate of a user's own that can be pickled."""

    made: ClassVar = []

    def __call__(self, epoch):
        return 0.1 / (epoch + 1)


def test_a_function_that_can_be_pickled_comes_with_copies():
    X, T = examples("deep")
    m = fresh("deep", **options_of("adam", "mini", "deep", learning_rate=Falling())).resume(X, T, 3)
    copies = pickle.loads(pickle.dumps(m)), copy.deepcopy(m), copy.copy(m)
    m.resume(X, T, 2)
    assert all(state(n.resume(X, T, 2)) == state(m) for n in copies)


def test_a_rate_may_be_told_to_each_call():
    X, T = examples("deep")
    m = fresh("deep", **options_of("sgd", "mini", "deep")).resume(X, T, 2, learning_rate=Noted())
    assert isinstance(m.in_force.learning_rate, Noted)
    assert m.settings.learning_rate == 0.1
    m.resume(X, T, 1)
    assert m.in_force.learning_rate.epochs == [0, 1, 2]
    m.resume(X, T, 1, learning_rate=0.2)
    assert m.in_force.learning_rate == 0.2


@cross(rule=TRAINED, mode=MODES)
def test_those_of_momentum_are_inside_of_the_velocity(rule, mode):
    """A change of the rate is no change of what was gathered before."""
    assert goes(rule, mode)
    X, T = examples("2-2-1")
    told = options_of(rule, mode, "2-2-1", shuffle=False)
    m = fresh("2-2-1", **told)
    reference = reference_of(rule, "2-2-1", m.weights)
    for rate in (0.1, 0.01, 0.2):
        m.resume(X, T, 1, learning_rate=rate)
        reference.train(X, T, [np.arange(K)], MODES[mode] or K, rate)
    amplified = 16 if rule in ("rmsprop", "adam", "adamw") else 1
    assert_to_rounding(m.weights, reference.weights, 32 * amplified)
