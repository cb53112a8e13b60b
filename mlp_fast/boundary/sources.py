"""Check what a network is trained on: examples or, where there are no targets, chunks of them."""

from typing import Any

from mlp_fast.boundary.chunks import Chunks
from mlp_fast.boundary.examples import Examples, as_examples
from mlp_fast.boundary.sample_weights import as_sample_weights

Widths = tuple[int | None, int | None]  # of X and of T


def as_source(
    X: Any, T: Any, sample_weight: Any, dtype: str, widths: Widths = (None, None)
) -> Examples | Chunks:
    """Check examples and, if they are known, their widths; without T, X is taken for chunks.

    Weights of examples are relative to their mean; chunks bring their own, which are not.
    """
    if T is not None:
        return as_arrays(X, T, sample_weight, dtype, widths)._replace(relative=True)
    if sample_weight is not None:
        raise ValueError(
            "sample_weight must be None if T is not given: chunks (X, T, sample_weight) have their "
            "own"
        )
    return Chunks(X, dtype, *widths)


def as_arrays(
    X: Any, T: Any, sample_weight: Any, dtype: str, widths: Widths = (None, None)
) -> Examples:
    """Check examples that must be arrays, and weights of them, which are taken as given."""
    if isinstance(T, int):
        raise ValueError(
            f"T must be 2-D, of shape (k, n_out), or 1-D; got {T}. Chunks take no T: give epochs "
            "by name"
        )
    examples = as_examples(X, T, dtype, *widths)
    return examples._replace(weights=as_sample_weights(sample_weight, dtype, examples.k))
