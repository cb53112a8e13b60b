"""Replace a file in one step by a new one: at any moment the old or the new one is there, whole."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator

from mlp_fast.archive.places import name_of, resolve

# The folder in which Linux shows the files that this process has open.
OPEN_FILES = "/proc/self/fd"


def replace_file(path: str | os.PathLike[str], write: Callable[[int], None]) -> None:
    """Have a new file written through a descriptor, then put it in the place of what was there."""
    target, status = resolve(path)
    try:
        if not _by_unnamed(target, status, write):
            _by_named(target, status, write)
    except OSError as error:
        if error.errno is None:
            raise
        # the error has the name of the unfinished file, of which nobody knows, or none at all
        told = OSError(error.errno, error.strerror, name_of(path))
        raise told.with_traceback(error.__traceback__) from None
    _sync_folder(os.path.dirname(target))


def _by_unnamed(target: str, status: os.stat_result | None, write: Callable[[int], None]) -> bool:
    """Write a file that has no name before it is whole, so that not even SIGKILL leaves one behind.

    Return whether that can be done here.
    """
    try:
        descriptor = os.open(
            os.path.dirname(target), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _mode(status)
        )
    except (AttributeError, OSError):  # no Linux, or a file system that cannot do it
        return False
    with _closing(descriptor) as close:
        shown_as = f"{OPEN_FILES}/{descriptor}"
        if not os.path.exists(shown_as):
            return False
        write(descriptor)
        _finish(descriptor, status)
        temporary = _beside(target)
        with _removed_on_failure(temporary):
            try:
                # With a descriptor given, though the path is absolute, Python calls linkat, which
                # follows the link in /proc; link would not.
                os.link(shown_as, temporary, src_dir_fd=descriptor, follow_symlinks=True)
            except OSError:
                return False
            close()
            os.replace(temporary, target)
    return True


def _by_named(target: str, status: os.stat_result | None, write: Callable[[int], None]) -> None:
    temporary = _beside(target)
    with _removed_on_failure(temporary):
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags | getattr(os, "O_CLOEXEC", 0), _mode(status))
        with _closing(descriptor):
            write(descriptor)
            _finish(descriptor, status)
        os.replace(temporary, target)


def _finish(descriptor: int, status: os.stat_result | None) -> None:
    """Give a file that is written the owner and permissions of the old one, and have it on disk."""
    if status is not None and hasattr(os, "fchown"):
        with contextlib.suppress(OSError):  # only root can give files away
            os.fchown(descriptor, status.st_uid, status.st_gid)
        with contextlib.suppress(OSError):  # some file systems have no permissions
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & 0o777)
    os.fsync(descriptor)


def _mode(status: os.stat_result | None) -> int:
    """Return what a file is made with: by umask if it is new, else nobody else may look in yet."""
    return 0o666 if status is None else 0o600


def _beside(target: str) -> str:
    """Return the name of a file in the same folder that does not exist."""
    return os.path.join(os.path.dirname(target), f".mlp_fast-{os.urandom(16).hex()}.tmp")


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[Callable[[], None]]:
    """Close a descriptor at the end, or before, by what is yielded."""
    file = os.fdopen(descriptor, "rb", buffering=0)
    with file:
        yield file.close


@contextlib.contextmanager
def _removed_on_failure(temporary: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _sync_folder(folder: str) -> None:
    """Have the new name on disk, where the file system allows it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
