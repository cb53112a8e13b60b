"""Where floating point is strained: losses of saturated outputs, large inputs, extreme betas."""

import numpy as np
import pytest
from cases import calls_of
from cross import cross
from scipy.special import xlogy

from mlp_fast import MLP

PAIRS = [("softmax", "cross_entropy", 2), ("sigmoid", "binary_cross_entropy", 1)]


def loss_of(h, T, output, loss, dtype):
    """Return the loss of one sample whose last layer sums to h, and the weights' change."""
    h, T = np.atleast_2d(h), np.atleast_2d(T)
    m = MLP(output_activation=output, loss=loss, dtype=dtype, layer_sizes=(), batch_size=1)
    m.init_weights((1, h.shape[1]), 0)
    m.weights[0] = np.vstack([np.zeros_like(h), h])
    start = m.weights.copy()
    run = calls_of(m, np.ones((1, 1), dtype), T.astype(dtype), learning_rate=1.0)
    kernel, arguments = run._path.kernel, run._arguments
    kernel(*arguments, run.curves, 0, 1)
    return run.curves.loss[0], start[0] - m.weights[0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [0, 1e-6, 1, 30, 100, 1e4, 1e30])
def test_entropies_are_finite_and_right_where_outputs_saturate(size, dtype):
    size = float(np.dtype(dtype).type(size))
    for h, truth in ((size, 0.0), (-size, 1.0)):  # the wrong answer, ever more surely
        loss, _ = loss_of([[h]], [[truth]], "sigmoid", "binary_cross_entropy", dtype)
        assert loss == pytest.approx(np.logaddexp(0, size), rel=1e-12)
        loss, _ = loss_of([[h]], [[1 - truth]], "sigmoid", "binary_cross_entropy", dtype)
        assert loss == pytest.approx(np.logaddexp(0, -size), rel=1e-12)
    loss, _ = loss_of([[size, 0.0]], [[0, 1]], "softmax", "cross_entropy", dtype)
    assert loss == pytest.approx(np.logaddexp(0, size), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("t", [0, 1e-30, 0.75, 1, 4, 1e6])
def test_the_poisson_loss_is_that_of_its_definition(t, dtype):
    for h in (-1e30, -200.0, -1.5, 0.0, 3.0, 80.0):
        h, t = (float(np.dtype(dtype).type(x)) for x in (h, t))
        a = np.exp(h)
        loss, change = loss_of([[h]], [[t]], "exponential", "poisson", dtype)
        size = abs(t * h) + t + a + abs(xlogy(t, t))
        assert loss == pytest.approx(xlogy(t, t) - t * h - t + a, rel=1e-12, abs=1e-15 * size)
        bound = 4 * float(np.finfo(dtype).eps)
        assert float(change[1, 0]) == pytest.approx(a - t, rel=bound, abs=bound * (a + t + abs(h)))
        many, _ = loss_of([[h, 0.0]], [[t, 1.0]], "exponential", "poisson", dtype)
        assert many == pytest.approx(loss, rel=1e-12)


def test_the_poisson_loss_is_0_only_where_outputs_are_their_targets():
    for t in (0.3, 1.0, 17.0):
        assert loss_of(np.log(t), t, "exponential", "poisson", "float64")[0] < 1e-14
        assert loss_of(np.log(t) + 0.01, t, "exponential", "poisson", "float64")[0] > 1e-6
    assert loss_of(-800.0, 0.0, "exponential", "poisson", "float64")[0] == 0  # a is, too


def test_cross_entropy_of_a_soft_target_is_the_formula():
    h, t = np.array([0.3, -1.2, 2.0]), np.array([0.2, 0.5, 0.3])
    a = np.exp(h) / np.exp(h).sum()
    loss, change = loss_of(h, t, "softmax", "cross_entropy", "float64")
    assert loss == pytest.approx(-np.sum(t * np.log(a)))
    np.testing.assert_allclose(change[1], a - t)


def test_a_zero_target_of_an_impossible_class_costs_nothing():
    loss, _ = loss_of([[1e308, -1e308]], [[1, 0]], "softmax", "cross_entropy", "float64")
    assert loss == 0


@cross(output_and_loss_and_n_out=PAIRS, batch_size=[1, None], dtype=["float64", "float32"])
def test_training_on_large_finite_inputs_stays_finite(output, loss, n_out, batch_size, dtype):
    X = np.array([[1e15, -1e15], [-1e15, 1e15], [3e14, 2e14]])
    T = np.eye(2)[[0, 1, 0]][:, :n_out]
    m = MLP(output_activation=output, loss=loss, dtype=dtype, batch_size=batch_size)
    m.train(X, T, 20, layer_sizes=())
    assert m.loss_curve_.shape == (20,)
    assert np.isfinite(m.loss_curve_).all()


def test_an_output_that_is_not_finite_is_an_error_no_number():
    m = MLP(output_activation="linear").init_weights((2, 1), 0)
    with pytest.raises(ValueError, match="not finite"):
        m.predict([[1.7e308, 1.7e308]], [[[0], [1], [1]]])
    m.weights[0][0, 0] = np.nan
    for ask in (m.predict, m.forward, m.predict_classes):
        with pytest.raises(ValueError, match="not finite"):
            ask([[0, 0]])


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "softmax"])
def test_activations_saturate_at_the_ends_of_their_range(output):
    m = MLP(output_activation=output).init_weights((1, 2), 0)
    m.weights[0] = [[0, 0], [1e5, -1e5]]
    low = -1 if output == "tanh" else 0
    assert m.forward([[1.0]]).tolist() == [[1, low]]
