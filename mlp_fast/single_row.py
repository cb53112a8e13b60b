"""Fast prediction of a single row, without the checks and buffers of the general path."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.activations import SIGMOID, SOFTMAX, Activation
from mlp_fast.kernels.network.recall_row import CLASSES, LARGEST, VALUES
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout
from mlp_fast.paths import only_path

Answering = Callable[[Any], NDArray[Any] | None]

PATH = only_path("predict")
FORMS = {SIGMOID: CLASSES, SOFTMAX: LARGEST}
INTEGER_BYTES = np.dtype(np.int64).itemsize


def answering(layout: Layout, theta: Floats, output: Activation, vector: bool) -> Answering:
    """Return a function that predicts a single row, in the form of the targets.

    It returns None for anything out of the ordinary, which the general path then handles. What
    remains, a writeable C-contiguous matrix of the network's dtype, has the one type that the
    kernel is compiled for. So its machine code is called directly, and everything it needs is a
    closure variable, not an attribute. This takes two thirds of the time.
    """
    form, dtype = FORMS.get(output, VALUES), layout.dtype
    (n_buffer, n_listed), integers = PATH.buffers(layout.shape), form != VALUES
    width = INTEGER_BYTES // dtype.itemsize if integers else 1
    shape = 1, width * layout.sizes[-1]
    ndarray, empty, int64 = np.ndarray, np.empty, np.int64
    fixed: Any = *layout.network(theta), form
    buffers = not n_buffer and not n_listed and (empty(0, dtype), empty(0, int64))
    call: Any = None

    def answer(X: Any) -> NDArray[Any] | None:
        nonlocal call
        if not (type(X) is ndarray and X.dtype == dtype and X.ndim == 2 and X.flags.carray):
            return None
        out = empty(shape, dtype)
        if call is None:
            entry = PATH.entry(dtype, *fixed, *(buffers or new_buffers()), X, out)
            call = partial(entry, *fixed, *(buffers or ()))  # assigned last: other threads read it
        # every call has its own buffers, because other threads may predict at the same time
        finite = call(X, out) if buffers else call(*new_buffers(), X, out)
        if not finite:
            return None
        if integers:
            out = out.view(int64)
        return out[:, 0] if vector else out

    def new_buffers() -> tuple[Floats, NDArray[np.int64]]:
        return empty(n_buffer, dtype), empty(n_listed, int64)

    return answer
