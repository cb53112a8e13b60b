"""An activation is added by one entry among the kernels, and its meaning by one in the reference.

Tried in a copy of the package: softplus, whose derivative is told from its output, and GELU, whose
derivative is not, so that kernels have to keep h for it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mlp_fast

PACKAGE = Path(mlp_fast.__file__).parent
SCALE, CUBE = 0.7978845608028654, 0.044715  # sqrt(2 / pi)

KERNELS = f"""
def _softplus(h: Value, beta: Value) -> Any:
    return (h > 0.0).choose(h, h.constant(0.0)) + log1p.formula(exp.formula(-h.call("fabs")))


def _gelu_tanh(h: Value) -> Any:
    return tanh.formula(h * {SCALE} + h * h * h * {SCALE * CUBE})


def _gelu(h: Value, beta: Value) -> Any:
    return h * 0.5 * (_gelu_tanh(h) + 1.0)


def _gelu_derivative(h: Value, beta: Value) -> Any:
    t = _gelu_tanh(h)
    inner = h * h * {3 * SCALE * CUBE} + {SCALE}
    return (t + 1.0) * 0.5 + h * 0.5 * (h.constant(1.0) - t * t) * inner


ACTIVATIONS = {{
"""
ENTRIES = """
        Activation(
            "softplus", _softplus, lambda a, beta: a.constant(1.0) - exp.formula(-a), low=0.0
        ),
        Activation("gelu", _gelu, _gelu_derivative, derivative_uses_h=True),
        Activation("linear","""
MEANINGS = f"""
    "softplus": (lambda H, beta: np.logaddexp(0, H), lambda H, A, beta: 1 - np.exp(-A)),
    "gelu": (
        lambda H, beta: 0.5 * H * (1 + np.tanh({SCALE} * (H + {CUBE} * H**3))),
        lambda H, A, beta: 0.5 * (1 + np.tanh({SCALE} * (H + {CUBE} * H**3)))
        + 0.5 * H / np.cosh({SCALE} * (H + {CUBE} * H**3)) ** 2
        * {SCALE} * (1 + {3 * CUBE} * H**2),
    ),
    "linear": ("""

TRIED = """
import sys
import numpy as np
import scipy.sparse as sp
from mlp_fast import MLP
from mlp_fast.reference import Reference
from spying import taken

dtype, whole = sys.argv[1], sys.argv[2] == "whole"

def compare(actual, expected, steps):
    for W, V in zip(actual, expected, strict=True):
        bound = 16 * steps * np.finfo(dtype).eps
        assert abs(W - V).max() <= bound * max(1, abs(V).max()), (abs(W - V).max(), bound)

def try_out(name, sizes, batch_size, sparse=False, hidden=None, output=None):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((9, sizes[0])).astype(dtype)
    X[rng.random(X.shape) < 0.5] = 0
    T = rng.random((9, sizes[-1])).astype(dtype)
    hidden, output = hidden or name, output or name
    m = MLP(
        layer_sizes=sizes[1:-1],
        activation=hidden,
        output_activation=output,
        batch_size=batch_size,
        learning_rate=0.05,
        shuffle=False,
        dtype=dtype,
    ).init_weights(sizes, 0)
    activations = [hidden] * (len(sizes) - 2) + [output]
    reference = Reference(m.weights.copy(), activations)
    m.train(sp.csr_array(X) if sparse else X, T, 3)
    reference.train(X, T, [np.arange(9)] * 3, batch_size or 9, 0.05)
    compare(m.weights, reference.weights, 27)
    bound = 16 * 27 * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=bound)
    H, A = reference.forward(X)
    np.testing.assert_allclose(m.forward(X), A[-1], rtol=bound, atol=bound)
    compare(m.outputs[1:], A[1:], 27)
    m.backward(T, 0.1)
    reference.step(X, T, 0.1)
    m.step(X[0], T[0], 0.1)
    reference.step(X[:1], T[:1], 0.1)
    compare(m.weights, reference.weights, 30)
    if sizes[-1] > 1 or output != "sigmoid":
        answer, expected = m.predict(X[:1]), reference.forward(X[:1])[1][-1]
        np.testing.assert_allclose(answer, expected, rtol=bound, atol=bound)

def try_all(name):
    for batch_size in (1, 4, None) if whole else (1, None):
        try_out(name, (17, 9, 3), batch_size)
        try_out(name, (17, 5, 9, 3), batch_size, hidden="tanh")
        try_out(name, (17, 9, 3), batch_size, output="linear")
        if whole:
            try_out(name, (70, 1), batch_size)
            try_out(name, (70, 1, 3), batch_size, sparse=True)
            try_out(name, (17, 9, 3), batch_size, sparse=True)
    try_out(name, (2, 2, 1), 1)

for name in ("softplus", "gelu"):
    with taken() as calls:
        try_all(name)
    print(name, any(call.path.special for call in calls))
"""


@pytest.mark.slow  # compiling, half a minute to a minute each
@pytest.mark.parametrize(
    ("dtype", "networks"), [("float64", "some"), ("float64", "whole"), ("float32", "whole")]
)
def test_two_entries_are_enough_for_a_new_activation(tmp_path, dtype, networks):
    copied = tmp_path / "site" / "mlp_fast"
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    insert(
        copied / "kernels" / "network" / "activation.py",
        {
            "\nACTIVATIONS = {\n": KERNELS,
            '\n        Activation("linear",': ENTRIES,
            "import exp, sigmoid, tanh": "import exp, log1p, sigmoid, tanh",
        },
    )
    insert(copied / "reference.py", {'\n    "linear": (': MEANINGS})
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("COV_")},
        "PYTHONPATH": os.pathsep.join([str(copied.parent), str(Path(__file__).parent)]),
        "MLP_FAST_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRIED, dtype, networks],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    # the special paths take what is told from outputs, as the table says, and nothing else
    assert done.stdout.splitlines() == ["softplus True", "gelu False"]


def insert(path, edits):
    """Edit a file at places that are there exactly once."""
    text = path.read_text()
    for old, new in edits.items():
        assert text.count(old) == 1, (path.name, old)
        text = text.replace(old, new)
    path.write_text(text)
