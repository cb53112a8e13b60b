"""Compiling ahead, for those who bake images."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_fast.kernels.train.online_shallow import TRAIN_SHALLOW
from mlp_fast.kernels.train.shallow_batch import TRAIN_SHALLOW_BATCH
from mlp_fast.mlp import MLP
from mlp_fast.rows import csr_rows, in_order
from mlp_fast.settings import DTYPES

# inputs, hidden layers and examples of networks that take one way through the kernels each:
# in registers, online and in batches; in lanes; in blocks and in larger batches; by output
SHAPES: list[tuple[int, tuple[int, ...], int]] = [
    *((1, (lanes,), 2) for lanes in TRAIN_SHALLOW),
    *((1, (n_units,), n_samples) for n_units, n_samples in TRAIN_SHALLOW_BATCH),
    (1, (), 2),
    (64, (8, 8), 2),
    (64, (), 2),
]


def warmup(dtypes: Sequence[str] = DTYPES) -> None:
    """Compile every kernel, or load it, and keep it on disk for the processes to come.

    Nobody has to call this: kernels are compiled when they are first needed.

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
    networks = [MLP(dtype=dtype) for dtype in dtypes]  # all checked, then compiled
    for m, dtype in zip(networks, dtypes, strict=True):
        for n_in, hidden, k in SHAPES:
            X, T = np.ones((k, n_in), dtype), np.zeros(k)
            ones = np.ones(k), np.zeros(k, np.int32), np.arange(k + 1)
            columns, starts, values = in_order(*ones, (k, n_in))
            sparse: Any = csr_rows(values.astype(dtype), columns, starts, n_in)
            for rows in (X, sparse):
                for batch_size in (1, k):
                    m.train(rows, T, 1, layer_sizes=hidden, batch_size=batch_size)
                m.predict(rows)
        m.forward(X)
        m.backward(T)
        m.step(X[0], T[0])
        m.predict(X[:1])
