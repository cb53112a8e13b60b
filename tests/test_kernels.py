"""Every kernel against the reference, to rounding; run once more with boundscheck on."""

import numpy as np
import pytest
from cases import (
    DTYPES,
    HIDDEN,
    LEGAL_PAIRS,
    OUTPUTS,
    assert_to_rounding,
    make_data,
    make_pair,
    small_rate,
)
from cross import cross
from from_python import permute

from mlp_fast import MLP
from mlp_fast.boundary.arrays import read_only
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.reference import Reference

SHAPES = [(5, 3), (5, 17, 3), (5, 4, 1, 6, 3)]
STEPS = 99


@cross(
    output_and_loss=LEGAL_PAIRS,
    hidden=HIDDEN,
    sizes=SHAPES,
    batch_size=[1, 2, 7, 23, None],
    dtype=DTYPES,
    all_meet=["sizes", "batch_size", "dtype"],
)
def test_training_agrees_with_the_reference(output, loss, hidden, sizes, batch_size, dtype):
    k = 23
    X, T = make_data(output, k)
    X, T = X.astype(dtype), T.astype(dtype)
    m, reference = make_pair(sizes, hidden, output, loss, dtype)
    size = batch_size or k
    epochs = -(-STEPS // -(-k // size))
    rng = np.random.default_rng(1)
    orders = np.array([rng.permutation(k) for _ in range(epochs)])
    rate = small_rate(0.1, hidden, output)
    m.train(X, T, epochs, batch_size=batch_size, orders=orders, learning_rate=rate)
    reference.train(X, T, orders, size, rate)
    steps = epochs * -(-k // size)
    assert_to_rounding(m.weights, reference.weights, steps)
    bound = 8 * steps * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=bound, atol=bound)
    np.testing.assert_allclose(m.error_, reference.errors[-1], rtol=bound, atol=bound)


@cross(output=OUTPUTS, hidden=[*HIDDEN, "threshold"], dtype=DTYPES)
def test_recall_agrees_with_the_reference(output, hidden, dtype):
    X = make_data(output, k=700)[0].astype(dtype)  # more rows than recall takes at a time
    loss = "squared_error"
    m, reference = make_pair((5, 6, 4, 3), hidden, output, loss, dtype)
    _, A = reference.forward(X)
    assert_to_rounding([m.forward(X)], [A[-1]], 3)
    assert_to_rounding(m.outputs, A, 3)
    assert m.forward(X).dtype == dtype


@pytest.mark.parametrize(("output", "loss"), LEGAL_PAIRS)
def test_backward_after_forward_is_one_step_of_the_reference(output, loss):
    X, T = make_data(output)
    m, reference = make_pair((5, 6, 4, 3), "tanh", output, loss)
    m.forward(X)
    m.backward(T, 0.3)
    reference.step(X, T, 0.3)
    assert_to_rounding(m.weights, reference.weights, 1)


def test_a_large_batch_is_summed_before_it_is_added():
    """In float32, a thousand small errors added to a weight one by one would be lost beside it."""
    X, T = (A.astype("float32") for A in make_data("linear", 1000, 4, 2))
    m, _ = make_pair((4, 50, 2), "tanh", "linear", "squared_error", "float32")
    m.weights[-1][0] = 8  # far larger than its change
    exact = Reference([W.astype(float) for W in m.weights], ["tanh", "linear"])
    m.forward(X)
    m.backward(T, 1e-2)
    exact.step(X.astype(float), T.astype(float), 1e-2)
    np.testing.assert_allclose(m.weights[-1][0], exact.weights[-1][0], rtol=1e-7)


@pytest.mark.parametrize("batch_size", [1, 5, None])
def test_one_row_one_column(batch_size):
    m = MLP(batch_size=batch_size).train([[1.0]], [[0.25]], 300, layer_sizes=1, learning_rate=1)
    assert m.error_ < 1e-3


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_finite_finds_each_kind_anywhere(dtype):
    values = np.zeros(150, dtype)  # sums of several vectors, then of one, then of numbers
    assert all_finite(read_only(values))
    for i in range(values.size):
        for bad in (np.nan, np.inf, -np.inf):
            values[i] = bad
            assert not all_finite(read_only(values))
        values[i] = np.finfo(dtype).max
    assert all_finite(read_only(values))


def test_orders_are_permutations_that_key_and_epoch_alone_decide():
    order, again = np.full(100, -7), np.arange(100)
    permute(order, 5, 3)
    permute(again, 5, 3)
    assert sorted(order) == list(range(100))
    np.testing.assert_array_equal(order, again)
    for key, epoch in ((5, 4), (6, 3)):
        permute(again, key, epoch)
        assert np.mean(order == again) < 0.1


def test_the_orders_of_consecutive_epochs_are_independent():
    counts, draws = {}, 24 * 24 * 60
    order, following = np.arange(4), np.arange(4)
    for epoch in range(draws):
        permute(order, 0, epoch)
        permute(following, 0, epoch + 1)
        pair = (*order, *following)
        counts[pair] = counts.get(pair, 0) + 1
    assert len(counts) == 24 * 24
    chi_squared = sum((count - 60) ** 2 / 60 for count in counts.values())
    assert chi_squared < 690  # 575 degrees of freedom, a deviation of 34


def test_every_order_is_as_likely():
    counts, order = {}, np.arange(4)
    draws = 24_000
    for epoch in range(draws):
        permute(order, 0, epoch)
        counts[tuple(order)] = counts.get(tuple(order), 0) + 1
    assert len(counts) == 24
    chi_squared = sum((count - draws / 24) ** 2 / (draws / 24) for count in counts.values())
    assert chi_squared < 50  # 23 degrees of freedom: exceeded once in a thousand keys
