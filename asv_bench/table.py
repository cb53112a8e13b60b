"""The whole comparison in one run: what `mlp_fast` does beside what a user could pick instead.

    python asv_bench/table.py [--rows PATTERN] [--repetitions 9] [--dtypes float32 float64]
        [--clock wall|cpu] [--markdown FILE] [--chart FILE]

One thread, contenders taking turns, each from the same weights; slow ones take fewer samples.
MLP_FAST_DATA names the folder of mnist.npz, and MLP_FAST_LAB the file simd_online.py; rows without
them say so.
"""

import argparse
import fnmatch
import shlex
import sys

from agree import CHECKED_STEPS
from as_markdown import markdown
from judge import Outcome
from measure import compare, job_of
from options import CLOCKS, parser
from peers import contenders, ours
from report import header, text
from workloads import ROWS, MissingError


def parsed(arguments: list[str]) -> argparse.Namespace:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--rows", default="*", help="names of rows, with * and ?")
    return options.parse_args(arguments)


def main(arguments: list[str]) -> None:
    told = parsed(arguments)
    if told.chart:
        import charts  # before the long run, which is lost if Matplotlib is not installed
    command = f"python asv_bench/table.py {shlex.join(arguments)}"
    run = header(command, told.clock, contenders.versions())
    print(run)
    outcomes: list[Outcome] = []
    lacking: list[str] = []
    for row in ROWS:
        if not fnmatch.fnmatch(row.name, told.rows):
            continue
        for dtype in told.dtypes:
            try:
                job = job_of(row, dtype, ours.initial)
            except MissingError as reason:
                lacking.append(f"{row.name}: {reason}")
                print(f"\n{lacking[-1]}")
                break
            outcomes.append(compare(row, job, told.repetitions, CLOCKS[told.clock]))
            print(f"\n{text(outcomes[-1])}", flush=True)
    if told.markdown:
        page = markdown(run, outcomes, lacking, told.repetitions, CHECKED_STEPS)
        told.markdown.write_text(page)
    if told.chart:
        charts.comparison(outcomes, told.chart)


if __name__ == "__main__":
    main(sys.argv[1:])
