"""Two networks trained in two Python threads, beside one alone: kernels hold no lock."""

import math
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from .training import warm_trainer
from .workloads import BATCH_SIZES

PAIRS = 5
SECONDS = 0.2  # of each thread
SHAPE, DTYPE = "64-128-10", "float32"


class Threads:
    """The median ratio of pairs: 1 if they share nothing, 2 if one waits, or a core is busy."""

    params = tuple(BATCH_SIZES)
    param_names = ("mode",)
    unit = "times the time of one"

    def setup(self, mode: str) -> None:
        if hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < 2:
            raise NotImplementedError("two threads need two cores")
        self.train = warm_trainer("mlp_fast", mode, SHAPE, DTYPE)
        started = time.perf_counter()
        self.train()
        self.calls = math.ceil(SECONDS / (time.perf_counter() - started))

    def track_two_beside_one(self, mode: str) -> float:
        with ThreadPoolExecutor(2) as pool:
            ratios = [self._seconds(pool, 2) / self._seconds(pool, 1) for _ in range(PAIRS)]
        return statistics.median(ratios)

    def _seconds(self, pool: ThreadPoolExecutor, threads: int) -> float:
        started = time.perf_counter()
        for done in [pool.submit(self._calls) for _ in range(threads)]:
            done.result()
        return time.perf_counter() - started

    def _calls(self) -> None:
        for _ in range(self.calls):
            self.train()
