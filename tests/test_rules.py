"""Every update rule on every path, against its plain NumPy meaning; and a rule of one's own."""

from dataclasses import dataclass
from typing import ClassVar

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
    reference_of,
    rule_bits,
    some_weights,
)
from states import state

from mlp_fast import MLP
from mlp_fast import reference as numpy_rules
from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.vector import lanes, sign, splat
from mlp_fast.optimizers import OPTIMIZERS, RPROP, SGD, Adam, AdamW, Momentum, Optimizer, RMSprop
from mlp_fast.reference import Reference, UpdateRule

pytestmark = learns_little

SIZES = {**dict.fromkeys(MODES, K), "large": 300}
"""Rows of each mode: a full batch of more than 256 is taken in parts."""
EPOCHS = 2
ORDERS = {k: [np.random.default_rng(e).permutation(k) for e in range(EPOCHS)] for k in (K, 300)}
AMPLIFIED = {"rmsprop": 16, "adam": 16, "adamw": 16}
"""By how much more a rounding of g counts: by up to η / ε = 10 where g is near 0."""


def in_both(rule, mode, network, rows, dtype, l2, clip_norm, weighted):
    """Return a trained network and the reference, in the network's dtype, after as many steps."""
    k = SIZES[mode]
    X, T = examples(network, rows, dtype, k)
    told = {"dtype": dtype, "l2": l2, "clip_norm": clip_norm, "orders": ORDERS[k]}
    m = fresh(network, **options_of(rule, mode, network, **told))
    reference = reference_of(rule, network, m.weights, l2, clip_norm, dtype)
    weights = some_weights(k) if weighted else None
    m.resume(X, T, EPOCHS, sample_weight=weights, orders=ORDERS[k])
    dense = X if rows == "dense" else X.toarray()
    share = None if weights is None else weights / weights.mean()
    size, rate = MODES.get(mode) or k, RULES[rule].rate or 0.0
    reference.train(dense, T, ORDERS[k], size, rate, share)
    return m, reference, EPOCHS * -(-k // size)


@cross(
    most=200,
    rule=RULES,
    mode=SIZES,
    network=NETWORKS,
    rows=["dense", "CSR"],
    dtype=DTYPES,
    l2=[0.0, 0.05],
    clip_norm=[None, 0.05],
    weighted=[False, True],
    all_meet=["rule", "mode", "rows"],
    where=lambda rule, mode, l2, **_: goes(rule, mode, l2),
)
def test_rules_agree_with_the_reference(rule, mode, network, rows, dtype, l2, clip_norm, weighted):
    m, reference, steps = in_both(rule, mode, network, rows, dtype, l2, clip_norm, weighted)
    steps = np.sqrt(steps + 4) * AMPLIFIED.get(rule, 1)  # roundings are of either sign
    assert_to_rounding(m.weights, reference.weights, steps)
    bound = 8 * steps * np.finfo(dtype).eps
    np.testing.assert_allclose(m.loss_curve_, reference.losses, rtol=bound, atol=bound)
    np.testing.assert_allclose(m.error_, reference.errors[-1], rtol=bound, atol=bound)


@cross(
    most=200,
    rule=[rule for rule in RULES if goes(rule, "online")],
    network=NETWORKS,
    dtype=DTYPES,
    l2=[0.0, 0.05],
    clip_norm=[None, 0.05],
    weighted=[False, True],
    where=lambda rule, l2, **_: goes(rule, "online", l2),
)
def test_sparse_rows_online_have_the_bits_of_dense_ones(
    rule, network, dtype, l2, clip_norm, weighted
):
    told = network, dtype, l2, clip_norm, weighted
    dense, sparse = (
        in_both(rule, "online", told[0], rows, *told[1:])[0] for rows in ("dense", "CSR")
    )
    assert state(dense) == state(sparse)
    assert rule_bits(dense) == rule_bits(sparse)


ONE_BY_ONE = [("sgd", 0.0), ("momentum", 0.05), ("nesterov", 0.0), ("adam", 0.05), ("adamw", 0.0)]


@cross(rule_and_l2=ONE_BY_ONE, network=NETWORKS, dtype=DTYPES, weighted=[False, True])
def test_steps_one_by_one_are_those_of_online_training(rule, l2, network, dtype, weighted):
    X, T = examples(network, "dense", dtype, 20)
    weights = 0.25 + some_weights(20) if weighted else np.ones(20)
    m, n = (
        fresh(network, **options_of(rule, "online", network, dtype=dtype, l2=l2)) for _ in range(2)
    )
    losses = [m.step(x, t, sample_weight=s) for x, t, s in zip(X, T, weights, strict=True)]
    n.partial_train(X, T, weights)
    bound = np.sqrt(20) * AMPLIFIED.get(rule, 1)
    assert_to_rounding(m.weights, n.weights, bound)
    np.testing.assert_allclose(np.mean(losses), n.loss_curve_[0], rtol=32 * np.finfo(dtype).eps)


@cross(
    most=150,
    rule=RULES,
    network=NETWORKS,
    dtype=DTYPES,
    l2=[0.0, 0.05],
    clip_norm=[None, 0.05],
    where=lambda rule, l2, **_: goes(rule, l2=l2),
)
def test_backward_is_a_full_batch(rule, network, dtype, l2, clip_norm):
    X, T = examples(network, "dense", dtype)
    told = options_of(rule, "full", network, dtype=dtype, l2=l2, clip_norm=clip_norm)
    m, n = (fresh(network, **told) for _ in range(2))
    for _ in range(3):
        m.forward(X)
        m.backward(T)
    n.resume(X, T, 3)
    assert_to_rounding(m.weights, n.weights, 4 * AMPLIFIED.get(rule, 1))


@cross(rule=["rmsprop", "adam", "adamw"], mode=SIZES, network=NETWORKS)
def test_in_float32_with_the_least_epsilon(rule, mode, network):
    """Where g is near 0, its rounding decides the step: so compare with the longest of steps.

    A step of these rules is at most some η long, and few gradients are so near to 0.
    """
    k, eta, told = SIZES[mode], 1e-3, {"rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}
    X, T = examples(network, "dense", "float32", k)
    told = {"optimizer": told[rule](), "learning_rate": eta, "dtype": "float32"}
    m = fresh(network, **options_of(rule, mode, network, **told, shuffle=False))
    weights = [W.astype(float) for W in m.weights]
    reference = reference_of(rule, network, weights)
    reference.rule = {
        "rmsprop": numpy_rules.RMSprop,
        "adam": numpy_rules.Adam,
        "adamw": numpy_rules.AdamW,
    }[rule]()
    m.partial_train(X[:21], T[:21]) if mode != "large" else m.partial_train(X, T)
    n = len(X) if mode == "large" else 21
    size = MODES.get(mode) or n
    reference.train(X[:n].astype(float), T[:n].astype(float), [np.arange(n)], size, eta)
    steps = -(-n // size)
    for W, V in zip(m.weights, reference.weights, strict=True):
        errors = np.abs(W - V)
        assert errors.max() <= 8 * eta * steps
        assert np.median(errors) <= 64 * np.finfo("float32").eps * max(1, np.abs(V).max())


def test_an_unpadded_layout_is_there():
    for dtype in DTYPES:
        told = {name: fresh(name, dtype=dtype)._net.layout for name in NETWORKS}
        layers = told["unpadded"].layers
        assert layers["stride"][0] == layers["n_out"][0] == 18
        assert layers["input_major"][0]
        is_input_major = {name: layout.shape.input_major for name, layout in told.items()}
        assert not is_input_major["output-major"]
        assert not is_input_major["one output"]
        assert is_input_major["no hidden"]


# Steps that were worked out by hand: a = 2 w - b for x = 2, with w = 1 and b = 0 at first


STEPS = {  # the rule, η, the target, and (b, w) after each step
    "sgd": (SGD(), 0.1, 1.0, [(0.1, 0.8), (0.15, 0.7)]),
    "momentum": (Momentum(0.5), 0.1, 1.0, [(0.1, 0.8), (0.2, 0.6)]),
    "nesterov": (Momentum(0.5, nesterov=True), 0.1, 1.0, [(0.15, 0.7), (0.2125, 0.575)]),
    "rmsprop": (
        RMSprop(0.75, 1.0),
        0.1,
        1.0,
        # a = 26/15, so g = (-11/15, 22/15) and s = (0.1875 + g²/4, 0.75 + g²/4)
        [
            (1 / 15, 0.9),
            (
                1 / 15 + 0.1 * (11 / 15) / (1 + np.sqrt(0.1875 + 0.25 * (11 / 15) ** 2)),
                0.9 - 0.1 * (22 / 15) / (1 + np.sqrt(0.75 + 0.25 * (22 / 15) ** 2)),
            ),
        ],
    ),
    "adam": (
        Adam(0.5, 0.75, 1.0),
        0.1,
        1.0,
        # at first m^ = g and v^ = g²; then a = 1 + 49/60, so g = (-49/60, 49/30),
        # m^ = (m + g/2) / 0.75 and v^ = (0.75 v + g²/4) / 0.4375
        [
            (0.05, 14 / 15),
            (
                0.05
                + 0.1
                * ((0.25 + 49 / 120) / 0.75)
                / (1 + np.sqrt((0.1875 + 0.25 * (49 / 60) ** 2) / 0.4375)),
                14 / 15
                - 0.1
                * ((0.5 + 49 / 60) / 0.75)
                / (1 + np.sqrt((0.75 + 0.25 * (49 / 30) ** 2) / 0.4375)),
            ),
        ],
    ),
    "adamw": (AdamW(0.5, 0.75, 1.0, 0.5), 0.1, 1.0, [(0.05, 0.95 - 1 / 15)]),
    "rprop": (RPROP(), 0.01, 1.0, [(0.0125, 0.9875), (0.0275, 0.9725), (0.0455, 0.9545)]),
    # the second gradient has turned: the step is halved, and not taken
    "rprop, turning": (
        RPROP(),
        0.01,
        1.99,
        [(0.0125, 0.9875), (0.0125, 0.9875), (0.00625, 0.99375)],
    ),
    "l2": (SGD(), 0.1, 1.0, [(0.1, 0.75)]),
    "clipped": (SGD(), 0.1, 1.0, [(0.1 / np.sqrt(5), 1 - 0.2 / np.sqrt(5))]),
}


@cross(case=STEPS, dtype=DTYPES)
def test_steps_by_hand(case, dtype):
    rule, eta, target, expected = STEPS[case]
    told = {"l2": 0.5} if case == "l2" else {"clip_norm": 1.0} if case == "clipped" else {}
    told |= {} if rule.full_batch else {"learning_rate": eta}
    m = MLP((), output_activation="linear", optimizer=rule, dtype=dtype, **told)
    m.init_weights((1, 1))
    m.weights = [[[0.0], [1.0]]]
    for weights in expected:
        m.partial_train([[2.0]], [[target]])
        bound = 1e-14 if dtype == "float64" else 1e-6
        np.testing.assert_allclose(m.weights[0].ravel(), weights, rtol=bound)


# The gradient with a penalty is that of the loss with a penalty


@cross(network=NETWORKS, rows=["dense", "CSR"], l2=[0.05, 3.0])
def test_the_gradient_is_a_difference_of_losses(network, rows, l2):
    X, T = examples(network, rows)
    m = fresh(network, **options_of("momentum", "full", network, l2=l2))
    before, gradient = state(m), m.gradient(X, T)
    reference = reference_of("momentum", network, m.weights, l2)
    dense = X if rows == "dense" else X.toarray()
    total = reference.mean_loss(dense, T) + reference.penalty()
    np.testing.assert_allclose(m.loss(X, T), total, rtol=1e-13)
    assert state(m) == before
    rng, h = np.random.default_rng(0), 1e-5
    for l, W in enumerate(m.weights):
        for i in [(0, 0), *zip(*(rng.integers(n, size=6) for n in W.shape), strict=True)]:
            kept, losses = W[i], []
            for sign_of in (1, -1):
                W[i] = kept + sign_of * h
                losses.append(m.loss(X, T))
            W[i] = kept
            assert (losses[0] - losses[1]) / (2 * h) == pytest.approx(
                gradient[l][i], rel=1e-6, abs=1e-8
            )


# A rule of one's own


@kernel
def sign_descent(theta, gradient, state, eta):
    v, real = state.first, theta.dtype.type
    rate, mu, zero = real(eta), real(state.numbers[0]), splat(real(0.0))
    for i in range(0, theta.size, lanes(theta)):
        velocity = mu * load(v, i) - rate * sign(load(gradient, i))
        store(v, i, velocity)
        store(theta, i, load(theta, i) + velocity)
        store(gradient, i, zero)


@dataclass(frozen=True)
class SignDescent(Optimizer):
    momentum: float = 0.5
    name: ClassVar = "sign descent"
    kernel = sign_descent
    arrays: ClassVar = {"velocity": 0.0}


class SignDescentInNumPy(UpdateRule):
    v: ClassVar = {}

    def update(self, W, g, eta, l):
        v = self.v[l] = W.dtype.type(0.5) * self.v.get(l, 0 * W) - eta * np.sign(g)
        W += v


@cross(mode=MODES, network=["input-major", "output-major", "2-2-1"], rows=["dense", "CSR"])
def test_a_rule_of_ones_own(mode, network, rows, tmp_path, monkeypatch):
    X, T = examples(network, rows)
    told = options_of("sgd", mode, network, optimizer=SignDescent(), learning_rate=1e-3)
    m = fresh(network, **told, shuffle=False)
    reference = reference_of("sgd", network, m.weights)
    reference.rule = SignDescentInNumPy()
    reference.rule.v = {}
    m.resume(X, T, 3)
    dense = X if rows == "dense" else X.toarray()
    reference.train(dense, T, [np.arange(K)] * 3, MODES[mode] or K, 1e-3)
    assert_to_rounding(m.weights, reference.weights, 16)
    with pytest.raises(ValueError, match=r"optimizer must be one of .*OPTIMIZERS to be saved"):
        m.save(tmp_path / "m")
    monkeypatch.setitem(OPTIMIZERS, "sign descent", SignDescent)
    m.save(tmp_path / "m")
    n = MLP.load(tmp_path / "m")
    assert (n.in_force.optimizer, rule_bits(n)) == (SignDescent(), rule_bits(m))
    assert state(n.resume(X, T, 2)) == state(m.resume(X, T, 2))
    assert MLP(optimizer="sign descent").settings.optimizer == SignDescent()
    monkeypatch.undo()
    with pytest.raises(ValueError, match="its optimizer must be one of sgd, momentum"):
        MLP.load(tmp_path / "m")


@cross(
    mu=[0.0, 1e-3, 0.4, 0.5, 0.9, 0.99],
    nesterov=[False, True],
    rows=["dense", "CSR"],
    dtype=["float64", "float32"],
    sizes=[(40, 9, 3), (400, 18, 3)],
)
def test_momentum_over_many_blocks(mu, nesterov, rows, dtype, sizes):
    """Weights and velocity are kept in another form for 256 samples at a time."""
    rng = np.random.default_rng(0)
    X, T = rng.random((600, sizes[0])), rng.random((600, sizes[-1]))
    X[rng.random(X.shape) < 0.7] = 0
    m = MLP(sizes[1:-1], batch_size=1, dtype=dtype, shuffle=False, learning_rate=0.01)
    start = m.init_weights(sizes).weights.copy()
    rule = Momentum(mu, nesterov)
    m.train(sp.csr_array(X) if rows == "CSR" else X, T, 2, weights=start, optimizer=rule)
    spec = Reference(
        [W.astype(float) for W in start], ["sigmoid"] * 2, rule=numpy_rules.Momentum(mu, nesterov)
    )
    spec.train(X, T, [np.arange(600)] * 2, 1, 0.01)
    bound = 64 * np.finfo(dtype).eps
    for W, V in zip(m.weights, spec.weights, strict=True):
        np.testing.assert_allclose(W, V, rtol=bound, atol=bound)
    np.testing.assert_allclose(m.loss_curve_, spec.losses, rtol=bound)
