"""Draw what a network makes of the plane around its data, and where its prediction changes."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlp_fast.mlp import MLP
from mlp_fast.plots.figures import Figure, drawing, graph_objects
from mlp_fast.plots.plane import Plane

SHADES = [  # of outputs: blue where 0 is predicted, orange where 1 is, darker towards 0 and 1
    (0.0, "#7fb2dc"),
    (0.5, "#dcebf7"),
    (0.5, "#fdecd6"),
    (1.0, "#f3aa5c"),
]
LEVEL, EDGE = "rgba(60, 60, 60, 0.45)", "#222222"  # lines: of equal output, of the boundary
FLAT = 1e-5  # a range of outputs in which float32 has no room for lines
TARGETS = (("#08519c", "circle"), ("#c04a00", "square"))  # colour and symbol of a point: 0, 1
HEAD = {  # plotly's own buttons, the title's two lines, the legend: below each other on a phone
    "title": {"yref": "container", "y": 1, "yanchor": "top", "pad": {"t": 42}},
    "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"},
    "margin": {"t": 110},
}


def decision_boundary(
    network: MLP, X: ArrayLike, T: ArrayLike, *, grid: int = 200, title: str = "Decision boundary"
) -> Figure:
    """Draw a network's outputs around its data, and the data, the tutorial's plot 6.

    The plane is orange where the network predicts 1, blue where it predicts 0, and darker the
    nearer its output is to 1 or 0. Thin lines join equal outputs; the thick one is the decision
    boundary, where the output is 0.5.

    Parameters
    ----------
    network : MLP
        A network that has weights, two inputs, and one output that predicts 0 or 1 (sigmoid or
        threshold).
    X : array_like, shape (k, 2)
        Inputs.
    T : array_like, shape (k, 1) or (k,)
        Their targets, 0 or 1.
    grid : int, default 200
        Points along each axis at which the network is evaluated.
    title : str, default 'Decision boundary'
        Title of the figure.

    Returns
    -------
    plotly.graph_objects.Figure
        The outputs, the boundary, then the points of each target on top of them. It fills the
        window in which it is shown.

    Raises
    ------
    ValueError, TypeError
        If the network or an array is invalid.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> from mlp_fast.plots import XOR_INPUTS, XOR_TARGETS, decision_boundary
    >>> m = MLP().train(XOR_INPUTS, XOR_TARGETS, 5001, layer_sizes=(2,), learning_rate=1)
    >>> figure = decision_boundary(m, XOR_INPUTS, XOR_TARGETS, grid=50)
    >>> [trace.name for trace in figure.data]
    ['output', 'boundary', 'target 0', 'target 1']
    """
    return picture(Plane(network, X, T, grid), network.weights, title)


def picture(plane: Plane, weights: Any, title: str) -> Figure:
    """Draw the outputs with these weights, and the points on top."""
    figure = drawing(
        [*_surface(plane), _points(plane, 0), _points(plane, 1)], title, ("Input 1", "Input 2")
    )
    # otherwise the axes would leave a white margin for the markers
    figure.update_xaxes(range=[plane.x[0], plane.x[-1]])
    figure.update_yaxes(range=[plane.y[0], plane.y[-1]])
    now = state(plane, weights, title)
    for trace, changed in zip(figure.data, now["data"], strict=False):
        trace.update(changed)
    return figure.update_layout(HEAD).update_layout(now["layout"])


def state(plane: Plane, weights: Any, title: str) -> dict[str, Any]:
    """Return what depends on the weights: an update of a picture's first traces and its title."""
    z = plane.outputs(weights)
    told = (
        f"{plane.right(weights)} of {len(plane)} points right; "
        f"outputs from {z.min():.3g} to {z.max():.3g}"
    )
    return {
        "data": [
            {"type": "contour", "z": z, "contours": _levels(z)},
            {"type": "contour", "z": z},
        ],
        "layout": {"title": {"text": f'{title}<br><span style="font-size: 13px">{told}</span>'}},
    }


def _levels(z: NDArray[np.float32]) -> dict[str, float]:
    """Return eight or so levels at most, at round numbers, for the lines of equal output.

    They are on both sides of 0.5, never on it: that is where the boundary is drawn.
    """
    low, high = float(z.min()), float(z.max())
    if high - low < FLAT or np.isin(z, (0, 1)).all():
        return {"start": 2, "end": 2, "size": 1}  # none: no output is 2
    decade = 10.0 ** math.floor(math.log10(high - low))
    half = next(f * decade for f in (0.1, 0.2, 0.5, 1) if high - low <= 16 * f * decade)
    start = 0.5 + half * (2 * math.ceil((low - 0.5 - half) / (2 * half)) + 1)
    return {"start": start, "end": high, "size": 2 * half}


def _surface(plane: Plane) -> list[Any]:
    """Return two traces: shades and lines of the outputs; the line between 0 and 1."""
    go = graph_objects()
    outputs = go.Contour(
        x=plane.x,
        y=plane.y,
        zmin=0,
        zmax=1,
        colorscale=SHADES,
        colorbar={
            "title": {"text": "output", "side": "right"},
            "thickness": 12,
            "tickvals": [0, 0.5, 1],
        },
        contours={
            "coloring": "heatmap",
            "showlabels": True,
            "labelfont": {"size": 10, "color": EDGE},
        },
        line={"color": LEVEL, "width": 0.5},
        name="output",
        hovertemplate="(%{x:.3g}, %{y:.3g}): output %{z:.3f}, predicted %{z:.0f}<extra></extra>",
    )
    boundary = go.Contour(
        x=plane.x,
        y=plane.y,
        contours={"start": 0.5, "end": 0.5, "size": 1, "coloring": "none"},
        line={"color": EDGE, "width": 3},
        name="boundary",
        showlegend=False,
        hoverinfo="skip",
    )
    return [outputs, boundary]


def _points(plane: Plane, target: int) -> Any:
    colour, symbol = TARGETS[target]
    chosen = plane.points(target)
    return graph_objects().Scatter(
        x=chosen[:, 0],
        y=chosen[:, 1],
        mode="markers",
        name=f"target {target}",
        marker={
            "color": colour,
            "symbol": symbol,
            "size": 12,
            "line": {"color": "white", "width": 1.5},
        },
    )
