"""Training on a file that is larger than the memory which the process is allowed."""

import json
import subprocess
import sys

import numpy as np
import pytest

if sys.platform != "linux":
    pytest.skip("limits of memory are those of Linux", allow_module_level=True)

COLUMNS, CHUNKS, CHUNK = 1024, 24, 3000  # rows of a chunk: of 12 MB
BYTES = 4 * COLUMNS * CHUNKS * CHUNK  # 295 MB
ROOM = 48 << 20  # what the process is allowed besides what it has once it is warm

SCRIPT = """
import json, resource, sys, warnings
import numpy as np
from mlp_fast import MLP

warnings.filterwarnings("ignore", "after .* epochs the loss is", UserWarning)
folder, room = sys.argv[1], int(sys.argv[2])
COLUMNS, CHUNKS, CHUNK = map(int, sys.argv[3:])
K = CHUNKS * CHUNK

class Slices:
    # of maps that live as long as a chunk
    def __iter__(self):
        for i in range(0, K, CHUNK):
            X, T = maps()
            yield X[i : i + CHUNK], T[i : i + CHUNK]

class Files:
    def __iter__(self):
        with open(f"{folder}/X", "rb") as X, open(f"{folder}/T", "rb") as T:
            for _ in range(CHUNKS):
                inputs = np.fromfile(X, np.float32, CHUNK * COLUMNS).reshape(CHUNK, COLUMNS)
                targets = np.fromfile(T, np.float32, CHUNK)
                yield inputs, targets
                del inputs, targets

def maps():
    X = np.memmap(f"{folder}/X", np.float32, "r", shape=(K, COLUMNS))
    return X, np.memmap(f"{folder}/T", np.float32, "r", shape=(K,))

def whole():
    return [np.fromfile(f"{folder}/{name}", np.float32) for name in "XT"]

def in_memory():
    X, T = whole()
    X = X.reshape(K, COLUMNS)
    return [(X[i : i + CHUNK], T[i : i + CHUNK]) for i in range(0, K, CHUNK)]

def network(**options):
    options = {"learning_rate": 1e-3, **options}
    return MLP(activation="relu", output_activation="linear", dtype="float32", **options)

MODES = {
    "online": {"layer_sizes": (), "batch_size": 1},
    "mini": {"layer_sizes": (3,), "batch_size": 250},
    "full": {"layer_sizes": (3,), "batch_size": None},
}

def bits(m):
    return [m.error_, *(W.tobytes().hex() for W in m.weights)]

first = next(iter(Files()))
for options in MODES.values():  # compile, or load what is compiled
    network(**options).train([first], epochs=1)
    network(**options).train(*first, 1)
del first

limit, limited = 0, False
if room:
    with open("/proc/self/status") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmData:"))
    limit = 1024 * kilobytes + room
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        whole()
    except MemoryError:
        limited = True

chunks = {"files": Files(), "slices": Slices()} if room else {"memory": in_memory()}
found = {}
for name, source in chunks.items():
    for mode in ("online", "mini", "full"):
        found[f"{name}, {mode}"] = bits(network(**MODES[mode]).train(source, epochs=2))
arrays = maps() if room else (np.concatenate([X for X, T in chunks["memory"]]),
                              np.concatenate([T for X, T in chunks["memory"]]))
for mode in ("online", "mini", "full"):
    found[f"whole, {mode}"] = bits(network(**MODES[mode]).train(*arrays, 2))
print(json.dumps([limit, limited, found]))
"""


def told(folder, room):
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(
        [*command, str(folder), *map(str, (room, COLUMNS, CHUNKS, CHUNK))],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    base = rng.standard_normal((CHUNK, COLUMNS), np.float32)
    with open(tmp_path / "X", "wb") as X, open(tmp_path / "T", "wb") as T:
        for i in range(CHUNKS):  # drawing them all would take longer than training
            inputs = base * np.float32(0.02 + i / 1000)
            inputs.tofile(X)
            inputs[:, ::64].sum(axis=1).tofile(T)
    yield tmp_path
    for name in "XT":
        (tmp_path / name).unlink()


def test_a_file_larger_than_memory_gives_the_weights_of_the_same_rows_in_memory(folder):
    limit, limited, found = told(folder, ROOM)
    if not limited:
        pytest.skip("this kernel does not limit memory by RLIMIT_DATA")
    assert limit < BYTES == (folder / "X").stat().st_size
    _, _, expected = told(folder, 0)
    for mode in ("online", "mini", "full"):
        for form in ("files", "slices"):
            assert found[f"{form}, {mode}"] == expected[f"memory, {mode}"], (form, mode)
        assert found[f"whole, {mode}"] == expected[f"whole, {mode}"], mode
    assert expected["memory, mini"] != expected["whole, mini"]  # each is shuffled in its own way
