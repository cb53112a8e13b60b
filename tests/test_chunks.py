"""Training on chunks: one at a time in memory, iterated anew in every epoch."""

import gc
import warnings
import weakref
from itertools import accumulate, pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, LEGAL_PAIRS, assert_to_rounding, learns_little, make_data
from cross import cross
from from_python import permute
from states import bits, everything

from mlp_fast import MLP
from mlp_fast.initialisation import shuffle_key
from mlp_fast.paths import PATHS
from mlp_fast.reference import Reference

pytestmark = learns_little

MODES = {"online": 1, "tiny": 3, "mini": 7, "full": None}
SIZES = {"one": (23,), "one large": (600,), "some": (9, 14, 1), "large": (300, 7, 513)}
"""Rows of each chunk."""
FORMS = ["dense", "CSR", "mixed"]
X, T = make_data("sigmoid", 40, 5, 2)
VALIDATION = make_data("sigmoid", 23, 5, 2, seed=1)


def cut(X, T, *sizes, rows="dense"):
    """Return the rows in chunks of these sizes; the last one has what is left."""
    bounds = sorted({*accumulate([0, *sizes]), len(T)})
    chunks = [(X[start:stop], T[start:stop]) for start, stop in pairwise(bounds)]
    is_sparse = {"dense": [], "CSR": range(len(chunks)), "mixed": range(1, len(chunks), 2)}[rows]
    return [(sp.csr_array(A) if i in is_sparse else A, B) for i, (A, B) in enumerate(chunks)]


CHUNKS = cut(X, T, 13, 10, 3)


def network(**told):
    return MLP(**{"layer_sizes": (6,), "batch_size": 7, "learning_rate": 0.5, **told})


class Again:
    """Chunks that can be iterated again; `make` is given the number of the iteration."""

    def __init__(self, make):
        self.make, self.begun = make, -1

    def __iter__(self):
        self.begun += 1
        return iter(self.make(self.begun))


# --- what is computed ---


@cross(
    output_and_loss=LEGAL_PAIRS,
    hidden=HIDDEN,
    sizes=SIZES,
    mode=MODES,
    rows=FORMS,
    dtype=DTYPES,
    all_meet=["mode", "rows", "dtype"],
)
def test_chunks_agree_with_the_reference(output, loss, hidden, sizes, mode, rows, dtype):
    A, B = make_data(output, sum(SIZES[sizes]), 5, 3)
    A = (A * (np.random.default_rng(0).random(A.shape) < 0.6)).astype(dtype)
    B = B.astype(dtype)
    activations, eta, epochs = [hidden, hidden, output], 0.05, 2
    told = {"activation": hidden, "output_activation": output, "loss": loss, "dtype": dtype}
    m = MLP((8, 4), batch_size=MODES[mode], shuffle=False, learning_rate=eta, **told)
    m.init_weights((5, 8, 4, 3), 2)
    reference = Reference(m.weights.copy(), activations, loss)
    m.train(cut(A, B, *SIZES[sizes], rows=rows), epochs=epochs, weights=m.weights)
    losses, steps = [], 0
    for _ in range(epochs):
        sums = []
        for C, D in [(A, B)] if mode == "full" else cut(A, B, *SIZES[sizes]):
            size = MODES[mode] or len(D)
            batches = [slice(i, i + size) for i in range(0, len(D), size)]
            sums += [reference.step(C[batch], D[batch], eta) for batch in batches]
        steps += len(sums) * (16 if mode == "full" else 1)  # sums of so many rows are less exact
        error, loss_now = np.sum(sums, axis=0) / len(B)
        losses.append(loss_now)
    assert_to_rounding(m.weights, reference.weights, steps)
    bound = 8 * steps * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, losses, rtol=bound, atol=bound)
    np.testing.assert_allclose(m.error_, error, rtol=bound, atol=bound)
    assert (m.epochs_, m.stopped_) == (epochs, "epochs")


@cross(
    mode=MODES,
    layer_sizes=[(), (4,), (9, 5)],
    rows=["dense", "CSR"],
    k=[1, 5, 40, 256, 257, 700],
    shuffle=[True, False],
    dtype=DTYPES,
    all_meet=["mode", "layer_sizes", "rows"],
)
def test_one_chunk_is_the_array(mode, layer_sizes, rows, k, shuffle, dtype):
    A, B = make_data("sigmoid", k, 12, 2 if layer_sizes else 1)
    [(A, B)] = cut(A, B, rows=rows)
    told = {"layer_sizes": layer_sizes, "batch_size": MODES[mode], "dtype": dtype}
    m, n = (network(**told, shuffle=shuffle, learning_rate=0.1) for _ in range(2))
    m.train([(A, B)], epochs=4)
    n.train(A, B, 4)
    assert (m.epochs_, m._history.passes) == (n.epochs_, n._history.passes) == (4, 4)
    if mode == "full" and k <= 256:  # whose sums are not kept apart from the weights
        assert_to_rounding(m.weights, n.weights, 16)
        np.testing.assert_allclose(m.loss_curve_, n.loss_curve_, rtol=1e-12 + (dtype != "float64"))
        return
    assert bits(m) == bits(n)
    assert m.loss_curve_.tobytes() == n.loss_curve_.tobytes()
    assert m.error_ == n.error_


@cross(mode=["online", "tiny", "mini"], rows=FORMS, dtype=DTYPES)
def test_each_chunk_is_shuffled_by_the_number_of_its_pass(mode, rows, dtype):
    """Epochs may have other numbers of chunks."""

    def make(epoch):
        return cut(X, T, *[(13, 10, 3), (20,), (), (9, 9, 9, 9)][epoch], rows=rows)

    told = {"batch_size": MODES[mode], "dtype": dtype, "random_state": 3}
    m = network(**told).train(Again(make), epochs=4)
    assert m._history.passes == 4 + 2 + 1 + 5
    n, passes = network(**told, shuffle=False).init_weights((5, 6, 2)), 0
    for epoch in range(4):
        for A, B in make(epoch):
            order = np.empty(len(B), np.int64)
            permute(order, shuffle_key(3), passes)
            if len(B) > MODES[mode]:
                A, B = A[order], B[order]
            n.partial_train(A, B)
            passes += 1
    assert bits(m) == bits(n)


def test_shuffling_differs_from_pass_to_pass_but_not_between_runs():
    same = [(X[:20], T[:20])] * 2
    a, b = (network(batch_size=1).train(same, epochs=1) for _ in range(2))
    assert bits(a) == bits(b)
    plain = network(batch_size=1, shuffle=False).train(same, epochs=1)
    other = network(batch_size=1).train(X[:20], T[:20], 2)
    assert bits(a) != bits(plain)
    assert bits(a) == bits(other)  # two passes over the same rows, whatever they are called
    assert (a.epochs_, other.epochs_, a._history.passes) == (1, 2, 2)


@cross(mode=MODES, rows=FORMS, dtype=DTYPES, stop=["plain", "validation", "patience"],
       way=["itself", "file"])  # fmt: skip
def test_five_epochs_and_five_more_are_ten(mode, rows, dtype, stop, way, tmp_path):
    chunks = cut(X, T, 13, 10, 3, rows=rows)
    told = {"batch_size": MODES[mode], "dtype": dtype, "learning_rate": 8}
    told |= {"patience": 40} if stop == "patience" else {}
    given = {} if stop == "plain" else {"validation": VALIDATION}
    whole = network(**told).train(chunks, epochs=10, **given)
    m = network(**told).train(chunks, epochs=5, **given)
    if way == "file":
        m.save(tmp_path / "m.npz")
        m = MLP.load(tmp_path / "m.npz")
    m.resume(chunks, epochs=5, **given)
    expected, actual = everything(whole, X), everything(m, X)
    for told in (expected, actual):
        told.pop("options")  # of which epochs is another
    assert actual == expected
    assert len(whole.validation_loss_curve_ if given else whole.loss_curve_) == 10
    assert whole._history.passes == 40


@cross(rate=[2.0, 8.0, 30.0], mode=MODES)
def test_patience_stops_and_shows_the_best_epoch(rate, mode):
    told = {"batch_size": MODES[mode], "learning_rate": rate}
    whole = network(**told).train(CHUNKS, epochs=60, validation=VALIDATION, save_weights=True)
    losses = whole.validation_loss_curve_
    best = next(e for e in range(60) if losses[e] <= losses[: e + 4].min())
    assert best + 3 < 60
    m = network(**told, patience=3).train(CHUNKS, epochs=60, validation=VALIDATION)
    assert (m.stopped_, m.best_epoch_, m.epochs_) == ("patience", best, best + 4)
    assert bits(m) == [W.tobytes() for W in whole.saved_weights[best + 1]]
    m.resume(CHUNKS, epochs=1, patience=None)
    assert bits(m) == [W.tobytes() for W in whole.saved_weights[best + 5]]


@cross(mode=["mini", "full"], dtype=DTYPES)
def test_chunks_and_arrays_take_turns(mode, dtype):
    m = network(batch_size=MODES[mode], dtype=dtype).train(CHUNKS, epochs=2).resume(X, T, 2)
    m.partial_train(X, T).resume(CHUNKS, epochs=1)
    assert (m.epochs_, m._history.passes) == (6, 8 + 2 + 1 + 4)


# --- what chunks may be ---


def as_memmap(folder, dtype):
    chunks = []
    for i, (A, B) in enumerate(CHUNKS):
        pair = []
        for name, values in (("X", A), ("T", B)):
            np.save(folder / f"{name}{i}.npy", values.astype(dtype))
            pair.append(np.load(folder / f"{name}{i}.npy", mmap_mode="r"))
        chunks.append(tuple(pair))
    return chunks


class OnlyNext:
    """An iterator of the least that `for` needs."""

    def __init__(self, values):
        self.values = [*values]

    def __next__(self):
        if not self.values:
            raise StopIteration
        return self.values.pop(0)


class Bare:
    def __iter__(self):
        return OnlyNext(CHUNKS)


class ByIndex:
    def __getitem__(self, i):
        return CHUNKS[i]


KINDS = {
    "tuple": lambda folder: tuple(CHUNKS),
    "lists in a list": lambda folder: [[A.tolist(), B.tolist()] for A, B in CHUNKS],
    "values of a dict": lambda folder: dict(enumerate(CHUNKS)).values(),
    "float64 memmaps": lambda folder: as_memmap(folder, "float64"),
    "a class that yields": lambda folder: Again(lambda epoch: (pair for pair in CHUNKS)),
    "a class that reads": lambda folder: Again(lambda epoch: as_memmap(folder, "float64")),
    "a class whose iterator is bare": lambda folder: Bare(),
    "a class with __getitem__": lambda folder: ByIndex(),
    "frames": lambda folder: [(pd.DataFrame(A), pd.DataFrame(B)) for A, B in CHUNKS],
    "Fortran": lambda folder: [(np.asfortranarray(A), np.asfortranarray(B)) for A, B in CHUNKS],
}


@cross(kind=KINDS, mode=MODES, dtype=DTYPES)
def test_kinds_of_chunks(kind, mode, dtype, tmp_path):
    m, n = (network(batch_size=MODES[mode], dtype=dtype, learning_rate=0.1) for _ in range(2))
    m.train(KINDS[kind](tmp_path), epochs=3).resume(KINDS[kind](tmp_path), epochs=1)
    n.train(CHUNKS, epochs=4)
    assert bits(m) == bits(n)


@cross(kind=["float32", "int8", "int64", "bool"], mode=MODES, dtype=DTYPES)
def test_numbers_of_any_dtype_are_converted_chunk_by_chunk(kind, mode, dtype):
    chunks = [((8 * A).astype(kind), (B > 0.5).astype(kind)) for A, B in CHUNKS]
    m, n = (network(batch_size=MODES[mode], dtype=dtype, learning_rate=0.1) for _ in range(2))
    m.train(chunks, epochs=3)
    n.train([(A.astype(float), B.astype(float)) for A, B in chunks], epochs=3)
    assert bits(m) == bits(n)


def test_targets_of_one_column_may_be_vectors():
    m = network().train([(A, B[:, 0]) for A, B in CHUNKS], epochs=3)
    n = network().train([(A, B[:, :1]) for A, B in CHUNKS], epochs=3)
    assert bits(m) == bits(n)
    assert (m.predict(X).ndim, n.predict(X).ndim) == (1, 2)
    assert n.resume([(X, T[:, 0]), (X, T[:, :1])], epochs=1).predict(X).ndim == 1


@cross(mode=MODES, dtype=DTYPES)
def test_whole_memmaps_train_as_arrays_do(mode, dtype, tmp_path):
    np.save(tmp_path / "X.npy", X.astype(dtype))
    np.save(tmp_path / "T.npy", T.astype(dtype))
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "XT"]
    m, n = (network(batch_size=MODES[mode], dtype=dtype) for _ in range(2))
    assert bits(m.train(*mapped, 3)) == bits(n.train(X, T, 3))
    assert bits(m.resume(*mapped, 3)) == bits(n.resume(X, T, 3))


def test_each_chunk_is_made_once_an_epoch():
    made = []

    def make(epoch):
        for i, pair in enumerate(CHUNKS):
            made.append((epoch, i))
            yield pair

    network().train(Again(make), epochs=3)
    assert made == [(epoch, i) for epoch in range(3) for i in range(4)]


@cross(mode=MODES, rows=["dense", "CSR"], dtype=DTYPES)
def test_one_chunk_is_in_memory_at_a_time(mode, rows, dtype):
    made, most = [], []

    def alive():
        return sum(values() is not None for values in made)

    def make(epoch):
        for A, B in CHUNKS:
            most.append(alive())  # of the chunks before
            A, B = A.astype(dtype), B.astype(dtype)
            A = sp.csr_array(A) if rows == "CSR" else A
            made.extend(map(weakref.ref, [A, B]))
            yield A, B
            del A, B

    gc.disable()  # what goes in circles would pile up
    try:
        m = network(batch_size=MODES[mode], dtype=dtype, patience=9)
        m.train(Again(make), epochs=3, validation=VALIDATION)
        assert alive() == 0
        m.resume(Again(make), epochs=2)
    finally:
        gc.enable()
    assert most == [0] * 20
    assert alive() == 0


# --- what is told of it ---


@cross(mode=MODES, by=["training loss", "validation loss"])
def test_callbacks_saved_weights_and_checkpoints(mode, by, tmp_path):
    given = {"validation": VALIDATION} if by == "validation loss" else {}
    seen, files = [], []

    def note(epoch, m, logs):
        seen.append((epoch, logs["loss"], logs["validation_loss"], bits(m)))
        file = tmp_path / "m.npz"
        files.append(MLP.load(file).epochs_ if file.exists() else None)

    told = {"batch_size": MODES[mode], "save_weights": True}
    m = network(**told).train(
        CHUNKS, epochs=5, callback=note, checkpoint=tmp_path / "m.npz", checkpoint_every=2, **given
    )
    weights = [*map(bits, (network(batch_size=MODES[mode]).train(CHUNKS, epochs=e)
                           for e in range(1, 6)))]  # fmt: skip
    assert [told[3] for told in seen] == weights
    assert [told[0] for told in seen] == [*range(5)]
    assert [told[1] for told in seen] == m.loss_curve_.tolist()
    losses = m.validation_loss_curve_.tolist() if given else [None] * 5
    assert [told[2] for told in seen] == losses
    assert [[W.tobytes() for W in saved] for saved in m.saved_weights[1:]] == weights
    assert len(m.saved_weights) == 6
    assert files == [None, None, 2, 2, 4]
    loaded = MLP.load(tmp_path / "m.npz")
    assert (loaded.epochs_, bits(loaded)) == (5, weights[-1])
    stopped = network(**told).train(CHUNKS, epochs=9, callback=lambda epoch, m, logs: epoch == 1)
    assert (stopped.epochs_, stopped.stopped_, bits(stopped)) == (2, "callback", weights[1])


def test_a_callback_writes_weights_that_are_trained_on():
    def halve(epoch, m, logs):
        if epoch == 1:
            m.weights = [W / 2 for W in m.weights]

    for size in MODES.values():
        m = network(batch_size=size).train(CHUNKS, epochs=4, callback=halve)
        n = network(batch_size=size).train(CHUNKS, epochs=2)
        n.weights = [W / 2 for W in n.weights]
        assert bits(m) == bits(n.resume(CHUNKS, epochs=2))


def test_a_chunk_may_be_made_by_the_network_itself():
    """Reading it is allowed, training it is not."""

    def make(epoch):
        for A, B in CHUNKS:
            if epoch > 0:
                m.predict(A)
                with pytest.raises(RuntimeError, match="cannot be called while the network is"):
                    m.train(A, B, 1)
            yield A, B

    m = network()
    m.train(Again(make), epochs=3)
    assert bits(m) == bits(network().train(CHUNKS, epochs=3))


@cross(mode=MODES, epochs=[1, 20])
def test_verbose(mode, epochs, capsys):
    m = network(batch_size=MODES[mode], verbose=1).train(CHUNKS, epochs=epochs)
    lines = capsys.readouterr().out.splitlines()
    expected = [0] if epochs == 1 else [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 19]
    assert [int(line.split()[1]) for line in lines] == expected
    assert lines[-1] == f"epoch: {epochs - 1}  error: {m.error_}"


@cross(mode=MODES, validated=[True, False])
def test_the_bar_counts_samples(mode, validated, capsys):
    given = {"validation": VALIDATION} if validated else {}
    network(batch_size=MODES[mode], progress=True).train(CHUNKS, epochs=5, **given)
    shown = capsys.readouterr().err
    assert "200/200" in shown
    assert "loss=" in shown
    assert ("validation_loss=" in shown) == validated


def test_no_other_warning_is_given():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(batch_size=1).train(CHUNKS, epochs=120)


@pytest.mark.parametrize("mode", MODES)
def test_a_refused_call_leaves_a_checkpoint_as_it_was(mode, tmp_path):
    path = tmp_path / "m.npz"
    m = network(batch_size=MODES[mode]).train(CHUNKS, epochs=3, checkpoint=path)
    before = path.read_bytes()
    rows, targets = CHUNKS[1]
    for call in (m.train, m.resume):
        with pytest.raises(ValueError, match="X of chunk 1 must be finite; got nan"):
            call([CHUNKS[0], (rows * np.nan, targets)], epochs=2, checkpoint=path)
        assert path.read_bytes() == before


@pytest.mark.parametrize("mode", MODES)
def test_saved_in_the_middle_of_an_epoch_is_the_last_complete_one(mode, tmp_path):
    class Saving:
        def __init__(self):
            self.files = []

        def __iter__(self):
            for chunk in CHUNKS:
                if m._running is not None:
                    m.save(tmp_path / "m")
                    self.files.append(MLP.load(tmp_path / "m"))
                yield chunk

    chunks = Saving()
    m = network(batch_size=MODES[mode])
    m.train(chunks, epochs=3)
    assert {file.epochs_ for file in chunks.files} == {0, 1, 2}
    for file in chunks.files:
        assert bits(file.resume(CHUNKS, epochs=3 - file.epochs_)) == bits(m)


PLACES = {"nan": np.nan, "infinity": np.inf, "less than infinity": -np.inf}


DENSE = {path.name: path for path in PATHS if path.call == "train" and not path.example.sparse}


@cross(
    path=DENSE,
    value=PLACES,
    dtype=DTYPES,
    full=[False, True],
    all_meet=("path", "dtype"),
    where=lambda path, dtype, **_: dtype in DENSE[path].example.dtypes,
)
def test_an_input_that_is_not_finite_is_found_on_every_path(path, value, dtype, full):
    path = DENSE[path]
    sizes, k, batch_size, _, _, optimizer, _ = path.example
    rng = np.random.default_rng(0)
    X, T = rng.random((k, sizes[0])).astype(dtype), rng.random((k, sizes[-1]))
    bad = X.copy()
    bad[-1, -1] = PLACES[value]
    m = MLP(layer_sizes=sizes[1:-1], activation="relu", optimizer=optimizer, dtype=dtype)
    m.train([(X, T)], epochs=1, batch_size=None if full else batch_size)
    before = bits(m)
    with pytest.raises(ValueError, match=r"X of chunk 1 must be finite; got (nan|-?inf)"):
        m.resume([(X, T), (bad, T)], epochs=2)
    assert bits(m) == before


@pytest.mark.parametrize("call", ["train", "resume", "partial_train"])
@pytest.mark.parametrize("given", [CHUNKS, X])
def test_a_number_in_place_of_targets_says_how_epochs_are_told(call, given):
    m = network().train(X, T, 2)
    with pytest.raises(ValueError, match=r"^T must be 2-D, .* got 10\. Chunks take no T"):
        getattr(m, call)(given, 10)
