"""Room for Python's frames while Numba compiles, which recurses deeply and returns often.

CPython keeps the frames of functions in chunks of 16 KiB, and gives the last one back to the system
as soon as it is empty. A recursion to and fro over the edge of a chunk asks the system for memory
each time: up to a hundred thousand times for a kernel, which is a sixth of the time it takes, by
how deep the call of the kernel happens to be.
"""

from collections.abc import Callable
from typing import Any

SLOTS = 2**16 + 2**10  # of 8 bytes: a frame of so many gets 1 MiB, of which half is left for others


def with_room(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function from a frame in whose chunk there is room for the frames that follow."""
    return function(*arguments)


with_room.__code__ = with_room.__code__.replace(co_stacksize=SLOTS)
