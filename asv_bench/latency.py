"""What users wait for who call for one row or a few: each call beside peers, and beside its floor.

    python asv_bench/latency.py [--rows PATTERN] [--repetitions 9] [--dtypes float32 float64]
        [--markdown FILE]

One thread. Calls are made by turns, those that learn from the same weights each time, after all
were compared with the reference. Peers that are not installed are left out.
"""

import argparse
import fnmatch
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from command import header
from floors import memory_seconds, traffic
from judge import median_interval
from latency_rows import ROWS, Row
from peers.contenders import loaded
from report import line
from turns import PEERS, Turns, measured
from workloads import DTYPES

HEAD = "call", "network", "dtype", "rows", "mlp_fast", "floor", "memory", *PEERS, "wanted"
NUMBERS = len(HEAD) - 4
EXPLANATION = """\
Numbers are µs a call, medians of {repetitions} turns; in brackets is how many times as fast as that
peer `mlp_fast` is. The floor is the compiled code alone, called with arguments that are there; for
`forward` and `backward`, it is what `train` takes for as many rows. Memory is what a copy takes
that moves what has to be moved: weights and rows are read once, and what is learned is written,
too; where all is only read, it may be quicker. Peers answer by outputs, whatever is asked for. FANN
has its own weights and slopes, so it is not compared with the reference. What is wanted is kept or
missed if the whole {interval} says so."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", default="*", help="names of rows, with * and ?")
    options.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    options.add_argument("--repetitions", type=int, default=9, help="of everything timed")
    options.add_argument("--markdown", type=Path, help="write what is printed to this file, too")
    told = options.parse_args()
    lines: list[str] = []

    def write(text: str) -> None:
        print(text, flush=True)
        lines.append(text)

    interval = "95% interval" if told.repetitions >= 6 else "range"
    write(f"```\n{header()}\n```\n")
    write(EXPLANATION.format(repetitions=told.repetitions, interval=interval))
    for text in absent():
        write(text)
    write(f"\n{line(HEAD)}")
    write(line([*["---"] * 3, *["--:"] * NUMBERS, "---"]))
    words: Counter[str] = Counter()
    for row in ROWS:
        for dtype in told.dtypes if fnmatch.fnmatch(row.name, told.rows) else ():
            try:
                turns = measured(row, dtype, told.repetitions)
            except NotImplementedError as reason:
                write(line([row.call.name, row.of, dtype, *[""] * NUMBERS, str(reason)]))
                continue
            words[verdict(turns)] += 1
            write(line(cells(turns)))
    counts = ", ".join(f"{words[word]} {word}" for word in ("kept", "missed", "unsure"))
    write(f"\nOf what is wanted: {counts}.")
    if told.markdown:
        told.markdown.write_text("\n".join([*lines, ""]))


def absent() -> Iterator[str]:
    """Yield a line for each peer that is not there."""
    for name, place in PEERS.items():
        try:
            loaded(place)
        except NotImplementedError as reason:
            yield f"\n{name}: {reason}"


def cells(turns: Turns) -> Iterator[str]:
    """Yield those of a line."""
    row: Row = turns.row
    yield from (row.call.name, row.of, turns.dtype, f"{row.call.rows:,}")
    yield from (digits(turns.median(name)) for name in ("mlp_fast", "floor"))
    yield digits(1e6 * memory_seconds(traffic(turns.job, row.call)))
    for peer in PEERS:
        yield beside(turns, peer) if peer in turns.of else "–"
    word = verdict(turns)
    marked = f"{word if word == 'kept' else f'**{word}**'}: " if word else ""
    yield "" if row.wanted is None else f"{marked}{row.wanted}"


def beside(turns: Turns, peer: str) -> str:
    """Return what a peer took, and how many times that is what `mlp_fast` did."""
    ratio = np.median(np.divide(turns.of[peer], turns.of["mlp_fast"]))
    return f"{digits(turns.median(peer))} ({digits(float(ratio))} ×)"


def verdict(turns: Turns) -> str:
    """Return whether a call is as quick as is wanted, if that is known."""
    over = turns.over_wanted()
    if over is None:
        return ""
    low, high = median_interval(over)
    return "kept" if high <= 1 else "missed" if low > 1 else "unsure"


def digits(number: float) -> str:
    """Return three digits, or all before the point."""
    return f"{number:,.{2 if number < 10 else 1 if number < 100 else 0}f}"


if __name__ == "__main__":
    main()
