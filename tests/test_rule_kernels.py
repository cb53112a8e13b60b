"""Update rules, clipping, L2 and weights of samples, by steps that are worked out by hand."""

from math import sqrt

import numpy as np
import pytest
from cases import DTYPES, calls_of
from cross import cross
from numba.core.errors import TypingError

from mlp_fast import MLP, rule_state
from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.network.arguments import Rule
from mlp_fast.kernels.train.by_rule import step_by_rule
from mlp_fast.learning import Learner
from mlp_fast.optimizers import RPROP, Adam, AdamW, Momentum, RMSprop
from mlp_fast.rule_state import RuleState, kernel_of, step_of
from mlp_fast.update_rule import SGD

RATE, START = 0.1, 1.0
GRADIENTS = 0.5, -1.0, 0.25
ADAM = 0.05 / (sqrt(0.296875 / 0.4375) + 0.5), 0.1 / 14 / (sqrt(0.23828125 / 0.578125) + 0.5)
WORKED = {
    "sgd": (SGD(), [0.95, 1.05, 1.025]),
    "momentum": (Momentum(0.9), [0.95, 1.005, 1.0295]),  # of velocities -0.05, 0.055, 0.0245
    "nesterov": (Momentum(0.9, nesterov=True), [0.905, 1.0545, 1.05155]),
    "rmsprop": (
        RMSprop(rho=0.75, epsilon=0.5),  # of mean squares 0.0625, 0.296875, 0.23828125
        [
            1 - 0.05 / 0.75,
            1 - 0.05 / 0.75 + 0.1 / (sqrt(0.296875) + 0.5),
            1 - 0.05 / 0.75 + 0.1 / (sqrt(0.296875) + 0.5) - 0.025 / (sqrt(0.23828125) + 0.5),
        ],
    ),
    "adam": (  # of means 0.25, -0.375, -0.0625, and the mean squares above
        Adam(beta_1=0.5, beta_2=0.75, epsilon=0.5),
        [0.95, 0.95 + ADAM[0], 0.95 + ADAM[0] + ADAM[1]],
    ),
    "adamw": (
        AdamW(beta_1=0.5, beta_2=0.75, epsilon=0.5, weight_decay=2.0),
        [0.75, 0.8 * 0.75 + ADAM[0], 0.8 * (0.8 * 0.75 + ADAM[0]) + ADAM[1]],
    ),
}


def steps(optimizer, gradients, dtype, index, start=None):
    """Return a weight after each step, when its gradient is one of these."""
    net = MLP(dtype=dtype).init_weights((1, 1))._net
    layout, theta, gradient = net.layout, net.layout.new_theta(), net.layout.new_theta()
    kept = RuleState.fresh(optimizer, layout)
    if start is not None:
        kept.arrays["step"][:] = start
    state = kept.for_kernels(optimizer, layout, penalty=False)
    layout.views(theta)[0][index] = START
    weights = []
    for g in gradients:
        layout.views(gradient)[0][index] = g
        kernel_of(optimizer)(theta, gradient, state, RATE)
        assert not gradient.any()  # for the next batch
        weights.append(float(layout.views(theta)[0][index]))
    return weights


@cross(name=WORKED, dtype=DTYPES, meeting=1)
def test_three_steps_of_a_weight(name, dtype):
    optimizer, expected = WORKED[name]
    weights = steps(optimizer, GRADIENTS, dtype, (1, 0))
    np.testing.assert_allclose(weights, expected, rtol=8 * np.finfo(dtype).eps)


def test_a_bias_does_not_decay():
    expected = WORKED["adam"][1]
    np.testing.assert_allclose(steps(WORKED["adamw"][0], GRADIENTS, "float64", (0, 0)), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_of_rprop_grow_while_the_gradient_keeps_its_sign_and_shrink_if_it_turns(dtype):
    weights = steps(RPROP(), [0.5, 0.25, -1.0, -1.0, -9.0], dtype, (1, 0))
    # by steps of 0.0125, 0.015, none as it turns, 0.0075 and 0.009
    expected = [0.9875, 0.9725, 0.9725, 0.98, 0.989]
    np.testing.assert_allclose(weights, expected, rtol=8 * np.finfo(dtype).eps)


def test_steps_of_rprop_have_a_least_and_a_largest():
    np.testing.assert_allclose(steps(RPROP(), [1, 1, 1], "float64", (1, 0), 48), [-47, -97, -147])
    small = steps(RPROP(), [1, -1, -1], "float64", (1, 0), 1.5e-6)
    np.testing.assert_allclose(np.diff([START, *small]), [-1.5e-6, 0, 1e-6], rtol=1e-6)


# A network of one weight w = 2 and one bias b = 1 with a = w x - b. For x = 2 and t = 0 the error
# is 3, the gradient (-3, 6) and its norm sqrt(45).
X, T, W = [[2.0]], [[0.0]], [[[1.0], [2.0]]]
LINEAR = {"layer_sizes": (), "output_activation": "linear", "learning_rate": 0.5, "epochs": 1}


def trained(how, X, T, **options):
    """Return the weights after a step on a batch, and its loss, if the way to take it tells."""
    m = MLP(**LINEAR | options).init_weights((1, 1))
    m.weights = W
    if how == "step":
        return m, m.step(X[0], T[0])
    if how == "backward":
        m.forward(X)
        m.backward(T)
        return m, None
    source = [(X, T)] if how == "chunks" else X
    targets = None if how == "chunks" else T
    m.train(source, targets, batch_size=1 if how == "online" else None, weights=W)
    return m, m.loss_curve_[0]


def assert_weights(m, bias, weight):
    np.testing.assert_allclose(m.weights[0].ravel(), [bias, weight], rtol=1e-14)


HOW = ["online", "batch", "chunks", "step", "backward"]


@pytest.mark.parametrize("how", HOW)
def test_a_gradient_is_clipped_to_a_norm_over_weights_and_biases(how):
    m, loss = trained(how, X, T, clip_norm=sqrt(5))  # a third
    assert_weights(m, 1 + 0.5, 2 - 1)
    assert loss in (None, 4.5)
    m, _ = trained(how, X, T, clip_norm=7.0)  # which it is not above
    assert_weights(m, 1 + 1.5, 2 - 3)


@pytest.mark.parametrize("how", HOW)
def test_the_penalty_is_added_after_clipping_and_leaves_out_biases(how):
    m, loss = trained(how, X, T, clip_norm=sqrt(5), l2=0.5)
    assert_weights(m, 1 + 0.5, 2 - 0.5 * (2 + 0.5 * 2))
    assert loss is None or loss == pytest.approx(4.5 + 0.25 * 2**2)


@pytest.mark.parametrize("how", ["online", "batch", "chunks"])
def test_weights_of_samples_multiply_their_gradients_and_losses(how):
    """The rows' errors are 3 and 1, and their losses 4.5 and 0.5."""
    rows, targets, share = [[2.0], [2.0]], [[0.0], [2.0]], [0.5, 1.5]
    m = MLP(**LINEAR | {"learning_rate": 1e-8, "optimizer": Momentum(0.0, nesterov=True)})
    batch_size = 1 if how == "online" else None
    told = {"batch_size": batch_size, "weights": W}
    if how == "chunks":
        m.train([(rows, targets, share)], **told)
    else:
        m.train(rows, targets, sample_weight=share, **told)
    assert m.loss_curve_[0] == pytest.approx((0.5 * 4.5 + 1.5 * 0.5) / 2)
    assert m.error_ == pytest.approx((9 + 1) / 2)
    g = (0.5 * 3 + 1.5 * 1) / (1 if how == "online" else 2)
    moved = (m.weights[0].ravel() - [1, 2]) / 1e-8
    np.testing.assert_allclose(moved, [g, -2 * g], rtol=1e-6)


@cross(
    batch_size=[1, 2, None],
    optimizer=["sgd", "momentum", "adam"],
    sizes=[(3, 4, 2), (70, 1, 2)],
    rows=["dense", "CSR"],
)
def test_weights_go_with_their_rows_whatever_the_order(batch_size, optimizer, sizes, rows):
    sparse = pytest.importorskip("scipy.sparse").csr_array if rows == "CSR" else np.asarray
    rng = np.random.default_rng(0)
    order, share = rng.permutation(7), rng.random(7)
    inputs, targets = rng.random((7, sizes[0])), rng.random((7, sizes[-1]))
    m = MLP(sizes[1:-1], batch_size=batch_size, optimizer=optimizer, learning_rate=0.1)
    m.train(sparse(inputs), targets, 2, sample_weight=share, orders=[order, order])
    other = MLP(sizes[1:-1], batch_size=batch_size, optimizer=optimizer, learning_rate=0.1)
    moved = sparse(inputs[order]), targets[order]
    other.train(*moved, 2, sample_weight=share[order], shuffle=False)
    for A, B in zip(m.weights, other.weights, strict=True):
        np.testing.assert_allclose(A, B, rtol=1e-12)
    np.testing.assert_allclose(m.loss_curve_, other.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_the_last_smaller_batch_is_a_mean_of_its_own_rows(optimizer):
    rng = np.random.default_rng(0)
    inputs, targets = rng.random((3, 4)), rng.random((3, 2))
    options = {"layer_sizes": 3, "optimizer": optimizer, "learning_rate": 0.1}
    m = MLP(**options).train(inputs, targets, 1, batch_size=2, shuffle=False)
    other = MLP(**options).init_weights((4, 3, 2))
    for batch in (slice(0, 2), slice(2, 3)):
        other.forward(inputs[batch])
        other.backward(targets[batch])
    for A, B in zip(m.weights, other.weights, strict=True):
        np.testing.assert_allclose(A, B, rtol=1e-12)


def test_a_rule_is_called_with_arguments_of_its_types_only():
    m = MLP(3, l2=0.1).init_weights((2, 3, 1))
    learner = Learner(m._net, m.settings, m._history)
    rule = Rule(m._net.loss.code, 0.1, 1, shuffle=False, key=0, epoch=0)
    told, gradient = learner._learning(rule), learner.new_gradient()
    step_by_rule(m._net.for_kernels(), 1, gradient, told)
    for name, other in (("numbers", np.zeros(4, np.float32)), ("powers", np.zeros(4, np.int64))):
        wrong = told._replace(state=told.state._replace(**{name: other}))
        with pytest.raises(TypingError, match="no rule is compiled for"):
            step_by_rule(m._net.for_kernels(), 1, gradient, wrong)


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_are_told_of_rules_by_arrays_of_the_same_types_always(dtype):
    """Or else the first training with weights of samples, say, would compile its kernel again."""
    m = MLP(3, dtype=dtype, optimizer="adam").init_weights((2, 3, 1))
    inputs, targets = np.ones((4, 2), dtype), np.ones((4, 1), dtype)
    types = set()
    for weights in (None, np.arange(4, dtype=dtype)):
        for options in ({}, {"l2": 0.1}, {"optimizer": "momentum"}, {"clip_norm": 1.0}):
            m._history.rule = None
            _, _, learning, _ = calls_of(m, inputs, targets, 1, weights, **options)._arguments
            arrays = [*learning.state, learning.sample_weights]
            types.add(tuple((A.dtype.name, A.ndim, A.flags.writeable) for A in arrays))
            scalars = {n: type(v) for n, v in learning._asdict().items() if n not in ARRAYS}
            assert scalars == SCALARS
    assert len(types) == 1


ARRAYS = "state", "sample_weights"
SCALARS = {
    **dict.fromkeys(("loss", "batch_size", "key", "epoch", "step"), int),
    **dict.fromkeys(("shuffle", "updates", "direct", "nesterov", "by_weight"), bool),
    **dict.fromkeys(("learning_rate", "momentum", "l2", "clip_norm", "loss_scale"), float),
}


def test_the_kernel_of_a_rule_is_found_once_for_each_dtype():
    m = MLP(3, optimizer="adam").init_weights((2, 3, 1))
    state = RuleState.fresh(m.settings.optimizer, m._net.layout)
    told = state.for_kernels(m.settings.optimizer, m._net.layout, penalty=False)
    address = step_of(m.settings.optimizer, m._net.theta, told)
    known = len(rule_state._addresses)
    assert step_of(Adam(beta_1=0.5), m._net.theta, told) == address
    assert len(rule_state._addresses) == known
    assert step_of(Momentum(), m._net.theta, told) != address


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda theta, gradient, state, eta: None, "must be compiled by @kernel; got <function"),
        (kernel(lambda theta, gradient, state, eta: eta), "must return nothing; <lambda> does"),
    ],
)
def test_a_rule_whose_kernel_is_none_is_refused(function, reason):
    class Wrong(SGD):
        name = "wrong"
        kernel = function

    m = MLP(optimizer=Wrong(), layer_sizes=()).init_weights((1, 1))
    before = m.weights.copy()
    with pytest.raises(TypeError, match=reason):
        m.resume([[1.0], [2.0]], [0.0, 1.0], 1)
    np.testing.assert_array_equal(m.weights[0], before[0])
