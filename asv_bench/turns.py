"""The contenders of a row of latency.py: they are checked, and then called by turns."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import starmap

import numpy as np
from agree import STEPS, Check
from floors import Floor
from latency_rows import ONNX, PREDICT, Row
from measure import TIMED
from peers import ours
from peers.caller import Call, Caller, Ours
from peers.contenders import loaded
from peers.peer import Job

PEERS = {
    ONNX: "onnx_peer.OnnxRuntime",
    "mlpfile": "mlpfile_peer.Mlpfile",
    "FANN": "fann_peer.ByRow",
}
CALLS = 200  # in a pass, at most
ALL_ROWS = 10_000  # of a pass, at most


@dataclass
class Turns:
    """Microseconds of a call, turn by turn, for each contender of a row."""

    row: Row
    dtype: str
    job: Job
    of: dict[str, list[float]]

    def median(self, name: str) -> float:
        return float(np.median(self.of[name]))

    def over_wanted(self) -> np.ndarray | None:
        """Return what a call took over what it may take, turn by turn; None if that is unknown."""
        wanted = self.row.wanted
        if wanted is None or (wanted.of and wanted.of not in self.of):
            return None
        other = np.array(self.of[wanted.of]) if wanted.of else 0.0
        return np.array(self.of["mlp_fast"]) / (wanted.times * other + wanted.more)


def job_of(row: Row, dtype: str) -> Job:
    """Return the rows of a pass, and those that the check needs besides."""
    rows = max(rows_of(row.call), STEPS * row.network.batch_size)
    X, T = (array[:rows].astype(dtype) for array in row.data())
    return Job(row.network, ours.initial(row.network.sizes, dtype), X, T)


def rows_of(call: Call) -> int:
    """Return how many rows there are in a pass."""
    return min(CALLS, ALL_ROWS // call.rows) * call.rows


def measured(row: Row, dtype: str, repetitions: int, peers: bool = True) -> Turns:
    """Call all contenders that there are, in another order each turn."""
    job = job_of(row, dtype)
    check = Check(job)
    rows = rows_of(row.call)
    part = replace(job, X=job.X[:rows], T=job.T[:rows])
    found = dict(contenders(row, part, check, peers))
    of: dict[str, list[float]] = {name: [] for name in found}
    for turn in range(repetitions):
        for name in np.random.default_rng(turn).permutation(list(found)):
            of[name].append(microseconds(found[name]))
    return Turns(row, dtype, part, of)


def contenders(row: Row, job: Job, check: Check, peers: bool) -> Iterator[tuple[str, Caller]]:
    """Yield those that can do what is asked, each with its name, when they have been checked."""
    makers = {"mlp_fast": Ours, "floor": Floor}
    for name, place in PEERS.items() if peers else ():
        try:
            makers[name] = loaded(place)
        except NotImplementedError:
            continue
    for name, make in makers.items():
        try:
            yield name, checked(make, job, row.call, check)
        except NotImplementedError:
            continue
    if row.wanted is not None and row.wanted.of == PREDICT:
        yield PREDICT, checked(Ours, job, Call(PREDICT), check)


def checked(make: type[Caller], job: Job, call: Call, check: Check) -> Caller:
    """Return a contender that computes what the reference does, unless it says in what it differs.

    `NotImplementedError` says that it cannot do this, `DisagreementError` that it does it wrong.
    """
    if not call.learns:
        caller = make(job, call)
        if not caller.differs:
            Check(job).answers(caller.answers())
        return caller
    steps = make(check.job, call)
    if not steps.differs:
        steps.train()
        check.weights(steps.weights())
    return make(job, call)


def microseconds(caller: Caller) -> float:
    """Time some passes, each from the initial weights, after a call that is not timed."""
    calls, seconds, told = 0, 0.0, caller.calls
    while calls == 0 or seconds < TIMED:
        if caller.call.learns or calls == 0:
            caller.restore()
            function = caller.function
            function(*told[0])
        started = time.perf_counter()
        deque(starmap(function, told), maxlen=0)
        seconds += time.perf_counter() - started
        calls += len(caller.parts)
    return 1e6 * seconds / calls
