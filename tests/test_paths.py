"""Which kernel trains or recalls a network follows from its shape; all do the same mathematics."""

import pickle

import numpy as np
import pytest
from cases import (
    DTYPES,
    HIDDEN,
    LEGAL_PAIRS,
    ONE_OUTPUT,
    assert_to_rounding,
    make_data,
    make_pair,
    small_rate,
)
from cross import cross
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from spying import taken

from mlp_fast import MLP
from mlp_fast.kernels.train.online_blocks import BLOCK
from mlp_fast.kernels.train.online_shallow import RUN
from mlp_fast.kernels.train.tiny_batch import LANES
from mlp_fast.reference import Reference


def agree(sizes, hidden, output, loss, dtype, X, T, orders, batch_size, eta=0.05):
    X, T = X.astype(dtype), T.astype(dtype)
    eta = small_rate(eta, hidden, output)
    m, reference = make_pair(sizes, hidden, output, loss, dtype)
    m.train(X, T, len(orders), batch_size=batch_size, orders=orders, learning_rate=eta)
    reference.train(X, T, orders, batch_size or len(X), eta)
    steps = len(orders) * -(-len(X) // (batch_size or len(X)))
    assert_to_rounding(m.weights, reference.weights, steps)
    bound = 8 * steps * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=bound, atol=bound)
    np.testing.assert_allclose(m.error_, reference.errors[-1], rtol=bound, atol=bound)


def orders_of(k, epochs):
    return np.array([np.random.default_rng(e).permutation(k) for e in range(epochs)])


@cross(
    output_and_loss=ONE_OUTPUT,
    hidden=HIDDEN,
    n_hidden=[1, 2, 3, 4, 5, 16, 17, 33, 64],
    dtype=DTYPES,
)
def test_shallow_networks_in_registers(output, loss, hidden, n_hidden, dtype):
    X, T = make_data(output, k=13, n_in=3, n_out=1)
    agree((3, n_hidden, 1), hidden, output, loss, dtype, X, T, orders_of(13, 6), 1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [RUN - 1, RUN, RUN + 1, 2 * RUN + 3])
def test_shallow_networks_across_the_ends_of_runs(k, dtype):
    X, T = make_data("sigmoid", k, 2, 1)
    plain = {"layer_sizes": 3, "batch_size": 1, "shuffle": False, "dtype": dtype}
    as_told = MLP(**plain).train(X, T, 2)
    given_orders = MLP(**plain).train(X, T, 2, orders=np.tile(np.arange(k), (2, 1)))
    each_epoch = MLP(**plain).train(X, T, 2, save_weights=True)
    for other in (given_orders, each_epoch):
        for A, B in zip(as_told.weights, other.weights, strict=True):
            assert A.tobytes() == B.tobytes()
    m, reference = make_pair((2, 3, 1), "sigmoid", "sigmoid", "squared_error")
    X, T = X[: RUN + 9], T[: RUN + 9]
    m.train(X, T, 1, batch_size=1, shuffle=False, learning_rate=0.05)
    reference.train(X, T, [np.arange(len(X))], 1, 0.05)
    assert_to_rounding(m.weights, reference.weights, len(X))


@cross(output_and_loss=ONE_OUTPUT, n_in=[30, 64, 100], form=[np.asarray, csr_array], dtype=DTYPES)
def test_one_layer_of_one_output(output, loss, n_in, form, dtype):
    X, T = (A.astype(dtype) for A in make_data(output, 13, n_in, 1))
    X[np.random.default_rng(3).random(X.shape) < 0.5] = 0
    orders, eta = orders_of(13, 6), small_rate(0.05, output)
    m, reference = make_pair((n_in, 1), "tanh", output, loss, dtype)
    with taken() as calls:
        m.train(form(X), T, 6, batch_size=1, orders=orders, learning_rate=eta)
    assert all(call.path.name.startswith("online, one output") for call in calls)
    reference.train(X, T, orders, 1, eta)
    assert_to_rounding(m.weights, reference.weights, 78)
    bound = 8 * 78 * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=bound, atol=bound)


@cross(
    sizes=[(9, 17, 3), (40, 100, 2), (21, 130, 4, 3), (16, 5)],
    k=[1, BLOCK - 1, BLOCK, 2 * BLOCK + 3],
    zeros=[0.0, 0.5, 0.9, 1.0],
    dtype=DTYPES,
)
def test_blocks_of_samples(sizes, k, zeros, dtype):
    X, T = make_data("sigmoid", k, sizes[0], sizes[-1])
    X[np.random.default_rng(3).random(X.shape) < zeros] = 0
    agree(sizes, "tanh", "sigmoid", "squared_error", dtype, X, T, orders_of(k, 4), 1)


def test_a_block_whose_products_overflow_is_taken_one_by_one():
    rng = np.random.default_rng(0)
    X = rng.choice([-1e25, 1e25], (12, 20)).astype("float32")  # products exceed float32
    T = rng.random((12, 3)).astype("float32")
    options = {"dtype": "float32", "batch_size": 1, "shuffle": False, "layer_sizes": 30}
    m = MLP(**options).train(X, T, 3, learning_rate=0.1)
    stepped = MLP(**options).init_weights((20, 30, 3), 0)
    for _ in range(3):
        for x, t in zip(X, T, strict=True):
            stepped.step(x, t, 0.1)
    assert_to_rounding(m.weights, list(stepped.weights), 36)


@cross(
    output_and_loss=ONE_OUTPUT,
    hidden=HIDDEN,
    sizes=[(2, 9, 1), (3, 4), (2, 2, 3, 1), (4, 1, 1), (13, 2, 1)],
    batch_size=[2, 3, 7, LANES, None],
    dtype=DTYPES,
    all_meet=["sizes", "batch_size", "dtype"],
)
def test_tiny_batches_in_lanes(output, loss, hidden, sizes, batch_size, dtype):
    X, T = make_data(output, k=7, n_in=sizes[0], n_out=sizes[-1])
    agree(sizes, hidden, output, loss, dtype, X, T, orders_of(7, 5), batch_size)


@cross(
    output_and_loss=ONE_OUTPUT,
    hidden=HIDDEN,
    sizes=[(2, 2, 1), (1, 1, 1), (3, 3, 1), (2, 4, 1), (5, 5, 1), (2, 8, 1)],
    batch_size=[3, 4, 5, None],
    dtype=DTYPES,
    all_meet=["sizes", "batch_size", "dtype"],
)
def test_tiny_batches_of_shallow_networks(output, loss, hidden, sizes, batch_size, dtype):
    X, T = make_data(output, k=7, n_in=sizes[0], n_out=1)
    agree(sizes, hidden, output, loss, dtype, X, T, orders_of(7, 5), batch_size)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("hidden", [(), (1,), (1, 1)])
def test_lanes_without_a_sample_may_have_infinite_outputs(hidden, loss):
    """Such lanes have inputs of 0, for which a network may have no finite outputs."""
    X, T = np.array([[400.0], [401.0], [402.0]]), np.array([[1.5], [0.0], [0.5]])
    options = {"output_activation": "exponential", "loss": loss, "activation": "linear"}
    weights = [np.array([[-804.0], [-2.0]])]  # exp(804 - 2 x)
    weights += [np.array([[0.0], [1.0]]) for _ in hidden]
    reference = Reference([W.copy() for W in weights], [*["linear"] * len(hidden), "exponential"])
    reference.loss = loss
    m = MLP(hidden, batch_size=2, shuffle=False, learning_rate=1e-7, **options)
    m.train(X, T, 5, weights=weights)
    reference.train(X, T, [np.arange(3)] * 5, 2, 1e-7)
    for W, V in zip(m.weights, reference.weights, strict=True):
        np.testing.assert_allclose(W, V, rtol=1e-12)
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=1e-9)


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_tiny_batch_may_be_cut_anywhere(shuffle):
    X, T = make_data("sigmoid", 7, 2, 1)
    options = {"layer_sizes": 3, "batch_size": 3, "shuffle": shuffle, "random_state": 2}
    m = MLP(**options).train(X, T, 6)
    by_epochs = MLP(**options).train(X, T, 6, save_weights=True)  # a call for each epoch
    for W, V in zip(m.weights, by_epochs.weights, strict=True):
        np.testing.assert_array_equal(W, V)


@cross(sizes=[(19, 33, 3), (40, 2)], k=[300, 600], zeros=[0.0, 0.8], dtype=DTYPES)
def test_a_batch_larger_than_what_is_taken_at_once(sizes, k, zeros, dtype):
    X, T = make_data("sigmoid", k, sizes[0], sizes[-1])
    X[np.random.default_rng(3).random(X.shape) < zeros] = 0
    agree(sizes, "tanh", "sigmoid", "squared_error", dtype, X, T, orders_of(k, 3), None, eta=0.5)


@cross(
    sizes=[(3, 1), (8, 50, 1), (70, 30, 3), (100, 2), (300, 500, 200, 3)],
    output_and_loss=LEGAL_PAIRS,
    dtype=DTYPES,
    where=lambda sizes, output, **_: output != "softmax" or sizes[-1] > 1,
)
def test_one_row_is_answered_as_many_rows_are(sizes, output, loss, dtype):
    m, _ = make_pair(sizes, "tanh", output, loss, dtype)
    X = make_data(output, 5, sizes[0], sizes[-1])[0].astype(dtype)
    X[:, ::3] = 0
    together = m.predict(X)
    for i in range(5):
        alone = m._net.answering()(X[i : i + 1])
        assert alone.dtype == together.dtype
        bound = 8 * 3 * np.finfo(dtype).eps
        np.testing.assert_allclose(alone, together[i : i + 1], rtol=bound, atol=bound)
        np.testing.assert_array_equal(m.predict(X[i : i + 1]), alone)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_row_is_answered_at_every_width(dtype):
    """A row of sums is taken in strips, by the number of vectors that are left."""
    lanes = 64 // np.dtype(dtype).itemsize
    for n in range(lanes - 3, 18 * lanes, lanes):
        m, _ = make_pair((70, n, 2), "tanh", "linear", "squared_error", dtype)
        assert m._net.layout.shape.input_major
        X = make_data("linear", 2, 70)[0].astype(dtype)
        bound = 8 * 3 * np.finfo(dtype).eps
        alone = m._net.answering()(X[:1])
        np.testing.assert_allclose(alone, m.predict(X)[:1], rtol=bound, atol=bound)


def test_one_row_is_answered_in_the_form_of_vector_targets():
    X, T = make_data("sigmoid", 5, 3, 1)
    for output in ("sigmoid", "linear"):
        m = MLP(layer_sizes=4, output_activation=output).train(X, T[:, 0], 2)
        alone = m._net.answering()(X[:1])
        assert alone.shape == (1,)
        np.testing.assert_allclose(alone, m.predict(X)[:1], rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "sizes", [(60, 12, 3, 3, 3), (2,) * 40, (3,) * 32, (70, 2, 2), (4, 5, 3, 3)]
)
def test_one_row_does_not_depend_on_what_was_in_memory(sizes, dtype):
    linear = {"activation": "linear", "output_activation": "linear", "dtype": dtype}
    other = MLP(**linear).init_weights((60, 100, 30), 0)
    other.weights = [1e3 * W for W in other.weights]
    m = MLP(**linear).init_weights(sizes, 0)
    rng = np.random.default_rng(0)
    for row in rng.standard_normal((20, 1, sizes[0])).astype(dtype):
        other.predict(rng.standard_normal((1, 60)).astype(dtype))
        together = m.predict(np.concatenate([row, row]))[:1]
        bound = 8 * len(sizes) * np.finfo(dtype).eps
        np.testing.assert_allclose(m.predict(row), together, rtol=bound, atol=bound)


@pytest.mark.parametrize("shape", [(1, 2), (2, 2), (1, 4), (3, 1), (3,), (1, 1, 3), (0, 3)])
def test_what_is_no_row_is_left_to_the_checks(shape):
    assert MLP().init_weights((3, 4, 1), 0)._net.answering()(np.zeros(shape)) is None


def test_a_copy_answers_by_its_own_weights():
    m = MLP(output_activation="linear").init_weights((3, 4, 1), 0)
    row = np.ones((1, 3))
    before = m.predict(row)
    twin = pickle.loads(pickle.dumps(m))
    m.weights[-1][:] = 0
    np.testing.assert_array_equal(twin.predict(row), before)
    np.testing.assert_array_equal(m.predict(row), [[0]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_row_that_is_not_finite_is_refused_as_many_are(bad):
    m = MLP().init_weights((3, 4, 1), 0)
    X = np.zeros((1, 3))
    X[0, 2] = bad
    with pytest.raises(ValueError, match=r"X must be finite; got .* at \(0, 2\)"):
        m.predict(X)


def test_one_row_may_be_read_only_or_strided_or_of_another_dtype():
    m = MLP().init_weights((3, 4, 1), 0)
    X = np.array([[0.25, -1.0, 3.0]])
    expected = m.predict(X)
    locked = X.copy()
    locked.flags.writeable = False
    for other in (locked, np.repeat(X, 2, axis=1)[:, ::2], X.astype("float32"), X.tolist()):
        np.testing.assert_array_equal(m.predict(other), expected)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.sampled_from(DTYPES))
def test_products_of_any_shape(k, n_in, n, dtype):
    """Batches use them in all orientations; a single step of each is enough to see them."""
    X, T = make_data("tanh", k, n_in, n)
    X, T = X.astype(dtype), T.astype(dtype)
    m, reference = make_pair((n_in, 7, n), "sigmoid", "tanh", "squared_error", dtype)
    m.forward(X)
    m.backward(T, 0.3)
    reference.step(X, T, 0.3)
    assert_to_rounding(m.weights, reference.weights, 4)
