"""Compile all kernels ahead of time, for instance when a container image is built."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_fast.boundary.csr import canonical
from mlp_fast.boundary.rows import csr_rows
from mlp_fast.mlp import MLP
from mlp_fast.options import DTYPES
from mlp_fast.paths import PATHS, Path


def warmup(dtypes: Sequence[str] = DTYPES) -> None:
    """Compile or load every kernel, and keep the machine code on disk for later processes.

    Calling it is optional: kernels are compiled when they are first needed.

    Parameters
    ----------
    dtypes : sequence of {'float64', 'float32'}, default both
        The dtypes to compile for.

    Raises
    ------
    ValueError
        If a dtype is unknown.

    Examples
    --------
    >>> import mlp_fast
    >>> mlp_fast.warmup(["float64"])
    """
    networks = [MLP(dtype=dtype) for dtype in dtypes]  # check all dtypes before compiling
    for m, dtype in zip(networks, dtypes, strict=True):
        for path in PATHS:
            if dtype in path.example.dtypes:
                follow(path, m, dtype)


def follow(path: Path, m: MLP, dtype: str) -> None:
    """Make the call that a path serves, on the path's example."""
    sizes, k, batch_size, sparse, _ = path.example
    X: Any = np.ones((k, sizes[0]), dtype)
    T = np.zeros((k, sizes[-1]))
    if sparse:
        ones = np.ones(k, dtype), np.zeros(k, np.int32), np.arange(k + 1)
        X = csr_rows(*canonical(*ones, X.shape), sizes[0])
    if path.call == "train":
        m.train(X, T, 1, layer_sizes=sizes[1:-1], batch_size=batch_size)
        return
    m.init_weights(sizes)
    if path.call == "step":
        m.step(X[0], T[0])
    elif path.call in ("forward", "backward"):
        m.forward(X)
        m.backward(T)
    else:
        m.predict(X)
