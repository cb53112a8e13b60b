"""The command line, and what the documentation shows."""

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlp_fast import MLP, __main__, __version__, demo

MODULES = [
    "mlp",
    "optimizers",
    "plots.activations",
    "plots.animation",
    "plots.boundary",
    "plots.pages",
    "schedules",
    "sklearn.classifier",
    "sklearn.regressor",
    "warming",
]
README = Path(__file__).parents[1] / "README.md"


def test_demo_prints_the_tutorials_figures_and_reads_digits(capsys, monkeypatch):
    monkeypatch.setattr(demo, "EPOCHS", 5)
    assert __main__.main(["demo"]) == 0
    captured = capsys.readouterr()
    errors = [float(e) for e in re.findall(r"error (0\.\d+(?:e-\d+)?)", captured.out)]
    assert errors == pytest.approx([0.008145708816099705, 0.0004818608199957538], rel=1e-10)
    tables = re.findall(
        r"target 1  target 0\n +predicted 1 +(\d) +(\d)\n +predicted 0 +(\d) +(\d)\n", captured.out
    )
    assert tables == [("2", "0", "0", "2"), ("1", "0", "0", "3")]
    assert float(re.search(r"accuracy ([\d.]+)%, on 360 other rows", captured.out)[1]) > 90
    fast, slow = (
        float(n.replace(",", ""))
        for n in re.findall(r"(?:mlp_fast|NumPy) ([\d,]+) samples/s", captured.out)
    )
    times = float(re.search(r"(\d+) times as fast", captured.out)[1])
    assert times == pytest.approx(fast / slow, rel=0.05)
    assert len(re.findall(r"\.\.\. took \d+\.\d s", captured.out)) == 2
    assert "sample/s" in captured.err  # the progress bar
    assert "7.18k/7.18k" in captured.err


def test_the_table_of_a_gate_is_its_confusion_matrix(capsys, monkeypatch):
    matrix = [[1, 2], [3, 4]]  # [[tp, fp], [fn, tn]]
    monkeypatch.setattr(MLP, "confmat", lambda self, X, T: np.array(matrix))
    demo.gate("XOR", demo.XOR_INPUTS, demo.XOR_TARGETS, seed=0)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert lines == [
        ["confusion", "matrix", "target", "1", "target", "0"],
        ["predicted", "1", "1", "2"],
        ["predicted", "0", "3", "4"],
    ]


def test_what_may_compile_is_announced_and_timed(capsys, monkeypatch):
    """Take down what was printed before each call, in the order of the calls."""
    calls = []

    def spied(name):
        method = getattr(MLP, name)

        def call(self, *arguments, **options):
            calls.append((name, capsys.readouterr().out))
            return method(self, *arguments, **options)

        monkeypatch.setattr(MLP, name, call)

    for name in ("train", "confmat", "predict_classes"):
        spied(name)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    demo.run()
    assert [name for name, _ in calls] == [
        *["train", "confmat"] * 3,
        *["train", "predict_classes"] * 2,
    ]
    announced = [told.endswith("compiling, or loading from disk ...\n") for _, told in calls]
    assert announced == [True, *[False] * 5, True, *[False] * 3]
    # that time is told before the next call
    assert [bool(re.search(r"\.\.\. took \d+\.\d s\n", told)) for _, told in calls] == [
        *[False] * 2,
        True,
        *[False] * 5,
        True,
        False,
    ]


def test_numpy_takes_the_steps_that_mlp_fast_takes(monkeypatch):
    networks, references = [], []

    def spied(kind, into):
        train = kind.train

        def call(self, X, *arguments, **options):
            into.append((self, len(X)))
            return train(self, X, *arguments, **options)

        monkeypatch.setattr(kind, "train", call)

    spied(MLP, networks)
    spied(demo.Reference, references)
    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "NUMPY_SAMPLES", 1437)  # one epoch
    demo.digits()
    (network, rows), (reference, _) = networks[-1], references[-1]
    assert rows == 1437
    for ours, theirs in zip(network.weights, reference.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_the_losses_are_what_the_demo_says_of_them():
    X, T = demo.XOR_INPUTS, demo.XOR_TARGETS
    m = MLP(layer_sizes=2, random_state=3).init_weights((2, 2, 1), 3)
    squares = np.sum((m.forward(X) - T) ** 2)
    m.train(X, T, 1)
    assert m.error_ == pytest.approx(squares / 4)
    assert m.loss_curve_[0] == pytest.approx(squares / 4 / 2)


def test_demo_writes_the_plots_and_names_the_page_to_open(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "digits", lambda: None)
    assert __main__.main(["demo", "--plots", str(tmp_path / "new")]) == 0
    index = tmp_path / "new" / "index.html"
    assert capsys.readouterr().out.splitlines()[-1] == f"  open {index}"
    assert index.exists()
    assert len(list((tmp_path / "new").glob("[1-7]-*.html"))) == 7


def test_a_folder_that_cannot_be_made_is_one_line_and_nothing_is_trained(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(demo, "gate", lambda *_, **__: pytest.fail("trained"))
    (tmp_path / "file").touch()
    assert __main__.main(["demo", "--plots", str(tmp_path / "file" / "new")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m mlp_fast demo: ")
    assert str(tmp_path / "file" / "new") in line


@pytest.mark.parametrize(("module", "extra"), [("sklearn", "demo"), ("tqdm", "demo")])
def test_demo_without_an_extra_names_it(module, extra, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert __main__.main(["demo"]) == 1
    assert f"pip install 'mlp_fast[{extra}]'" in capsys.readouterr().err


def test_progress_without_its_extra_names_it_and_changes_nothing(monkeypatch):
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    m = importlib.import_module("mlp_fast").MLP().init_weights((1, 1), 0)
    before = m.weights[0].copy()
    with pytest.raises(ImportError, match=r"mlp_fast\[progress\]"):
        m.train([[1.0]], [1.0], progress=True)
    assert m.weights[0].tolist() == before.tolist()


def output_of(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "mlp_fast", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    return done.stdout


def test_without_a_command_there_is_help(capsys):
    assert __main__.main([]) == 0
    told = capsys.readouterr().out
    assert "demo" in told
    with pytest.raises(SystemExit) as stopped:
        __main__.main(["--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == told
    assert output_of().startswith("usage: python -m mlp_fast")


def test_version():
    assert output_of("--version") == f"mlp_fast {__version__}\n"


def test_an_unknown_command_is_an_error(capsys):
    with pytest.raises(SystemExit) as stopped:
        __main__.main(["dmo"])
    assert stopped.value.code == 2
    assert "demo" in capsys.readouterr().err


def test_help_does_not_import_the_demo():
    code = (
        "import sys; from mlp_fast.__main__ import main; main([]); "
        "print([m for m in sys.modules if m.startswith(('mlp_fast.demo', 'mlp_fast.plots'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "[]"


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
