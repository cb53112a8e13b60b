"""What runs when, and fixtures: real data, kernels compiled once, and Ctrl-C.

The data is no part of the project.
"""

import collections
import functools
import os
import signal
from pathlib import Path
from zlib import crc32

import hypothesis
import numpy as np
import pytest
from processes import warmed_up

hypothesis.settings.register_profile("mlp_fast", deadline=None, derandomize=True, max_examples=40)
hypothesis.settings.load_profile("mlp_fast")

MANY = 8  # cases of a test


def pytest_addoption(parser):
    """Add what leaves out some of what is slow."""
    text = "of a test's slow cases, if they are many, run about one in N, always the same ones"
    parser.addoption("--share", type=int, default=1, metavar="N", help=text)


@pytest.hookimpl(tryfirst=True)  # before any are left out
def pytest_collection_modifyitems(config, items):
    """Leave to a slow run what compiles every kernel, and from that what `--share` leaves out."""
    cases = collections.defaultdict(list)
    for item in items:
        if "warmed" in item.fixturenames:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            cases[item.nodeid.partition("[")[0]].append(item)
    n = config.getoption("share")
    many = [of_test for of_test in cases.values() if len(of_test) > MANY]
    left_out = {item for of_test in many for item in of_test if crc32(item.nodeid.encode()) % n}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=[*left_out])


@pytest.fixture
def sigint_not_ignored():
    """Have the handler of a shell's foreground process; one of the background ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def real_data():
    """Return what reads a file of real data, or skips, saying why, where it is absent."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MLP_FAST_DATA", beside))

    def read(name):
        path = folder / name
        if not path.exists():
            reason = f"no {path.name} in {folder}: set MLP_FAST_DATA to the folder that has it"
            if os.environ.get("MLP_FAST_REQUIRE_DATA") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        with np.load(path) as arrays:
            return {key: arrays[key] for key in arrays.files}

    return read


@pytest.fixture(scope="session")
def warmed(tmp_path_factory):
    """Return what compiles every kernel for a target, once for all tests, in one process each.

    That takes some minutes, so tests that use it are slow. Of several processes of tests, one has
    it done, and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # which they have in common
    return functools.cache(lambda target: warmed_up(base / f"warmed-{target}", target))
