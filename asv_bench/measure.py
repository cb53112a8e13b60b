"""Contenders side by side: each is checked, given a size for its speed, and timed in turns."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from agree import Check, DisagreementError, reference
from judge import Outcome, Result
from peers.contenders import CONTENDERS, Maker, makers
from peers.job import Array, Job, Run
from workloads import Row

TRIED_SAMPLES = 1000  # by each variant of a contender
ENOUGH = 2.0  # times as many samples make another try worth it
SECONDS = 0.12  # of a call at most; slow contenders take fewer samples
TIMED = 0.02  # seconds that are timed in each turn, at least
LOSS_ROWS = 2000  # on which the loss that each reached is measured

Clock = Callable[[], float]


def job_of(row: Row, dtype: str, initial: Callable[[tuple[int, ...], str], list[Array]]) -> Job:
    """Return what all contenders of a row are given."""
    X, T = (np.ascontiguousarray(array[: row.rows], dtype) for array in row.data())
    return Job(row.network, initial(row.network.sizes, dtype), X, T, row.epochs)


def compare(row: Row, job: Job, repetitions: int, clock: Clock) -> Outcome:
    """Prepare, then time, all contenders of a row, in another order each turn."""
    check, runs, missing = Check(job), {}, []
    for name in CONTENDERS[row.kind]:
        try:
            runs[name] = prepared(row, name, check, clock)
        except NotImplementedError as reason:
            missing.append(f"{name}: {reason}")
        except DisagreementError as reason:
            missing.append(f"{name}: DISAGREES, {reason}")
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repetitions):
        # at random, so that none always comes after the same other
        for name in np.random.default_rng(turn).permutation(list(runs)):
            speeds[name].append(samples_per_second(runs[name], clock))
    results = [_result(name, run, job, speeds[name]) for name, run in runs.items()]
    return Outcome(row, job.dtype.name, job.samples, results, missing)


def samples_per_second(run: Run, clock: Clock) -> float:
    """Time calls, each from the initial weights."""
    calls, seconds = 0, 0.0
    while seconds < TIMED:
        seconds += call_seconds(run, clock)
        calls += 1
    return calls * run.samples / seconds


def prepared(row: Row, name: str, check: Check, clock: Clock) -> Run:
    """Return a contender's run, which was checked and called.

    Raises
    ------
    NotImplementedError
        If it is not installed, or cannot do this.
    DisagreementError
        If it is there, but computes something else.
    """
    able = makers(row.kind, name)
    if row.kind == "predict":
        return _predicting(*able, check, clock)
    runs = {make: _called(make, check.job, clock) for make in able}
    for run in runs.values():
        if run.weights is not None and not run.differs:
            check.weights(run.weights())
    make = _fastest(able, check.whole.part(TRIED_SAMPLES), clock)
    if name.startswith("mlp_fast") or check.job.samples >= check.whole.samples:
        return _called(make, check.whole, clock)
    return _fitting(make, runs[make], check.whole, clock)


def _predicting(make: Maker, check: Check, clock: Clock) -> Run:
    """Return a run that predicts often enough to be timed."""
    run = make(check.whole)
    answers = run.call()
    if not run.differs:
        check.answers(answers)
    once = min(call_seconds(run, clock) for _ in range(3))
    times = max(1, math.ceil(TIMED / once))

    def call() -> None:
        predict = run.call
        for _ in range(times):
            predict()

    return dataclasses.replace(run, call=call, samples=times * run.samples)


def _fastest(able: tuple[Maker, ...], job: Job, clock: Clock) -> Maker:
    if len(able) == 1:
        return able[0]
    runs = [_called(make, job, clock) for make in able]
    seconds = [min(call_seconds(run, clock) for _ in range(3)) for run in runs]
    return able[int(np.argmin(seconds))]


def _fitting(make: Maker, run: Run, whole: Job, clock: Clock) -> Run:
    """Return a run of the whole job, or of the part that a slow contender can do in the time."""
    while run.samples < whole.samples:  # the first estimate is mostly what a call costs
        share = SECONDS / (call_seconds(run, clock) * whole.samples / run.samples)
        larger = whole if share >= 1 else whole.part(round(share * whole.samples))
        if larger.samples < ENOUGH * run.samples:
            break
        run = _called(make, larger, clock)
    return run


def _called(make: Maker, job: Job, clock: Clock) -> Run:
    run = make(job)
    call_seconds(run, clock)
    return run


def call_seconds(run: Run, clock: Clock) -> float:
    """Time one call from the initial weights."""
    run.restore()
    started = clock()
    run.call()
    return max(clock() - started, 1e-9)


def _result(name: str, run: Run, job: Job, speeds: list[float]) -> Result:
    notes = "; ".join(filter(None, (run.note, run.differs)))
    return Result(name, speeds, min(run.samples, job.samples), _loss(run, job), notes)


def _loss(run: Run, job: Job) -> float | None:
    """Return the mean loss that was reached, on the first rows."""
    X, T = job.X[:LOSS_ROWS], job.T[:LOSS_ROWS].astype(float)
    if run.weights is not None:
        return reference(job.network, run.weights()).mean_loss(X.astype(float), T)
    if run.outputs is not None:
        A = run.outputs(X)
        with np.errstate(divide="ignore"):
            H = np.log(np.maximum(A, 0))  # the h of a softmax, but for a constant
        return float(np.mean(reference(job.network, []).sample_losses(H, A, T)))
    return None
