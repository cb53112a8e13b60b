"""Write a file of arrays, the same bytes for the same content, without a copy of large ones.

And any other file, whole or not at all like these.
"""

import hashlib
import os
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.archive import header as headers
from mlp_fast.archive import zipped
from mlp_fast.archive.members import CHUNK, Layout, elements, layout_of
from mlp_fast.archive.replacing import replace_file
from mlp_fast.boundary.values import shown


def write_archive(
    path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write a header and arrays to a file, whole or not at all.

    A file that was at the path is replaced at the end, in one step; until then, and whenever
    writing fails, it stays as it was. It keeps its permissions. If the path is a link, what it
    points to is replaced.

    Parameters
    ----------
    path : str or os.PathLike
        Where to write it. Nothing is added to its name.
    header : mapping
        What JSON can keep: None, booleans, finite numbers, strings, lists, and dicts whose keys are
        strings. "format", "version" and "arrays" are taken.
    arrays : mapping of str to numpy.ndarray
        Arrays of float64, float32 or int64, which must not change meanwhile. Their names are of the
        letters a to z, digits and underscores.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described above, or there is no regular file at the path.
    OSError
        If it cannot be written. The error names the path.
    RuntimeError
        If an array changed while it was written.
    """
    if not isinstance(arrays, Mapping):
        raise TypeError(f"arrays must be a mapping; got {shown(arrays)}")
    layouts = {name: layout_of(name, array) for name, array in arrays.items()}
    text = headers.encode(header, {name: [d, [*shape]] for name, (d, shape) in layouts.items()})

    def write(descriptor: int) -> None:
        sink = _Sink(descriptor)
        directory = [_write_member(sink, headers.HEADER, text)]
        for name, layout in layouts.items():
            directory.append(_write_array(sink, name, layout, arrays[name]))
        start = sink.position
        for record in directory:
            sink.write(record)
        sink.write(zipped.end(len(directory), start, sink.position - start))
        sink.write((zipped.COMMENT + sink.digest.hexdigest()).encode("ascii"))

    replace_file(path, write)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file of any content, as `write_archive` writes its own."""
    replace_file(path, lambda descriptor: _write_all(descriptor, memoryview(content)))


def _write_all(descriptor: int, content: memoryview) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


class _Sink:
    """A file, how many bytes were written to it, and their digest."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.position = 0
        self.digest = hashlib.sha256()

    def write(self, content: bytes | memoryview, crc: int = 0) -> int:
        """Write all of it. Return its CRC-32, continued from that of others."""
        view = memoryview(content)
        for start in range(0, len(view), CHUNK):
            chunk = view[start : start + CHUNK]
            self.digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            _write_all(self.descriptor, chunk)
        self.position += len(view)
        return crc


def _write_member(sink: _Sink, name: str, *parts: bytes | memoryview) -> bytes:
    """Write a member of the archive. Return its record in the directory."""
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    size = sum(map(len, parts))
    offset = sink.position
    sink.write(zipped.local(name, size, crc))
    written = 0
    for part in parts:
        written = sink.write(part, written)
    if written != crc:  # else it would replace a good file by one that nobody can read
        raise RuntimeError(f"arrays must not change while they are written; {name} did")
    return zipped.central(name, size, crc, offset)


def _write_array(sink: _Sink, name: str, layout: Layout, array: NDArray[Any]) -> bytes:
    stored = np.asarray(array, dtype=layout.dtype, order="C")  # copies only what differs
    return _write_member(sink, f"{name}.npy", layout.preamble(), elements(stored))
