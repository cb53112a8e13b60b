"""`loss`, `gradient`, `input_gradient`, `hidden_outputs`, `summary`: right, and without a trace."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, LEGAL_PAIRS, make_betas, make_data, make_pair
from cross import cross
from jobs import at_once, digest
from scipy.optimize import minimize
from states import everything

from mlp_fast import MLP
from mlp_fast.optimizers import Momentum
from mlp_fast.reference import Reference
from mlp_fast.schedules import Step

SHAPES = [(5, 3), (5, 17, 3), (13, 2, 3), (5, 4, 1, 6, 3)]  # the third by output
ROWS = [1, 23, 257, 600]  # the kernels take 256 at a time
FORMS = {"dense": np.asarray, "CSR": sp.csr_array}
STEP = 1e-5


def make(sizes, hidden, output, loss, dtype, k):
    """Return a network, the reference in float64, and examples, many of whose inputs are 0."""
    m, _ = make_pair(sizes, hidden, output, loss, dtype)
    if output == "relu":
        m.weights[-1][0] -= 1  # alive: with a bias of -1, most of h is above 0
    activations = [hidden] * (len(sizes) - 2) + [output]
    weights = [W.astype(float) for W in m.weights]
    X, T = make_data(output, k, sizes[0], sizes[-1])
    X *= np.random.default_rng(0).random(X.shape) < 0.6
    reference = Reference(weights, activations, loss, make_betas(activations))
    return m, reference, X.astype(dtype), T.astype(dtype)


def assert_fresh(arrays, shapes, dtype):
    for A, shape in zip(arrays, shapes, strict=True):
        assert type(A) is np.ndarray
        assert (A.shape, A.dtype) == (shape, dtype)
        assert A.flags.c_contiguous
        assert A.flags.writeable
        assert A.base is None


def assert_close(actual, expected, dtype, terms):
    """Compare means of so many terms."""
    for A, E in zip(actual, expected, strict=True):
        bound = 8 * np.finfo(dtype).eps * (16 + np.sqrt(terms))
        np.testing.assert_allclose(A, E, rtol=bound, atol=bound * np.abs(E).max())


def test_both_layouts_are_there():
    shapes = [MLP(dtype=d).init_weights(s)._net.layout.shape for d in DTYPES for s in SHAPES]
    assert [shape.input_major for shape in shapes] == [True, True, False, True] * 2


@cross(
    most=250,
    output_and_loss=LEGAL_PAIRS,
    hidden=HIDDEN,
    sizes=SHAPES,
    k=ROWS,
    form=FORMS,
    dtype=DTYPES,
    all_meet=["sizes", "form", "dtype"],
)
def test_loss_and_gradients_agree_with_the_reference(output, loss, hidden, sizes, k, form, dtype):
    m, reference, X, T = make(sizes, hidden, output, loss, dtype, k)
    rows, exact = FORMS[form](X), (X.astype(float), T.astype(float))
    H, A = reference.forward(exact[0])
    gradient, by_inputs = m.gradient(rows, T), m.input_gradient(rows, T)
    assert_fresh(gradient, [W.shape for W in m.weights], dtype)
    assert_fresh([by_inputs], [X.shape], dtype)
    assert type(m.loss(rows, T)) is float
    assert_close([m.loss(rows, T)], [reference.mean_loss(*exact)], dtype, k)
    assert_close(gradient, reference.gradients(H, A, exact[1]), dtype, k)
    # a row's errors are those of no other row, but k is small beside the largest of them
    assert_close([by_inputs], [reference.input_gradients(H, A, exact[1])], dtype, 16)


def differences(array, value):
    """Return the central differences of a function of nothing, by each number of an array."""
    found = np.empty(array.shape)
    for index in np.ndindex(*array.shape):
        x = array[index]
        array[index] = x + STEP
        above = value()
        array[index] = x - STEP
        found[index] = (above - value()) / (2 * STEP)
        array[index] = x
    return found


@cross(
    output_and_loss=LEGAL_PAIRS,
    hidden=HIDDEN,
    sizes=[(5, 3), (5, 6, 3), (13, 2, 3), (5, 4, 3, 3)],
    form=FORMS,
)
def test_gradients_are_central_differences_of_the_loss(output, loss, hidden, sizes, form):
    k = 7
    m, _, X, T = make(sizes, hidden, output, loss, "float64", k)
    rows = FORMS[form](X)
    for W, G in zip(m.weights, m.gradient(rows, T), strict=True):
        np.testing.assert_allclose(G, differences(W, lambda: m.loss(rows, T)), rtol=1e-6, atol=1e-9)
        assert np.abs(G).max() > 1e-4
    G = m.input_gradient(rows, T)
    np.testing.assert_allclose(G, differences(X, lambda: m.loss(X, T)), rtol=1e-6, atol=1e-9)
    assert np.abs(G).max() > 1e-4
    of_rows = [m.input_gradient(rows[[i]], T[[i]])[0] / k for i in range(k)]
    np.testing.assert_allclose(G, of_rows, rtol=1e-12, atol=1e-15)


@cross(
    hidden=[*HIDDEN, "threshold"], sizes=SHAPES, k=ROWS, form=FORMS, dtype=DTYPES, all_meet=["k"]
)
def test_hidden_outputs_agree_with_the_reference(hidden, sizes, k, form, dtype):
    m, reference, X, _ = make(sizes, hidden, "softmax", "cross_entropy", dtype, k)
    answers = m.hidden_outputs(FORMS[form](X))
    _, A = reference.forward(X.astype(float))
    assert_fresh(answers, [(k, n) for n in sizes[1:-1]], dtype)
    assert_close(answers, A[1:-1], dtype, 16)


@pytest.mark.parametrize("hidden", ["sigmoid", "threshold"])
@pytest.mark.parametrize("output", ["sigmoid", "threshold"])
def test_a_network_for_recall_has_a_loss_but_no_gradients(hidden, output):
    m, reference, X, T = make((5, 4, 3), hidden, output, "squared_error", "float64", 23)
    assert_close([m.loss(X, T)], [reference.mean_loss(X, T)], "float64", 23)
    if "threshold" in (hidden, output):
        for ask in (m.gradient, m.input_gradient):
            with pytest.raises(ValueError, match=r"'threshold' cannot be trained, for its deriv"):
                ask(X, T)


@pytest.mark.parametrize(
    ("loss", "of"),
    [
        ("cross_entropy", "softmax"),
        ("binary_cross_entropy", "sigmoid"),
        ("poisson", "exponential"),
    ],
)
def test_a_threshold_output_has_the_squared_error_only(loss, of):
    m = MLP(output_activation="threshold", loss=loss).init_weights((2, 3, 2))
    with pytest.raises(ValueError, match=f"='threshold' is .*; got '{loss}', which goes.*'{of}'"):
        m.loss([[0, 1]], [[0, 1]])


ASKED = {
    "loss": lambda m, X, T: [np.float64(m.loss(X, T))],
    "gradient": lambda m, X, T: m.gradient(X, T),
    "input_gradient": lambda m, X, T: [m.input_gradient(X, T)],
    "hidden_outputs": lambda m, X, T: m.hidden_outputs(X),
}


def answers_of(m, X, T):
    return digest(*(A for ask in ASKED.values() for A in ask(m, X, T)))


@cross(
    ask=ASKED,
    dtype=DTYPES,
    bad=["a weight", "weights", "X", "T"],
    form=FORMS,
    # no outputs are compared with T, and a loss is a sum in float64
    where=lambda ask, dtype, bad, **_: (
        bad != "T" or ask.endswith("gradient") or (ask, dtype) == ("loss", "float64")
    ),
)
def test_what_is_not_finite_is_an_error(ask, dtype, bad, form):
    m = MLP(activation="linear", output_activation="linear", dtype=dtype).init_weights((3, 4, 2))
    huge = float(np.finfo(dtype).max) / 2
    X, T = np.ones((2, 3)), np.ones((2, 2))
    m.weights = [np.full(W.shape, huge if bad == "weights" else 4.0) for W in m.weights]
    if bad == "a weight":
        m.weights[0][1, 2] = np.nan
    elif bad != "weights":
        (X if bad == "X" else T)[:] = huge
    what = {"hidden_outputs": "outputs are", "loss": "loss is"}.get(ask, "gradient is")
    with pytest.raises(ValueError, match=rf"the (network's )?{what} not finite: .* {dtype}, or"):
        ASKED[ask](m, FORMS[form](X), T)


@pytest.mark.parametrize("ask", ASKED)
def test_nothing_is_changed(ask):
    X, T = make_data("sigmoid", 23, 5, 1)
    orders = [np.random.default_rng(i).permutation(23) for i in range(9)]
    options = {"batch_size": 4, "orders": orders, "patience": 5, "save_weights": True}
    pair = [MLP(4, **options).train(X, T, 9, learning_rate=9) for _ in range(2)]
    for m in pair:
        m.predict(X[:1])
        m.forward(X)
    m, twin = pair
    outputs = [A.tobytes() for A in m.outputs]
    held = vars(m).copy()
    for rows in (X[:7], sp.csr_array(X[:7])):  # fewer rows than are in the orders
        ASKED[ask](m, rows, T[:7, 0])
    assert {name: id(value) for name, value in vars(m).items()} == {
        name: id(value) for name, value in held.items()
    }
    assert [A.tobytes() for A in m.outputs] == outputs
    for each in pair:
        each.backward(T)  # by the forward before
        each.resume(X, T, 9, orders=None)
    assert everything(m, X) == everything(twin, X)


@pytest.mark.parametrize("batch_size", [1, 4, None])
def test_callbacks_see_the_weights_in_use(batch_size):
    X, T = make_data("sigmoid", 23, 5, 1)
    m, told = MLP(4, batch_size=batch_size, learning_rate=0.5, patience=3), []

    def callback(epoch, network, logs):
        other = MLP(4).init_weights((5, 4, 1))
        other.weights = network.weights.copy()
        assert answers_of(network, X, T) == answers_of(other, X, T)
        told.append(f"epochs trained: {epoch + 1}" in network.summary())

    m.train(X, T, 6, callback=callback, validation=(X, T))
    assert told == [True] * m.epochs_
    assert m.loss(X, T) == m.validation_loss_curve_[m.best_epoch_]
    alone = MLP(4, batch_size=batch_size, learning_rate=0.5, patience=3)
    assert everything(m, X) == everything(alone.train(X, T, 6, validation=(X, T)), X)


def test_threads_get_the_answers_of_one():
    networks = []
    for sizes, dtype in (((300, 40, 3), "float64"), ((70, 2, 3), "float32")):
        m, _, X, T = make(sizes, "tanh", "softmax", "cross_entropy", dtype, 300)
        networks += [(m, X, T), (m, X[::-1], T), (m, sp.csr_array(X), T)]
    alone = [answers_of(*asked) for asked in networks]
    told = at_once(lambda asked: {answers_of(*asked) for _ in range(5)}, networks)
    assert told == [{answers} for answers in alone]


@pytest.mark.parametrize("ask", ["input_gradient", "hidden_outputs"])
@pytest.mark.parametrize("form", FORMS)
def test_many_rows_need_little_more_memory_than_the_answer(ask, form):
    m = MLP(dtype="float32").init_weights((20, 30, 1))
    rows, T = FORMS[form](np.eye(20, dtype="float32")[np.arange(50_000) % 20]), np.zeros(50_000)
    T = T.astype("float32")
    ASKED[ask](m, rows[:1], T[:1])
    tracemalloc.start()
    try:
        answer = ASKED[ask](m, rows, T)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    checked = answer[0].size  # a byte for each number is told finite
    assert peak < sum(A.nbytes for A in answer) + checked + 1_000_000 * (1 + (form == "CSR"))


FEW = {"maxiter": 60}


def flat(arrays):
    return np.concatenate([A.ravel() for A in arrays])


@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
def test_lbfgs_reaches_a_lower_loss(loss):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 4))
    T = np.eye(3)[(X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 0.5)]
    m = MLP(8, activation="tanh", output_activation="softmax", loss=loss)
    trained = m.train(X, T, 300, learning_rate=0.5).loss(X, T)
    m.init_weights((4, 8, 3))
    shapes = [W.shape for W in m.weights]
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]

    def value_and_gradient(theta):
        parts = np.split(theta, ends)
        m.weights = [w.reshape(shape) for w, shape in zip(parts, shapes, strict=True)]
        return m.loss(X, T), flat(m.gradient(X, T))

    found = minimize(value_and_gradient, flat(m.weights), method="L-BFGS-B", jac=True, options=FEW)
    assert found.fun < trained / 2
    assert np.mean(m.predict_classes(X) == T.argmax(axis=1)) > 0.95


# --- summary --------------------------------------------------------------------------------------

TOLD = """\
MLP of 784 inputs, float32
layer     weights     activation         parameters
1 hidden  (785, 100)  sigmoid, beta 0.5      78,500
2 hidden  (101, 20)   tanh                    2,020
3 output  (21, 10)    softmax                   210
total                                        80,730
loss: cross_entropy
update rule: sgd, learning_rate 0.5
epochs trained: 2"""


def test_a_summary_tells_layers_loss_rule_and_epochs():
    options = {"output_activation": "softmax", "loss": "cross_entropy", "dtype": "float32"}
    m = MLP((100, 20), activation=["sigmoid", "tanh"], beta=[0.5, 1, 1], **options)
    m.train(np.zeros((10, 784)), np.eye(10), 2, learning_rate=0.5)
    assert m.summary() == TOLD


def test_a_summary_needs_weights_but_no_training():
    m = MLP(()).init_weights((13, 1))
    assert m.summary().splitlines()[2:] == [
        "1 output  (14, 1)  sigmoid             14",
        "total                                  14",
        "loss: squared_error",
        "update rule: sgd, learning_rate 0.01",
        "epochs trained: 0",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimizer": "adam"}, "adam, learning_rate 0.01"),
        ({"optimizer": Momentum(0.5), "l2": 0.1}, f"{Momentum(0.5)}, learning_rate 0.01, l2 0.1"),
        ({"optimizer": "rprop", "clip_norm": 2.0}, "rprop, clip_norm 2"),
        ({"learning_rate": Step(0.5, 10)}, f"sgd, {Step(0.5, 10)}"),
    ],
)
def test_a_summary_tells_the_rule_and_what_goes_with_it(options, words):
    assert f"\nupdate rule: {words}\n" in MLP((), **options).init_weights((2, 1)).summary()
