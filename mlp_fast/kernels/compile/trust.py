"""Who may have written what is run: a cache file is code, trusted as far as the package itself.

Whoever can write the kernels' sources runs what they like in the processes that import them, so
compiled code from them is no new danger. From anybody else it would be.
"""

import functools
import os
import stat
from pathlib import Path

_KERNELS = Path(__file__).parents[1]
_ROOT = 0
_UIDS = hasattr(os, "geteuid")  # Windows has none: nothing is checked there


def fault(status: os.stat_result) -> str:
    """Return what forbids to trust a file or folder of this status, or an empty string.

    It has to belong to this user, to root or to the owner of `kernels/`, and only those may write
    it; its group or everybody only if they may write `kernels/`, too.
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
    """Return the bits of a mode that nothing trusted has, and nothing written here is given."""
    return ~_owner_and_mode()[1] & (stat.S_IWGRP | stat.S_IWOTH) if _UIDS else 0


@functools.cache  # every file is held against it
def _owner_and_mode() -> tuple[int, int]:
    status = _KERNELS.stat()
    return status.st_uid, status.st_mode
