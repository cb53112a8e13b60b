"""Which paths are taken, and what may lie there: errors that name the path, before work is lost."""

import errno
import os
import stat
from typing import Any

from mlp_fast.boundary.values import shown


def name_of(path: Any) -> str:
    """Return a path as a string, or raise the error of one that cannot be a path."""
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str):
        raise TypeError(f"path must be a str or os.PathLike; got {shown(path)}")
    if "\0" in name:
        raise ValueError(f"path must have no null character; got {shown(name)}")
    return name


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check that a file can be written at a path, as far as that is known without writing.

    Parameters
    ----------
    path : str or os.PathLike
        Where a file is to be written.

    Raises
    ------
    TypeError
        If the path is neither a str nor an os.PathLike of str.
    FileNotFoundError, NotADirectoryError
        If the folder the file is to lie in does not exist, or is no folder.
    IsADirectoryError
        If there is a folder at the path.
    PermissionError
        If the folder may not be written, or a file that lies there already.
    ValueError
        If what lies there is neither a file nor a folder, such as a device.
    """
    resolve(path)


def resolve(path: str | os.PathLike[str]) -> tuple[str, os.stat_result | None]:
    """Return which file to write for a path, links followed, and the status of what is there."""
    name = name_of(path)
    if not name:
        raise _refusal(errno.ENOENT, "path must not be empty", name)
    target = os.path.realpath(name)
    folder = os.path.dirname(target)
    try:
        in_folder = stat.S_ISDIR(os.stat(folder).st_mode)
        status = os.stat(target) if in_folder else None
    except FileNotFoundError:
        if not os.path.exists(folder):
            raise _refusal(errno.ENOENT, "path must lie in a folder that exists", name) from None
        status = None
    except NotADirectoryError:  # further up
        in_folder = False
    except OSError as error:
        raise _refusal(error.errno or 0, os.strerror(error.errno or 0), name) from None
    if not in_folder:
        raise _refusal(errno.ENOTDIR, "path must lie in a folder, not in a file", name)
    is_folder = status is not None and stat.S_ISDIR(status.st_mode)
    if is_folder or os.path.basename(name) in ("", os.curdir, os.pardir):
        raise _refusal(errno.EISDIR, "path must name a file, not a folder", name)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise ValueError(f"path must name a regular file or a new one; {name!r} is another thing")
    # whoever has write-protected a file wants to keep it, although a rename would not be stopped
    if status is not None and not os.access(target, os.W_OK):
        raise _refusal(errno.EACCES, "path must name a file that may be written", name)
    if not os.access(folder, os.W_OK):
        raise _refusal(errno.EACCES, "path must lie in a folder that may be written", name)
    return target, status


def open_regular(name: str) -> int:
    """Return a descriptor to read a regular file by, without waiting for anybody."""
    _check_regular(os.stat(name), name)  # to open a device may do something, and a socket fails
    flags = (getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_CLOEXEC"))
    descriptor = os.open(name, os.O_RDONLY | sum(flags))
    try:
        _check_regular(os.fstat(descriptor), name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise _refusal(errno.EISDIR, "path must name a file, not a folder", name)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(
            f"path must name a regular file; {name!r} is a pipe, a socket, a device or the like"
        )


def _refusal(code: int, rule: str, name: str) -> OSError:
    """Return the error of this code, of the class that Python has for it."""
    return OSError(code, rule, name)
