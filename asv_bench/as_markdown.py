"""The table as Markdown: a line for each row and dtype, and below it everything measured."""

from collections import Counter
from collections.abc import Iterable

from judge import Outcome, Ratio, Verdict
from report import about, between, speed, times
from workloads import CLASSES

FIRST = ("workload", "dtype", "mlp_fast")
EXPLANATION = """\
The columns say how many times the samples per second of the fastest contender of a kind `mlp_fast`
makes: the median of {repetitions} pairs, and its {interval}. A promise is kept or missed if the
whole interval says so. Contenders take turns, each from the same weights, and were compared with
the reference after {steps} steps, but for those that are said to differ. All train the same epochs
of the same samples, but slow ones not to the end, as the losses below tell."""


def markdown(
    header: str, outcomes: list[Outcome], lacking: list[str], repetitions: int, steps: int
) -> str:
    """Return the whole page."""
    interval = "95% interval" if repetitions >= 6 else "range"
    explanation = EXPLANATION.format(repetitions=repetitions, interval=interval, steps=steps)
    columns = (*FIRST, *(f"× {kind}" for kind in CLASSES), "promised")
    lines = ["```", header, "```", "", explanation, "", _kept(outcomes), ""]
    lines += [_line(columns), _line(["---", "---", *["--:"] * (1 + len(CLASSES)), "---"])]
    lines += [_line(_summary(outcome)) for outcome in outcomes]
    lines += [_line([reason, *[""] * (len(columns) - 1)]) for reason in lacking]
    for outcome in outcomes:
        lines += ["", f"### {outcome.row.name}, {outcome.dtype}", ""]
        lines += [_line(("contender", "speed", "")), _line(("---", "--:", "---"))]
        lines += [
            _line((r.name, speed(r, outcome.row), about(r, outcome))) for r in outcome.results
        ]
        lines += [_line((reason, "", "")) for reason in outcome.missing]
    return "\n".join([*lines, ""])


def _kept(outcomes: list[Outcome]) -> str:
    words = Counter(verdict.word for outcome in outcomes for verdict in outcome.verdicts)
    counts = ", ".join(f"{words[word]} {word}" for word in ("kept", "missed", "unsure"))
    return f"Promises: {counts}."


def _summary(outcome: Outcome) -> list[str]:
    if outcome.ours:
        ours = speed(outcome.ours, outcome.row)
    else:
        ours = next(reason for reason in outcome.missing if reason.startswith("mlp_fast"))
    return [
        outcome.row.name,
        outcome.dtype,
        ours,
        *(_ratio(outcome.ratio((kind,))) for kind in CLASSES),
        "<br>".join(map(_verdict, outcome.verdicts)),
    ]


def _ratio(ratio: Ratio | None) -> str:
    return f"{times(ratio.value)} <sub>{between(ratio)}</sub>" if ratio else "–"


def _verdict(verdict: Verdict) -> str:
    ratio, word = verdict.ratio, verdict.word
    word = word if word == "kept" else f"**{word}**"
    promise = f"{word}: ≥ {times(verdict.target.ratio)} × {ratio.peer}"
    return promise if ratio.peer.startswith(CLASSES) else f"{promise}, {_ratio(ratio)}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
