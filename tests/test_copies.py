"""A copy answers, learns and refuses as its original does, by whichever way it was made."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from cases import DTYPES, LEGAL_PAIRS, make_data
from cross import cross

from mlp_fast import MLP


def through_joblib(m, folder, **options):
    path = folder / str(len([*folder.iterdir()]))  # another each time: the last may be mapped
    joblib.dump(m, path)
    return joblib.load(path, **options)


WAYS = {
    "pickle": lambda m, folder: pickle.loads(pickle.dumps(m)),
    "pickle, protocol 2": lambda m, folder: pickle.loads(pickle.dumps(m, 2)),
    "copy": lambda m, folder: copy.copy(m),
    "deepcopy": lambda m, folder: copy.deepcopy(m),
    "joblib": through_joblib,
    "joblib, mapped": lambda m, folder: through_joblib(m, folder, mmap_mode="r"),
    "twice": lambda m, folder: copy.deepcopy(pickle.loads(pickle.dumps(m))),
}
BIG = 6000  # of whose weights joblib makes a file of their own, to be mapped


def trained(output, loss, n_out, vector, dtype, n_in=4):
    X, T = make_data(output, 9, n_in, n_out)
    X, T = X.astype(dtype), (T[:, 0] if vector else T).astype(dtype)
    options = {"output_activation": output, "loss": loss, "dtype": dtype, "layer_sizes": (5,)}
    return MLP(**options).train(X, T, 3, batch_size=4, learning_rate=0.1), X, T


def same(A, B):
    assert A.dtype == B.dtype
    np.testing.assert_array_equal(A, B)


def one_hot(T, output):
    """Return targets that name a class in each row."""
    low = -1 if output == "tanh" else 0
    if T.ndim == 1 or T.shape[1] == 1:
        return np.where(np.arange(len(T)).reshape(T.shape) % 2, 1, low)
    return np.eye(T.shape[1])[np.arange(len(T)) % T.shape[1]]


@cross(
    output_and_loss=LEGAL_PAIRS,
    n_out_and_vector=[(1, False), (1, True), (3, False)],
    way=WAYS,
    dtype=DTYPES,
    where=lambda output, n_out, **_: (output, n_out) != ("softmax", 1),
)
def test_a_copy_does_what_its_original_does(output, loss, n_out, vector, way, dtype, tmp_path):
    m, X, T = trained(output, loss, n_out, vector, dtype)
    twin = WAYS[way](m, tmp_path)
    for rows in (X, X[:1], X[:1].tolist()):
        for ask in ("predict", "predict_classes", "forward"):
            same(getattr(twin, ask)(rows), getattr(m, ask)(rows))
        classes = one_hot(T, output)[: len(rows)]
        same(twin.confmat(rows, classes), m.confmat(rows, classes))
    row = X[1:2].copy()
    answer = twin._net.answering()(row)  # the fast entry takes it, for a copy as for its original
    assert answer is not None
    same(answer, m.predict(row))
    for network in (m, twin):
        network.forward(X)
        network.backward(T, 0.1)
    assert twin.step(X[0], T[0], 0.1) == m.step(X[0], T[0], 0.1)
    for W, V in zip(twin.weights, m.weights, strict=True):
        same(W, V)
    same(twin.loss_curve_, m.loss_curve_)
    for W, V in zip(twin.train(X, T, 2).weights, m.train(X, T, 2).weights, strict=True):
        same(W, V)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_refuses_what_its_original_refuses(way, tmp_path):
    m, X, _ = trained("softmax", "cross_entropy", 3, False, "float64")
    twin = WAYS[way](m, tmp_path)
    for network in (m, twin):
        with pytest.raises(ValueError, match="t must sum to 1"):
            network.step(X[0], [0.5, 0.4, 0.3])
    recall = MLP(output_activation="threshold").init_weights((2, 1), 0)
    for network in (recall, WAYS[way](recall, tmp_path)):
        with pytest.raises(ValueError, match="'threshold' cannot be trained"):
            network.step([1, 2], 1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hidden", ["threshold", "tanh"])
def test_a_copy_for_recall_alone_answers_alike(hidden, way, tmp_path):
    m = MLP(activation=hidden, output_activation="threshold").init_weights((4, 5, 2), 0)
    twin = WAYS[way](m, tmp_path)
    X, _ = make_data("linear", 9, 4, 1)
    for rows in (X, X[:1]):
        for ask in ("predict", "predict_classes", "forward"):
            same(getattr(twin, ask)(rows), getattr(m, ask)(rows))
    assert twin._net.answering()(X[:1].copy()) is not None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n_in", [4, BIG])
def test_a_copy_shares_no_weights(n_in, way, tmp_path):
    m, X, T = trained("sigmoid", "squared_error", 3, False, "float64", n_in)
    twin = WAYS[way](m, tmp_path)
    before, answers = m.weights.copy(), twin.forward(X)
    twin.step(X[0], T[0], 0.5)
    for W, V in zip(m.weights, before, strict=True):
        same(W, V)
    assert not np.array_equal(twin.weights[0], before[0])
    m.weights = [np.zeros_like(W) for W in before]
    assert twin.weights[0].any()
    same(WAYS[way](twin, tmp_path).forward(X), twin.forward(X))
    assert not np.array_equal(twin.forward(X), answers)


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_before_there_are_weights_can_be_trained(way, tmp_path):
    m = MLP(layer_sizes=3, output_activation="tanh", random_state=4)
    twin = WAYS[way](m, tmp_path)
    assert twin.settings == m.settings
    X, T = make_data("tanh", 9, 4, 1)
    same(twin.train(X, T, 2).forward(X), m.train(X, T, 2).forward(X))


def test_rows_that_were_copied_take_the_fast_entry_too():
    m, X, _ = trained("sigmoid", "squared_error", 1, True, "float64")
    for row in (pickle.loads(pickle.dumps(X[:1])), copy.deepcopy(X[:1])):
        assert m._net.answering()(row) is not None


def test_what_is_pickled_is_little_more_than_the_weights():
    m = MLP().init_weights((BIG, 2, 1), 0)
    stream = io.BytesIO()
    pickle.dump(m, stream)
    assert len(stream.getvalue()) < 1.1 * m._net.theta.nbytes + 4096
