"""The table of paths: each is chosen on its example, and computes what the general ones do."""

import contextlib
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from cases import assert_to_rounding, make_data, make_pair
from spying import general, taken

import mlp_fast
from mlp_fast import MLP, warming
from mlp_fast.kernels.compile.jit import KERNELS
from mlp_fast.paths import PATHS
from mlp_fast.warming import follow

TRAINING = [path for path in PATHS if path.call == "train"]
CALLS = dict.fromkeys(path.call for path in PATHS)


def in_each_dtype(chosen):
    return [
        pytest.param(path, dtype, id=f"{path.name}, {dtype}")
        for path in chosen
        for dtype in path.example.dtypes
    ]


def names_of(calls):
    return [call.path.name for call in calls]


def test_no_name_and_no_kernel_is_there_twice():
    assert len({path.name for path in PATHS}) == len(PATHS)
    kernels = [path.kernel for path in PATHS if path.call != "forward"]  # which recalls, too
    assert len({*map(id, kernels)}) == len(kernels)


def test_every_kernel_that_trains_or_recalls_has_a_row():
    entries = {k for k in KERNELS if k.__name__.startswith(("train_", "recall"))}
    assert entries
    assert entries - {path.kernel for path in PATHS} == {
        k for k in entries if "_rows" in k.__name__
    }


@pytest.mark.parametrize("call", CALLS)
def test_the_last_path_of_every_call_takes_whatever_is_left(call):
    last = [path for path in PATHS if path.call == call][-1]
    assert not last.plain
    assert last.applies(None)  # without a look at the task


@pytest.mark.parametrize(("path", "dtype"), in_each_dtype(PATHS))
def test_each_path_is_chosen_on_its_example(path, dtype):
    with taken() as calls:
        follow(path, MLP(dtype=dtype), dtype)
    assert path.name in names_of(calls)


def test_warmup_follows_every_path():
    with mock.patch.object(warming, "follow") as followed:
        mlp_fast.warmup()
    told = [(call.args[0].name, call.args[2]) for call in followed.call_args_list]
    assert sorted(told) == sorted(
        (path.name, dtype) for path in PATHS for dtype in path.example.dtypes
    )


@pytest.mark.parametrize(("path", "dtype"), in_each_dtype(TRAINING))
def test_each_path_agrees_with_the_general_one_and_with_the_reference(path, dtype):
    sizes, k, batch_size, sparse, _ = path.example
    k = k if batch_size is None else 11
    X, T = (A.astype(dtype) for A in make_data("sigmoid", k, sizes[0], sizes[-1]))
    orders = np.tile(np.arange(k), (6, 1)) if batch_size else None
    rows = sp.csr_array(X) if sparse else X
    told = {"batch_size": batch_size, "orders": orders, "learning_rate": 0.3}
    m, reference = make_pair(sizes, "sigmoid", "sigmoid", "squared_error", dtype)
    with taken() as calls:
        m.train(rows, T, 6, **told)
    assert {*names_of(calls)} == {path.name}
    plain, _ = make_pair(sizes, "sigmoid", "sigmoid", "squared_error", dtype)
    with general(), taken() as calls:
        plain.train(rows, T, 6, **told)
    assert calls
    assert path.plain == (path.name not in names_of(calls))
    reference.train(X, T, [np.arange(k)] * 6, batch_size or k, 0.3)
    steps = 6 * -(-k // (batch_size or k))
    for trained in (m, plain):
        assert_to_rounding(trained.weights, reference.weights, steps)
        np.testing.assert_allclose(
            trained.loss_curve_, reference.losses, rtol=8 * steps * np.finfo(dtype).eps
        )


def path_of(sizes, batch_size, k=20, **options):
    """Return the name of the path that a network takes."""
    m = MLP(batch_size=batch_size, layer_sizes=sizes[1:-1], **options)
    with taken() as calls:
        m.train(np.zeros((k, sizes[0])), np.zeros((k, sizes[-1])), 1)
    (name,) = {*names_of(calls)}
    return name


REGISTERS = "online, rows of {} lanes in registers"
GRID = "tiny batch, {} units and {} samples in registers"
LANES = "tiny batch, a lane for each sample"


@pytest.mark.parametrize(
    ("sizes", "batch_size", "k", "name"),
    [
        ((2, 2, 1), 1, 20, REGISTERS.format(2)),
        ((8, 50, 1), 1, 20, REGISTERS.format(64)),
        ((13, 2, 1), 1, 20, REGISTERS.format(2)),  # its rows are padded and input-major for that
        ((8, 65, 1), 1, 20, "online, in blocks"),
        ((17, 50, 1), 1, 20, "online, in blocks"),  # eight vectors a row in float64
        ((64, 32, 1), 1, 20, REGISTERS.format(32)),
        ((65, 16, 1), 1, 20, "online, in blocks"),
        ((8, 50, 2), 1, 20, "online, in blocks"),
        ((8, 50, 50, 1), 1, 20, "online, in blocks"),
        ((784, 1), 1, 20, "online, one output"),
        ((784, 1, 3), 1, 20, "online, one by one"),
        ((784, 2), 1, 20, "online, one by one"),
        ((2, 2, 1), None, 4, GRID.format(2, 4)),
        ((2, 2, 1), 4, 20, GRID.format(2, 4)),  # it fills the least grid
        ((2, 3, 1), 4, 20, LANES),  # loading takes longer than a step
        ((2, 3, 1), None, 5, GRID.format(4, 8)),
        ((2, 8, 1), None, 2, GRID.format(8, 4)),
        ((2, 2, 1), None, 7, GRID.format(2, 8)),
        ((2, 8, 1), None, 8, LANES),  # eight vectors in float64
        ((2, 9, 1), 8, 20, LANES),
        ((2, 9, 1), 2, 20, "batch"),  # matmuls of two rows are as quick
        ((13, 2, 1), 8, 20, LANES),  # its rows are output-major
        ((2, 2, 2), 8, 20, LANES),
        ((2, 2, 1, 1), 8, 20, LANES),
        ((2, 1), 8, 20, LANES),
        ((2, 2, 1), 9, 20, "batch"),
        ((8, 50, 1), 4, 20, "batch"),
    ],
)
def test_the_path_follows_from_the_network_and_the_batch(sizes, batch_size, k, name):
    assert path_of(sizes, batch_size, k) == name


def test_eight_units_and_samples_are_four_vectors_in_float32():
    assert path_of((2, 8, 1), None, 8, dtype="float32") == GRID.format(8, 8)


def test_a_batch_in_other_orders_is_not_repeated():
    m = MLP(layer_sizes=3)
    with taken() as calls:
        m.train(np.zeros((4, 2)), np.zeros(4), 2, orders=[[0, 1, 2, 3], [3, 2, 1, 0]])
    assert {*names_of(calls)} == {LANES}


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_softmax_is_left_to_the_general_path(loss):
    options = {"output_activation": "softmax", "loss": loss}
    m = MLP(layer_sizes=2, **options)
    with taken() as calls:
        m.train(np.zeros((4, 2)), np.eye(2)[[0, 1, 0, 1]], 1)
    assert {*names_of(calls)} == {"batch"}


@pytest.mark.parametrize("batch_size", [1, None])
@pytest.mark.parametrize("large", ["X", "T", "learning_rate"])
def test_numbers_whose_products_may_overflow_are_left_to_the_general_path(large, batch_size):
    X, T, rate = np.zeros((4, 2)), np.zeros(4), 0.1
    if large == "X":
        X[1, 1] = 1e80
    elif large == "T":
        T[2] = -1e80
    else:
        rate = 1e80
    m = MLP(layer_sizes=2, output_activation="linear", batch_size=batch_size)
    with taken() as calls, np.errstate(all="ignore"), contextlib.suppress(RuntimeWarning):
        m.train(X, T, 1, learning_rate=rate)
    special = REGISTERS.format(2) if batch_size else GRID.format(2, 4)
    assert calls
    assert special not in names_of(calls)
