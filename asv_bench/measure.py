"""Contenders side by side: do they agree, how fast is each, and how sure is that."""

import dataclasses
import functools
import importlib
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from peers.job import Array, Job, Network, Run
from workloads import Row, Target

from mlp_fast.reference import Reference

CHECKED_STEPS = 104  # a multiple of AT_ONCE
ROUNDING = 1000  # units in the last place of the largest weight, after so many steps
ENOUGH = 2.0  # times as many samples make another try worth it
SECONDS = 0.12  # of a call at most; slow contenders take fewer samples
LOSS_ROWS = 2000  # on which the loss that each reached is measured
TIMED_PREDICTIONS = 0.02  # seconds of one sample of time
CONFIDENCE = 0.95

Clock = Callable[[], float]


class DisagreementError(Exception):
    """Says how far weights are off."""


@dataclasses.dataclass
class Result:
    """What a contender did in one row."""

    name: str
    samples_per_second: list[float]
    loss: float | None = None
    share: float = 1.0  # of the row's samples, which its calls took
    note: str = ""

    @property
    def speed(self) -> float:
        return float(np.median(self.samples_per_second))


@dataclasses.dataclass
class Verdict:
    """Whether a target holds: the paired ratio, and its interval."""

    target: Target
    peer: str
    ratio: float
    interval: tuple[float, float]

    @property
    def holds(self) -> bool:
        return self.interval[0] >= self.target.ratio


@dataclasses.dataclass
class Outcome:
    """A row of the table, for one dtype."""

    row: Row
    dtype: str
    results: list[Result]
    missing: list[str]  # each with the reason
    verdicts: list[Verdict]


def job_of(row: Row, dtype: str, initial: Callable[[tuple[int, ...], str], list[Array]]) -> Job:
    """Return what all contenders of a row are given."""
    X, T = (np.ascontiguousarray(array[: row.rows], dtype) for array in row.data())
    return Job(row.network, initial(row.network.sizes, dtype), X, T, row.epochs)


class Check:
    """The weights that all must reach after the first steps, to rounding."""

    def __init__(self, job: Job) -> None:
        steps = dataclasses.replace(job, epochs=CHECKED_STEPS)
        self.job = steps.part(CHECKED_STEPS * job.network.batch_size)

    @functools.cached_property
    def exact(self) -> list[Array]:
        """Those of the reference in float64."""
        job, network = self.job, self.job.network
        net = reference(network, job.weights)
        orders = [np.arange(len(job.X))] * job.epochs
        X, T = job.X.astype(float), job.T.astype(float)
        net.train(X, T, orders, network.batch_size, network.learning_rate)
        return net.weights

    def __call__(self, weights: Sequence[Array]) -> None:
        largest = max(float(np.abs(W).max()) for W in self.exact)
        off = max(float(np.abs(W - V).max()) for W, V in zip(weights, self.exact, strict=True))
        allowed = ROUNDING * np.finfo(self.job.dtype).eps * largest
        if not off <= allowed:
            raise DisagreementError(
                f"off by {off:.2g} after {CHECKED_STEPS} steps; {allowed:.2g} is rounding"
            )


def compare(row: Row, job: Job, repetitions: int, clock: Clock) -> Outcome:
    """Check, then time, all contenders of a row, taking turns."""
    makers, missing = _makers(row)
    check = Check(job)
    runs: dict[str, Run] = {}
    for name, make in makers.items():
        try:
            if row.kind == "predict":
                runs[name] = _repeated(make(job), clock)
            else:
                runs[name] = _prepared(name, make, job, check, clock)
        except NotImplementedError as reason:
            missing.append(f"{name}: {reason}")
        except DisagreementError as reason:
            missing.append(f"{name}: DISAGREES, {reason}")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(repetitions):
        for name in _rotated(list(runs), turn):
            runs[name].restore()
            started = clock()
            runs[name].call()
            seconds[name].append(clock() - started)
    results = [_result(name, run, job, seconds[name]) for name, run in runs.items()]
    verdicts = [verdict for target in row.targets if (verdict := _verdict(target, results))]
    return Outcome(row, job.dtype.name, results, missing, verdicts)


def _makers(row: Row) -> tuple[dict[str, Callable[[Job], Run]], list[str]]:
    makers, missing = {}, []
    for peer in row.peers:
        try:
            module = importlib.import_module(f"peers.{peer}")
        except ImportError as reason:
            missing.append(f"{peer}: not installed ({reason})")
        else:
            makers |= getattr(module, row.kind.upper(), {})
    return makers, missing


def _prepared(name: str, make: Callable[[Job], Run], job: Job, check: Check, clock: Clock) -> Run:
    """Return a run that was checked and has been called, of a size that fits its speed."""
    run = make(check.job)
    _seconds(run, clock)
    if run.weights is not None and not run.own_maths:
        check(run.weights())
    part = check.job
    if part.samples >= job.samples:
        run = make(job)
        _seconds(run, clock)
        return run
    while part.samples < job.samples:  # the first estimate is mostly what a call costs
        seconds = job.samples / run.samples * _seconds(run, clock)
        share = 1.0 if name.startswith("mlp_fast") else SECONDS / seconds
        larger = job if share >= 1 else job.part(round(share * job.samples))
        if larger.samples < ENOUGH * part.samples:
            break
        part, run = larger, make(larger)
        _seconds(run, clock)
    return run


def _seconds(run: Run, clock: Clock) -> float:
    run.restore()
    started = clock()
    run.call()
    return max(clock() - started, 1e-9)


def _repeated(run: Run, clock: Clock) -> Run:
    """Return a run that predicts often enough to be timed."""
    _seconds(run, clock)
    once = min(_seconds(run, clock) for _ in range(3))
    times = max(1, math.ceil(TIMED_PREDICTIONS / once))

    def call() -> None:
        predict = run.call
        for _ in range(times):
            predict()

    return dataclasses.replace(run, call=call, samples=times * run.samples)


def reference(network: Network, weights: list[Array]) -> Reference:
    """Return the readable network in float64."""
    copies = [W.astype(float) for W in weights]
    return Reference(copies, network.activations, network.loss, [1.0] * len(copies))


def _rotated(names: list[str], turn: int) -> Iterator[str]:
    first = turn % len(names)
    return iter(names[first:] + names[:first])


def _result(name: str, run: Run, job: Job, seconds: list[float]) -> Result:
    loss = None
    if run.weights is not None:
        net = reference(job.network, run.weights())
        loss = net.mean_loss(job.X[:LOSS_ROWS].astype(float), job.T[:LOSS_ROWS].astype(float))
    speeds = [run.samples / each for each in seconds]
    note = "; ".join(part for part in (run.note, "its own maths" if run.own_maths else "") if part)
    return Result(name, speeds, loss, min(1.0, run.samples / job.samples), note)


def _verdict(target: Target, results: list[Result]) -> Verdict | None:
    """Judge the first contender, or shuffling where that is compared, against the best of some."""
    ours = next((r for r in reversed(results) if r.name.startswith("mlp_fast")), None)
    others = [r for r in results if r is not ours and r.name.startswith(target.best_of)]
    if ours is None or not others:
        return None
    best = max(others, key=lambda result: result.speed)
    ratios = np.array(ours.samples_per_second) / best.samples_per_second
    return Verdict(target, best.name, float(np.median(ratios)), median_interval(ratios))


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return order statistics between which the median lies, whatever the distribution.

    The chance that it lies outside the i-th smallest and the i-th largest of n is
    2 P(binomial(n, 1/2) < i). Of fewer than 6 values no pair is sure enough: all are taken.
    """
    ordered, n = sorted(values), len(values)
    i = 1
    while 2 * sum(math.comb(n, k) for k in range(i + 1)) <= (1 - CONFIDENCE) * 2**n:
        i += 1
    return float(ordered[i - 1]), float(ordered[n - i])
