"""`MLP.export_onnx`: ONNX Runtime answers as `forward` does, and no failure leaves half a file."""

import errno
import os
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from cases import DTYPES, HIDDEN, OUTPUTS, learns_little, make_data
from cross import cross
from hypothesis import assume, given, settings
from roundings import FACTOR, Spread, UnsureError, distance
from states import state

from mlp_fast import MLP, NotFittedError, __version__, onnx_model
from mlp_fast.activations import ACTIVATIONS

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

pytestmark = learns_little

ALL_HIDDEN = [*HIDDEN, "threshold"]
# Measured with ONNX Runtime 1.32, of one activation of the same h and of |h| from 1e-3 to 1e4: at
# most 1.6 eps for sigmoid, 2.2 (float32) and 3.5 (float64) for tanh, 1.4 for the exponential, 2.9
# for softmax, each as a part of the output, and 0 for the others. Below the least normal number,
# where either side may have 0, it is less than that number.
ROUNDINGS = 6


def running(content):
    """Return a function that has ONNX Runtime compute Y from X."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda X: session.run(["Y"], {"X": X})[0]


def content_of(m, folder):
    m.export_onnx(folder / "m")
    return (folder / "m").read_bytes()


def network(*sizes, **options):
    options = {"output_activation": "linear"} | options
    return MLP(sizes[1:-1], **options).init_weights(sizes)


def one_to_one(g, position, dtype, n=3, **options):
    """Return a network whose layer of this activation has the inputs for its h."""
    if position == "output":
        m = network(n, n, output_activation=g, dtype=dtype, **options)
    else:
        m = network(n, n, n, activation=g, dtype=dtype, **options)
    m.weights = [np.vstack([np.zeros(n), np.eye(n)])] * len(m.weights)
    return m


def assert_close(Y, A):
    eps, least = np.finfo(A.dtype).eps, np.finfo(A.dtype).tiny
    assert (Y.dtype, Y.shape) == (A.dtype, A.shape)
    np.testing.assert_allclose(Y, A, rtol=ROUNDINGS * eps, atol=least)


# Numbers


@cross(
    g=OUTPUTS,
    position=["hidden", "output"],
    dtype=DTYPES,
    meeting=3,
    where=lambda g, position, dtype: g in ALL_HIDDEN or position == "output",
)
def test_every_activation_is_that_of_forward(g, position, dtype, tmp_path):
    rng = np.random.default_rng(0)
    for beta in (1.0, 0.3, 7.0) if g == "sigmoid" else (1.0,):
        betas = (beta,) if position == "output" else (beta, 1.0)
        m = one_to_one(g, position, dtype, beta=betas)
        run = running(content_of(m, tmp_path))
        for scale in (1e-3, 1.0, 10.0, 80.0):
            X = rng.uniform(-scale, scale, (100, 3)).astype(dtype)
            assert_close(run(X), m.forward(X))


@cross(
    g=OUTPUTS,
    position=["hidden", "output"],
    dtype=DTYPES,
    meeting=3,
    where=lambda g, position, dtype: g in ALL_HIDDEN or position == "output",
)
def test_however_large_h_is_nothing_becomes_nan_or_leaves_its_range(g, position, dtype, tmp_path):
    m = one_to_one(g, position, dtype)
    run = running(content_of(m, tmp_path))
    ends = [0.0, 15.0, 18.5, 40.0, 80.0, 88.5, 100.0, 709.0, 720.0, 1e3, 1e4]
    h = np.unique([*np.linspace(0, 1e4, 500), *np.linspace(0, 40, 500), *ends])
    h = np.concatenate([-h[::-1], h])
    if g == "exponential":  # whose output is infinite above
        h = h[h < 85]
    X = np.column_stack([h, h[::-1], np.roll(h, 7)]).astype(dtype)
    Y = run(X)
    assert_close(Y, m.forward(X))
    assert ACTIVATIONS[g].low <= Y.min()
    assert Y.max() <= ACTIVATIONS[g].high


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("position", ["hidden", "output"])
def test_a_threshold_is_0_at_0(position, dtype, tmp_path):
    m = one_to_one("threshold", position, dtype, n=1)
    for bias in (0.0, -0.0, 0.5):  # h is x - bias, and exact
        m.weights[0][0, 0] = bias
        b = np.array(bias, dtype)
        X = np.array([b, np.nextafter(b, 1), np.nextafter(b, -1), 0.0, -0.0, 1, -1], dtype)[:, None]
        Y = running(content_of(m, tmp_path))(X)
        assert Y.dtype == dtype
        assert Y.tolist() == m.forward(X).tolist() == (X > b).tolist()
        assert Y[0] == 0


@st.composite
def cases(draw):
    """Draw a network with weights, and rows."""
    sizes = (
        draw(st.sampled_from([1, 2, 5, 70])),
        *draw(st.lists(st.sampled_from([1, 2, 3, 8, 9, 17, 40]), max_size=3)),
        draw(st.integers(1, 5)),
    )
    names, steepness = st.sampled_from(ALL_HIDDEN), st.sampled_from([0.3, 1.0, 5.0])
    activations = (*(draw(names) for _ in sizes[1:-1]), draw(st.sampled_from(OUTPUTS)))
    betas = [draw(steepness) if g == "sigmoid" else 1.0 for g in activations]
    dtype = draw(st.sampled_from(DTYPES))
    m = MLP(
        sizes[1:-1],
        activation=activations[:-1] or "sigmoid",
        output_activation=activations[-1],
        beta=betas,
        dtype=dtype,
        batch_size=draw(st.sampled_from([None, 1])),  # which decides on the layout
    ).init_weights(sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([0.5, 1.0, 3.0]))
    m.weights = [rng.standard_normal(W.shape) * scale / np.sqrt(len(W)) for W in m.weights]
    X = rng.standard_normal((draw(st.integers(1, 20)), sizes[0])).astype(dtype)
    return m, activations, betas, X


def is_sure(spread, H):
    """Return whether no rounding puts a sum of a threshold to the other side of 0."""
    for l, g in enumerate(spread.plain.activations):
        h, *others = (sums[l] for sums in H)
        reach = FACTOR * np.max([np.abs(other - h) for other in others], axis=0)
        if g == "threshold" and np.any((np.abs(h) <= reach) & (reach > 0)):
            return False
    return True


@settings(max_examples=150)
@given(cases())
def test_any_network_answers_as_forward_does_to_roundings(tmp_path_factory, case):
    m, activations, betas, X = case
    # how far roundings lead is told by the reference with roundings of its own; forward and ONNX
    # Runtime differ by a tenth of it at the most, of 3,000 networks
    spread = Spread(m.weights.copy(), activations, "squared_error", betas)
    with np.errstate(all="ignore"):
        H, outputs = zip(*(run.sums_and_outputs(X) for run in spread.runs), strict=True)
    limit = np.sqrt(np.finfo(X.dtype).max)  # far from where the order of a sum's terms decides
    assume(all(np.abs(A).max() < limit for run in (*H, *outputs) for A in run))
    assume(is_sure(spread, H))
    for run, A in zip(spread.runs, outputs, strict=True):
        run.answer = A[-1]
    try:
        _, allowed = spread.allowed(lambda run: run.answer, axis=1)
    except UnsureError:
        assume(False)
    Y, A = running(content_of(m, tmp_path_factory.getbasetemp()))(X), m.forward(X)
    assert (Y.dtype, Y.shape) == (A.dtype, A.shape)
    assert distance(Y, A, allowed) <= 1


# The model


@cross(hidden=[(), (4,), (5, 6, 2)], g=OUTPUTS, dtype=DTYPES)
def test_the_model_is_valid_and_says_what_it_is(hidden, g, dtype, tmp_path):
    m = network(3, *hidden, 2, output_activation=g, activation="tanh", dtype=dtype)
    content = content_of(m, tmp_path)
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert (model.producer_name, model.producer_version) == ("mlp_fast", __version__)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    assert model.ir_version == 8  # which all can read that know this opset
    element = onnx.TensorProto.FLOAT if dtype == "float32" else onnx.TensorProto.DOUBLE
    for (value,), name, n in ((model.graph.input, "X", 3), (model.graph.output, "Y", 2)):
        assert value.name == name
        assert value.type.tensor_type.elem_type == element
        k, width = value.type.tensor_type.shape.dim
        assert (k.dim_param, k.WhichOneof("value"), width.dim_value) == ("batch", "dim_param", n)
    assert {constant.data_type for constant in model.graph.initializer} == {element}
    assert content_of(m, tmp_path) == content


@pytest.mark.parametrize("g", OUTPUTS)
def test_a_model_takes_any_number_of_rows(g, tmp_path):
    m = network(4, 3, 2, output_activation=g)
    run = running(content_of(m, tmp_path))
    X = np.random.default_rng(0).standard_normal((1000, 4))
    assert run(X[:0]).shape == (0, 2)
    for k in (1, 2, 7, 1000):
        np.testing.assert_allclose(run(X[:k]), m.forward(X[:k]), rtol=1e-13)


def test_the_weights_are_those_that_the_network_has_now(tmp_path):
    m = network(2, 1)
    X = np.array([[1.0, 2.0], [3.0, 5.0]])
    m.weights[0][:] = [[1.0], [2.0], [3.0]]
    assert running(content_of(m, tmp_path))(X).tolist() == [[7.0], [20.0]]
    m.weights[0][0, 0] = -10.0
    assert running(content_of(m, tmp_path))(X).tolist() == [[18.0], [31.0]]


def test_targets_of_one_dimension_change_nothing(tmp_path):
    X, T = make_data("linear", 20, 3, 1)
    m = MLP((4,), output_activation="linear").train(X, T[:, 0], 3)
    assert m.predict(X).ndim == 1
    assert_close(running(content_of(m, tmp_path))(X), m.forward(X))


def test_nothing_is_changed_and_backward_may_follow(tmp_path):
    X, T = make_data("sigmoid", 20, 3, 1)
    m = MLP((4,), patience=3).train(X, T, 5)
    before = state(m)
    m.forward(X)
    m.export_onnx(tmp_path / "m")
    assert state(m) == before
    m.backward(T)


def test_a_callback_exports_what_it_would_save(tmp_path):
    X, T = make_data("sigmoid", 20, 3, 1)
    exported, saved = [], []

    def callback(epoch, m, logs):
        exported.append(running(content_of(m, tmp_path))(X))
        m.save(tmp_path / "saved")
        saved.append(MLP.load(tmp_path / "saved").forward(X))

    m = MLP((4,), batch_size=1, learning_rate=0.5, patience=9, tol=9.0)  # the first is the best
    m.train(X, T, 3, callback=callback)
    assert m.best_epoch_ == 0
    for Y, A in zip(exported, saved, strict=True):
        np.testing.assert_allclose(Y, A, rtol=1e-13)
    np.testing.assert_array_equal(exported[-1], exported[0])


def test_every_activation_has_a_formula():
    assert [*onnx_model.FORMULAS] == [*ACTIVATIONS]


# What cannot be exported


@pytest.fixture
def old(tmp_path):
    """Return a path at which there is a file, which is to stay as it is."""
    path = tmp_path / "m"
    path.write_bytes(b"old")
    yield path
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["m"]


def test_a_file_is_replaced(tmp_path):
    (tmp_path / "m").write_bytes(b"old")
    onnx.checker.check_model(onnx.load_from_string(content_of(network(2, 1), tmp_path)))
    assert os.listdir(tmp_path) == ["m"]


def test_without_weights_there_is_nothing_to_export(old, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)  # which comes later
    with pytest.raises(NotFittedError, match="call train or init_weights first"):
        MLP().export_onnx(old)


def test_without_onnx_the_error_names_the_extra(old, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"needs onnx, .*pip install 'mlp_fast\[onnx\]'"):
        network(2, 1).export_onnx(old)


def test_importing_the_package_does_not_import_onnx():
    code = "import sys, mlp_fast, mlp_fast.onnx_model; print('onnx' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", DTYPES)
def test_weights_that_are_not_finite(number, dtype, old):
    m = network(2, 3, 1, dtype=dtype)
    m.weights[1][0, 0] = number  # which a view does not check
    with pytest.raises(ValueError, match=r"^weights must be finite to be exported; one was set to"):
        m.export_onnx(old)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("absent/m", FileNotFoundError),
        ("folder", IsADirectoryError),
        ("file/m", NotADirectoryError),
    ],
)
def test_where_nothing_can_be_written(name, error, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"mine")
    monkeypatch.setattr(onnx_model, "_model", lambda net: pytest.fail("made for nothing"))
    with pytest.raises(error) as caught:
        network(2, 1).export_onnx(tmp_path / name)
    assert repr(str(tmp_path / name)) in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("path", [None, 3, b"m"])
def test_what_is_no_path(path):
    with pytest.raises(TypeError, match=r"^path must be a str or os\.PathLike"):
        network(2, 1).export_onnx(path)


def test_a_full_disk_leaves_the_old_file(old, monkeypatch):
    def fill(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fill)
        with pytest.raises(OSError, match="No space left on device") as caught:
            network(2, 1).export_onnx(old)
    assert caught.value.filename == str(old)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_that_no_file_can_hold(dtype, old, monkeypatch):
    assert onnx_model.LARGEST == 2**31 - 1
    m = network(30, 40, 2, dtype=dtype)
    needed = (31 * 40 + 41 * 2) * np.dtype(dtype).itemsize + 2 * onnx_model.BESIDES
    monkeypatch.setattr(onnx_model, "LARGEST", needed - 1)
    wanted = (
        rf"^weights must fit in {needed - 1:,} bytes to be exported, .*; 30-40-2, input and output "
        rf"included, needs {needed:,} as {dtype}$"
    )
    with pytest.raises(ValueError, match=wanted):
        m.export_onnx(old)


@pytest.mark.parametrize("g", ALL_HIDDEN)
def test_besides_its_weights_a_layer_is_small(g, tmp_path, monkeypatch):
    m = network(*[1] * 301, activation=g)
    size = 300 * 2 * 8 + 300 * onnx_model.BESIDES
    monkeypatch.setattr(onnx_model, "LARGEST", size)
    assert len(content_of(m, tmp_path)) < size


def test_an_activation_without_a_formula(old, monkeypatch):
    monkeypatch.delitem(onnx_model.FORMULAS, "tanh")
    wanted = r"^activation must be one of 'sigmoid', 'linear', .* to be exported; got 'tanh'$"
    with pytest.raises(ValueError, match=wanted):
        network(2, 3, 1, activation="tanh").export_onnx(old)
