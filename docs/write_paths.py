"""Write paths.md, the table of `mlp_fast/paths.py` in Markdown: python docs/write_paths.py."""

import inspect
from pathlib import Path

from mlp_fast.paths import PATHS

PAGE = Path(__file__).with_name("paths.md")
HEAD = """\
# Paths

Every way to train or to recall is one row of the table in `mlp_fast/paths.py`. The first row that
applies is taken, so the best paths come first and the general ones last. `python
docs/write_paths.py` writes this page from that table, and a test checks that they agree. The
docstring at the top of a kernel's file says which function of `reference.py` it computes and, for
the faster paths, why it is faster, for which networks and by how much. A path is for the update
rules that are named: the linear rules are plain gradient descent, momentum and Nesterov's, with L2,
clipping and weights of samples; all rules are those, too. Paths marked "special" are there for
speed only: a general one further down computes the same.

| path | call | networks | update rules | special | kernel | calls are cut between | example |
|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in map(cells, PATHS))


def cells(path) -> list[str]:
    """Return the row of a path."""
    function = path.kernel.py_func
    file = Path(inspect.getfile(function)).name
    sizes, k, batch_size, sparse, dtypes, optimizer, weighted = path.example
    shown = f"{'-'.join(map(str, sizes))}, {k} rows{' in CSR' * sparse}"
    if path.call == "train":
        shown += f", batch_size={batch_size}"
    if optimizer != "sgd":
        shown += f", {optimizer}"
    if weighted:
        shown += ", weights of samples"
    if len(dtypes) == 1:
        shown += f", {dtypes[0]}"
    return [
        path.name,
        f"`{path.call}`",
        path.networks,
        path.rules,
        "yes" if path.special else "",
        f"`{file}`: `{function.__name__}`",
        {1: "steps"}.get(path.cut, f"{path.cut} steps") if path.call == "train" else "",
        shown,
    ]


if __name__ == "__main__":
    PAGE.write_text(page())
