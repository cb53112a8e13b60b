"""The charts for the README, as SVG: Matplotlib draws them without a browser."""

from pathlib import Path

import matplotlib
import numpy as np
from caches import named
from costs import Cost
from judge import Outcome
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from workloads import CLASSES

COLOURS = dict(
    zip(
        CLASSES,
        ("#333333", "#d55e00", "#cc79a7", "#0072b2", "#56b4e9", "#009e73", "#e69f00"),
        strict=True,
    )
)
MODES = {"online": "#0072b2", "batch 32": "#d55e00"}
WIDTH = 9.0  # inches

matplotlib.rcParams |= {
    "font.size": 8,
    "figure.labelsize": 8,
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
        _scales(ax, names)
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


def _scales(ax: Axes, names: list[str]) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:g}×")
    ax.axvline(1, color="black", linewidth=0.8)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(color="#dddddd", linewidth=0.5)
    ax.set_axisbelow(True)


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


def sizes(costs: list[Cost], caches: dict[str, int], path: Path) -> None:
    """Draw the cost of a weight by the number of weights, and where they fill each cache."""
    dtypes = list(dict.fromkeys(cost.dtype for cost in costs))
    figure = Figure((WIDTH, 3.4), layout="constrained")
    axes = figure.subplots(1, len(dtypes), sharex=True, sharey=True, squeeze=False)[0]
    for dtype, ax in zip(dtypes, axes, strict=True):
        ax.set_title(dtype, pad=16)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(lambda y, _: f"{y:g}" if f"{y:e}"[0] in "25" else "")
        ax.grid(color="#dddddd", linewidth=0.5)
        for mode, colour in MODES.items():
            shown = [cost for cost in costs if (cost.mode, cost.dtype) == (mode, dtype)]
            weights = [cost.weights for cost in shown]
            low, high = zip(*(cost.interval for cost in shown), strict=True)
            ax.fill_between(weights, low, high, color=colour, alpha=0.25, linewidth=0)
            ax.plot(weights, [cost.median for cost in shown], "o-", color=colour, label=mode)
        for cache in caches.items():
            full = cache[1] / np.dtype(dtype).itemsize
            ax.axvline(full, color="black", linewidth=0.8, linestyle="--")
            above = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center"}
            ax.annotate(named(*cache), (full, 1), xycoords=ax.get_xaxis_transform(), **above)
    axes[0].set_ylabel("ns a weight and sample")
    axes[0].legend(loc="lower left")
    figure.supxlabel("weights; dashed: as many as a cache holds")
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
