"""Check orders: for each epoch, the sequence in which it takes the examples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import as_array


def as_orders(orders: Any) -> NDArray[np.int64]:
    """Check dtype, shape and range of orders; copy them, so that the caller cannot change them."""
    array = as_array("orders", orders)
    if array.dtype.kind not in "iu":
        raise ValueError(f"orders must be integers, indices of rows of X; got dtype {array.dtype}")
    if array.ndim != 2:
        raise ValueError(f"orders must have shape (epochs, k); got {array.shape}")
    if array.min() < 0 or array.max() >= 2**62:
        raise ValueError(f"orders must be indices of rows of X; got {array.min()} to {array.max()}")
    return np.array(array, np.int64, order="C")


def check_orders(orders: NDArray[np.int64], epochs: int, k: int) -> None:
    """Check that there is one permutation of the k examples for each epoch."""
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
