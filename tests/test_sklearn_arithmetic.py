"""scikit-learn's arithmetic (K1-K3) in the kernels, against its meaning in NumPy."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES
from cross import cross
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.interrupts import Interrupts
from mlp_fast.reference import Adam, Momentum, SklearnReference, UpdateRule
from mlp_fast.sklearn.epochs import Epochs
from mlp_fast.sklearn.full_batch import FullBatch
from mlp_fast.sklearn.live import Live
from mlp_fast.sklearn.quick import Quick

K, SIZES, ALPHA = 13, (9, 6, 3), 0.3
RULES = {
    "plain": (lambda rate: SGDOptimizer([], rate, momentum=0), UpdateRule),
    "momentum": (lambda rate: SGDOptimizer([], rate, nesterov=False), Momentum),
    "Nesterov's": (lambda rate: SGDOptimizer([], rate), lambda: Momentum(0.9, nesterov=True)),
    "standing": (lambda rate: SGDOptimizer([], rate, momentum=1.0), lambda: Momentum(1.0, True)),
    "Adam": (lambda rate: AdamOptimizer([], rate, epsilon=1e-3), lambda: plain_adam(1e-3)),
}
OUTPUTS = {  # scikit-learn's activation, loss, and their names here
    "linear": ("identity", "squared_error"),
    "softmax": ("softmax", "cross_entropy"),
    "sigmoid": ("logistic", "binary_cross_entropy"),
    "exponential": ("exp", "poisson"),
}
WEIGHTS = ["none", "some", "of both signs"]


def plain_adam(epsilon):
    rule = Adam(epsilon=epsilon)
    rule.plain_epsilon = True
    return rule


def examples(output, rows, dtype):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((K, SIZES[0])).astype(dtype)
    X[:, ::3] *= rng.random((K, 3)) > 0.5
    T = rng.standard_normal((K, SIZES[-1]))
    if output == "exponential":
        T = np.floor(T**2)
    elif output != "linear":
        T = np.eye(SIZES[-1])[T.argmax(axis=1)]
    return X, sp.csr_array(X) if rows == "CSR" else X, T.astype(dtype)


def weights_of(kind, dtype):
    rng = np.random.default_rng(1)
    s = rng.random(K) + 0.2
    if kind == "of both signs":
        s[::5] *= -0.1
    return None if kind == "none" else s.astype(dtype)


def network(output, dtype, scale=1.0):
    rng = np.random.default_rng(2)
    coefs = [(scale * rng.uniform(-1, 1, shape)).astype(dtype) for shape in pairwise(SIZES)]
    intercepts = [rng.uniform(-1, 1, n).astype(dtype) for n in SIZES[1:]]
    return Live(coefs, intercepts, ["tanh", OUTPUTS[output][0]], OUTPUTS[output][1])


def reference_of(live, output, rule=UpdateRule, alpha=ALPHA):
    weights = [np.vstack([-b, W]) for W, b in zip(live.coefs, live.intercepts, strict=True)]
    loss = OUTPUTS[output][1]
    return SklearnReference(weights, ["tanh", output], loss, rule=rule(), l2=alpha)


def rate_of(output):
    return 0.005 if output == "exponential" else 0.05


def loss_scale(output):
    return 1 / SIZES[-1] if output == "linear" else 1.0


def checked(live, rows, T, s):
    return Examples(live.rows(rows), read_only(T), False, None if s is None else read_only(s))


def assert_alike(live, reference, dtype, steps):
    bound = 64 * steps * np.finfo(dtype).eps
    for W, b, V in zip(live.coefs, live.intercepts, reference.weights, strict=True):
        assert np.abs(np.vstack([-b, W]) - V).max() <= bound * max(1, np.abs(V).max())


@cross(
    most=120,
    rule=RULES,
    output=OUTPUTS,
    weights=WEIGHTS,
    alpha=[0.0, ALPHA],
    batch_size=[1, 4, K],
    rows=["dense", "CSR"],
    dtype=DTYPES,
)
def test_epochs_are_those_of_the_reference(rule, output, weights, alpha, batch_size, rows, dtype):
    X, given, T = examples(output, rows, dtype)
    live, s = network(output, dtype), weights_of(weights, dtype)
    optimizer, meaning = RULES[rule]
    reference, rate = reference_of(live, output, meaning, alpha), rate_of(output)
    stream = np.random.RandomState(0)
    made = optimizer(rate)
    epochs = Epochs(
        *(live, checked(live, given, T, s), made, alpha, loss_scale(output), batch_size),
        stream,
    )
    drawn, order, orders, losses = np.random.RandomState(0), np.arange(K), [], []
    for _ in range(3):
        permutation = np.arange(K)
        drawn.shuffle(permutation)
        order = order[permutation]
        orders.append(order)
        losses.append(epochs.run(Interrupts()))
    reference.train(X, T, orders, batch_size, rate, s)
    steps = 3 * -(-K // batch_size)
    assert_alike(live, reference, dtype, steps)
    bound = 64 * steps * np.finfo(dtype).eps
    np.testing.assert_allclose(losses, reference.losses, rtol=bound, atol=bound)
    if rule == "Adam":
        assert made.t == steps


@cross(output=OUTPUTS, weights=WEIGHTS, alpha=[0.0, ALPHA], rows=["dense", "CSR"])
def test_the_full_batch_is_the_reference_and_its_gradient_the_central_difference(
    output, weights, alpha, rows
):
    X, given, T = examples(output, rows, "float64")
    live, s = network(output, "float64"), weights_of(weights, "float64")
    reference = reference_of(live, output, alpha=alpha)
    full = FullBatch(live, checked(live, given, T, s), alpha, loss_scale(output))
    coefs, intercepts = [W.copy() for W in live.coefs], [b.copy() for b in live.intercepts]
    loss, gradient = full.loss_and_gradient(coefs, intercepts)
    _, expected = reference.step(X, T, 0.0, 1.0 if s is None else s)
    np.testing.assert_allclose(loss, expected / K, rtol=1e-12)
    flat, step = np.concatenate([a.ravel() for a in (*coefs, *intercepts)]), 1e-6
    for i in np.random.default_rng(3).choice(flat.size, 12, replace=False):
        sides = []
        for moved in (step, -step):
            there = flat.copy()
            there[i] += moved
            parts = np.split(there, np.cumsum([a.size for a in (*coefs, *intercepts)])[:-1])
            shaped = [p.reshape(a.shape) for p, a in zip(parts, (*coefs, *intercepts), strict=True)]
            sides.append(full.loss_and_gradient(shaped[:2], shaped[2:])[0])
        scale = SIZES[-1] if output == "linear" else 1  # its loss is a mean, its gradient a sum
        if alpha == 0 or scale == 1:
            slope = scale * (sides[0] - sides[1]) / (2 * step)
            np.testing.assert_allclose(gradient[i], slope, rtol=1e-5, atol=1e-8)


@cross(output=["softmax", "sigmoid"], dtype=DTYPES, batch_size=[1, K])
def test_entropies_are_clipped(output, dtype, batch_size):
    X, given, T = examples(output, "dense", dtype)
    live = network(output, dtype, scale=60.0)
    reference = reference_of(live, output, alpha=0.0)
    epochs = Epochs(
        *(live, checked(live, given, T, None), SGDOptimizer([], 1e-30, momentum=0), 0.0),
        *(1.0, batch_size, None),
    )
    loss = epochs.run(Interrupts())
    reference.train(X, T, [np.arange(K)], batch_size, 1e-30)
    np.testing.assert_allclose(
        loss, reference.losses[0], rtol=1e-4 if dtype == "float32" else 1e-11
    )
    most = -np.log(np.finfo(dtype).eps)
    each = reference.sample_losses(*(A[-1] for A in reference.forward(X)), T)
    assert each.max() >= most * 0.999  # some are, at least one output of theirs


@pytest.mark.parametrize("rule", ["plain", "Nesterov's", "Adam"])
def test_what_is_ready_learns_to_the_same_bits(rule):
    X, _, T = examples("softmax", "dense", "float64")
    quickly, slowly = network("softmax", "float64"), network("softmax", "float64")
    optimizers = [RULES[rule][0](0.05) for _ in range(2)]
    ready = Quick(quickly, 1, optimizers[0], ALPHA, 1.0, 1)
    for i in range(4):
        ready.T[:] = T[i]
        assert ready.take(X[i : i + 1])
        quick = ready.epochs.run(Interrupts())
        one = checked(slowly, X[i : i + 1], T[i : i + 1], None)
        slow = Epochs(slowly, one, optimizers[1], ALPHA, 1.0, 1, None).run(Interrupts())
        assert quick == slow
    assert quickly.net.theta.tobytes() == slowly.net.theta.tobytes()
    X[0, 0] = np.nan
    assert not ready.take(X[:1])
