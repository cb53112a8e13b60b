"""Write the tutorial's seven pictures as pages, which share one script, and an index of them."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from mlp_fast.extras import extra
from mlp_fast.mlp import MLP
from mlp_fast.plots.activations import (
    activations,
    sigmoid_activation,
    tanh_activation,
    threshold_activation,
    threshold_and_sigmoid,
)
from mlp_fast.plots.animation import boundary_animation
from mlp_fast.plots.boundary import decision_boundary
from mlp_fast.plots.figures import Figure
from mlp_fast.plots.xor import XOR_INPUTS, XOR_TARGETS

SCRIPT = "plotly.min.js"  # the name by which pages of include_plotlyjs="directory" load it

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""

FILLED = """html, body, body > div { height: 100%; margin: 0; overflow: hidden; }"""

LISTED = """body { margin: 0 auto; max-width: 1500px; padding: 1rem; color: #222; }
body { font: 16px/1.4 system-ui, sans-serif; }
main { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); }
article { position: relative; border: 1px solid #ddd; border-radius: 6px; padding: 1rem; }
article:hover, article:focus-within { border-color: #0072b2; }
h2 { font-size: 1.1rem; margin: 0; }
h2 a { color: #005a8c; }
h2 a::after { content: ""; position: absolute; inset: 0; z-index: 1; } /* over all the card */
div { aspect-ratio: 3 / 2; overflow: hidden; }
iframe { width: 200%; height: 200%; border: 0; transform: scale(0.5); transform-origin: 0 0; }
@media (max-width: 400px) { main { grid-template-columns: 1fr; } }"""

CARD = """<article>
<h2><a href="{name}.html">{title}</a></h2>
<p>{text}</p>
<div><iframe src="{name}.html" title="{title}" loading="lazy" tabindex="-1"></iframe></div>
</article>"""


class Picture(NamedTuple):
    """A figure, the name of its file, its title, and what it shows in a sentence or two."""

    name: str
    title: str
    text: str
    figure: Figure


def write_all(folder: str | Path) -> list[Path]:
    """Write the tutorial's seven pictures, those of the XOR network included, as HTML pages.

    Each fills the window. They share one file, ``plotly.min.js``, which is written beside them, and
    need no network.

    Parameters
    ----------
    folder : str or path
        Where to write; created if it does not exist.

    Returns
    -------
    list of path
        ``index.html``, which shows all pictures and is the page to open, then their own pages.

    Examples
    --------
    >>> import tempfile
    >>> from mlp_fast.plots import write_all
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_all(folder)][:3]
    ['index.html', '1-threshold.html', '2-sigmoid.html']
    """
    folder = Path(folder)
    pictures = list(_pictures())
    pages = {"index.html": _index(pictures)}
    pages.update((f"{picture.name}.html", _page(picture)) for picture in pictures)
    folder.mkdir(parents=True, exist_ok=True)
    # always anew: an older one that is there already might not draw these figures
    (folder / SCRIPT).write_text(extra("plotly.offline", "plot").get_plotlyjs(), "utf-8")
    for name, page in pages.items():
        (folder / name).write_text(page, "utf-8")
    return [folder / name for name in pages]


def _index(pictures: list[Picture]) -> str:
    title = "The Multi Layer Perceptron, drawn by mlp_fast"
    cards = "\n".join(
        CARD.format(name=picture.name, title=escape(picture.title), text=escape(picture.text))
        for picture in pictures
    )
    body = f"<h1>{title}</h1>\n<main>\n{cards}\n</main>"
    return PAGE.format(title=title, style=LISTED, body=body)


def _page(picture: Picture) -> str:
    figure = picture.figure.to_html(
        full_html=False,
        include_plotlyjs="directory",
        auto_play=False,  # the animation waits for its button
        div_id="picture",
    )
    return PAGE.format(title=escape(picture.title), style=FILLED, body=figure)


def _pictures() -> Iterator[Picture]:
    yield Picture(
        "1-threshold",
        "Threshold activation",
        "A neuron that fires or does not: 1 above 0, else 0. Its slope is 0 wherever there is "
        "one, so back-propagation learns nothing through it.",
        threshold_activation(),
    )
    yield Picture(
        "2-sigmoid",
        "Sigmoid activation",
        "The threshold made smooth. It has a slope everywhere, which is what training needs, but "
        "from this far it looks like a step.",
        sigmoid_activation(),
    )
    yield Picture(
        "3-threshold-and-sigmoid",
        "Threshold and sigmoid",
        "The two from nearby: a jump at 0, and an S that has done most of its rise between -5 "
        "and 5.",
        threshold_and_sigmoid(),
    )
    yield Picture(
        "4-tanh",
        "Tanh activation",
        "An S like the sigmoid's, but from -1 to 1, and 0 at 0.",
        tanh_activation(),
    )
    yield Picture(
        "5-activations",
        "Activations",
        "Threshold, sigmoid and tanh on the same axes: the tanh ends lower and is steeper.",
        activations(),
    )
    X, T = XOR_INPUTS, XOR_TARGETS
    m = MLP().train(
        X, T, 5001, layer_sizes=(2,), learning_rate=1, random_state=0, save_weights=True
    )
    title = "Decision boundary of XOR"
    yield Picture(
        "6-decision-boundary",
        title,
        "What a trained 2-2-1 network makes of the plane around the points of XOR: orange where "
        "it predicts 1, blue where it predicts 0, darker the surer its output is. On a thin line "
        "the output is the same; on the thick one it is 0.5, where the prediction changes.",
        decision_boundary(m, X, T, title=title),
    )
    title = "Decision boundary of XOR during training"
    yield Picture(
        "7-boundary-animation",
        title,
        "The same plane every 50 epochs: press Play, or move the slider. Without training the "
        "output is much the same everywhere, and 1 is predicted. Then the network cuts the plane "
        "once, for more than 3500 epochs; from epoch 3900 on, two cuts get all four points right.",
        boundary_animation(m, X, T, title=title),
    )
