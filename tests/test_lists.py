"""What is not zero: lists of it, and rows that have nothing else."""

import numpy as np
import pytest
from cases import DTYPES
from numba import njit

from mlp_fast.kernels.linalg.matrix import Matrix
from mlp_fast.kernels.linalg.nonzero import list_columns, list_inputs
from mlp_fast.kernels.linalg.pack import pack_columns, packed_buffers
from mlp_fast.kernels.simd.compress import SLACK, append
from mlp_fast.kernels.simd.memory import load
from mlp_fast.kernels.train.online_blocks import BLOCK

WIDTHS = [1, 2, 7, 8, 9, 15, 16, 17, 31, 40, 100]
BEHIND = -7  # what stands behind a list, as far as it may be written


@njit(error_model="numpy")
def list_columns_of(values, row, k, n, listed):
    return list_columns(Matrix(values, row, 1), k, n, listed)


@njit(error_model="numpy")
def append_where(x, threshold, listed, m, p):
    return append(listed, m, p, load(x, 0) > threshold)


@njit(error_model="numpy")
def list_inputs_of(x, listed):
    return list_inputs(x, listed)


@njit(error_model="numpy")
def pack(values, n, count, block):
    return pack_columns(values, n, count, block)


def rows_with_zeros(k, n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((k, n)).astype(dtype)
    X[rng.random((k, n)) < 0.8] = 0
    X[rng.random((k, n)) < 0.1] = -0.0
    X[:, rng.random(n) < 0.3] = 0
    return X


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_list_goes_on_where_it_ended(dtype):
    rng = np.random.default_rng(1)
    for _ in range(50):
        x = rng.random(16).astype(dtype)[: 64 // np.dtype(dtype).itemsize]
        listed = np.full(3 + x.size + 2 * SLACK, BEHIND)
        m = append_where(x, 0.5, listed, 3, 100)
        np.testing.assert_array_equal(listed[3:m], 100 + np.flatnonzero(x > 0.5))
        np.testing.assert_array_equal(listed[:3], BEHIND)
        np.testing.assert_array_equal(listed[3 + x.size + SLACK :], BEHIND)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", WIDTHS)
def test_inputs_and_columns_that_are_not_zero_are_listed_in_order(n, dtype):
    for k in (1, 2, 16):
        X = rows_with_zeros(k, n, dtype, seed=k)
        listed = np.full(n + SLACK, BEHIND)
        m = list_columns_of(X.reshape(-1), n, k, n, listed)
        np.testing.assert_array_equal(listed[:m], np.flatnonzero((X != 0).any(axis=0)))
        m = list_inputs_of(X[0], listed)
        np.testing.assert_array_equal(listed[:m], np.flatnonzero(X[0]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, "denormal"])
def test_what_is_no_ordinary_number_is_listed(value, dtype):
    X = np.zeros((3, 20), dtype)
    X[1, 18] = np.finfo(dtype).smallest_subnormal if value == "denormal" else value
    listed = np.zeros(20 + SLACK, np.int64)
    assert list_columns_of(X.reshape(-1), 20, 3, 20, listed) == 1
    assert listed[0] == 18


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", WIDTHS)
def test_packed_rows_have_what_is_listed_and_then_zeros(n, dtype):
    block = packed_buffers(BLOCK, n, np.dtype(dtype), 0)
    for count in (1, 3, BLOCK):
        X = rows_with_zeros(2 * BLOCK, n, dtype, seed=count)
        samples = np.random.default_rng(count).permutation(2 * BLOCK)[:count]
        block.places[:count] = samples * n
        block.x[:] = np.nan
        m = pack(X.reshape(-1), n, count, block)
        some = np.flatnonzero((X[samples] != 0).any(axis=0))
        np.testing.assert_array_equal(block.listed[:m], some)
        packed = block.x.reshape(BLOCK, block.width)[:count]
        np.testing.assert_array_equal(packed[:, :m], X[np.ix_(samples, some)])
        lanes = 64 // np.dtype(dtype).itemsize
        np.testing.assert_array_equal(packed[:, m : m + lanes], 0)
