"""What training costs a weight and sample, for networks of any number of weights."""

import dataclasses
import math
from itertools import pairwise

import numpy as np
from judge import median_interval
from measure import Clock, call_seconds
from peers import ours
from peers.job import Job, Network, Run

SMALLEST, PER_DECADE = 1e2, 2
BATCH_SIZES = {"online": 1, "batch 32": 32}
ROWS = 64, 8192  # of the data, at least and at most, ...
VISITS_PER_EPOCH = 2e7  # ... so that so many weights are visited
VISITS, EPOCHS = 3e8, 4  # by the long call beyond the short one, at least: some 0.1 s


@dataclasses.dataclass
class Cost:
    """Nanoseconds a weight and sample, of one network trained in one way."""

    sizes: tuple[int, ...]
    mode: str
    dtype: str
    nanoseconds: list[float] = dataclasses.field(default_factory=list)

    @property
    def weights(self) -> int:
        return sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.sizes))

    @property
    def median(self) -> float:
        return float(np.median(self.nanoseconds))

    @property
    def interval(self) -> tuple[float, float]:
        return median_interval(self.nanoseconds)


def networks(largest: float) -> list[tuple[int, ...]]:
    """Return layers of 4 n, 2 n and n nodes, which have 10 n² + 3 n weights."""
    steps = round(PER_DECADE * math.log10(largest / SMALLEST))
    weights = (SMALLEST * 10 ** (step / PER_DECADE) for step in range(steps + 1))
    return [(4 * n, 2 * n, n) for n in (round(math.sqrt(number / 10)) for number in weights)]


def measured(
    sizes: tuple[int, ...], dtypes: list[str], repetitions: int, clock: Clock
) -> list[Cost]:
    """Time each way of training, in turns, by the difference of a long and a short call.

    So what `train` costs once, however many the epochs, is taken off.
    """
    costs = [Cost(sizes, mode, dtype) for dtype in dtypes for mode in BATCH_SIZES]
    pairs = [_short_and_long(cost) for cost in costs]
    for turn in range(repetitions + 1):
        for cost, (short, long) in zip(costs, pairs, strict=True):
            seconds = call_seconds(long, clock) - call_seconds(short, clock)
            if turn > 0:  # before, it was compiled or loaded
                visits = (long.samples - short.samples) * cost.weights
                cost.nanoseconds.append(1e9 * seconds / visits)
    return costs


def _short_and_long(cost: Cost) -> tuple[Run, Run]:
    rows = int(np.clip(VISITS_PER_EPOCH / cost.weights, *ROWS)) // 32 * 32
    draw = np.random.default_rng(0)
    X = draw.uniform(0.1, 1, (rows, cost.sizes[0])).astype(cost.dtype)  # no input is zero
    T = draw.uniform(0.1, 0.9, (rows, cost.sizes[-1])).astype(cost.dtype)
    network = Network(cost.sizes, learning_rate=0.01, batch_size=BATCH_SIZES[cost.mode])
    short = Job(network, [], X, T)
    epochs = 1 + max(EPOCHS, round(VISITS / (rows * cost.weights)))
    return ours.trainer(short), ours.trainer(dataclasses.replace(short, epochs=epochs))
