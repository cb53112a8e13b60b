"""Which paths are taken: a note of every call of a kernel that trains or recalls."""

import contextlib
from typing import NamedTuple
from unittest import mock

from mlp_fast import paths
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.network.arguments import Data
from mlp_fast.paths import PATHS, Path
from mlp_fast.update_rule import LINEAR

KEPT = {"predict", "recall", "step", "forward", "backward"}
"""Calls for which a network keeps the entry to a kernel, which is then not called as a path."""


class Taken(NamedTuple):
    """One call of a kernel, or the first by which a network answers to one row."""

    path: Path
    dtype: str
    sparse: bool


@contextlib.contextmanager
def taken(note=None):
    """Yield a list, to which every call adds what it takes; or else have each noted elsewhere."""
    calls = []
    note = note or calls.append
    call_of, entry_of = Path.__call__, Path.entry

    def call(path, network, *arguments):
        sparse = any(
            a.rows.sparse if isinstance(a, Data) else a.sparse
            for a in arguments
            if isinstance(a, Data | Rows)
        )
        note(Taken(path, network.theta.dtype.name, sparse))
        return call_of(path, network, *arguments)

    def entry(path, dtype, *arguments):
        if path.call in KEPT and not path.example.sparse:
            note(Taken(path, dtype.name, False))
        return entry_of(path, dtype, *arguments)

    with (
        mock.patch.object(Path, "__call__", call),
        mock.patch.object(Path, "entry", entry),
    ):
        yield calls


@contextlib.contextmanager
def without(applies):
    """Take the paths of which this is true out of the table."""
    left = tuple(path for path in PATHS if not applies(path))
    try:
        with mock.patch.object(paths, "PATHS", left):
            paths.paths_for.cache_clear()
            yield
    finally:
        paths.paths_for.cache_clear()


def general():
    """Leave only the general paths in the table: of linear rules, those that know all rules."""
    return without(lambda path: path.special or path.rules == LINEAR)
