"""Weights of samples: how much each counts, in every mode, and which are refused."""

import copy

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, assert_to_rounding, learns_little
from cross import cross
from rule_cases import (
    MODES,
    NETWORKS,
    RULES,
    K,
    examples,
    fresh,
    goes,
    options_of,
    rule_bits,
    some_weights,
)
from states import everything, state

from mlp_fast import MLP
from mlp_fast.optimizers import Momentum

pytestmark = learns_little

FORMS = ["dense", "CSR"]
CALLS = ["train", "resume", "partial_train", "chunks"]


def taught(m, call, X, T, weights, epochs=2):
    """Train a network that has weights already, by one of the calls."""
    if call == "train":
        return m.train(X, T, epochs, weights=m.weights, sample_weight=weights)
    if call == "resume":
        return m.resume(X, T, epochs, sample_weight=weights)
    if call == "chunks":
        chunk = (X, T) if weights is None else (X, T, weights)
        return m.resume([chunk], epochs=epochs)
    for _ in range(epochs):
        m.partial_train(X, T, weights)
    return m


@cross(
    most=150,
    rule=RULES,
    mode=MODES,
    network=NETWORKS,
    rows=FORMS,
    dtype=DTYPES,
    call=CALLS,
    where=lambda rule, mode, **_: goes(rule, mode),
)
def test_equal_weights_are_as_none_to_the_bit(rule, mode, network, rows, dtype, call):
    X, T = examples(network, rows, dtype)
    told = options_of(rule, mode, network, dtype=dtype)
    value = 1.0 if call in ("partial_train", "chunks") else 7.3  # the former are taken as given
    m, n = (
        taught(fresh(network, **told), call, X, T, weights) for weights in (None, np.full(K, value))
    )
    assert state(m) == state(n)
    assert rule_bits(m) == rule_bits(n)


@cross(most=150, rule=RULES, network=NETWORKS, rows=FORMS, dtype=DTYPES, clip_norm=[None, 0.05])
def test_whole_weights_in_a_full_batch_are_repeated_rows(rule, network, rows, dtype, clip_norm):
    X, T = examples(network, rows, dtype, 30)
    weights = np.arange(30) % 4
    repeated = np.repeat(np.arange(30), weights)
    told = options_of(rule, "full", network, dtype=dtype, clip_norm=clip_norm)
    # the mean is that over all rows in one, and over the repeated ones in the other
    m = fresh(network, **told).resume(X, T, 3, sample_weight=weights)
    n = fresh(network, **told).resume(X[repeated], T[repeated], 3)
    assert_to_rounding(m.weights, n.weights, 32)
    bound = 64 * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, n.loss_curve_, rtol=bound)


@cross(mode=MODES, network=NETWORKS, rows=FORMS, dtype=DTYPES)
def test_a_row_of_weight_0_adds_no_gradient_but_velocity_and_l2_act(mode, network, rows, dtype):
    X, T = examples(network, rows, dtype)
    rule = {"optimizer": Momentum(0.5), "learning_rate": 0.25}
    told = options_of("sgd", mode, network, dtype=dtype, **rule, l2=0.5)
    weights = np.zeros(K)
    weights[0] = 1.0
    m = fresh(network, **told, shuffle=False)
    m.partial_train(X[:1], T[:1])  # for a velocity
    W = [np.array(W, float) for W in m.weights]
    V = [np.array(V, float) for V in m._net.layout.views(m._history.rule.arrays["velocity"])]
    n = copy.deepcopy(m)
    with pytest.raises(ValueError, match="sample_weight must have a number above 0"):
        m.partial_train(X[1:], T[1:], weights[1:])
    assert state(m) == state(n)
    size = MODES[mode] or K
    for first in range(0, K, size):  # the first batch by another network, the others by hand
        if first == 0:
            n.partial_train(X[:size], T[:size], weights[:size])
            W = [np.array(W, float) for W in n.weights]
            velocity = n._history.rule.arrays["velocity"]
            V = [np.array(V, float) for V in n._net.layout.views(velocity)]
            continue
        for w, v in zip(W, V, strict=True):
            v *= 0.5
            v[1:] -= 0.25 * 0.5 * w[1:]
            w += v
    m.partial_train(X, T, weights)
    for A, E in zip(m.weights, W, strict=True):
        bound = 512 * np.finfo(dtype).eps
        np.testing.assert_allclose(A, E, rtol=bound, atol=bound * max(1, np.abs(E).max()))


@cross(network=NETWORKS, rows=FORMS, rule=["sgd", "momentum", "adam"], dtype=DTYPES)
def test_weights_move_the_result_of_batches_of_one(network, rows, rule, dtype):
    X, T = examples(network, rows, dtype)
    told = options_of(rule, "online", network, dtype=dtype, learning_rate=0.01)
    m, n = (
        fresh(network, **told).resume(X, T, 2, sample_weight=weights)
        for weights in (None, some_weights())
    )
    assert all(np.abs(A - B).max() > 1e-4 for A, B in zip(m.weights, n.weights, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_plain_descent_online_steps_further_by_the_weight(rate, dtype):
    told = {"output_activation": "linear", "batch_size": 1, "dtype": dtype}
    m = MLP((), **told, learning_rate=rate, shuffle=False).init_weights((1, 1))
    m.weights = [[[0.0], [0.0]]]
    m.resume([[1.0], [0.0]], [1.0, 0.0], 1, sample_weight=[3.0, 1.0])  # of mean 2: 1.5 and 0.5
    b = -1.5 * rate  # which the second sample, of error -b, moves
    expected = [b - 0.5 * rate * b, 1.5 * rate]
    np.testing.assert_allclose(m.weights[0].ravel(), expected, rtol=1e-6)
    assert m.loss_curve_[0] == pytest.approx((1.5 * 0.5 + 0.5 * 0.5 * b**2) / 2, rel=1e-6)


@cross(mode=MODES, rows=FORMS, rule=["sgd", "nesterov", "rmsprop"], scale=[1e-3, 1.0, 1e20])
def test_only_their_ratios_count_in_train_and_resume(mode, rows, rule, scale):
    X, T = examples("deep", rows, "float32")
    told = options_of(rule, mode, "deep", dtype="float32")
    m, n = (
        fresh("deep", **told).resume(X, T, 2, sample_weight=factor * some_weights())
        for factor in (1.0, scale)
    )
    assert_to_rounding(m.weights, n.weights, 64)


@cross(mode=MODES, rule=["sgd", "momentum", "adam", "adamw"], dtype=DTYPES, rows=FORMS)
def test_partial_train_and_chunks_take_them_as_given(mode, rule, dtype, rows):
    X, T = examples("input-major", rows, dtype)
    weights = some_weights() + 0.5
    told = options_of(rule, mode, dtype=dtype, shuffle=False)
    a = fresh("input-major", **told).partial_train(X, T, weights)
    b = fresh("input-major", **told).resume([(X, T, weights)], epochs=1)
    c = fresh("input-major", **told).resume(X, T, 1, sample_weight=weights)
    by_mean = fresh("input-major", **told).partial_train(X, T, weights / weights.mean())
    if mode == "full":  # chunks are summed up apart from the weights
        assert_to_rounding(a.weights, b.weights, 32)
    else:
        assert state(a, ended=False) == state(b, ended=False)
    assert_to_rounding(c.weights, by_mean.weights, 32)
    assert max(np.abs(A - B).max() for A, B in zip(a.weights, c.weights, strict=True)) > 1e-6
    assert a.loss_curve_[0] > 1.2 * c.loss_curve_[0]


@cross(rule=["sgd", "momentum", "adam", "rprop"], rows=FORMS, dtype=DTYPES, l2=[0.0, 0.05])
def test_a_full_batch_in_chunks_is_the_full_batch(rule, rows, dtype, l2):
    X, T = examples("deep", rows, dtype)
    weights = some_weights()
    told = options_of(rule, "full", "deep", dtype=dtype, l2=l2)
    chunks = [
        (X[:20], T[:20], weights[:20]),
        (X[20:45], T[20:45], np.ones(25)),
        (X[45:], T[45:]),
    ]
    weights[20:] = 1.0
    m = fresh("deep", **told).resume(chunks, epochs=3)
    n = fresh("deep", **told)
    for _ in range(3):
        n.partial_train(X, T, weights)
    assert_to_rounding(m.weights, n.weights, 64)
    bound = 64 * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, n.loss_curve_, rtol=bound)


@cross(mode=MODES, rows=FORMS, rule=["sgd", "adam"], patience=[None, 20])
def test_the_mean_is_over_the_rows_that_are_trained_on(mode, rows, rule, patience):
    X, T = examples("no hidden", rows)
    weights = some_weights() + 0.1
    told = options_of(rule, mode, "no hidden", shuffle=False, patience=patience)
    m = MLP(**told, validation_fraction=0.3, epochs=2).train(X, T, sample_weight=weights)
    from mlp_fast.boundary.examples import as_examples
    from mlp_fast.validation import hold_out

    numbers = np.arange(K, dtype=float).reshape(K, 1)
    rest, held = hold_out(as_examples(numbers, T, "float64"), 0.3, 0)
    kept, held = (part.rows.X[:, 0].astype(int) for part in (rest, held))
    assert held.size == round(0.3 * K)
    n = MLP(**{**told, "patience": None}, epochs=2)
    n.train(X[kept], T[kept], sample_weight=weights[kept], validation=(X[held], T[held]))
    assert m.loss_curve_.tobytes() == n.loss_curve_.tobytes()
    # validation counts every row alike
    assert m.validation_loss_curve_.tobytes() == n.validation_loss_curve_.tobytes()
    weights[kept] = 0
    with pytest.raises(ValueError, match=r"sample_weight must .* among the rows that are trained"):
        MLP(**told, validation_fraction=0.3).train(X, T, sample_weight=weights)


@cross(network=NETWORKS, rows=FORMS, rule=["sgd", "rmsprop", "rprop"], dtype=DTYPES)
def test_the_loss_is_the_weighted_mean(network, rows, rule, dtype):
    X, T = examples(network, rows, dtype)
    weights = some_weights()
    m = fresh(network, **options_of(rule, "full", network, dtype=dtype))
    each = [m.loss(X[i : i + 1], T[i : i + 1]) for i in range(K)]
    m.resume(X, T, 1, sample_weight=weights)
    expected = np.average(each, weights=weights)
    assert m.loss_curve_[0] == pytest.approx(expected, rel=64 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("rule", ["sgd", "momentum", "adam"])
def test_one_step_of_a_weight(rule):
    """The loss and the gradient of the sample are multiplied."""
    told = options_of(rule, "online", "deep")
    X, T = examples("deep")
    m, n = fresh("deep", **told), fresh("deep", **told)
    before = m.weights.copy()
    one, other = m.step(X[0], T[0]), n.step(X[0], T[0], sample_weight=2.5)
    assert other == pytest.approx(2.5 * one)
    for W, A, B in zip(before, m.weights, n.weights, strict=True):
        if rule != "adam":
            np.testing.assert_allclose(B - W, 2.5 * (A - W), rtol=1e-9, atol=1e-12)
    zero = fresh("deep", **options_of("sgd", "online", "deep"))
    assert zero.step(X[0], T[0], sample_weight=0) == 0
    assert all(np.array_equal(A, B) for A, B in zip(zero.weights, before, strict=True))


# What is refused

BAD = {
    "negative": (np.r_[1.0, -0.5, np.ones(K - 2)], r"must be 0 or more; got -0\.5 at \(1,\)"),
    "NaN": (np.r_[np.ones(K - 1), np.nan], rf"must be finite; got nan at \({K - 1},\)"),
    "inf": (np.r_[np.inf, np.ones(K - 1)], r"must be finite; got inf at \(0,\)"),
    "too few": (np.ones(K - 1), rf"must have shape \({K},\), a weight for each row of X; got"),
    "too many": (np.ones(K + 1), rf"must have shape \({K},\)"),
    "2-D": (np.ones((K, 1)), rf"must have shape \({K},\).*; got \({K}, 1\)"),
    "a number": (2.0, rf"must have shape \({K},\).*; got \(\)"),
    "zeros": (np.zeros(K), rf"must have a number above 0; got {K} zeros"),
    "text": (["a"] * K, "must hold real numbers"),
    "balanced": ("balanced", "must hold real numbers"),
    "complex": (np.ones(K, complex), "must hold real numbers; got dtype complex128"),
    "empty": ([], "must not be empty"),
    "ragged": ([[1.0], [1.0, 2.0]], "must be rectangular"),
    "sparse": (sp.csr_array(np.ones((1, K))), "must "),
    "masked": (np.ma.ones(K), "must not be a masked array"),
}


@cross(most=150, bad=BAD, call=CALLS, mode=MODES, before=["fresh", "trained"])
def test_bad_weights_are_refused_and_change_nothing(bad, call, mode, before):
    weights, message = BAD[bad]
    X, T = examples("input-major")
    m = fresh("input-major", **options_of("momentum", mode))
    if before == "trained":
        m.resume(X, T, 2)
    kept, rule = everything(m, X), rule_bits(m)
    name = "sample_weight of chunk 0" if call == "chunks" else "sample_weight"
    with pytest.raises((ValueError, TypeError), match=rf"^{name} {message}"):
        taught(m, call, X, T, weights)
    assert everything(m, X) == kept
    assert rule_bits(m) == rule


def test_weights_that_are_infinite_in_float32():
    X, T = examples("2-2-1")
    with pytest.raises(ValueError, match=r"^sample_weight must be finite; got 1e\+300, which is"):
        MLP((2,), dtype="float32").train(X, T, 1, sample_weight=np.full(K, 1e300))


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf, "1", None, [1.0], np.ones(2), True])
def test_bad_weights_of_one_step(bad):
    X, T = examples("2-2-1")
    m = fresh("2-2-1", **options_of("momentum", "online", "2-2-1"))
    before = everything(m, X), rule_bits(m)
    with pytest.raises((ValueError, TypeError), match=r"^sample_weight must be"):
        m.step(X[0], T[0], sample_weight=bad)
    assert (everything(m, X), rule_bits(m)) == before


def test_chunks_bring_their_own():
    X, T = examples("2-2-1")
    with pytest.raises(ValueError, match=r"^sample_weight must be None if T is not given: chunks"):
        MLP((2,)).train([(X, T)], epochs=1, sample_weight=np.ones(K))


@cross(mode=MODES, rule=["sgd", "momentum", "adam"])
def test_bad_weights_of_a_later_chunk_undo_all(mode, rule):
    X, T = examples("input-major")
    m = fresh("input-major", **options_of(rule, mode)).resume(X, T, 2)
    kept, rule_before = everything(m, X), rule_bits(m)
    with pytest.raises(ValueError, match=r"^sample_weight of chunk 1 must be 0 or more"):
        m.resume([(X, T, some_weights()), (X, T, -np.ones(K))], epochs=3)
    assert everything(m, X) == kept
    assert rule_bits(m) == rule_before


@cross(mode=MODES, dtype=DTYPES, kind=["list", "int", "bool", "other dtype", "strided"])
def test_weights_of_every_kind(mode, dtype, kind):
    X, T = examples("deep", dtype=dtype)
    whole = np.arange(K) % 3
    given = {
        "list": whole.tolist(),
        "int": whole,
        "bool": whole > 0,
        "other dtype": whole.astype("float32" if dtype == "float64" else "float64"),
        "strided": np.repeat(whole, 2).astype(dtype)[::2],
    }[kind]
    expected = (whole > 0 if kind == "bool" else whole).astype(dtype)
    told = options_of("momentum", mode, "deep", dtype=dtype)
    kept = np.array(given)
    m, n = (
        fresh("deep", **told).resume(X, T, 2, sample_weight=weights)
        for weights in (given, expected)
    )
    assert state(m) == state(n)
    np.testing.assert_array_equal(given, kept)
