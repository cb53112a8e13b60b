"""Validation: rows that are held out from the examples, and the loss over validation rows."""

import math

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.boundary.rows import rows_at
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.net import Net
from mlp_fast.paths import Task, path_for


class Validation:
    """The mean loss over validation rows, by the weights that a network has when this is asked.

    Parameters
    ----------
    net : Net
        The network.
    examples : Examples
        The rows and their targets, checked.
    flags : int, default 0
        What is added to the code of the network's loss.
    """

    def __init__(self, net: Net, examples: Examples, flags: int = 0) -> None:
        rows, T, self._k = examples.rows, examples.T, examples.k
        self._path = path_for(Task("evaluate", net.layout, rows.sparse))
        buffers = self._path.buffers(net.layout.shape, rows)
        self._net, self._arguments = net, (net.loss.code | flags, rows, T, buffers)

    def loss(self, theta: Floats | None = None) -> float:
        """Return the mean loss, by other weights if they are given; infinity if not finite."""
        network = self._net.layout.network(self._net.theta if theta is None else theta)
        loss = float(self._path(network, *self._arguments)) / self._k
        return loss if math.isfinite(loss) else math.inf


def hold_out(examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """Split examples into those to train on, in their order, and a fraction to validate by.

    Where targets are one-hot rows, every class gives the same share, up to rounding, and keeps a
    row to train on. The split follows from the seed and the targets.

    Raises
    ------
    ValueError
        If no row is left for one of both.
    """
    held = _held_out(examples.T, fraction, seed)
    if not 0 < held.size < examples.k:
        raise ValueError(
            f"validation_fraction={fraction!r} must leave rows to train on and rows to validate "
            f"by; X has {examples.k}" + ", and each class keeps one to train on" * (held.size == 0)
        )
    kept = np.ones(examples.k, bool)
    kept[held] = False
    return _at(examples, np.flatnonzero(kept)), _at(examples, np.sort(held))


def _held_out(T: Floats, fraction: float, seed: int) -> NDArray[np.int64]:
    """Return the indices of the rows to hold out."""
    k = T.shape[0]
    stream = np.random.SeedSequence(seed, spawn_key=(2,))  # (1,) is for shuffling
    order = np.random.RandomState(np.random.MT19937(stream)).permutation(k)
    n = min(max(round(fraction * k), 1), k - 1)
    is_one_hot = T.shape[1] > 1 and np.all((T == 0) | (T == 1)) and np.all(T.sum(axis=1) == 1)
    if not is_one_hot:
        return order[:n]
    labels = T.argmax(axis=1)[order]
    counts = np.bincount(labels, minlength=T.shape[1])
    shares = counts * n / k
    each = np.floor(shares).astype(np.int64)
    most = np.maximum(counts - 1, 0)
    for label in np.argsort(each - shares, kind="stable"):  # the largest remainder first
        each[label] += each.sum() < n and each[label] < counts[label]
    each = np.minimum(each, most)
    return np.concatenate(
        [order[np.flatnonzero(labels == label)[:m]] for label, m in enumerate(each)]
    )


def _at(examples: Examples, index: NDArray[np.int64]) -> Examples:
    T = read_only(examples.T[index])
    weights = examples.weights
    weights = None if weights is None else read_only(weights[index])
    return Examples(rows_at(examples.rows, index), T, examples.vector, weights, examples.relative)
