"""Initial weights, by default as in (57), with the same random draws as the tutorial's code 2.6."""

import functools
import threading
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.network.initial import INITIALISATIONS, place_draws
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout
from mlp_fast.options import LARGEST_SEED

InitialisationName = Literal["tutorial", "glorot", "he"]
"""The names in signatures; tests hold them and `INITIALISATIONS` together."""


def initial_theta(layout: Layout, initialisation: str, random_state: int) -> Floats:
    """Return a new buffer of weights, drawn in float64 from a generator seeded for them alone."""
    generator, theta = _generator(), layout.new_theta()
    generator.seed(random_state)
    draws = generator.random_sample(layout.shape.n_weights)
    place_draws(draws, theta, layout.layers, _bounds(initialisation, layout.sizes))
    return theta


@functools.lru_cache(maxsize=64)  # short trainings begin with it
def _bounds(initialisation: str, sizes: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the bounds of each layer's biases and of its other weights."""
    way = INITIALISATIONS[initialisation]
    bounds = [way.bound(n_in, n_out) for n_in, n_out in pairwise(sizes)]
    return np.array([(bound if way.draws_biases else 0.0, bound) for bound in bounds])


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


@functools.lru_cache(maxsize=64)  # a seed sequence takes as long as training a small network
def shuffle_key(random_state: int) -> int:
    """Return the key of the random stream for shuffling, independent of that of the weights."""
    stream = np.random.SeedSequence(random_state, spawn_key=(1,))
    return int(stream.generate_state(1, np.uint64)[0] >> np.uint64(1))  # 63 bits: an int64
