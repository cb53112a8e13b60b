"""scikit-learn's own tests of its multi-layer perceptrons, run on this package's."""

from pathlib import Path

import pytest
import sklearn.neural_network

import mlp_fast

SOURCE = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
OURS = "from mlp_fast import MLPClassifier, MLPRegressor\n"


def loaded():
    """Return what their file defines if it imports our estimators."""
    source = SOURCE.read_text(encoding="utf-8")
    assert source.count(THEIRS) == 1
    defined = {"__name__": "their_tests"}
    exec(compile(source.replace(THEIRS, OURS), str(SOURCE), "exec"), defined)
    return defined


DEFINED = loaded()
TESTS = {name: value for name, value in DEFINED.items() if name.startswith("test_")}
globals().update(TESTS)


@pytest.fixture
def global_random_seed():
    """The seed that scikit-learn's conftest has by default."""
    return 42


def test_theirs_are_all_here_and_run_ours():
    source = SOURCE.read_text(encoding="utf-8")
    assert len(TESTS) == source.count("\ndef test_") > 40
    assert {name: globals()[name] for name in TESTS} == TESTS
    for cls in mlp_fast.MLPClassifier, mlp_fast.MLPRegressor:
        assert DEFINED[cls.__name__] is cls
