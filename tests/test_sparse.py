"""Sparse rows: the bits of dense rows, at the cost of what they store, never changed."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, LEGAL_PAIRS, assert_to_rounding, make_betas, make_data
from cross import cross
from hypothesis import given
from hypothesis import strategies as st

from mlp_fast import MLP

# the first layer in registers, in blocks, in blocks of few inputs that are not 0, by output
SHAPES = {
    "shallow": (4, (3,), 1),
    "shallow, 100": (17, (60,), 1),
    "1": (5, (1,), 3),
    "3": (17, (3,), 3),
    "17, 3": (40, (17, 3), 3),
    "100": (100, (100,), 3),
    "wide": (3000, (17,), 3),
    "no hidden": (30, (), 3),
    "by output": (100, (1,), 2),
    "one output": (100, (), 1),
    "by output, wide": (3000, (), 2),
    "by output, hidden": (100, (1,), 2),
}


def zeroed(X, kept, seed=1):
    """Set all but a part of the numbers to 0, and a row and a column of its own."""
    X = X.copy()
    X[np.random.default_rng(seed).random(X.shape) >= kept] = 0
    X[len(X) // 2] = 0
    X[:, X.shape[1] // 2] = 0
    return X


def in_disorder(X, index_dtype=np.int32, seed=0):
    """Return a CSR array with unsorted columns, halves that are stored twice, and stored zeros."""
    rng = np.random.default_rng(seed)
    columns, values, starts = [], [], [0]
    for x in X:
        stored = rng.permutation(np.flatnonzero(x))
        twice = stored[: stored.size // 2]
        zeros = rng.permutation(np.flatnonzero(x == 0))[:2]
        part = np.where(np.isin(stored, twice), x[stored] / 2, x[stored])
        columns.append(np.concatenate([stored, zeros, twice]))
        values.append(np.concatenate([part, np.zeros(zeros.size), x[twice] / 2]))
        starts.append(starts[-1] + columns[-1].size)
    indices = np.concatenate(columns).astype(index_dtype)
    A = sp.csr_array((np.concatenate(values).astype(X.dtype), indices, starts), shape=X.shape)
    A.indices, A.indptr = A.indices.astype(index_dtype), A.indptr.astype(index_dtype)
    return A


def snapshot(A):
    arrays = A.data, A.indices, A.indptr
    return [(id(a), a.dtype, a.tobytes()) for a in arrays], A.shape


def assert_same_bits(m, other):
    assert [W.tobytes() for W in m.weights] == [W.tobytes() for W in other.weights]
    assert m.loss_curve_.tobytes() == other.loss_curve_.tobytes()
    assert m.error_ == other.error_


@cross(kept=[0.0, 0.01, 0.3, 1.0], shape=SHAPES, dtype=DTYPES)
def test_online_training_has_the_bits_of_dense_rows(shape, kept, dtype):
    n_in, hidden, n_out = SHAPES[shape]
    X, T = make_data("sigmoid", 37, n_in, n_out)
    X, T = zeroed(X, kept).astype(dtype), T.astype(dtype)
    m = MLP(layer_sizes=hidden, batch_size=1, dtype=dtype, learning_rate=0.1)
    other = MLP(layer_sizes=hidden, batch_size=1, dtype=dtype, learning_rate=0.1)
    orders = np.array([np.random.default_rng(e).permutation(37) for e in range(3)])
    for options in ({}, {"shuffle": False}, {"orders": orders}):
        m.train(X, T, 3, **options)
        assert_same_bits(m, other.train(sp.csr_array(X), T, 3, **options))
        assert_same_bits(m, other.train(in_disorder(X), T, 3, **options))


@cross(
    output_and_loss=LEGAL_PAIRS,
    widths=[(1,), (3,), (17,), (100,), (17, 3), ()],
    dtype=DTYPES,
)
def test_every_legal_network_learns_the_same_from_sparse_rows(output, loss, widths, dtype):
    X, T = make_data(output, 25, 40)
    X = zeroed(X, 0.2)
    options = {"output_activation": output, "loss": loss, "layer_sizes": widths, "dtype": dtype}
    options["beta"] = make_betas(["tanh"] * len(widths) + [output])
    m, other = (MLP(activation="tanh", learning_rate=0.01, **options) for _ in range(2))
    for batch_size in (1, 4, None):
        m.train(X, T, 2, batch_size=batch_size)
        other.train(sp.csr_matrix(X), T, 2, batch_size=batch_size)
        if batch_size == 1:
            assert_same_bits(m, other)
        assert_to_rounding(other.weights, m.weights, 14)


@cross(batch_size=[5, 8, 32, 300, None], shape=SHAPES, dtype=DTYPES)
def test_batches_agree_with_dense_rows_to_rounding(shape, batch_size, dtype):
    n_in, hidden, n_out = SHAPES[shape]
    X, T = make_data("sigmoid", 600, n_in, n_out)
    X, T = zeroed(X, 0.1).astype(dtype), T.astype(dtype)
    options = {"layer_sizes": hidden, "batch_size": batch_size, "dtype": dtype}
    for A in (sp.csr_array(X), in_disorder(X, np.int64)):
        m = MLP(learning_rate=0.1, **options).train(X, T, 2)
        other = MLP(learning_rate=0.1, **options).train(A, T, 2)
        assert_to_rounding(other.weights, m.weights, 2 * -(-600 // (batch_size or 600)))


@given(
    st.integers(1, 40),
    st.integers(1, 70),
    st.integers(1, 9),
    st.lists(st.sampled_from([1, 2, 9, 33]), max_size=2),
    st.sampled_from([0.0, 0.02, 0.2, 0.7, 1.0]),
    st.sampled_from(DTYPES),
    st.booleans(),
)
def test_any_sparse_matrix_trains_as_its_dense_rows(k, n_in, n_out, hidden, kept, dtype, long):
    X, T = make_data("tanh", k, n_in, n_out)
    X = zeroed(X, kept).astype(dtype)
    A = in_disorder(X, np.int64 if long else np.int32)
    before = snapshot(A)
    for batch_size in (1, 3):
        options = {"layer_sizes": hidden, "output_activation": "tanh", "dtype": dtype}
        m, other = (MLP(batch_size=batch_size, **options) for _ in range(2))
        m.train(X, T, 2, learning_rate=0.1)
        other.train(A, T, 2, learning_rate=0.1)
        if batch_size == 1:
            assert_same_bits(m, other)
        assert_to_rounding(other.weights, m.weights, 2 * k)
        assert_to_rounding([other.forward(A, m.weights)], [m.forward(X)], 10)
    assert snapshot(A) == before


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [1, 2, 700])
def test_answers_are_those_to_dense_rows(shape, k):
    n_in, hidden, n_out = SHAPES[shape]
    X, _ = make_data("tanh", k, n_in)
    X, T = zeroed(X, 0.2), np.eye(max(n_out, 2))[np.arange(k) % max(n_out, 2)][:, :n_out]
    m = MLP(layer_sizes=hidden, output_activation="linear").init_weights((n_in, *hidden, n_out))
    for A in (sp.csr_array(X), sp.csr_matrix(X), in_disorder(X)):
        np.testing.assert_allclose(m.predict(A), m.predict(X), rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(m.predict_classes(A), m.predict_classes(X))
        np.testing.assert_array_equal(m.confmat(A, T), m.confmat(X, T))
        other = [2 * W for W in m.weights]
        np.testing.assert_allclose(m.predict(A, other), m.predict(X, other), rtol=1e-12, atol=1e-12)


def test_forward_leaves_dense_inputs_and_backward_follows():
    X, T = make_data("sigmoid")
    X = zeroed(X, 0.5)
    m, other = (MLP(layer_sizes=(4,)).init_weights((5, 4, 3)) for _ in range(2))
    np.testing.assert_array_equal(m.forward(in_disorder(X)), other.forward(X))
    np.testing.assert_array_equal(m.outputs[0], X)
    m.backward(T), other.backward(T)
    for W, V in zip(m.weights, other.weights, strict=True):
        np.testing.assert_array_equal(W, V)


def test_step_takes_one_sparse_row():
    X, T = make_data("sigmoid")
    X = zeroed(X, 0.5)
    m, other = (MLP(learning_rate=0.1).init_weights((5, 4, 3)) for _ in range(2))
    assert m.step(sp.csr_matrix(X)[0], T[0]) == other.step(X[0], T[0])
    assert m.step(in_disorder(X[1:2]), T[1]) == other.step(X[1], T[1])
    assert m.step(sp.csr_array(X[2]), T[2]) == other.step(X[2], T[2])  # 1-D
    with pytest.raises(ValueError, match=r"x must have shape \(5,\), .*got \(2, 5\)"):
        m.step(sp.csr_array(X[:2]), T[0])
    with pytest.raises(ValueError, match=r"x must have shape \(5,\), .*got \(1, 4\)"):
        m.step(sp.csr_array(X[:1, :4]), T[0])
    with pytest.raises(TypeError, match=r"COO: convert it by x\.tocsr\(\)"):
        m.step(sp.coo_array(X[:1]), T[0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint16", "bool", ">f8"])
def test_numbers_of_another_dtype_are_converted(dtype):
    X, T = make_data("sigmoid", 20, 40)
    X = (9 * zeroed(X, 0.2)).astype(dtype)
    A = sp.csr_array(X.astype(X.dtype.newbyteorder("=")))
    A.data = A.data.astype(dtype)
    m, other = (MLP(batch_size=1) for _ in range(2))
    assert_same_bits(m.train(X, T, 2), other.train(A, T, 2))


def test_what_is_stored_thrice_is_added_as_toarray_adds_it():
    values = np.array([0.1, 1e16, -1e16, 0.3, 0.1, 0.2, 0.3])
    A = sp.csr_array((values, [1, 1, 1, 0, 1, 1, 1], [0, 4, 7]), shape=(2, 2))
    m, other = (MLP(batch_size=1, layer_sizes=(3,)) for _ in range(2))
    assert_same_bits(m.train(A.toarray(), [0, 1], 5), other.train(A, [0, 1], 5))


def test_what_is_stored_twice_side_by_side_is_added_up():
    A = sp.csr_array(([1.0, 2.0, 3.0, 4.0], [0, 1, 1, 0], [0, 3, 4]), shape=(2, 2))
    m, other = (MLP(batch_size=1, layer_sizes=(3,)) for _ in range(2))
    assert_same_bits(m.train(A.toarray(), [0, 1], 5), other.train(A, [0, 1], 5))


@pytest.mark.parametrize("width", [40, 3000])
def test_the_first_and_the_last_input_are_learnt_from(width):
    X = np.zeros((20, width))
    X[::3, 0], X[1::3, -1] = 1, -2
    T = np.random.default_rng(0).random((20, 3))
    m, other = (MLP(batch_size=1, layer_sizes=(17,)) for _ in range(2))
    assert_same_bits(m.train(X, T, 3), other.train(sp.csr_array(X), T, 3))


def test_numbers_behind_the_last_row_are_ignored():
    X, T = make_data("sigmoid", 9, 7)
    A = sp.csr_array(zeroed(X, 0.5))
    B = A.copy()
    B.data, B.indices = np.append(B.data, np.nan), np.append(B.indices, np.int32(99))
    m, other = (MLP(batch_size=1) for _ in range(2))
    assert_same_bits(m.train(A, T, 2), other.train(B, T, 2))


@pytest.mark.parametrize("index_dtype", ["int32", "int64"])
def test_the_matrix_is_never_changed_and_may_be_read_only(index_dtype):
    X, T = make_data("sigmoid", 30, 40)
    for A in (sp.csr_array(zeroed(X, 0.2)), in_disorder(zeroed(X, 0.2))):
        A.indices, A.indptr = A.indices.astype(index_dtype), A.indptr.astype(index_dtype)
        for array in (A.data, A.indices, A.indptr):
            array.flags.writeable = False
        before, attributes = snapshot(A), set(vars(A))
        for batch_size in (1, 7, None):
            MLP(batch_size=batch_size).train(A, T, 2).predict(A)
        assert snapshot(A) == before
        assert set(vars(A)) == attributes  # no flag that SciPy keeps, either


def test_products_too_large_for_a_number_split_the_same_blocks():
    X, T = make_data("tanh", 30, 40)
    X = zeroed(X, 0.2).astype("float32")
    X[3::7] *= 1e25
    for width in (40, 3000):
        wide = np.zeros((30, width), "float32")
        wide[:, :40] = X
        options = {"layer_sizes": (20, 3), "activation": "tanh", "batch_size": 1}
        m, other = (MLP(dtype="float32", learning_rate=1e-30, **options) for _ in range(2))
        m.train(wide, T > 0.5, 2)
        assert_same_bits(m, other.train(sp.csr_array(wide), T > 0.5, 2))


def test_runs_longer_than_a_shallow_networks_buffer():
    X, T = make_data("sigmoid", 2500, 6, 1)
    X = zeroed(X, 0.4)
    for shuffle in (True, False):
        m, other = (MLP(layer_sizes=(5,), batch_size=1, shuffle=shuffle) for _ in range(2))
        assert_same_bits(m.train(X, T, 3), other.train(sp.csr_array(X), T, 3))


# --- what is wrong --------------------------------------------------------------------------------

X = zeroed(make_data("sigmoid", 4, 3)[0], 1.0)
T = np.ones((4, 1))


def broken(**arrays):
    """Return a CSR array whose attributes were set to something wrong."""
    A = sp.csr_array(np.eye(4, 3) + 1)
    for name, array in arrays.items():
        setattr(A, name, np.asarray(array))
    return A


def with_index(value, dtype="int32"):
    A = sp.csr_array(np.eye(4, 3) + 1)
    indices = A.indices.astype(dtype)
    indices[5] = value
    return broken(indices=indices)


FORMATS = ["bsr", "coo", "csc", "dia", "dok", "lil"]
SQUARE = sp.csr_array(np.ones((4, 3)))
BAD = {
    **{
        name: (SQUARE.asformat(name), TypeError, rf"got {name.upper()}: convert it by X\.tocsr\(\)")
        for name in FORMATS
    },
    "complex": (SQUARE * 1j, TypeError, "X must hold real numbers; got dtype complex128"),
    "objects": (
        broken(data=np.ones(12, object)),
        TypeError,
        "X must hold real numbers; got dtype object",
    ),
    "no rows": (sp.csr_array((0, 3)), ValueError, r"X must not be empty; got shape \(0, 3\)"),
    "no columns": (sp.csr_array((4, 0)), ValueError, r"X must not be empty; got shape \(4, 0\)"),
    "1-D": (sp.csr_array(np.ones(4)), ValueError, r"X must be 2-D.*got shape \(4,\)"),
    "nan": (
        broken(data=np.where(np.arange(12) == 5, np.nan, 1.0)),
        ValueError,
        r"X must be finite; got nan at \(1, 2\)",
    ),
    "infinity": (
        broken(data=np.where(np.arange(12) == 9, -np.inf, 1.0)),
        ValueError,
        r"X must be finite; got -inf at \(3, 0\)",
    ),
    "beyond float64": (
        broken(data=np.full(12, np.longdouble("1e4000"))),
        ValueError,
        r"got 1e\+4000, which is infinite as float64 at \(0, 0\)",
    ),
    "a column too far": (
        with_index(3),
        ValueError,
        r"CSR matrix: its indices must lie in 0 \.\. 2",
    ),
    "a negative column": (with_index(-1), ValueError, r"its indices must lie in 0 \.\. 2"),
    "a column beyond int32": (with_index(2**32, "int64"), ValueError, "its indices must lie in"),
    "a huge unsigned column": (with_index(2**64 - 1, "uint64"), ValueError, "its indices must lie"),
    "starts that decrease": (broken(indptr=[0, 6, 3, 9, 12]), ValueError, "never decrease"),
    "starts that do not begin": (broken(indptr=[1, 3, 6, 9, 12]), ValueError, "begin with 0"),
    "a negative start": (broken(indptr=[0, -3, 6, 9, 12]), ValueError, "never decrease"),
    "starts beyond the end": (
        broken(indptr=[0, 3, 6, 9, 13]),
        ValueError,
        "ends with 13, but there are 12 data and 12 indices",
    ),
    "too few starts": (broken(indptr=[0, 3, 12]), ValueError, "indptr must have 5 elements; got 3"),
    "too few data": (broken(data=np.ones(11)), ValueError, "there are 11 data and 12 indices"),
    "2-D data": (broken(data=np.ones((12, 1))), ValueError, "its data must be 1-D"),
    "indices of floats": (
        broken(indices=np.zeros(12)),
        ValueError,
        "its indices must be 1-D, of integers",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_sparse_rows_are_refused_and_nothing_is_changed(case):
    A, error, message = BAD[case]
    m = MLP(layer_sizes=(2,)).train(X, T, 3)
    weights, net = [W.tobytes() for W in m.weights], m._net
    calls = [lambda: m.train(A, T), lambda: m.predict(A), lambda: m.predict_classes(A)]
    calls += [lambda: m.confmat(A, T), lambda: m.forward(A)]
    for call in calls:
        with pytest.raises(error, match=message):
            call()
    assert [W.tobytes() for W in m.weights] == weights
    assert m._net is net


def test_the_number_of_columns_is_checked():
    m = MLP(layer_sizes=(2,)).train(X, T, 3)
    with pytest.raises(ValueError, match="X must have 3 columns, one for each input"):
        m.predict(sp.csr_array(X[:, :2]))
    with pytest.raises(ValueError, match="T must have as many rows as X; got 3 and 4"):
        m.train(sp.csr_array(X), T[:3])
    with pytest.raises(ValueError, match=r"it has 2147483648 columns, more than 2147483647"):
        m.train(sp.csr_array((4, 2**31)), T)


def test_targets_and_weights_must_be_dense():
    m = MLP(layer_sizes=(2,)).train(X, T, 3)
    with pytest.raises(TypeError, match=r"T must not be sparse here: convert it by T\.toarray\(\)"):
        m.train(X, sp.csr_array(T))
    with pytest.raises(TypeError, match="must not be sparse here"):
        m.predict(X, [sp.csr_array(W) for W in m.weights])


def test_a_number_too_large_for_float32_is_named():
    with pytest.raises(ValueError, match=r"got 1e\+300, which is infinite as float32 at \(0, 1\)"):
        MLP(dtype="float32").train(sp.csr_array([[0, 1e300], [1, 0]]), [0, 1])


def test_divergence_stops_where_it_does_with_dense_rows():
    A, t = make_data("linear", 40, 30, 2)
    A = zeroed(A, 0.3)
    m, other = (
        MLP(layer_sizes=(20,), activation="relu", output_activation="linear", batch_size=1)
        for _ in range(2)
    )
    for network, rows in ((m, A), (other, sp.csr_array(A))):
        with pytest.warns(RuntimeWarning, match="diverged"):
            network.train(rows, t, 50, learning_rate=0.5)
    assert len(m.loss_curve_) > 0
    assert_same_bits(m, other)


# --- what it costs --------------------------------------------------------------------------------

N_ROWS, N_IN, STORED = 2000, 1_000_000, 10


@pytest.fixture(scope="module")
def large():
    """Return rows that would take 16 GB if they were dense."""
    rng = np.random.default_rng(0)
    indices = rng.integers(0, N_IN, N_ROWS * STORED).astype(np.int32)
    starts = np.arange(0, N_ROWS * STORED + 1, STORED, dtype=np.int32)
    A = sp.csr_array((rng.random(indices.size), indices, starts), shape=(N_ROWS, N_IN))
    return A, rng.random(N_ROWS)


@pytest.mark.parametrize("batch_size", [1, 32, None])
@pytest.mark.parametrize("hidden", [(4, 3), ()])
def test_memory_does_not_grow_with_the_dense_size(large, hidden, batch_size):
    A, t = large
    small = sp.csr_array(np.eye(4, 70))
    MLP(layer_sizes=hidden, batch_size=batch_size).train(small, t[:4], 1).predict(small)  # compiled
    tracemalloc.start()
    try:
        m = MLP(layer_sizes=hidden, batch_size=batch_size).train(A, t, 1)
        m.predict(A)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the weights, padded and copied, and buffers of a block, whose pages are hardly touched
    assert peak < N_IN * 8 * 60
    assert np.isfinite(m.error_)


def test_scipy_is_not_imported_for_dense_rows():
    code = (
        "import sys; from mlp_fast import MLP; "
        "MLP(batch_size=1).train([[0.0], [1.0]], [0, 1], 2).predict([[0.0]]); "
        "print([name for name in sys.modules if name.startswith('scipy.sparse')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
