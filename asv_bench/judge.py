"""What the measured speeds say: ratios of pairs, how sure they are, and whether promises hold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from workloads import Row, Target

CONFIDENCE = 0.95
PLAIN = "mlp_fast, plain"  # beside which a rule is measured, and never in its place


@dataclass
class Result:
    """What a contender did in one row."""

    name: str
    samples_per_second: list[float]  # of each turn
    samples: int  # that a call took
    loss: float | None = None
    notes: str = ""

    @property
    def speed(self) -> float:
        return float(np.median(self.samples_per_second))


@dataclass
class Ratio:
    """How many times the samples per second of a peer: the median of pairs, and its interval."""

    peer: str
    value: float
    interval: tuple[float, float]


@dataclass
class Verdict:
    """Whether a promise is kept."""

    target: "Target"
    ratio: Ratio

    @property
    def word(self) -> str:
        """Sure is what the whole interval says."""
        low, high = self.ratio.interval
        if low >= self.target.ratio:
            return "kept"
        return "missed" if high < self.target.ratio else "unsure"


@dataclass
class Outcome:
    """A row of the table, for one dtype."""

    row: "Row"
    dtype: str
    samples: int  # of the row
    results: list[Result]
    missing: list[str]  # each with the reason

    @property
    def ours(self) -> Result | None:
        """`mlp_fast`, shuffling where that is compared with not."""
        ours = (r for r in reversed(self.results) if r.name.startswith("mlp_fast"))
        return next((r for r in ours if r.name != PLAIN), None)

    def ratio(self, best_of: tuple[str, ...]) -> Ratio | None:
        """Return that to the fastest of the contenders whose names begin so."""
        ours = self.ours
        others = [r for r in self.results if r is not ours and r.name.startswith(best_of)]
        if ours is None or not others:
            return None
        best = max(others, key=lambda result: result.speed)
        pairs = np.array(ours.samples_per_second) / best.samples_per_second
        return Ratio(best.name, float(np.median(pairs)), median_interval(pairs))

    @property
    def verdicts(self) -> list[Verdict]:
        targets = (target for target in self.row.targets if self.dtype in target.dtypes)
        pairs = ((target, self.ratio(target.best_of)) for target in targets)
        return [Verdict(target, ratio) for target, ratio in pairs if ratio is not None]


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
