"""Shuffle the examples afresh for each epoch."""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel
from mlp_fast.kernels.network.arguments import Data, Learning, Rule

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@inner_kernel
def mix(z: np.uint64) -> np.uint64:
    """Scramble 64 bits (the output function of SplitMix64: Steele, Lea and Flood, 2014)."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inner_kernel
def permute(order: NDArray[np.int64], key: int, epoch: int) -> None:
    """Write a Fisher-Yates shuffle that depends on nothing but key and epoch."""
    state = mix(np.uint64(key) + mix(np.uint64(epoch) + _GOLDEN))
    for i in range(order.size):
        order[i] = i
    for i in range(order.size - 1, 0, -1):
        state += _GOLDEN
        # 53 random bits as a fraction below 1: times i + 1, it never rounds up to i + 1
        j = np.int64(np.float64(mix(state) >> np.uint64(11)) * 2.0**-53 * (i + 1))
        order[i], order[j] = order[j], order[i]


@inlined
def order_of(epoch: int, begins: bool, data: Data, rule: Rule | Learning) -> NDArray[np.int64]:
    """Return the order of an epoch's samples; a shuffled one is drawn when the epoch begins."""
    order: NDArray[np.int64] = data.orders[epoch % data.orders.shape[0]]
    if rule.shuffle and begins:
        permute(order, rule.key, rule.epoch + epoch)
    return order
