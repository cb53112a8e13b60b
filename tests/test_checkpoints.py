"""Checkpoints: when they are written, what they hold, and what kills and full disks do to them."""

import errno
import os
import re
import signal
import subprocess
import sys
import warnings

import pytest
from cases import DTYPES, learns_little, make_data
from cross import cross
from processes import PACKAGE
from states import bits, state

from mlp_fast import MLP

pytestmark = learns_little

MODES = {"online": 1, "mini": 7, "full": None}
X, T = make_data("sigmoid", 40, 3, 1)
ROWS = make_data("sigmoid", 30, 3, 1, seed=1)
LOOKING = {
    "nothing": {},
    "validation": {"validation": ROWS},
    "callback": {"callback": lambda *_: None},
    "patience": {"patience": 50},
}
"""What is looked at after every epoch, or else nothing is."""
STRAY = re.compile(r"\.mlp_fast-[0-9a-f]{32}\.tmp")


class Watched(MLP):
    """A network that keeps what a file holds after each time it is written."""

    def save(self, path):
        super().save(path)
        files = vars(self).setdefault("files", [])
        files.append(MLP.load(path))


def network(kind=MLP, **told):
    return kind(**{"layer_sizes": (4,), "batch_size": 7, "learning_rate": 0.5, **told})


def epochs_of(m):
    """Return after which epochs files were written."""
    return [file.epochs_ for file in m.files]


def multiples(k, first, last):
    """Return the epochs after which there is a checkpoint but for that of the last one."""
    return [epoch for epoch in range(first + 1, last) if epoch % k == 0]


pytestmark = pytest.mark.usefixtures("sigint_not_ignored")


# When they are written


@cross(
    k=[1, 2, 3, 7, 8, 1000],
    mode=MODES,
    dtype=DTYPES,
    looking=LOOKING,
    rows=["arrays", "chunks"],
)
def test_they_are_of_the_beginning_every_k_epochs_and_the_end(
    k, mode, dtype, looking, rows, tmp_path
):
    told, looking = {"batch_size": MODES[mode], "dtype": dtype}, LOOKING[looking]
    data = (X, T) if rows == "arrays" else ([(X[:25], T[:25]), (X[25:], T[25:])], None)
    m = network(Watched, **told)
    m.train(*data, 7, **looking, checkpoint=tmp_path / "m", checkpoint_every=k)
    begin = [] if rows == "chunks" else [0]  # chunks may be refused, and the file stays then
    assert epochs_of(m) == [*begin, *multiples(k, 0, 7), 7]
    for file in m.files[len(begin) : -1]:
        n = network(**told).train(*data, file.epochs_, **looking)
        assert state(file, ended=False) == state(n, ended=False)
        assert file.stopped_ == "interrupted"
        assert file.settings == m.settings
        assert file.in_force == m.in_force
    if begin:
        fresh = network(**told).init_weights((3, 4, 1))
        assert (m.files[0].stopped_, bits(m.files[0])) == ("interrupted", bits(fresh))
    # it makes no difference to the training
    plain = network(**told).train(*data, 7, **looking)
    assert state(m) == state(m.files[-1]) == state(MLP.load(tmp_path / "m")) == state(plain)
    assert os.listdir(tmp_path) == ["m"]
    # and the epochs are those of the network, not of a call
    m.files.clear()
    m.resume(*data, 5)
    assert epochs_of(m) == [*(7 for _ in begin), *multiples(k, 7, 12), 12]
    plain.resume(*data, 5)
    assert state(m) == state(MLP.load(tmp_path / "m")) == state(plain)


def test_training_goes_on_from_any_checkpoint(tmp_path):
    told = {"patience": 4, "tol": 0.01, "batch_size": 1, "learning_rate": 3}
    m = network(Watched, **told)
    m.train(X, T, 12, validation=ROWS, checkpoint=tmp_path / "m")
    assert m.stopped_ == "patience"
    assert any(file._history.last is not None for file in m.files)
    for file in m.files:
        left = 12 - file.epochs_ if file.stopped_ == "interrupted" else 0
        if left and file.epochs_ < m.epochs_:
            file.resume(X, T, left, validation=ROWS)
            assert state(file) == state(m)


def test_another_file_and_none(tmp_path):
    m = network(Watched).train(X, T, 2, checkpoint=tmp_path / "a")
    before = (tmp_path / "a").read_bytes()
    m.resume(X, T, 2, checkpoint=tmp_path / "b", checkpoint_every=2)
    m.resume(X, T, 2, checkpoint=None)
    m.partial_train(X, T)
    m.train(X, T, 2)
    m.resume(X, T, 2)
    assert epochs_of(m) == [0, 1, 2, 2, 4]
    assert (tmp_path / "a").read_bytes() == before
    assert MLP.load(tmp_path / "b").epochs_ == 4
    m = network().train(X, T, 2, checkpoint=tmp_path / "c")
    m.resume(X, T, 1)  # goes on with the object, but not with a file of it
    assert MLP.load(tmp_path / "c").epochs_ == 3
    MLP.load(tmp_path / "c").resume(X, T, 1)
    assert MLP.load(tmp_path / "c").epochs_ == 3


def raising(error):
    def fail(epoch, m, logs):
        if epoch == 4:
            m.weights[0][:] = 7  # is undone
            raise error

    return fail


def interrupting(epoch, m, logs):
    if epoch == 4:
        os.kill(os.getpid(), signal.SIGINT)


def in_a_chunk(epochs):
    """Return chunks that fail in one of the epochs."""
    seen = []

    class Chunks:
        def __iter__(self):
            seen.append(0)
            yield X[:20], T[:20]
            if len(seen) > epochs:
                raise ZeroDivisionError("mine")
            yield X[20:], T[20:]

    return Chunks()


ENDS = {
    "callback": ({"callback": lambda epoch, m, logs: epoch == 4}, None, 5),
    "an error": ({"callback": raising(ZeroDivisionError("mine"))}, ZeroDivisionError, 5),
    "an exit": ({"callback": raising(SystemExit("mine"))}, SystemExit, 5),
    "Ctrl-C": ({"callback": interrupting}, KeyboardInterrupt, 4),
    "patience": ({"patience": 2, "tol": 9.0}, None, 3),
    "validation": ({"patience": 2, "tol": 9.0, "validation": ROWS}, None, 3),
}


@cross(
    end=ENDS,
    k=[1, 2, 3, 1000],
    mode=MODES,
    patience=[None, 30],
    where=lambda end, patience, **_: patience is None or "patience" not in ENDS[end][0],
)
def test_however_training_ends_the_file_is_of_its_end(end, k, mode, patience, tmp_path):
    told, error, epochs = ENDS[end]
    told = {"patience": patience, **told}
    m = network(Watched, batch_size=MODES[mode])

    def train():
        m.train(X, T, 9, **told, checkpoint=tmp_path / "m", checkpoint_every=k)

    if error is None:
        train()
    else:
        with pytest.raises(error):
            train()
    assert m.epochs_ >= epochs
    assert state(MLP.load(tmp_path / "m")) == state(m)
    written = [(file.epochs_, file.stopped_) for file in m.files]
    assert len(written) == len({*written})  # nothing twice
    assert os.listdir(tmp_path) == ["m"]
    # without what it was told, it goes on to where a training would have been
    n = MLP.load(tmp_path / "m")
    n.resume(X, T, 3, patience=None, validation=None)
    whole = network(batch_size=MODES[mode]).train(X, T, m.epochs_ + 3)
    assert (bits(n), n.loss_curve_.tobytes()) == (bits(whole), whole.loss_curve_.tobytes())


def test_ctrl_c_waits_until_a_checkpoint_is_whole(tmp_path, monkeypatch):
    m, write = network(Watched), os.write

    def write_and_interrupt(*arguments):
        if m.epochs_ == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return write(*arguments)

    monkeypatch.setattr(os, "write", write_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        m.train(X, T, 9, checkpoint=tmp_path / "m", checkpoint_every=2)
    assert epochs_of(m) == [0, 2, 4]  # and not again what is there
    assert m.stopped_ == "interrupted"
    assert state(MLP.load(tmp_path / "m")) == state(m)


@pytest.mark.parametrize("k", [1, 2, 1000])
def test_if_a_file_of_chunks_fails_the_last_complete_epoch_is_there(k, tmp_path):
    m = network(Watched)
    with pytest.raises(ZeroDivisionError, match="mine"):
        m.train(in_a_chunk(3), epochs=9, checkpoint=tmp_path / "m", checkpoint_every=k)
    assert (m.epochs_, m.stopped_) == (3, "interrupted")
    assert state(MLP.load(tmp_path / "m")) == state(m)


@cross(k=[1, 2, 1000], mode=MODES, dtype=DTYPES)
def test_after_divergence_the_file_has_the_last_finite_epoch(k, mode, dtype, tmp_path):
    told = {"layer_sizes": (), "output_activation": "linear", "batch_size": MODES[mode]}
    m = network(Watched, **told, dtype=dtype)
    with pytest.warns(RuntimeWarning, match="training diverged") as warned:
        m.train(X, T, 300, learning_rate=1e5, checkpoint=tmp_path / "m", checkpoint_every=k)
    assert [w.filename for w in warned] == [__file__]
    assert m.stopped_ == "diverged"
    assert state(MLP.load(tmp_path / "m")) == state(m)


# A full disk


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def line_of(function):
    return function.__code__.co_firstlineno + 1


@cross(call=["train", "resume"], k=[1, 2], mode=MODES, looks=[True, False])
def test_when_the_disk_is_full_there_is_a_warning_and_all_goes_on(
    call, k, mode, looks, tmp_path, monkeypatch
):
    """It is full for the checkpoints after epochs 3 and 4 of this call."""
    path, saved, save = tmp_path / "m", [], MLP.save
    m, n = (network(batch_size=MODES[mode]) for _ in "mn")
    first = 0
    if call == "resume":
        m.train(X, T, 2)
        n.train(X, T, 2)
        first = 2

    def save_if_there_is_room(self, told):
        is_full = self.epochs_ - first in (3, 4)
        with monkeypatch.context() as patch:
            if is_full:
                patch.setattr(os, "write", full)
                before = path.read_bytes()
            try:
                save(self, told)
            finally:
                saved.append((self.epochs_ - first, MLP.load(path).epochs_ - first))
                assert not is_full or path.read_bytes() == before
                assert os.listdir(tmp_path) == ["m"]

    monkeypatch.setattr(MLP, "save", save_if_there_is_room)
    callback = (lambda *_: None) if looks else None

    def go():
        getattr(m, call)(X, T, 6, checkpoint=path, checkpoint_every=k, callback=callback)

    message = r"^the checkpoint could not be written, its file is as it was, and training goes on: "
    with pytest.warns(RuntimeWarning, match=message) as warned:
        go()
    assert {(w.filename, w.lineno) for w in warned} == {(__file__, line_of(go))}
    assert all("No space left on device" in str(w.message) for w in warned)
    assert all(str(path) in str(w.message) for w in warned)
    if k == 1:
        assert len(warned) == 2
        assert saved == [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 5), (6, 6)]
    else:
        assert len(warned) == 1
        assert saved == [(0, 0), (2, 2), (4, 2), (6, 6)]
    getattr(n, call)(X, T, 6)
    assert state(m) == state(n) == state(MLP.load(path))


def test_a_disk_that_is_full_all_the_time(tmp_path, monkeypatch):
    network(random_state=5).init_weights((3, 4, 1)).save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.warns(RuntimeWarning, match="checkpoint could not be written") as warned:
            m = network().train(X, T, 5, checkpoint=tmp_path / "m", checkpoint_every=2)
    assert len(warned) == 4  # the beginning, two in between, and the end
    assert {w.filename for w in warned} == {__file__}
    assert (tmp_path / "m").read_bytes() == before
    assert state(m) == state(network().train(X, T, 5))
    assert os.listdir(tmp_path) == ["m"]


def test_the_last_try_is_at_the_end(tmp_path, monkeypatch):
    """If there is room again, the file is of the end, though that epoch was tried before."""
    write = os.write

    def callback(epoch, m, logs):
        monkeypatch.setattr(os, "write", full if epoch == 1 else write)
        return epoch == 2

    with pytest.warns(RuntimeWarning, match="checkpoint could not be written") as warned:
        m = network().train(
            X, T, 9, checkpoint=tmp_path / "m", checkpoint_every=2, callback=callback
        )
    assert len(warned) == 1
    assert state(MLP.load(tmp_path / "m")) == state(m)


def test_a_folder_that_is_gone_and_comes_back(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def move(epoch, m, logs):
        if epoch in (1, 3):
            folder.rename(tmp_path / "away") if epoch == 1 else (tmp_path / "away").rename(folder)

    with pytest.warns(RuntimeWarning, match="must lie in a folder that exists") as warned:
        m = network().train(X, T, 5, checkpoint=folder / "m", callback=move)
    assert len(warned) == 2
    assert state(MLP.load(folder / "m")) == state(m)


def test_warnings_that_are_errors_leave_a_network_that_goes_on(tmp_path, monkeypatch):
    m = network()

    def fill(epoch, m, logs):
        if epoch == 2:
            monkeypatch.setattr(os, "write", full)

    with pytest.raises(RuntimeWarning, match="checkpoint could not be written"):
        m.train(X, T, 5, checkpoint=tmp_path / "m", callback=fill)
    monkeypatch.undo()
    assert MLP.load(tmp_path / "m").epochs_ == 2
    m.resume(X, T, 5 - m.epochs_, callback=None, checkpoint=None)
    assert state(m) == state(network().train(X, T, 5))


# Kills

KILLS = """
import os, random, re, select, signal, struct, sys, time, warnings
import numpy as np
from mlp_fast import MLP

n_kills, seed, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
path = os.path.join(folder, "m")
STRAY = re.compile(sys.argv[4])
EPOCHS = 2000
warnings.filterwarnings("ignore", "after .* epochs the loss is", UserWarning)
rng, chance = np.random.default_rng(0), random.Random(seed)
X, T = rng.random((40, 3)), rng.random((40, 1))
KINDS = {
    "online": {"batch_size": 1},
    "mini": {"batch_size": 7},
    "patience": {"batch_size": 7, "patience": EPOCHS, "tol": 1e-3, "validation_fraction": 0.25},
}


def network(kind):
    return MLP(layer_sizes=(4,), learning_rate=3, **KINDS[kind])


def state(m):
    last, best = m._history.last, m._history.best
    return (
        [W.tobytes() for W in m.weights],
        None if last is None else last.tobytes(),
        best and (best.epoch, best.loss, best.theta.tobytes()),
        m.loss_curve_.tobytes(),
        m._history.validation_loss_curve.tobytes(),
        (m.epochs_, m.best_epoch_, repr(m.error_), m._history.passes),
    )


def train(kind, every, told, unnamed, last):
    if not unnamed:
        del os.O_TMPFILE
    replace, calls = os.replace, 0

    def kill_or_replace(*arguments):  # when a file is whole, but not in its place
        nonlocal calls
        calls += 1
        if calls == last:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*arguments)

    os.replace = kill_or_replace

    def report(epoch, m, logs):
        os.write(told, struct.pack("<q", epoch + 1))

    network(kind).train(X, T, EPOCHS, callback=report, checkpoint=path, checkpoint_every=every)
    os._exit(0)  # sooner than it was killed


def killed(kind, every, unnamed, last):
    hear, told = os.pipe()
    child = os.fork()
    if not child:
        try:
            train(kind, every, told, unnamed, last)
        finally:
            os._exit(1)
    os.close(told)
    select.select([hear], [], [])  # an epoch is complete
    if last is None:
        time.sleep(chance.random() ** 2 * 0.2)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    heard = b""
    while piece := os.read(hear, 2**16):
        heard += piece
    os.close(hear)
    assert len(heard) % 8 == 0
    return struct.unpack("<q", heard[-8:])[0], os.WIFSIGNALED(status)


lost, strays, in_time = [], [], 0
for i in range(n_kills):
    kind, every, unnamed = [*KINDS][i % 3], chance.choice([1, 1, 2, 3, 7]), i % 4 > 0
    last = chance.randrange(2, 30) if i % 5 == 4 else None
    complete, was_killed = killed(kind, every, unnamed, last)
    m = MLP.load(path)
    assert complete - every <= m.epochs_ <= complete, (every, complete, m.epochs_)
    in_time += was_killed
    assert m.stopped_ == ("interrupted" if was_killed else "epochs") or m.epochs_ == EPOCHS
    if m.epochs_:
        # in as few calls as it may, without callbacks
        assert state(m) == state(network(kind).train(X, T, m.epochs_))
    else:
        assert [W.tobytes() for W in m.weights] == [
            W.tobytes() for W in network(kind).init_weights((3, 4, 1)).weights
        ]
    m.resume(X, T, 5)
    assert state(m) == state(network(kind).train(X, T, m.epochs_))
    lost.append(complete - MLP.load(path).epochs_)
    names = set(os.listdir(folder)) - {"m"}
    assert len(names) <= 1 and all(STRAY.fullmatch(name) for name in names), names
    assert names or last is None
    strays.append(len(names))
    for name in (*names, "m"):
        os.unlink(os.path.join(folder, name))
print(in_time, max(lost), sum(strays))
"""


def kill(n, folder, seed):
    # Python warns of forks where NumPy has threads, which do nothing here
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", KILLS]
    paths = filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")])
    done = subprocess.run(
        [*command, str(n), str(seed), str(folder), STRAY.pattern],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    in_time, lost, strays = map(int, done.stdout.split())
    assert in_time > n / 2  # else it says little
    assert strays >= n // 5
    assert lost <= 7


posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL")


@posix
def test_kills_lose_no_more_than_k_epochs_and_break_no_file(tmp_path):
    kill(20, tmp_path, 0)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_more_kills(seed, tmp_path):
    kill(50, tmp_path, seed)


def test_an_error_before_the_first_epoch_leaves_the_best_weights(tmp_path):
    told = {"patience": 9, "learning_rate": 3}
    m = network(**told).train(X, T, 12, validation=ROWS)
    assert m._history.last is not None
    before = state(m)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(os, "write", full)
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="the checkpoint could not be written"):
            m.resume(X, T, 3, checkpoint=tmp_path / "m")
    assert {**state(m), "stopped": None} == {**before, "stopped": None}


def test_files_that_a_callback_saves_say_that_patience_is_spent(tmp_path):
    files = []

    def save(epoch, m, logs):
        m.save(tmp_path / "m")
        files.append(MLP.load(tmp_path / "m"))

    told = {"patience": 2, "learning_rate": 1e-40}  # nothing is learnt
    network(**told).train(X, T, 9, callback=save, validation=ROWS)
    assert [file.stopped_ for file in files] == ["interrupted", "interrupted", "patience"]
    for file in files:
        file.resume(X, T, 9, validation=ROWS)
    assert [file.epochs_ for file in files] == [3, 3, 5]
