"""Our estimators beside scikit-learn's own, which they stand in for: the same fits, by turns.

    python asv_bench/estimators.py [--repetitions 5] [--rows PATTERN] [--markdown FILE]

One thread; seconds are those of `fit`, once all is compiled. Both must end at the same loss.
"""

import argparse
import fnmatch
import time
import timeit
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from command import header
from data import all_mnist  # which sets the number of threads, before scikit-learn is loaded
from report import line
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning

import mlp_fast

Call = Callable[[], Any]
HEAD = "", "scikit-learn", "mlp_fast", "×", "wanted", "last loss", "apart"
MOST_APART = 1e-6  # of curves of loss: long fits of online learning move roundings apart


class Row(NamedTuple):
    """What both are timed at."""

    name: str
    data: str
    kind: str  # of estimator
    options: dict[str, Any]
    wanted: float  # times as fast, at least
    call: str = "fit"

    def made(self, package: Any) -> Any:
        """Return an estimator."""
        return getattr(package, self.kind)(random_state=0, **self.options)


ONLINE = {"batch_size": 1, "solver": "sgd", "max_iter": 5}
MOMENTUM = {"hidden_layer_sizes": (50,), "batch_size": 16, "solver": "sgd", "max_iter": 50}
CANCER = {"hidden_layer_sizes": (50,), "batch_size": 32, "max_iter": 50}
ROWS = (
    Row("digits / 16, batch 1, sgd", "digits", "MLPClassifier", ONLINE, 60),
    Row("digits / 16, batch auto, adam", "digits", "MLPClassifier", {"max_iter": 50}, 2.3),
    Row("breast cancer, (50,), batch 32, adam", "cancer", "MLPClassifier", CANCER, 12),
    Row("diabetes, (50,), batch 16, sgd", "diabetes", "MLPRegressor", MOMENTUM, 12),
    *(
        Row(f"MNIST, float64, {name}", "mnist", "MLPClassifier", {"max_iter": 1, **told}, wanted)
        for name, told, wanted in (
            ("batch 10, sgd", {"batch_size": 10, "solver": "sgd"}, 4),
            ("batch auto, adam", {}, 1.5),
        )
    ),
    Row("predict of one row, digits", "digits", "MLPClassifier", {"max_iter": 5}, 5, "predict"),
    Row(
        "partial_fit of one row, digits",
        "digits",
        "MLPClassifier",
        {"solver": "sgd", "max_iter": 5},
        10,
        "partial_fit",
    ),
)


def examples(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and what they are to be told by."""
    if name == "mnist":
        (X, T), _ = all_mnist()
        return X.astype(np.float64), T.argmax(axis=1)
    X, y = getattr(datasets, f"load_{NAMES[name]}")(return_X_y=True)
    if name == "digits":
        return X / 16, y
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, (y - y.mean()) / y.std() if name == "diabetes" else y


NAMES = {"digits": "digits", "cancer": "breast_cancer", "diabetes": "diabetes"}


def calls(row: Row) -> tuple[list[Any], list[Call]]:
    """Return both estimators, and what is timed: theirs first."""
    X, y = examples(row.data)
    both = [row.made(package) for package in (neural_network, mlp_fast)]
    if row.call == "fit":
        return both, [lambda m=m: m.fit(X, y) for m in both]
    one = np.ascontiguousarray(X[:1]), y[:1].copy()
    given = one if row.call == "partial_fit" else one[:1]
    for m in both:
        m.fit(X, y)
    return both, [lambda m=m: getattr(m, row.call)(*given) for m in both]


def measured(row: Row, repetitions: int) -> tuple[np.ndarray, float, float]:
    """Return seconds (repetitions, 2), our last loss, and how far apart both curves are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        both, timed = calls(row)
        number = 1 if row.call == "fit" else 200
        for call in timed:
            call()  # which also compiles
        seconds = [
            [timeit.timeit(call, number=number, timer=time.perf_counter) / number for call in timed]
            for _ in range(repetitions)
        ]
    theirs, ours = (np.array(m.loss_curve_) for m in both)
    apart = float(np.linalg.norm(theirs - ours) / np.linalg.norm(theirs))
    if apart > MOST_APART:
        raise AssertionError(f"{row.name}: these are not the same fits: {theirs} and {ours}")
    return np.array(seconds), float(ours[-1]), apart


def cells(row: Row, repetitions: int) -> Iterator[str]:
    """Yield the cells of a row of the table."""
    seconds, loss, apart = measured(row, repetitions)
    ratios = seconds[:, 0] / seconds[:, 1]
    yield row.name
    for of_one in np.median(seconds, axis=0):
        yield f"{of_one * 1e6:,.0f} µs" if of_one < 0.01 else f"{of_one:.2f} s"
    low, middle, high = np.quantile(ratios, (0, 0.5, 1))
    yield f"{middle:.3g} <sub>{low:.3g} to {high:.3g}</sub>"
    yield f"{row.wanted:g}"
    yield f"{loss:.4g}"
    yield f"{apart:.0e}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--repetitions", type=int, default=5)
    options.add_argument("--rows", default="*", help="a pattern of names")
    options.add_argument("--markdown", type=Path, help="write what is printed to this file, too")
    told = options.parse_args()
    lines = [f"```\n{header()}\n```\n", line(HEAD), line(("---", *["--:"] * 6))]
    print("\n".join(lines), flush=True)
    for row in ROWS:
        if fnmatch.fnmatch(row.name, told.rows):
            lines.append(line(cells(row, told.repetitions)))
            print(lines[-1], flush=True)
    if told.markdown:
        told.markdown.write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
