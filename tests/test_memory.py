"""Networks that memory cannot hold are refused before it is touched, whatever limits it."""

import sys

import numpy as np
import pytest
from processes import completed

from mlp_fast import MLP, memory

GIGA = 2**30
HIDDEN_TOO_MANY = 2**40


@pytest.fixture
def only(monkeypatch):
    """Return what sets the limits that there are, in place of this machine's."""

    def only(*limits):
        monkeypatch.setattr(memory, "_limits", lambda: iter(limits))

    return only


SIZES = (999, 4000, 1)  # 4,004,001 weights


@pytest.mark.parametrize(
    ("dtype", "kept", "bytes_each"),
    [("float64", True, 24), ("float64", False, 16), ("float32", True, 16), ("float32", False, 12)],
)
def test_weights_the_kept_copy_and_what_is_drawn_are_counted(only, dtype, kept, bytes_each):
    needed = 4_004_001 * bytes_each
    only((2**62, "one limit"), (needed, "another limit"))
    memory.check_memory(SIZES, dtype, copies=1 if kept else 0)
    only((2**62, "one limit"), (needed - 1, "another limit"))
    expected = (
        "^layer_sizes must make a network that memory can hold; 999-4000-1, .* 4,004,001 weights, "
        f".* {needed:,} bytes are needed, but another limit is {needed - 1:,} bytes$"
    )
    with pytest.raises(ValueError, match=expected):
        memory.check_memory(SIZES, dtype, copies=1 if kept else 0)


def test_without_a_limit_nothing_is_refused(only):
    only()
    memory.check_memory((2**20, 2**20), "float64", copies=1)


def test_for_few_weights_nothing_is_looked_up(monkeypatch):
    monkeypatch.setattr(memory, "_limits", None)  # fails when called
    memory.check_memory((1000, 2000, 1), "float64", copies=1)
    with pytest.raises(TypeError):
        memory.check_memory((1000, 3000, 1), "float64", copies=1)


def test_training_needs_more_than_weights_alone(only):
    only((4_004_001 * 12, "the limit"))
    m = MLP(dtype="float32", layer_sizes=SIZES[1])
    assert m.init_weights(SIZES).weights[0].shape == (1000, 4000)
    with pytest.raises(ValueError, match="64,064,016 bytes are needed"):
        m.train([[0.0] * 999], [0.0], 1)


def test_a_refusal_leaves_the_old_network(only):
    m = MLP(layer_sizes=2).train([[0.0], [1.0]], [0.0, 1.0], 3)
    before = [W.copy() for W in m.weights], m.error_, m.predict([[0.5]]).tolist()
    only((GIGA, "the limit"))
    with pytest.raises(ValueError, match="memory can hold"):
        m.train([[0.0]], [0.0], layer_sizes=HIDDEN_TOO_MANY)
    with pytest.raises(ValueError, match="memory can hold"):
        m.init_weights((1, HIDDEN_TOO_MANY, 1))
    for W, old in zip(m.weights, before[0], strict=True):
        assert W.tolist() == old.tolist()
    assert (m.error_, m.predict([[0.5]]).tolist()) == before[1:]


GROUPS = [
    ("0::/\n", {}, []),  # the root has no limit in version 2
    ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "max\n"}, []),
    ("0::/a/b\n", {"a/b/memory.max": "500\n", "a/memory.max": "400\n"}, [500, 400]),
    ("0::/a\n", {"a/memory.max": "", "memory.max": "300\n"}, [300]),
    ("0::/seen/by/the/host\n", {"memory.max": "300\n"}, [300]),
    ("0::/../../a\n", {"memory.max": "300\n", "../memory.max": "1\n"}, [300]),
    (
        "9:cpu,memory:/a\n4:cpu:/b\n0::/c\n",
        {
            "memory/a/memory.limit_in_bytes": "200\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/b/memory.limit_in_bytes": "1\n",
            "c/memory.max": "100\n",
        },
        [200, 9223372036854771712, 100],
    ),
    ("4:memory:/a:b\n", {"memory/a:b/memory.limit_in_bytes": "7\n"}, [7]),
    ("no such line\n\n", {"memory.max": "7\n"}, []),
]


@pytest.mark.parametrize(("joined", "files", "expected"), GROUPS)
def test_limits_of_control_groups(tmp_path, joined, files, expected):
    (tmp_path / "cgroup").write_text(joined)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for name, text in files.items():
        path = mounted / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert [*memory._of_groups(tmp_path / "cgroup", mounted)] == expected


def test_where_there_is_no_proc_there_are_no_groups(tmp_path):
    assert [*memory._of_groups(tmp_path / "absent", tmp_path)] == []


def test_address_space_is_counted_less_what_is_mapped(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    statm = tmp_path / "statm"
    statm.write_text("3 2 1 0 0 0 0\n")
    page = resource.getpagesize()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10 * page, 20 * page))
    assert memory._of_addresses(statm) == 7 * page
    assert memory._of_addresses(tmp_path / "absent") == 10 * page
    statm.write_text("30 2 1 0 0 0 0\n")
    assert memory._of_addresses(statm) == 0
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    assert memory._of_addresses(statm) is None


def test_where_the_system_says_nothing_there_is_no_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROCESS", tmp_path)
    monkeypatch.setitem(sys.modules, "resource", None)  # which then cannot be imported
    monkeypatch.delattr("os.sysconf", raising=False)
    assert [*memory._limits()] == []


def test_each_limit_is_named(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    (tmp_path / "cgroup").write_text("0::/\n")
    (tmp_path / "memory.max").write_text("5\n")
    monkeypatch.setattr(memory, "PROCESS", tmp_path)
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (6, 6))
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PHYS_PAGES": 7, "SC_PAGE_SIZE": 1}[name])
    assert [*memory._limits()] == [
        (5, "the memory limit of its control group"),
        (6, "what RLIMIT_AS leaves"),
        (7, "physical memory"),
    ]


LIMITED = """
import resource
import numpy as np
from mlp_fast import MLP

def peak():  # in bytes; Linux counts in KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

x, t = [[1.0] * 1000], [1.0]
m = MLP(batch_size=1).train(x, t, 1, layer_sizes=10)  # compiled before memory is scarce
with open("/proc/self/statm") as stream:
    mapped = int(stream.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + 2**30, mapped + 2**30))

before, weights = peak(), [W.copy() for W in m.weights]
for attempt in (
    lambda: m.train(x, t, 1, layer_sizes=200_000),  # 4.8 GB, and 1.6 GB of them theta alone
    lambda: m.train(x, t, 1, layer_sizes=50_000),  # 0.4 GB thrice: each alone would fit in
    lambda: m.init_weights((1000, 200_000, 1)),
    lambda: m.train(x, t, 1, layer_sizes=2**40),
    lambda: m.init_weights((1, 2**40, 1)),
):
    try:
        attempt()
    except ValueError as error:
        assert str(error).startswith("layer_sizes must make a network that memory can hold"), error
        assert "RLIMIT_AS" in str(error), error
    else:
        raise AssertionError("not refused")
assert peak() - before < 200e6, (before, peak())
for W, old in zip(m.weights, weights, strict=True):
    np.testing.assert_array_equal(W, old)

m.train(x, t, 1, layer_sizes=10_000)  # 240 MB
assert m.weights[0].shape == (1001, 10_000)
print(np.isfinite(m.error_))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs RLIMIT_AS and /proc")
def test_under_a_limit_of_address_space_nothing_is_touched_in_vain(tmp_path):
    done = completed(LIMITED, tmp_path / "cache", MLP_FAST_CACHE_DIR="")
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize("epochs", [2**40, 10**12])
def test_epochs_whose_losses_do_not_fit_are_refused(epochs):
    m = MLP(layer_sizes=(2,)).train([[0.0]], [0.0], 3)
    before = m.weights.copy(), m.loss_curve_
    for call in (m.train, m.resume):
        with pytest.raises(ValueError, match=rf"^epochs must be so few .* got {epochs}, for which"):
            call([[0.0]], [0.0], epochs)
    np.testing.assert_equal((m.weights.copy(), m.loss_curve_), before)
