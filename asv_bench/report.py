"""What is printed: the machine, the versions and the command, then row by row."""

import os
import platform
from pathlib import Path

from judge import Outcome, Ratio, Result, Verdict
from workloads import Row


def header(command: str, clock: str, versions: list[str]) -> str:
    """Return the machine, the versions and the command."""
    lines = [
        f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}",
        f"load before the run: {os.getloadavg()[0]:.1f}; {clock} time, one thread",
        f"versions: Python {platform.python_version()}, {', '.join(versions)}",
        f"command: {command}",
    ]
    return "\n".join(lines)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.processor() or platform.machine()


def text(outcome: Outcome) -> str:
    """Return one row for the terminal."""
    lines = [f"{outcome.row.name}, {outcome.dtype}"]
    lines += [
        f"  {r.name:20s}{speed(r, outcome.row):>18s}  {about(r, outcome)}" for r in outcome.results
    ]
    lines += [f"  {reason}" for reason in outcome.missing]
    lines += [f"  {_verdict(verdict)}" for verdict in outcome.verdicts]
    return "\n".join(lines)


def speed(result: Result, row: Row) -> str:
    """Return what is telling: the time of a call for one row, or the samples of a second."""
    if row.by_call:
        return f"{1e6 / result.speed:,.1f} µs a call"
    return f"{result.speed:,.0f}/s"


def about(result: Result, outcome: Outcome) -> str:
    """Return the loss reached, after how many samples if not after all, and the notes."""
    parts = []
    if result.loss is not None:
        parts.append(f"loss {result.loss:.5g}")
    if result.samples < outcome.samples:
        parts.append(f"after {result.samples:,} of {outcome.samples:,} samples")
    if result.notes:
        parts.append(result.notes)
    return ", ".join(parts)


def between(ratio: Ratio) -> str:
    """Return the interval."""
    return "–".join(map(times, ratio.interval))


def times(ratio: float) -> str:
    """Return three digits."""
    digits = 2 if ratio < 10 else 1 if ratio < 100 else 0
    return f"{ratio:,.{digits}f}"


def _verdict(verdict: Verdict) -> str:
    ratio = verdict.ratio
    return (
        f"{verdict.word}: {times(ratio.value)} [{between(ratio)}] × {ratio.peer}, "
        f"at least {times(verdict.target.ratio)}"
    )
