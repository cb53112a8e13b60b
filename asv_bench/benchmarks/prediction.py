"""How fast networks answer: the time of one call, the same work for either implementation."""

import functools
from collections.abc import Callable

import numpy as np

from .workloads import DTYPES, IMPLEMENTATIONS, SHAPES, predictor


@functools.cache  # asv sets up before every sample
def warm_predictor(
    implementation: str, rows: int, shape: str, dtype: str
) -> Callable[[], np.ndarray]:
    """Return what predicts, compiled and called once."""
    predict = predictor(implementation, rows, shape, dtype)
    predict()
    return predict


class Prediction:
    params = ((1, 1000), tuple(SHAPES), DTYPES, IMPLEMENTATIONS)
    param_names = ("rows", "shape", "dtype", "implementation")
    repeat = (100, 1000, 1.0)  # a sample is one call, which may take but microseconds

    def setup(self, rows: int, shape: str, dtype: str, implementation: str) -> None:
        self.predict = warm_predictor(implementation, rows, shape, dtype)

    def time_predict(self, rows: int, shape: str, dtype: str, implementation: str) -> None:
        self.predict()
