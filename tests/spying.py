"""Which paths are taken: a note of every call of a kernel that trains or recalls."""

import contextlib
from typing import NamedTuple
from unittest import mock

from mlp_fast import paths, single_row
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.network.arguments import Data
from mlp_fast.paths import PATHS, Path


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

    def spy(path):
        kernel = path.kernel

        def call(network, *arguments):
            sparse = any(
                a.rows.sparse if isinstance(a, Data) else a.sparse
                for a in arguments
                if isinstance(a, Data | Rows)
            )
            note(Taken(path, network.theta.dtype.name, sparse))
            return kernel(network, *arguments)

        return call

    def entry(kernel, theta, *arguments):
        path = next(path for path in PATHS if path.kernel is kernel)
        note(Taken(path, theta.dtype.name, False))
        return entry_point(kernel, theta, *arguments)

    entry_point = single_row.entry_point
    with contextlib.ExitStack() as stack:
        for path in PATHS:
            if path.call != "predict":  # which calls the entry that it is given
                stack.enter_context(mock.patch.dict(vars(path), kernel=spy(path)))
        stack.enter_context(mock.patch.object(single_row, "entry_point", entry))
        yield calls


def without(applies):
    """Take the paths of which this is true out of the table."""
    return mock.patch.object(paths, "PATHS", tuple(path for path in PATHS if not applies(path)))


def general():
    """Leave only the general paths in the table."""
    return without(lambda path: path.plain)
