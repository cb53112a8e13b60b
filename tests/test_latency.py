"""What asv_bench/latency.py calls compiled code alone is that of its calls, and learns the same."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "asv_bench"
FEW = """
import turns
from latency_rows import ROWS

turns.TIMED = 0.0  # one pass
names = [row.name for row in ROWS]
assert len(set(names)) == len(names), "a row cannot be told from another"
for row in ROWS:
    network = row.network
    few = row.call.rows < 100 and not row.call.lists
    if network.sizes == (8, 50, 1) and few and network.optimizer in ("sgd", "momentum"):
        found = turns.measured(row, "{dtype}", 1, peers=False).of  # compared with the reference
        assert found["mlp_fast"][0] > 0 < found["floor"][0]
        print(row.call.name)
"""
CALLS = {"predict", "predict_proba", "predict_classes", "forward"}
CALLS |= {"step", "partial_train", "forward, backward"}


def in_bench(*arguments):
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=BENCH, capture_output=True, text=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_calls_and_their_compiled_code_agree_with_the_reference(dtype):
    run = in_bench("-c", FEW.format(dtype=dtype))
    assert set(run.stdout.splitlines()) == CALLS, run.stderr


def test_the_script_prints_a_line_for_a_row():
    name = "predict: 1 row, 8-50-1, tanh, linear"
    run = in_bench("latency.py", "--rows", name, "--repetitions", "1", "--dtypes", "float64")
    last = [line for line in run.stdout.splitlines() if line.startswith("| ")][-1]
    cells = last[2:-2].split(" | ")
    assert cells[:4] == ["predict", "8-50-1, tanh, linear", "float64", "1"], run.stderr
    assert all(float(cell) > 0 for cell in cells[4:7])
