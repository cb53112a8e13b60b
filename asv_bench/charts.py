"""The charts for the README, as SVG: Matplotlib draws them without a browser."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from judge import median_interval
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from readme import Workload, number, table

PEERS = {  # what each is called, its marker and its colour
    "C": ("C, written by hand", "s", "#222222"),
    "JAX": ("JAX", "D", "#d55e00"),
    "PyTorch": ("PyTorch", "o", "#cc79a7"),
    "scikit-learn": ("scikit-learn", "^", "#0072b2"),
    "NumPy": ("NumPy", "v", "#009e73"),
    "FANN": ("FANN, a C library", "X", "#b8860b"),
}
LOST = "#f6dede"  # the side of the chart where a peer is faster
MODES = {"online": "#0072b2", "batch 32": "#d55e00"}
WIDTH = 9.0  # inches
TICKS = {0.01: "1/100", 0.1: "1/10", 1: "equal"}

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


def comparison(workloads: list[Workload], path: Path) -> None:
    """Draw how many times as fast as each peer `mlp_fast` is; the file holds the table, too."""
    lines: list[str | Workload] = []  # a group's name, then its workloads
    for group, members in groupby(workloads, key=lambda workload: workload.group):
        if compared := [workload for workload in members if workload.ratios]:
            lines += [group, *compared]
    figure = Figure((WIDTH, 1.6 + 0.2 * len(lines)), layout="constrained")
    ax = figure.subplots()
    ax.set_xscale("log")
    ax.grid(False, axis="y")
    names = [line if isinstance(line, str) else line.name for line in lines]
    ax.set_yticks(range(len(lines)), names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(lines) - 0.4, -1.7)
    used = {}
    for y, line in enumerate(lines):
        if isinstance(line, str):
            ax.get_yticklabels()[y].set_weight("bold")
            continue
        ax.axhline(y, color="#dddddd", linewidth=0.5, zorder=0)
        for peer, ratio in line.ratios.items():
            used[peer] = _dot(ax, ratio, y, peer)
    _sides(ax)
    figure.legend(
        handles=[used[peer] for peer in PEERS if peer in used],
        loc="outside upper center",
        ncols=len(PEERS),
        frameon=False,
        fontsize=9,
        title="How many times as fast as each of these is mlp_fast?",
        title_fontproperties={"size": 12, "weight": "bold"},
    )
    _save(figure, path, Description=table(workloads))


def _dot(ax: Axes, ratio: str, y: int, peer: str) -> Any:
    """Draw a ratio, with its number if it is lost; return what the legend shows."""
    (name, marker, colour), value = PEERS[peer], number(ratio)
    if value < 1:
        offset = {"xytext": (-6, 0), "textcoords": "offset points"}
        ax.annotate(ratio, (value, y), **offset, ha="right", va="center", weight="bold")
    style = {"color": colour, "markersize": 6, "markeredgecolor": "white", "clip_on": False}
    return ax.plot(value, y, marker, markeredgewidth=0.5, label=name, linestyle="", **style)[0]


def _sides(ax: Axes) -> None:
    """Shade the side where a peer is faster, and say which side is which."""
    low, high = ax.get_xlim()
    low, high = min(low, 0.05), max(high, 20)
    ax.set_xlim(low, high)
    ax.axvspan(low, 1, color=LOST, zorder=-1)
    ax.axvline(1, color="black", linewidth=1.2)
    for place, side, text in (
        (0.93, "right", "← mlp_fast slower"),
        (1.08, "left", "mlp_fast faster →"),
    ):
        ax.text(place, -1, text, ha=side, va="center", weight="bold", fontsize=10)
    ticks = [tick for tick in (0.01, 0.1, 1, 10, 100, 1000, 10_000) if low <= tick <= high]
    ax.set_xticks(ticks, [TICKS.get(tick, f"{tick:,} times") for tick in ticks])
    ax.set_xlabel("speed of mlp_fast divided by that of another (log scale)")


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


def _save(figure: Figure, path: Path, **told: str) -> None:
    metadata = {"Date": None, **told} if path.suffix == ".svg" else None
    figure.savefig(path, metadata=metadata, dpi=110)
