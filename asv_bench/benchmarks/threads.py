"""Two networks trained in two Python threads, beside one alone: kernels hold no lock."""

import dataclasses
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from measure import job_of
from peers.ours import Training
from workloads import ROWS

PAIRS = 5
LONGER = 8  # times the epochs of the row: some 0.2 s


class Threads:
    """The median ratio of pairs: 1 if they share nothing, 2 if one waits, or a core is busy."""

    params = (
        "train one sample at a time: 64-128-10",
        "train in batches: 32 rows, 8-50-1, tanh, linear output",
    )
    param_names = ("row",)
    unit = "times the time of one"

    def setup(self, name: str) -> None:
        if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < 2:
            raise NotImplementedError("two threads need two cores")
        job = job_of(next(row for row in ROWS if row.name == name), "float32")
        job = dataclasses.replace(job, epochs=LONGER * job.epochs)
        self.peers = Training(job), Training(job)
        self.peers[0].train()  # compiled

    def track_two_beside_one(self, name: str) -> float:
        with ThreadPoolExecutor(2) as pool:
            ratios = [self._seconds(pool, 2) / self._seconds(pool, 1) for _ in range(PAIRS)]
        return statistics.median(ratios)

    def _seconds(self, pool: ThreadPoolExecutor, threads: int) -> float:
        started = time.perf_counter()
        list(pool.map(Training.train, self.peers[:threads]))
        return time.perf_counter() - started
