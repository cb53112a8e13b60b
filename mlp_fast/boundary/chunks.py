"""Check examples that come in chunks: an iterable of pairs (X, T), iterated once for each epoch.

Weights of samples may be a third part of a chunk.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_fast.activations import Activation
from mlp_fast.boundary.arrays import as_finite
from mlp_fast.boundary.examples import Examples, as_examples
from mlp_fast.boundary.sample_weights import as_sample_weights
from mlp_fast.boundary.targets import check_targets
from mlp_fast.losses import Loss

PAIRS = "an iterable of chunks (X, T) that can be iterated anew for each epoch, such as a list"
END = object()


class Chunks:
    """Examples in chunks, of which only one need be in memory.

    The first chunk is looked at before training, because it tells the number of inputs and outputs.

    Parameters
    ----------
    chunks : iterable of pairs (X, T)
        What the user gave in place of X.
    dtype : {'float64', 'float32'}
        What the numbers are converted to.
    n_in, n_out : int, optional
        Columns that each X and each T must have; by default, those of the first.

    Raises
    ------
    TypeError, ValueError
        If it is no iterable that can be iterated again, or its first chunk is invalid.

    Attributes
    ----------
    refused : bool
        Whether a ValueError or TypeError that was raised is about what the chunks are, and not one
        of their own.
    """

    def __init__(
        self, chunks: Any, dtype: str, n_in: int | None = None, n_out: int | None = None
    ) -> None:
        if hasattr(chunks, "shape") or hasattr(chunks, "dtypes"):  # arrays, sparse rows, frames
            raise TypeError(f"T must be given with an array X; without T, X must be {PAIRS}")
        try:
            begun = iter(chunks)
        except TypeError:
            if hasattr(type(chunks), "__iter__"):  # the error is one of its own
                raise
            raise TypeError(
                f"X must be, if T is not given, {PAIRS}; got {type(chunks).__name__}"
            ) from None
        if begun is chunks:
            raise ValueError(
                f"X must be, if T is not given, {PAIRS}; got {type(chunks).__name__}, which can be "
                "iterated only once: give a list, or an object of a class with __iter__"
            )
        self._chunks, self._dtype, self._widths = chunks, dtype, (n_in, n_out)
        self.refused = False
        first = self._next(begun, 0)
        if first is None:
            raise ValueError(f"X must be, if T is not given, {PAIRS}; got no chunk")
        self.n_in, self.n_out, self.vector = first.n_in, first.n_out, first.vector
        self._widths = self.n_in, self.n_out
        self._begun: tuple[Iterator[Any], Examples] | None = (begun, first)

    def epoch(self, epoch: int, output: Activation, loss: Loss) -> Iterator[Examples]:
        """Yield the chunks of an epoch, whose number is for errors; check what they hold."""
        chunk: Examples | None
        if self._begun is not None:
            (begun, chunk), self._begun = self._begun, None
        else:
            begun = iter(self._chunks)
            chunk = self._next(begun, 0)
        i = 0
        while chunk is not None:
            with self._refusing():
                check_targets(chunk.T, output, loss, f"T of chunk {i}")
            yield chunk
            chunk, i = None, i + 1  # before the next one is made: memory holds one
            chunk = self._next(begun, i)
        if i == 0:
            with self._refusing():
                raise ValueError(
                    f"X must be, if T is not given, {PAIRS}; it gave no chunk in epoch {epoch}, "
                    "counted from 0"
                )

    def _next(self, begun: Iterator[Any], i: int) -> Examples | None:
        """Return the next chunk, number i of an epoch; None at the end."""
        pair: Any = next(begun, END)  # a `for` would want an iterator that can be iterated
        if pair is END:
            return None
        names = f"X of chunk {i}", f"T of chunk {i}"
        with self._refusing():
            is_pair = isinstance(pair, tuple | list) and len(pair) in (2, 3)
            if not is_pair or np.isscalar(pair[0]):  # two numbers are a row of an X without T
                raise ValueError(
                    f"chunk {i} must be a pair (X, T), or with weights (X, T, sample_weight), "
                    f"because T is not given; got {type(pair).__name__}"
                )
            examples = as_examples(pair[0], pair[1], self._dtype, *self._widths, names, False)
            if len(pair) == 2:
                return examples
            name = f"sample_weight of chunk {i}"
            weights = as_sample_weights(pair[2], self._dtype, examples.k, name)
            return examples._replace(weights=weights)

    def check_finite(self, chunk: Examples, i: int) -> None:
        """Check that the inputs of chunk number i are finite, where its training was not.

        To look at all inputs in every epoch would cost a twentieth of an epoch. An input that is
        not finite makes a weight so, whatever the path: 0 times NaN is NaN.
        """
        if not chunk.rows.sparse:
            with self._refusing():
                as_finite(f"X of chunk {i}", chunk.rows.X, self._dtype)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """Note that an error which is raised here is about what a chunk is."""
        self.refused = True
        yield
        self.refused = False
