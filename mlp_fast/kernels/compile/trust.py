"""Which cache files are trusted: they are code, so they must be as safe as the package itself.

Whoever can write the kernels' sources can already run anything in the processes that import them,
so compiled code from them adds no danger. From anybody else it would.
"""

import functools
import os
import stat
from pathlib import Path

_KERNELS = Path(__file__).parents[1]
_ROOT = 0
_UIDS = hasattr(os, "geteuid")  # Windows has none: nothing is checked there


def fault(status: os.stat_result) -> str:
    """Return why a file or folder with this status is not trusted, or an empty string.

    It must belong to this user, to root or to the owner of `kernels/`. Its group or everybody may
    write it only if they may write `kernels/`, too.
    """
    if not _UIDS:
        return ""
    if status.st_uid not in (os.geteuid(), _ROOT, _owner_and_mode()[0]):
        return f"belongs to user {status.st_uid}"
    too_many = status.st_mode & forbidden_rights()
    if too_many & stat.S_IWOTH:
        return "can be written by everybody"
    return "can be written by its group" if too_many else ""


def forbidden_rights() -> int:
    """Return the mode bits that trusted files must not have, and files written here do not get."""
    return ~_owner_and_mode()[1] & (stat.S_IWGRP | stat.S_IWOTH) if _UIDS else 0


@functools.cache  # every file is compared with it
def _owner_and_mode() -> tuple[int, int]:
    status = _KERNELS.stat()
    return status.st_uid, status.st_mode
