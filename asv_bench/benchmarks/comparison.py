"""Every row of the comparison, contender by contender: how each changes from commit to commit.

For ratios, table.py measures the same in one process, with contenders taking turns.
"""

import statistics

from agree import Check, loss
from measure import job_of, prepared
from peers.contenders import CONTENDERS, contender
from workloads import DTYPES, ROWS

REPETITIONS = 5


class _Contender:
    param_names = ("row", "dtype", "contender")
    timeout = 600.0

    def setup(self, name: str, dtype: str, peer: str) -> None:
        row = next(row for row in ROWS if row.name == name)
        contender(row.kind, peer)  # skips what is not installed before data is drawn
        self.job = job_of(row, dtype)
        self.run = prepared(row, peer, Check(self.job))

    def track_samples_per_second(self, *_: str) -> int:
        return round(statistics.median(self.run.samples_per_second() for _ in range(REPETITIONS)))

    track_samples_per_second.unit = "samples/s"

    def track_loss(self, *_: str) -> float:
        """A change that breaks learning shows here."""
        return loss(self.run.peer, self.job)


for _kind, _contenders in CONTENDERS.items():  # each a class: Online, Batch, Predict, ...
    _rows = [row.name for row in ROWS if row.kind == _kind]
    _params = {"params": (_rows, DTYPES, list(_contenders)), "__module__": __name__}
    globals()[_kind.title()] = type(_kind.title(), (_Contender,), _params)
