"""What training costs a weight and sample: networks of one hidden layer, 1e2 to 1e7 weights.

    python asv_bench/sizes.py [--largest 1e7] [--repetitions 9] [--dtypes float32 float64]
        [--markdown FILE] [--chart FILE]

One thread, no input zero. Costs that grow with the weights in proportion are a level line.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from command import header, parser
from measure import Run
from peers.ours import Training
from peers.peer import Job, Network
from report import line

SMALLEST, PER_DECADE = 1e2, 2
BATCH_SIZES = {"online": 1, "batch 32": 32}
ROWS = 64, 8192  # of the data, at least and at most, ...
VISITS_PER_EPOCH = 2e7  # ... so that so many weights are visited
VISITS, EPOCHS = 3e8, 4  # by the long call beyond the short one, at least: some 0.1 s


Costs = dict[tuple[str, str], list[float]]  # nanoseconds a weight and sample, by mode and dtype


def networks(largest: float) -> Iterator[tuple[tuple[int, ...], int]]:
    """Return layers of 4 n, 2 n and n nodes, and the number of their weights."""
    steps = round(PER_DECADE * math.log10(largest / SMALLEST))
    for step in range(steps + 1):
        n = round(math.sqrt(SMALLEST * 10 ** (step / PER_DECADE) / 10))
        yield (4 * n, 2 * n, n), 10 * n**2 + 3 * n


def measured(sizes: tuple[int, ...], weights: int, dtypes: list[str], repetitions: int) -> Costs:
    """Time each way of training, in turns, by the difference of a long and a short call.

    So what `train` costs once, however many the epochs, is taken off.
    """
    ways = itertools.product(BATCH_SIZES, dtypes)
    pairs = {way: _short_and_long(sizes, weights, *way) for way in ways}
    costs: Costs = {way: [] for way in pairs}
    for turn in range(repetitions + 1):
        for way, (short, long) in pairs.items():
            seconds = long.seconds() - short.seconds()
            if turn > 0:  # before, it was compiled or loaded
                costs[way].append(1e9 * seconds / (long.samples - short.samples) / weights)
    return costs


def _short_and_long(sizes: tuple[int, ...], weights: int, mode: str, dtype: str) -> list[Run]:
    rows = int(np.clip(VISITS_PER_EPOCH / weights, *ROWS)) // 32 * 32
    draw = np.random.default_rng(0)
    X = draw.uniform(0.1, 1, (rows, sizes[0])).astype(dtype)  # no input is zero
    T = draw.uniform(0.1, 0.9, (rows, sizes[-1])).astype(dtype)
    network = Network(sizes, learning_rate=0.01, batch_size=BATCH_SIZES[mode])
    epochs = 1, 1 + max(EPOCHS, round(VISITS / (rows * weights)))
    peers = (Training(Job(network, [], X, T, number)) for number in epochs)
    return [Run(peer, peer.train) for peer in peers]


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--largest", type=float, default=1e7, help="number of weights")
    told = options.parse_args()
    if told.chart:
        import charts  # before the long run, which is lost if Matplotlib is not installed
    written: list[str] = []

    def write(text: str) -> None:
        print(text, flush=True)
        written.append(text)

    ways = map(", ".join, itertools.product(BATCH_SIZES, told.dtypes))
    titles = ["weights", "network", *ways]
    write(f"```\n{header()}\n```\n\nns a weight and sample:\n")
    write(line(f"{title:>17s}" for title in titles))
    write(line(["--:"] * len(titles)))
    costs: dict[int, Costs] = {}
    for sizes, weights in networks(told.largest):
        costs[weights] = measured(sizes, weights, told.dtypes, told.repetitions)
        medians = (f"{np.median(found):.3f}" for found in costs[weights].values())
        cells = f"{weights:,}", "-".join(map(str, sizes)), *medians
        write(line(f"{cell:>17s}" for cell in cells))
    if told.markdown:
        told.markdown.write_text("\n".join([*written, ""]))
    if told.chart:
        charts.sizes(costs, told.dtypes, told.chart)


if __name__ == "__main__":
    main()
