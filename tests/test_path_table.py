"""The table of paths: each is chosen on its example, and computes what the general ones do."""

import contextlib
import copy
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from cases import assert_to_rounding, make_data, make_pair
from spying import general, taken

import mlp_fast
from mlp_fast import MLP, reference, warming
from mlp_fast.kernels.compile.jit import KERNELS
from mlp_fast.optimizers import Adam, Momentum
from mlp_fast.paths import PATHS
from mlp_fast.update_rule import ALL, LINEAR, PLAIN, SGD
from mlp_fast.warming import follow

TRAINING = [path for path in PATHS if path.call == "train"]
RULES_OF = {path.name: path.rules for path in PATHS}
CALLS = dict.fromkeys(path.call for path in PATHS)
ONE_RULE = {"forward", "backward", "evaluate", "input_gradient", "predict", "recall"}
"""Calls that no update rule changes: `backward` sums up a gradient, unless the rule is plain."""


def in_each_dtype(chosen):
    return [
        pytest.param(path, dtype, id=f"{path.name}, {dtype}")
        for path in chosen
        for dtype in path.example.dtypes
    ]


def names_of(calls):
    return [call.path.name for call in calls]


def test_no_name_is_there_twice_and_no_kernel_twice_for_the_same_call():
    assert len({path.name for path in PATHS}) == len(PATHS)
    kernels = [(path.call, path.kernel) for path in PATHS]
    assert len({*kernels}) == len(kernels)


def test_every_kernel_that_trains_or_recalls_has_a_row():
    of_paths = {path.kernel for path in PATHS}  # first, for some are imported by this
    entries = {k for k in KERNELS if k.__name__.startswith(("train_", "recall", "step_"))}
    assert entries
    assert entries - of_paths == {k for k in entries if "_rows" in k.__name__}


@pytest.mark.parametrize("call", CALLS)
def test_the_last_path_of_every_call_takes_whatever_is_left(call):
    of_call = [path for path in PATHS if path.call == call]
    for rules in {PLAIN, of_call[-1].rules}:
        last = [path for path in of_call if path.rules == rules][-1]
        assert not last.special
        assert last.applies(None)  # without a look at the task
    assert {PLAIN, ALL} <= {path.rules for path in PATHS if call == path.call} or call in ONE_RULE


def test_what_is_special_is_for_plain_gradient_descent():
    assert {path.rules for path in PATHS if path.special} == {PLAIN}


@pytest.mark.parametrize(("path", "dtype"), in_each_dtype(PATHS))
def test_each_path_is_chosen_on_its_example(path, dtype):
    with taken() as calls:
        follow(path, MLP(dtype=dtype), dtype)
    assert path.name in names_of(calls)


def test_warmup_follows_every_path():
    with (
        mock.patch.object(warming, "follow") as followed,
        mock.patch.object(warming, "compile_rules"),
    ):
        mlp_fast.warmup()
    told = [(call.args[0].name, call.args[2]) for call in followed.call_args_list]
    assert sorted(told) == sorted(
        (path.name, dtype) for path in PATHS for dtype in path.example.dtypes
    )


RULED = {  # options that only a path for such rules knows, and the rule of the reference
    PLAIN: ({}, reference.UpdateRule()),
    LINEAR: ({"optimizer": Momentum(nesterov=True)}, reference.Momentum(0.9, nesterov=True)),
    # an epsilon of some size, since a step of g / |g| has no derivative where g is about 0
    ALL: ({"optimizer": Adam(epsilon=0.1)}, reference.Adam(epsilon=0.1)),
}


@pytest.mark.parametrize(("path", "dtype"), in_each_dtype(TRAINING))
def test_each_path_agrees_with_the_general_one_and_with_the_reference(path, dtype):
    sizes, k, batch_size, sparse, *_ = path.example
    k = k if batch_size is None else 11
    X, T = (A.astype(dtype) for A in make_data("sigmoid", k, sizes[0], sizes[-1]))
    orders = np.tile(np.arange(k), (6, 1)) if batch_size else None
    rows = sp.csr_array(X) if sparse else X
    options, rule = RULED[path.rules]
    told = {"batch_size": batch_size, "orders": orders, "learning_rate": 0.3, **options}
    m, expected = make_pair(sizes, "sigmoid", "sigmoid", "squared_error", dtype)
    expected.rule = copy.deepcopy(rule)
    share = None
    if path.rules != PLAIN:
        share = np.arange(1.0, k + 1) / np.mean(np.arange(1.0, k + 1))
        told |= {"l2": 0.01, "clip_norm": 0.2, "sample_weight": share}
        expected.l2, expected.clip_norm = 0.01, 0.2
    with taken() as calls:
        m.train(rows, T, 6, **told)
    assert {*names_of(calls)} == {path.name}
    other, _ = make_pair(sizes, "sigmoid", "sigmoid", "squared_error", dtype)
    with general(), taken() as calls:
        other.train(rows, T, 6, **told)
    (name,) = {*names_of(calls)}
    assert (name == path.name) == (not path.special and path.rules != LINEAR)
    assert {p.rules for p in PATHS if p.name == name} == {
        ALL if path.rules == LINEAR else path.rules
    }
    expected.train(X, T, [np.arange(k)] * 6, batch_size or k, 0.3, share)
    steps = 6 * -(-k // (batch_size or k))
    for trained in (m, other):
        assert_to_rounding(trained.weights, expected.weights, steps)
        np.testing.assert_allclose(
            trained.loss_curve_, expected.losses, rtol=8 * steps * np.finfo(dtype).eps
        )


def path_of(sizes, batch_size, k=20, sample_weight=None, **options):
    """Return the name of the path that a network takes."""
    m = MLP(batch_size=batch_size, layer_sizes=sizes[1:-1], **options)
    X, T = np.zeros((k, sizes[0])), np.zeros((k, sizes[-1]))
    with taken() as calls:
        m.train(X, T, 1, sample_weight=sample_weight)
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


BLOCKS = "online, in blocks, linear rules"
BY_RULE, BATCH_BY_RULE = "online, one by one, all rules", "batch, all rules"
LINEAR_OPTIONS = {
    "momentum": {"optimizer": "momentum"},
    "momentum of 0": {"optimizer": Momentum(0.0)},  # it keeps a velocity all the same
    "nesterov": {"optimizer": Momentum(0.0, nesterov=True)},
    "l2": {"l2": 0.1},
    "clip_norm": {"clip_norm": 1e9},
    "sample_weight": {"sample_weight": np.arange(20)},
}


@pytest.mark.parametrize("options", LINEAR_OPTIONS.values(), ids=LINEAR_OPTIONS)
@pytest.mark.parametrize(
    ("sizes", "batch_size", "name"),
    [
        ((8, 50, 1), 1, BLOCKS),  # which is in registers otherwise
        ((8, 50, 50, 1), 1, BLOCKS),
        ((784, 1), 1, BY_RULE),  # output-major
        ((784, 1, 3), 1, BY_RULE),
        ((2, 2, 1), 4, BATCH_BY_RULE),  # a tiny batch otherwise
        ((2, 2, 1), None, BATCH_BY_RULE),
        ((8, 50, 1), 4, BATCH_BY_RULE),
    ],
)
def test_the_path_of_linear_rules_follows_from_the_network_and_the_batch(
    sizes, batch_size, name, options
):
    assert path_of(sizes, batch_size, **options) == name


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "adamw", "rprop"])
def test_all_other_rules_have_one_path_online_and_one_in_batches(optimizer):
    assert path_of((2, 2, 1), None, optimizer=optimizer) == BATCH_BY_RULE
    if optimizer != "rprop":
        assert path_of((8, 50, 1), 32, optimizer=optimizer) == BATCH_BY_RULE
        assert path_of((8, 50, 1), 1, optimizer=optimizer) == BY_RULE
        assert path_of((784, 1), 1, optimizer=optimizer) == BY_RULE


@pytest.mark.parametrize("batch_size", [1, 2, None])
def test_options_that_change_nothing_leave_the_path_of_plain_gradient_descent(batch_size):
    plain = path_of((2, 2, 1), batch_size, 4)
    for options in (
        {"optimizer": SGD()},
        {"l2": 0.0, "clip_norm": None},
        {"sample_weight": np.full(4, 3.0)},  # all alike
        {"learning_rate": lambda epoch: 0.5},
    ):
        assert path_of((2, 2, 1), batch_size, 4, **options) == plain
    assert RULES_OF[plain] == PLAIN


@pytest.mark.parametrize(
    ("call", "options", "names"),
    [
        ("chunks", {}, ["a chunk of a full batch", "a gradient summed over chunks"]),
        (
            "chunks",
            {"optimizer": "adam"},
            ["a chunk of a full batch", "a gradient summed over chunks, all rules"],
        ),
        (
            "weighted chunks",
            {},
            ["a chunk of a full batch, weighted", "a gradient summed over chunks"],
        ),
        ("step", {}, ["one sample"]),
        ("step", {"l2": 0.1}, ["one sample, all rules"]),
        ("weighted step", {}, ["one sample, all rules"]),
        ("backward", {}, ["rows, all layers kept", "a batch that was forwarded"]),
        (
            "backward",
            {"clip_norm": 1.0},
            [
                "rows, all layers kept",
                "a batch that was forwarded",
                "a gradient summed over chunks, all rules",
            ],
        ),
    ],
)
def test_other_calls_take_their_path_by_the_rule_too(call, options, names):
    X, T = np.ones((3, 2)), np.zeros((3, 1))
    m = MLP(3, **options).init_weights((2, 3, 1))
    with taken() as calls:
        if call == "step":
            m.step(X[0], T[0])
        elif call == "weighted step":
            m.step(X[0], T[0], sample_weight=2.0)
        elif call == "backward":
            m.forward(X)
            m.backward(T)
        else:
            m.train([(X, T, [1, 2, 3]) if call == "weighted chunks" else (X, T)], epochs=1)
    assert names_of(calls) == names


def test_eight_units_and_samples_are_four_vectors_in_float32():
    assert path_of((2, 8, 1), None, 8, dtype="float32") == GRID.format(8, 8)


def test_a_batch_in_other_orders_is_not_repeated():
    m = MLP(layer_sizes=3)
    with taken() as calls:
        m.train(np.zeros((4, 2)), np.zeros(4), 2, orders=[[0, 1, 2, 3], [3, 2, 1, 0]])
    assert {*names_of(calls)} == {LANES}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("sizes", "batch_size", "name"),
    [
        ((2, 2, 1), 1, REGISTERS.format(2)),
        ((64, 1), 1, "online, one output"),
        ((2, 2, 1), None, GRID.format(2, 4)),
        ((2, 2, 2, 1), None, LANES),
    ],
)
def test_special_paths_take_counts_but_no_hidden_layer_of_steep_slopes(
    sizes, batch_size, name, sparse
):
    X, T = np.zeros((4, sizes[0])), np.array([0, 3, 1, 2])
    of_counts = {"output_activation": "exponential", "loss": "poisson", "batch_size": batch_size}
    for hidden in ("tanh", "exponential"):
        m = MLP(layer_sizes=sizes[1:-1], activation=hidden, **of_counts)
        with taken() as calls:
            m.train(sp.csr_array(X) if sparse else X, T, 1)
        found = {*names_of(calls)}
        if hidden == "exponential" and len(sizes) > 2:
            assert not any(path.special for path in PATHS if path.name in found)
        elif not sparse or batch_size == 1:
            assert all(path.special for path in PATHS if path.name in found)
            assert all(other.startswith(name) for other in found)


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
