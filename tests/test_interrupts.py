"""Ctrl-C: real signals at random moments leave a network of whole epochs."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from cases import learns_little

from mlp_fast import MLP
from mlp_fast.interrupts import Interrupts

SIGNALS = 100


pytestmark = pytest.mark.usefixtures("sigint_not_ignored")


SCRIPT = """
import os, signal, sys, threading, time, warnings
import numpy as np
from mlp_fast import MLP

signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have it ignored
warnings.filterwarnings("ignore", "after .* epochs the loss is", UserWarning)
n = int(sys.argv[1])
rng = np.random.default_rng(0)
X, T = rng.random((64, 3)), rng.random((64, 2))
V = rng.random((20, 3)), rng.random((20, 2))

class Chunks:
    def __iter__(self):
        for i in range(0, 64, 20):
            yield X[i : i + 20], T[i : i + 20]

RUNS = {
    "online": (dict(batch_size=1), (X, T), {}),
    "mini": (dict(batch_size=5), (X, T), {}),
    "full": (dict(), (X, T), {}),
    "patience": (dict(batch_size=9, patience=10**6), (X, T), dict(validation=V)),
    "callback": (dict(batch_size=64), (X, T), dict(callback=lambda *told: None)),
    "chunks": (dict(batch_size=7), (Chunks(), None), {}),
    "chunks, full": (dict(), (Chunks(), None), {}),
    "checkpoint": (dict(batch_size=3), (X, T), dict(checkpoint=sys.argv[2], checkpoint_every=50)),
}

def bits(weights):
    return b"".join(W.tobytes() for W in weights)

def state(m):
    last = m._history.last
    kept = None if last is None else last.tobytes()
    curves = m.loss_curve_.tobytes(), m._history.validation_loss_curve.tobytes()
    return bits(m.weights), kept, curves, m.best_epoch_

seconds = {}
for name, (options, data, given) in RUNS.items():
    MLP(layer_sizes=(6,), **options).train(*data, 1, **given)  # compile
    m = MLP(layer_sizes=(6,), **options)
    begun = time.perf_counter()
    m.train(*data, 200, **given)
    seconds[name] = (time.perf_counter() - begun) / 200

inside = 0
for i in range(n):
    name = [*RUNS][i % len(RUNS)]
    options, data, given = RUNS[name]
    epochs = max(20, int(0.04 / seconds[name]))
    m = MLP(layer_sizes=(6,), **options)
    pid = os.getpid()
    timer = threading.Timer(0.04 * rng.random(), lambda: os.kill(pid, signal.SIGINT))
    try:
        timer.start()
        m.train(*data, epochs, **given)
        timer.join()
        time.sleep(10)  # until the signal comes
        raise SystemExit("no signal came")
    except KeyboardInterrupt:
        pass
    timer.join()
    if not hasattr(m, "epochs_"):
        continue  # it came before training began
    inside += m.stopped_ == "interrupted"
    assert m.stopped_ in ("interrupted", "epochs"), m.stopped_
    done = m.epochs_
    assert len(m.loss_curve_) == done <= epochs
    m.predict(X), m.forward(X), m.step(X[0], T[0])  # it can be used
    n = MLP(layer_sizes=(6,), **options)
    given = {name: value for name, value in given.items() if name != "checkpoint_every"}
    given.pop("checkpoint", None)
    n.train(*data, max(done, 1), **given)
    if done == 0:
        n.train(*data, 1, learning_rate=1e-300, **given)
    n.step(X[0], T[0])
    if done:
        assert state(m) == state(n), (name, done)
    if name == "checkpoint":
        kept = MLP.load(sys.argv[2])
        assert kept.epochs_ == done, (kept.epochs_, done)
print(inside)
"""


def test_a_hundred_signals_at_random_moments(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(SIGNALS), str(tmp_path / "m")],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > SIGNALS // 2


def test_an_epoch_that_was_finished_was_validated(monkeypatch):
    X, T = np.random.default_rng(0).random((8, 3)), np.random.default_rng(1).random((8, 2))
    m = MLP(layer_sizes=(6,), batch_size=1, patience=9, save_weights=True)
    pressed = []

    class Noted(Interrupts):
        def check(self):
            if not pressed:
                pressed.append(True)
                raise KeyboardInterrupt
            super().check()

    monkeypatch.setattr("mlp_fast.run.Interrupts", Noted)
    with pytest.raises(KeyboardInterrupt):
        m.train(X, T, 3, validation=(X, T))
    assert (m.epochs_, len(m.validation_loss_curve_), len(m.saved_weights)) == (1, 1, 2)
    assert m.best_epoch_ == 0


def pressed_in(call):
    """Call, with Ctrl-C pressed by another thread meanwhile; return whether it came through."""
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        timer.join()
    return False


def test_it_is_held_back_until_it_is_asked_for_and_at_the_latest_until_the_end():
    done = []

    def held(check):
        with Interrupts() as interrupts:
            time.sleep(0.1)
            done.append("slept")
            if check:
                interrupts.check()
            done.append("went on")

    assert pressed_in(lambda: held(check=True))
    assert done == ["slept"]
    assert pressed_in(lambda: held(check=False))
    assert done == ["slept", "slept", "went on"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_comes_through_at_once_where_it_is_allowed():
    done = []

    def allowed():
        with Interrupts() as interrupts, interrupts.allowed():
            time.sleep(0.5)
            done.append("slept")

    assert pressed_in(allowed)
    assert done == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_once_one_came_through_the_next_is_held_back_again():
    done = []

    def press():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

    def twice():
        with Interrupts() as interrupts, interrupts.allowed():
            with pytest.raises(KeyboardInterrupt):
                press()
            press()
            done.append("went on")

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert done == ["went on"]


@learns_little
def test_the_users_own_handler_is_called_and_stays():
    noted = []

    def handler(signum, frame):
        noted.append(signum)

    before = signal.signal(signal.SIGINT, handler)
    try:
        m = MLP(layer_sizes=(6,))
        X = np.random.default_rng(0).random((64, 3))
        assert not pressed_in(lambda: m.train(X, X[:, :1], 200_000, learning_rate=1e-9))
        assert noted == [signal.SIGINT]
        assert (m.epochs_, m.stopped_) == (200_000, "epochs")
        assert signal.getsignal(signal.SIGINT) is handler

        def set_another(epoch, network, logs):
            signal.signal(signal.SIGINT, signal.default_int_handler)

        m.train(X, X[:, :1], 2, callback=set_another)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_the_handler_alone():
    seen = []

    def train():
        X = np.zeros((3, 2))
        MLP().train(X, X, 2, callback=lambda *told: seen.append(signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler] * 2


def test_where_it_is_ignored_it_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        X = np.zeros((3, 2))
        assert not pressed_in(lambda: MLP().train(X, X, 2, callback=lambda *_: time.sleep(0.05)))
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


MANY = """
import os, signal, subprocess, sys
import numpy as np
from mlp_fast import MLP

PRESS = '''
import os, random, sys, time
while sys.stdin.buffer.read(1):  # one signal for each byte, soon after it
    time.sleep(0.001 * random.random())
    os.kill(os.getppid(), 2)
'''
signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(0)
X, T = rng.random((8, 3)), rng.random((8, 1))
m = MLP(layer_sizes=(2,), batch_size=8).train(X, T, 1)
presser = subprocess.Popen([sys.executable, "-S", "-c", PRESS], stdin=subprocess.PIPE, bufsize=0)
kept = []
for _ in range(int(sys.argv[1])):
    try:
        presser.stdin.write(b"x")
        m.resume(X, T, 100_000, callback=lambda *told: None)
    except KeyboardInterrupt as error:
        kept.append(error)  # with its traceback, as an interactive session does
presser.stdin.close()
presser.wait()
print(len(kept))
kept.clear()
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
assert m._running is None
"""


@pytest.mark.parametrize("times", [1500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_the_handler_is_there_again_wherever_a_signal_comes(times):
    command = [sys.executable, "-c", MANY, str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{times}\n"


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_a_callback_sets_stays(handler):
    X = np.zeros((3, 2))
    MLP().train(X, X, 3, callback=lambda *told: signal.signal(signal.SIGINT, handler))
    assert signal.getsignal(signal.SIGINT) is handler


def test_two_threads_cannot_train_one_network():
    X = np.zeros((3, 2))
    m, said, reading, done = MLP().train(X, X, 1), [], threading.Event(), threading.Event()

    class Slow:
        def __iter__(self):
            reading.set()
            done.wait(60)
            yield X, X

    def resume():
        try:
            m.resume(Slow(), epochs=1)
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=resume)
    thread.start()
    reading.wait(60)
    m.train(X, X, 2)  # while the other looks at its first chunk
    done.set()
    thread.join()
    assert said == ["the network was replaced while its examples were checked"]
    assert m.epochs_ == 2
