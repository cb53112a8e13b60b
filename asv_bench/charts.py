"""The charts for the README, as SVG: Matplotlib draws them without a browser."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from judge import Outcome, median_interval
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from workloads import CLASSES

COLOURS = dict(
    zip(CLASSES, ("#333333", "#d55e00", "#cc79a7", "#0072b2", "#56b4e9", "#009e73"), strict=True)
)
MODES = {"online": "#0072b2", "batch 32": "#d55e00"}
WIDTH = 9.0  # inches

matplotlib.rcParams |= {
    "font.size": 8,
    "figure.labelsize": 8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "svg.fonttype": "none",  # text that can be searched, and a small file
    "svg.hashsalt": "mlp_fast",  # the same file for the same figures
}


def comparison(outcomes: list[Outcome], path: Path) -> None:
    """Draw the ratio to the fastest contender of each kind, row by row, for each dtype."""
    outcomes = [outcome for outcome in outcomes if outcome.ratio(CLASSES)]
    names = list(dict.fromkeys(outcome.row.name for outcome in outcomes))
    dtypes = list(dict.fromkeys(outcome.dtype for outcome in outcomes))
    figure = Figure((WIDTH, 1.2 + 0.24 * len(names)), layout="constrained")
    axes = figure.subplots(1, max(1, len(dtypes)), sharex=True, sharey=True, squeeze=False)[0]
    for dtype, ax in zip(dtypes, axes, strict=False):
        ax.set_title(dtype)
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}×")
        ax.axvline(1, color="black", linewidth=0.8)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        for outcome in outcomes:
            if outcome.dtype == dtype:
                _draw(ax, names.index(outcome.row.name), outcome)
    ax = axes[0]
    handles = [ax.plot([], [], "o", color=COLOURS[kind], label=kind)[0] for kind in CLASSES]
    handles += ax.plot([], [], "|", color="black", markersize=9, label="promised")
    handles += ax.plot([], [], "x", color="black", label="missed")
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    figure.supxlabel("times the samples per second of the fastest contender of a kind")
    _save(figure, path)


def _draw(ax: Axes, y: int, outcome: Outcome) -> None:
    missed = {v.ratio.peer for v in outcome.verdicts if v.word == "missed"}
    for kind in CLASSES:
        if ratio := outcome.ratio((kind,)):
            ax.plot(ratio.interval, (y, y), color=COLOURS[kind], linewidth=2)
            marker, size = ("x", 6) if ratio.peer in missed else ("o", 4.5)
            ax.plot(ratio.value, y, marker, color=COLOURS[kind], markersize=size)
    for verdict in outcome.verdicts:
        kind = next((kind for kind in CLASSES if verdict.ratio.peer.startswith(kind)), None)
        if kind:
            ax.plot(verdict.target.ratio, y, "|", color=COLOURS[kind], markersize=11)


def sizes(costs: dict[int, Any], dtypes: Sequence[str], path: Path) -> None:
    """Draw the cost of a weight by the number of weights, for each dtype."""
    figure = Figure((WIDTH, 3.4), layout="constrained")
    axes = figure.subplots(1, len(dtypes), sharex=True, sharey=True, squeeze=False)[0]
    for dtype, ax in zip(dtypes, axes, strict=True):
        ax.set_title(dtype)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(lambda y, _: f"{y:g}" if f"{y:e}"[0] in "25" else "")
        for mode, colour in MODES.items():
            found = [by_way[mode, dtype] for by_way in costs.values()]
            low, high = zip(*map(median_interval, found), strict=True)
            ax.fill_between(list(costs), low, high, color=colour, alpha=0.25, linewidth=0)
            ax.plot(list(costs), np.median(found, axis=1), "o-", color=colour, label=mode)
    axes[0].set_ylabel("ns a weight and sample")
    axes[0].legend(loc="lower left")
    figure.supxlabel("weights")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
