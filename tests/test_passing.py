"""Forward and backward passes of any number of rows: their parts, and memory that is used again."""

import threading

import numpy as np
import pytest
from cases import make_pair
from cross import cross

from mlp_fast import MLP
from mlp_fast.kernels.network.forward_batch import ROWS

DTYPES = ["float64", "float32"]
TOLERANCE = {"float64": 1e-12, "float32": 2e-4}
SIZES = [
    (5, 4, 1),
    (9, 50, 1),
    (70, 33, 3),
    (300, 100, 40, 10),
    (300, 2),
]  # either order of weights
FEW = [1, 2, 3, 5, 6, 7, 9, 10, 11, 17]
MANY = [ROWS - 1, ROWS, ROWS + 1, 2 * ROWS, 2 * ROWS + 1, 3 * ROWS + 7]


def network(sizes, output, dtype, **options):
    hidden = {"activation": "relu" if output == "exponential" else "tanh"}
    return MLP(output_activation=output, dtype=dtype, **hidden, **options).init_weights(sizes, 0)


def data(sizes, k, dtype, zeros=0.0):
    rng = np.random.default_rng(k)
    X, T = rng.standard_normal((k, sizes[0])), rng.random((k, sizes[-1]))
    return (X * (rng.random(X.shape) >= zeros)).astype(dtype), T.astype(dtype)


@cross(
    k=FEW + MANY,
    sizes=SIZES,
    output=["sigmoid", "softmax", "linear", "exponential"],
    zeros=[0.0, 0.8],
    dtype=DTYPES,
    where=lambda sizes, output, **_: output != "softmax" or sizes[-1] > 1,
)
def test_a_row_has_the_same_bits_in_any_company(k, sizes, output, zeros, dtype):
    m = network(sizes, output, dtype)
    X, _ = data(sizes, k, dtype, zeros)
    answer = m.forward(X)
    outputs = [A.copy() for A in m.outputs]
    np.testing.assert_array_equal(outputs[0], X)
    np.testing.assert_array_equal(outputs[-1], answer)
    recalled = m.predict(X) if output in ("linear", "exponential") else m.predict_proba(X)
    np.testing.assert_array_equal(recalled, answer)
    for start in range(0, k, 8):
        np.testing.assert_array_equal(m.forward(X[start : start + 8]), answer[start : start + 8])
        for A, B in zip(m.outputs, outputs, strict=True):
            np.testing.assert_array_equal(A, B[start : start + 8])


@cross(
    k=FEW + MANY,
    sizes=SIZES,
    output_and_loss=[("sigmoid", "binary_cross_entropy"), ("linear", "squared_error")],
    hidden=["tanh", "relu"],
    zeros=[0.0, 0.8],
    dtype=DTYPES,
)
def test_passes_agree_with_the_reference(k, sizes, output, loss, hidden, zeros, dtype):
    m, reference = make_pair(sizes, hidden, output, loss, dtype)
    X, T = data(sizes, k, dtype, zeros)
    m.forward(X)
    for A, B in zip(m.outputs, reference.forward(X.astype(float))[1], strict=True):
        np.testing.assert_allclose(A, B, rtol=0, atol=TOLERANCE[dtype])
    m.backward(T, 0.1)
    reference.step(X.astype(float), T.astype(float), 0.1, np.ones(k))
    for W, V in zip(m.weights, reference.weights, strict=True):
        np.testing.assert_allclose(W, V, rtol=0, atol=TOLERANCE[dtype])


@cross(
    k=[1, 32, ROWS + 1],
    sizes=SIZES,
    rule=["sgd", "adam"],
    shown=[False, True],
    seen=["nothing", "outputs", "a view", "the pass"],
    dtype=DTYPES,
)
def test_memory_is_used_again_only_if_nobody_sees_it(k, sizes, rule, shown, seen, dtype):
    m = network(sizes, "linear", dtype, optimizer=rule)
    n = network(sizes, "linear", dtype, optimizer=rule)
    held, places = [], []
    for i in range(6):
        X, T = data(sizes, k, dtype)
        X *= i + 1
        answer = m.forward(X)
        n._passes.clear()  # its memory is new
        np.testing.assert_array_equal(answer, n.forward(X))
        _ = m.weights if shown else None
        seeing = {
            "nothing": list,
            "outputs": lambda: m.outputs,
            "a view": lambda: [m.outputs[-1][:, :1]],
            "the pass": lambda: [m._forward],
        }[seen]()
        held += [(A, A.copy()) for A in (answer, *seeing) if isinstance(A, np.ndarray)]
        held += [(A.buffer, A.buffer.copy()) for A in seeing if not isinstance(A, np.ndarray)]
        places.append(m._passed.buffer.__array_interface__["data"][0])
        if seen != "the pass":  # backward writes to it
            m.backward(T, 1e-3)
            n.backward(T, 1e-3)
        assert all(np.array_equal(W, V) for W, V in zip(m.weights.copy(), n.weights, strict=True))
    for now, then in held:
        np.testing.assert_array_equal(now, then)
    several_parts = k > ROWS  # whose outputs are copies
    again = seen == "nothing" or (several_parts and seen != "the pass")
    assert (len({*places}) == 2) == again, places


@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_notices_other_weights_in_memory_that_is_used_again(dtype):
    m = network((5, 4, 1), "linear", dtype)
    X, T = data((5, 4, 1), 3, dtype)
    weights = m.weights
    for _ in range(5):
        m.forward(X)
        weights[0][0, 0] += 1
        with pytest.raises(RuntimeError, match="with these weights"):
            m.backward(T, 0.1)
        m.forward(X)
        m.backward(T, 0.1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("k", [1, 40])
def test_threads_that_forward_at_once_get_their_own_answers(k, dtype):
    m, wrong = network((40, 30, 3), "linear", dtype), []
    rows = [data((40, 30, 3), k, dtype)[0] * (i + 1) for i in range(4)]
    right = [m.forward(X).copy() for X in rows]

    def ask(i):
        wrong.extend(i for _ in range(300) if not np.array_equal(m.forward(rows[i]), right[i]))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
