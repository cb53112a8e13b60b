"""Hold Ctrl-C back until a network is in a state that it can be left in."""

import _signal  # type: ignore[import-not-found]  # CPython: enums of signal take a fifth of a training
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

_SIGINT = int(signal.SIGINT)


class Interrupts:
    """A context in which SIGINT only leaves a note, until `check` hands it to its own handler.

    Python would otherwise raise KeyboardInterrupt between any two instructions, such as between the
    update of the weights and that of the number of epochs they had. Nothing is done outside the
    main thread, or where SIGINT has no handler in Python.
    """

    def __init__(self) -> None:
        self._noted: tuple[int, FrameType | None] | None = None
        self._handler: Any = None

    def __enter__(self) -> Self:
        if threading.get_ident() == threading.main_thread().ident:
            handler = _signal.getsignal(_SIGINT)
            if callable(handler):
                self._handler = handler
                _signal.signal(_SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._handler is not None:
            _signal.signal(_SIGINT, self._handler)
            self.check()

    def check(self) -> None:
        """Call the handler, which as a rule raises KeyboardInterrupt, if a signal was noted."""
        if self._noted is not None:
            noted, self._noted = self._noted, None
            self._handler(*noted)

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Run the user's own code, which may be interrupted anywhere."""
        if self._handler is None:
            yield
            return
        self.check()
        _signal.signal(_SIGINT, self._handler)
        try:
            yield
        finally:  # the user's code may have set another handler
            handler = _signal.getsignal(_SIGINT)
            if callable(handler):
                self._handler = handler
                _signal.signal(_SIGINT, self._note)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._noted = signum, frame
