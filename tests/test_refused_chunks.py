"""Chunks that are refused, or fail by themselves: nothing has changed, or whole epochs are left."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from cases import DTYPES, learns_little
from cross import cross
from states import bits, everything
from test_chunks import CHUNKS, FORMS, MODES, VALIDATION, Again, T, X, cut, network

pytestmark = learns_little


# --- what is refused ---

WITHOUT_T = {
    "an array": (X, TypeError, "T must be given with an array X; without T, X must be an iterable"),
    "a sparse matrix": (sp.csr_array(X), TypeError, "T must be given with an array X"),
    "a frame": (pd.DataFrame(X), TypeError, "T must be given with an array X"),
    "a column": (pd.Series(X[:, 0]), TypeError, "T must be given with an array X"),
    "a number": (3, TypeError, r"X must be, if T is not given, an iterable of .*; got int"),
    "a class": (Again, TypeError, "X must be, if T is not given, an iterable .*; got type$"),
    "nothing": (None, TypeError, r"X must be, if T is not given, an iterable .*; got NoneType"),
    "a generator": (
        (pair for pair in CHUNKS),
        ValueError,
        "X must be, if T is not given, .*; got generator, which can be iterated only once: give a",
    ),
    "a map": (map(tuple, CHUNKS), ValueError, "got map, which can be iterated only once"),
    "a zip": (zip(X, T, strict=True), ValueError, "got zip, which can be iterated only once"),
    "an iterator": (iter(CHUNKS), ValueError, "got list_iterator, which can be iterated only once"),
    "an empty list": ([], ValueError, "X must be, if T is not given, .*; got no chunk"),
    "a str": (
        "some.csv",
        ValueError,
        r"chunk 0 must be a pair \(X, T\), .* because T is .*; got str",
    ),
    "a dict": ({"X": X, "T": T}, ValueError, r"chunk 0 must be a pair \(X, T\), .*; got str"),
    "arrays": ([X, X], ValueError, r"chunk 0 must be a pair \(X, T\), .*; got ndarray"),
    "fours": ([(X, T, T, T)], ValueError, r"chunk 0 must be a pair \(X, T\), .*; got tuple"),
    "rows of three": (X[:, :3].tolist(), ValueError, r"chunk 0 must be a pair \(X, T\).* got list"),
    "rows": (X.tolist(), ValueError, r"chunk 0 must be a pair \(X, T\), .*; got list"),
    "rows of two": (X[:, :2].tolist(), ValueError, r"chunk 0 must be a pair \(X, T\).* got list"),
}


@cross(kind=WITHOUT_T, call=["train", "resume", "a first train"])
def test_what_is_no_chunks_is_refused(kind, call):
    given, error, message = WITHOUT_T[kind]
    m = network()
    if call == "a first train":
        raw = vars(m).copy()
        with pytest.raises(error, match=message):
            m.train(given, epochs=3)
        assert vars(m) == raw
        return
    m.train(X, T, 2)
    before = everything(m, X)
    with pytest.raises(error, match=message):
        getattr(m, call)(given, epochs=3, learning_rate=0.1)
    assert everything(m, X) == before


def put(i, A=None, B=None):
    """Return the chunks with another one in the place of one of them."""
    chunks = [*CHUNKS]
    chunks[i] = (chunks[i][0] if A is None else A, chunks[i][1] if B is None else B)
    return chunks


ONES = np.ones((14, 5))
NAN_X, NAN_T, ABOVE = X[26:].copy(), T[26:].copy(), T[26:].copy()
NAN_X[3, 1], NAN_T[2, 0], ABOVE[5, 1] = np.nan, np.inf, 1.5
BAD = {
    "width of X": (
        put(3, A=X[26:, :4]),
        ValueError,
        "X of chunk 3 must have 5 columns, one for each input of the network; got 4$",
    ),
    "width of CSR X": (
        put(3, A=sp.csr_array(X[26:, :4])),
        ValueError,
        "X of chunk 3 must have 5 columns, one for each input of the network; got 4$",
    ),
    "width of T": (
        put(3, B=T[26:, :1]),
        ValueError,
        "T of chunk 3 must have 2 columns, one for each output of the network; got 1; class",
    ),
    "a vector T": (put(3, B=T[26:, 0]), ValueError, "T of chunk 3 must have 2 columns"),
    "rows": (
        put(3, B=T[27:]),
        ValueError,
        "T of chunk 3 must have as many rows as X of chunk 3; got 13 and 14$",
    ),
    "empty": (
        put(3, X[:0], T[:0]),
        ValueError,
        r"X of chunk 3 must not be empty; got shape \(0, 5\)$",
    ),
    "empty CSR": (
        put(3, sp.csr_array((0, 5)), T[:0]),
        ValueError,
        r"X of chunk 3 must not be empty; got shape \(0, 5\)$",
    ),
    "empty T": (put(3, B=T[:0]), ValueError, "T of chunk 3 must not be empty"),
    "NaN": (put(3, A=NAN_X), ValueError, r"X of chunk 3 must be finite; got nan at \(3, 1\)$"),
    "NaN, CSR": (
        put(3, A=sp.csr_array(NAN_X)),
        ValueError,
        r"X of chunk 3 must be finite; got nan at \(3, 1\)$",
    ),
    "infinite T": (put(3, B=NAN_T), ValueError, r"T of chunk 3 must be finite; got inf at \(2, 0"),
    "range": (put(3, B=ABOVE), ValueError, r"T of chunk 3 must lie in \[0, 1\], .*; got 1.5"),
    "text": (
        put(3, B=[["a", "b"]] * 14),
        TypeError,
        "T of chunk 3 must hold real numbers; got class names such as 'a': encode them as",
    ),
    "objects": (put(3, A=ONES.astype(object)), TypeError, "X of chunk 3 must hold real numbers"),
    "one dimension": (put(3, A=X[26]), ValueError, r"X of chunk 3 must be 2-D, .*shape \(5,\)$"),
    "masked": (
        put(3, A=np.ma.masked_array(ONES)),
        TypeError,
        "X of chunk 3 must not be a masked array",
    ),
    "no pair": (
        [*CHUNKS[:3], X],
        ValueError,
        r"chunk 3 must be a pair \(X, T\), .* because T is not given; got ndarray$",
    ),
    "a pair of arrays in an array": (
        [*CHUNKS[:3], np.ones((2, 5, 5))],
        ValueError,
        r"chunk 3 must be a pair \(X, T\)",
    ),
    "no chunk": (
        [],
        ValueError,
        "X must be, if T is not given, .*; it gave no chunk in epoch EPOCH, counted from 0$",
    ),
}


@cross(
    bad=BAD,
    when=[0, 3],
    call=["train", "resume", "a first train"],
    mode=MODES,
    patience=[None, 60],
    all_meet=["bad", "when", "call"],
    where=lambda bad, when, **told: (bad, when) != ("no chunk", 0),  # refused before training
)
def test_what_is_wrong_in_a_later_chunk_changes_nothing(bad, when, call, mode, patience):
    chunks, error, message = BAD[bad]
    source = Again(lambda epoch: chunks if epoch == when else CHUNKS)
    m = network(batch_size=MODES[mode], patience=patience, save_weights=True)
    options = {"learning_rate": 0.1, "save_weights": True}
    if call == "a first train":
        raw = vars(m).copy()
        with pytest.raises(error, match=message.replace("EPOCH", str(when))):
            m.train(source, epochs=5, **options)
        assert vars(m) == raw
        assert not hasattr(m, "epochs_")
        return
    m.train(X, T, 5, learning_rate=60)
    m.forward(X)
    views, before, raw = m.weights, everything(m, X), vars(m).copy()
    outputs = m.forward(X)
    kept = m.outputs
    epoch = when + 5 * (call == "resume")
    with pytest.raises(error, match=message.replace("EPOCH", str(epoch))):
        getattr(m, call)(source, epochs=5, validation=VALIDATION, **options)
    assert [W.tobytes() for W in views] == before["weights"]
    assert m.outputs is kept
    m.backward(T)  # it still has what forward left
    np.testing.assert_array_equal(kept[-1], outputs)
    for view, W in zip(views, before["weights"], strict=True):
        view[:] = np.frombuffer(W).reshape(view.shape)
    assert everything(m, X) == before
    assert {*vars(m)} == {*raw} | {"outputs"}
    views[0][0, 0] = 0.25
    assert m.weights[0][0, 0] == 0.25  # the views are live


@pytest.mark.parametrize("call", ["train", "resume"])
def test_it_goes_on_as_if_nothing_had_been_refused(call):
    m, n = (network(batch_size=3, patience=90).train(CHUNKS, epochs=4) for _ in range(2))
    source = Again(lambda epoch: put(2, A=X[:, :4]) if epoch == 2 else CHUNKS)
    with pytest.raises(ValueError, match="X of chunk 2"):
        getattr(m, call)(source, epochs=4, learning_rate=0.1, callback=lambda *told: None)
    assert m._attached.callback is None
    assert everything(m.resume(CHUNKS, epochs=3), X) == everything(n.resume(CHUNKS, epochs=3), X)


@cross(shape=["X", "T"], call=["train", "resume"])
def test_the_first_chunk_of_a_later_epoch_is_as_wide_as_that_of_the_first(shape, call):
    wide = [(X[:, :4], T)] if shape == "X" else [(X, T[:, :1])]
    m = network().train(X, T, 1)
    before = everything(m, X)
    with pytest.raises(ValueError, match=rf"^{shape} of chunk 0 must have [52] columns"):
        getattr(m, call)(Again(lambda epoch: wide if epoch == 2 else CHUNKS), epochs=5)
    assert everything(m, X) == before


def test_an_iterator_that_is_exhausted_gives_nothing():
    """Each __iter__ returns the same one."""
    once = iter(CHUNKS)

    class Same:
        def __iter__(self):
            return once

    m = network().train(X, T, 2)
    before = everything(m, X)
    with pytest.raises(ValueError, match="it gave no chunk in epoch 1, counted from 0"):
        m.train(Same(), epochs=3)
    assert everything(m, X) == before
    once = iter(CHUNKS)
    m.train(Same(), epochs=1)  # for one epoch it does
    assert bits(m) == bits(network().train(CHUNKS, epochs=1))
    once = iter(CHUNKS)
    with pytest.raises(ValueError, match="it gave no chunk in epoch 2, counted from 0"):
        m.resume(Same(), epochs=3)


def test_sums_of_targets():
    told = {"output_activation": "softmax", "loss": "cross_entropy"}
    m = network(**told)
    good = np.eye(2)[[0, 1, 1]]
    with pytest.raises(ValueError, match=r"each row of T of chunk 1 must sum to 1 .* 0\.5 off"):
        m.train([(X[:3], good), (X[:3], good / 2)], epochs=1)
    assert m._net is None


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"orders": [range(40)]}, "orders must be None for chunks"),
        ({"validation_fraction": 0.5}, "validation_fraction must be None for chunks .*got 0.5"),
        ({"output_activation": "threshold"}, "'threshold' cannot be trained"),
    ],
)
def test_options_that_chunks_cannot_have(told, message):
    m = network().train(X, T, 2)
    before = everything(m, X)
    with pytest.raises(ValueError, match=message):
        m.train(CHUNKS, epochs=1, **told)
    assert everything(m, X) == before


# --- errors that are not about the chunks ---


class Reads:
    """What is an array when it is read, which may fail."""

    def __init__(self, values, error=None):
        self.values, self.error = values, error

    def __array__(self, dtype=None, copy=None):
        if self.error is not None:
            raise self.error
        return self.values


@cross(
    error=[OSError, ValueError, TypeError, KeyboardInterrupt, MemoryError],
    mode=MODES,
    patience=[None, 60],
    call=["train", "resume"],
)
def test_an_error_of_the_iterator_leaves_the_last_complete_epoch(error, mode, patience, call):
    def make(epoch):
        for i, pair in enumerate(CHUNKS):
            if (epoch, i) == (2, 2):
                raise error("the disk is gone")
            yield pair

    told = {"batch_size": MODES[mode], "patience": patience, "learning_rate": 8}
    m, n = network(**told), network(**told)
    if call == "resume":
        m.train(CHUNKS, epochs=3)
    done = 2 + m._history.epochs if m._history else 2
    with pytest.raises(error, match="the disk is gone"):
        getattr(m, call)(Again(make), epochs=9)
    n.train(CHUNKS, epochs=done)
    assert (m.epochs_, m.stopped_) == (done, "interrupted")
    assert bits(m) == bits(n)
    assert m._history.passes == 4 * done
    n.resume(CHUNKS, epochs=3)
    assert everything(m.resume(CHUNKS, epochs=3), X) == everything(n, X)


@cross(
    error=[OSError, KeyboardInterrupt, MemoryError], where_=["X", "T"], mode=MODES
)  # fmt: skip
def test_an_error_of_reading_an_array_leaves_the_last_complete_epoch(error, where_, mode):
    """Such as of a data set that is read only when it is made an array."""

    def make(epoch):
        for i, (A, B) in enumerate(CHUNKS):
            fails = error("the disk is gone") if (epoch, i) == (2, 2) else None
            yield (Reads(A, fails), B) if where_ == "X" else (A, Reads(B, fails))

    m, n = (network(batch_size=MODES[mode]) for _ in range(2))
    with pytest.raises(error, match="the disk is gone"):
        m.train(Again(make), epochs=9)
    n.train(CHUNKS, epochs=2)
    assert (m.epochs_, m.stopped_, bits(m)) == (2, "interrupted", bits(n))
    assert bits(m.resume(CHUNKS, epochs=3)) == bits(n.resume(CHUNKS, epochs=3))


@pytest.mark.parametrize("error", [OSError, TypeError, ValueError])
@pytest.mark.parametrize("when", [0, 2])
def test_an_error_of_iter_comes_through(error, when):
    def make(epoch):
        if epoch == when:
            raise error("no such folder")
        return CHUNKS

    m, n = network().train(X, T, 1), network().train(X, T, 1)
    before = everything(m, X)
    with pytest.raises(error, match=r"^no such folder$"):
        m.resume(Again(make), epochs=4)
    if when == 0:  # before training began
        assert everything(m, X) == before
    n.resume(CHUNKS, epochs=2) if when else None
    assert bits(m) == bits(n)


def test_an_error_in_the_first_epoch_leaves_the_first_weights():
    def make(epoch):
        yield CHUNKS[0]
        raise OSError("the disk is gone")

    m = network()
    with pytest.raises(OSError, match="the disk is gone"):
        m.train(Again(make), epochs=9)
    assert (m.epochs_, m.stopped_) == (0, "interrupted")
    assert bits(m) == bits(network().init_weights((5, 6, 2)))
    assert bits(m.resume(CHUNKS, epochs=2)) == bits(network().train(CHUNKS, epochs=2))


@cross(mode=MODES, rows=FORMS, dtype=DTYPES, call=["train", "resume"], patience=[None, 9])
def test_divergence_leaves_the_epoch_before_and_warns_at_the_line(
    mode, rows, dtype, call, patience
):
    big = np.full_like(T, np.finfo(dtype).max / 2)
    chunks, spoilt = cut(X, T, 13, 10, 3, rows=rows), cut(X, big, 13, 10, 3, rows=rows)
    bad = [*chunks[:2], spoilt[2], chunks[3]]
    told = {"batch_size": MODES[mode], "dtype": dtype, "output_activation": "linear"}
    m, n = (network(**told, learning_rate=0.02, patience=patience) for _ in range(2))
    if call == "resume":
        m.train(chunks, epochs=2)
    done = 2 + (m._history.epochs if m._history else 0)
    source = Again(lambda epoch: bad if epoch == 2 else chunks)
    with pytest.warns(RuntimeWarning, match=rf"diverged in epoch {done} \(counted from 0") as said:
        getattr(m, call)(source, epochs=6)
    assert [warning.filename for warning in said] == [__file__]
    with open(__file__) as file:
        assert "getattr(m, call)(source, ep" in file.read().splitlines()[said[0].lineno - 1]
    n.train(chunks, epochs=done)
    assert (m.epochs_, m.stopped_) == (done, "diverged")
    assert bits(m) == bits(n)
    assert (m.loss_curve_.tobytes(), m.error_) == (n.loss_curve_.tobytes(), n.error_)
    assert m._history.passes == 4 * done
    n.resume(chunks, epochs=2)
    assert everything(m.resume(chunks, epochs=2), X) == everything(n, X)
