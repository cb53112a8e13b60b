"""Numbers that are not finite, or become so: in a step, in weights, in products of inputs."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, assert_to_rounding
from cross import cross

from mlp_fast import MLP, stepping

BAD = [np.nan, np.inf, -np.inf]


def step_noted(m, x, t):
    """Take a step; return its loss and the warnings that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return m.step(x, t), caught


def unless_refused(ask, *arguments):
    """Return an answer, or None if it is refused because a number is not finite."""
    try:
        return ask(*arguments)
    except ValueError as error:
        if "not finite" not in str(error):
            raise
        return None


# --- steps ----------------------------------------------------------------------------------------


@cross(
    hidden=["tanh", "linear"],
    sizes=[(3, 8, 1), (3, 8, 5, 2), (70, 1), (3, 2), (30, 40, 20)],
    dtype=DTYPES,
)
def test_steps_that_diverge_end_with_a_warning_at_finite_weights(hidden, sizes, dtype):
    rng = np.random.default_rng(1)
    m = MLP(activation=hidden, output_activation="linear", dtype=dtype, learning_rate=1.0)
    m.init_weights(sizes, 0)
    x, t = 3 * rng.standard_normal(sizes[0]), np.ones(sizes[-1])
    for _ in range(5000):
        before = m.weights.copy()
        loss, caught = step_noted(m, x, t)
        assert all(np.isfinite(W).all() for W in m.weights)
        if caught:
            break
    assert len(caught) == 1
    assert "the step diverged" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert np.isfinite(loss) == ("a weight is no longer finite" in str(caught[0].message))
    for W, V in zip(m.weights, before, strict=True):
        np.testing.assert_array_equal(W, V)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", ["linear", "tanh"])
def test_a_step_whose_loss_is_finite_but_whose_weights_would_not_be(hidden, dtype):
    big = float(np.sqrt(np.finfo(dtype).max))
    m = MLP(activation=hidden, output_activation="tanh", dtype=dtype).init_weights((1, 1, 1), 0)
    # linear: the hidden unit's output is infinite. The network's is 1 all the same, its error 2
    m.weights = [[[0.0], [4 * big]], [[0.0], [big]]]
    before = m.weights.copy()
    loss, caught = step_noted(m, [big], -1)
    assert np.isfinite(loss)
    assert all(np.isfinite(W).all() for W in m.weights)
    if caught:
        for W, V in zip(m.weights, before, strict=True):
            np.testing.assert_array_equal(W, V)
    assert bool(caught) == (hidden == "linear")  # 0 times infinity


@cross(
    large=["input", "rate", "target"],
    sizes=[(3, 5, 1), (3, 20, 40, 3), (784, 100, 10), (70, 1), (70, 1, 2)],
    hidden=["tanh", "relu", "sigmoid"],
    dtype=DTYPES,
)
def test_a_step_of_which_only_a_part_overflows(large, sizes, hidden, dtype):
    """As eta times an input, before it is multiplied by a delta that is 0 or tiny."""
    huge = float(np.finfo(dtype).max) / 3
    x, t = np.linspace(0.1, 1, sizes[0]), np.zeros(sizes[-1])
    options = {"activation": hidden, "output_activation": "linear", "dtype": dtype}
    m = MLP(**options, learning_rate=10.0).init_weights(sizes, 0)
    if large == "input":
        x[0] = huge
    elif large == "rate":
        x[0], m = 1000.0, MLP(**options, learning_rate=huge).init_weights(sizes, 0)
    else:
        t[0] = np.sqrt(huge) / 10
    for _ in range(3):
        before = m.weights.copy()
        _, caught = step_noted(m, x, t)
        assert all(np.isfinite(W).all() for W in m.weights)
        if caught:
            for W, V in zip(m.weights, before, strict=True):
                np.testing.assert_array_equal(W, V)


@pytest.mark.parametrize(("dtype", "x"), [("float32", 1e35), ("float64", 1e300)])
def test_a_large_step_that_overflows_nowhere_is_taken(dtype, x):
    m = MLP(output_activation="linear", dtype=dtype).init_weights((1, 1), 0)
    m.weights = [[[0.0], [1 / x]]]
    loss, caught = step_noted(m, [x], 3)
    assert loss == pytest.approx(2.0)
    assert not caught
    assert m.weights[0].ravel() == pytest.approx([-0.02, 0.02 * x], rel=1e-6)


def test_an_ordinary_step_copies_no_weights(monkeypatch):
    calls = []
    original = stepping.plain_step

    def counted(net, careful):
        calls.append(careful)
        return original(net, careful)

    monkeypatch.setattr(stepping, "plain_step", counted)
    rng = np.random.default_rng(0)
    for dtype in DTYPES:
        m = MLP(dtype=dtype, learning_rate=10.0).init_weights((784, 100, 10), 0)
        for _ in range(20):
            m.step(1000 * rng.standard_normal(784), rng.random(10))
    assert calls == [True] * 2  # careful, and never any other


# --- weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("sizes", [(3, 1), (3, 4, 2)])
def test_weights_that_are_not_finite_are_refused(sizes, bad):
    m = MLP().init_weights(sizes, 0)
    before = m.weights.copy()
    weights = m.weights.copy()
    weights[-1][-1, 0] = bad
    where = rf"weights\[{len(sizes) - 2}\] must be finite; got {bad}"
    with pytest.raises(ValueError, match=where):
        m.weights = weights
    with pytest.raises(ValueError, match=where):
        m.weights[-1] = weights[-1]
    for ask in (m.predict, m.predict_classes, m.forward):
        for rows in (np.ones((1, 3)), np.ones((4, 3)), sp.csr_array(np.ones((4, 3)))):
            with pytest.raises(ValueError, match=where):
                ask(rows, weights)
    for W, V in zip(m.weights, before, strict=True):
        np.testing.assert_array_equal(W, V)


LAYERS = [(8, 6, 3), (64, 6, 3), (784, 6, 3), (8, 1), (64, 1), (784, 1)]
FORMS = {
    "dense": lambda X: X,
    "CSR": sp.csr_array,
    "a row": lambda X: X[:1].copy(),
    "a row of CSR": lambda X: sp.csr_array(X[:1]),
}


def sound_one(sizes, bad, dtype, meets):
    """Return the network without the bad weight where nothing meets it; else with its limit."""
    m = network_of(sizes, dtype)
    if meets and np.isinf(bad):
        m.weights[0][2, 0] = np.copysign(1e6, bad)  # a sigmoid is then as at infinity
    return m


def network_of(sizes, dtype):
    return MLP(output_activation="linear", dtype=dtype, learning_rate=0.1).init_weights(sizes, 0)


def rows_that_meet(meets, n_in, dtype):
    """Return rows of which every other input is 0 and input 1 is what meets the bad weight."""
    X = np.random.default_rng(0).standard_normal((5, n_in)).astype(dtype)
    X[:, ::2], X[:, 1] = 0, meets
    return X


@cross(sizes=LAYERS, form=FORMS, meets=[0.0, 0.5], bad=BAD, dtype=DTYPES)
def test_a_live_weight_that_is_not_finite_gives_no_finite_wrong_answer(
    sizes, form, meets, bad, dtype
):
    """It may go unseen where it meets only zeros, and an infinite one where sigmoid saturates."""
    m, sound = network_of(sizes, dtype), sound_one(sizes, bad, dtype, meets)
    m.weights[0][2, 0] = bad
    rows, n_out = FORMS[form](rows_that_meet(meets, sizes[0], dtype)), sizes[-1]
    k = rows.shape[0]
    T = np.zeros((k, 1)) if n_out == 1 else np.eye(n_out)[np.arange(k) % n_out]
    may_go_unseen = meets == 0 or (np.isinf(bad) and len(sizes) == 3)
    for ask in ("predict", "forward", "predict_classes", "confmat"):
        arguments = (rows, T) if ask == "confmat" else (rows,)
        answer = unless_refused(getattr(m, ask), *arguments)
        if answer is not None:
            assert may_go_unseen
            np.testing.assert_array_equal(answer, getattr(sound, ask)(*arguments))


@cross(sizes=LAYERS, meets=[0.0, 0.5], bad=BAD, dtype=DTYPES)
def test_a_live_weight_that_is_not_finite_spoils_no_other(sizes, meets, bad, dtype):
    m, sound = network_of(sizes, dtype), sound_one(sizes, bad, dtype, meets)
    m.weights[0][2, 0] = bad
    before = m.weights.copy()
    X, t = rows_that_meet(meets, sizes[0], dtype), np.ones(sizes[-1])
    loss, caught = step_noted(m, X[0], t)
    if caught:
        expected = before
    else:
        assert meets == 0 or (np.isinf(bad) and len(sizes) == 3)
        assert loss == sound.step(X[0], t)
        expected = sound.weights.copy()
        expected[0][2, 0] = bad
    for W, V in zip(m.weights, expected, strict=True):
        np.testing.assert_array_equal(W, V)
    if unless_refused(m.forward, X) is not None:
        with pytest.warns(RuntimeWarning, match="a weight is no longer finite"):
            m.backward(np.ones((5, sizes[-1])))
    for W, V in zip(m.weights, expected, strict=True):
        np.testing.assert_array_equal(W, V)


# --- products of inputs ---------------------------------------------------------------------------


@cross(
    sizes=[(4, 1, 1), (4, 3, 1), (4, 16, 1), (4, 30, 1), (4, 64, 1)],
    beta_and_rate=[(1.0, 0.1), (2.0, 0.1), (1.0, 1e-22)],
    dtype_and_size=[("float32", 3e19), ("float64", 1e200)],
    form=[np.asarray, sp.csr_array],
)
def test_shallow_networks_learn_from_inputs_whose_products_overflow(
    sizes, beta, rate, dtype, size, form
):
    rng = np.random.default_rng(0)
    X, T = (rng.standard_normal((40, 4)) * size).astype(dtype), rng.random((40, 1))
    X[:, 1] = 0
    options = {"dtype": dtype, "beta": beta, "learning_rate": rate}
    m = MLP(layer_sizes=sizes[1], batch_size=1, shuffle=False, **options).train(form(X), T, 3)
    stepped = MLP(**options).init_weights(sizes, 0)
    for x, t in zip(np.tile(X, (3, 1)), np.tile(T, (3, 1)), strict=True):
        stepped.step(x, t)
    assert m.loss_curve_.shape == (3,)
    assert_to_rounding(m.weights, list(stepped.weights), 120)


@pytest.mark.parametrize("learning_rate", [1e-300, 1e-30, 1e30, 1e300])
def test_any_rate_chooses_a_path(learning_rate):
    m = MLP(layer_sizes=3, batch_size=1, shuffle=False, learning_rate=learning_rate)
    X, T = np.array([[0.0, 1e3], [1e-3, 1.0]]), np.array([0.0, 1.0])
    stepped = MLP(learning_rate=learning_rate).init_weights((2, 3, 1), 0)
    losses = [stepped.step(x, t) for x, t in zip(X, T, strict=True)]
    assert m.train(X, T, 1).loss_curve_[0] == pytest.approx(np.mean(losses))
