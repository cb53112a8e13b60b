"""What predict, predict_classes and forward answer, and in which form."""

import numpy as np
import pytest
from cases import DTYPES, LEGAL_PAIRS, assert_to_rounding, make_data
from cross import cross

from mlp_fast import MLP, NotFittedError


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_dimensional_targets_get_one_dimensional_answers(dtype):
    X, T = make_data("linear", n_out=1)
    m = MLP(output_activation="linear", dtype=dtype).train(X, T[:, 0], 3)
    assert m.predict(X).shape == (23,)
    assert m.predict(X).dtype == dtype
    assert m.predict(X, m.weights.copy()).shape == (23,)
    assert m.train(X, T, 3).predict(X).shape == (23, 1)


def test_sigmoid_outputs_answer_zero_or_one_each():
    X, T = make_data("sigmoid")
    m = MLP().train(X, T, 3)
    np.testing.assert_array_equal(m.predict(X), m.forward(X) > 0.5)
    assert m.predict(X).dtype.kind == "i"


def test_softmax_answers_one_for_the_largest():
    X, T = make_data("softmax")
    m = MLP(output_activation="softmax").train(X, T, 3)
    A = m.forward(X)
    np.testing.assert_allclose(A.sum(axis=1), 1)
    np.testing.assert_array_equal(m.predict(X), A == A.max(axis=1, keepdims=True))
    np.testing.assert_array_equal(m.predict_classes(X), A.argmax(axis=1))


@pytest.mark.parametrize("output", ["tanh", "linear", "relu", "exponential"])
def test_other_outputs_answer_real_values(output):
    X, T = make_data(output)
    m = MLP(output_activation=output).train(X, T, 3)
    np.testing.assert_array_equal(m.predict(X), m.forward(X))


@pytest.mark.parametrize(
    ("output", "middle"), [("sigmoid", 0.5), ("linear", 0.5), ("exponential", 0.5), ("tanh", 0)]
)
def test_classes_of_one_output_are_told_by_a_threshold(output, middle):
    X, T = make_data(output, n_out=1)
    m = MLP(output_activation=output).train(X, T, 3)
    np.testing.assert_array_equal(m.predict_classes(X), (m.forward(X) > middle).ravel())


def test_tanh_confusion_takes_targets_of_plus_and_minus_one():
    m = MLP(output_activation="tanh").init_weights((1, 1), 0)
    m.weights[0] = [[0], [1]]
    assert m.confmat([[2], [-2], [-3]], [1, 1, -1]).tolist() == [[1, 0], [1, 1]]


def test_tanh_confusion_of_several_outputs_takes_rows_of_plus_and_minus_one():
    m = MLP(output_activation="tanh").init_weights((2, 2), 0)
    m.weights[0] = [[0, 0], [1, 0], [0, 1]]
    X = [[2, -1], [-1, 3], [1, 0]]
    T = [[1, -1], [-1, 1], [-1, 1]]
    assert m.confmat(X, T).tolist() == [[1, 0], [1, 1]]
    assert m.confmat(X, np.maximum(T, 0)).tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("output", "loss"), LEGAL_PAIRS)
def test_steps_are_online_training_to_rounding(output, loss, dtype):
    X, T = make_data(output)
    options = {"output_activation": output, "loss": loss, "dtype": dtype, "layer_sizes": (7, 4)}
    trained = MLP(**options, batch_size=1, shuffle=False, learning_rate=0.1).train(X, T, 2)
    stepped = MLP(**options, learning_rate=0.1).init_weights((5, 7, 4, 3), 0)
    losses = [stepped.step(x, t) for _ in range(2) for x, t in zip(X, T, strict=True)]
    assert_to_rounding(trained.weights, list(stepped.weights), len(losses))
    assert np.mean(losses[23:]) == pytest.approx(trained.loss_curve_[1])


def test_a_step_takes_its_own_rate_and_a_number_for_one_target():
    one, same, other = (MLP(learning_rate=0.5).init_weights((2, 1), 0) for _ in range(3))
    one.step([1, 2], 1)
    same.step((1.0, 2.0), [1.0], learning_rate=0.5)
    other.step((1.0, 2.0), [1.0], learning_rate=0.25)
    start = MLP().init_weights((2, 1), 0).weights[0]
    np.testing.assert_array_equal(one.weights[0], same.weights[0])
    np.testing.assert_allclose(one.weights[0] - start, 2 * (other.weights[0] - start))
    one.forward([[1, 2]])
    one.step([1, 2], 1)
    with pytest.raises(RuntimeError, match="forward"):
        one.backward([[1]])


def test_a_step_whose_loss_is_not_finite_changes_nothing():
    m = MLP(output_activation="linear").init_weights((1, 1), 0)
    before = m.weights.copy()
    with pytest.warns(RuntimeWarning, match="the sample's loss is not finite"):
        m.step([1e300], 1e300)
    np.testing.assert_array_equal(m.weights[0], before[0])


def test_a_step_that_diverges_changes_nothing():
    m = MLP(output_activation="linear").init_weights((1, 1), 0)
    before = m.weights.copy()
    m.forward([[1e200]])
    with pytest.warns(RuntimeWarning, match="the step diverged"):
        m.backward([[1e300]], 1e50)
    np.testing.assert_array_equal(m.weights[0], before[0])


def test_other_weights_change_nothing():
    X, T = make_data("sigmoid")
    m = MLP().train(X, T, 3, layer_sizes=(4,))
    m.forward(X)
    outputs, theta = m.outputs, m.weights.copy()
    other = [W + 1 for W in m.weights]
    assert not np.array_equal(m.forward(X, other), outputs[-1])
    m.predict(X, other)
    m.predict_classes(X, other)
    assert m.outputs is outputs
    for W, before in zip(m.weights, theta, strict=True):
        np.testing.assert_array_equal(W, before)
    m.backward(T, 0.1)  # the forward process is still the last thing that happened to m
    m.weights = theta
    m.weights = other
    np.testing.assert_array_equal(m.forward(X), m.forward(X, other))


def test_weights_are_live_views():
    X, T = make_data("sigmoid")
    m = MLP().train(X, T, 3, layer_sizes=(4,))
    before = m.forward(X)
    m.weights[0][1, 0] = 3.0
    assert m.weights[0][1, 0] == 3.0
    assert not np.array_equal(m.forward(X), before)
    m.weights[-1] = np.zeros((5, 3))
    np.testing.assert_array_equal(m.forward(X), np.full((23, 3), 0.5))
    m.weights = [np.zeros((6, 4)), np.ones((5, 3))]
    np.testing.assert_allclose(m.forward(X), 1 / (1 + np.exp(-1.0)))
    assert len(m.weights) == 2
    assert [W.shape for W in m.weights[:]] == [(6, 4), (5, 3)]


def test_outputs_are_read_only_and_answers_are_not():
    m = MLP().init_weights((2, 1), 0)
    m.forward([[1, 2]])[:] = 0
    assert [A.flags.writeable for A in m.outputs] == [False, False]


def test_backward_needs_a_forward_just_before():
    X, T = make_data("sigmoid")
    m = MLP().init_weights((5, 3), 0)

    def refused():
        with pytest.raises(RuntimeError, match="forward"):
            m.backward(T, 0.1)

    refused()
    m.forward(X)
    m.backward(T, 0.1)
    refused()
    for after in (
        lambda: m.predict(X),
        lambda: m.confmat(X, np.eye(3)[np.arange(23) % 3]),
        lambda: m.train(X, T, 1, layer_sizes=()),
        lambda: m.init_weights((5, 3), 0),
        lambda: m.weights.__setitem__(0, np.ones((6, 3))),
        lambda: m.weights[0].__setitem__((0, 0), 9.0),
    ):
        m.forward(X)
        after()
        refused()


@pytest.mark.parametrize(
    "bad", [[[np.nan] * 5], [[1.0] * 4], [], "text", [[1e308] * 5]], ids=lambda bad: repr(bad)[:12]
)
def test_backward_does_not_take_the_batch_before_a_forward_that_failed(bad):
    X, T = make_data("linear")
    m = MLP(output_activation="linear").init_weights((5, 3), 0)
    m.weights[0] = np.ones((6, 3))
    m.forward(X)
    with pytest.raises((ValueError, TypeError)):
        m.forward(bad)
    with pytest.raises(RuntimeError, match="forward"):
        m.backward(T, 0.1)
    m.forward(X)
    with pytest.raises((ValueError, TypeError)):
        m.forward(bad, m.weights.copy())  # with other weights nothing is changed
    m.backward(T, 0.1)


def test_backward_does_not_follow_a_step_that_changed_nothing():
    m = MLP(layer_sizes=(), output_activation="relu").init_weights((1, 1), 0)
    m.weights = [[[1.0], [0.0]]]  # off
    m.forward([[1.0]])
    m.step([1.0], [1.0])
    with pytest.raises(RuntimeError, match="forward"):
        m.backward([[1.0]])


def test_backward_does_not_see_changes_of_the_inputs():
    X, T = make_data("sigmoid")
    one, other = (MLP().init_weights((5, 3), 0) for _ in range(2))
    one.forward(X)
    one.backward(T, 0.1)
    changed = X.copy()
    other.forward(changed)
    changed[:] = 0
    other.backward(T, 0.1)
    np.testing.assert_array_equal(one.weights[0], other.weights[0])


@pytest.mark.parametrize("k", [1, 2])
def test_ties_are_answered_by_zero_and_by_the_first(k):
    X = np.ones((k, 3))
    for output, expected in (("sigmoid", [0, 0]), ("softmax", [1, 0])):
        m = MLP(output_activation=output).init_weights((3, 2), 0)
        m.weights[0] = np.zeros((4, 2))  # outputs of exactly 0.5
        np.testing.assert_array_equal(m.predict(X), [expected] * k)
        np.testing.assert_array_equal(m.predict_classes(X), [0] * k)
    m = MLP().init_weights((3, 1), 0)
    m.weights[0] = np.zeros((4, 1))
    np.testing.assert_array_equal(m.predict_classes(X), [0] * k)


@cross(
    output=["sigmoid", "softmax"],
    n_out=[1, 3],
    vector=[True, False],
    sparse=[True, False],
    dtype=DTYPES,
    where=lambda output, n_out, vector, sparse, dtype: (
        (output == "sigmoid" or n_out > 1) and not (vector and n_out > 1)
    ),
)
def test_probabilities_are_the_outputs_and_nothing_is_kept(output, n_out, vector, sparse, dtype):
    X, T = make_data(output, n_out=n_out)
    m = MLP(4, output_activation=output, dtype=dtype).train(X, T[:, 0] if vector else T, 3)
    rows = pytest.importorskip("scipy.sparse").csr_array(X) if sparse else X
    P = m.predict_proba(rows)
    assert not hasattr(m, "outputs")
    assert P.shape == (23, n_out)
    assert P.dtype == dtype
    other = MLP(4, output_activation=output, dtype=dtype).train(X, T, 30)
    before = m.forward(X)
    assert_to_rounding([P], [before], 1)
    assert_to_rounding([m.predict_proba(rows, other.weights)], [other.forward(X)], 1)
    with pytest.raises(ValueError, match="X must have 5 columns"):
        m.predict_proba(X[:, 1:])
    m.forward(X)
    kept = [A.copy() for A in m.outputs]
    m.predict_proba(rows[:1])
    assert all(map(np.array_equal, m.outputs, kept))
    with pytest.raises(RuntimeError, match="backward needs the outputs of a forward"):
        m.backward(T)
    assert not np.array_equal(P, other.forward(X))


@pytest.mark.parametrize("output", ["tanh", "linear", "relu", "exponential", "threshold"])
def test_other_outputs_are_no_probabilities(output):
    m = MLP(output_activation=output).init_weights((5, 2))
    with pytest.raises(ValueError, match=f"needs output_activation .*; got '{output}'"):
        m.predict_proba(np.zeros((1, 5)))
    with pytest.raises(NotFittedError, match="call train or init_weights first"):
        MLP(output_activation=output).predict_proba(np.zeros((1, 5)))
