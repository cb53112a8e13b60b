"""Bad input: an error that names argument, rule and value; nothing changed."""

import re

import numpy as np
import pytest
from cases import LEGAL_PAIRS, LOSSES, OUTPUTS
from cross import cross

from mlp_fast import MLP, NotFittedError

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
T = np.array([[0.0], [1.0], [1.0], [0.0]])
HUGE = np.full((4, 2), 1e300)
ILLEGAL_PAIRS = [
    (output, loss)
    for output in OUTPUTS
    for loss in LOSSES
    if output != "threshold" and (output, loss) not in LEGAL_PAIRS
]


CACHED = ("_net", "_answering", "_passes", "_passed", "_steps", "_few", "outputs")
"""What is compared otherwise, and what calls make once."""


def state(m):
    attributes = {name: value for name, value in vars(m).items() if name not in CACHED}
    return (
        [W.tobytes() for W in m.weights],
        m._net,
        {name: id(value) for name, value in attributes.items()},
        m.loss_curve_.tobytes(),
        m.error_,
        [W.tobytes() for weights in m.saved_weights for W in weights],
        [A.tobytes() for A in m.outputs],
    )


@pytest.fixture
def m():
    """Return a network that has every attribute there is."""
    m = MLP(layer_sizes=(2,)).train(X, T, 3, save_weights=True)
    m.forward(X)
    return m


def with_value(value, at=(1, 0)):
    A = X.copy()
    A[at] = value
    return A


def with_value_of_any_kind(value):
    A = X.astype(object)
    A[1, 0] = value
    return A


BAD_X = {
    "nan": (with_value(np.nan), ValueError, r"X must be finite; got nan at \(1, 0\)"),
    "infinity": (
        with_value(-np.inf, (3, 1)),
        ValueError,
        r"X must be finite; got -inf at \(3, 1\)",
    ),
    "empty": (np.empty((0, 2)), ValueError, r"X must not be empty; got shape \(0, 2\)"),
    "no columns": (np.empty((4, 0)), ValueError, "X must not be empty"),
    "an empty list": ([], ValueError, "X must not be empty"),
    "ragged": ([[0, 1], [1], [1, 0], [0, 0]], ValueError, "X must be rectangular"),
    "1-D": (X[:, 0], ValueError, r"X must be 2-D, of shape \(k, n_in\); got shape \(4,\)"),
    "3-D": (X[None], ValueError, "X must be 2-D"),
    "a number": (3.0, ValueError, "X must be 2-D"),
    "masked": (np.ma.masked_array(X, X > 0), TypeError, "X must not be a masked array"),
    "masked rows": ([*np.ma.masked_array(X, X > 0)], TypeError, "X must not be a masked array"),
    "beyond float64": (
        X + np.longdouble("1e4000"),
        ValueError,
        r"X must be finite; got 1e\+4000, which is infinite as float64",
    ),
    "complex": (X + 0j, TypeError, "X must hold real numbers; got dtype complex128"),
    "strings": (X.astype(str), TypeError, "X must hold real numbers; got dtype <U"),
    "objects": (X.astype(object), TypeError, r"got dtype object; .* converted by astype\(float\)"),
    "text among objects": (
        with_value_of_any_kind("Paris"),
        TypeError,
        r"X must hold real numbers; got dtype object, such as 'Paris' at \(1, 0\)$",
    ),
    "None among numbers": (
        with_value_of_any_kind(None),
        TypeError,
        r"X must hold real numbers; got dtype object, such as None at \(1, 0\)$",
    ),
    "None": (None, TypeError, "X must hold real numbers"),
    "dates": (X.astype("M8[s]"), TypeError, "X must hold real numbers; got dtype datetime64"),
    "records": (np.zeros(4, "f8,f8"), TypeError, "X must hold real numbers"),
}

BAD_T = {
    "nan": (T * np.nan, ValueError, "T must be finite; got nan"),
    "empty": (np.empty((4, 0)), ValueError, "T must not be empty"),
    "unequal lengths": (T[:3], ValueError, "T must have as many rows as X; got 3 and 4"),
    "3-D": (T[None], ValueError, r"T must be 2-D, of shape \(k, n_out\) or \(k,\)"),
    "a number": (1, ValueError, "T must be 2-D"),
    "class labels": (
        [0, 1, 2, 9],
        ValueError,
        r"T must lie in \[0, 1\].*'sigmoid'.*got 9.*one-hot",
    ),
    "outside": (
        T * 1.5,
        ValueError,
        r"T must lie in \[0, 1\], the range of .*; got 1.5; for regression, use [^;]*'linear'$",
    ),
    "strings": (
        ["a", "b", "c", "d"],
        TypeError,
        "T must hold real numbers; .* class names such as 'a'",
    ),
    "masked": (np.ma.masked_array(T, T > 0), TypeError, "T must not be a masked array"),
    "complex": (T * 1j, TypeError, "T must hold real numbers"),
    "ragged": ([[0], [1, 1], [0], [1]], ValueError, "T must be rectangular"),
}


def refused(m, act, error, message, forward=False):
    """An act is refused, and changes nothing; but a forward that fails voids the one before it."""
    before = state(m)
    if forward:
        before[2]["_forward"] = id(None)
    with pytest.raises(error) as caught:
        act()
    assert re.search(message, str(caught.value)), str(caught.value)
    assert state(m) == before


@cross(kind=BAD_X, batch_size=[1, 3, None], meeting=1)
def test_bad_inputs(m, kind, batch_size):
    bad, error, message = BAD_X[kind]
    refused(m, lambda: m.train(bad, T, 3, batch_size=batch_size), error, message)


@cross(kind=BAD_X, ask=["predict", "predict_classes", "forward"], meeting=1)
def test_bad_inputs_of_recall(m, kind, ask):
    bad, error, message = BAD_X[kind]
    refused(m, lambda: getattr(m, ask)(bad, m.weights), error, message)
    refused(m, lambda: getattr(m, ask)(bad), error, message, forward=ask == "forward")
    refused(m, lambda: m.confmat(bad, T), error, message)


@cross(kind=BAD_X, ask=["loss", "gradient", "input_gradient", "hidden_outputs"], meeting=1)
def test_bad_inputs_of_gradients(m, kind, ask):
    bad, error, message = BAD_X[kind]
    targets = [T] * (ask != "hidden_outputs")
    refused(m, lambda: getattr(m, ask)(bad, *targets), error, message)


@pytest.mark.parametrize("kind", BAD_T)
def test_bad_targets(m, kind):
    bad, error, message = BAD_T[kind]
    refused(m, lambda: m.train(X, bad, 3), error, message)
    refused(m, lambda: m.backward(bad, 0.1), error, message)
    for ask in (m.loss, m.gradient, m.input_gradient):
        refused(m, lambda ask=ask: ask(X, bad), error, message)


def test_wrong_width(m):
    message = "X must have 2 columns, one for each input of the network; got 3"
    wide = np.zeros((4, 3))
    for act in (lambda: m.predict(wide), lambda: m.confmat(wide, T), lambda: m.loss(wide, T)):
        refused(m, act, ValueError, message)
    for ask in (m.gradient, m.input_gradient):
        refused(m, lambda ask=ask: ask(wide, T), ValueError, message)
    refused(m, lambda: m.hidden_outputs(wide), ValueError, message)
    refused(m, lambda: m.forward(wide), ValueError, message, forward=True)
    m.forward(X)
    message = "T must have 1 columns, one for each output of the network; got 2"
    refused(m, lambda: m.backward(np.zeros((4, 2)), 0.1), ValueError, message)
    for ask in (m.confmat, m.loss, m.gradient, m.input_gradient):
        refused(m, lambda ask=ask: ask(X, np.zeros((4, 2))), ValueError, message)


def test_a_float64_that_becomes_infinite_as_float32(m):
    message = "X must be finite; got 1e[+]300, which is infinite as float32"
    refused(m, lambda: m.train(HUGE, T, 3, dtype="float32"), ValueError, message)
    linear = {"output_activation": "linear", "dtype": "float32"}
    refused(m, lambda: m.train(X, T * 1e300, 3, **linear), ValueError, "T must be finite")


@pytest.mark.parametrize(
    ("output", "bad"),
    [
        ("sigmoid", -0.1),
        ("sigmoid", 1.1),
        ("tanh", -1.5),
        ("tanh", 1.5),
        ("relu", -0.1),
        ("exponential", -0.1),
        ("softmax", -0.1),
        ("softmax", 1.1),
    ],
)
def test_targets_outside_the_closed_range_of_the_output(m, output, bad):
    targets = np.array([[0.0, 1], [1, 0], [1, bad], [0, 1]])
    options = {"output_activation": output}
    message = f"T must lie in .* the range of output_activation='{output}'; got {bad}"
    refused(m, lambda: m.train(X, targets, 3, **options), ValueError, message)
    ends = np.array([[0.0, 1], [1, 0], [1, 0], [0, 1]])
    m.train(X, ends, 1, **options)


def test_targets_of_the_poisson_loss_are_0_or_more_wherever_they_are_given():
    rule = r"must lie in \[0, inf\], the range of output_activation='exponential'; got -1"
    counts = np.array([[0.0], [3], [2], [1]])
    m = MLP(2, output_activation="exponential", loss="poisson")
    m.train(X, counts, 1, save_weights=True).forward(X)
    for act in (
        lambda: m.train(X, counts - 1, 3),
        lambda: m.train([(X, counts - 1)], epochs=3),
        lambda: m.partial_train(X, counts - 1),
        lambda: m.loss(X, counts - 1),
        lambda: m.gradient(X, counts - 1),
    ):
        refused(m, act, ValueError, f"T .*{rule}")
    refused(m, lambda: m.step(X[0], [-1]), ValueError, f"t {rule}")
    act = lambda: m.train(X, counts, 1, validation=(X, counts - 1))  # noqa: E731
    refused(m, act, ValueError, rule)


def test_rows_that_must_sum_to_one(m):
    options = {"output_activation": "softmax", "loss": "cross_entropy"}
    message = "each row of T must sum to 1 .*one-hot.* a row that is 0.5 off"
    targets = np.array([[0.5, 0.5], [1, 0], [0, 1], [0.5, 0]])
    refused(m, lambda: m.train(X, targets, 3, **options), ValueError, message)
    m.train(X, np.full((4, 3), 1 / 3), 1, **options)
    m.train(X, np.full((4, 3), 1 / 3, np.float32), 1, **options)


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_softmax_with_one_output(m, loss):
    options = {"output_activation": "softmax", "loss": loss}
    refused(m, lambda: m.train(X, T, 3, **options), ValueError, "softmax.*two columns.*one-hot")
    refused(m, lambda: m.train(X, [0, 1, 2, 3], 3, **options), ValueError, "one-hot")


BAD_OPTIONS = [
    ({"activation": "rlu"}, r"activation must be one of .*'relu'.*; got 'rlu'"),
    ({"activation": "softmax"}, "'softmax' is for the output layer only"),
    ({"activation": ("tanh", "rlu")}, "got 'rlu'"),
    ({"activation": 3}, "activation must be one value or a sequence of them; got 3"),
    ({"activation": ("tanh", "relu"), "layer_sizes": (3,)}, "one for each of the 1 hidden layers"),
    ({"output_activation": "Sigmoid"}, "output_activation must be one of .*got 'Sigmoid'"),
    ({"loss": "mse"}, "loss must be one of 'squared_error', .*; got 'mse'"),
    ({"beta": 0}, "beta must be finite and above 0; got 0"),
    ({"beta": -1.0}, "beta must be finite and above 0; got -1.0"),
    ({"beta": float("nan")}, "beta must be finite and above 0; got nan"),
    ({"beta": (1, 2, 3), "layer_sizes": (2,)}, "one for each of the 2 layers"),
    ({"beta": "steep"}, "beta must be a number above 0"),
    (
        {"beta": 2, "activation": "tanh"},
        "beta other than 1 is for sigmoid layers only; got 2.0 for a",
    ),
    ({"beta": (1, 2), "output_activation": "linear", "layer_sizes": 3}, "for a linear layer"),
    ({"learning_rate": 0}, "learning_rate must be finite and above 0; got 0"),
    ({"learning_rate": -0.1}, "learning_rate must be finite and above 0; got -0.1"),
    ({"learning_rate": np.inf}, "learning_rate must be finite and above 0; got inf"),
    ({"learning_rate": 10**400}, "learning_rate must be finite"),
    ({"learning_rate": 10**5000}, "learning_rate must be finite .* got an integer of 16610 bits"),
    ({"learning_rate": "fast"}, "learning_rate must be a number above 0; got 'fast'"),
    ({"learning_rate": True}, "learning_rate must be a number above 0; got True"),
    ({"epochs": 0}, "epochs must be an integer of 1 or more; got 0"),
    ({"epochs": 2.5}, "epochs must be an integer of 1 or more; got 2.5"),
    ({"epochs": True}, "epochs must be an integer of 1 or more; got True"),
    ({"batch_size": 0}, "batch_size must be an integer of 1 or more; got 0"),
    ({"batch_size": 1.0}, "batch_size must be an integer of 1 or more; got 1.0"),
    ({"layer_sizes": (3, 0)}, "each of layer_sizes must be an integer of 1 or more; got 0"),
    ({"layer_sizes": -1}, "each of layer_sizes must be an integer of 1 or more; got -1"),
    ({"layer_sizes": 2.0}, "layer_sizes must be one value or a sequence"),
    ({"layer_sizes": "10"}, "each of layer_sizes must be an integer of 1 or more; got '1'"),
    ({"shuffle": "no"}, "shuffle must be True or False; got 'no'"),
    (
        {"initialisation": "xavier"},
        "initialisation must be one of 'tutorial', 'glorot', 'he'; got 'xavier'",
    ),
    ({"initialisation": "He"}, "initialisation must be one of 'tutorial', .*; got 'He'"),
    ({"initialisation": None}, "initialisation must be one of 'tutorial', .*; got None"),
    ({"initialisation": ("he", "he")}, "initialisation must be one of .*; got .'he', 'he'.$"),
    ({"random_state": -1}, "random_state must be None or an integer from 0 to 4294967295; got -1"),
    ({"random_state": 2**32}, "random_state must be None or an integer"),
    ({"random_state": 1.5}, "random_state must be None or an integer"),
    ({"dtype": "float16"}, "dtype must be one of 'float64', 'float32'; got 'float16'"),
    ({"dtype": int}, "dtype must be one of 'float64', 'float32'"),
    ({"dtype": None}, "dtype must be one of 'float64', 'float32'; got None"),
    ({"dtype": "flaot"}, "dtype must be one of 'float64', 'float32'; got 'flaot'"),
    ({"learning_rate": 1e-50, "dtype": "float32"}, "learning_rate must be .* above 0 as float32"),
    ({"learning_rate": 1e300, "dtype": "float32"}, "learning_rate must be finite .* as float32"),
    ({"beta": 1e38, "dtype": "float32"}, "beta must be at most 8.51e.37 as float32"),
    ({"beta": 1e308}, "beta must be at most 4.49e.307 as float64"),
    ({"beta": 1e-50, "dtype": "float32"}, "beta must be finite and above 0 as float32; got 1e-50"),
    ({"dtype": "f8,("}, "dtype must be one of 'float64', 'float32'"),
    ({"epochs": 2**62}, r"epochs must be an integer up to 2\*\*40"),
    ({"epochs": 10**5000}, "epochs must be an integer up to .*; got an integer of 16610 bits"),
    ({"layer_sizes": {3, 2}}, r"layer_sizes must be one value or a sequence of them; got \{"),
    ({"layer_sizes": b"\x03"}, "layer_sizes must be one value or a sequence"),
    ({"beta": {1.0: 2}}, "beta must be one value or a sequence"),
    ({"layer_sizes": (3 * 10**8, 10**9)}, "layer_sizes must make a network that memory can hold"),
    ({"layer_sizes": (2**62,)}, r"each of layer_sizes must be an integer up to 2\*\*40"),
    ({"orders": [[0, 1, 2, 3], [0, 1]]}, "orders must be rectangular"),
    ({"orders": [0, 1, 2, 3]}, r"orders must have shape \(epochs, k\); got \(4,\)"),
    ({"orders": np.full((3, 4), 2**63, np.uint64)}, "orders must be indices of rows of X"),
    ({"verbose": -1}, "verbose must be an integer of 0 or more; got -1"),
    ({"save_weights": 2}, "save_weights must be True or False; got 2"),
    ({"progress": None}, "progress must be True or False; got None"),
    ({"orders": [[0, 1, 2, 3]]}, r"orders must have shape \(epochs, k\) = \(3, 4\).*got \(1, 4\)"),
    ({"orders": [[0, 1, 2, 3]] * 2 + [[0, 1, 2, 2]]}, "row 2 does not"),
    ({"orders": [[0, 1, 2, 4]] * 3}, "every index from 0 to 3 once; row 0 does not"),
    ({"orders": [[-1, 1, 2, 3]] * 3}, "orders must be indices of rows of X; got -1 to 3"),
    ({"orders": [[0.0, 1, 2, 3]] * 3}, "orders must be integers"),
]


def test_masked_orders(m):
    orders = np.ma.masked_array([[0, 1, 2, 3]], mask=[[0, 1, 0, 0]])
    refused(m, lambda: m.train(X, T, 1, orders=orders), TypeError, "orders must not be a masked")


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options(m, options, message):
    def act():
        return m.train(X, T, **{"epochs": 3, **options})

    refused(m, act, ValueError, message)
    with pytest.raises(ValueError, match=message):
        MLP(**{"epochs": 3, **options}).train(X, T)


def test_unknown_options(m):
    message = "unknown option 'learning_rte': did you mean 'learning_rate'. The options are .*loss"
    refused(m, lambda: m.train(X, T, 3, learning_rte=1), TypeError, message)
    with pytest.raises(TypeError, match=message):
        MLP(learning_rte=1)


@pytest.mark.parametrize(("output", "loss"), LEGAL_PAIRS)
def test_every_legal_pair_is_accepted(output, loss):
    m = MLP(output_activation=output, loss=loss).train(X, np.eye(2)[[0, 1, 1, 0]], 1)
    assert np.isfinite(m.error_)


@pytest.mark.parametrize(("output", "loss"), ILLEGAL_PAIRS)
def test_every_pair_that_is_not_legal_raises_and_names_those_that_are(m, output, loss):
    options = {"output_activation": output, "loss": loss}
    targets = np.eye(2)[[0, 1, 1, 0]]
    message = f"loss='{loss}' does not go with output_activation='{output}'; the legal pairs are"
    refused(m, lambda: m.train(X, targets, 1, **options), ValueError, message)
    with pytest.raises(
        ValueError, match="squared_error with sigmoid, tanh, linear, relu, exponential, softmax;"
    ):
        MLP(**options)


@pytest.mark.parametrize(
    "options", [{"activation": "threshold"}, {"output_activation": "threshold"}]
)
def test_threshold_is_for_recall(m, options):
    refused(m, lambda: m.train(X, T, 3, **options), ValueError, "'threshold' cannot be trained")
    recall = MLP(**options).init_weights((2, 3, 1), 0)
    assert recall.predict(X).shape == (4, 1)
    recall.forward(X)
    with pytest.raises(ValueError, match="'threshold' cannot be trained"):
        recall.backward(T, 0.1)


def test_before_training():
    m = MLP()
    for act in (
        lambda: m.predict(X),
        lambda: m.predict_classes(X),
        lambda: m.forward(X),
        lambda: m.backward(T, 0.1),
        lambda: m.confmat(X, T),
        lambda: m.loss(X, T),
        lambda: m.gradient(X, T),
        lambda: m.input_gradient(X, T),
        lambda: m.hidden_outputs(X),
        lambda: m.summary(),
        lambda: m.weights,
        lambda: setattr(m, "weights", []),
    ):
        with pytest.raises(NotFittedError, match="call train or init_weights first"):
            act()
    assert not hasattr(m, "weights")


BAD_WEIGHTS = [
    ([np.zeros((3, 2))], ValueError, "weights must hold 2 arrays, one for each layer; got 1"),
    ([np.zeros((2, 2)), np.zeros((3, 1))], ValueError, r"weights\[0\] must have shape \(3, 2\)"),
    ([np.zeros((3, 2)), np.zeros((1, 3))], ValueError, r"weights\[1\] must have shape \(3, 1\)"),
    (
        [np.zeros((3, 2)), np.full((3, 1), np.nan)],
        ValueError,
        r"weights\[1\] must be finite; got nan",
    ),
    ([np.zeros((3, 2)), [["a"], ["b"], ["c"]]], TypeError, r"weights\[1\] must hold real numbers"),
    ([np.zeros((3, 2)), np.ma.ones((3, 1))], TypeError, r"weights\[1\] must not be a masked array"),
    (np.zeros((3, 2)), ValueError, "weights must hold 2 arrays, one for each layer; got 1"),
    (7, TypeError, "weights must be a sequence of arrays, one for each layer; got int"),
    ([], ValueError, "weights must hold 2 arrays, one for each layer; got 0"),
]


@pytest.mark.parametrize(("weights", "error", "message"), BAD_WEIGHTS)
def test_bad_weights(m, weights, error, message):
    refused(m, lambda: m.predict(X, weights), error, message)
    refused(m, lambda: m.forward(X, weights), error, message)
    refused(m, lambda: setattr(m, "weights", weights), error, message)


def test_bad_weights_of_a_layer(m):
    def put(l, W):
        return lambda: m.weights.__setitem__(l, W)

    refused(m, put(0, np.zeros((2, 2))), ValueError, r"weights\[0\] must have shape \(3, 2\)")
    refused(m, put(-1, [[1], [np.inf], [0]]), ValueError, r"weights\[1\] must be finite; got inf")
    refused(m, put(2, np.zeros((3, 1))), IndexError, "range")
    refused(m, put(slice(0, 2), np.zeros((3, 1))), TypeError, "one layer at a time")


def test_bad_sizes_of_init_weights(m):
    for sizes, message in (
        ((2,), "layer_sizes must hold the input's and the output's size"),
        ((2, 0, 1), "each of layer_sizes must be an integer of 1 or more; got 0"),
        ((2, 1.5), "each of layer_sizes must be an integer"),
        (None, "layer_sizes must be one value or a sequence"),
    ):
        refused(m, lambda sizes=sizes: m.init_weights(sizes, 0), ValueError, message)
    refused(m, lambda: m.init_weights((2, 1), -3), ValueError, "random_state must be")


def test_bad_rates_of_backward(m):
    refused(m, lambda: m.backward(T, -1), ValueError, "learning_rate must be finite and above 0")


BAD_STEPS = [
    ([0.0], 1, ValueError, r"x must have shape \(2,\), that of one sample; got \(1,\)"),
    ([[0.0, 1.0]], 1, ValueError, r"x must have shape \(2,\)"),
    ([0.0, np.nan], 1, ValueError, "x must be finite; got nan"),
    (["a", "b"], 1, TypeError, "x must hold real numbers"),
    ([0.0, 1.0], [1, 0], ValueError, r"t must have shape \(1,\), that of one sample; got \(2,\)"),
    ([0.0, 1.0], 1.5, ValueError, "t must lie in .*; got 1.5"),
    ([0.0, 1.0], np.inf, ValueError, "t must be finite; got inf"),
    ([0.0, 1.0], None, TypeError, "t must hold real numbers"),
]


@pytest.mark.parametrize(("x", "t", "error", "message"), BAD_STEPS)
def test_bad_steps(m, x, t, error, message):
    refused(m, lambda: m.step(x, t), error, message)


def test_bad_rate_of_a_step(m):
    refused(m, lambda: m.step([0, 1], 1, learning_rate=0), ValueError, "learning_rate must be")
    with pytest.raises(NotFittedError):
        MLP().step([0, 1], 1)


def test_bad_targets_of_confmat(m):
    refused(m, lambda: m.confmat(X, [0, 1, 2, 1]), ValueError, "T must be 0 or 1 for a confusion")
    m.train(X, np.eye(2)[[0, 1, 1, 0]], 1, save_weights=True)
    m.forward(X)
    for bad in ([[0.0, 0.5]] * 4, [[1, 1]] * 4, [[0, 0]] * 4):
        refused(m, lambda bad=bad: m.confmat(X, bad), ValueError, "T must be one-hot rows")
    refused(m, lambda: m.confmat(X, [0, 1, 1, 0]), ValueError, "T must have 2 columns.*one-hot")


def test_a_network_too_large_for_memory_leaves_the_old_one(m):
    before = state(m)
    with pytest.raises((MemoryError, ValueError), match=r"memory|allocate"):  # if it can be told
        m.train(X, T, 3, layer_sizes=(10**12,))
    assert state(m) == before


def test_what_is_good_is_accepted():
    expected = MLP(layer_sizes=(2,)).train(X, T, 5).weights
    strided = np.zeros((8, 4))[::2, ::2]
    strided[:] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"0" + X.tobytes(), np.float64, offset=1).reshape(4, 2)
    for inputs in (
        X.tolist(),
        X.astype(int),
        X.astype(np.uint8),
        X.astype(bool),
        X.astype(np.float16),
        X.astype(">f8"),
        np.asfortranarray(X),
        strided,
        read_only,
        unaligned,
        X.astype(np.longdouble),
    ):
        before = bytes(np.asarray(inputs).tobytes())
        m = MLP(layer_sizes=[2]).train(inputs, T.ravel().tolist(), 5)
        for W, V in zip(m.weights, expected, strict=True):
            np.testing.assert_array_equal(W, V)
        assert np.asarray(inputs).tobytes() == before


LINEAR, ONE_HOT = "output_activation='linear'", "one-hot"
LABELS = np.arange(31).repeat(2)
OUT_OF_RANGE = {  # targets, and what is suggested, in this order
    "labels": ([0, 1, 2, 1], [r"one-hot rows: np.eye\(n_classes\)\[labels\]", LINEAR]),
    "labels from 1": ([1, 2, 3, 1], [r"one-hot rows: np.eye\(n_classes\)\[labels - 1\]", LINEAR]),
    "as many labels as may be": (LABELS[:60], [ONE_HOT, LINEAR]),
    "ages that are all there": (LABELS, [LINEAR, ONE_HOT]),
    "each number once": ([0, 1, 2, 3], [LINEAR, ONE_HOT]),
    "prices": ([120.0, 340, 99, 250], [LINEAR, ONE_HOT]),
    "ages": ([18, 35, 61, 36], [LINEAR, ONE_HOT]),
    "counts": ([0, 12, 3, 1], [LINEAR, r"one-hot rows: classes, labels = np\.unique\(T"]),
    "below zero": ([-2, -1, 0, -1], [LINEAR, r"one-hot rows: classes, labels = np\.unique\(T"]),
    "one number": ([7, 7, 7, 7], [LINEAR, ONE_HOT]),
    "measurements": ([0.5, 1.5, 0.2, 3.1], [LINEAR]),
    "two columns": (np.array([[0, 1], [1, 2], [2, 0], [0, 0]]), [LINEAR]),
}


@cross(
    kind=OUT_OF_RANGE,
    output_and_dtype=[("sigmoid", "float64"), ("sigmoid", "float32"), ("tanh", "float64")],
    call=["train", "backward", "step"],
)
def test_targets_out_of_range_are_told_the_likely_way_out_first(kind, output, dtype, call):
    targets, ways = OUT_OF_RANGE[kind]
    targets = np.array(targets, dtype)
    m = MLP(3, output_activation=output, dtype=dtype)
    rows = np.resize(X, (len(targets), 2))
    m.init_weights((2, 3, 1 if targets.ndim == 1 else 2)).forward(rows)
    name = "t" if call == "step" else "T"
    if call == "step" and len(ways) > 1:
        ways = [LINEAR, r"a class label must be given as its row of np\.eye\(n_classes\)$"]
    acts = {
        "train": lambda: m.train(rows, targets, 3),
        "backward": lambda: m.backward(targets),
        "step": lambda: m.step(
            X[0], 2 * targets[np.argmax(np.abs(targets).reshape(len(rows), -1).max(1))]
        ),
    }
    message = rf"{name} must lie in .*; got [^;]*{'[^;]*; [^;]*'.join(['', *ways])}"
    with pytest.raises(ValueError, match=message) as caught:
        acts[call]()
    if ways == [LINEAR]:
        assert ONE_HOT not in str(caught.value)
        assert "np.eye" not in str(caught.value)


def test_targets_below_the_range_of_relu_and_classes_of_plus_and_minus_one():
    with pytest.raises(ValueError, match=f"got -1; for regression, use {LINEAR}$"):
        MLP(output_activation="relu").train(X, -T, 1)
    signs = 2 * T - 1
    with pytest.raises(ValueError, match=r"got -1; classes -1 and 1 .*'tanh', or .* 0 and 1"):
        MLP().train(X, signs, 1)
    MLP(output_activation="tanh").train(X, signs, 1)
    MLP().train(X, (signs + 1) / 2, 1)
