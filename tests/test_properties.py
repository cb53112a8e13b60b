"""What must hold for any network and any data, to rounding."""

import numpy as np
import pytest
from cases import HIDDEN, LEGAL_PAIRS, assert_to_rounding, calls_of, make_data, make_pair
from hypothesis import assume, given
from hypothesis import strategies as st

from mlp_fast.kernels.train.batch import batch_buffers, train_batch
from mlp_fast.kernels.train.online_blocks import BLOCK

networks = st.fixed_dictionaries(
    {
        "pair": st.sampled_from(LEGAL_PAIRS),
        "hidden": st.sampled_from(HIDDEN),
        "widths": st.lists(st.integers(1, 9), max_size=3),
        "n_in": st.integers(1, 9),
        "n_out": st.integers(2, 5),
        "k": st.integers(1, 12),
        "seed": st.integers(0, 2**31),
    }
)


def build(network, dtype="float64"):
    output, loss = network["pair"]
    n_in, n_out, seed = network["n_in"], network["n_out"], network["seed"]
    X, T = make_data(output, network["k"], n_in, n_out, seed)
    sizes = (n_in, *network["widths"], n_out)
    m, reference = make_pair(sizes, network["hidden"], output, loss, dtype, seed)
    return m, reference, X, T


def assert_close(A, B, rtol=1e-11):
    for W, V in zip(A, B, strict=True):
        np.testing.assert_allclose(W, V, rtol=rtol, atol=rtol)


@given(networks)
def test_single_rows_through_the_batch_kernel_equal_online(network):
    m, _, X, T = build(network)
    before = m.weights.copy()
    net = m._net
    runs = []
    for batch_size in (1, 2):
        m.weights = before
        run = calls_of(m, X, T, 3, batch_size=batch_size, shuffle=False)
        kernel, arguments = run._path.kernel, run._arguments
        if batch_size == 2:
            network, data, rule, _ = arguments
            rule = rule._replace(batch_size=1)
            kernel = train_batch
            arguments = network, data, rule, batch_buffers(net.layout.shape, data, rule)
        kernel(*arguments, run.curves, 0, 3 * len(X))
        runs.append(m.weights.copy())
    assert_close(*runs)


@given(
    st.lists(st.sampled_from([1, 2, 3, 8, 15, 16, 17, 31, 33, 64, 100, 129, 300]), min_size=2),
    st.sampled_from(["float64", "float32"]),
    st.sampled_from([1, 3]),
    st.sampled_from([0.0, 0.7]),
)
def test_any_shape_agrees_with_the_reference(sizes, dtype, batch_size, zeros):
    sizes = sizes[:6]
    X, T = make_data("tanh", 5, sizes[0], sizes[-1])
    X[np.random.default_rng(2).random(X.shape) < zeros] = 0
    X, T = X.astype(dtype), T.astype(dtype)
    m, reference = make_pair(sizes, "sigmoid", "tanh", "squared_error", dtype)
    m.train(X, T, 4, shuffle=False, batch_size=batch_size, learning_rate=0.1)
    reference.train(X, T, [np.arange(5)] * 4, batch_size, 0.1)
    assert_to_rounding(m.weights, reference.weights, 20 * max(sizes))


@given(networks)
def test_the_order_of_a_full_batch_does_not_matter(network):
    m, _, X, T = build(network)
    epochs, k = 4, len(X)
    orders = np.array([np.random.default_rng(e).permutation(k) for e in range(epochs)])
    options = {"layer_sizes": network["widths"], "random_state": 0, "learning_rate": 0.1}
    plain = m.train(X, T, epochs, **options).weights.copy()
    assert_close(plain, m.train(X, T, epochs, orders=orders, **options).weights)


@given(networks)
def test_a_small_step_lowers_the_loss_by_eta_times_the_squared_gradient(network):
    assume("relu" not in (network["hidden"], network["pair"][0]))  # bent within the step
    m, reference, X, T = build(network)
    eta = 1e-6
    H, A = reference.forward(X)
    squared = sum(np.sum(G**2) for G in reference.gradients(H, A, T))
    assume(squared >= 1e-3)  # to be seen above rounding
    before = reference.mean_loss(X, T)
    m.forward(X)
    m.backward(T, eta)
    reference.weights = m.weights.copy()
    assert before - reference.mean_loss(X, T) == pytest.approx(eta * squared, rel=1e-2)


@given(networks)
def test_permuting_hidden_units_permutes_the_weights(network):
    network["widths"] = [*network["widths"], 7]
    m, _, X, T = build(network)
    order = np.random.default_rng(1).permutation(7)
    start = m.weights.copy()
    results = []
    for permuted in (False, True):
        weights = [W.copy() for W in start]
        if permuted:
            weights[-2] = weights[-2][:, order]
            weights[-1] = weights[-1][np.r_[0, order + 1]]
        m.weights = weights
        for _ in range(5):
            m.forward(X)
            m.backward(T, 0.1)
        results.append(m.weights.copy())
    plain, permuted = results
    plain[-2], plain[-1] = plain[-2][:, order], plain[-1][np.r_[0, order + 1]]
    assert_close(plain, permuted)


@given(networks, st.data())
def test_cutting_a_run_anywhere_changes_no_bit(network, data):
    network["k"] = data.draw(st.integers(1, 3 * BLOCK))  # online, a run is cut between blocks only
    m, _, X, T = build(network)
    epochs, batch_size = 4, data.draw(st.one_of(st.just(1), st.integers(1, len(X))))
    total = epochs * -(-len(X) // batch_size)
    cuts = sorted(data.draw(st.sets(st.integers(1, total - 1), min_size=1, max_size=5)))
    per_epoch = total // epochs
    results, start = [], m.weights.copy()
    for ends in ([total], [*cuts, total]):
        m.weights = start
        run = calls_of(m, X, T, epochs, batch_size=batch_size)
        kernel, arguments = run._path.kernel, run._arguments
        first = 0
        for last in ends:
            last -= last % per_epoch % run._path.cut  # where a run may be cut
            kernel(*arguments, run.curves, first, last)
            first = last
        results.append((m._net.theta.tobytes(), *(c.tobytes() for c in run.curves)))
    assert results[0] == results[1]
