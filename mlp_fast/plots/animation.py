"""Animate the decision boundary of a network during its training."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from mlp_fast.checks import count
from mlp_fast.mlp import MLP
from mlp_fast.plots.boundary import picture, state
from mlp_fast.plots.figures import Figure, graph_objects
from mlp_fast.plots.plane import Plane

MILLISECONDS = 50  # for each frame


def boundary_animation(
    network: MLP,
    X: ArrayLike,
    T: ArrayLike,
    *,
    every: int = 50,
    grid: int = 50,
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
    grid : int, default 50
        Points along each axis at which the network is evaluated.
    title : str, default 'Decision boundary during training'
        Title of the figure.

    Returns
    -------
    plotly.graph_objects.Figure
        What `decision_boundary` draws, for the initial weights, and a frame for each epoch that is
        shown; a button to play them and one to stop, and a slider. ``show(auto_play=False)`` and
        ``write_html(path, auto_play=False)`` leave the start to the button.

    Raises
    ------
    ValueError, TypeError
        If the network or an argument is invalid.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> from mlp_fast.plots import XOR_INPUTS, XOR_TARGETS, boundary_animation
    >>> m = MLP(layer_sizes=(2,), learning_rate=1, save_weights=True)
    >>> figure = boundary_animation(m.train(XOR_INPUTS, XOR_TARGETS, 90), XOR_INPUTS, XOR_TARGETS)
    >>> [frame.name for frame in figure.frames]
    ['0', '50', '90']
    """
    plane = Plane(network, X, T, grid)
    every = count("every", every)
    saved: Sequence[Any] | None = getattr(network, "saved_weights", None)
    if not saved:
        raise ValueError(
            "network must have saved_weights: train it with train(..., save_weights=True); "
            f"got {network!r} without"
        )
    last = len(saved) - 1
    epochs = [*range(0, last, every), last]
    figure = picture(plane, saved[0], title)
    frame = graph_objects().Frame
    figure.frames = [
        frame(name=str(epoch), traces=[0, 1], **state(plane, saved[epoch], title))
        for epoch in epochs
    ]
    return figure.update_layout(_controls([str(epoch) for epoch in epochs]))


def _controls(frames: list[str]) -> dict[str, Any]:
    """Return the layout's buttons and slider for frames of these names.

    The buttons are in the row of the slider's "Epoch ...", so that both fit on a phone.
    """
    below = {"x": 0, "y": 0, "yanchor": "top"}
    return {
        "margin": {"b": 170},
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "xanchor": "left",
                "pad": {"t": 58},
                **below,
                "buttons": [
                    {"label": "Play", **_animate(None, MILLISECONDS)},
                    {"label": "Stop", **_animate([None], 0)},
                ],
            }
        ],
        "sliders": [
            {
                "len": 1,
                "pad": {"t": 72},
                **below,
                "currentvalue": {"prefix": "Epoch ", "xanchor": "right", "offset": 18},
                "steps": [{"label": name, **_animate([name], 0)} for name in frames],
            }
        ],
    }


def _animate(frames: list[Any] | None, milliseconds: int) -> dict[str, Any]:
    """Return the action of a button or slider step: show these frames; None is all, [None] none."""
    options = {
        "frame": {"duration": milliseconds, "redraw": True},  # contours need it
        "transition": {"duration": 0},
        "mode": "immediate",
        "fromcurrent": True,
    }
    return {"method": "animate", "args": [frames, options]}
