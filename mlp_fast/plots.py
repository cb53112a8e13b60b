"""The tutorial's pictures, as plotly figures: activations, a decision boundary, its training."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlp_fast.boundary.inputs import as_rows
from mlp_fast.boundary.rows import as_dense
from mlp_fast.boundary.targets import as_targets, check_width
from mlp_fast.extras import extra
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.mlp import MLP
from mlp_fast.reference import activate
from mlp_fast.settings import count, positive

Figure: TypeAlias = Any  # a plotly.graph_objects.Figure; plotly has no types

XOR_INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR_TARGETS = np.array([[0], [1], [1], [0]])

TEMPLATE = "plotly_white"
CURVES = {"threshold": "#222222", "sigmoid": "#0072b2", "tanh": "#d55e00"}  # and their colours
FAR, NEAR, CURVE_POINTS = 100, 10, 2001  # an odd number of points, so that 0 is one of them

REGIONS = ("#c6dcf0", "#fbd9b5")  # what is predicted: 0, 1
TARGETS = (("#08519c", "circle"), ("#c04a00", "square"))  # colour and symbol of a point: 0, 1
BOUNDARY_SIZE = (600, 620)  # width and height, which make the plane a square
CONTROLS = 70  # height of the buttons and the slider
PLOTLY_MARGIN = 80  # below a plot, where the layout sets none
MARGIN = 0.1  # around the points, as a fraction of their extent
MILLISECONDS = 50  # for each frame of the animation


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
    return figure.update_layout(template=TEMPLATE, width=800, height=450, showlegend=False)


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
    return _figure(
        [_curve(name, NEAR) for name in CURVES], "Activations", ("x", "g(x)"), width=700, height=600
    )


def decision_boundary(
    network: MLP, X: ArrayLike, T: ArrayLike, *, grid: int = 200, title: str = "Decision boundary"
) -> Figure:
    """Draw a network's predictions around its data, and the data, the tutorial's plot 6.

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
        A heatmap of the predictions, then the points of each target on top of it.

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
    ['prediction', 'target 0', 'target 1']
    """
    plane = _Plane(network, X, T, grid)
    return plane.figure(network.weights, title)


def boundary_animation(
    network: MLP,
    X: ArrayLike,
    T: ArrayLike,
    *,
    every: int = 50,
    grid: int = 100,
    title: str = "Decision boundary during training",
) -> Figure:
    """Animate the decision boundary during training, the tutorial's plot 7.

    Parameters
    ----------
    network : MLP
        One that `decision_boundary` can draw, trained with ``save_weights=True``.
    X : array_like, shape (k, 2)
        Inputs.
    T : array_like, shape (k, 1) or (k,)
        Their targets, 0 or 1.
    every : int, default 50
        Epochs from one frame to the next; the last epoch is a frame in any case.
    grid : int, default 100
        Points along each axis at which the network is evaluated.
    title : str, default 'Decision boundary during training'
        Title of the figure.

    Returns
    -------
    plotly.graph_objects.Figure
        The decision boundary of the initial weights, a frame for each epoch that is shown, a
        button to play them and one to stop, and a slider. ``show(auto_play=False)`` leaves the
        start to the button.

    Raises
    ------
    ValueError, TypeError
        If the network or an argument is invalid.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> from mlp_fast.plots import XOR_INPUTS, XOR_TARGETS, boundary_animation
    >>> m = MLP(layer_sizes=(2,), learning_rate=1, save_weights=True)
    >>> figure = boundary_animation(m.train(XOR_INPUTS, XOR_TARGETS, 120), XOR_INPUTS, XOR_TARGETS)
    >>> [frame.name for frame in figure.frames]
    ['0', '50', '100', '120']
    """
    plane = _Plane(network, X, T, grid)
    every = count("every", every)
    saved: Sequence[Any] | None = getattr(network, "saved_weights", None)
    if not saved:
        raise ValueError(
            "network must have saved_weights: train it with train(..., save_weights=True); "
            f"got {network!r} without"
        )
    last = len(saved) - 1
    epochs = [*range(0, last, every), last]
    go = _graph_objects()
    figure = plane.figure(saved[0], title)
    figure.frames = [
        go.Frame(name=str(epoch), data=[go.Heatmap(z=plane.predictions(saved[epoch]))], traces=[0])
        for epoch in epochs
    ]
    return figure.update_layout(_controls([str(epoch) for epoch in epochs]))


def write_all(folder: str | Path) -> list[Path]:
    """Write the tutorial's seven pictures, those of the XOR network included, as HTML files.

    Parameters
    ----------
    folder : str or path
        Where to write; created if it does not exist.

    Returns
    -------
    list of path
        The files, each of which is self-contained.

    Examples
    --------
    >>> import tempfile
    >>> from mlp_fast.plots import write_all
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_all(folder)][:2]
    ['1-threshold.html', '2-sigmoid.html']
    """
    folder = Path(folder)
    figures = dict(_all_figures())
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.html" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        # the animation waits for its button
        figure.write_html(path, include_plotlyjs=True, full_html=True, auto_play=False)
    return paths


def _all_figures() -> Iterator[tuple[str, Figure]]:
    yield "1-threshold", threshold_activation()
    yield "2-sigmoid", sigmoid_activation()
    yield "3-threshold-and-sigmoid", threshold_and_sigmoid()
    yield "4-tanh", tanh_activation()
    yield "5-activations", activations()
    X, T = XOR_INPUTS, XOR_TARGETS
    m = MLP().train(
        X, T, 5001, layer_sizes=(2,), learning_rate=1, random_state=0, save_weights=True
    )
    yield "6-decision-boundary", decision_boundary(m, X, T, title="Decision boundary of XOR")
    title = "Decision boundary of XOR during training"
    yield "7-boundary-animation", boundary_animation(m, X, T, title=title)


class _Plane:
    """The rectangle around the points of a data set, on which a network is evaluated."""

    def __init__(self, network: MLP, X: ArrayLike, T: ArrayLike, grid: int) -> None:
        weights = network.weights
        for name, got, right in (
            ("two inputs", weights[0].shape[0] - 1, 2),
            ("one output", weights[-1].shape[1], 1),
        ):
            if got != right:
                raise ValueError(f"network must have {name}; got a network with {got}")
        self._network = network
        self._X = as_dense(as_rows(X, "float64", 2))
        T, _ = as_targets(T, "float64", len(self._X))
        check_width(T, 1)
        self._t = T[:, 0]
        _check_binary("T must hold 0 and 1 only", self._t)
        grid = count("grid", grid, least=2)
        self._x, self._y = (_axis(column, grid) for column in self._X.T)

    def predictions(self, weights: Any) -> NDArray[np.int8]:
        """Return the network's predictions with these weights, one row per y."""
        xx, yy = np.meshgrid(self._x, self._y)
        inputs = np.column_stack([xx.ravel(), yy.ravel()])
        predicted = self._network.predict(inputs, weights).ravel()
        _check_binary(
            "network must predict 0 or 1, with output_activation='sigmoid' or 'threshold'",
            predicted,
        )
        return predicted.reshape(xx.shape).astype(np.int8)

    def figure(self, weights: Any, title: str) -> Figure:
        """Draw the predictions, and the points on top."""
        figure = _figure(
            [self._heatmap(weights), self._points(0), self._points(1)],
            title,
            ("Input 1", "Input 2"),
            *BOUNDARY_SIZE,
        )
        figure.update_layout(
            legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"}
        )
        # otherwise the axes would leave a white margin for the markers
        figure.update_xaxes(range=[self._x[0], self._x[-1]])
        figure.update_yaxes(range=[self._y[0], self._y[-1]])
        return figure

    def _heatmap(self, weights: Any) -> Any:
        return _graph_objects().Heatmap(
            x=self._x,
            y=self._y,
            z=self.predictions(weights),
            zmin=0,
            zmax=1,
            colorscale=list(enumerate(REGIONS)),
            showscale=False,
            name="prediction",
            hovertemplate="(%{x:.3g}, %{y:.3g}): %{z}",
        )

    def _points(self, target: int) -> Any:
        colour, symbol = TARGETS[target]
        chosen = self._X[self._t == target]
        return _graph_objects().Scatter(
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


def _check_binary(rule: str, values: NDArray[Any]) -> None:
    wrong = values[(values != 0) & (values != 1)]
    if wrong.size:
        raise ValueError(f"{rule}; got {wrong[0]:g}")


def _axis(values: Floats, grid: int) -> Floats:
    """Return points along an axis, a margin beyond the values."""
    low, high = values.min(), values.max()
    margin = MARGIN * (high - low or abs(high) or 1.0)
    return np.linspace(low - margin, high + margin, grid)


def _controls(frames: list[str]) -> dict[str, Any]:
    """Return the layout's buttons and slider for frames of these names."""
    below = {"y": 0, "yanchor": "top"}
    return {
        "height": BOUNDARY_SIZE[1] + CONTROLS,
        "margin": {"b": PLOTLY_MARGIN + CONTROLS},
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0,
                "xanchor": "left",
                "pad": {"t": 85},
                **below,
                "buttons": [
                    {"label": "Play", **_animate(None, MILLISECONDS)},
                    {"label": "Stop", **_animate([None], 0)},
                ],
            }
        ],
        "sliders": [
            {
                "x": 0.25,
                "len": 0.75,
                "pad": {"t": 60},
                **below,
                "currentvalue": {"prefix": "Epoch "},
                "steps": [{"label": name, **_animate([name], 0)} for name in frames],
            }
        ],
    }


def _animate(frames: list[Any] | None, milliseconds: int) -> dict[str, Any]:
    """Return the action of a button or slider step: show these frames; None is all, [None] none."""
    options = {
        "frame": {"duration": milliseconds, "redraw": True},  # a heatmap needs it
        "transition": {"duration": 0},
        "mode": "immediate",
        "fromcurrent": True,
    }
    return {"method": "animate", "args": [frames, options]}


def _alone(name: str, beta: float = 1.0) -> Figure:
    return _figure([_curve(name, FAR, beta)], _title(name), ("x", "g(x)"), width=600, height=500)


def _title(name: str) -> str:
    return f"{name.capitalize()} activation"


def _curve(name: str, far: float, beta: float = 1.0) -> Any:
    x = np.linspace(-far, far, CURVE_POINTS)
    # "vh": up first, then to the right, for the threshold is 0 at 0 and 1 just above
    shape = "vh" if name == "threshold" else "linear"
    line = {"color": CURVES[name], "shape": shape, "simplify": False}
    return _graph_objects().Scatter(
        x=x, y=activate(name, x, beta), mode="lines", name=name.capitalize(), line=line
    )


def _figure(
    traces: list[Any], title: str, axes: tuple[str, str], width: int, height: int
) -> Figure:
    figure = _graph_objects().Figure(traces)
    return figure.update_layout(
        template=TEMPLATE,
        title_text=title,
        xaxis_title=axes[0],
        yaxis_title=axes[1],
        width=width,
        height=height,
    )


def _graph_objects() -> Any:
    return extra("plotly.graph_objects", "plot")
