"""What calls for one row or a few cost, and what of it is not compiled code: some of latency.py."""

from latency_rows import ROWS
from turns import measured
from workloads import DTYPES

REPETITIONS = 5
NAMES = (
    "predict: 1 row, 8-50-1, tanh, linear",
    "predict: 1 row, 784-100-10, sigmoid, linear",
    "predict_classes: 1 row, 784-300-100-10, sigmoid, softmax",
    "predict: 16 rows, 784-100-10, sigmoid, linear",
    "step: 1 row, 8-50-1, tanh, linear",
    "step: 1 row, 8-50-1, tanh, linear, lists",
    "step: 1 row, 8-50-1, tanh, linear, adam",
    "partial_train: 1 row, 8-50-1, tanh, linear",
    "forward, backward: 1 row, 8-50-1, tanh, linear",
)


class Latency:
    """A call, and its compiled code alone, by turns; peers are left to latency.py."""

    params = (NAMES, DTYPES)
    param_names = ("row", "dtype")
    unit = "µs"

    def setup(self, name: str, dtype: str) -> None:
        row = next(row for row in ROWS if row.name == name)
        self.turns = measured(row, dtype, REPETITIONS, peers=False)

    def track_call(self, name: str, dtype: str) -> float:
        return self.turns.median("mlp_fast")

    def track_beyond_the_compiled_code(self, name: str, dtype: str) -> float:
        return self.turns.median("mlp_fast") - self.turns.median("floor")
