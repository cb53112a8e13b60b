"""Learning, on data that people know: handwritten digits and a robot arm."""

import warnings

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from mlp_fast import MLP


@pytest.fixture(scope="module")
def mnist(real_data):
    data = real_data("mnist.npz")
    X, X_test = (data[name].reshape(-1, 784) / 255 for name in ("x_train", "x_test"))
    return X, np.eye(10)[data["y_train"]], X_test, data["y_test"]


@pytest.fixture(scope="module")
def kin32fm(real_data):
    data = real_data("kin32fm.npz")
    standardised = []
    for train, test in (("x_train", "x_test"), ("t_train", "t_test")):
        mean, deviation = data[train].mean(axis=0), data[train].std(axis=0)
        standardised += [(data[name] - mean) / deviation for name in (train, test)]
    X, X_test, T, T_test = standardised
    return X, T.ravel(), X_test, T_test.ravel()


def accuracy(m, mnist):
    X, T, X_test, y_test = mnist
    m.train(X, T)
    return np.mean(m.predict_classes(X_test) == y_test)


def test_digits_with_sigmoid_and_squared_error(mnist):
    m = MLP(layer_sizes=100, batch_size=1, learning_rate=0.3, epochs=5)
    assert accuracy(m, mnist) >= 0.970


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_digits_with_softmax_and_cross_entropy(mnist, dtype):
    m = MLP(
        layer_sizes=100,
        output_activation="softmax",
        loss="cross_entropy",
        batch_size=1,
        learning_rate=0.03,
        epochs=10,
        dtype=dtype,
    )
    assert accuracy(m, mnist) >= 0.975


def r_squared(predicted, truth):
    return 1 - np.sum((predicted - truth) ** 2) / np.sum((truth - truth.mean()) ** 2)


@pytest.mark.slow
def test_robot_arm_as_well_as_scikit_learn(kin32fm):
    X, t, X_test, t_test = kin32fm
    rate, epochs, ours, theirs = 0.005, 20, [], []
    for seed in range(5):
        m = MLP(layer_sizes=32, output_activation="linear", batch_size=1, random_state=seed)
        m.train(X, t, epochs, learning_rate=rate)
        ours.append(r_squared(m.predict(X_test), t_test))
        peer = MLPRegressor(
            hidden_layer_sizes=32,
            activation="logistic",
            solver="sgd",
            alpha=0,
            batch_size=1,
            learning_rate_init=rate,
            momentum=0,
            max_iter=epochs,
            n_iter_no_change=epochs,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it did not converge in so few epochs
            peer.fit(X, t)
        theirs.append(peer.score(X_test, t_test))
    assert min(ours) >= 0.84
    assert np.mean(ours) == pytest.approx(np.mean(theirs), abs=0.01)
