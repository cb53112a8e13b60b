"""The disk cache of compiled kernels: where files are kept, and when they are stale.

Numba's own disk cache checks one source file per function, so an edit in an imported kernel file
would leave stale machine code; its index is not safe when two processes compile at once; and
boundscheck is not part of its key. Here every compiled signature is one file, named by a hash of
all that its code depends on, written atomically, and verified by a checksum when read. Files that
somebody else could have written are neither read, nor written, nor replaced: see trust.py.
"""

import contextlib
import hashlib
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from mlp_fast.kernels.compile.trust import fault, forbidden_rights

_KERNELS = Path(__file__).parents[1]
_CHECKSUM_BYTES = hashlib.sha256().digest_size


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for name in sorted(path.relative_to(_KERNELS).as_posix() for path in _KERNELS.rglob("*.py")):
        digest.update(name.encode() + b"\0" + (_KERNELS / name).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


SOURCES = _digest_of_sources()
"""Hash of all kernel sources at import: an edit in any of them makes all compiled code stale."""


def folders() -> Iterator[Path]:
    """Yield the folders that may hold compiled kernels, in the order in which they are tried."""
    install = f"mlp_fast-{hashlib.sha256(str(_KERNELS).encode()).hexdigest()[:16]}"
    for chosen in (os.environ.get("MLP_FAST_CACHE_DIR"), config.CACHE_DIR):
        if chosen:
            yield Path(chosen) / install
            return
    yield _KERNELS / "__pycache__"
    user = Path(AppDirs(appname="mlp_fast", appauthor=False).user_cache_dir)
    if user.is_absolute():  # otherwise this user's home is unknown
        yield user / install


def folder_to_write() -> Path | None:
    """Return the first of these folders that is trusted and can be written, if there is one."""
    for folder in folders():
        with contextlib.suppress(OSError):
            _make(folder)
            if os.access(folder, os.W_OK) and not fault(folder.stat()):
                return folder
    return None


def _make(folder: Path) -> None:
    """Make a folder with the permissions that the umask leaves, less those that are forbidden."""
    folder.mkdir(0o777 & ~forbidden_rights(), parents=True, exist_ok=True)


class KernelCache(_Cache):  # type: ignore[misc]  # Numba ships no types
    """The cache of one kernel, with the interface that Numba's dispatcher expects."""

    def __init__(self, function: Callable[..., Any]) -> None:
        # with the full module path: two folders may have files of the same name
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._enabled = True

    @property
    def cache_path(self) -> str:
        """The folder where this kernel is looked for first."""
        return str(next(folders()))

    def enable(self) -> None:
        """Read and write files from now on."""
        self._enabled = True

    def disable(self) -> None:
        """Neither read nor write files from now on."""
        self._enabled = False

    def flush(self) -> None:
        """Delete this kernel's files."""
        for folder in folders():
            if os.path.isdir(folder) and not fault(folder.stat()):
                for path in folder.glob(f"{self._name}-*.nbc"):
                    path.unlink(missing_ok=True)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code of a signature, or None if there is none that can be used."""
        if not self._enabled:
            return None
        name = self._file_name(sig, target_context.codegen())
        for folder in folders():
            try:
                blob = _read_trusted(folder / name)
            except OSError:
                continue
            checksum, payload = blob[:_CHECKSUM_BYTES], blob[_CHECKSUM_BYTES:]
            if _checksum(name, payload) == checksum:
                # without a refresh of the context, which imports what only compiling needs: that
                # would take five times as long as all else
                return CompileResult._rebuild(target_context, *pickle.loads(payload))
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the compiled code of a signature in the first folder that can be written."""
        if not self._enabled or _digest_of_sources() != SOURCES:
            return  # edited since import: the compiled code is not that of the files
        payload = dumps(data._reduce())
        name = self._file_name(sig, data.codegen)
        blob = _checksum(name, payload) + payload
        complaint = ""
        for folder in folders():
            try:
                _make(folder)
                refused = _refused(folder / name)
                if not refused:
                    _write_whole(folder / name, blob)
            except OSError:
                continue
            if not refused:
                self._remove_stale(folder)
                break
            if os.access(folder, os.W_OK):  # otherwise it could not have been written anyway
                complaint = complaint or refused
        else:
            complaint = complaint or _not_kept()
        if complaint:
            _warn_once(complaint)

    def _file_name(self, sig: Any, codegen: Any) -> str:
        versions = (sys.implementation.cache_tag, numba.__version__, llvmlite.__version__)
        settings = (bool(config.BOUNDSCHECK), config.OPT, bool(config.DEBUGINFO_DEFAULT))
        depends = repr((self._name, str(sig), codegen.magic_tuple(), versions, settings))
        key = hashlib.sha256((SOURCES + depends).encode()).hexdigest()[:32]
        return f"{self._name}-{SOURCES}-{key}.nbc"

    def _remove_stale(self, folder: Path) -> None:
        for path in folder.glob("*-*-*.nbc"):
            if path.name.split("-")[1] != SOURCES:
                with contextlib.suppress(OSError):  # somebody else's, or in use
                    path.unlink()


def _checksum(name: str, payload: bytes) -> bytes:
    """Return the checksum of a file: of its name, too, for another kernel's code is no code."""
    return hashlib.sha256(name.encode() + b"\0" + payload).digest()


def _read_trusted(path: Path) -> bytes:
    """Return a file's contents; if it or its folder is not trusted, warn and return nothing."""
    reason = fault(path.parent.stat())
    if reason:
        if os.access(path, os.R_OK):  # otherwise it could not have been read anyway
            _warn_once(_complaint(path.parent, reason))
        return b""
    with path.open("rb") as stream:
        # check the open file: its path may lead to another by now
        reason = fault(os.fstat(stream.fileno()))
        if not reason:
            return stream.read()
    _warn_once(_complaint(path, reason))
    return b""


def _refused(path: Path) -> str:
    """Return why a file must not be written, or an empty string.

    An untrusted file in a trusted folder could be replaced, but it stays as it is, for the user to
    find out how it came there.
    """
    for part in (path.parent, path):
        with contextlib.suppress(FileNotFoundError):
            reason = fault(part.stat())
            if reason:
                return _complaint(part, reason)
    return ""


def _write_whole(path: Path, blob: bytes) -> None:
    """Write a temporary file and rename it, so that no reader ever sees half a file."""
    import secrets  # slow to import

    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    mode = 0o666 & ~forbidden_rights()
    try:
        # with the permissions that the umask leaves, less those that trust.py forbids
        with open(temporary, "xb", opener=lambda p, flags: os.open(p, flags, mode)) as stream:
            stream.write(blob)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _not_kept() -> str:
    tried = ", ".join(str(folder) for folder in folders())
    return (
        f"mlp_fast finds no folder to keep its compiled kernels in (tried {tried}): every process "
        "compiles them anew. Set MLP_FAST_CACHE_DIR to a folder that can be written."
    )


def _complaint(path: Path, reason: str) -> str:
    return (
        f"mlp_fast neither reads nor writes compiled kernels in {path}, which {reason}: they are "
        "code, trusted only from this user, root or the owner of the package. Remove it or mend "
        "its rights, or set MLP_FAST_CACHE_DIR to a folder that nobody else can write."
    )


_warned: list[str] = []


def _warn_once(message: str) -> None:
    """Warn once per process, and never raise: no training may fail for lack of a cache."""
    if _warned:
        return
    _warned.append(message)
    try:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:  # where warnings are errors
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # where it is closed
                print(message, file=sys.stderr)
