"""Write paths.md, the table of `mlp_fast/paths.py` for reading: python docs/write_paths.py."""

import inspect
from pathlib import Path

from mlp_fast.paths import PATHS

PAGE = Path(__file__).with_name("paths.md")
HEAD = """\
# Paths

Every way to train or to recall is one row of the table in `mlp_fast/paths.py`; the first that
applies is taken, so the best come first and the general ones last. This page is written from that
table by `python docs/write_paths.py`, and a test holds them together. Where there is a file of a
kernel, its first lines say which function of `reference.py` it computes, why it is faster than the
general paths, for which networks and by how much. Paths for plain gradient descent only are marked
so; whatever else a rule needs is written once, in the others.

| path | call | networks | kernel | plain only | calls are cut between | example |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in map(cells, PATHS))


def cells(path) -> list[str]:
    """Return the row of a path."""
    function = path.kernel.py_func
    file = Path(inspect.getfile(function)).name
    sizes, k, batch_size, sparse, dtypes = path.example
    shown = f"{'-'.join(map(str, sizes))}, {k} rows{' in CSR' * sparse}"
    if path.call == "train":
        shown += f", batch_size={batch_size}"
    if len(dtypes) == 1:
        shown += f", {dtypes[0]}"
    return [
        path.name,
        f"`{path.call}`",
        path.networks,
        f"`{file}`: `{function.__name__}`",
        "yes" if path.plain else "",
        {1: "steps"}.get(path.cut, f"{path.cut} steps") if path.call == "train" else "",
        shown,
    ]


if __name__ == "__main__":
    PAGE.write_text(page())
