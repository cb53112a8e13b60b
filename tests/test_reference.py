"""The reference itself, by central differences of its own loss: everything else leans on it."""

import numpy as np
import pytest
from cases import HIDDEN, LEGAL_PAIRS, make_betas, make_data
from cross import cross

from mlp_fast import MLP
from mlp_fast.kernels.network.initial import INITIALISATIONS
from mlp_fast.reference import Reference, activate, initial_weights

STEP = 1e-5


def central_differences(reference, X, T):
    gradients = []
    for W in reference.weights:
        G = np.empty_like(W)
        for index in np.ndindex(*W.shape):
            w = W[index]
            W[index] = w + STEP
            above = reference.mean_loss(X, T)
            W[index] = w - STEP
            below = reference.mean_loss(X, T)
            W[index] = w
            G[index] = (above - below) / (2 * STEP)
        gradients.append(G)
    return gradients


@cross(
    sizes=[(4, 3), (4, 5, 6, 3), (4, 5, 6, 4, 3)],
    hidden=HIDDEN,
    output_and_loss=LEGAL_PAIRS,
)
def test_gradients_are_those_of_the_loss(sizes, hidden, output, loss):
    X, T = make_data(output, k=7, n_in=4)
    activations = [hidden] * (len(sizes) - 2) + [output]
    weights = initial_weights(sizes, 11)
    if output == "relu":
        weights[-1][0] -= 1  # alive: with a bias of -1, most of h is above 0
    reference = Reference(weights, activations, loss, make_betas(activations))
    H, A = reference.forward(X)
    gradients = reference.gradients(H, A, T)
    assert all(np.abs(G).max() > 1e-4 for G in gradients)
    for G, differences in zip(gradients, central_differences(reference, X, T), strict=True):
        np.testing.assert_allclose(G, differences, rtol=1e-6, atol=1e-9)


def test_a_step_by_hand():
    """2-1-1 on one sample, worked out with equations 2, 3, 50, 51 and 4."""
    w = [np.array([[0.1], [0.2], [-0.3]]), np.array([[0.4], [0.5]])]
    reference = Reference([W.copy() for W in w], ["sigmoid", "sigmoid"])
    x, t, eta = np.array([1.0, 2.0]), 1.0, 0.5
    a1 = 1 / (1 + np.exp(-(-0.1 + 0.2 * 1 - 0.3 * 2)))
    a2 = 1 / (1 + np.exp(-(-0.4 + 0.5 * a1)))
    delta2 = (a2 - t) * a2 * (1 - a2)
    delta1 = a1 * (1 - a1) * delta2 * 0.5
    reference.step(x[None], np.array([[t]]), eta)
    np.testing.assert_allclose(
        reference.weights[1].ravel(), [0.4 + eta * delta2, 0.5 - eta * delta2 * a1], rtol=1e-15
    )
    np.testing.assert_allclose(
        reference.weights[0].ravel(),
        [0.1 + eta * delta1, 0.2 - eta * delta1, -0.3 - eta * delta1 * 2],
        rtol=1e-15,
    )


def test_threshold_is_one_above_zero_only():
    assert activate("threshold", np.array([-1.0, 0.0, 1e-300])).tolist() == [0, 0, 1]


SIZES = [(2, 2, 1), (5, 17, 3), (300, 1), (64, 40, 10), (13, 2, 1), (100, 1, 2), (7, 600, 5)]


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch_size", [1, None])
def test_initial_weights_are_those_of_the_mathematics_to_the_bit(
    sizes, batch_size, dtype, initialisation
):
    m = MLP(batch_size=batch_size, dtype=dtype, initialisation=initialisation)
    m.init_weights(sizes, 7)
    for W, V in zip(m.weights, initial_weights(sizes, 7, initialisation), strict=True):
        np.testing.assert_array_equal(W, V.astype(dtype), strict=True)


@pytest.mark.parametrize("draw", [initial_weights, None])
def test_bounds_of_initial_weights_by_hand(draw):
    """Of the 300-100-2 network, as other libraries state them."""
    bounds = {
        "tutorial": (1 / np.sqrt(300), 0.1),
        "glorot": (np.sqrt(6 / 400), np.sqrt(6 / 102)),
        "he": (np.sqrt(6 / 300), np.sqrt(6 / 100)),
    }
    assert {*bounds} == {*INITIALISATIONS}
    sizes, of_tutorial = (300, 100, 2), None
    for name, of_layers in bounds.items():
        m = MLP(initialisation=name)
        weights = draw(sizes, 3, name) if draw else m.init_weights(sizes, 3).weights
        of_tutorial = of_tutorial or [W / b for W, b in zip(weights, of_layers, strict=True)]
        for W, bound, V in zip(weights, of_layers, of_tutorial, strict=True):
            assert 0.96 * bound < np.abs(W[1:]).max() <= bound
            assert abs(W[1:].mean()) < 0.1 * bound
            assert W[1:].std() == pytest.approx(bound / np.sqrt(3), rel=0.1)  # uniform
            np.testing.assert_allclose(W[1:] / bound, V[1:], rtol=0, atol=1e-14)  # the same draws
            assert (W[0] == 0).all() == (name != "tutorial")
            assert not np.signbit(W[0]).all()


@pytest.mark.parametrize(("name", "activation"), [("glorot", "tanh"), ("he", "relu")])
def test_deep_networks_still_tell_rows_apart(name, activation):
    X = np.random.default_rng(0).standard_normal((50, 200))
    apart = {}
    for initialisation in (name, "tutorial"):
        m = MLP(activation=activation, output_activation="linear", initialisation=initialisation)
        apart[initialisation] = m.init_weights((200,) * 31).forward(X).std(axis=0).mean()
    assert 0.1 < apart[name] < 10
    assert apart["tutorial"] < 1e-6
