"""The whole comparison in one run: what `mlp_fast` does beside what a user could pick instead.

    python asv_bench/table.py [--rows PATTERN] [--repetitions 9] [--dtypes float32 float64]
        [--markdown FILE] [--chart FILE]

One thread, contenders taking turns, each from the same weights; slow ones take fewer samples.
MLP_FAST_DATA names the folder of mnist.npz; rows without it say so. The published page is
comparison.md; readme.py makes README's table and chart from it.
"""

import fnmatch

from command import header, parser
from judge import Outcome
from measure import compare
from readme import workloads
from report import page, section
from workloads import ROWS


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--rows", default="*", help="names of rows, with * and ?")
    told = options.parse_args()
    if told.chart:
        import charts  # before the long run, which is lost if Matplotlib is not installed
    run = header()
    print(run)
    outcomes: list[Outcome] = []
    lacking: list[str] = []
    for row in ROWS:
        for dtype in told.dtypes if fnmatch.fnmatch(row.name, told.rows) else ():
            try:
                outcomes.append(compare(row, dtype, told.repetitions))
                print(f"\n{section(outcomes[-1])}", flush=True)
            except NotImplementedError as reason:
                lacking.append(f"{row.name}, {dtype}: {reason}")
                print(f"\n{lacking[-1]}")
    measured = page(run, outcomes, lacking, told.repetitions)
    if told.markdown:
        told.markdown.write_text(measured)
    if told.chart:
        charts.comparison(workloads(measured, told.dtypes[0]), told.chart)


if __name__ == "__main__":
    main()
