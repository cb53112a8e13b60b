"""Facts of the design: how often kernels compile, where they are kept, when they are stale."""

import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from processes import NO_COMPILER, PACKAGE, QUICK, SMALL, TARGET, completed, is_runnable, run

import mlp_fast.optimizers  # noqa: F401  # whose kernels are imported with it
from mlp_fast.kernels.compile.jit import INNER_KERNELS, KERNELS
from mlp_fast.paths import PATHS

IMPORTED = [path.kernel for path in PATHS]  # all that is compiled, some of it not before

EVERYTHING = """
import tempfile
import numpy as np
import scipy.sparse as sp
from mlp_fast import MLP
from mlp_fast.optimizers import OPTIMIZERS, Momentum

RULES = [*OPTIMIZERS, Momentum(0, nesterov=1 > 0)]
X = np.random.default_rng(0).random((12, 4))
T = np.eye(3)[np.arange(12) % 3]
strided = np.zeros((24, 8))[::2, ::2]
strided[:] = X
read_only = X.copy()
read_only.flags.writeable = False
with tempfile.TemporaryDirectory() as folder:
    mapped = np.memmap(folder + "/x", np.float64, "w+", shape=X.shape)
    mapped[:] = X
    unaligned = np.frombuffer(b"0" + X.tobytes(), np.float64, offset=1).reshape(X.shape)
    inputs = [X, X.tolist(), (9 * X).astype(int), strided, np.asfortranarray(X), read_only, mapped]
    unsorted = sp.csr_array((X.ravel()[::-1], np.tile([3, 2, 1, 0], 12), np.arange(0, 49, 4)))
    long = sp.csr_matrix(X, dtype=np.float32)
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    inputs += [sp.csr_array(X), sp.csr_matrix(9 * X).astype(int), unsorted, long]
    inputs += [unaligned, X.astype(np.float32), X.astype(">f8"), X > 0.5]
    for dtype in ("float64", "float32"):
        for batch_size in (1, 5, None):
            for data in inputs:
                m = MLP(layer_sizes=(3, 2), batch_size=batch_size, dtype=dtype)
                m.train(data, T, 2).train(data, T.astype(int).tolist(), 2, save_weights=True)
                m.train(data, T[:, 0], 2, shuffle=False, learning_rate=np.float32(0.1), beta=2)
                m.train(data, T, 2, orders=np.arange(12)[None].repeat(2, 0).astype("int32"))
                for output, loss in (("softmax", "cross_entropy"), ("sigmoid", "squared_error")):
                    m.train(data, T, 2, output_activation=output, loss=loss, random_state=None)
                m.predict(data), m.predict_classes(data), m.confmat(data, T), m.forward(data)
                m.backward(T, 1)
                m.step(data[:1] if sp.issparse(data) else data[0], T[0])
                MLP(layer_sizes=3, batch_size=batch_size, dtype=dtype).train(data, T[:, 0], 2)
                m.predict(data, [W.tolist() for W in m.weights]), m.predict(X[:1].astype(dtype))
                m.weights = m.saved_weights[0] if hasattr(m, "saved_weights") else m.weights
                m.init_weights([4, 3], 1).predict(data)
                for n in (2, 3, 16, 17, 33):  # each in registers of its own width
                    MLP(layer_sizes=n, batch_size=batch_size, dtype=dtype).train(data, T[:, 0], 1)
            for data in (np.tile(X, (1, 20)), sp.csr_array(np.tile(X, (1, 20)))):  # by output
                for hidden, targets in (((), T[:, 0]), ((1,), T)):
                    m = MLP(layer_sizes=hidden, batch_size=batch_size, dtype=dtype)
                    m.train(data, targets, 2).predict(data)
        for n, k in ((2, 4), (2, 5), (3, 4), (3, 5), (8, 4), (8, 5)):
            MLP(layer_sizes=n, dtype=dtype).train(X[:k, :2], T[:k, 0], 1)
        MLP(layer_sizes=(2, 2), batch_size=4, dtype=dtype).train(X[:, :2], T, 1)
        rated = [MLP(3, optimizer=rule, dtype=dtype) for rule in RULES] + [MLP(3, dtype=dtype)]
        for m in rated:
            for data in (X, sp.csr_array(X)):
                m.train([(data, T), (data, T, np.arange(12))], epochs=1)
                m.train(data, T, 1, sample_weight=range(12)).train(data, T, 1, clip_norm=1)
                m.resume(data, T, 1, l2=0 if m.settings.optimizer.decays else 1)
                m.forward(data), m.backward(T)
                if m.settings.optimizer.full_batch:
                    continue
                m.step(X[0], T[0]), m.step(X[0], T[0], 0.1, 2)
                for batch_size in (1, 5):
                    m.train(data, T, 1, batch_size=batch_size, sample_weight=range(12))
                    m.train(data, T, 1, batch_size=batch_size, clip_norm=1)
    del mapped
"""

ALL_HITS = """
from mlp_fast.kernels.compile.jit import KERNELS

hits = sum(sum(kernel.stats.cache_hits.values()) for kernel in KERNELS)
misses = {kernel.__name__: dict(kernel.stats.cache_misses) for kernel in KERNELS}
assert hits > 5 and not any(misses.values()), (hits, misses)
"""


@pytest.fixture(scope="module")
def filled(warmed):
    """Return the cache folder that one process filled by warming up.

    To compile everything takes minutes, so it is for a target that test_bits.py wants, too.
    """
    return warmed(TARGET if is_runnable(TARGET) else None)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a cache folder that holds one small kernel."""
    cache = tmp_path_factory.mktemp("kept") / "cache"
    assert float(run(QUICK, cache)) == 3.0
    assert float(run(NO_COMPILER + QUICK, cache)) == 3.0
    return cache


@pytest.fixture
def cache(kept, tmp_path):
    """Return a copy of that cache folder."""
    shutil.copytree(kept, tmp_path / "cache")
    return tmp_path / "cache"


def dtype_of(signature):
    return "float32" if "array(float32, " in signature.lower() else "float64"


def test_one_signature_for_each_kernel_and_dtype(filled):
    assert len(filled.signatures) > 15
    for kernel, signatures in filled.signatures.items():
        dtypes = Counter(map(dtype_of, signatures))
        assert dtypes, kernel
        assert max(dtypes.values()) == 1, (kernel, signatures)
    names = Counter(path.name.split("-")[0] for path in filled.cache.rglob("*.nbc"))
    assert max(names.values()) == 2  # one for each dtype
    assert {"train_in_blocks", "train_batch", "recall_dense"} <= {
        name.rpartition(".")[2] for name in names
    }


def test_only_kernels_that_python_calls_are_kept(filled):
    kept = {path.name.split("-")[0] for path in filled.cache.rglob("*.nbc")}
    ours = [k for k in KERNELS if k.__module__.startswith("mlp_fast.")]  # tests have some, too
    assert kept == {kernel._cache._name for kernel in ours}
    assert len(filled.signatures) == len(ours) + len(INNER_KERNELS)


def test_after_warmup_a_second_process_compiles_nothing_whatever_it_calls(filled):
    before = sorted(filled.cache.rglob("*.nbc"))
    run(NO_COMPILER + EVERYTHING + ALL_HITS, filled.cache, **filled.environment)
    assert sorted(filled.cache.rglob("*.nbc")) == before


PLAIN = """
import sys
import numpy as np
import mlp_fast
from mlp_fast import MLP
from mlp_fast.kernels.compile.jit import KERNELS

X, T = np.ones((20, 70)), np.zeros((20, 2))
for n, layers in ((70, 3), (8, (50, 50))):  # online one by one, and in blocks
    for batch_size in (1, 20, None):
        m = MLP(layers, batch_size=batch_size).train(X[:, :n], T, 2, sample_weight=np.ones(20))
        m.resume(X[:, :n], T, 2, learning_rate=lambda epoch: 0.1)
        m.resume(X[:, :n], T, 2, validation=(X[:, :n], T), patience=3)
        m.partial_train(X[:, :n], T)
    MLP(layers).train([(X, T), (X, T)], epochs=2)
    m.step(X[0, :n], T[0], 0.1)
    m.forward(X[:, :n])
    m.backward(T)
print(*sorted(kernel.__name__ for kernel in KERNELS if kernel.signatures))
print(*sorted(name for name in sys.modules if name.startswith("mlp_fast.")))
"""
OF_RULES = {
    "mlp_fast.optimizers",
    "mlp_fast.schedules",
    *(
        f"mlp_fast.kernels.train.{name}"
        for name in (
            "batch_by_rule",
            "by_rule",
            "online_blocks_linear",
            "online_blocks_update",
            "online_by_rule",
            "rules",
        )
    ),
}


def test_plain_gradient_descent_needs_no_kernel_of_other_rules(filled):
    """Or else its users would wait for more to be compiled or imported, when they first train."""
    printed = run(NO_COMPILER + PLAIN, filled.cache, **filled.environment)
    loaded, imported = ({*line.split()} for line in printed.splitlines())
    trained = {"train_in_blocks", "train_one_by_one", "train_batch", "train_one"}
    chunks = {"accumulate", "descend_by"}
    shared = {"all_finite", "all_within", "evaluate", "place_draws", "zeros_are_many"}
    assert loaded == trained | chunks | {"forward_rows", "backward_rows"} | shared
    assert "mlp_fast.kernels.train.batch" in imported
    assert not OF_RULES & imported
    of_rules = {k.__name__ for k in KERNELS if k.__module__ in OF_RULES}
    assert {"adam", "step_by_rule", "train_batch_by_rule", "train_in_linear_blocks"} <= of_rules
    assert not of_rules & loaded


def test_without_kept_kernels_the_compiler_is_called_and_refused(tmp_path):
    """Or else the tests that refuse it would show nothing."""
    with pytest.raises(AssertionError, match="the compiler was called"):
        run(NO_COMPILER + SMALL, tmp_path / "cache")


def test_an_edit_in_the_deepest_helper_changes_what_the_next_process_computes(tmp_path):
    copied = tmp_path / "site" / "mlp_fast"
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    cache = tmp_path / "cache"
    assert float(run(SMALL, cache, copied.parent)) == 3.0
    helper = copied / "kernels" / "simd" / "value.py"
    text = helper.read_text()
    line = "self.builder.select(self.value, b.constant(a).value, b.value)"  # relu needs it
    assert text.count(line) == 1
    stamp = helper.stat()
    helper.write_text(text.replace(line, line.replace("b.value", "(b * 7.0).value")))
    os.utime(helper, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert float(run(SMALL, cache, copied.parent)) == 21.0
    digests = {path.name.split("-")[1] for path in cache.rglob("*.recall_dense-*.nbc")}
    assert len(digests) == 1  # the stale file is gone


DAMAGES = {
    "empty": lambda whole: b"",
    "zeros": lambda whole: bytes(100),
    "half": lambda whole: whole[: len(whole) // 2],
    "one bit": lambda whole: whole[:-500] + bytes([whole[-500] ^ 1]) + whole[-499:],
}


def test_an_edit_between_import_and_first_call_keeps_nothing_stale(tmp_path):
    copied = tmp_path / "site" / "mlp_fast"
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    helper = copied / "kernels" / "simd" / "vector.py"
    edit = f"""
import mlp_fast
with open({str(helper)!r}, "a") as stream:
    stream.write("# edited")
"""
    assert float(run(edit + QUICK, tmp_path / "cache", copied.parent)) == 3.0
    assert not [*(tmp_path / "cache").rglob("*.nbc")]


def test_a_stale_file_that_cannot_be_removed_stops_nobody(cache):
    (path,) = cache.rglob("*.nbc")
    path.unlink()
    name, _, _ = path.name.split("-")
    stale = path.with_name(f"{name}-0000-0000.nbc")
    stale.mkdir()  # unlink fails on it
    assert float(run(QUICK, cache)) == 3.0
    assert sorted(cache.rglob("*.nbc")) == sorted([path, stale])


def test_files_have_the_rights_that_the_umask_gives_less_those_that_kernels_lacks(filled):
    umask = os.umask(0)
    os.umask(umask)
    lacking = 0o022 & ~(PACKAGE / "kernels").stat().st_mode if hasattr(os, "geteuid") else 0
    modes = {path.stat().st_mode & 0o777 for path in filled.cache.rglob("*.nbc")}
    assert modes == {0o666 & ~umask & ~lacking}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_corrupt_file_is_compiled_again(cache, damage):
    (path,) = cache.rglob("*.nbc")
    whole = path.read_bytes()
    damaged = DAMAGES[damage](whole)
    assert damaged != whole
    path.write_bytes(damaged)
    assert float(run(QUICK, cache)) == 3.0
    assert path.read_bytes() != damaged
    assert float(run(NO_COMPILER + QUICK, cache)) == 3.0  # and written again


MANY = """
from mlp_fast.kernels.compile.jit import kernel

for i in range(20):
    exec(f"def times_{i}(x): return {i}.0 * x")
    print(kernel(globals()[f"times_{i}"])(1.0))
"""


def test_processes_that_compile_at_once_do_not_disturb_each_other(tmp_path):
    cache = tmp_path / "cache"
    environment = {
        **os.environ,
        "MLP_FAST_CACHE_DIR": str(cache),
        "PYTHONPATH": str(PACKAGE.parent),
    }
    processes = [
        subprocess.Popen([sys.executable, "-c", MANY], env=environment, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    answers = {process.communicate(timeout=900)[0] for process in processes}
    assert len(answers) == 1
    assert all(process.returncode == 0 for process in processes)
    assert run(NO_COMPILER + MANY, cache).encode() in answers
    assert len([*cache.rglob("*.nbc")]) == 20
    assert not [*cache.rglob("*.tmp")]


def test_no_folder_to_write_is_one_warning(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    more = QUICK.replace("triple", "again")  # of which nobody is told
    counted = f"""
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    {(QUICK + more).replace(chr(10), chr(10) + "    ")}
assert [w.category for w in caught] == [RuntimeWarning], caught
assert "MLP_FAST_CACHE_DIR" in str(caught[0].message)
"""
    assert run(counted, blocked).split() == ["3.0", "3.0"]


def test_where_warnings_are_errors_no_training_fails_and_the_user_is_told_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    code = """
from mlp_fast import MLP
print(len(MLP(layer_sizes=1, batch_size=1).train([[0.0], [1.0]], [0.0, 1.0], 3).loss_curve_))
"""
    done = completed(code, blocked)
    assert done.stdout == "3\n"
    assert done.stderr.count("mlp_fast finds no folder to keep its compiled kernels in") == 1
    assert len(done.stderr.splitlines()) == 1


def test_numbas_own_cache_folder_is_honoured(tmp_path):
    folder = tmp_path / "numba"
    run(QUICK, tmp_path / "unused", MLP_FAST_CACHE_DIR="", NUMBA_CACHE_DIR=str(folder))
    assert len([*folder.rglob("*.triple-*.nbc")]) == 1
    assert not (tmp_path / "unused").exists()


def test_boundscheck_is_part_of_the_key(cache):
    (path,) = cache.rglob("*.nbc")
    assert float(run(QUICK, cache, NUMBA_BOUNDSCHECK="1")) == 3.0
    assert len({*cache.rglob("*.nbc")} - {path}) == 1
    assert path.exists()


def test_without_the_compiler_there_is_a_clear_error(tmp_path):
    with pytest.raises(AssertionError, match=r"ImportError: .*unset NUMBA_DISABLE_JIT"):
        run(SMALL, tmp_path / "cache", NUMBA_DISABLE_JIT="1")


def test_import_is_light():
    heavy = ("plotly", "sklearn", "tqdm", "scipy.linalg", *OF_RULES)
    code = f"import sys, mlp_fast; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
