"""Initial weights within ±1/√n (57), with the same random draws as the tutorial's code 2.6."""

import math
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mlp_fast.options import LARGEST_SEED


def initial_weights(sizes: Sequence[int], random_state: int) -> Iterator[NDArray[np.float64]]:
    """Draw each layer's weights in float64, from a legacy generator seeded for them alone."""
    generator = _generator()
    generator.seed(random_state)
    draws = [generator.random_sample((n_in + 1, n_out)) for n_in, n_out in pairwise(sizes)]
    for W, n_in in zip(draws, sizes, strict=False):
        bound = math.sqrt(n_in)
        W *= 2 / bound  # in place: a large layer has many weights
        W -= 1 / bound
        yield W


_of_thread = threading.local()


def _generator() -> np.random.RandomState:
    """Return this thread's generator; making one takes longer than training a small network."""
    try:
        generator: np.random.RandomState = _of_thread.generator
    except AttributeError:  # first use in this thread; not at import, which would load numpy.random
        generator = _of_thread.generator = np.random.RandomState(0)
    return generator


def fresh_seed() -> int:
    """Return a seed from the system's entropy."""
    import secrets  # slow to import

    return secrets.randbelow(LARGEST_SEED + 1)


def shuffle_key(random_state: int) -> int:
    """Return the key of the random stream for shuffling, independent of that of the weights."""
    stream = np.random.SeedSequence(random_state, spawn_key=(1,))
    return int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))  # 63 bits: an int64
