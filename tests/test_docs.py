"""Pages and docstrings name everything that there is."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from mlp_fast import MLP
from mlp_fast.activations import ACTIVATIONS
from mlp_fast.kernels.network.initial import INITIALISATIONS
from mlp_fast.losses import LOSSES
from mlp_fast.optimizers import OPTIMIZERS

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "asv_bench"


def module(path):
    """Return a module that is no part of the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_page_of_paths_is_the_table():
    writer = module(ROOT / "docs" / "write_paths.py")
    assert writer.PAGE.read_text() == writer.page(), "run python docs/write_paths.py"


def test_the_readme_and_the_chart_show_the_comparison():
    writer = module(BENCH / "readme.py")
    readme, page = writer.README.read_text(), writer.PAGE.read_text()
    assert readme == writer.with_table(readme, page), "run python asv_bench/readme.py"
    shown = writer.table(writer.workloads(page))
    assert shown in writer.CHART.read_text(), "run python asv_bench/readme.py"


def test_the_comparison_has_every_workload():
    writer = module(BENCH / "readme.py")
    code = r"import workloads; print(*(row.name for row in workloads.ROWS), sep='\n')"
    run = subprocess.run([sys.executable, "-c", code], cwd=BENCH, capture_output=True, text=True)
    compared = writer.workloads(writer.PAGE.read_text())
    names = [f"{workload.group}: {workload.name}" for workload in compared]
    assert names == run.stdout.splitlines(), run.stderr or "run python asv_bench/table.py"


def test_a_lost_comparison_is_marked():
    writer = module(BENCH / "readme.py")
    lines = [writer.Workload("train", "XOR", "5/s", {"C": "0.99", "JAX": "1.00", "FANN": "1,200"})]
    assert "| XOR | 5/s | **0.99** | 1.00 | 1,200 |" in writer.table(lines)


@pytest.mark.parametrize("name", [*ACTIVATIONS, *LOSSES, *OPTIMIZERS, *INITIALISATIONS])
def test_every_name_that_an_option_may_have_is_in_the_readme_and_in_the_docstring(name):
    assert f"`{name}`" in (ROOT / "README.md").read_text()
    assert f"'{name}'" in MLP.__doc__
