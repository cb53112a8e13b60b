"""Whether there is memory for a network, before gigabytes of it are touched in vain."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

UNCHECKED = 2**21  # weights: they need some 50 MB at most, and no look at what there is
DRAWN = np.dtype(np.float64).itemsize  # bytes: of a weight as initial_weights draws it

PROCESS = Path("/proc/self")
GROUPS = Path("/sys/fs/cgroup")


def check_memory(sizes: Sequence[int], dtype: str, *, kept: bool) -> None:
    """Check that there is memory for the weights of a network of these sizes.

    That is for the weights, for what they are drawn from and, if it is trained, for the copy that
    is kept in case it diverges. Where no limit is known, nothing is refused.
    """
    n_weights = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    if n_weights <= UNCHECKED:
        return
    needed = n_weights * (DRAWN + np.dtype(dtype).itemsize * (2 if kept else 1))
    available, limit = min(_limits(), default=(math.inf, ""))
    if needed > available:
        raise ValueError(
            f"layer_sizes must make a network that memory can hold; {'-'.join(map(str, sizes))}, "
            f"input and output included, has {n_weights:,} weights, for which {needed:,} bytes are "
            f"needed, but {limit} is {available:,} bytes"
        )


def _limits() -> Iterator[tuple[int, str]]:
    """Yield how many bytes this process may have, and by what, as far as the system says."""
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
    """Yield the limits of the control groups that this process is in, and of those above them.

    Each line of the first file is hierarchy:controllers:group; hierarchy 0 is that of version 2.
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
        # in a container the group may be one that only the host sees: those above it remain
        for above in (inside, *inside.parents):
            if ".." not in above.parts:
                with contextlib.suppress(OSError, ValueError):  # "max" is no limit
                    yield int((root / above / name).read_text())


def _of_addresses(statm: Path) -> int | None:
    """Return how much address space is left to this process, or None if there is no limit."""
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
