"""When training stops: validation, patience, callbacks, and what a network says of it."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, LEGAL_PAIRS, learns_little, make_data
from cross import cross
from states import bits

from mlp_fast import MLP
from mlp_fast.boundary.examples import as_examples
from mlp_fast.reference import Reference
from mlp_fast.validation import hold_out

pytestmark = learns_little

MODES = {"online": 1, "mini": 7, "full": None}
X, T = make_data("sigmoid", 40, 5, 2)
ROWS = make_data("sigmoid", 300, 5, 2, seed=1)
BY = {"training loss": None, "validation loss": ROWS}


def network(**told):
    return MLP(**{"layer_sizes": (6,), "batch_size": 7, "learning_rate": 0.5, **told})


# --- validation ---


@cross(
    output_and_loss=LEGAL_PAIRS, hidden=["sigmoid", "relu", "tanh"], rows=["dense", "CSR"],
    dtype=DTYPES, k=[1, 300],
)  # fmt: skip
def test_validation_loss_is_that_of_the_reference(output, loss, hidden, rows, dtype, k):
    A, S = make_data(output, 20)
    V, U = make_data(output, k, seed=1)
    V *= np.random.default_rng(0).random(V.shape) < 0.7
    told = {"activation": hidden, "output_activation": output, "loss": loss, "dtype": dtype}
    m = MLP(layer_sizes=(8, 4), save_weights=True, learning_rate=0.05, batch_size=3, **told)
    V, U = V.astype(dtype), U.astype(dtype)
    m.train(A, S, 4, validation=(sp.csr_matrix(V) if rows == "CSR" else V, U))
    for weights, actual in zip(m.saved_weights[1:], m.validation_loss_curve_, strict=True):
        weights = [W.astype(float) for W in weights]
        expected = Reference(weights, [hidden, hidden, output], loss).mean_loss(V.astype(float), U)
        assert actual == pytest.approx(expected, rel=1e-12 if dtype == "float64" else 1e-4)


@cross(mode=MODES, dtype=DTYPES)
def test_validation_changes_nothing_else(mode, dtype):
    m = network(batch_size=MODES[mode], dtype=dtype).train(X, T, 6)
    n = network(batch_size=MODES[mode], dtype=dtype).train(X, T, 6, validation=ROWS)
    assert bits(m) == bits(n)
    assert m.loss_curve_.tobytes() == n.loss_curve_.tobytes()
    with pytest.raises(AttributeError, match="neither validation nor validation_fraction"):
        _ = m.validation_loss_curve_


@cross(mode=MODES, rows=["dense", "CSR"], dtype=DTYPES)
def test_held_out_rows_are_validated_by_and_the_others_trained_on(mode, rows, dtype):
    A = sp.csr_matrix(X) if rows == "CSR" else X
    m = network(batch_size=MODES[mode], dtype=dtype, validation_fraction=0.3).train(A, T, 4)
    kept, held = hold_out(as_examples(X, T, dtype), 0.3, 0)
    n = network(batch_size=MODES[mode], dtype=dtype)
    n.train(
        sp.csr_matrix(kept.rows.X) if rows == "CSR" else kept.rows.X,
        kept.T,
        4,
        validation=(held.rows.X, held.T),
    )
    assert bits(m) == bits(n)
    # sparse and dense rows agree to rounding only
    np.testing.assert_allclose(m.validation_loss_curve_, n.validation_loss_curve_, rtol=1e-5)


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.999])
def test_the_split_has_every_row_once_and_follows_from_the_seed(fraction):
    examples = as_examples(np.arange(50.0).reshape(-1, 1), np.zeros(50), "float64")
    kept, held = hold_out(examples, fraction, 3)
    rows = np.concatenate([kept.rows.X, held.rows.X]).ravel()
    assert sorted(rows) == [*range(50)]
    assert held.k == min(max(round(50 * fraction), 1), 49)
    assert np.all(np.diff(kept.rows.X.ravel()) > 0)
    again, other = hold_out(examples, fraction, 3)[1], hold_out(examples, fraction, 4)[1]
    np.testing.assert_array_equal(again.rows.X, held.rows.X)
    assert not np.array_equal(other.rows.X, held.rows.X)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_each_class_gives_its_share_and_keeps_a_row(fraction):
    counts = [100, 40, 9, 2, 1, 0]
    labels = np.repeat(range(6), counts)
    np.random.default_rng(0).shuffle(labels)
    targets = np.eye(6)[labels]
    kept, held = hold_out(as_examples(np.zeros((152, 1)), targets, "float64"), fraction, 0)
    given = held.T.sum(axis=0)
    assert np.all(np.abs(given - fraction * np.array(counts)) < 1 + 1e-9)
    assert np.all(kept.T.sum(axis=0)[:5] >= 1)
    assert held.k == pytest.approx(152 * fraction, abs=1)
    assert given[4] == 0


@pytest.mark.parametrize("fraction", [0.6, 0.75, 0.9, 0.99])
def test_each_class_keeps_a_row_even_if_most_are_held_out(fraction):
    counts = [40, 3, 2, 1]
    targets = np.eye(4)[np.repeat(range(4), counts)]
    kept, held = hold_out(as_examples(np.zeros((46, 1)), targets, "float64"), fraction, 0)
    assert np.all(kept.T.sum(axis=0) >= 1)
    assert held.T.sum(axis=0)[3] == 0
    assert 46 * fraction - 4 <= held.k <= 46 * fraction + 1  # less what classes keep


@pytest.mark.parametrize("T", [np.zeros((1, 1)), np.eye(3)])
def test_a_split_that_leaves_nothing_is_refused(T):
    with pytest.raises(ValueError, match=r"validation_fraction=0.5 must leave rows to train on"):
        MLP(validation_fraction=0.5).train(np.zeros((len(T), 2)), T)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, np.nan, np.inf, "0.1", True])
def test_fractions_are_between_0_and_1(fraction):
    with pytest.raises(ValueError, match=r"^validation_fraction must be .*above 0 and below 1"):
        MLP(validation_fraction=fraction)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"validation": (X[:, :4], T)}, ValueError, r"validation\[0\] must have 5 columns.*got 4"),
        ({"validation": (X, T[:, :1])}, ValueError, r"validation\[1\] must have 2 columns.*got 1"),
        ({"validation": (X * np.nan, T)}, ValueError, r"validation\[0\] must be finite; got nan"),
        ({"validation": (X, T + 9)}, ValueError, r"validation\[1\] must lie in \[0, 1\]"),
        ({"validation": (X[:3], T)}, ValueError, r"\[1\] must have as many rows as validation\[0"),
        ({"validation": (X[:0], T[:0])}, ValueError, r"validation\[0\] must not be empty"),
        ({"validation": (X, [["a", "b"]] * 40)}, TypeError, r"\[1\] must hold real.*class names"),
        ({"validation": (X,)}, ValueError, r"validation must be a pair \(X, T\).*tuple of 1"),
        ({"validation": X}, ValueError, r"validation must be a pair \(X, T\).*ndarray"),
        ({"validation": [(X, T)]}, ValueError, r"must be a pair .* not in chunks.*list of 1"),
        ({"validation": iter([(X, T)])}, ValueError, r"must be a pair .*list_iterator$"),
        ({"validation": 0.1}, ValueError, r"must be a pair .*float: .* is validation_fraction"),
        ({"checkpoint_every": "x"}, ValueError, "checkpoint_every must be an integer of 1 or mo"),
        ({"validation": (X, T), "validation_fraction": 0.1}, ValueError, "validation must be None"),
        (
            {"validation_fraction": 0.1, "orders": [range(40)]},
            ValueError,
            "validation_fraction must be None for chunks and with orders",
        ),
        ({"patience": 0}, ValueError, "patience must be an integer of 1 or more; got 0"),
        ({"patience": 1.5}, ValueError, "patience must be an integer of 1 or more; got 1.5"),
        ({"tol": -1}, ValueError, "tol must be finite and 0 or more; got -1"),
        ({"tol": np.nan}, ValueError, "tol must be finite and 0 or more; got nan"),
        ({"callback": 3}, TypeError, "callback must be a function of epoch, network and logs"),
        ({"checkpoint": 3}, TypeError, "path must be a str or os.PathLike; got 3"),
        ({"checkpoint": "m", "checkpoint_every": 0}, ValueError, "checkpoint_every must be an int"),
    ],
)
@pytest.mark.parametrize("call", ["train", "resume"])
def test_what_is_refused_changes_nothing(given, kind, message, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    m = network().train(X, T, 3)
    before = pickle.dumps(m)
    with pytest.raises(kind, match=message):
        getattr(m, call)(X, T, 1, **given)
    assert pickle.dumps(m) == before
    assert not [*tmp_path.iterdir()]


# --- patience ---


def losses_with(m, epochs, validation):
    """Return the weights after each epoch, and the losses by which patience is counted."""
    m = copy.deepcopy(m).train(X, T, epochs, validation=validation, save_weights=True)
    return m.saved_weights[1:], m.loss_curve_ if validation is None else m.validation_loss_curve_


@cross(
    mode=MODES,
    dtype=DTYPES,
    patience=[1, 2, 5],
    tol=[0.0, 1e-3],
    rate=[0.5, 8.0, 60.0],
    by=BY,
)
def test_patience_is_counted_from_the_best_epoch(mode, dtype, patience, tol, rate, by):
    validation = BY[by]
    m = network(batch_size=MODES[mode], dtype=dtype, learning_rate=rate)
    weights, losses = losses_with(m, 40, validation)
    best, least = 0, np.inf
    for epoch, loss in enumerate(losses):
        if loss < least - tol:
            best, least = epoch, loss
        if epoch - best >= patience:
            break
    told = {"patience": patience, "tol": tol, "validation": validation}
    m.train(X, T, 40, **told)
    assert m.stopped_ == ("patience" if epoch - best >= patience else "epochs")
    assert (m.best_epoch_, m.epochs_) == (best, epoch + 1)
    assert bits(m) == [W.tobytes() for W in weights[best]]
    np.testing.assert_array_equal(m.predict(X), m.predict(X, weights=weights[best]))
    # and one epoch more goes on from the last one, not from the best
    m.resume(X, T, 1, patience=None)
    assert bits(m) == bits(network(batch_size=MODES[mode], dtype=dtype, learning_rate=rate)
                           .train(X, T, epoch + 2))  # fmt: skip


def test_best_epoch_without_patience():
    m = network().train(X, T, 9, learning_rate=30, validation=ROWS)
    assert m.best_epoch_ == m.validation_loss_curve_.argmin()
    m.train(X, T, 9, learning_rate=30)
    assert m.best_epoch_ == m.loss_curve_.argmin()


def test_a_network_that_patience_stopped_goes_on_when_told_to_be_more_patient():
    m = network().train(X, T, 40, learning_rate=60, patience=2, validation=ROWS)
    assert (m.stopped_, m.epochs_ < 40) == ("patience", True)
    epochs = m.epochs_
    m.resume(X, T, 3, patience=50)
    n = network().train(X, T, epochs + 3, learning_rate=60, patience=50, validation=ROWS)
    assert bits(m) == bits(n)
    assert (m.epochs_, m.best_epoch_, m.stopped_) == (n.epochs_, n.best_epoch_, n.stopped_)


def test_a_validation_loss_that_overflows_is_infinite_and_never_the_best():
    big = np.full((3, 5), 1e300)
    m = MLP(layer_sizes=(), output_activation="linear", learning_rate=0.1, patience=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m.train(X, T, 9, validation=(big, T[:3]))
    assert np.isinf(m.validation_loss_curve_).all()
    assert (m.best_epoch_, m.epochs_, m.stopped_) == (0, 4, "patience")


@cross(mode=MODES, dtype=DTYPES, patience=[1, 2, 5])
def test_to_be_resumed_is_to_be_given_as_much_patience_again(mode, dtype, patience, tmp_path):
    told = {"batch_size": MODES[mode], "dtype": dtype, "patience": patience}
    m = network(**told, learning_rate=1e-40).train(X, T, 40, validation=ROWS)  # nothing is learnt
    assert (m.stopped_, m.epochs_, m.best_epoch_) == ("patience", patience + 1, 0)
    m.save(tmp_path / "m")
    other = MLP.load(tmp_path / "m")
    m.resume(X, T, 40)
    assert (m.stopped_, m.epochs_, m.best_epoch_) == ("patience", 2 * patience + 1, 0)
    # one by one, and through files, it is the same
    for i in range(patience):
        other.resume(X, T, 1, validation=ROWS)
        assert other.stopped_ == ("patience" if i == patience - 1 else "epochs")
        other.save(tmp_path / "m")
        other = MLP.load(tmp_path / "m")
    assert bits(other) == bits(m)


@pytest.mark.parametrize("by", ["given", "held out"])
def test_the_best_weights_are_judged_by_the_rows_in_force(by):
    shifted = ROWS[0], 1 - ROWS[1]
    m = network(patience=30, learning_rate=8).train(X, T, 10, validation=ROWS)
    first = m.best_epoch_
    best = m.weights.copy()
    if by == "given":
        m.resume(X, T, 3, validation=shifted)
        rows = shifted
    else:
        m.resume(X, T, 3, validation_fraction=0.5)
        held = hold_out(as_examples(X, T, "float64"), 0.5, 0)[1]
        rows = held.rows.X, held.T
    of_best = Reference(best, ["sigmoid"] * 2).mean_loss(*rows)
    since = m.validation_loss_curve_[10:]
    assert m.best_epoch_ == (10 + since.argmin() if since.min() < of_best else first)
    assert m._history.best.loss == pytest.approx(min(of_best, *since), rel=1e-12)


@pytest.mark.parametrize("how", ["weights", "step", "live view"])
def test_weights_that_were_changed_are_no_longer_the_best(how):
    m = network(patience=30, learning_rate=8).train(X, T, 10, validation=ROWS)
    if how == "weights":
        m.weights = [W / 3 for W in m.weights]
    elif how == "step":
        m.step(X[0], T[0])
    else:
        m.weights[0][1, 1] += 1
    before = m.weights.copy()
    m.resume(X, T, 1, shuffle=False, learning_rate=1e-6)
    n = network(shuffle=False).train(X, T, 1, weights=before, learning_rate=1e-6)
    assert bits(m) == bits(n)
    assert m.best_epoch_ == 10


def test_of_rows_and_a_fraction_the_one_that_is_told_replaces_the_other():
    m = network(validation_fraction=0.3).train(X, T, 2, validation=ROWS)
    assert m.in_force.validation_fraction is None
    assert bits(m) == bits(network().train(X, T, 2))
    m.resume(X, T, 1, validation_fraction=0.3)
    assert m.in_force.validation_fraction == 0.3
    m.resume(X, T, 1)
    m.resume(X, T, 1, validation=ROWS)
    assert m.in_force.validation_fraction is None
    assert np.isfinite(m.validation_loss_curve_).all()


def test_a_training_with_patience_that_diverges_says_what_it_shows():
    def spoil(epoch, m, logs):
        if epoch == 6:
            m.weights = [np.full_like(W, 1e200) for W in m.weights]

    m = network(patience=50, output_activation="linear", learning_rate=0.05)
    with pytest.warns(RuntimeWarning, match="in epoch 7 .* those of the best epoch, and resume"):
        m.train(X, T, 20, callback=spoil)
    n = network(patience=50, output_activation="linear", learning_rate=0.05).train(X, T, 7)
    assert bits(m) == bits(n)
    assert (m.epochs_, m._history.last[m._history.last != 0].max()) == (7, 1e200)


# --- callbacks ---


@cross(mode=MODES, dtype=DTYPES, by=BY)
def test_callbacks_see_every_epoch(mode, dtype, by):
    seen, validation = [], BY[by]

    def note(epoch, m, logs):
        assert m.stopped_ == "interrupted"  # if the process were to end here
        assert (m.epochs_, m.loss_curve_[-1]) == (epoch + 1, logs["loss"])
        if validation is not None:
            assert m.validation_loss_curve_[-1] == logs["validation_loss"]
        else:
            assert logs["validation_loss"] is None
        seen.append((epoch, m, logs["learning_rate"], bits(m), m.predict(X).tobytes()))

    m = network(batch_size=MODES[mode], dtype=dtype)
    m.train(X, T, 5, validation=validation, callback=note)
    assert [told[:3] for told in seen] == [(epoch, m, 0.5) for epoch in range(5)]
    for epochs, told in enumerate(seen, 1):
        n = network(batch_size=MODES[mode], dtype=dtype).train(X, T, epochs)
        assert told[3:] == (bits(n), n.predict(X).tobytes())
    m.resume(X, T, 2)
    assert [told[0] for told in seen] == [*range(7)]


@pytest.mark.parametrize("answer", [True, np.True_])
def test_true_stops(answer):
    m = network().train(X, T, 9, callback=lambda epoch, m, logs: answer if epoch == 3 else None)
    assert (m.epochs_, m.stopped_) == (4, "callback")
    assert bits(m) == bits(network().train(X, T, 4))
    assert bits(m.resume(X, T, 2, callback=None)) == bits(network().train(X, T, 6))


@pytest.mark.parametrize("answer", [None, False, np.False_, 1, "stop", X])
def test_nothing_else_stops(answer):
    assert network().train(X, T, 5, callback=lambda *told: answer).stopped_ == "epochs"


@cross(mode=MODES, dtype=DTYPES, patience=[None, 9], at=[2, 4])
def test_weights_that_a_callback_writes_are_trained_on(mode, dtype, patience, at):
    def halve(epoch, m, logs):
        if epoch == at:
            m.weights = [W / 2 for W in m.weights]

    told = {"batch_size": MODES[mode], "dtype": dtype, "learning_rate": 0.01}
    m = network(**told, patience=patience).train(X, T, 5, callback=halve)
    n = network(**told).train(X, T, at + 1)
    n.weights = [W / 2 for W in n.weights]
    if at < 4:
        n.resume(X, T, 4 - at)
    assert m.loss_curve_.tobytes() == n.loss_curve_.tobytes()
    m.resume(X, T, 1, patience=None, callback=None)
    assert bits(m) == bits(n.resume(X, T, 1))


def test_weights_that_are_not_finite_are_refused():
    def spoil(epoch, m, logs):
        if epoch == 2:
            m.weights[0][0, 0] = np.nan

    m = network()
    with pytest.raises(ValueError, match="callback must leave the network's weights finite"):
        m.train(X, T, 5, callback=spoil)
    assert (m.epochs_, m.stopped_, bits(m)) == (3, "callback", bits(network().train(X, T, 3)))


@cross(mode=MODES, patience=[None, 9], error=[ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_an_error_of_the_callback_comes_through(mode, patience, error):
    def fail(epoch, m, logs):
        if epoch == 2:
            m.weights[0][:] = 7
            raise error("mine")

    told = {"batch_size": MODES[mode], "learning_rate": 0.01}
    m = network(**told, patience=patience)
    with pytest.raises(error, match="mine"):
        m.train(X, T, 5, callback=fail)
    n = network(**told, patience=patience).train(X, T, 3)
    assert bits(m) == bits(n)
    assert (m.epochs_, m.best_epoch_) == (3, n.best_epoch_)
    assert m.stopped_ == ("callback" if error is ZeroDivisionError else "interrupted")
    m.resume(X, T, 2, callback=None)
    assert bits(m) == bits(n.resume(X, T, 2))


CALLS = {
    "train": lambda m: m.train(X, T, 1),
    "resume": lambda m: m.resume(X, T, 1),
    "partial_train": lambda m: m.partial_train(X, T),
    "step": lambda m: m.step(X[0], T[0]),
    "backward": lambda m: (m.forward(X), m.backward(T)),
    "init_weights": lambda m: m.init_weights((5, 6, 2)),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_callback_cannot_train_the_network_that_is_trained(call):
    def train(epoch, m, logs):
        with pytest.raises(RuntimeError, match=f"{call} cannot be called while the network is"):
            CALLS[call](m)

    m = network().train(X, T, 3, callback=train)
    assert bits(m) == bits(network().train(X, T, 3))
    CALLS[call](m)  # afterwards it can


@cross(way=["save", "pickle", "copy"], patience=[None, 30])
def test_a_callback_may_save_and_copy(way, patience, tmp_path):
    copies = []

    def keep(epoch, m, logs):
        if way == "save":
            m.save(tmp_path / "m")
            copies.append(MLP.load(tmp_path / "m"))
        else:
            copies.append(pickle.loads(pickle.dumps(m)) if way == "pickle" else copy.copy(m))

    told = {"patience": patience, "learning_rate": 30, "batch_size": 1}
    m = network(**told).train(X, T, 6, validation=ROWS, callback=keep)
    for epochs, kept in enumerate(copies, 1):
        n = network(**told).train(X, T, epochs, validation=ROWS)
        assert bits(kept) == bits(n)  # with patience, the best so far
        assert (kept.epochs_, kept.best_epoch_) == (n.epochs_, n.best_epoch_)
        kept.resume(X, T, 6 - epochs, validation=ROWS) if epochs < 6 else None
        assert bits(kept) == bits(m)


# --- what is said ---


def test_before_any_training_nothing_is_said():
    names = (
        "error_",
        "loss_curve_",
        "validation_loss_curve_",
        "epochs_",
        "best_epoch_",
        "stopped_",
    )
    drawn, anew = MLP().init_weights((2, 1)), MLP().train([[0.0]], [0.0], 1).init_weights((2, 1))
    for m in (MLP(), drawn, anew):
        for name in names:
            with pytest.raises(AttributeError, match=f"no {name}: this MLP was not trained"):
                getattr(m, name)
            assert not hasattr(m, name)


def test_a_training_without_a_finished_epoch():
    m = MLP(layer_sizes=(), output_activation="linear")
    with pytest.warns(RuntimeWarning, match="diverged in epoch 0"):
        m.train(X * 1e200, T, 5, learning_rate=1e200)
    assert (m.epochs_, m.best_epoch_, m.stopped_) == (0, None, "diverged")
    assert np.isnan(m.error_)
    assert m.loss_curve_.shape == (0,)


def test_the_bar_shows_losses_and_samples(capsys):
    network(progress=True).train(X, T, 5, validation=ROWS)
    shown = capsys.readouterr().err
    assert "200/200" in shown
    assert "loss=" in shown
    assert "validation_loss=" in shown
    assert "sample/s" in shown


def test_verbose_prints_where_patience_stopped(capsys):
    m = network(verbose=1).train(X, T, 1000, learning_rate=60, patience=1, validation=ROWS)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"epoch: {m.epochs_ - 1}  error: {m.error_}"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("t", [0, 1e-20, 0.75, 40])
@pytest.mark.parametrize("n_out", [1, 3])
def test_small_poisson_losses_of_validation_are_as_exact_as_those_of_training(n_out, t, dtype):
    told = {"output_activation": "exponential", "loss": "poisson", "layer_sizes": ()}
    h = np.log(t) + 0.01 if t else -30.0
    weights = [np.concatenate([np.zeros((1, n_out)), np.full((1, n_out), h)])]
    rows, targets = np.ones((9, 1)), np.full((9, n_out), float(t))
    m = MLP(**told, dtype=dtype, learning_rate=1e-30).train(
        rows, targets, 1, weights=weights, validation=(rows, targets)
    )
    h, t = float(m.weights[0][1, 0]), float(np.dtype(dtype).type(t))
    expected = n_out * (t * (np.expm1(h - np.log(t)) - (h - np.log(t))) if t else np.exp(h))
    for curve in (m.validation_loss_curve_, m.loss_curve_):
        assert curve[0] == pytest.approx(expected, rel=1e-9 if t else 1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("output", "loss"), [("sigmoid", "binary_cross_entropy"),
                                              ("softmax", "cross_entropy")])  # fmt: skip
@pytest.mark.parametrize("z", [0.5, 5.0, 10.0, 15.0, 17.0, 25.0])
def test_small_validation_losses_are_as_exact_as_the_training_loss(output, loss, dtype, z):
    n = 1 if output == "sigmoid" else 2
    told = {"output_activation": output, "loss": loss, "dtype": dtype, "layer_sizes": ()}
    weights = [np.concatenate([np.zeros((1, n)), [[z] + [0] * (n - 1)]])]
    rows, targets = np.ones((9, 1)), np.eye(n)[np.zeros(9, int)]
    m = MLP(**told, learning_rate=1e-30).train(
        rows, targets, 1, weights=weights, validation=(rows, targets)
    )
    expected = np.log1p(np.exp(-z))
    assert m.validation_loss_curve_[0] == pytest.approx(expected, rel=1e-5)
    assert m.loss_curve_[0] == pytest.approx(expected, rel=1e-5)
