"""Contenders side by side: each is checked, given a size for its speed, and timed in turns."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from agree import Check, DisagreementError, loss
from judge import Outcome, Result
from peers import ours
from peers.contenders import CONTENDERS, contender
from peers.peer import Job, Peer
from workloads import Row

ENOUGH = 2.0  # times as many samples make another try worth it
SECONDS = 0.12  # of a call at most; slow contenders take fewer samples
TIMED = 0.02  # seconds that are timed in each turn, at least


@dataclass
class Run:
    """A contender, and the call of it that is timed."""

    peer: Peer
    call: Callable[[], object]

    @property
    def samples(self) -> int:
        return self.peer.job.samples

    def seconds(self) -> float:
        """Time one call from the initial weights."""
        self.peer.restore()
        started = time.perf_counter()
        self.call()
        return time.perf_counter() - started

    def samples_per_second(self) -> float:
        """Time some calls."""
        calls, seconds = 0, 0.0
        while seconds < TIMED:
            seconds += self.seconds()
            calls += 1
        return calls * self.samples / seconds


def job_of(row: Row, dtype: str) -> Job:
    """Return what all contenders of a row are given."""
    X, T = row.data()
    size = row.network.batch_size
    rows = (row.rows or len(T)) // size * size  # whole batches, for JAX
    X, T = X[:rows].astype(dtype), T[:rows].astype(dtype)
    return Job(row.network, ours.initial(row.network.sizes, dtype), X, T, row.epochs)


def compare(row: Row, dtype: str, repetitions: int) -> Outcome:
    """Prepare, then time, all contenders of a row, in another order each turn."""
    job = job_of(row, dtype)
    check, runs, missing = Check(job), {}, []
    for name in CONTENDERS[row.kind]:
        try:
            runs[name] = prepared(row, name, check)
        except (NotImplementedError, DisagreementError) as reason:
            missing.append(f"{name}: {reason}")
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repetitions):
        # at random, so that none always comes after the same other
        for name in np.random.default_rng(turn).permutation(list(runs)):
            speeds[name].append(runs[name].samples_per_second())
    results = []
    for name, run in runs.items():
        reached = None if row.kind == "predict" else loss(run.peer, job)
        samples = min(run.samples, job.samples)
        results.append(Result(name, speeds[name], samples, reached, run.peer.differs))
    return Outcome(row, dtype, job.samples, results, missing)


def prepared(row: Row, name: str, check: Check) -> Run:
    """Return a contender's run, which was checked and called.

    `NotImplementedError` says that it is not installed or cannot do this, `DisagreementError` that
    it computes something else.
    """
    make, whole = contender(row.kind, name), check.whole
    if row.kind == "predict":
        peer = make(whole)
        peer.restore()
        peer.restore = _nothing  # no answer changes the weights
        answers = peer.predict()
        if not peer.differs:
            check.answers(answers)
        return Run(peer, peer.ask)
    run = _called(make(check.job))
    if not run.peer.differs:
        check.weights(run.peer.weights())
    while not name.startswith("mlp_fast") and run.samples < whole.samples:
        samples = round(SECONDS * run.samples / run.seconds())
        if samples >= whole.samples:
            break
        if samples < ENOUGH * run.samples:  # the first estimate is mostly what a call costs
            return run
        run = _called(make(whole.part(samples)))
    return _called(make(whole))


def _nothing() -> None:
    pass


def _called(peer: Peer) -> Run:
    """Return a run of which all is compiled."""
    run = Run(peer, peer.train)
    run.seconds()
    return run
