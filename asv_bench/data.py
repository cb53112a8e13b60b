"""The data of the rows: X and T, the same in every run."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from peers.peer import Array

MNIST_ROWS = 10_000
BESIDE = Path(__file__).parents[2] / "shared" / "data"


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
def normal(n_in: int, n_out: int, rows: int = 10_000) -> tuple[Array, Array]:
    """Normal inputs, and classes by the largest of some of their sums, or by the sign of one."""
    draw = np.random.default_rng(0)
    X = draw.standard_normal((rows, n_in))
    H = X @ draw.standard_normal((n_in, n_out))
    return X, H > 0 if n_out == 1 else H == H.max(axis=1, keepdims=True)


@functools.cache
def square(rows: int) -> tuple[Array, Array]:
    """Points of a square, one class in two of its quarters."""
    X = np.random.default_rng(0).random((rows, 2))
    return X, (X[:, :1] > 0.5) != (X[:, 1:] > 0.5)


def first_class(data: Callable[[], tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return other data with one output: whether a row is of the first class."""
    X, T = data()
    return X, T[:, :1]


@functools.cache
def sparse(share: float, n_in: int = 10_000, rows: int = 2000) -> tuple[Array, Array]:
    """Return ten classes, half of whose inputs that are not zero are their own, as CSR."""
    draw = np.random.default_rng(0)
    labels = draw.integers(10, size=rows)
    X = np.zeros((rows, n_in))
    own, stored = n_in // 100, round(share * n_in)
    for x, label in zip(X, labels, strict=True):
        x[label * own + draw.choice(own, stored // 2, replace=False)] = 1
        free = np.flatnonzero(x == 0)
        x[draw.choice(free, stored - stored // 2, replace=False)] = 1
    X[X == 1] = draw.uniform(0.1, 1, rows * stored)
    return as_csr(lambda: (X, np.eye(10)[labels]))


def as_csr(data: Callable[[], tuple[Array, Array]]) -> tuple[Array, Array]:
    """Return other data with sparse rows."""
    try:
        from scipy.sparse import csr_array
    except ImportError as reason:
        raise NotImplementedError(f"SciPy is not installed ({reason})") from reason
    X, T = data()
    return csr_array(X), T


@functools.cache
def mnist(rows: int = MNIST_ROWS) -> tuple[Array, Array]:
    """Real digits: the first rows, the pixels from 0 to 1."""
    return _digits("train", rows)


def all_mnist() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The 60,000 digits to train with, and the 10,000 to test."""
    return _digits("train"), _digits("test")


def _digits(part: str, rows: int | None = None) -> tuple[Array, Array]:
    path = Path(os.environ.get("MLP_FAST_DATA", BESIDE)) / "mnist.npz"
    if not path.exists():
        raise NotImplementedError("no mnist.npz: set MLP_FAST_DATA to the folder that has it")
    with np.load(path) as arrays:
        pixels, labels = (arrays[f"{name}_{part}"][:rows] for name in "xy")
    return pixels.reshape(len(pixels), -1) / 255, np.eye(10)[labels]
