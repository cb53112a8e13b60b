"""Draw activations: each alone, and beside each other."""

from typing import Any

import numpy as np

from mlp_fast.checks import positive
from mlp_fast.extras import extra
from mlp_fast.plots.figures import STYLE, Figure, drawing, graph_objects
from mlp_fast.reference import activate

CURVES = {"threshold": "#222222", "sigmoid": "#0072b2", "tanh": "#d55e00"}  # and their colours
FAR, NEAR, CURVE_POINTS = 100, 10, 2001  # an odd number of points, so that 0 is one of them
AXES = ("x", "g(x)")


def threshold_activation() -> Figure:
    """Draw the threshold activation (37), the tutorial's plot 1.

    Returns
    -------
    plotly.graph_objects.Figure
        Its curve from -100 to 100.

    Examples
    --------
    >>> from mlp_fast.plots import threshold_activation
    >>> threshold_activation().layout.title.text
    'Threshold activation'
    """
    return _alone("threshold")


def sigmoid_activation(beta: float = 1.0) -> Figure:
    """Draw the sigmoid activation (38), the tutorial's plot 2.

    Parameters
    ----------
    beta : float, default 1.0
        Its steepness.

    Returns
    -------
    plotly.graph_objects.Figure
        Its curve from -100 to 100.

    Examples
    --------
    >>> from mlp_fast.plots import sigmoid_activation
    >>> sigmoid_activation(beta=0.1).layout.title.text
    'Sigmoid activation, β = 0.1'
    """
    beta = positive("beta", beta)
    figure = _alone("sigmoid", beta)
    if beta != 1.0:
        figure.update_layout(title_text=f"{figure.layout.title.text}, β = {beta:g}")
    return figure


def threshold_and_sigmoid() -> Figure:
    """Draw the threshold (37) beside the sigmoid (38), the tutorial's plot 3.

    Returns
    -------
    plotly.graph_objects.Figure
        Two subplots that share the vertical axis, each from -10 to 10.

    Examples
    --------
    >>> from mlp_fast.plots import threshold_and_sigmoid
    >>> [title.text for title in threshold_and_sigmoid().layout.annotations]
    ['Threshold activation', 'Sigmoid activation']
    """
    names = ("threshold", "sigmoid")
    figure = extra("plotly.subplots", "plot").make_subplots(
        rows=1, cols=2, shared_yaxes=True, subplot_titles=[_title(name) for name in names]
    )
    for column, name in enumerate(names, start=1):
        figure.add_trace(_curve(name, NEAR), row=1, col=column)
    figure.update_xaxes(title_text="x")
    figure.update_yaxes(title_text="g(x)", col=1)
    return figure.update_layout(STYLE, showlegend=False)


def tanh_activation() -> Figure:
    """Draw the tanh activation (40), the tutorial's plot 4.

    Returns
    -------
    plotly.graph_objects.Figure
        Its curve from -100 to 100.

    Examples
    --------
    >>> from mlp_fast.plots import tanh_activation
    >>> curve = tanh_activation().data[0]
    >>> float(curve.y.min()), float(curve.y.max())
    (-1.0, 1.0)
    """
    return _alone("tanh")


def activations() -> Figure:
    """Draw the threshold (37), sigmoid (38) and tanh (40) together, the tutorial's plot 5.

    Returns
    -------
    plotly.graph_objects.Figure
        Three curves from -10 to 10, named in a legend.

    Examples
    --------
    >>> from mlp_fast.plots import activations
    >>> [curve.name for curve in activations().data]
    ['Threshold', 'Sigmoid', 'Tanh']
    """
    figure = drawing([_curve(name, NEAR) for name in CURVES], "Activations", AXES)
    # where no curve is, so that a narrow window keeps its width for them
    return figure.update_layout(legend={"x": 0.02, "y": 0.98})


def _alone(name: str, beta: float = 1.0) -> Figure:
    return drawing([_curve(name, FAR, beta)], _title(name), AXES)


def _title(name: str) -> str:
    return f"{name.capitalize()} activation"


def _curve(name: str, far: float, beta: float = 1.0) -> Any:
    x = np.linspace(-far, far, CURVE_POINTS)
    # "vh": up first, then to the right, for the threshold is 0 at 0 and 1 just above
    shape = "vh" if name == "threshold" else "linear"
    line = {"color": CURVES[name], "shape": shape, "simplify": False}
    return graph_objects().Scatter(
        x=x, y=activate(name, x, beta), mode="lines", name=name.capitalize(), line=line
    )
