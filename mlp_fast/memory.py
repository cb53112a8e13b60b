"""Check that a network fits in memory before gigabytes are allocated."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

UNCHECKED_EPOCHS = 10**7
BYTES_PER_EPOCH = 25  # of the curves, at the most
UNCHECKED = 2**21  # weights: up to so many need 50 MB at most and are not checked
DRAWN = np.dtype(np.float64).itemsize  # bytes per weight as it is drawn

PROCESS = Path("/proc/self")
GROUPS = Path("/sys/fs/cgroup")


def check_memory(sizes: Sequence[int], dtype: str, *, copies: int) -> None:
    """Check that a network of these sizes fits in memory.

    Counted are the weights, the draws they are made from, and so many copies: one that training
    returns to if it diverges and, with patience, the best one. Where no limit is known, nothing is
    refused.
    """
    n_weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    if n_weights <= UNCHECKED:
        return
    needed = n_weights * (DRAWN + np.dtype(dtype).itemsize * (1 + copies))
    available, limit = min(_limits(), default=(math.inf, ""))
    if needed > available:
        raise ValueError(
            f"layer_sizes must make a network that memory can hold; {'-'.join(map(str, sizes))}, "
            f"input and output included, has {n_weights:,} weights, for which {needed:,} bytes are "
            f"needed, but {limit} is {available:,} bytes"
        )


def check_epochs(epochs: int) -> None:
    """Check that the curves of so many epochs fit in memory."""
    if epochs <= UNCHECKED_EPOCHS:
        return
    needed = epochs * BYTES_PER_EPOCH
    available, limit = min(_limits(), default=(math.inf, ""))
    if needed > available:
        raise ValueError(
            f"epochs must be so few that memory can hold their losses; got {epochs}, for which "
            f"{needed:,} bytes are needed, but {limit} is {available:,} bytes"
        )


def _limits() -> Iterator[tuple[int, str]]:
    """Yield each known limit on this process's memory: its bytes, and its name for the error."""
    for limit in _of_groups(PROCESS / "cgroup", GROUPS):
        yield limit, "the memory limit of its control group"
    space = _of_addresses(PROCESS / "statm")
    if space is not None:
        yield space, "what RLIMIT_AS leaves"
    with contextlib.suppress(AttributeError, ValueError, OSError):  # Windows has no sysconf
        pages = os.sysconf("SC_PHYS_PAGES")
        if pages > 0:
            yield pages * os.sysconf("SC_PAGE_SIZE"), "physical memory"


def _of_groups(joined: Path, mounted: Path) -> Iterator[int]:
    """Yield the memory limits of this process's control groups, and of the groups above them.

    Each line of `joined` is hierarchy:controllers:group; hierarchy 0 is cgroup v2.
    """
    try:
        lines = joined.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        hierarchy, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if hierarchy == "0":
            root, name = mounted, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = mounted / "memory", "memory.limit_in_bytes"
        else:
            continue
        inside = Path(group.lstrip("/"))
        # in a container only the host may see the group itself; those above it are still tried
        for above in (inside, *inside.parents):
            if ".." not in above.parts:
                with contextlib.suppress(OSError, ValueError):  # "max" means no limit
                    yield int((root / above / name).read_text())


def _of_addresses(statm: Path) -> int | None:
    """Return how much address space this process has left, or None if it has no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    mapped = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        mapped = int(statm.read_text().split()[0]) * resource.getpagesize()
    return max(limit - mapped, 0)
