"""What all figures have in common: plotly, a template, and that they fill what shows them."""

from typing import Any, TypeAlias

from mlp_fast.extras import extra

Figure: TypeAlias = Any  # a plotly.graph_objects.Figure; plotly has no types

STYLE = {
    "template": "plotly_white",
    "autosize": True,  # as large as the window or the notebook's cell
    "margin": {"l": 70, "r": 30, "t": 80, "b": 70},
}


def drawing(traces: list[Any], title: str, axes: tuple[str, str]) -> Figure:
    """Return a figure of these traces, as large as the window or notebook cell that shows it."""
    figure = graph_objects().Figure(traces)
    return figure.update_layout(STYLE, title_text=title, xaxis_title=axes[0], yaxis_title=axes[1])


def graph_objects() -> Any:
    """Import plotly's figures and traces."""
    return extra("plotly.graph_objects", "plot")
