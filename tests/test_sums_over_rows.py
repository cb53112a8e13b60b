"""The kernels that sum a gradient over chunks, and a loss over rows, against the reference."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, LEGAL_PAIRS, assert_to_rounding, make_betas, make_data, make_pair
from cross import cross

from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import as_examples
from mlp_fast.boundary.weights import as_weights
from mlp_fast.history import History
from mlp_fast.learning import DESCEND, Learner
from mlp_fast.reference import Reference
from mlp_fast.validation import Validation
from mlp_fast.weights import Weights

SHAPES = [(5, 3), (5, 17, 3), (13, 2, 3), (5, 4, 1, 6, 3)]
ROWS = [1, 23, 256, 257, 700]  # the kernels take 256 at a time
STEP = 1e-5


def make(sizes, hidden, output, loss, dtype, k=23, rows="dense", seed=0):
    """Return a network, the reference in float64, and examples: checked, and as arrays."""
    m, _ = make_pair(sizes, hidden, output, loss, dtype)
    if output == "relu":
        m.weights[-1][0] -= 1  # alive: with a bias of -1, most of h is above 0
    activations = [hidden] * (len(sizes) - 2) + [output]
    weights = [W.astype(float) for W in m.weights]
    reference = Reference(weights, activations, loss, make_betas(activations))
    X, T = make_data(output, k, sizes[0], sizes[-1], seed)
    X *= np.random.default_rng(seed).random(X.shape) < 0.6
    X, T = X.astype(dtype), T.astype(dtype)
    examples = as_examples(sp.csr_array(X) if rows == "CSR" else X, T, dtype)
    return m._net, m.in_force, reference, examples, (X.astype(float), T.astype(float))


def add_gradient(net, settings, examples, gradient, cuts=()):
    """Add the gradient of a chunk, in calls that are cut at some parts; return the curves."""
    calls = Learner(net, settings, History(0)).calls(examples, 0.0, gradient=gradient)
    bounds = [0, *(cut for cut in cuts if cut < calls.per_epoch), calls.per_epoch]
    for first, last in pairwise(bounds):
        assert calls.is_finite_after(first, last)
    return calls.curves


def new_gradient(net):
    return DESCEND.buffers(net.layout.shape)


def matrices(net, gradient):
    return Weights(net.layout, gradient).copy()


def summed(reference, X, T):
    """Return the gradient summed over the rows, and the sums of (a - t)² and of the loss."""
    H, A = reference.forward(X)
    gradients = [G * len(T) for G in reference.gradients(H, A, T)]
    return gradients, np.sum((A[-1] - T) ** 2), np.sum(reference.sample_losses(H[-1], A[-1], T))


def assert_close(actual, expected, dtype, terms):
    """Compare sums of so many terms."""
    for A, E in zip(actual, expected, strict=True):
        bound = 8 * np.finfo(dtype).eps * (16 + np.sqrt(terms))
        np.testing.assert_allclose(A, E, rtol=bound, atol=bound * max(1.0, np.abs(E).max()))


@cross(
    output_and_loss=LEGAL_PAIRS,
    hidden=HIDDEN,
    sizes=SHAPES,
    k=ROWS,
    rows=["dense", "CSR"],
    dtype=DTYPES,
    all_meet=["sizes", "rows", "dtype"],
)
def test_the_summed_gradient_agrees_with_the_reference(output, loss, hidden, sizes, k, rows, dtype):
    net, settings, reference, examples, (X, T) = make(sizes, hidden, output, loss, dtype, k, rows)
    gradient, before = new_gradient(net), net.theta.tobytes()
    assert not gradient.any()
    curves = add_gradient(net, settings, examples, gradient)
    expected, error, loss_now = summed(reference, X, T)
    assert_close(matrices(net, gradient), expected, dtype, k)
    assert_close([curves.error[0], curves.loss[0]], [error, loss_now], dtype, k)
    assert net.theta.tobytes() == before
    # what is between the matrices, which are padded, gets nothing
    padded = as_weights(matrices(net, gradient), net.layout, net.dtype)
    assert padded.tobytes() == gradient.tobytes()


@cross(rows=["dense", "CSR"], dtype=DTYPES, sizes=SHAPES, other=["dense", "CSR"])
def test_chunks_add_up_wherever_calls_are_cut(rows, dtype, sizes, other):
    told = sizes, "tanh", "sigmoid", "squared_error", dtype
    net, settings, reference, examples, (X, T) = make(*told, 700, rows)
    *_, second, (Y, S) = make(*told, 23, other, seed=1)
    gradient, again = new_gradient(net), new_gradient(net)
    curves = add_gradient(net, settings, examples, gradient)
    cut = add_gradient(net, settings, examples, again, (1, 2))
    assert again.tobytes() == gradient.tobytes()
    assert [curve.tobytes() for curve in cut] == [curve.tobytes() for curve in curves]
    add_gradient(net, settings, second, gradient)
    expected, _, _ = summed(reference, np.concatenate([X, Y]), np.concatenate([T, S]))
    assert_close(matrices(net, gradient), expected, dtype, 723)
    before = matrices(net, net.theta)
    total = matrices(net, gradient)
    Learner(net, settings, History(0)).descend(0.5, 1, gradient)
    assert not gradient.any()  # for the next epoch
    half = net.theta.dtype.type(0.5)
    after = [W - half * G for W, G in zip(before, total, strict=True)]
    assert_to_rounding(matrices(net, net.theta), after, 1)


@cross(
    output_and_loss=LEGAL_PAIRS,
    hidden=HIDDEN,
    sizes=[(5, 3), (5, 6, 3), (13, 2, 3), (5, 4, 3, 3)],
    rows=["dense", "CSR"],
)
def test_the_summed_gradient_is_that_of_the_summed_loss(output, loss, hidden, sizes, rows):
    """By central differences of one kernel's answer, without the reference."""
    net, settings, _, examples, _ = make(sizes, hidden, output, loss, "float64", 7, rows)
    gradient = new_gradient(net)
    add_gradient(net, settings, examples, gradient)
    validation = Validation(net, examples)
    for W, G in zip(Weights(net.layout, net.theta), matrices(net, gradient), strict=True):
        differences = np.empty(W.shape)
        for index in np.ndindex(*W.shape):
            w = W[index]
            W[index] = w + STEP
            above = validation.loss()
            W[index] = w - STEP
            differences[index] = (above - validation.loss()) / (2 * STEP)
            W[index] = w
        np.testing.assert_allclose(G / 7, differences, rtol=1e-6, atol=1e-9)
        assert np.abs(G).max() > 1e-4


@cross(
    output_and_loss=LEGAL_PAIRS,
    hidden=[*HIDDEN, "threshold"],
    sizes=SHAPES,
    k=ROWS,
    rows=["dense", "CSR"],
    dtype=DTYPES,
    all_meet=["k", "rows", "dtype"],
)
def test_the_loss_of_rows_agrees_with_the_reference(output, loss, hidden, sizes, k, rows, dtype):
    net, _, reference, examples, (X, T) = make(sizes, hidden, output, loss, dtype, k, rows)
    validation, before = Validation(net, examples), net.theta.tobytes()
    told = validation.loss()
    assert_close([told], [reference.mean_loss(X, T)], dtype, k)
    assert validation.loss() == told  # nothing is left in the buffers
    assert net.theta.tobytes() == before
    net.theta[:] = as_weights([W / 2 for W in reference.weights], net.layout, net.dtype)
    reference.weights = [W / 2 for W in reference.weights]
    assert_close([validation.loss()], [reference.mean_loss(X, T)], dtype, k)  # of weights as now


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 256, 600])
def test_the_loss_is_a_sum_in_float64(k, dtype):
    """Many rows of the same loss have the mean of one."""
    net, _, _, one, _ = make((5, 4, 3), "tanh", "linear", "squared_error", dtype, 1)
    X = read_only(np.repeat(one.rows.X, k, axis=0))
    many = as_examples(X, np.repeat(one.T, k, axis=0), dtype)
    expected = Validation(net, one).loss()
    assert Validation(net, many).loss() == pytest.approx(expected, rel=1e-13)
