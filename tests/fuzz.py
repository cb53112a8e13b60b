"""What fuzz tests draw, and how they compare what comes of it with the reference."""

import dataclasses
import tempfile
import warnings
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, LEGAL_PAIRS, OUTPUTS, make_data
from hypothesis import strategies as st
from roundings import Spread, UnsureError, WideRun, distance
from spying import taken
from test_sparse import in_disorder

from mlp_fast import MLP
from mlp_fast.kernels.train.online_shallow import RUN, TRAIN_SHALLOW
from mlp_fast.kernels.train.tiny_batch_shallow import TRAIN_SHALLOW_BATCH
from mlp_fast.paths import PATHS as TABLE
from mlp_fast.update_rule import PLAIN

# --- forms of input -------------------------------------------------------------------------------


def unaligned(X):
    raw = np.zeros(X.nbytes + 1, np.uint8)[1:]
    view = raw.view(X.dtype).reshape(X.shape)
    view[:] = X
    return view


def locked(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def mapped(X):
    with tempfile.TemporaryFile() as file:
        view = np.memmap(file, X.dtype, "w+", shape=X.shape)
    view[:] = X
    return view


def other_dtype(X):
    return X.astype("float32" if X.dtype == "float64" else "float64")


DENSE_FORMS = {
    "plain": np.array,
    "list": np.ndarray.tolist,
    "integers": lambda X: X.astype(np.int16),
    "other dtype": other_dtype,
    "strided": lambda X: np.repeat(X, 2, axis=-1)[..., ::2],
    "backwards": lambda X: X[::-1].copy()[::-1],
    "Fortran": np.asfortranarray,
    "read-only": locked,
    "unaligned": unaligned,
    "byte-swapped": lambda X: X.astype(X.dtype.newbyteorder()),
    "mapped": mapped,
}
SPARSE_FORMS = {
    "CSR array": sp.csr_array,
    "CSR matrix": sp.csr_matrix,
    "CSR of other dtype": lambda X: sp.csr_array(other_dtype(X)),
    "CSR in disorder": in_disorder,
    "CSR in disorder, int64": lambda X: in_disorder(X, np.int64),
}
FORMS = DENSE_FORMS | SPARSE_FORMS


def in_form(name, X):
    """Return these rows in a form that users hand in."""
    return FORMS[name](X)


def as_array(X):
    return X.toarray() if sp.issparse(X) else np.asarray(X)


# --- networks and their data ----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Case:
    """A network, data for it, and how it is trained; data are drawn from a seed."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str = "squared_error"
    betas: tuple[float, ...] = ()
    dtype: str = "float64"
    batch_size: int | None = 1
    k: int = 5
    epochs: int = 2
    orders: bool = False  # whether each epoch has an order of its own
    learning_rate: float = 0.1
    zeros: float = 0.0  # share of the inputs
    scale: float = 1.0  # of the inputs
    classes: bool = False  # whether targets are at the ends of their range
    form: str = "plain"
    seed: int = 0

    @property
    def told(self):
        """Return what a reference takes beside the weights."""
        return self.activations, self.loss, list(self.betas) or [1.0] * len(self.activations)

    @property
    def options(self):
        """Return what the network is made with."""
        return {
            "layer_sizes": self.sizes[1:-1],
            "activation": self.activations[:-1],
            "output_activation": self.activations[-1],
            "loss": self.loss,
            "beta": self.betas or 1.0,
            "dtype": self.dtype,
            "random_state": self.seed,
        }

    @property
    def vector(self):
        """Return whether targets are handed in 1-D."""
        return self.sizes[-1] == 1 and self.seed % 2 == 1

    def rows(self, k, seed):
        """Return so many rows of inputs, in a form and as they are in the network's dtype."""
        return make_rows(k, self.sizes[0], self.dtype, self.scale, self.zeros, self.form, seed)

    def targets(self, k, seed):
        """Return so many targets within the range of the output, in the network's dtype."""
        return make_targets(self.activations[-1], k, self.sizes[-1], self.classes, self.dtype, seed)


def make_rows(k, n_in, dtype, scale, zeros, form, seed):
    X, _ = make_data("linear", k, n_in, 1, seed)
    X[np.random.default_rng(seed).random(X.shape) < zeros] = 0
    if form == "integers":
        X, scale = np.round(3 * X), 1
    if "other dtype" in form:  # which must hold the same numbers
        X, scale = X.astype("float32"), np.float32(min(scale, 1e10))
    X = (X * scale).astype(dtype)
    return in_form(form, X), X


def make_targets(output, k, n_out, classes, dtype, seed):
    _, T = make_data(output, k, 1, n_out, seed)
    if classes:
        if output == "softmax":
            T = np.eye(n_out)[T.argmax(axis=1)]
        elif output == "tanh":
            T = np.where(T > 0, 1.0, -1.0)
        else:
            T = np.round(T)
    return T.astype(dtype)


# the last are such that products of two inputs overflow, though the inputs themselves do not
SCALES = {
    "float64": [1e-20, 1e3, 1e120, 1e160, 1e160],
    "float32": [1e-15, 1e3, 1e17, 3e19, 3e19],
}
# with which a run lasts some epochs before it diverges: tiny batches have lost those once
RATES = {"float64": [1.0, 30.0, 1e3, 1e30, 1e30], "float32": [1.0, 30.0, 1e3, 1e12]}
FAMILIES = ["shallow", "blocks", "by output", "grid", "lanes", "batch", "deep"]
FAMILIES = [*FAMILIES * 12, *3 * ["large batch"], "run"]  # these two take longer
few = st.integers(1, 9)


@st.composite
def shapes(draw):
    """Draw sizes, the size of a batch, and numbers of examples and epochs: enough for each path."""
    family = draw(st.sampled_from(FAMILIES))
    n_in, n_out = draw(few), draw(st.integers(1, 5))
    k, epochs, batch_size = draw(st.integers(1, 36)), draw(st.integers(1, 3)), 1
    widths = draw(st.lists(st.sampled_from([1, 2, 3, 8, 9, 16, 17, 33, 64, 100]), max_size=2))
    if family in ("shallow", "run"):
        n_in, widths, n_out = draw(st.integers(1, 64)), [draw(st.integers(1, 64))], 1
    if family == "run":
        n_in, k, epochs = draw(few), draw(st.integers(RUN - 2, RUN + 20)), 1
    if family == "blocks":
        n_in = draw(st.integers(1, 130))
    if family == "by output":
        n_in, n_out = draw(st.integers(70, 200)), draw(st.integers(1, 2))
        widths = draw(st.sampled_from([[], [1], [2], [1, 3]]))
        batch_size = draw(st.sampled_from([1, 1, 1, 4, None]))
    if family in ("grid", "lanes"):
        epochs, k = draw(st.integers(1, 12)), draw(st.integers(2, 20))
        batch_size = draw(st.sampled_from([2, 3, 4, 5, 7, 8, None]))
        k = k if batch_size else min(k, 8)
    if family == "grid":
        n_out, widths = 1, [draw(st.integers(1, 8))]
        n_in = draw(st.integers(1, max(1, min(9, 39 // widths[0] - 2))))
    if family == "lanes":
        n_in, n_out = draw(st.integers(1, 3)), draw(st.integers(1, 3))
        widths = draw(st.lists(st.integers(1, 3), max_size=3))
    if family == "batch":
        n_in = draw(st.integers(1, 130))
        batch_size = draw(st.one_of(st.none(), st.integers(2, 40)))
    if family == "large batch":
        n_in, k = draw(st.integers(1, 70)), draw(st.integers(257, 600))
        batch_size = draw(st.sampled_from([None, 256, 300]))
    if family == "deep":
        widths = draw(st.lists(st.sampled_from([1, 2, 5, 8, 17]), min_size=3, max_size=9))
        batch_size = draw(st.sampled_from([1, 1, 5, None]))
    return (n_in, *widths, n_out), batch_size, k, epochs


@st.composite
def networks(draw, sizes, hidden=HIDDEN, outputs=OUTPUTS):
    """Draw what the layers of a network compute."""
    pairs = [p for p in LEGAL_PAIRS if p[0] in outputs and (sizes[-1] > 1 or p[0] != "softmax")]
    output, loss = draw(st.sampled_from(pairs))
    names = st.sampled_from(hidden)
    activations = (*(draw(names) for _ in sizes[1:-1]), output)
    betas = ()
    if "sigmoid" in activations and draw(st.booleans()):
        beta = st.sampled_from([0.3, 0.7, 1.0, 2.0, 5.0])
        betas = tuple(draw(beta) if g == "sigmoid" else 1.0 for g in activations)
    return {"activations": activations, "loss": loss, "betas": betas}


@st.composite
def cases(draw):
    """Draw a network, data and a training; now and then such that it diverges."""
    sizes, batch_size, k, epochs = draw(shapes())
    dtype = draw(st.sampled_from(DTYPES))
    scales, rates = [1.0], [0.01, 0.1, 0.5]
    network = networks(sizes)
    extreme = draw(
        st.sampled_from(["", "", "", "scale", "scale", "rate", "divergence", "divergence"])
    )
    if extreme == "scale":
        scales, rates = SCALES[dtype], [1e-30, 1e-9, 0.01, 1.0]
    elif extreme == "rate":
        rates = [1e-30, 1e-9, 1.0, 3.0, 10.0, 1e3, 1e12]
    elif extreme == "divergence":  # where nothing keeps the outputs small
        scales, rates = [1.0, 1.0, 1e3], RATES[dtype]
        network = networks(sizes, ["tanh", "tanh", "linear", "relu"], ["linear", "linear", "relu"])
    form = draw(st.sampled_from([*DENSE_FORMS, *2 * list(SPARSE_FORMS)]))
    return Case(
        sizes=sizes,
        dtype=dtype,
        batch_size=batch_size,
        k=k,
        epochs=epochs,
        orders=draw(st.booleans()),
        learning_rate=draw(st.sampled_from(rates)),
        zeros=draw(st.sampled_from([0.0, 0.0, 0.3, 0.9, 1.0])),
        scale=draw(st.sampled_from(scales)),
        classes=draw(st.booleans()),
        form=form,
        seed=draw(st.integers(0, 2**32 - 1)),
        **draw(network),
    )


# --- which paths were taken --------------------------------------------------------------------


def of_call(*calls):
    """Return the paths of calls by plain gradient descent: other rules are not drawn."""
    chosen = [path for path in TABLE if path.call in calls and path.rules == PLAIN]
    return {(path.name, d) for path in chosen for d in path.example.dtypes}


# whose kernels take dense and sparse rows
IN_REGISTERS = [path.name for path in TABLE if path.kernel in TRAIN_SHALLOW.values()]
PATHS = of_call("train") | {(f"{name}, sparse", d) for name in IN_REGISTERS for d in DTYPES}
ANSWERS = of_call("predict", "recall")
STEPS = of_call("step", "backward")

# the least that takes each path: sizes, batch_size, k
_SMALLEST = [
    *(((2, n, 1), 1, 5) for n in TRAIN_SHALLOW),
    *(((1, n, 1), m, m) for n, m in TRAIN_SHALLOW_BATCH),
    ((8, 20, 2), 1, 20),
    ((100, 1), 1, 5),
    ((100, 1, 2), 1, 5),
    ((2, 2, 2), 4, 8),
    ((8, 20, 2), 4, 8),
]
ONE_OF_EACH = [
    Case(sizes, ("tanh", "sigmoid")[-len(sizes) + 1 :], dtype=d, batch_size=b, k=k, form=form)
    for sizes, b, k in _SMALLEST
    for d in DTYPES
    for form in ("plain", "CSR array")
]

# what was wrong once, and is hardly ever drawn: tiny batches that diverge after some epochs lost
# all of them, and shallow networks diverged where the products of two samples overflow
ONCE_WRONG = [
    Case((2, 3, 1), ("tanh", "linear"), dtype=d, batch_size=None, k=2, epochs=12, learning_rate=r)
    for d, r in (("float32", 1e3), ("float32", 1e12), ("float64", 1e30))
] + [
    Case((2, 3, 1), hidden_and_output, dtype=d, k=6, scale=scale, form=form)
    for d, scale in (("float32", 3e19), ("float64", 1e160))
    for hidden_and_output in (("tanh", "sigmoid"), ("sigmoid", "tanh"))
    for form in ("plain", "CSR array")
]


@contextmanager
def counted():
    """Count how often each path is taken meanwhile, by its name and the dtype."""
    counts = Counter()

    def note(call):
        both = call.path.name in IN_REGISTERS
        counts[call.path.name + ", sparse" * (both and call.sparse), call.dtype] += 1

    with taken(note):
        yield counts


def table(counts, title):
    """Return the counts as lines of text, a column for each dtype."""
    names = sorted({key[0] for key in counts if isinstance(key, tuple)})
    lines = [f"{title}: how many took each path", f"{'':52}{'float64':>9}{'float32':>9}"]
    lines += [f"{name:52}" + "".join(f"{counts[name, d]:9}" for d in DTYPES) for name in names]
    lines += [f"{key:52}{counts[key]:9.3g}" for key in counts if isinstance(key, str)]
    return "\n".join(lines)


# --- comparisons ----------------------------------------------------------------------------------


def called(call, *arguments, **options):
    """Call something; return what it returns and the warnings that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = call(*arguments, **options)
    assert all(w.category is RuntimeWarning and "diverged" in str(w.message) for w in caught)
    return answer, [str(w.message) for w in caught]


def same_bits(A, B):
    return all(a.tobytes() == b.tobytes() for a, b in zip(A, B, strict=True))


def close(actual, spread, pick, counts, what, axis=None, terms=0):
    """Compare with what roundings allow; keep how near to that anything came."""
    expected, allowed = spread.allowed(pick, axis, terms)
    actual = np.asarray(actual)
    assert actual.shape == expected.shape, what
    assert actual.dtype == expected.dtype, what
    ratio = distance(actual, expected, allowed)
    counts["largest part of what is allowed"] = max(
        counts["largest part of what is allowed"], ratio
    )
    assert ratio <= 1, (what, actual, expected, allowed)


def train_and_compare(m, weights, case, counts, **options):
    """Train a network and the reference from these weights, as `case` says, and compare them.

    Raises
    ------
    UnsureError
        If roundings decide what comes of it; what holds even then was checked.
    """
    X, dense = case.rows(case.k, case.seed)
    T = case.targets(case.k, case.seed)
    before = as_array(X).copy()
    rng = np.random.default_rng(case.seed)
    order = np.arange(case.k)
    orders = [rng.permutation(case.k) if case.orders else order for _ in range(case.epochs)]
    _, warned = called(
        m.train,
        X,
        T[:, 0] if case.vector else T,
        case.epochs,
        batch_size=case.batch_size,
        learning_rate=case.learning_rate,
        **({"orders": np.array(orders)} if case.orders else {"shuffle": False}),
        **options,
    )
    np.testing.assert_array_equal(as_array(X), before)

    rate = case.learning_rate
    spread = Spread(weights, *case.told)
    for run in spread.runs:
        run.train(dense, T, orders, case.batch_size or case.k, rate)
    runs = list(spread.runs)
    kept = len(m.loss_curve_)
    if min(run.epochs for run in runs) < case.epochs:
        counts["diverged"] += 1
        wide = WideRun(weights, *case.told)
        wide.train(dense, T, orders, case.batch_size or case.k, rate)
        runs.append(wide)
    least = min(min(run.epochs, run.overflowed) for run in runs)
    most = max(np.inf if run.overflowed < np.inf else run.epochs for run in runs)
    assert least - 1 <= kept <= most + 1, (kept, least, most)
    assert bool(warned) == (kept < case.epochs)
    assert all(np.isfinite(W).all() for W in m.weights)
    assert np.isfinite(m.loss_curve_).all()
    assert np.isnan(m.error_) if kept == 0 else np.isfinite(m.error_)
    if kept == 0:
        assert same_bits(m.weights, weights)
        return
    if least < kept:
        raise UnsureError("the epoch of divergence")
    spread.check_no_jump()
    comparisons = [
        (f"weights[{l}]", W, lambda run, l=l: run.kept[kept][l], 0) for l, W in enumerate(m.weights)
    ]
    comparisons += [
        ("loss_curve_", m.loss_curve_, lambda run: run.losses[:kept], case.k),
        ("error_", m.error_, lambda run: run.errors[kept - 1], case.k),
    ]
    try:
        for name, value, pick, terms in comparisons:
            close(value, spread, pick, counts, name, terms=terms)
    except AssertionError:
        # a unit at the end of its range has no roundings here, but a slope in wider numbers: where
        # these lead elsewhere, the reference is no nearer to what is right than the network
        wide = WideRun(weights, *case.told)
        wide.train(dense, T, orders, case.batch_size or case.k, rate)
        if wide.epochs < kept or any(spread.is_far(wide, pick) for _, _, pick, _ in comparisons):
            raise UnsureError("saturation") from None
        raise


def recall_and_compare(m, X, dense, case, vector, counts):
    """Compare a network's answers with those of the reference that has its weights."""
    spread = Spread(m.weights.copy(), *case.told)
    with np.errstate(all="ignore"):
        outputs = [run.forward(dense)[1] for run in spread.runs]
    finite = [np.isfinite(A[-1]).all() for A in outputs]
    overflowed = any(run.overflowed < np.inf for run in spread.runs)
    if not any(finite) and not overflowed:
        wide = WideRun(spread.plain.weights, *case.told)
        with np.errstate(all="ignore"):
            size = np.abs(wide.forward(dense.astype(wide.dtype))[1][-1]).max()
        if size < 2 * wide.dtype(np.finfo(case.dtype).max):  # the order of a sum's terms decides
            raise UnsureError("outputs are hardly finite")
        for call in (m.forward, m.predict, m.predict_classes):
            with pytest.raises(ValueError, match="outputs are not finite"):
                call(X)
        return
    if not all(finite):
        raise UnsureError("outputs are hardly finite")
    for run, A in zip(spread.runs, outputs, strict=True):
        run.outputs = A
    A = m.forward(X)
    n_layers = len(m.outputs)
    np.testing.assert_array_equal(m.outputs[0], dense)
    assert same_bits([np.ascontiguousarray(m.outputs[-1])], [A])
    for l in range(1, n_layers):
        # by row, for rows have nothing to do with each other
        close(m.outputs[l], spread, lambda run, l=l: run.outputs[l], counts, f"outputs[{l}]", 1)
    expected, allowed = spread.allowed(lambda run: run.outputs[-1], 1)
    answers = [(m.predict(X), m.predict_classes(X), slice(None))]
    for i in range(min(3, len(dense))):
        row = dense[i : i + 1].copy()
        counts["recall_row", case.dtype] += m._net.answering()(row) is not None
        answers.append((m.predict(row), m.predict_classes(row), slice(i, i + 1)))
    for answer, classes, which in answers:
        compare_answer(answer, case, vector, expected[which], allowed[which])
        compare_classes(classes, case, expected[which], allowed[which])


def compare_answer(answer, case, vector, A, allowed):
    """Compare what `predict` answered in the form of the targets."""
    if vector:
        assert answer.ndim == 1
        answer = answer[:, None]
    assert answer.shape == A.shape
    output = case.activations[-1]
    if output == "sigmoid":
        sure = np.abs(A - 0.5) > allowed
        assert answer.dtype == np.int64
        np.testing.assert_array_equal(answer[sure], (A > 0.5)[sure])
    elif output == "softmax":
        first, second = np.sort(A, axis=1)[:, :-3:-1].T
        sure = first - second > 2 * allowed[:, 0]
        assert answer.dtype == np.int64
        np.testing.assert_array_equal(answer[sure], np.eye(A.shape[1])[A.argmax(axis=1)][sure])
    else:
        assert answer.dtype == A.dtype
        assert np.all(np.abs(answer - A) <= allowed)


def compare_classes(classes, case, A, allowed):
    """Compare with the largest output, or whether the one there is lies above the middle."""
    assert classes.dtype == np.int64
    if A.shape[1] == 1:
        middle = 0.0 if case.activations[-1] == "tanh" else 0.5
        sure = np.abs(A - middle)[:, 0] > allowed[:, 0]
        np.testing.assert_array_equal(classes[sure], (A[:, 0] > middle)[sure])
        return
    first, second = np.sort(A, axis=1)[:, :-3:-1].T
    sure = first - second > 2 * allowed[:, 0]
    np.testing.assert_array_equal(classes[sure], A.argmax(axis=1)[sure])


def fresh(case):
    """Return a network with its first weights, and copies of these."""
    m = MLP(**case.options).init_weights(case.sizes, case.seed)
    return m, m.weights.copy()
