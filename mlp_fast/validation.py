"""The boundary: what users hand in becomes C-contiguous arrays of one dtype, or a clear error."""

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from mlp_fast.activations import TANH, Activation
from mlp_fast.kernels.linalg.finite import all_finite, all_within
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout, read_only
from mlp_fast.losses import CROSS_ENTROPY, Loss
from mlp_fast.rows import as_dense, csr_rows, dense_rows, in_order, is_sparse

ONE_HOT = "class labels must be given as one-hot rows: np.eye(n_classes)[labels]"
_DTYPES = {name: np.dtype(name) for name in ("float64", "float32")}
SUM_TOLERANCE = 1e-5  # how far a row of targets that must sum to 1 may be off, in any dtype


def as_rows(X: Any, dtype: str, n_in: int | None = None) -> Rows:
    """Check rows of inputs, which may be sparse; what has the right form is not copied."""
    if isinstance(X, Rows):
        rows = X  # of the package's own
    elif is_sparse(X):
        rows = _sparse_rows("X", X, dtype)
    else:
        rows = dense_rows(_matrix("X", X, dtype))
    if n_in is not None and rows.n != n_in:
        raise ValueError(
            f"X must have {n_in} columns, one for each input of the network; got {rows.n}"
        )
    return rows


def as_inputs(X: Any, dtype: str, n_in: int | None = None) -> Floats:
    """Check rows of inputs; those of a sparse matrix are made dense."""
    return as_dense(as_rows(X, dtype, n_in))


def as_sample(name: str, values: Any, dtype: str, n: int) -> Floats:
    """Check the inputs or the targets of one sample; one target may be a number."""
    if name == "x" and is_sparse(values):
        if values.shape not in ((n,), (1, n)):
            raise ValueError(_wrong_sample(name, n, values.shape))
        return as_dense(_sparse_rows(name, values, dtype)).reshape(n)
    array = _array(name, values)
    if array.ndim == 0 and name == "t":
        array = array.reshape(1)
    if array.shape != (n,):
        raise ValueError(_wrong_sample(name, n, array.shape))
    return read_only(_finite(name, array, dtype))


def _wrong_sample(name: str, n: int, shape: tuple[int, ...]) -> str:
    return f"{name} must have shape ({n},), that of one sample; got {shape}"


def as_targets(T: Any, dtype: str, k: int) -> tuple[Floats, bool]:
    """Check targets, one row for each row of X; return them and whether they were 1-D."""
    raw = _array("T", T)
    vector = raw.ndim == 1
    if vector:
        raw = raw.reshape(-1, 1)
    array = _matrix("T", raw, dtype, shape="(k, n_out) or (k,)")
    if array.shape[0] != k:
        raise ValueError(f"T must have as many rows as X; got {array.shape[0]} and {k}")
    return read_only(array), vector


def check_targets(T: Floats, output: Activation, loss: Loss, name: str = "T") -> None:
    """Check that the network can produce the targets."""
    if not all_within(read_only(T.reshape(-1)), output.low, output.high):
        low, high = float(T.min()), float(T.max())
        outside = low if low < output.low else high
        hint = ""
        if math.isfinite(output.high) and np.all(T == np.round(T)):
            hint = f"; {ONE_HOT}"
        raise ValueError(
            f"{name} must lie in [{output.low:g}, {output.high:g}], the range of "
            f"output_activation={output.name!r}; got {outside:g}{hint}"
        )
    if loss == CROSS_ENTROPY:
        worst = float(np.max(np.abs(T.sum(axis=1, dtype=np.float64) - 1.0)))
        if worst > SUM_TOLERANCE:
            raise ValueError(
                f"each row of {name} must sum to 1 for loss='cross_entropy' (one-hot rows, or "
                f"probabilities); got a row that is {worst:g} off"
            )


def check_classes(T: Floats, output: Activation) -> None:
    """Check that targets name one class in each row."""
    low = -1.0 if output == TANH else 0.0
    ones, others = T == 1.0, (T == 0.0) | (low == T)
    if T.shape[1] == 1:
        if not np.all(ones | (low == T)):
            raise ValueError(
                f"T must be {low:g} or 1 for a confusion matrix of one output; "
                f"got values from {T.min():g} to {T.max():g}"
            )
    elif not (np.all(ones | others) and np.all(ones.sum(axis=1) == 1)):
        raise ValueError(
            f"T must be one-hot rows for a confusion matrix of {T.shape[1]} outputs; {ONE_HOT}"
        )


def check_width(T: Floats, n_out: int) -> None:
    """Check that targets have one column for each output of the network."""
    if T.shape[1] != n_out:
        hint = f"; {ONE_HOT}" if T.shape[1] == 1 else ""
        raise ValueError(
            f"T must have {n_out} columns, one for each output of the network; "
            f"got {T.shape[1]}{hint}"
        )


def as_weights(weights: Any, layout: Layout, dtype: str) -> Floats:
    """Check one array of weights for each layer and pack them into a buffer of their own."""
    if isinstance(weights, np.ndarray):
        weights = [*weights] if weights.ndim == 3 or weights.dtype == object else [weights]
    if not isinstance(weights, Sequence):
        raise TypeError(
            "weights must be a sequence of arrays, one for each layer; "
            f"got {type(weights).__name__}"
        )
    if len(weights) != len(layout.shapes):
        raise ValueError(
            f"weights must hold {len(layout.shapes)} arrays, one for each layer; got {len(weights)}"
        )
    checked = [as_layer_weights(W, l, layout, dtype) for l, W in enumerate(weights)]
    return layout.pack(checked)


def as_layer_weights(W: Any, l: int, layout: Layout, dtype: str) -> Floats:
    """Check the weights of layer l, counted from 0."""
    array = _array(f"weights[{l}]", W)
    if array.shape != layout.shapes[l]:
        raise ValueError(
            f"weights[{l}] must have shape {layout.shapes[l]}, (n_in + 1, n_out); got {array.shape}"
        )
    return _finite(f"weights[{l}]", array, dtype)


def as_indices(orders: Any) -> NDArray[np.int64]:
    """Check the form of orders and copy them, so that they stay as they were handed in."""
    array = _array("orders", orders)
    if array.dtype.kind not in "iu":
        raise ValueError(f"orders must be integers, indices of rows of X; got dtype {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"orders must have shape (epochs, k); got {array.shape}")
    if array.min() < 0 or array.max() >= 2**62:
        raise ValueError(f"orders must be indices of rows of X; got {array.min()} to {array.max()}")
    return np.array(array, np.int64, order="C")


def check_orders(orders: NDArray[np.int64], epochs: int, k: int) -> None:
    """Check that there is one order of the examples for each epoch."""
    if orders.shape != (epochs, k):
        raise ValueError(
            f"orders must have shape (epochs, k) = {(epochs, k)}, a row for each epoch; "
            f"got {orders.shape}"
        )
    for epoch, order in enumerate(orders):
        if order.max() >= k or np.any(np.bincount(order, minlength=k) != 1):
            raise ValueError(
                f"each row of orders must hold every index from 0 to {k - 1} once; "
                f"row {epoch} does not"
            )


def _sparse_rows(name: str, values: Any, dtype: str) -> Rows:
    """Check a sparse matrix, which is never changed."""
    if values.format != "csr":
        raise TypeError(
            f"{name} must be an array, or CSR if it is sparse; got {values.format.upper()}: "
            f"convert it by {name}.tocsr()"
        )
    shape, numbers = values.shape, np.asarray(values.data)
    if numbers.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers; got dtype {numbers.dtype}")
    if name == "x" and len(shape) == 1:
        shape = (1, *shape)
    if len(shape) != 2:
        raise ValueError(f"{name} must be 2-D, of shape (k, n_in); got shape {shape}")
    if 0 in shape:
        raise ValueError(f"{name} must not be empty; got shape {shape}")
    try:
        columns, starts, numbers = in_order(
            numbers, np.asarray(values.indices), np.asarray(values.indptr), shape
        )
    except ValueError as error:
        raise ValueError(f"{name} is no valid CSR matrix: {error}") from None
    converted = _converted(numbers, dtype)
    if not all_finite(converted):
        i = int(np.argmin(np.isfinite(converted)))
        row = int(np.searchsorted(starts, i, side="right")) - 1
        _raise_not_finite(name, numbers[i], (row, int(columns[i])), dtype)
    return csr_rows(converted, columns, starts, shape[1])


def _array(name: str, values: Any) -> NDArray[Any]:
    """Make an array of real numbers, of any shape but an empty one."""
    if is_sparse(values):
        raise TypeError(f"{name} must not be sparse here: convert it by {name}.toarray()")
    rows = values if isinstance(values, list | tuple) else [values]
    if any(isinstance(row, np.ma.MaskedArray) for row in [values, *rows]):
        raise TypeError(
            f"{name} must not be a masked array, whose mask would be lost; "
            "fill it or drop the masked rows first"
        )
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be rectangular, its rows of one length") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name} must not be empty; got shape {array.shape}")
    return array


def _matrix(name: str, values: Any, dtype: str, shape: str = "(k, n_in)") -> Floats:
    array = _array(name, values)
    if array.ndim != 2:
        raise ValueError(f"{name} must be 2-D, of shape {shape}; got shape {array.shape}")
    return _finite(name, array, dtype)


def _finite(name: str, array: NDArray[Any], dtype: str) -> Floats:
    """Convert to the dtype and C order, without a copy where neither changes."""
    converted = _converted(array, dtype)
    if not all_finite(read_only(converted.reshape(-1))):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(converted))[0])
        _raise_not_finite(name, array[where], where, dtype)
    return converted


def _converted(array: NDArray[Any], dtype: str) -> Floats:
    converted: Floats = array
    if array.dtype is not _DTYPES[dtype] or not (array.flags.c_contiguous and array.flags.aligned):
        with np.errstate(over="ignore"):  # what becomes infinite is reported by name
            converted = np.require(array, dtype, ["C", "A"])
    return read_only(converted)


def _raise_not_finite(name: str, value: Any, where: tuple[int, ...], dtype: str) -> NoReturn:
    became = f", which is infinite as {dtype}" if np.isfinite(value) else ""
    raise ValueError(f"{name} must be finite; got {value!s}{became} at {where}")
