"""What a training is told besides its options: validation rows, a callback, a checkpoint."""

import numbers
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mlp_fast.archive import check_writable
from mlp_fast.checks import count

if TYPE_CHECKING:
    from mlp_fast.mlp import MLP

Callback = Callable[[int, "MLP", dict[str, float | None]], Any]


class Attached(NamedTuple):
    """Checked, but for what is in the validation rows; kept for `resume` by the object itself."""

    validation: tuple[Any, Any] | None = None
    callback: Callback | None = None
    checkpoint: str | None = None
    checkpoint_every: int = 1

    def told(self, **given: Any) -> "Attached":
        """Return this with some of it changed and checked."""
        return self._replace(**{name: CHECKS[name](value) for name, value in given.items()})


NOTHING = Attached()


def _validation(value: Any) -> tuple[Any, Any] | None:
    if value is None:
        return None
    if isinstance(value, tuple | list) and len(value) == 2:
        return value[0], value[1]
    got = type(value).__name__
    if isinstance(value, tuple | list):
        got += f" of {len(value)}"
    hint = ""
    if isinstance(value, numbers.Real):
        hint = ": the share of examples to hold out is validation_fraction"
    raise ValueError(
        f"validation must be a pair (X, T) of arrays, not in chunks, or None; got {got}{hint}"
    )


def _callback(value: Any) -> Callback | None:
    if value is not None and not callable(value):
        raise TypeError(
            "callback must be a function of epoch, network and logs, or None; "
            f"got {type(value).__name__}"
        )
    callback: Callback | None = value
    return callback


def _checkpoint(value: Any) -> str | None:
    if value is None:
        return None
    check_writable(value)
    path: str = os.path.abspath(value)  # wherever the process goes meanwhile
    return path


CHECKS: dict[str, Callable[[Any], Any]] = {
    "validation": _validation,
    "callback": _callback,
    "checkpoint": _checkpoint,
    "checkpoint_every": lambda value: count("checkpoint_every", value),
}
