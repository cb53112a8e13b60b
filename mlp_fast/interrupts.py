"""Hold Ctrl-C back until a network is in a state that it can be left in."""

# typeshed leaves out what `signal` wraps: its enums would take a fifth of a short training
import _signal  # type: ignore[import-not-found]
import signal
import threading
from types import FrameType
from typing import Any, Self

_SIGINT = int(signal.SIGINT)


class Interrupts:
    """A context in which SIGINT only leaves a note, until `check` gives it to the user's handler.

    Python would otherwise raise KeyboardInterrupt between any two instructions, such as between the
    update of the weights and that of the number of epochs they had. Nothing is done outside the
    main thread, or where SIGINT has no handler in Python.
    """

    def __init__(self) -> None:
        self._noted: tuple[int, FrameType | None] | None = None
        self._handler: Any = None  # that of the user, while ours is in its place
        self._is_allowed = False

    def __enter__(self) -> Self:
        if threading.get_ident() == threading.main_thread().ident:
            self._take(_signal.getsignal(_SIGINT))
        return self

    def __exit__(self, *error: object) -> None:
        handler, self._handler = self._handler, None
        if handler is not None:
            _signal.signal(_SIGINT, handler)
            self._give(handler)

    def check(self) -> None:
        """Give the handler, which as a rule raises KeyboardInterrupt, what was noted."""
        self._give(self._handler)

    def allowed(self) -> "Allowed":
        """Return a context for the user's own code, which may be interrupted anywhere, but once."""
        return Allowed(self)

    def allow(self) -> None:
        """Give signals to the handler as they come, until one raises an error."""
        self.check()
        self._is_allowed = self._handler is not None

    def forbid(self) -> None:
        """Take notes again; of another handler, if the user's code has set one."""
        self._is_allowed = False
        if self._handler is not None:
            handler = _signal.getsignal(_SIGINT)
            if handler != self._signalled:
                self._take(handler)

    def _take(self, handler: Any) -> None:
        """Put ours in the place of a handler, if it is one in Python."""
        self._handler = handler if callable(handler) else None
        if self._handler is not None:
            _signal.signal(_SIGINT, self._signalled)

    def _give(self, handler: Any) -> None:
        if self._noted is not None:
            noted, self._noted = self._noted, None
            handler(*noted)

    def _signalled(self, signum: int, frame: FrameType | None) -> None:
        """Handle a signal: note it or, where it is allowed, give it to the user's handler.

        If that raises an error, what follows is to put the network in order: the next signal must
        not interrupt that.
        """
        self._noted = signum, frame
        if self._is_allowed:
            self._is_allowed = False
            self.check()
            self._is_allowed = True


class Allowed:
    """A context in which the user's own code runs: see `Interrupts.allowed`."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def __enter__(self) -> None:
        self._interrupts.allow()

    def __exit__(self, *error: object) -> None:
        self._interrupts.forbid()
