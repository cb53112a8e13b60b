"""The rows of the table: networks, data, epochs, who takes part, and what must hold."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from data import as_csr, dense, first_class, mnist, sparse, square, table, xor
from peers.peer import Array, Network

DTYPES = ("float32", "float64")
CLASSES = ("C", "JAX", "PyTorch", "scikit-learn", "NumPy", "FANN")  # of contenders
ANSWERS = 5000  # in a call that is timed, at least

Data = Callable[[], tuple[Array, Array]]


@dataclass(frozen=True)
class Target:
    """`mlp_fast` is to make at least so many times the samples per second of the best of some."""

    ratio: float
    best_of: tuple[str, ...]  # what their names begin with
    dtypes: tuple[str, ...] = DTYPES


@dataclass(frozen=True)
class Row:
    """One workload."""

    name: str  # its group, ": " and what is special to it
    kind: str  # of contenders.py
    network: Network
    data: Data
    targets: tuple[Target, ...]
    epochs: int = 1
    rows: int | None = None  # of the data


def least(ratio: float, *best_of: str) -> Target:
    return Target(ratio, best_of)


def by_dtype(float32: float, float64: float, *best_of: str) -> tuple[Target, ...]:
    """Return a target for each dtype."""
    ratios = zip(DTYPES, (float32, float64), strict=True)
    return tuple(Target(ratio, best_of, (dtype,)) for dtype, ratio in ratios)


def one_at_a_time(name: str, network: Network, data: Data, epochs: int, *targets: Target) -> Row:
    return Row(f"train one sample at a time: {name}", "online", network, data, targets, epochs)


def batches(name: str, network: Network, data: Data, epochs: int, *targets: Target) -> Row:
    return Row(f"train in batches: {name}", "batch", network, data, targets, epochs)


def by_rule(name: str, network: Network, data: Data, epochs: int, *targets: Target) -> Row:
    return Row(f"train by a rule: {name}", "rule", network, data, targets, epochs)


def csr(name: str, network: Network, data: Data, epochs: int, *targets: Target) -> Row:
    return Row(f"train on sparse rows: {name}", "sparse", network, data, targets, epochs)


def predict(rows: int, name: str, network: Network, data: Data, *targets: Target) -> Row:
    name = f"predict: {'1 row' if rows == 1 else f'{rows:,} rows'}, {name}"
    return Row(name, "predict", network, data, targets, max(1, ANSWERS // rows), rows)


dense_64, dense_784, dense_1280 = partial(dense, 64), partial(dense, 784), partial(dense, 784, 1280)
square_1000 = partial(square, 1000)
sparse_01, sparse_1 = partial(sparse, 0.001), partial(sparse, 0.01)

XOR = Network((2, 2, 1), learning_rate=1.0)
XOR_4 = Network((2, 2, 1), learning_rate=1.0, batch_size=4)
TABLE = Network((8, 50, 1), "tanh", "linear", learning_rate=0.01)
TABLE_32 = Network((8, 50, 1), "tanh", "linear", learning_rate=0.05, batch_size=32)
SMALL = Network((64, 128, 10))
DIGITS = Network((784, 100, 10))
DIGITS_32 = Network((784, 100, 10), learning_rate=0.5, batch_size=32)
DIGITS_256 = Network((784, 100, 10), learning_rate=0.5, batch_size=256)
DEEP = Network((784, 300, 100, 10), "sigmoid", "softmax", "cross_entropy", learning_rate=0.02)
WIDE = Network((784, 1024, 1024, 10), learning_rate=0.01, batch_size=128)
TINY_8 = Network((2, 4, 1), learning_rate=1.0, batch_size=8)
SMALL_8 = Network((2, 8, 1), learning_rate=1.0, batch_size=8)
MOMENTUM = replace(DIGITS, optimizer="momentum", learning_rate=0.01)
MOMENTUM_TABLE = replace(TABLE, optimizer="momentum", learning_rate=0.001)
ADAM_TABLE = replace(TABLE, optimizer="adam", learning_rate=0.001)
ADAM_32 = replace(DIGITS_32, optimizer="adam", learning_rate=0.001)
ADAM_L2 = replace(DEEP, optimizer="adam", learning_rate=0.001, l2=1e-4, batch_size=128)
ONE = Network((784, 1), learning_rate=0.01)
TEXT = Network((10_000, 100, 10), "sigmoid", "softmax", "cross_entropy")
TEXT_32 = replace(TEXT, learning_rate=1.0, batch_size=32)

NUMPY = "NumPy by hand"
LIBRARIES = ("JAX", "PyTorch", "FANN", "scikit-learn")
TENSORS = ("JAX", "PyTorch")
MATRICES = ("JAX", "PyTorch", NUMPY)
FIRST = least(3.0, *LIBRARIES)
STEPS = least(10.0, "scikit-learn"), least(5.0, "PyTorch eager")
SPARSER, BEST = least(1.0, "mlp_fast"), least(1.0, *LIBRARIES)
WEIGHTED = (least(0.95, "mlp_fast"),)
IN_ORDER = (least(0.9, "mlp_fast"),)
TANH = "8-50-1, tanh, linear output"
ROWS = [
    one_at_a_time("2-2-1, XOR", XOR, xor, 5001, least(1.1, "C", "JAX")),
    one_at_a_time(TANH, TABLE, table, 40, least(1.5, "C", "JAX")),
    one_at_a_time("64-128-10", SMALL, dense_64, 10, least(1.8, "C")),
    one_at_a_time("784-100-10, no zeros", DIGITS, dense_784, 1, least(1.8, "C"), least(1.4, "JAX")),
    one_at_a_time("784-100-10, MNIST", DIGITS, mnist, 2, least(1.4, "C"), least(2.5, "JAX")),
    one_at_a_time(
        "784-300-100-10, MNIST, softmax", DEEP, mnist, 1, least(1.4, "C"), least(2, "JAX")
    ),
    one_at_a_time("784-1, no zeros", ONE, partial(first_class, dense_784), 5, BEST),
    one_at_a_time("784-1, MNIST", ONE, partial(first_class, mnist), 5, BEST),
    batches("all 4 rows, 2-2-1, XOR", XOR_4, xor, 5001, least(1.0, "JAX")),
    batches("all 8 rows, 2-8-1", SMALL_8, partial(square, 8), 5001, BEST),
    batches("4 of 1000 rows, 2-2-1", XOR_4, square_1000, 100, BEST),
    batches("8 of 1000 rows, 2-4-1", TINY_8, square_1000, 100, BEST),
    batches("8 of 1000 rows, 2-8-1", SMALL_8, square_1000, 100, BEST),
    batches(f"32 rows, {TANH}", TABLE_32, table, 40, least(1.2, "JAX")),
    batches("32 rows, 784-100-10, no zeros", DIGITS_32, dense_784, 2, least(1.1, *MATRICES)),
    batches("32 rows, 784-100-10, MNIST", DIGITS_32, mnist, 2, least(1.6, *MATRICES)),
    batches("256 rows, 784-100-10, no zeros", DIGITS_256, dense_784, 2, least(1.1, *MATRICES)),
    batches("256 rows, 784-100-10, MNIST", DIGITS_256, mnist, 2, least(1.6, *MATRICES)),
    batches("128 rows, 784-1024-1024-10", WIDE, dense_1280, 1, least(0.95, *MATRICES)),
    csr("0.1% stored, one at a time, 10,000-100-10, softmax", TEXT, sparse_01, 5, SPARSER, BEST),
    csr("0.1% stored, batches of 32, 10,000-100-10, softmax", TEXT_32, sparse_01, 5, SPARSER, BEST),
    csr("1% stored, one at a time, 10,000-100-10, softmax", TEXT, sparse_1, 2, SPARSER, BEST),
    csr("1% stored, batches of 32, 10,000-100-10, softmax", TEXT_32, sparse_1, 2, SPARSER, BEST),
    csr("19% stored, one at a time, 784-100-10, MNIST", DIGITS, partial(as_csr, mnist), 1, BEST),
    csr("19% stored, batches of 32, 784-100-10, MNIST", DIGITS_32, partial(as_csr, mnist), 1, BEST),
    predict(1, "784-100-10, no zeros", DIGITS, dense_784, FIRST, least(1.0, NUMPY)),
    predict(1, "784-100-10, MNIST", DIGITS, mnist, FIRST, least(2.0, NUMPY)),
    predict(1, "8-50-1", TABLE, table, FIRST, least(2.0, NUMPY)),
    predict(10_000, "8-50-1", TABLE, table, least(1.0, *LIBRARIES, NUMPY)),
    predict(10_000, "784-100-10, no zeros", DIGITS, dense_784, least(1.0, *LIBRARIES, NUMPY)),
    predict(10_000, "784-100-10, MNIST", DIGITS, mnist, least(1.5, *LIBRARIES, NUMPY)),
    Row(f"train by one call for each sample: {TANH}", "step", TABLE, table, STEPS, rows=1000),
    Row(f"train in random order: {TANH}", "shuffled", TABLE, table, IN_ORDER, 40),
    Row("train in random order: 784-100-10, MNIST", "shuffled", DIGITS, mnist, IN_ORDER, 2),
    by_rule(
        "momentum, one at a time, 784-100-10, no zeros",
        MOMENTUM,
        dense_784,
        1,
        *(least(0.5, "mlp_fast"), least(3.0, "JAX")),
    ),
    by_rule(
        f"momentum, one at a time, {TANH}", MOMENTUM_TABLE, table, 40, *by_dtype(2.5, 3.0, "JAX")
    ),
    by_rule(f"Adam, one at a time, {TANH}", ADAM_TABLE, table, 40, *by_dtype(2.5, 2.0, "JAX")),
    by_rule("Adam, 32 rows, 784-100-10, no zeros", ADAM_32, dense_784, 2, least(1.2, *TENSORS)),
    by_rule("Adam, 32 rows, 784-100-10, MNIST", ADAM_32, mnist, 2, least(1.7, *TENSORS)),
    by_rule(
        "Adam, L2, 128 rows, 784-300-100-10, MNIST, softmax",
        ADAM_L2,
        mnist,
        2,
        least(1.3, "PyTorch"),
    ),
    Row(
        "train with sample weights: one at a time, 784-100-10, no zeros",
        "weighted",
        replace(DIGITS, weighted=True),
        dense_784,
        WEIGHTED,
    ),
    Row(
        "train with sample weights: 32 rows, 784-100-10, no zeros",
        "weighted",
        replace(DIGITS_32, weighted=True),
        dense_784,
        WEIGHTED,
        2,
    ),
]
