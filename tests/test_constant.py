"""The loss of the best constant answer, and the warning of a training that ends no better."""

import re
import warnings

import numpy as np
import pytest
from cases import DTYPES, LEGAL_PAIRS, make_data
from cross import cross
from scipy import optimize

from mlp_fast import MLP
from mlp_fast.constant import CONSTANT_LOSS
from mlp_fast.losses import LOSSES
from mlp_fast.reference import Reference, activate

XOR = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])


def warned(caught):
    return [w for w in caught if "best constant answer" in str(w.message)]


def train(X, T, *epochs, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m = MLP(**options).train(X, T, *epochs)
    return m, warned(caught)


def test_every_loss_has_one():
    assert [*CONSTANT_LOSS] == [*LOSSES]


@pytest.mark.parametrize(("output", "loss"), LEGAL_PAIRS)
def test_no_constant_answer_is_better(output, loss):
    _, T = make_data(output)
    if output == "relu":
        T = np.abs(T)

    def mean_loss(h):
        H = np.tile(h, (len(T), 1))
        network = Reference([], [output], loss, [1.0])
        return network.sample_losses(H, activate(output, H), T).mean()

    best = optimize.minimize(mean_loss, np.full(3, 0.1), method="Nelder-Mead", tol=1e-10)
    assert CONSTANT_LOSS[loss](T) == pytest.approx(best.fun, rel=1e-6)
    one_hot = np.eye(3)[[0, 1, 1]]
    assert np.isfinite(CONSTANT_LOSS[loss](one_hot[:, :2]))


@cross(output_and_loss=LEGAL_PAIRS, dtype=DTYPES, batch_size=[1, 4, None], epochs=[99, 100])
def test_training_that_learns_nothing_says_so(output, loss, dtype, batch_size, epochs):
    X, T = make_data(output)
    options = {"output_activation": output, "loss": loss, "dtype": dtype, "batch_size": batch_size}
    m, caught = train(
        X, np.abs(T) if output == "relu" else T, epochs, learning_rate=1e-9, **options
    )
    assert len(caught) == (epochs >= 100)
    for warning in caught:
        assert warning.category is UserWarning
        assert warning.filename == __file__
        said = str(warning.message)
        assert re.search(f"after 100 epochs the loss is {m.loss_curve_[-1]:.4g}, and", said)
        for help in ("learning_rate", f"it was {batch_size}", "scaled to mean 0"):
            assert help in said


def test_the_limit_is_nine_tenths():
    """Weights that answer 1 to one half and a to the other, with a rate that changes nothing."""
    X, T = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])  # a constant answer has 1/8
    options = {"layer_sizes": (), "output_activation": "linear", "learning_rate": 1e-12}
    for share, said in ((0.8999, 0), (0.9001, 1)):
        error = np.sqrt(share * 0.125 * 2)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            MLP(**options).train(X, T, 100, weights=[[[-error], [1.0]]])
        assert len(warned(caught)) == said


def test_the_default_network_is_told_what_helps():
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_wine(return_X_y=True)
    X, T = (X - X.mean(axis=0)) / X.std(axis=0), np.eye(3)[y]
    assert len(train(X, T)[1]) == 1
    assert not train(X, T, batch_size=1, learning_rate=0.1)[1]


def test_the_tutorials_calls_are_silent():
    for T in (XOR[1], np.array([[0], [0], [0], [1]])):
        for batch_size in (None, 1):
            options = {"layer_sizes": (2,), "learning_rate": 1, "batch_size": batch_size}
            assert not train(XOR[0], T, 5001, **options)[1]


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_constant_targets_leave_nothing_to_learn(value):
    assert not train(XOR[0], np.full((4, 1), value), 100)[1]


def test_a_run_that_diverges_says_only_that():
    X, T = make_data("linear")
    options = {"output_activation": "linear", "layer_sizes": (), "learning_rate": 50.0}
    with pytest.warns(RuntimeWarning, match="diverged") as caught:
        MLP(**options).train(X, T, 200)
    assert len(caught) == 1


def test_huge_targets_do_not_overflow_into_a_warning():
    X, T = np.eye(4), np.array([1e200, -1e200, 3e200, 0])
    options = {"output_activation": "linear", "layer_sizes": (), "learning_rate": 1e-9}
    m, caught = train(X, T, 100, **options)
    assert len(m.loss_curve_) in (0, 100)
    assert not caught


def test_step_never_says_so():
    m = MLP(2).init_weights((2, 2, 1))
    for _ in range(200):
        m.step([0, 1], [1])
    m.forward(XOR[0])
    m.backward(XOR[1])
