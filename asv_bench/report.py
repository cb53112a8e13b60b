"""The comparison as Markdown: everything measured in a row, and the page with all of them."""

from collections import Counter
from collections.abc import Iterable

from agree import STEPS
from judge import Outcome, Ratio, Result, Verdict
from workloads import CLASSES, Row

EXPLANATION = """\
The columns say how many times the samples per second of the fastest contender of a kind `mlp_fast`
makes: the median of {repetitions} pairs, and its {interval}. A promise is kept or missed if the
whole interval says so. Contenders take turns, each from the same weights, and were compared with
the reference after {steps} steps, but for those that are said to differ. All train the same epochs
of the same samples, but slow ones not to the end, as the losses below tell."""


def page(header: str, outcomes: list[Outcome], lacking: list[str], repetitions: int) -> str:
    """Return a line for each row and dtype, and below it everything measured."""
    interval = "95% interval" if repetitions >= 6 else "range"
    words = Counter(verdict.word for outcome in outcomes for verdict in outcome.verdicts)
    counts = ", ".join(f"{words[word]} {word}" for word in ("kept", "missed", "unsure"))
    columns = ["workload", "dtype", "mlp_fast", *(f"× {kind}" for kind in CLASSES), "promised"]
    parts = [
        f"```\n{header}\n```\n",
        EXPLANATION.format(repetitions=repetitions, interval=interval, steps=STEPS),
        f"\nPromises: {counts}.\n",
        line(columns),
        line(["---", "---", *["--:"] * (1 + len(CLASSES)), "---"]),
        *(line(_summary(outcome)) for outcome in outcomes),
        *(line([reason, *[""] * (len(columns) - 1)]) for reason in lacking),
        *(f"\n{section(outcome)}" for outcome in outcomes),
    ]
    return "\n".join([*parts, ""])


def _summary(outcome: Outcome) -> list[str]:
    ours = _speed(outcome.ours, outcome.row) if outcome.ours else "–"
    ratios = (outcome.ratio((kind,)) for kind in CLASSES)
    cells = (_ratio(ratio) if ratio else "–" for ratio in ratios)
    promises = "<br>".join(map(_promise, outcome.verdicts))
    return [outcome.row.name, outcome.dtype, ours, *cells, promises]


def section(outcome: Outcome) -> str:
    """Return every contender of a row, and what was promised."""
    lines = [f"### {outcome.row.name}, {outcome.dtype}\n"]
    lines += [line((f"{'contender':20s}", f"{'speed':>16s}", "")), line(("---", "--:", "---"))]
    for result in outcome.results:
        speed = _speed(result, outcome.row)
        lines += [line((f"{result.name:20s}", f"{speed:>16s}", _about(result, outcome)))]
    lines += [line((reason, "", "")) for reason in outcome.missing]
    lines += [f"\n{_promise(verdict)}" for verdict in outcome.verdicts]
    return "\n".join(lines)


def _speed(result: Result, row: Row) -> str:
    """Return the time of a call where a user waits for each row, else the samples of a second."""
    if row.kind == "step" or (row.kind, row.rows) == ("predict", 1):
        return f"{1e6 / result.speed:,.1f} µs a call"
    return f"{result.speed:,.0f}/s"


def _about(result: Result, outcome: Outcome) -> str:
    """Return the loss reached, after how many samples if not after all, and the notes."""
    parts = [] if result.loss is None else [f"loss {result.loss:.5g}"]
    if result.samples < outcome.samples:
        parts.append(f"after {result.samples:,} of {outcome.samples:,} samples")
    return ", ".join([*parts, result.notes] if result.notes else parts)


def _promise(verdict: Verdict) -> str:
    word = verdict.word if verdict.word == "kept" else f"**{verdict.word}**"
    at_least = _times(verdict.target.ratio)
    return f"{word}: {_ratio(verdict.ratio)} × {verdict.ratio.peer}, at least {at_least}"


def _ratio(ratio: Ratio) -> str:
    return f"{_times(ratio.value)} <sub>{'–'.join(map(_times, ratio.interval))}</sub>"


def _times(ratio: float) -> str:
    """Return three digits."""
    digits = 2 if ratio < 10 else 1 if ratio < 100 else 0
    return f"{ratio:,.{digits}f}"


def line(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"
