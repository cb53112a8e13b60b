"""The rows of the table: networks, data, epochs, who takes part, and what must hold."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from peers.job import Array, Network

DTYPES = ("float32", "float64")
MNIST_ROWS = 10_000
BESIDE = Path(__file__).parents[2] / "shared" / "data"
CLASSES = ("C", "JAX", "PyTorch", "scikit-learn", "NumPy", "FANN", "lab")  # of contenders
LIBRARIES = ("JAX", "PyTorch", "FANN", "scikit-learn")
COMPILED = ("C", "JAX")
MATRICES = ("JAX", "PyTorch", "NumPy by hand")


class MissingError(Exception):
    """Says what a row lacks."""


@dataclass(frozen=True)
class Target:
    """`mlp_fast` is to make at least so many times the samples per second of the best of some."""

    ratio: float
    best_of: tuple[str, ...]  # what their names begin with


@dataclass(frozen=True)
class Row:
    """One workload."""

    name: str
    kind: str  # of contenders.py: online, batch, predict, step or shuffled
    network: Network
    data: Callable[[], tuple[Array, Array]]
    targets: tuple[Target, ...]
    epochs: int = 1
    rows: int | None = None  # of the data

    @property
    def by_call(self) -> bool:
        """Whether a user waits for each single row."""
        return self.kind == "step" or (self.kind == "predict" and self.rows == 1)


@functools.cache
def xor() -> tuple[Array, Array]:
    return np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([[0], [1], [1], [0.0]])


@functools.cache
def table() -> tuple[Array, Array]:
    """Eight columns, and a smooth function of them."""
    draw = np.random.default_rng(0)
    X = draw.standard_normal((10_000, 8))
    return X, 1 / (1 + np.exp(-X @ draw.standard_normal((8, 1))))


@functools.cache
def dense(n_in: int, rows: int = 10_000) -> tuple[Array, Array]:
    """Ten classes about their centres, no input zero."""
    draw = np.random.default_rng(0)
    centres = draw.uniform(0.2, 0.8, (10, n_in))
    labels = draw.integers(10, size=rows)
    X = np.clip(centres[labels] + 0.1 * draw.standard_normal((rows, n_in)), 0.01, 1)
    return X, np.eye(10)[labels]


@functools.cache
def mnist() -> tuple[Array, Array]:
    """Real digits: the first rows, the pixels from 0 to 1."""
    path = Path(os.environ.get("MLP_FAST_DATA", BESIDE)) / "mnist.npz"
    if not path.exists():
        raise MissingError("no mnist.npz: set MLP_FAST_DATA to the folder that has it")
    with np.load(path) as arrays:
        pixels, labels = arrays["x_train"][:MNIST_ROWS], arrays["y_train"][:MNIST_ROWS]
    return pixels.reshape(len(pixels), -1) / 255, np.eye(10)[labels]


def dense_64() -> tuple[Array, Array]:
    return dense(64)


def dense_784() -> tuple[Array, Array]:
    return dense(784)


XOR = Network((2, 2, 1), learning_rate=1.0)
TABLE = Network((8, 50, 1), "tanh", "linear", learning_rate=0.01)
SMALL = Network((64, 128, 10))
DIGITS = Network((784, 100, 10))
DEEP = Network((784, 300, 100, 10), "sigmoid", "softmax", "cross_entropy", learning_rate=0.02)
LAB = Target(0.95, ("lab",))


def _batches(sizes: tuple[int, ...], batch_size: int, **options: object) -> Network:
    return Network(sizes, batch_size=batch_size, **{"learning_rate": 0.5, **options})


def _online_rows() -> list[Row]:
    def row(*arguments: object, **options: object) -> Row:
        name, *rest = arguments
        return Row(f"online {name}", "online", *rest, **options)

    return [
        row("2-2-1, XOR", XOR, xor, (Target(1.1, COMPILED),), 5001),
        row("8-50-1, tanh, linear", TABLE, table, (Target(1.5, COMPILED), LAB), 40),
        row("64-128-10", SMALL, dense_64, (Target(1.8, ("C",)), LAB), 10),
        row(
            "784-100-10, dense",
            DIGITS,
            dense_784,
            (Target(1.8, ("C",)), Target(1.4, ("JAX",)), LAB, Target(1 / 1.5, ("floor",))),
        ),
        row(
            "784-100-10, MNIST",
            DIGITS,
            mnist,
            (Target(1.4, ("C",)), Target(2.5, ("JAX",)), LAB),
            2,
        ),
        row(
            "784-300-100-10, MNIST, softmax",
            DEEP,
            mnist,
            (Target(1.4, ("C",)), Target(2.0, ("JAX",))),
        ),
    ]


def _batch_rows() -> list[Row]:
    xor_4 = _batches((2, 2, 1), 4, learning_rate=1.0)
    table_32 = _batches((8, 50, 1), 32, hidden="tanh", output="linear", learning_rate=0.05)
    wide = _batches((784, 1024, 1024, 10), 128, learning_rate=0.01)
    products = Target(0.9, ("bare products",))
    rows = [
        Row("full batch 2-2-1, XOR", "batch", xor_4, xor, (Target(1.0, ("JAX",)),), 5001),
        Row(
            "batch 32, 8-50-1, tanh, linear",
            "batch",
            table_32,
            table,
            (Target(1.2, ("JAX",)),),
            40,
            9984,
        ),
    ]
    for size in (32, 256):
        for kind, data, ratio in (("dense", dense_784, 1.1), ("MNIST", mnist, 1.6)):
            network = _batches((784, 100, 10), size)
            name = f"batch {size}, 784-100-10, {kind}"
            rows.append(Row(name, "batch", network, data, (Target(ratio, MATRICES),), 2, 9984))
    name = "batch 128, 784-1024-1024-10"
    rows.append(Row(name, "batch", wide, dense_784, (Target(0.95, MATRICES), products), 1, 1280))
    return rows


def _predict_rows() -> list[Row]:
    def row(name: str, network: Network, data: Callable, rows: int, *targets: Target) -> Row:
        return Row(f"predict {name}", "predict", network, data, targets, rows=rows)

    best, by_hand = Target(3.0, LIBRARIES), "NumPy by hand"
    everybody = (*LIBRARIES, by_hand)
    return [
        row("1 row, 784-100-10, dense", DIGITS, dense_784, 1, best, Target(1.0, (by_hand,))),
        row("1 row, 784-100-10, MNIST", DIGITS, mnist, 1, best, Target(2.0, (by_hand,))),
        row("1 row, 8-50-1", TABLE, table, 1, best, Target(2.0, (by_hand,))),
        row("10,000 rows, 8-50-1", TABLE, table, 10_000, Target(1.0, everybody)),
        row("10,000 rows, 784-100-10, dense", DIGITS, dense_784, 10_000, Target(1.0, everybody)),
        row("10,000 rows, 784-100-10, MNIST", DIGITS, mnist, 10_000, Target(1.5, everybody)),
    ]


def _call_rows() -> list[Row]:
    step_targets = Target(10.0, ("scikit-learn",)), Target(5.0, ("PyTorch eager",))
    plain = (Target(0.9, ("mlp_fast",)),)
    return [
        Row("one step from Python, 8-50-1", "step", TABLE, table, step_targets, rows=1000),
        Row("shuffling on, 8-50-1", "shuffled", TABLE, table, plain, 40),
        Row("shuffling on, 784-100-10, MNIST", "shuffled", DIGITS, mnist, plain, 2),
    ]


ROWS = [*_online_rows(), *_batch_rows(), *_predict_rows(), *_call_rows()]
