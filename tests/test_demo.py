"""The command line, and what the documentation shows."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlp_fast import __main__, demo

MODULES = [
    "mlp",
    "plots.activations",
    "plots.animation",
    "plots.boundary",
    "plots.pages",
    "warming",
]
README = Path(__file__).parents[1] / "README.md"


def test_demo_prints_the_tutorials_figures_and_reads_digits(capsys, monkeypatch):
    monkeypatch.setattr(demo, "EPOCHS", 5)
    assert __main__.main(["demo"]) == 0
    captured = capsys.readouterr()
    errors = [float(e) for e in re.findall(r"error (0\.\d+(?:e-\d+)?)", captured.out)]
    assert errors == pytest.approx([0.008145708816099705, 0.0004818608199957538], rel=1e-10)
    assert "[[2 0]\n [0 2]]" in captured.out
    assert "[[1 0]\n [0 3]]" in captured.out
    assert float(re.search(r"test accuracy ([\d.]+)%", captured.out)[1]) > 90
    fast, slow = (
        float(n.replace(",", "")) for n in re.findall(r"([\d,]+) samples/s", captured.out)
    )
    times = float(re.search(r"(\d+) times faster", captured.out)[1])
    assert times == pytest.approx(fast / slow, rel=0.05)
    assert "sample/s" in captured.err  # the progress bar
    assert "7.18k/7.18k" in captured.err


def test_demo_writes_the_plots(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "digits", lambda: None)
    assert __main__.main(["demo", "--plots", str(tmp_path / "new")]) == 0
    written = sorted((tmp_path / "new").glob("*.html"))
    assert len(written) == 7
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("wrote")] == [f"wrote {p}" for p in written]


@pytest.mark.parametrize(("module", "extra"), [("sklearn", "demo"), ("tqdm", "demo")])
def test_demo_without_an_extra_names_it(module, extra, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert __main__.main(["demo"]) == 1
    assert f"pip install 'mlp_fast[{extra}]'" in capsys.readouterr().err


def test_progress_without_its_extra_names_it_and_changes_nothing(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    m = importlib.import_module("mlp_fast").MLP().init_weights((1, 1), 0)
    before = m.weights[0].copy()
    with pytest.raises(ImportError, match=r"mlp_fast\[progress\]"):
        m.train([[1.0]], [1.0], progress=True)
    assert m.weights[0].tolist() == before.tolist()


def test_a_command_is_asked_for(capsys):
    with pytest.raises(SystemExit):
        __main__.main([])
    assert "demo" in capsys.readouterr().err
    done = subprocess.run([sys.executable, "-m", "mlp_fast", "--help"], capture_output=True)
    assert done.returncode == 0


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module):
    result = doctest.testmod(importlib.import_module(f"mlp_fast.{module}"))
    assert result.attempted > 1
    assert result.failed == 0


def test_snippets_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(snippets) >= 3
    namespace = {}
    for snippet in snippets:
        exec(compile(snippet, str(README), "exec"), namespace)
