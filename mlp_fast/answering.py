"""Fast answers to ordinary rows, without the checks and buffers of the general path."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import read_only
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.network.answer import LARGEST, VALUES
from mlp_fast.kernels.network.forward_batch import ROWS
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout
from mlp_fast.paths import Path, only_path

Answering = Callable[[Any], NDArray[Any] | None]
Buffers = tuple[Floats, NDArray[np.int64]]

ROW, ALL_ROWS = only_path("predict"), only_path("recall")
FEW_ROWS = 16  # that a buffer has room for, at least
LARGEST_KEPT = 2**22  # bytes of a buffer: those that are larger are made for each call
INTEGER_BYTES = np.dtype(np.int64).itemsize


def answering(layout: Layout, theta: Floats, form: int, vector: bool) -> Answering:
    """Return a function that answers rows in a form of answer.py, 1-D if `vector`.

    It returns None for anything out of the ordinary, which the general path then handles. What
    remains, a C-contiguous matrix of the network's dtype, has the one type that the kernels are
    compiled for. So their machine code is called directly, and everything it needs is a closure
    variable, not an attribute. This takes two thirds of the time of a single row.

    Threads may call it at the same time: each call has buffers of its own, which it takes from a
    pool and returns to it.
    """
    dtype, integers = layout.dtype, form != VALUES
    columns = layout.sizes[-1] if form <= LARGEST else 1
    if integers:
        columns *= INTEGER_BYTES // dtype.itemsize
    ndarray, empty, int64, of_one_row = np.ndarray, np.empty, np.int64, (1, columns)
    (n_buffer, n_listed), (per_row, n_columns) = (
        path.buffers(layout.shape) for path in (ROW, ALL_ROWS)
    )
    fixed: Any = *layout.network(theta), form
    no_buffers, none_needed = (empty(0, dtype), empty(0, int64)), not n_buffer and not n_listed
    pool: list[Buffers] = []
    call: Any = None
    call_many: Any = None

    def answer(X: Any) -> NDArray[Any] | None:
        nonlocal call, call_many
        if not (type(X) is ndarray and X.dtype == dtype and X.ndim == 2):
            return None
        flags = X.flags
        if not (flags.carray or (flags.c_contiguous and flags.aligned)):
            return None
        k = len(X)
        if k == 1:
            if call is None:
                call = entry_of(ROW, *(no_buffers if none_needed else ()))
            out = empty(of_one_row, dtype)
            if none_needed:
                finite = call(X, out)
            else:
                finite = call(empty(n_buffer, dtype), empty(n_listed, int64), X, out)
        elif k == 0:
            return None
        else:
            if call_many is None:
                call_many = entry_of(ALL_ROWS)
            out, buffers = empty((k, columns), dtype), take(k)
            finite = call_many(*buffers, X, out)
            if buffers[0].nbytes <= LARGEST_KEPT:
                pool.append(buffers)
        if not finite:
            return None
        if integers:
            out = out.view(int64)
        return out[:, 0] if vector else out

    def take(k: int) -> Buffers:
        """Return buffers for k rows, or for as many as are taken at a time."""
        needed = per_row * (k if k < ROWS else ROWS)
        try:
            buffers = pool.pop()
        except IndexError:
            pass
        else:
            if buffers[0].size >= needed:
                return buffers
        rows = min(ROWS, max(FEW_ROWS, 1 << (k - 1).bit_length()))
        return aligned(per_row * rows, dtype), empty(n_columns, int64)

    def entry_of(path: Path, *buffers: Any) -> Any:
        """Return the machine code of a path, to be called with what is not fixed."""
        X, out = read_only(empty((1, 1), dtype)), empty(of_one_row, dtype)
        code = path.entry(dtype, *fixed, *no_buffers, X, out)
        return partial(code, *fixed, *buffers)

    return answer


def recalling(layout: Layout, X: Floats) -> Callable[[Floats], Floats]:
    """Return a function of the weights: the outputs for these checked rows, always in one array."""
    out: Floats = np.empty((X.shape[0], layout.sizes[-1]), layout.dtype)
    buffers = _buffers(layout, X.shape[0])

    def outputs(theta: Floats) -> Floats:
        _recall(layout, theta, buffers, X, out)
        return out

    return outputs


def outputs_in_parts(layout: Layout, theta: Floats, X: Floats) -> Iterator[list[Floats]]:
    """Recall part after part of checked rows; return views of the outputs of each layer."""
    k, shape = X.shape[0], layout.shape
    buffers, capacity = _buffers(layout, k), min(k, ROWS)
    out: Floats = np.empty((capacity, layout.sizes[-1]), layout.dtype)
    for start in range(0, k, capacity):
        some = X[start : start + capacity]
        _recall(layout, theta, buffers, some, out)
        views, end = [], buffers[0].size
        for n, width in zip(shape.sizes[:0:-1], shape.widths[:0:-1], strict=True):
            begin = end - capacity * width
            views.append(buffers[0][begin:end].reshape(capacity, width)[: len(some), :n])
            end = begin
        yield views[::-1]


def _buffers(layout: Layout, k: int) -> Buffers:
    """Return buffers for k rows, or for as many as are taken at a time."""
    per_row, n_columns = ALL_ROWS.buffers(layout.shape)
    return aligned(per_row * min(k, ROWS), layout.dtype), np.empty(n_columns, np.int64)


def _recall(layout: Layout, theta: Floats, buffers: Buffers, X: Floats, out: Floats) -> None:
    """Write the outputs of checked rows."""
    arguments = *layout.network(theta), VALUES, *buffers, X, out
    ALL_ROWS.entry(layout.dtype, *arguments)(*arguments)
