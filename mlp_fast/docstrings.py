"""Fill the names of all activations, losses and the like into a docstring: none is forgotten."""

import textwrap
from typing import TypeVar

from mlp_fast.activations import ACTIVATIONS, HIDDEN
from mlp_fast.kernels.network.initial import INITIALISATIONS
from mlp_fast.losses import LOSSES

Class = TypeVar("Class", bound=type)


def filled_in(documented: Class) -> Class:
    """Replace {hidden} and the like in a class's docstring by the names that exist."""
    doc = documented.__doc__ or ""
    named = {
        name: f"'{name}' {a.source}".rstrip() + ("" if a.derivative else " for recall only")
        for name, a in ACTIVATIONS.items()
    }
    losses = (
        f"'{name}' {loss.source} with ".replace("  ", " ")
        + (", ".join(loss.outputs) or "any output but threshold")
        for name, loss in LOSSES.items()
    )
    initialisations = (
        f"'{name}' {way.source}" + ("" if way.draws_biases else " with biases of 0")
        for name, way in INITIALISATIONS.items()
    )
    texts = {
        "hidden": ", ".join(named[name] for name in HIDDEN),
        "output": "One of those or "
        + ", ".join(text for name, text in named.items() if name not in HIDDEN),
        "losses": ", ".join(losses),
        "initialisations": ", ".join(initialisations),
    }
    for line in doc.splitlines():
        for name, text in texts.items():
            if f"{{{name}}}" in line:
                whole = textwrap.fill(
                    line.replace(f"{{{name}}}", text), 100, subsequent_indent=" " * 8
                )
                doc = doc.replace(line, whole)
    documented.__doc__ = doc
    return documented
