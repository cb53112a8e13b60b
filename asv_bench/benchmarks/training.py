"""How fast networks are trained, by one call of the public API."""

import functools
import statistics
import time
from collections.abc import Callable

from .workloads import BATCH_SIZES, DTYPES, IMPLEMENTATIONS, ROWS, SHAPES, trainer

REPETITIONS = 5
EPOCHS = {  # of a call: some 50 to 100 ms of mlp_fast
    "2-2-1": {"online": 200, "mini_batch": 400, "full_batch": 500},
    "8-50-1": {"online": 80, "mini_batch": 150, "full_batch": 150},
    "64-128-10": {"online": 15, "mini_batch": 40, "full_batch": 40},
    "784-100-10": {"online": 4, "mini_batch": 8, "full_batch": 8},
}
NUMPY_DIVISORS = {"online": 100, "mini_batch": 4, "full_batch": 2}  # NumPy does fewer epochs


def call_epochs(implementation: str, mode: str, shape: str) -> int:
    """Return how many epochs one call trains."""
    epochs = EPOCHS[shape][mode]
    return epochs if implementation == "mlp_fast" else max(1, epochs // NUMPY_DIVISORS[mode])


@functools.cache  # asv sets up before every sample
def warm_trainer(implementation: str, mode: str, shape: str, dtype: str) -> Callable[[], float]:
    """Return what trains, compiled and called once."""
    train = trainer(implementation, mode, shape, dtype, call_epochs(implementation, mode, shape))
    train()
    return train


class Training:
    """Samples a second, the median of some calls: NumPy's calls are shorter, but comparable."""

    params = (tuple(BATCH_SIZES), tuple(SHAPES), DTYPES, IMPLEMENTATIONS)
    param_names = ("mode", "shape", "dtype", "implementation")
    unit = "samples/s"

    def setup(self, mode: str, shape: str, dtype: str, implementation: str) -> None:
        self.train = warm_trainer(implementation, mode, shape, dtype)

    def track_samples_per_second(
        self, mode: str, shape: str, dtype: str, implementation: str
    ) -> int:
        seconds = []
        for _ in range(REPETITIONS):
            started = time.perf_counter()
            self.train()
            seconds.append(time.perf_counter() - started)
        samples = ROWS * call_epochs(implementation, mode, shape)
        return round(samples / statistics.median(seconds))


class TrainingTime:
    """One call of `MLP.train`, by asv's own statistics, which tell a change from noise."""

    params = (tuple(BATCH_SIZES), tuple(SHAPES), DTYPES)
    param_names = ("mode", "shape", "dtype")

    def setup(self, mode: str, shape: str, dtype: str) -> None:
        self.train = warm_trainer("mlp_fast", mode, shape, dtype)

    def time_train(self, mode: str, shape: str, dtype: str) -> None:
        self.train()
