"""The comparison's verdicts: asv_bench is no part of the package, but its table makes claims."""

import importlib.util
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCH = Path(__file__).parents[1] / "asv_bench"


@pytest.fixture(scope="module")
def judge():
    spec = importlib.util.spec_from_file_location("judge", BENCH / "judge.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["judge"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["judge"]


def outside(n, i):
    """Return the chance that the median is not between the i-th smallest and the i-th largest."""
    return 2 * sum(math.comb(n, k) for k in range(i)) / 2**n


@pytest.mark.parametrize("n", range(6, 40))
def test_the_interval_is_the_narrowest_that_is_sure_enough(judge, n):
    low, high = judge.median_interval(range(n, 0, -1))
    i = int(low)
    assert high == n + 1 - i
    assert outside(n, i) <= 0.05 < outside(n, i + 1)


def test_of_few_values_the_interval_holds_all(judge):
    assert judge.median_interval([3.0, 1.0, 2.0]) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("interval", "word"), [((2.0, 2.5), "kept"), ((1.9, 2.5), "unsure"), ((1.5, 1.99), "missed")]
)
def test_only_a_whole_interval_is_sure(judge, interval, word):
    target = SimpleNamespace(ratio=2.0, best_of=("C",))
    assert judge.Verdict(target, judge.Ratio("C", 2.0, interval)).word == word


def test_ratios_are_of_pairs_and_to_the_fastest(judge):
    target = SimpleNamespace(ratio=2.0, best_of=("C", "JAX"), dtypes=("float32", "float64"))
    row = SimpleNamespace(targets=[target])
    results = [
        judge.Result("mlp_fast", [10.0, 40.0, 20.0], 1),
        judge.Result("C, any sizes", [5.0, 20.0, 10.0], 1),
        judge.Result("C, these sizes", [4.0, 16.0, 8.0], 1),
        judge.Result("JAX", [1.0, 1.0, 1.0], 1),
    ]
    outcome = judge.Outcome(row, "float32", 1, results, [])
    (verdict,) = outcome.verdicts
    assert (verdict.ratio.peer, verdict.ratio.value) == ("C, any sizes", 2.0)
    assert verdict.ratio.interval == (2.0, 2.0)
    assert outcome.ratio(("PyTorch",)) is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_promise_may_be_of_one_dtype(judge, dtype):
    promised = {"float32": 2.5, "float64": 3.0}
    targets = [SimpleNamespace(ratio=r, best_of=("JAX",), dtypes=(d,)) for d, r in promised.items()]
    results = [judge.Result("mlp_fast", [4.0], 1), judge.Result("JAX", [1.0], 1)]
    outcome = judge.Outcome(SimpleNamespace(targets=targets), dtype, 1, results, [])
    assert [verdict.target.ratio for verdict in outcome.verdicts] == [promised[dtype]]


def test_plain_descent_does_not_stand_in_for_a_rule_that_is_missing(judge):
    results = [judge.Result(judge.PLAIN, [4.0], 1), judge.Result("JAX", [1.0], 1)]
    outcome = judge.Outcome(SimpleNamespace(targets=[]), "float32", 1, results, [])
    assert outcome.ours is None
    assert outcome.ratio(("JAX",)) is None
