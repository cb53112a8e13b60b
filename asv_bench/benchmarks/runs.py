"""What validation, patience, callbacks, checkpoints and chunks cost beside plain training.

Each figure is a ratio of medians of turns in one process. What is compared does the same training:
the weights that it ends at are compared to the bit.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from data import mnist

from mlp_fast import MLP

Call = Callable[[], MLP]

OPTIONS = {"layer_sizes": (100,), "output_activation": "softmax", "loss": "cross_entropy"}
TURNS = 5
VALIDATED = {  # sizes, output activation and loss
    "784-100-10": ((784, 100, 10), "softmax", "cross_entropy"),
    "8-50-1": ((8, 50, 1), "linear", "squared_error"),
    "20-100": ((20, 100), "sigmoid", "binary_cross_entropy"),
}


def medians(*calls: Call, turns: int = TURNS, alike: bool = True) -> list[float]:
    """Return the median seconds of calls that are made by turns, after one that is not timed."""
    seconds: list[list[float]] = [[] for _ in calls]
    trained = [call() for call in calls]
    if alike and len({m.weights[-1].tobytes() for m in trained}) > 1:
        losses = [float(m.loss_curve_[-1]) for m in trained]
        raise AssertionError(f"these are not the same trainings: they end at losses of {losses}")
    del trained
    for _ in range(turns):
        for call, taken in zip(calls, seconds, strict=True):
            begun = time.perf_counter()
            call()
            taken.append(time.perf_counter() - begun)
    return [statistics.median(taken) for taken in seconds]


class Mnist:
    """Trainings of 784-100-10 on all of MNIST."""

    params = ((1, 32), ("float32",))
    param_names = ("batch_size", "dtype")
    timeout = 1200

    def setup(self, batch_size: int, dtype: str) -> None:
        X, T = mnist(60_000)
        self.X, self.T = X.astype(dtype), T.astype(dtype)
        self.options = {**OPTIONS, "batch_size": batch_size, "dtype": dtype}
        self.options["learning_rate"] = 0.005 * batch_size**0.5

    def train(self, epochs: int, **told) -> Call:
        m = MLP(**self.options)
        return lambda: m.train(self.X, self.T, epochs, **told)


class Between(Mnist):
    """The speed of ten epochs with something to do between, beside that without: at least 0.97."""

    unit = "of the speed without"

    def speed(self, **told) -> float:
        plain, other = medians(self.train(10), self.train(10, **told), turns=3)
        return plain / other

    def track_patience(self, batch_size: int, dtype: str) -> float:
        return self.speed(patience=10)

    def track_callback(self, batch_size: int, dtype: str) -> float:
        return self.speed(callback=lambda epoch, network, logs: False)

    def track_checkpoint_every_ten_epochs(self, batch_size: int, dtype: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            return self.speed(checkpoint=Path(folder, "m"), checkpoint_every=10)


class Chunks(Mnist):
    """The speed by chunks of 10,000 rows of a file in memory, beside one array: 0.95 or more.

    Nothing is shuffled, and no batch spans two chunks, so that both take the same steps.
    """

    params = ((1, 40), ("float32",))
    unit = "of the speed of one array"

    def track_chunks(self, batch_size: int, dtype: str) -> float:
        n = self.X.shape[1]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "rows")
            self.X.tofile(path)
            rows, T = np.memmap(path, dtype, "r").reshape(-1, n), self.T
            chunks = [(rows[i : i + 10_000], T[i : i + 10_000]) for i in range(0, len(T), 10_000)]
            self.options["shuffle"] = False
            m = MLP(**self.options)
            whole, pieces = medians(self.train(3), lambda: m.train(chunks, epochs=3))
        return whole / pieces


class Validation:
    """What validation adds to an epoch, in calls of `predict` on the same rows: at most 1.1."""

    params = (tuple(VALIDATED), ("float64", "float32"))
    param_names = ("network", "dtype")
    unit = "of a predict"

    def track_validation(self, network: str, dtype: str) -> float:
        sizes, output, loss = VALIDATED[network]
        draw = np.random.default_rng(0)
        X = draw.random((10_000, sizes[0]), dtype)
        T = np.eye(sizes[-1], dtype=dtype)[draw.integers(sizes[-1], size=10_000)]
        few, options = (X[:10], T[:10]), {"output_activation": output, "loss": loss, "dtype": dtype}
        m = MLP(sizes[1:-1], **options).train(*few, 1)

        def predict() -> MLP:
            m.predict(X)
            return m

        def epochs(n: int, **told) -> float:
            """Return the seconds that n epochs take more than one, in which rows are checked."""
            one, more = medians(
                lambda: m.train(*few, 1, **told),
                lambda: m.train(*few, 1 + n, **told),
                turns=11,
                alike=False,
            )
            return more - one

        (predicted,) = medians(predict, turns=51)
        return (epochs(10, validation=(X, T)) - epochs(10)) / 10 / predicted


class Resume:
    """Seconds that `resume` of one epoch takes more than `train` of one: at most 20 µs."""

    params = (1, None)
    param_names = ("batch_size",)
    unit = "µs"

    def track_resume_beyond_train(self, batch_size: int | None) -> float:
        X, T = np.eye(2)[[0, 0, 1, 1]], np.array([[0.0], [1], [1], [0]])
        m = MLP(2, batch_size=batch_size)
        m.train(X, T, 1)

        def seconds(call: Callable[..., MLP]) -> float:
            begun = time.perf_counter()
            for _ in range(1000):
                call(X, T, 1)
            return (time.perf_counter() - begun) / 1000

        seconds(m.train), seconds(m.resume)
        trained = [seconds(m.train) for _ in range(TURNS)]
        resumed = [
            seconds(MLP(2, batch_size=batch_size).train(X, T, 1).resume) for _ in range(TURNS)
        ]
        return 1e6 * (statistics.median(resumed) - statistics.median(trained))
