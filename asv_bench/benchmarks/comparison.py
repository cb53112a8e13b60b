"""Every row of the comparison, contender by contender: how each changes from commit to commit.

For ratios, table.py measures the same in one process, with contenders taking turns.
"""

import statistics
import time

from agree import Check
from measure import job_of, prepared, samples_per_second
from peers import ours
from peers.contenders import CONTENDERS, makers
from workloads import DTYPES, ROWS, MissingError

REPETITIONS = 5


class _Rows:
    param_names = ("row", "dtype", "contender")
    unit = "samples/s"
    timeout = 600.0

    def setup(self, name: str, dtype: str, contender: str) -> None:
        row = next(row for row in ROWS if row.name == name)
        makers(row.kind, contender)  # skip what is not installed before data is drawn
        try:
            job = job_of(row, dtype, ours.initial)
        except MissingError as reason:
            raise NotImplementedError(reason) from reason
        self.run = prepared(row, contender, Check(job), time.perf_counter)

    def track_samples_per_second(self, name: str, dtype: str, contender: str) -> int:
        turns = [samples_per_second(self.run, time.perf_counter) for _ in range(REPETITIONS)]
        return round(statistics.median(turns))


def _params(kind: str) -> tuple[list[str], tuple[str, ...], list[str]]:
    return [row.name for row in ROWS if row.kind == kind], DTYPES, list(CONTENDERS[kind])


class Online(_Rows):
    params = _params("online")


class Batch(_Rows):
    params = _params("batch")


class Predict(_Rows):
    params = _params("predict")


class Step(_Rows):
    params = _params("step")


class Shuffled(_Rows):
    params = _params("shuffled")
