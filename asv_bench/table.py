"""The whole comparison in one run: what `mlp_fast` does beside what a user could pick instead.

    python asv_bench/table.py [--rows PATTERN] [--repetitions 9] [--dtypes float32 float64]
        [--clock wall|cpu] [--markdown FILE] [--chart FILE]

One thread, contenders taking turns, each from the same weights. MLP_FAST_DATA names the folder of
mnist.npz, and MLP_FAST_LAB the file simd_online.py; rows without them say so.
"""

import argparse
import fnmatch
import shlex
import sys
import time
from pathlib import Path

import report
import threadpoolctl
from measure import Outcome, compare, job_of
from peers import ours
from workloads import ROWS, MissingError, Row

DTYPES = ("float32", "float64")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="*", help="names of rows, with * and ?")
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=DTYPES)
    parser.add_argument("--repetitions", type=int, default=9, help="of every contender")
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: the time this process was given, all its threads; for machines with other work",
    )
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--chart", type=Path, help="an SVG of the ratios")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> None:
    told = parsed(arguments)
    header = report.header(f"python asv_bench/table.py {shlex.join(arguments)}", told.clock)
    print(header)
    outcomes: list[Outcome] = []
    lacking: list[str] = []
    for row in ROWS:
        if not fnmatch.fnmatch(row.name, told.rows):
            continue
        for dtype in told.dtypes:
            try:
                outcome = measured(row, dtype, told.repetitions, CLOCKS[told.clock])
            except MissingError as reason:
                lacking.append(f"{row.name}: {reason}")
                print(f"\n{lacking[-1]}")
                break
            outcomes.append(outcome)
            print(f"\n{report.text(outcome)}", flush=True)
    if told.markdown:
        told.markdown.write_text(report.markdown(header, outcomes, lacking))
    if told.chart:
        report.chart(outcomes, told.chart)


def measured(row: Row, dtype: str, repetitions: int, clock) -> Outcome:
    with threadpoolctl.threadpool_limits(1):  # also of what a peer has loaded since
        return compare(row, job_of(row, dtype, ours.initial), repetitions, clock)


if __name__ == "__main__":
    main(sys.argv[1:])
