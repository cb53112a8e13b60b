"""A line on stderr when a call has compiled for a second, with the folder where code is kept."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator

from mlp_fast.kernels.compile.cache import folder_to_write

SECONDS = 1.0  # of compiling, until the line is written
PAUSE = 0.5  # seconds without compiling after which a kernel belongs to another call
_PACKAGE = __name__.partition(".")[0]


def is_heard() -> bool:
    """Return whether stderr is a terminal, and MLP_FAST_QUIET does not ask for silence."""
    if os.environ.get("MLP_FAST_QUIET", "0") not in ("", "0"):
        return False
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


class Notice:
    """What is written while kernels compile; they do so one at a time, by Numba's lock."""

    def __init__(self) -> None:
        self._nested = self._silenced = 0
        self._spent = 0.0  # seconds that the call compiled until now
        self._ended = -PAUSE
        self._written = False  # in this call ...
        self._call: object = None  # ... which is made from here

    @contextlib.contextmanager
    def of_compiling(self) -> Iterator[None]:
        """Write the line if what is inside, with what compiled just before it, takes long."""
        if self._nested or self._silenced or not is_heard():
            yield
            return
        began, call = time.monotonic(), _call_from_outside()
        if call != self._call or began - self._ended > PAUSE:
            self._call, self._spent, self._written = call, 0.0, False
        timer = threading.Timer(max(SECONDS - self._spent, 0.0), self._write)
        timer.daemon = True
        self._nested = 1
        try:
            if not self._written:
                with contextlib.suppress(RuntimeError):  # no thread can be started at exit
                    timer.start()
            yield
        finally:
            timer.cancel()
            self._nested = 0
            self._ended = time.monotonic()
            self._spent += self._ended - began

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Write nothing, for somebody else says what compiles."""
        self._silenced += 1
        try:
            yield
        finally:
            self._silenced -= 1

    def _write(self) -> None:
        self._written = True
        folder = folder_to_write()
        kept = f"its code is kept in {folder}" if folder else "no folder was found to keep it in"
        with contextlib.suppress(OSError, ValueError, AttributeError):
            print(
                f"mlp_fast: compiling, a few seconds for each new way to train or predict; {kept}",
                file=sys.stderr,
                flush=True,
            )


def _call_from_outside() -> object:
    """Return what tells calls of the package from one another: where each is made from."""
    frame, outside = sys._getframe(), None
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
            outside = frame.f_back
        frame = frame.f_back  # type: ignore[assignment]
    return outside and (id(outside), outside.f_lasti)


NOTICE = Notice()
"""That of the process."""
