"""How weights lie in their buffer."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_fast.activations import SIGMOID
from mlp_fast.kernels.network.forward import node_buffers
from mlp_fast.layout import Layout

SIZES = st.lists(st.one_of(st.integers(1, 40), st.integers(1, 2000)), min_size=2, max_size=12)
DTYPES = st.sampled_from(["float64", "float32"])


def make(sizes, dtype):
    n_layers = len(sizes) - 1
    return Layout(sizes, [SIGMOID] * n_layers, [1.0] * n_layers, dtype)


@given(SIZES, DTYPES)
def test_padding_costs_at_most_half_of_the_weights_and_four_kilobytes(sizes, dtype):
    layout = make(sizes, dtype)
    true = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    itemsize = np.dtype(dtype).itemsize
    assert layout.n_weights * itemsize <= 1.5 * true * itemsize + 4096


@given(SIZES, DTYPES)
def test_views_are_live_and_share_nothing_with_each_other(sizes, dtype):
    layout = make(sizes, dtype)
    theta = layout.new_theta()
    views = layout.views(theta)
    assert [W.shape for W in views] == layout.shapes
    for l, W in enumerate(views):
        assert np.shares_memory(W, theta)
        assert not W.any()
        W[:] = l + 1
    for l, W in enumerate(views):
        assert (W == l + 1).all()
    assert np.count_nonzero(theta) == sum(W.size for W in views)  # padding stays zero


@given(SIZES, DTYPES)
def test_rows_end_within_the_buffer_even_for_whole_vectors(sizes, dtype):
    layout = make(sizes, dtype)
    lanes = 64 // np.dtype(dtype).itemsize
    for layer in layout.layers:
        by_input, begin = layer["input_major"], layer["weights"]
        rows = layer["n_in"] + 1 if by_input else layer["n_out"]
        columns = layer["n_out"] if by_input else layer["n_in"]
        first = begin if by_input else begin + 1
        last = first + (rows - 1) * layer["stride"]
        assert last + -(-columns // lanes) * lanes <= layout.n_weights
        assert first % lanes == 0


@pytest.mark.parametrize(("sizes", "input_major"), [((784, 100), 1), ((784, 1), 0), ((2, 1000), 1)])
def test_the_orientation_follows_the_shape(sizes, input_major):
    assert make(sizes, "float32").shape.input_major == input_major


def test_buffers_begin_at_a_multiple_of_a_vector():
    for dtype in ("float64", "float32"):
        layout = make((5, 7, 3), dtype)
        for buffer in (layout.new_theta(), *node_buffers(layout.shape)[:2]):
            assert buffer.ctypes.data % 64 == 0
