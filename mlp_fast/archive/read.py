"""Read a file of arrays that anybody may have made: each byte is as written here, or a fault.

Nothing is searched for and no record of the archive is relied on: from `header.json`, and the order
in which the members come, it is known what all other bytes but the elements must be.
"""

import hashlib
import os
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.archive import header, zipped
from mlp_fast.archive.errors import ContentError
from mlp_fast.archive.header import HEADER
from mlp_fast.archive.members import CHUNK, Layout, declared, elements
from mlp_fast.archive.places import name_of, open_regular


def read_archive(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file that `write_archive` wrote.

    Nothing in the file is executed, whoever made it, and no more memory is used than its size and
    a bounded header allow.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    header : dict
        What was given as the header.
    arrays : dict of str to numpy.ndarray
        The arrays, in the order they were written in. They are in C order and may be written.
        Floats may be NaN or infinite.

    Raises
    ------
    TypeError
        If the path is neither a str nor an os.PathLike of str.
    OSError
        If the file cannot be opened or read: FileNotFoundError, IsADirectoryError, ...
    ValueError
        If it is no regular file, if it was not written by `write_archive`, or by a newer one, if it
        was altered or cut off, or if memory cannot hold it.
    """
    name = name_of(path)
    descriptor = open_regular(name)
    try:
        return _content(_Source(descriptor, os.fstat(descriptor).st_size))
    except ContentError as error:
        reason = str(error)
    except MemoryError:
        reason = "memory cannot hold what is in it"
    except OSError as error:
        error.filename = error.filename or name
        raise
    finally:
        os.close(descriptor)
    raise ValueError(
        f"path must name a file that this mlp_fast can read; {name!r} is none: {reason}"
    )


class _Source:
    """The bytes of a file from its start on, and the digest of those that were taken."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self.position = 0
        self.digest = hashlib.sha256()

    def take(self, n_bytes: int) -> bytes:
        """Return the next bytes. There must be so many."""
        if n_bytes > self.size - self.position:
            raise ContentError(f"it is cut off after {self.size:,} bytes")
        content = bytearray(n_bytes)
        self.fill(memoryview(content))
        return bytes(content)

    def fill(self, content: memoryview, crc: int = 0) -> int:
        """Read the next bytes into a buffer. Return their CRC-32, continued from that of others."""
        for start in range(0, len(content), CHUNK):
            rest = content[start : start + CHUNK]
            while rest:
                piece = os.read(self.descriptor, len(rest))
                if not piece:
                    raise ContentError("it was cut off while it was read")
                rest[: len(piece)] = piece
                rest = rest[len(piece) :]
            chunk = content[start : start + CHUNK]
            self.digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
        self.position += len(content)
        return crc


def _content(source: _Source) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    entries, first = _header(source)
    layouts = declared(entries.get("arrays"), source.size)
    _check_size(source, layouts)
    arrays = {name: np.empty(shape, dtype) for name, (dtype, shape) in layouts.items()}
    directory = [first]
    ordered = {}
    for _ in layouts:
        name, record = _array(source, layouts, arrays)
        if name in ordered:
            raise ContentError(f"it has two members {name}.npy")
        # what is in a file is little-endian, what is returned is of this machine
        native = np.dtype(layouts[name].dtype).newbyteorder("=")
        ordered[name] = arrays[name].astype(native, copy=False)
        directory.append(record)
    start = source.position
    for record in directory:
        if source.take(len(record)) != record:
            raise ContentError("its directory does not list the members that it has")
    last = zipped.end(len(directory), start, source.position - start)
    if source.take(len(last)) != last:
        raise ContentError("the end of its archive is not as it would be written")
    comment = (zipped.COMMENT + source.digest.hexdigest()).encode("ascii")
    if source.take(len(comment)) != comment:
        raise ContentError(
            "it was altered: its bytes do not have the SHA-256 that its comment gives"
        )
    return {key: entries[key] for key in entries if key not in header.OWN}, ordered


def _header(source: _Source) -> tuple[dict[str, Any], bytes]:
    """Return all entries of the header, and its record in the directory."""
    if not source.size:
        raise ContentError("it is empty")
    magic = source.take(min(len(zipped.START), source.size))
    if magic != zipped.START:
        raise ContentError(
            f"it starts with {magic!r}, not with {zipped.START!r}, so it is no .npz file"
        )
    fixed = magic + source.take(zipped.N_LOCAL - len(magic))
    name = source.take(zipped.name_length(fixed))
    if name != HEADER.encode("ascii"):
        raise ContentError(f"its first member must be {HEADER}; it is {_readable(name)}")
    size, crc = zipped.checked_local(HEADER, fixed, source.take(zipped.N_EXTRA))
    if size > header.LONGEST:
        raise ContentError(f"its {HEADER} has {size:,} bytes; at most {header.LONGEST:,} are read")
    text = source.take(size)
    entries = header.decode(text)  # tells a newer version, so it comes before all other checks
    if zlib.crc32(text) != crc:
        raise ContentError(f"it was altered: its {HEADER} does not have its CRC-32")
    return entries, zipped.central(HEADER, size, crc, 0)


def _check_size(source: _Source, layouts: dict[str, Layout]) -> None:
    """Check that the file has just the size of what its header declares."""
    needed = source.position + len(zipped.central(HEADER, 0, 0, 0))
    for name, layout in layouts.items():
        member = f"{name}.npy"
        needed += len(zipped.local(member, 0, 0)) + len(zipped.central(member, 0, 0, 0))
        needed += len(layout.preamble()) + layout.n_bytes
    needed += len(zipped.end(0, 0, 0)) + zipped.N_COMMENT
    if source.size != needed:
        change = "it is cut off" if source.size < needed else "something was added"
        raise ContentError(
            f"it has {source.size:,} bytes, but what its {HEADER} declares has {needed:,}: {change}"
        )


def _array(
    source: _Source, layouts: dict[str, Layout], arrays: dict[str, NDArray[Any]]
) -> tuple[str, bytes]:
    """Fill the array that comes next. Return its name, and its record in the directory."""
    offset = source.position
    fixed = source.take(zipped.N_LOCAL)
    if not fixed.startswith(zipped.START):
        raise ContentError(f"there is no member at byte {offset:,}, where one must be")
    member = source.take(zipped.name_length(fixed))
    name = member.decode("ascii", "replace").removesuffix(".npy")
    if name not in layouts or member != f"{name}.npy".encode("ascii"):
        raise ContentError(f"its {HEADER} declares no member {_readable(member)}")
    preamble = layouts[name].preamble()
    size = len(preamble) + layouts[name].n_bytes
    _, crc = zipped.checked_local(f"{name}.npy", fixed, source.take(zipped.N_EXTRA), size)
    if source.take(len(preamble)) != preamble:
        raise ContentError(
            f"{name}.npy must start as .npy files of the declared dtype and shape, in C order, do"
        )
    if source.fill(elements(arrays[name]), zlib.crc32(preamble)) != crc:
        raise ContentError(f"it was altered: {name}.npy does not have its CRC-32")
    return name, zipped.central(f"{name}.npy", size, crc, offset)


def _readable(name: bytes) -> str:
    return repr(name[:60].decode("utf-8", "backslashreplace"))
