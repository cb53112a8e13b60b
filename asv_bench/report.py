"""The table as text, as Markdown, and as a chart."""

import importlib
import math
import os
import platform
from pathlib import Path
from xml.sax.saxutils import escape

from measure import Outcome, Result, Verdict
from workloads import WITH_FLOOR

SCALE = 0.1, 100.0  # of the chart
WIDTH, LABELS, LINE = 1000, 420, 18  # pixels


def header(command: str, clock: str) -> str:
    """Return the machine, the versions and the command."""
    lines = [
        f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}",
        f"load before the run: {os.getloadavg()[0]:.1f}; {clock} time, one thread",
        f"versions: Python {platform.python_version()}, {', '.join(_versions())}",
        f"command: {command}",
    ]
    return "\n".join(lines)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor() or platform.machine()


def _versions() -> list[str]:
    versions = []
    for peer in WITH_FLOOR:
        try:
            module = importlib.import_module(f"peers.{peer}")
        except ImportError:
            continue
        if hasattr(module, "version"):
            versions.append(module.version())
    return versions


def text(outcome: Outcome) -> str:
    """Return one row for the terminal."""
    lines = [f"{outcome.row.name}, {outcome.dtype}"]
    lines += [f"  {r.name:20s}{_speed(r):>14s}/s  {_about(r)}" for r in outcome.results]
    lines += [f"  {reason}" for reason in outcome.missing]
    lines += [f"  {_verdict(verdict)}" for verdict in outcome.verdicts]
    return "\n".join(lines)


def _speed(result: Result) -> str:
    return f"{result.speed:,.0f}"


def _about(result: Result) -> str:
    parts = []
    if result.loss is not None:
        of = f" after {result.share:.0%} of the samples" if result.share < 1 else ""
        parts.append(f"loss {result.loss:.5g}{of}")
    if result.note:
        parts.append(result.note)
    return ", ".join(parts)


def _verdict(verdict: Verdict) -> str:
    low, high = verdict.interval
    word = "holds" if verdict.holds else "MISSED"
    return (
        f"{word}: {verdict.ratio:.2f} [{low:.2f}, {high:.2f}] × {verdict.peer}, "
        f"at least {verdict.target.ratio:.2f}"
    )


def markdown(header: str, outcomes: list[Outcome], lacking: list[str]) -> str:
    """Return the table: a line for each row and dtype, and everything measured below it."""
    lines = ["```", header, "```", ""]
    lines += ["| workload | dtype | mlp_fast, samples/s | ratio to the peer | at least | |"]
    lines += ["|---|---|---:|---|---:|---|"]
    for outcome in outcomes:
        lines += _markdown_rows(outcome)
    lines += [f"| {reason} | | | | | |" for reason in lacking]
    lines += ["", "Ratios are medians of pairs, with a 95% interval.", ""]
    for outcome in outcomes:
        lines += [f"### {outcome.row.name}, {outcome.dtype}", ""]
        lines += ["| | samples/s | |", "|---|---:|---|"]
        lines += [f"| {r.name} | {_speed(r)} | {_about(r)} |" for r in outcome.results]
        lines += [f"| {reason} | | |" for reason in outcome.missing]
        lines += [""]
    return "\n".join(lines)


def _markdown_rows(outcome: Outcome) -> list[str]:
    ours = next((r for r in outcome.results if r.name == "mlp_fast"), None)
    speed = _speed(ours) if ours else "not there yet"
    start = f"| {outcome.row.name} | {outcome.dtype} | {speed} |"
    if not outcome.verdicts:
        return [f"{start} | | |"]
    rows = []
    for v in outcome.verdicts:
        low, high = v.interval
        ratio = f"{v.ratio:.2f} [{low:.2f}, {high:.2f}] × {v.peer}"
        rows.append(
            f"{start} {ratio} | {v.target.ratio:.2f} | {'holds' if v.holds else '**missed**'} |"
        )
    return rows


def chart(outcomes: list[Outcome], path: Path) -> None:
    """Draw each ratio and its interval on a logarithmic axis, and a tick where it should be."""
    verdicts = [(o, v) for o in outcomes for v in o.verdicts]
    height = LINE * (len(verdicts) + 3)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for power in (0.1, 1, 10, 100):
        x = _x(power)
        lines += [
            f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{LINE}" y2="{height - LINE}" stroke="#ccc"/>',
            f'<text x="{x:.0f}" y="{height - 5}" text-anchor="middle">{power}×</text>',
        ]
    for i, (outcome, verdict) in enumerate(verdicts, 1):
        lines += _bar(i * LINE, outcome, verdict)
    path.write_text("\n".join([*lines, "</svg>", ""]))


def _bar(y: int, outcome: Outcome, verdict: Verdict) -> list[str]:
    label = f"{outcome.row.name}, {outcome.dtype}: {verdict.peer}"
    colour = "#2a7f62" if verdict.holds else "#b5533c"
    low, high, ratio, target = map(_x, (*verdict.interval, verdict.ratio, verdict.target.ratio))
    middle = y + LINE // 2
    return [
        f'<text x="{LABELS - 8}" y="{middle + 4}" text-anchor="end">{escape(label)}</text>',
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" '
        'stroke-width="3"/>',
        f'<circle cx="{ratio:.1f}" cy="{middle}" r="4" fill="{colour}"/>',
        f'<line x1="{target:.1f}" x2="{target:.1f}" y1="{y + 2}" y2="{y + LINE - 2}" '
        'stroke="black"/>',
    ]


def _x(ratio: float) -> float:
    low, high = SCALE
    part = math.log(min(max(ratio, low), high) / low) / math.log(high / low)
    return LABELS + part * (WIDTH - LABELS - 20)
