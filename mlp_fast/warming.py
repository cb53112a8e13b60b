"""Compiling ahead, for those who bake images."""

from collections.abc import Sequence

from mlp_fast.mlp import MLP
from mlp_fast.settings import DTYPES


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
    networks = [MLP(dtype=dtype, layer_sizes=1) for dtype in dtypes]  # all checked, then compiled
    X, T = [[0.0], [1.0]], [0.0, 1.0]
    for m in networks:
        for batch_size in (1, 2):
            m.train(X, T, 1, batch_size=batch_size)
        m.forward(X)
        m.backward(T)
        m.step(X[0], T[0])
        m.predict(X)
