"""The data of the rows: X and T, the same in every run."""

import functools
import os
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
def plane(rows: int = 1000) -> tuple[Array, Array]:
    """Two columns, and a smooth function of them."""
    X = np.random.default_rng(0).uniform(-1, 1, (rows, 2))
    return X, 0.5 + 0.4 * np.sin(3 * X[:, :1]) * X[:, 1:]


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
        raise NotImplementedError("no mnist.npz: set MLP_FAST_DATA to the folder that has it")
    with np.load(path) as arrays:
        pixels, labels = arrays["x_train"][:MNIST_ROWS], arrays["y_train"][:MNIST_ROWS]
    return pixels.reshape(len(pixels), -1) / 255, np.eye(10)[labels]


def zeros_of_mnist() -> tuple[Array, Array]:
    """Is a digit a zero?"""
    X, T = mnist()
    return X, T[:, :1]


def dense_and_binary() -> tuple[Array, Array]:
    """Is a row of the first class? No input is zero."""
    X, T = dense(784)
    return X, T[:, :1]


def mnist_in_csr() -> tuple[Array, Array]:
    """The digits as CSR, of which 19% is stored."""
    X, T = mnist()
    return csr(X), T


@functools.cache
def sparse(stored: float, n_in: int = 10_000, rows: int = 2000) -> tuple[Array, Array]:
    """Ten classes, each with columns of its own; of each row, a part is stored as CSR."""
    draw = np.random.default_rng(0)
    labels, n = draw.integers(10, size=rows), round(stored * n_in)
    columns = draw.integers(n_in // 2, size=(rows, n)) + n_in // 20 * labels[:, np.newaxis]
    X = np.zeros((rows, n_in))
    np.put_along_axis(X, columns, draw.uniform(0.2, 1, (rows, n)), axis=1)
    return csr(X), np.eye(10)[labels]


def csr(X: Array) -> Array:
    """Return a matrix as CSR."""
    try:
        from scipy.sparse import csr_array
    except ImportError as reason:
        raise NotImplementedError(f"not installed ({reason})") from reason
    return csr_array(X)
