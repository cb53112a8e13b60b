"""What training costs a weight and sample: networks of one hidden layer, 1e2 to 1e7 weights.

    python asv_bench/sizes.py [--largest 1e7] [--repetitions 9] [--dtypes float32 float64]
        [--clock wall|cpu] [--markdown FILE] [--chart FILE]

One thread, no input zero. Costs that grow with the weights in proportion are a level line.
"""

import argparse
import shlex
import sys

from caches import capacities, named
from costs import BATCH_SIZES, Cost, measured, networks
from options import CLOCKS, parser
from peers import numpy_peer, ours
from report import header

COLUMN = 18  # characters


def parsed(arguments: list[str]) -> argparse.Namespace:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--largest", type=float, default=1e7, help="number of weights")
    return options.parse_args(arguments)


def main(arguments: list[str]) -> None:
    told = parsed(arguments)
    if told.chart:
        import charts  # before the long run, which is lost if Matplotlib is not installed
    caches = capacities()
    known = ", ".join(named(*cache) for cache in caches.items()) or "not known"
    command = f"python asv_bench/sizes.py {shlex.join(arguments)}"
    run = header(command, told.clock, [ours.version(), numpy_peer.version()])
    run = f"{run}\ncaches: {known}"
    titles = ["weights", "network"]
    titles += [f"{mode}, {dtype}" for dtype in told.dtypes for mode in BATCH_SIZES]
    print(f"{run}\n\nns a weight and sample\n{_text(titles)}")
    costs: list[Cost] = []
    lines = [titles, ["--:"] * len(titles)]
    for sizes in networks(told.largest):
        found = measured(sizes, told.dtypes, told.repetitions, CLOCKS[told.clock])
        costs += found
        lines.append([f"{found[0].weights:,}", "-".join(map(str, sizes))])
        lines[-1] += [f"{cost.median:.3f}" for cost in found]
        print(_text(lines[-1]), flush=True)
    if told.markdown:
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        told.markdown.write_text(f"```\n{run}\n```\n\nns a weight and sample:\n\n{table}\n")
    if told.chart:
        charts.sizes(costs, caches, told.chart)


def _text(cells: list[str]) -> str:
    return "".join(f"{cell:>{COLUMN}}" for cell in cells)


if __name__ == "__main__":
    main(sys.argv[1:])
