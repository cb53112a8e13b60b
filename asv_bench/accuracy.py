"""Time to accuracy on MNIST's digits: all learn by one recipe, on one thread, in float32.

    python asv_bench/accuracy.py [--seeds 5] [--rules adam momentum] [--markdown FILE] [--choose]

Seconds are those of training, the order of each epoch included. What compiling takes is said
apart. With --choose the candidates of recipes.py are compared instead: three seeds, 50,000 digits
to learn from, and the accuracy on the other 10,000 of the training digits, never on those of the
test. Chosen is that with the least work, which is weights times epochs, that reaches 98%. (All
learn the same, so `mlp_fast` chooses for all.)
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from command import header
from data import all_mnist
from learners import LEARNERS, Learner, Ours
from peers.peer import Array
from recipes import CANDIDATES, HELD_OUT, RECIPES, Recipe
from report import line

FEW = 10  # batches, which suffice to compile
CHOICES = 3  # seeds by which to choose
AIM = 0.98
HEAD = "contender", "test accuracy", "seconds", "samples/s", "× mlp_fast's time", "compiling"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--rules", nargs="+", choices=RECIPES, default=list(RECIPES))
    options.add_argument("--choose", action="store_true", help="compare recipes instead")
    options.add_argument("--markdown", type=Path, help="write what is printed to this file, too")
    told = options.parse_args()
    lines = [f"```\n{header()}\n```\n"]
    print(lines[0], flush=True)
    for rule in told.rules:
        for text in chosen(rule) if told.choose else compared(RECIPES[rule], told.seeds):
            print(text, flush=True)
            lines.append(text)
    if told.markdown:
        told.markdown.write_text("\n".join([*lines, ""]))


def digits() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return those to train with and those to test, as float32."""
    return tuple(tuple(rows.astype(np.float32) for rows in part) for part in all_mnist())


def accuracy(learner: Learner, X: Array, T: Array) -> float:
    return float(np.mean(learner.outputs(X).argmax(axis=1) == T.argmax(axis=1)))


def whole_batches(recipe: Recipe, X: Array, T: Array) -> tuple[Array, Array]:
    """Leave a last batch out that is not full, as JAX's scan needs it."""
    rows = len(X) // recipe.network.batch_size * recipe.network.batch_size
    return X[:rows], T[:rows]


def chosen(rule: str) -> Iterator[str]:
    """Yield how well each candidate does on digits that it has not seen, and which is chosen."""
    (X, T), _ = digits()
    yield line(("recipe", f"median accuracy on {HELD_OUT:,} training digits held out", "work"))
    yield line(("---", "--:", "--:"))
    found = []
    for recipe in CANDIDATES[rule]:
        learner, reached = Ours(recipe, *whole_batches(recipe, X[:-HELD_OUT], T[:-HELD_OUT])), []
        for seed in range(CHOICES):
            learner.train(seed, recipe.rates)
            reached.append(accuracy(learner, X[-HELD_OUT:], T[-HELD_OUT:]))
        found.append((recipe, float(np.median(reached))))
        yield line((str(recipe), f"{found[-1][1]:.2%}", f"{recipe.work:,}"))
    enough = [recipe for recipe, reached in found if reached >= AIM]
    best = max(found, key=lambda pair: pair[1])[0]
    told = f"the least work that reaches {AIM:.0%}" if enough else "the best, as none is there"
    yield f"\nchosen, {told}: {min(enough, key=lambda recipe: recipe.work, default=best)}\n"


def compared(recipe: Recipe, seeds: int) -> Iterator[str]:
    """Yield a table: what each learner reaches, and when; they take turns, seed by seed."""
    train, test = digits()
    X, T = whole_batches(recipe, *train)
    yield f"### {recipe}\n"
    learners, compiling = {}, {}
    for name, make in LEARNERS.items():
        try:
            compiling[name] = first(make, recipe, X, T)
        except NotImplementedError as reason:
            yield f"{name}: {reason}"
            continue
        learners[name] = make(recipe, X, T)
        learners[name].train(0, recipe.rates[:1])  # whatever else is done once
    took, reached = ({name: [] for name in learners} for _ in range(2))
    for seed in range(seeds):
        for name in np.random.default_rng(seed).permutation(list(learners)):
            started = time.perf_counter()
            learners[name].train(seed, recipe.rates)
            took[name].append(time.perf_counter() - started)
            reached[name].append(accuracy(learners[name], *test))
    yield line(HEAD)
    yield line(("---", *["--:"] * (len(HEAD) - 1)))
    for name in learners:
        yield line((name, *cells(name, recipe, len(X), took, reached), f"{compiling[name]:.1f} s"))
    yield ""


def cells(name: str, recipe: Recipe, rows: int, took: dict, reached: dict) -> Iterable[str]:
    """Yield the medians of a learner."""
    low, middle, high = np.quantile(reached[name], (0, 0.5, 1))
    yield f"{middle:.2%} ({low:.2%} to {high:.2%})"
    yield f"{np.median(took[name]):.2f}"
    yield f"{rows * recipe.epochs / np.median(took[name]):,.0f}"
    pairs = np.divide(took[name], took["mlp_fast"]) if "mlp_fast" in took else [np.nan]
    yield f"{np.median(pairs):.2f}"


def first(make: type[Learner], recipe: Recipe, X: Array, T: Array) -> float:
    """Return how much longer the first training takes than the second, on a few batches."""
    rows = FEW * recipe.network.batch_size
    learner, seconds = make(recipe, X[:rows], T[:rows]), []
    for _ in range(2):
        started = time.perf_counter()
        learner.train(0, recipe.rates[:1])
        seconds.append(time.perf_counter() - started)
    return seconds[0] - seconds[1]


if __name__ == "__main__":
    main()
