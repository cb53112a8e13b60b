"""Check inputs: many rows, dense or CSR, or a single sample."""

import sys
from typing import Any

import numpy as np

from mlp_fast.boundary.arrays import as_array, as_matrix, as_vector, wrong_sample
from mlp_fast.boundary.csr import sparse_rows
from mlp_fast.boundary.rows import as_dense, dense_rows
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats


def as_rows(
    X: Any, dtype: str, n_in: int | None = None, name: str = "X", finite: bool = True
) -> Rows:
    """Check a matrix of inputs, dense or CSR, that errors call by a name; return it as `Rows`.

    If not `finite`, the numbers of a dense one need not be so.
    """
    if type(X) is Rows:
        rows = X  # made, and checked, by this package
    elif _is_sparse(X):
        rows = sparse_rows(name, X, dtype)
    else:
        rows = dense_rows(as_matrix(name, as_array(name, X), dtype, finite=finite))
    if n_in is not None and rows.n != n_in:
        raise ValueError(
            f"{name} must have {n_in} columns, one for each input of the network; got {rows.n}"
        )
    return rows


def as_sample(x: Any, dtype: str, n_in: int) -> Floats:
    """Check one sample's inputs; a sparse row is made dense."""
    if not _is_sparse(x):
        return as_vector("x", as_array("x", x), dtype, n_in)
    if x.shape not in ((n_in,), (1, n_in)):
        raise wrong_sample("x", n_in, x.shape)
    return as_dense(sparse_rows("x", x, dtype)).reshape(n_in)


def _is_sparse(X: Any) -> bool:
    """Return whether X is a SciPy sparse matrix or array, without importing SciPy."""
    if type(X) is np.ndarray:
        return False
    scipy_sparse = sys.modules.get("scipy.sparse")
    return scipy_sparse is not None and bool(scipy_sparse.issparse(X))
