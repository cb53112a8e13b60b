"""What takes a quick entry is answered, learnt from or refused just as by the general way."""

import contextlib
import copy
import threading
import warnings
from unittest import mock

import numpy as np
import pytest
from cross import cross

from mlp_fast import MLP, mlp, net, passes, passing, stepping
from mlp_fast.schedules import InverseTime

N_IN, N_OUT = 5, 3
OUTPUTS = {
    "sigmoid": "squared_error",
    "tanh": "squared_error",
    "linear": "squared_error",
    "softmax": "cross_entropy",
}


class Labelled(np.ndarray):
    """A subclass, as those of units and of masks are."""


def misaligned(X):
    raw = np.zeros(X.nbytes + 1, np.uint8)
    moved = raw[1:].view(X.dtype).reshape(X.shape)
    moved[...] = X
    return moved


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def with_one(value, X):
    X = X.copy()
    X.reshape(-1)[-1] = value
    return X


def strided(X):
    wide = np.zeros((2 * X.shape[0], *X.shape[1:]), X.dtype)
    wide[::2] = X
    return wide[::2]


FORMS = {
    "ordinary": lambda X: X,
    "one too many": lambda X: np.concatenate([X, X[..., :1]], axis=-1),
    "one too few": lambda X: np.ascontiguousarray(X[..., 1:]),
    "float64": lambda X: X.astype(np.float64),
    "float32": lambda X: X.astype(np.float32),
    "float16": lambda X: X.astype(np.float16),
    "integers": lambda X: (X > 0.5).astype(int),
    "booleans": lambda X: X > 0.5,
    "complex": lambda X: X.astype(complex),
    "NaN": lambda X: with_one(np.nan, X),
    "infinity": lambda X: with_one(np.inf, X),
    "huge": lambda X: with_one(np.finfo(X.dtype).max, X),
    "infinite in float32": lambda X: with_one(1e300, X.astype(np.float64)),
    "Fortran order": np.asfortranarray,
    "strided": strided,
    "backwards": lambda X: X[::-1],
    "read-only": read_only,
    "big-endian": lambda X: X.astype(X.dtype.newbyteorder(">")),
    "misaligned": misaligned,
    "a subclass": lambda X: X.view(Labelled),
    "a masked array": lambda X: np.ma.masked_array(X, X > 2.0),
    "no rows": lambda X: X[:0],
    "a number": lambda X: 0.5,
    "a NumPy number": lambda X: X.dtype.type(0.5),
    "an array of no dimension": lambda X: np.array(0.5, X.dtype),
    "another dimension": lambda X: X[None],
    "a dimension less": lambda X: X[0],
    "lists": lambda X: X.tolist(),
    "tuples": lambda X: tuple(map(tuple, X.tolist())) if X.ndim > 1 else tuple(X.tolist()),
    "lists of integers": lambda X: (X > 0.5).astype(int).tolist(),
    "lists with booleans": lambda X: [True, *X.reshape(-1).tolist()[1:]],
    "lists with huge integers": lambda X: [2**70, *X.reshape(-1).tolist()[1:]],
    "lists with large integers": lambda X: [2**53 + 1, *[0] * (X.size - 1)],
    "lists of text": lambda X: [str(x) for x in X.reshape(-1)],
    "lists with NaN": lambda X: with_one(np.nan, X).tolist(),
    "lists with 1e300": lambda X: with_one(1e300, X.astype(np.float64)).tolist(),
    "lists with None": lambda X: [None, *X.reshape(-1).tolist()[1:]],
    "objects": lambda X: X.astype(object),
    "ragged": lambda X: [X.tolist(), []],
    "nothing": lambda X: [],
    "None": lambda X: None,
    "above the range": lambda X: with_one(1.5, X),
    "below the range": lambda X: with_one(-1.5, X),
}
ANSWERS = "predict", "predict_proba", "predict_classes", "forward"
RULES = {
    "sgd": {},
    "l2": {"l2": 0.01},
    "clipped": {"clip_norm": 0.1},
    "momentum": {"optimizer": "momentum"},
    "rmsprop": {"optimizer": "rmsprop"},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": "adamw"},
    "rprop": {"optimizer": "rprop"},
    "a schedule": {"learning_rate": InverseTime(0.1, 0.5)},
}


@contextlib.contextmanager
def without_quick_entries():
    """Have all calls take the general way."""
    whole = passing.forwarding

    def of_checked_rows(of_net):
        forward = whole(of_net)

        def checked(X, copies):
            is_checked = type(X) is np.ndarray and not X.flags.writeable
            return forward(X, copies) if is_checked else None

        return checked

    with (
        mock.patch.object(net, "answering", return_value=lambda X: None),
        mock.patch.object(mlp, "forwarding", of_checked_rows),
        mock.patch.object(stepping, "ordinary", return_value=lambda *_: None),
        mock.patch.object(passing.Backward, "ordinary", return_value=False),
        mock.patch.object(passes.Passes, "ordinary", return_value=False),
    ):
        yield


def network(output, dtype, n_out=N_OUT, **options):
    rate = {} if options.get("optimizer") == "rprop" else {"learning_rate": 0.1}
    told = {"random_state": 0} | rate | options
    m = MLP((4,), output_activation=output, loss=OUTPUTS[output], dtype=dtype, **told)
    return m.init_weights((N_IN, 4, n_out))


def examples(k, dtype, output, n_out=N_OUT):
    rng = np.random.default_rng(k)
    X, T = rng.uniform(size=(k, N_IN)), rng.uniform(size=(k, n_out))
    if output == "softmax":
        T = np.eye(n_out)[T.argmax(axis=1)]
    return X.astype(dtype), T.astype(dtype)


def outcome(m, call):
    """Return what a call returns, raises or warns, and what is then in the network."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = call(m)
        except (ValueError, TypeError, RuntimeError) as error:
            found = error
    told = [(w.category, str(w.message)) for w in warned]
    if isinstance(found, Exception):
        result = type(found), str(found)
    else:
        array = np.asarray(found)
        result = array.dtype.str, array.shape, array.tobytes()
    history = m._history
    state = history.rule and [array.tobytes() for array in history.rule.all_arrays]
    counted = history.epochs, history.passes, history.stopped, history.started, m._net.vector
    curve = history.loss.tobytes(), repr(history.error)
    outputs = hasattr(m, "outputs"), m._forward is None, m._running
    return result, told, [W.tobytes() for W in m.weights], state, counted, curve, outputs


def assert_alike(m, *calls):
    """Assert that calls one after another have the same outcomes by either way."""
    general, quick = copy.deepcopy(m), copy.deepcopy(m)
    with without_quick_entries():
        expected = [outcome(general, call) for call in calls]
    assert [outcome(quick, call) for call in calls] == expected


@cross(
    form=list(FORMS),
    call=ANSWERS,
    output=list(OUTPUTS),
    k=[1, 3],
    n_out=[N_OUT, 1],
    dtype=["float64", "float32"],
    meeting=1,
    most=2000,
    all_meet=["form", "call", "k"],
)
def test_answers(form, call, output, k, n_out, dtype):
    n_out = N_OUT if output == "softmax" else n_out
    m, X = network(output, dtype, n_out), FORMS[form](examples(k, dtype, output)[0])
    assert_alike(m, *[lambda m: getattr(m, call)(X)] * 2)


@cross(
    form=list(FORMS),
    of=["x", "t"],
    output=list(OUTPUTS),
    rule=[rule for rule in RULES if rule != "rprop"],
    n_out=[N_OUT, 1],
    dtype=["float64", "float32"],
    meeting=1,
    most=2000,
    all_meet=["form", "of"],
)
def test_steps(form, of, output, rule, n_out, dtype):
    n_out = N_OUT if output == "softmax" else n_out
    m, (X, T) = network(output, dtype, n_out, **RULES[rule]), examples(2, dtype, output, n_out)
    x = FORMS[form](X[0]) if of == "x" else X[0]
    t = FORMS[form](T[0]) if of == "t" else T[0]
    steps = [lambda m: m.step(x, t)] * 2 + [lambda m: m.step(X[1], T[1])]
    assert_alike(m, steps[-1], *steps)


RATES = [None, 0.05, 1, np.float64(0.1), 0.0, -1.0, np.nan, np.inf, 1e39, "0.1", True]
SAMPLE_WEIGHTS = [1.0, 1, 0.5, 0.0, -1.0, np.nan, np.inf, "1", None, True, np.float32(2.0)]


@cross(rate=RATES, weight=SAMPLE_WEIGHTS, rule=list(RULES), dtype=["float64", "float32"])
def test_rates_and_weights_of_steps(rate, weight, rule, dtype):
    m, (X, T) = network("sigmoid", dtype, **RULES[rule]), examples(3, dtype, "sigmoid")
    steps = [lambda m, x=x, t=t: m.step(x, t, rate, weight) for x, t in zip(X, T, strict=True)]
    assert_alike(m, *steps, lambda m: m.step(X[0], T[0]), *steps)


@cross(
    form=list(FORMS),
    output=list(OUTPUTS),
    rule=list(RULES),
    k=[1, 3],
    n_out=[N_OUT, 1],
    dtype=["float64", "float32"],
    meeting=1,
    most=2000,
    all_meet=["form", "k"],
)
def test_backward(form, output, rule, k, n_out, dtype):
    n_out = N_OUT if output == "softmax" else n_out
    m, (X, T) = network(output, dtype, n_out, **RULES[rule]), examples(k, dtype, output, n_out)
    odd = FORMS[form](T)

    def backward(T):
        return lambda m: [m.forward(X), m.backward(T)][0]

    assert_alike(m, backward(T), backward(odd), backward(T), lambda m: m.backward(T))


@cross(rate=RATES, rule=list(RULES), dtype=["float64", "float32"])
def test_rates_of_backward(rate, rule, dtype):
    m, (X, T) = network("sigmoid", dtype, **RULES[rule]), examples(3, dtype, "sigmoid")

    def backward(m):
        A = m.forward(X)
        m.backward(T, rate)
        return A

    assert_alike(m, backward, backward)


@cross(
    form=list(FORMS),
    of=["X", "T"],
    output=list(OUTPUTS),
    rule=list(RULES),
    k=[1, 3, 300],
    n_out=[N_OUT, 1],
    batch_size=[1, 2, None],
    vector=[False, True],
    dtype=["float64", "float32"],
    meeting=1,
    most=2000,
    all_meet=["form", "of"],
)
def test_partial_train(form, of, output, rule, k, n_out, batch_size, vector, dtype):
    n_out = N_OUT if output == "softmax" else n_out
    if rule == "rprop":
        batch_size = None
    m = network(output, dtype, n_out, batch_size=batch_size, **RULES[rule])
    X, T = examples(k, dtype, output, n_out)
    if vector and n_out == 1:
        T = T[:, 0]
    odd_X, odd_T = (FORMS[form](X), T) if of == "X" else (X, FORMS[form](T))

    def train(X, T, **options):
        return lambda m: m.partial_train(X, T, **options).loss_curve_

    calls = [train(X, T), train(odd_X, odd_T), train(X[:1], T[:1]), train(X, T)]
    weighted = train(X, T, sample_weight=np.linspace(0.5, 1, k))
    assert_alike(m, *calls, weighted, lambda m: m.forward(X[:1]), *calls)


@cross(
    form=["NaN", "huge", "above the range"],
    batch_size=[1, 2, None],
    n_out=[N_OUT, 1],
    dtype=["float64", "float32"],
)
def test_rows_that_were_refused_leave_nothing_behind(form, batch_size, n_out, dtype):
    m = network("tanh", dtype, n_out, batch_size=batch_size)
    X, T = examples(3, dtype, "tanh", n_out)

    def train(X, T):
        return lambda m: m.partial_train(X, T).loss_curve_

    odd = [train(FORMS[form](X), T), train(X, FORMS[form](T))]
    assert_alike(m, train(X[:1], T[:1]), *odd, train(X, T), *odd, train(X, T))


@cross(
    call=["step", "backward", "partial_train"],
    rule=list(RULES),
    size=[1e3, 1e20, 1e37, 1e150, 1e300],
    dtype=["float64", "float32"],
)
def test_numbers_that_overflow(call, rule, size, dtype):
    if call == "step" and rule == "rprop":
        pytest.skip("for full batches only")
    m, (X, T) = network("linear", dtype, **RULES[rule]), examples(2, dtype, "linear")
    with np.errstate(over="ignore"):
        T = np.minimum((T * size).astype(dtype), np.finfo(dtype).max)

    def learn(m):
        if call == "step":
            return m.step(X[0], T[0])
        if call == "partial_train":
            return m.partial_train(X, T).loss_curve_
        m.forward(X)
        return m.backward(T)

    assert_alike(m, learn, learn, learn)


@cross(
    change=["a view", "an older view", "the setter", "the setter, the same", "train", "step"],
    dtype=["float64", "float32"],
)
def test_backward_needs_the_weights_of_its_forward(change, dtype):
    m, (X, T) = network("sigmoid", dtype), examples(3, dtype, "sigmoid")
    W = m.weights if change == "an older view" else None
    m.forward(X)
    if change == "step":
        m.step(X[0], T[0])
    elif change == "train":
        m.train(X, T, 1)
    elif change.startswith("the setter"):
        own = m._net.layout.views(m._net.theta)  # m.weights would show them to others
        m.weights = [np.array(W) + (change == "the setter") for W in own]
    else:
        (W or m.weights)[0][0, 0] += 1
    if change == "the setter, the same":
        m.backward(T)
        return
    before = m.weights.copy()
    with pytest.raises(RuntimeError, match="backward needs"):
        m.backward(T)
    assert all(map(np.array_equal, m.weights, before))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_weights_of_another_network(dtype):
    m, other, X = network("sigmoid", dtype), network("tanh", dtype), examples(3, dtype, "tanh")[0]
    other.weights = [W + 1 for W in other.weights]
    before = m.predict_proba(X)
    assert not np.array_equal(m.predict_proba(X, other.weights), before)
    assert np.array_equal(m.predict_proba(X), before)
    wrong = MLP(dtype=dtype).init_weights((N_IN, 2, N_OUT)).weights
    for call in ANSWERS:
        with pytest.raises(ValueError, match="weights"):
            getattr(m, call)(X, wrong)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", [(5, 4, 3), (300, 40, 3), (70, 2)])
def test_threads_that_answer_from_one_network(sizes, dtype):
    """Each has the buffers of its own, however many rows there are, while a network is replaced."""
    m = MLP(sizes[1:-1], output_activation="tanh", dtype=dtype)
    seeds, counts = (0, 1), (1, 2, 40, 300)
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(k, sizes[0])).astype(dtype) for k in counts]
    known = {k: {} for k in counts}
    for seed in seeds:
        m.init_weights(sizes, random_state=seed)
        for x in X:
            known[len(x)][m.predict(x).tobytes()] = seed
    unknown, stop = [], threading.Event()

    def answer():
        i = 0
        while not stop.is_set():
            x = X[i % len(X)]
            call = m.predict if i % 2 else m.forward
            if call(x).tobytes() not in known[len(x)]:
                unknown.append(len(x))
            i += 1

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(200):
        m.init_weights(sizes, random_state=seeds[i % 2])
    stop.set()
    for thread in threads:
        thread.join()
    assert not unknown


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_threads_that_train_at_once_are_refused_or_take_turns(dtype):
    """A pass is as if it were alone: no other thread's rows get into it."""
    m = network("linear", dtype, learning_rate=1e-9)
    rows = [[A + i for A in examples(200, dtype, "linear")] for i in range(3)]
    losses = []
    for X, T in rows:
        m.partial_train(X, T)
        losses.append(m.loss_curve_[-1])
    unknown = []

    def train(i):
        for _ in range(100):
            with contextlib.suppress(RuntimeError):
                m.partial_train(*rows[i])
            found = m.loss_curve_
            if not np.isclose(found[-1], losses, rtol=1e-4).any():
                unknown.append(found[-1])

    threads = [threading.Thread(target=train, args=[i]) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not unknown
    assert m._running is None
