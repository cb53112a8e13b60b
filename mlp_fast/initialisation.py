"""Initial weights within ±1/√n (57), from the very draws of the tutorial's code 2.6."""

import math
import secrets
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mlp_fast.settings import LARGEST_SEED


def initial_weights(sizes: Sequence[int], random_state: int) -> Iterator[NDArray[np.float64]]:
    """Draw the weights of each layer, in float64, from a legacy generator of their own."""
    generator = _generator.of_thread
    generator.seed(random_state)
    draws = [generator.random_sample((n_in + 1, n_out)) for n_in, n_out in pairwise(sizes)]
    for W, n_in in zip(draws, sizes, strict=False):
        bound = math.sqrt(n_in)
        yield W * (2 / bound) - 1 / bound


class _Generator(threading.local):
    """A legacy generator for each thread, since making one takes longer than small trainings."""

    def __init__(self) -> None:
        self.of_thread = np.random.RandomState(0)


_generator = _Generator()


def fresh_seed() -> int:
    """Return a seed from the system's entropy."""
    return secrets.randbelow(LARGEST_SEED + 1)


def shuffle_key(random_state: int) -> int:
    """Return the key of the stream that orders are drawn from, apart from that of the weights."""
    stream = np.random.SeedSequence(random_state, spawn_key=(1,))
    return int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))  # 63 bits: an int64
