"""Extreme inputs, and sizes in the millions: a run ends at finite weights, or is refused."""

import copy
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, LEGAL_PAIRS, assert_to_rounding, make_data, reference_of
from cross import cross

from mlp_fast import MLP

MILLION = 10**6
SIZES = [(3, 4, 1), (2, 3, 1), (2, 2, 2), (40, 9, 3), (90, 1, 2), (90, 1)]  # on paths of their own


def in_form(X, sparse):
    return sp.csr_array(X) if sparse else X


# --- inputs ---------------------------------------------------------------------------------------


def extreme_rows(kind, k, n_in, dtype):
    smallest = float(np.finfo(dtype).smallest_subnormal)
    denormals = [smallest, -smallest, 2**20 * smallest]
    values = {
        "huge": [1e30, -1e30],
        "denormal": denormals,
        "all sizes": [1e30, -1e30, 1.0, 0.0, *denormals],
    }
    return np.random.default_rng(0).choice(values[kind], (k, n_in)).astype(dtype)


def ending(X, T, **options):
    """Train; return the network, whether it warned, and all that it can be asked, as bytes."""
    m = MLP(**options, learning_rate=0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m.train(X, T, 5)
    try:
        outputs = m.forward(X)
    except ValueError as error:  # hidden units of no bound may overflow, now or in training
        assert "the network's outputs are not finite" in str(error)  # noqa: PT017
        outputs = np.zeros(0)
    assert np.isfinite(outputs).all()
    bits = [A.tobytes() for A in (*m.weights, m.loss_curve_, outputs)]
    return m, [(warning.category, str(warning.message)) for warning in caught], bits


@cross(
    kind=["huge", "denormal", "all sizes"],
    sizes=SIZES,
    output_and_loss=LEGAL_PAIRS,
    hidden=HIDDEN,
    batch_size=[1, 3, None],
    sparse=[False, True],
    dtype=DTYPES,
    all_meet=["sizes", "batch_size", "sparse", "dtype"],
    where=lambda sizes, output, **_: output != "softmax" or sizes[-1] > 1,
)
def test_extreme_inputs_end_at_finite_weights(
    kind, sizes, output, loss, hidden, batch_size, sparse, dtype
):
    X, (_, T) = extreme_rows(kind, 9, sizes[0], dtype), make_data(output, 9, sizes[0], sizes[-1])
    options = {"layer_sizes": sizes[1:-1], "activation": hidden, "output_activation": output}
    options |= {"loss": loss, "batch_size": batch_size, "dtype": dtype}
    m, told, bits = ending(in_form(X, sparse), T, **options)
    assert all(np.isfinite(W).all() for W in m.weights)
    assert np.isfinite(m.loss_curve_).all()
    if told:
        ((category, message),) = told
        assert category is RuntimeWarning
        assert message.startswith(f"training diverged in epoch {len(m.loss_curve_)} ")
        assert kind != "denormal"
    else:
        assert len(m.loss_curve_) == 5
    assert ending(in_form(X, sparse), T, **options)[1:] == (told, bits)
    if kind == "denormal":  # which is as good as 0
        zeros, _, _ = ending(in_form(np.zeros_like(X), sparse), T, **options)
        assert_to_rounding(m.weights, list(zeros.weights), 45)


# --- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sparse", [False, True])
def test_a_million_epochs_of_one_sample_take_memory_for_three_curves(sparse, dtype):
    X, T = in_form(np.array([[0.0, 1.0]], dtype), sparse), [0.75]
    m = MLP((2,), batch_size=1, learning_rate=0.01, dtype=dtype).train(X, T, 1)
    first = m.loss_curve_[0]
    tracemalloc.start()
    m.train(X, T, MILLION)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 25 * MILLION + 1e5
    assert m.loss_curve_.shape == (MILLION,)
    assert m.loss_curve_[0] == first
    assert m.loss_curve_[-1] < 1e-6 * first
    assert np.all(np.diff(m.loss_curve_[:1000]) < 0)


def agrees_with_the_reference(m, X, sparse, T, epochs, steps):
    """Compare training in the order of the rows, and the answers after it."""
    m.init_weights((X.shape[1], *m.settings.layer_sizes, T.shape[1]))
    layers = len(m.weights)
    reference = reference_of(m, "squared_error", ["sigmoid"] * layers, [1.0] * layers)
    orders = [np.arange(len(X))] * epochs
    m.train(in_form(X, sparse), T, epochs, shuffle=False)
    reference.train(X, T, orders, m.settings.batch_size or len(X), m.settings.learning_rate)
    assert_to_rounding(m.weights, reference.weights, steps)
    bound = 8 * steps * np.finfo(X.dtype).eps
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=bound)
    answers = m.predict_proba(in_form(X, sparse))
    np.testing.assert_allclose(answers, reference.forward(X)[1][-1], rtol=bound)
    return answers


@cross(
    hidden=[(), (1,), (2,)],
    k=[1, 2],
    share=[1e-4, 1.0],  # of the inputs that are not 0
    sparse=[False, True],
    batch_size=[1, None],
    dtype=DTYPES,
)
def test_a_million_inputs(hidden, k, share, sparse, batch_size, dtype):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((k, MILLION)) < share, rng.choice([-1, 1], (k, MILLION)), 0)
    X, T = X.astype(dtype), np.array([[0.1], [0.9]], dtype)[:k]
    rate = 4 / (MILLION * share)  # by which the outputs change, but do not jump
    m = MLP(hidden, batch_size=batch_size, learning_rate=rate, dtype=dtype)
    before = m.init_weights((MILLION, *hidden, 1)).predict_proba(X)
    # a sum of so many roundings differs from another by the square root of their number
    answers = agrees_with_the_reference(m, X, sparse, T, 3, 1000)
    assert np.sum((answers - T) ** 2) < 0.99 * np.sum((before - T) ** 2)


@pytest.mark.parametrize(
    ("batch_size", "sparse", "dtype"),
    [
        (1, False, "float32"),
        (None, True, "float32"),
        pytest.param(1, True, "float64", marks=pytest.mark.slow),
        pytest.param(None, False, "float64", marks=pytest.mark.slow),
        pytest.param(1, False, "float64", marks=pytest.mark.slow),
    ],
)
def test_ten_million_weights(batch_size, sparse, dtype):
    X, T = (A.astype(dtype) for A in make_data("sigmoid", 3, 3000, 3))
    m = MLP((3000, 333), batch_size=batch_size, learning_rate=0.1, dtype=dtype)
    agrees_with_the_reference(m, X, sparse, T, 2, 100)
    assert sum(W.size for W in m.weights) > 10**7


REFUSED = {
    "hidden": lambda m: m.train([[0.0, 1.0]], [1.0], layer_sizes=(10**6, 10**6), epochs=9),
    "inputs": lambda m: m.train(
        sp.csr_array((1, 2**31 - 1)), [1.0], layer_sizes=10**3, dtype="float32"
    ),
    "fresh weights": lambda m: m.init_weights((10**6, 10**6, 1)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("attempt", REFUSED)
def test_what_no_memory_holds_is_refused_without_a_trace(attempt, dtype):
    """By this machine's own limits, which other tests replace."""
    X, T = make_data("sigmoid", 9, 2, 1)
    m = MLP((3,), dtype=dtype, save_weights=True).train(X, T, 3, learning_rate=0.5)
    m.forward(X)
    untouched = copy.deepcopy(m)
    with pytest.raises(ValueError, match="must make a network that memory can hold"):
        REFUSED[attempt](m)
    assert (m.settings, m.in_force) == (untouched.settings, untouched.in_force)
    np.testing.assert_equal(list(m.weights), list(untouched.weights))
    for name in ("saved_weights", "outputs", "loss_curve_", "error_"):
        np.testing.assert_equal(getattr(m, name), getattr(untouched, name))
    m.backward(T)  # still follows its forward
    untouched.forward(X)
    untouched.backward(T)
    np.testing.assert_equal(list(m.weights), list(untouched.weights))
