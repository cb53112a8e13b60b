"""Training by one pass over the next rows, as a stream gives them."""

import copy
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, LEGAL_PAIRS, learns_little, make_data
from cross import cross
from states import bits, everything

from mlp_fast import MLP
from mlp_fast.calls import Calls

pytestmark = learns_little

MODES = {"online": 1, "tiny": 3, "mini": 7, "full": None}
NETWORKS = {
    "shallow": {"layer_sizes": (4,), "activation": "tanh"},
    "one layer": {"layer_sizes": ()},
    "deep": {"layer_sizes": (9, 5), "activation": ["relu", "sigmoid"]},
}
X, T = make_data("sigmoid", 40, 5, 2)
Y, S = make_data("sigmoid", 23, 5, 2, seed=1)


def network(**told):
    return MLP(**{"layer_sizes": (6,), "batch_size": 7, "learning_rate": 0.5, **told})


def form(rows, X):
    return sp.csr_array(X) if rows == "CSR" else X


@cross(
    mode=MODES,
    network=NETWORKS,
    rows=["dense", "CSR"],
    dtype=DTYPES,
    k=[1, 23, 300],
    output_and_loss=LEGAL_PAIRS,
    all_meet=["mode", "rows", "dtype"],
)
def test_a_call_is_an_epoch_that_is_not_shuffled(mode, network, rows, dtype, k, output, loss):
    told = {**NETWORKS[network], "output_activation": output, "loss": loss, "dtype": dtype}
    told |= {"batch_size": MODES[mode], "learning_rate": 0.05}
    m = MLP(**told)
    weights = None
    losses = []
    for call, k_now in enumerate((k, 12, k)):
        A, B = make_data(output, k_now, seed=call)
        A = form(rows, A * (np.random.default_rng(call).random(A.shape) < 0.6))
        assert m.partial_train(A, B) is m
        n = MLP(**told).train(A, B, 1, shuffle=False, weights=weights)
        assert bits(m) == bits(n)
        weights = n.weights.copy()
        losses.append(n.loss_curve_[0])
        assert (m.epochs_, m.error_, m.stopped_) == (call + 1, n.error_, "epochs")
    assert m.loss_curve_.tolist() == losses


@cross(mode=MODES, seed=[0, 5], dtype=DTYPES)
def test_the_first_call_makes_the_network(mode, seed, dtype):
    m = network(batch_size=MODES[mode], random_state=seed, dtype=dtype).partial_train(X, T)
    n = network(batch_size=MODES[mode], random_state=seed, dtype=dtype).train(
        X, T, 1, shuffle=False
    )
    assert bits(m) == bits(n)
    assert m._history.seed == seed
    assert m.weights[0].dtype == dtype


def test_without_a_seed_the_first_weights_are_fresh():
    a, b = (network(random_state=None).partial_train(X, T) for _ in range(2))
    assert bits(a) != bits(b)


@pytest.mark.parametrize("form", [lambda T: T, lambda T: T[:, 0], lambda T: T[:, :1]])
def test_answers_have_the_form_of_the_last_targets(form):
    m = network().partial_train(X, form(T))
    assert m.predict(X).shape == form(T).shape
    if form(T).shape != T.shape:
        m.partial_train(X, T[:, 0])
        assert m.predict(X[:1]).shape == (1,)
        m.partial_train(X, T[:, :1])
        assert m.predict(X[:1]).shape == (1, 1)
        other = network().train(X, T[:, 0], 1, shuffle=False)
        other.resume(X, T[:, 0], 2, shuffle=False)
        assert m.epochs_ == other.epochs_ == 3


def after_train(m, folder):
    return m.train(X, T, 3)


def after_init_weights(m, folder):
    return m.init_weights((5, 6, 2), 4)


def after_load(m, folder):
    m.train(X, T, 3).save(folder / "m.npz")
    return MLP.load(folder / "m.npz")


def after_copy(m, folder):
    return copy.copy(m.train(X, T, 3))


def after_steps(m, folder):
    m.init_weights((5, 6, 2), 4)
    m.step(X[0], T[0])
    return m


def after_new_weights(m, folder):
    m.train(X, T, 3)
    m.weights = [W / 2 for W in m.weights]
    return m


@cross(
    before=[after_train, after_init_weights, after_load, after_copy, after_steps,
            after_new_weights],
    mode=MODES,
    dtype=DTYPES,
)  # fmt: skip
def test_it_goes_on_from_the_weights_that_are_there(before, mode, dtype, tmp_path):
    m = before(network(batch_size=MODES[mode], dtype=dtype), tmp_path)
    epochs = m._history.epochs
    n = network(batch_size=MODES[mode], dtype=dtype)
    n.train(Y, S, 1, shuffle=False, weights=m.weights)
    views = m.weights
    m.partial_train(Y, S)
    assert bits(m) == bits(n)
    assert m.epochs_ == epochs + 1
    assert m.loss_curve_[-1] == n.loss_curve_[0]
    assert [W.tobytes() for W in views] == bits(m)  # views stay live


@cross(mode=MODES, by=["training loss", "validation loss"])
def test_after_patience_it_goes_on_from_the_last_weights(mode, by):
    told = {"batch_size": MODES[mode]}
    given = {"validation": (Y, S)} if by == "validation loss" else {}
    m = network(**told, patience=30, tol=1).train(X, T, 8, **given)
    last = network(**told).train(X, T, 8)
    assert m._history.last is not None
    assert bits(m) != bits(last)
    m.partial_train(Y, S)
    assert bits(m) == bits(last.partial_train(Y, S))
    assert m.in_force.patience == 30


def test_options_and_what_is_attached_stay():
    called = []
    m = network(save_weights=True, verbose=0, patience=40, validation_fraction=None)
    m.train(
        X, T, 2, learning_rate=0.25, batch_size=9,
        validation=(Y, S), callback=lambda *told: called.append(told[0]),
    )  # fmt: skip
    settings, in_force, saved = m.settings, m.in_force, len(m.saved_weights)
    m.partial_train(Y, S)
    assert (m.settings, m.in_force) == (settings, in_force)
    assert m.in_force.batch_size == 9
    assert m.in_force.shuffle is True
    assert len(m.saved_weights) == saved + 1
    assert called == [0, 1]
    assert np.isnan(m.validation_loss_curve_).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="validation must be given to resume, or be None"):
        copy.copy(m).resume(X, T, 1)  # as after `train`
    m.resume(X, T, 2)  # which validates and calls back again
    assert called == [0, 1, 3, 4]
    assert np.isnan(m.validation_loss_curve_).tolist() == [False, False, True, False, False]


def test_options_that_one_pass_cannot_have_are_left_out(capsys):
    orders = [np.arange(40)[::-1]] * 3
    told = {"orders": orders, "epochs": 3, "verbose": 1, "progress": True}
    m = network(**told, patience=2).partial_train(X, T)
    assert capsys.readouterr() == ("", "")
    assert m.in_force is m.settings
    assert m.in_force.verbose == 1
    assert bits(m) == bits(network(shuffle=False).train(X, T, 1))
    held = network(validation_fraction=0.5).partial_train(X, T)
    assert bits(held) == bits(m)
    assert m._history.best is held._history.best is None


@cross(mode=["online", "tiny", "mini"], between=[1, 3], dtype=DTYPES)
def test_passes_between_epochs_count_for_the_shuffling(mode, between, dtype):
    m = network(batch_size=MODES[mode], dtype=dtype).train(X, T, 2)
    for _ in range(between):
        m.partial_train(Y, S)
    n = network(batch_size=MODES[mode], dtype=dtype)
    n.train(X, T, 2 + between)  # of which only the number is kept
    n.weights = m.weights.copy()
    assert bits(m.resume(X, T, 2)) == bits(n.resume(X, T, 2))
    assert m.epochs_ == n.epochs_ == 4 + between


def test_it_goes_on_through_a_file(tmp_path):
    m = network()
    for i in range(3):
        m.partial_train(X[9 * i : 9 * i + 9], T[9 * i : 9 * i + 9])
    m.save(tmp_path / "m.npz")
    n = MLP.load(tmp_path / "m.npz")
    for other in (m, n):
        other.partial_train(Y, S).resume(X, T, 2)
    assert everything(m, X) == everything(n, X)


BAD = {
    "columns of X": (X[:, :4], T, ValueError, "X must have 5 columns, one for each input .* got 4"),
    "columns of T": (X, T[:, :1], ValueError, "T must have 2 columns, one for each output .* 1"),
    "rows": (X[:9], T, ValueError, "T must have as many rows as X; got 40 and 9"),
    "no rows": (X[:0], T[:0], ValueError, r"X must not be empty; got shape \(0, 5\)"),
    "NaN in X": (X * np.nan, T, ValueError, r"X must be finite; got nan at \(0, 0\)"),
    "NaN in T": (X, T * np.nan, ValueError, r"T must be finite; got nan at \(0, 0\)"),
    "range of T": (X, T + 2, ValueError, r"T must lie in \[0, 1\]"),
    "text": (X, [["a", "b"]] * 40, TypeError, "T must hold real numbers; got class names"),
    "one row": (X[0], T, ValueError, r"X must be 2-D.*got shape \(5,\)"),
}


@cross(
    bad=BAD,
    rows=["dense", "CSR"],
    patience=[None, 40],
    where=lambda bad, rows, **told: (bad, rows) != ("one row", "CSR"),  # a matrix, too
)
def test_what_is_refused_changes_nothing(bad, rows, patience):
    A, B, error, message = BAD[bad]
    if rows == "CSR":
        A, message = sp.csr_array(A), message.replace("finite; got nan", "finite; .*nan")
    m = network(patience=patience, save_weights=True).train(X, T, 5, learning_rate=60)
    views, before, raw = m.weights, everything(m, X), vars(m).copy()
    with pytest.raises(error, match=message):
        m.partial_train(A, B)
    assert everything(m, X) == before
    assert {name: id(value) for name, value in vars(m).items()} == {
        name: id(value) for name, value in raw.items()
    }
    assert [W.tobytes() for W in views] == before["weights"]


@pytest.mark.parametrize("bad", [name for name in BAD if "columns" not in name])
def test_a_first_call_that_is_refused_makes_no_network(bad):
    A, B, error, message = BAD[bad]
    m = network()
    before = vars(m).copy()
    with pytest.raises(error, match=message):
        m.partial_train(A, B)
    assert vars(m) == before


@pytest.mark.parametrize(
    ("output", "message"),
    [("threshold", "cannot be trained"), ("softmax", "needs T of two columns")],
)
def test_a_network_that_cannot_be_trained_is_not_made(output, message):
    m = MLP(output_activation=output)
    with pytest.raises(ValueError, match=message):
        m.partial_train(X, T[:, 0].round())
    assert m._net is None


@cross(mode=MODES, rows=["dense", "CSR"], dtype=DTYPES, first=[True, False])
def test_a_pass_that_diverges_leaves_the_weights_and_warns_at_the_line(mode, rows, dtype, first):
    big = np.finfo(dtype).max / 2
    m = network(batch_size=MODES[mode], dtype=dtype, output_activation="linear")
    if first:
        m.init_weights((5, 6, 2))
    else:
        m.train(X, T, 3, learning_rate=0.01)
    before, epochs = bits(m), m._history.epochs
    with pytest.warns(RuntimeWarning, match=rf"diverged in epoch {epochs} ") as told:
        m.partial_train(form(rows, X), np.full((40, 2), big))
    assert [warning.filename for warning in told] == [__file__]
    with open(__file__) as file:
        assert "m.partial_train(form" in file.read().splitlines()[told[0].lineno - 1]
    assert (bits(m), m.epochs_, m.stopped_) == (before, epochs, "diverged")
    assert len(m.loss_curve_) == epochs
    n = network(batch_size=MODES[mode], dtype=dtype, output_activation="linear")
    n.train(X, T, 1, shuffle=False, weights=m.weights, learning_rate=m.in_force.learning_rate)
    assert bits(m.partial_train(X, T)) == bits(n)
    assert m.stopped_ == "epochs"


def test_a_first_call_that_diverges_leaves_the_first_weights():
    m = network(output_activation="linear")
    with pytest.warns(RuntimeWarning, match="diverged in epoch 0 ") as told:
        m.partial_train(X, T * 1e305)
    assert told[0].filename == __file__
    assert bits(m) == bits(network().init_weights((5, 6, 2)))
    assert (m.epochs_, m.stopped_) == (0, "diverged")


def test_a_stream_makes_no_other_warnings():
    m = MLP(layer_sizes=(), output_activation="linear", batch_size=1, learning_rate=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for i in range(150):
            m.partial_train(X[i % 40 : i % 40 + 1], T[i % 40 : i % 40 + 1])
    assert (m.epochs_, m._history.passes) == (150, 150)


def test_a_pass_that_diverges_shows_the_best_weights_again():
    rng = np.random.default_rng(0)
    X, T = rng.random((20, 3)), rng.random((20, 1))
    m = MLP(layer_sizes=(4,), output_activation="linear", patience=9, learning_rate=0.5)
    m.train(X, T, 8, validation=(X[:5], T[:5]), callback=raising)
    assert m.best_epoch_ < 7
    shown, kept = m.weights.copy(), m._history
    best, last = kept.best, kept.last.copy()
    with pytest.warns(RuntimeWarning, match="diverged in epoch 8 .* those of the best epoch"):
        m.partial_train(X * 1e200, T * 1e200)
    assert [W.tobytes() for W in m.weights] == [W.tobytes() for W in shown]
    assert m._history.best is best
    assert m._history.last.tobytes() == last.tobytes()


def raising(epoch, m, logs):
    if epoch > 0:
        m.weights = [W + 0.3 for W in m.weights]


def test_weights_are_saved_after_each_pass():
    m = network(save_weights=True).partial_train(X, T).partial_train(Y, S)
    assert len(m.saved_weights) == 3
    assert [W.tobytes() for W in m.saved_weights[-1]] == bits(m)


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("how", ["Ctrl-C", "divergence"])
def test_a_pass_that_is_not_finished_leaves_all_as_it_was(how, changed, monkeypatch):
    m = network(patience=9).train(X, T, 8, validation=(X[:5], T[:5]), callback=raising)
    assert m._history.last is not None
    if changed:
        m.weights[0][0, 0] += 1
    before = m.weights.copy()

    def spoilt(calls, step, stop):
        calls.theta[:] = np.nan
        if how == "Ctrl-C":
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(Calls, "is_finite_after", spoilt)
    if how == "Ctrl-C":
        with pytest.raises(KeyboardInterrupt):
            m.partial_train(X, T)
    else:
        shown = "those before that epoch" if changed else "those of the best epoch, and resume"
        with pytest.warns(RuntimeWarning, match=f"The weights are {shown}"):
            m.partial_train(X, T)
    assert [W.tobytes() for W in m.weights] == [W.tobytes() for W in before]
    assert (m._history.best is None) == (m._history.last is None) == changed
    assert m.epochs_ == 8
