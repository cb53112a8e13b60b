"""Threads, other processes, folders that nobody may write, broken caches: no bit changes."""

import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from jobs import (
    FEW,
    JOBS,
    LARGE,
    asked_alone,
    bits_of,
    bits_of_going_on,
    small_bits,
)
from processes import NO_COMPILER, PACKAGE, completed
from test_cache_trust import as_other, copy_of_package, only_root, open_place  # noqa: F401

from mlp_fast import MLP

PATHS = os.pathsep.join([str(Path(__file__).parent), str(PACKAGE.parent)])
SMALL_BITS = "from jobs import small_bits\nprint(small_bits())"


def answer(code, folder, **environment):
    """Run code with the kernels that these tests keep, too; return the JSON that it prints."""
    kept = {"MLP_FAST_CACHE_DIR": os.environ.get("MLP_FAST_CACHE_DIR", "")}
    done = completed(code, folder / "none", PATHS, **kept, **environment)
    return json.loads(done.stdout)


# --- threads --------------------------------------------------------------------------------------

again_and_again = pytest.mark.parametrize("times", [1, pytest.param(30, marks=pytest.mark.slow)])
"""For what may go well by chance."""


@again_and_again
def test_threads_that_train_at_once_from_the_start_of_a_process_get_the_bits_of_one(
    times, tmp_path
):
    """Its kernels are not loaded yet, so that all threads ask for them together."""
    code = f"""
import json
from jobs import JOBS, at_once, many_bits_of
print(json.dumps([at_once(many_bits_of, JOBS) for _ in range({times})]))
"""
    expected = [[bits_of(job), bits_of(job, 1)] for job in JOBS]
    assert len({alone for alone, _ in expected}) > len(JOBS) / 2  # or this would show little
    assert answer(code, tmp_path) == [expected] * times


@again_and_again
def test_threads_that_ask_one_network_while_another_trains_get_the_answers_of_one(times, tmp_path):
    code = f"""
import json
from jobs import asked_while_another_trains
print(json.dumps([asked_while_another_trains() for _ in range({times})]))
"""
    assert answer(code, tmp_path) == [asked_alone()] * times


# --- processes ------------------------------------------------------------------------------------

HERE_AND_THERE = """
import json
import multiprocessing
import warnings
from jobs import FEW, LARGE, bits_of, bits_of_going_on

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # BLAS
X, T = LARGE.rows, LARGE.targets
m = LARGE.network.train(X, T, 3)
here = [bits_of(job) for job in FEW]
there = {}
print(json.dumps([here, *there, bits_of_going_on(m, LARGE)]))
"""
BY_POOL = """None
with multiprocessing.get_context({method!r}).Pool(2) as pool:
    there = [pool.map(bits_of, FEW), pool.apply(bits_of_going_on, (m, LARGE))]
"""
BY_LOKY = """None
import joblib
with joblib.Parallel(2, backend="loky") as parallel:
    handed_over = joblib.delayed(bits_of_going_on)(m, LARGE)
    there = [parallel(joblib.delayed(bits_of)(job) for job in FEW), *parallel([handed_over])]
"""


def bits_expected():
    """Return the bits here, there and here again, of trainings from fresh weights and of one on."""
    few = [bits_of(job) for job in FEW]
    going_on = bits_of_going_on(LARGE.network.train(LARGE.rows, LARGE.targets, 3), LARGE)
    return [few, few, going_on, going_on]


@pytest.mark.parametrize(
    "method", ["fork", "spawn", pytest.param("forkserver", marks=pytest.mark.slow)]
)
def test_processes_started_after_training_train_and_predict_the_same(method, tmp_path):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot start processes by {method}")
    code = HERE_AND_THERE.format(BY_POOL.format(method=method))
    assert answer(code, tmp_path) == bits_expected()


def test_joblib_trains_and_predicts_the_same_in_its_processes(tmp_path):
    pytest.importorskip("joblib", reason="joblib is not installed")
    assert answer(HERE_AND_THERE.format(BY_LOKY), tmp_path) == bits_expected()


FORKED = """
import json
import os
import signal
import threading
import warnings
from jobs import FEW, bits_of

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
done, trained = threading.Event(), set()

def train():
    while not done.is_set():
        trained.add(bits_of(FEW[0]))

[bits_of(job) for job in FEW]
thread = threading.Thread(target=train)
thread.start()
there = []
for _ in range(2):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(300)  # which ends it if it hangs
        try:
            os.write(writer, json.dumps([bits_of(job) for job in FEW]).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        there.append(stream.read())
    os.waitpid(child, 0)
done.set()
thread.join()
print(json.dumps([sorted(trained), *map(json.loads, there)]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_while_another_thread_trains_trains_the_same(tmp_path):
    expected = [bits_of(job) for job in FEW]
    assert answer(FORKED, tmp_path) == [expected[:1], expected, expected]


# --- folders that nobody may write ----------------------------------------------------------------

NO_FOLDER = "mlp_fast finds no folder to keep its compiled kernels in"
UNTOLD = {"MLP_FAST_CACHE_DIR": "", "NUMBA_CACHE_DIR": "", "XDG_CACHE_HOME": ""}


def site_with_jobs(site):
    copy_of_package(site, 0o755)
    shutil.copy(Path(__file__).with_name("jobs.py"), site)
    return site


def assert_works_and_keeps_nothing(site, command=(sys.executable,), options=None, **environment):
    before = sorted(site.rglob("*"))
    code = SMALL_BITS.replace("small_bits()", "small_bits(predict=True)")
    done = completed(code, site / "none", site, command, options, **UNTOLD, **environment)
    assert done.stdout.split() == [small_bits(predict=True)]
    (told,) = done.stderr.splitlines()
    assert told.startswith(NO_FOLDER)
    assert sorted(site.rglob("*")) == before


def test_a_package_and_a_home_that_cannot_be_written_are_no_obstacle(tmp_path):
    """Files stand where the folders would be: that stops root, too, whom no rights stop."""
    site, home = site_with_jobs(tmp_path / "site"), tmp_path / "home"
    (site / "mlp_fast" / "kernels" / "__pycache__").touch()
    home.touch()
    assert_works_and_keeps_nothing(site, HOME=str(home))


@pytest.mark.slow
@only_root
def test_a_user_who_may_write_nowhere_meets_no_obstacle(open_place):  # noqa: F811
    command, options = as_other()
    site = site_with_jobs(open_place / "site")
    assert_works_and_keeps_nothing(site, command, options, HOME="/nonexistent")


# --- caches ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    """Return a cache that two processes filled at the same time, and what each of them said."""
    cache = tmp_path_factory.mktemp("raced") / "cache"
    environment = os.environ | {"MLP_FAST_CACHE_DIR": str(cache), "PYTHONPATH": PATHS}
    command = [sys.executable, "-W", "error", "-c", SMALL_BITS]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    return cache, [process.communicate(timeout=900) for process in both]


@pytest.fixture
def filled(raced, tmp_path):
    """Return the files of a copy of that cache, and the copy itself."""
    shutil.copytree(raced[0], tmp_path / "cache")
    return tmp_path / "cache", sorted((tmp_path / "cache").rglob("*.nbc"))


def bits_from(cache, before=""):
    done = completed(before + SMALL_BITS, cache, PATHS)
    assert done.stderr == ""
    return done.stdout.strip()


def test_two_processes_that_fill_one_cache_are_both_right_and_leave_it_whole(raced):
    cache, told = raced
    assert told == [(f"{small_bits()}\n", "")] * 2
    assert bits_from(cache, NO_COMPILER) == small_bits()
    assert {path.suffix for path in cache.rglob("*") if path.is_file()} == {".nbc"}


DAMAGES = {
    "empty": lambda whole: b"",
    "truncated": lambda whole: whole[: len(whole) // 3],
    "lengthened": lambda whole: whole + whole,
    "random": lambda whole: random.Random(0).randbytes(len(whole)),
    "random at the end": lambda whole: whole[:-999] + random.Random(0).randbytes(999),
    "random after a checksum": lambda whole: whole[:32] + random.Random(0).randbytes(99),
}


def assert_mended(cache, damaged):
    """All is as if nothing had been kept, and is kept anew."""
    before = [path.read_bytes() for path in damaged]
    assert bits_from(cache) == small_bits()
    assert not any(path.read_bytes() == old for path, old in zip(damaged, before, strict=True))
    assert bits_from(cache, NO_COMPILER) == small_bits()


def test_a_cache_whose_files_are_each_damaged_otherwise_is_filled_anew(filled):
    """But for the kernel that trains, which takes the longest to compile."""
    cache, files = filled
    files = [path for path in files if ".train." not in path.name]
    damages = ["truncated", "random", "empty"]
    for path, damage in zip(files, damages, strict=True):
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert_mended(cache, files)


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_cache_whose_files_are_all_damaged_alike_is_filled_anew(filled, damage):
    cache, files = filled
    for path in files:
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert_mended(cache, files)


def test_a_cache_whose_files_have_each_others_names_is_filled_anew(filled):
    cache, files = filled
    wholes = [path.read_bytes() for path in files]
    for path, other in zip(files, [*wholes[1:], wholes[0]], strict=True):
        path.write_bytes(other)
    assert_mended(cache, files)


def test_threads_that_forward_get_their_own_answers():
    m = MLP(output_activation="linear").init_weights((1, 3, 1), 0)
    expected = [m.forward([[float(i)]])[0, 0] for i in range(4)]
    wrong = []

    def ask(i):
        for _ in range(2000):
            answer = m.forward([[float(i)]])[0, 0]
            if answer != expected[i]:
                wrong.append(answer)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert wrong == []
