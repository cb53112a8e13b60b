"""Check what a network is trained on: examples or, where there are no targets, chunks of them."""

from typing import Any

from mlp_fast.boundary.chunks import Chunks
from mlp_fast.boundary.examples import Examples, as_examples


def as_source(
    X: Any, T: Any, dtype: str, n_in: int | None = None, n_out: int | None = None
) -> Examples | Chunks:
    """Check examples and, if they are known, their widths; without T, X is taken for chunks."""
    if T is None:
        return Chunks(X, dtype, n_in, n_out)
    return as_arrays(X, T, dtype, n_in, n_out)


def as_arrays(
    X: Any, T: Any, dtype: str, n_in: int | None = None, n_out: int | None = None
) -> Examples:
    """Check examples that must be arrays."""
    if isinstance(T, int):
        raise ValueError(
            f"T must be 2-D, of shape (k, n_out), or 1-D; got {T}. Chunks take no T: give epochs "
            "by name"
        )
    return as_examples(X, T, dtype, n_in, n_out)
