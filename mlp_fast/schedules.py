"""Learning rates that change: each schedule is a function of the epoch, counted from 0.

Schedules are compared, hashed and pickled by their numbers, which are checked when they are made,
and their repr evaluates back. `as_dict` returns what JSON can hold of one, `from_dict` makes it
from that.
"""

import math
import numbers
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any

from mlp_fast.checks import choice, count, finite, positive

__all__ = ["Cosine", "InverseTime", "Schedule", "Step", "Warmup", "as_dict", "from_dict"]

DEEPEST = 8
"""Of a `Warmup` in a `Warmup` in ...: neither a call nor a file can then recurse without end."""


@dataclass(frozen=True)
class Schedule:
    """What all schedules share: their numbers are checked and brought to one form.

    Called with an epoch, counted from 0, it returns a learning rate that is finite and 0 or more.
    """

    def __post_init__(self) -> None:
        """Check every number."""
        for name, value in vars(self).copy().items():
            vars(self)[name] = _CHECKS[name](name, value)

    def __call__(self, epoch: int) -> float:
        """Return the learning rate of an epoch."""
        return self._rate(count("epoch", epoch, least=0))

    def _rate(self, epoch: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class InverseTime(Schedule):
    """Learning rate that falls as one over time: η / (1 + decay · epoch).

    Parameters
    ----------
    learning_rate : float
        Rate η of the first epoch; above 0.
    decay : float
        By how much the divisor grows with each epoch; 0 or more.

    Examples
    --------
    >>> from mlp_fast.schedules import InverseTime
    >>> schedule = InverseTime(0.5, decay=1)
    >>> [schedule(epoch) for epoch in (0, 1, 4)]
    [0.5, 0.25, 0.1]
    """

    learning_rate: float
    decay: float

    def _rate(self, epoch: int) -> float:
        return self.learning_rate / (1 + self.decay * epoch)


@dataclass(frozen=True)
class Step(Schedule):
    """Learning rate that falls in steps: η · factor^(epoch // every).

    Parameters
    ----------
    learning_rate : float
        Rate η of the first epochs; above 0.
    every : int
        Epochs from one step to the next.
    factor : float, default 0.1
        What each step multiplies the rate by; above 0 and up to 1.

    Examples
    --------
    >>> from mlp_fast.schedules import Step
    >>> schedule = Step(0.5, every=10, factor=0.5)
    >>> [schedule(epoch) for epoch in (0, 9, 10, 20)]
    [0.5, 0.5, 0.25, 0.125]
    """

    learning_rate: float
    every: int
    factor: float = 0.1

    def _rate(self, epoch: int) -> float:
        return float(self.learning_rate * self.factor ** (epoch // self.every))


@dataclass(frozen=True)
class Cosine(Schedule):
    """Learning rate that falls along half a cosine, and then stays at the least one.

    That is least + (η - least)(1 + cos(π · min(epoch, epochs) / epochs)) / 2. It is `least` from
    the epoch `epochs` on, so a training of so many epochs never sees a rate of 0.

    Parameters
    ----------
    learning_rate : float
        Rate η of the first epoch; above 0.
    epochs : int
        Epochs that the fall takes.
    least : float, default 0.0
        Rate in the end; from 0 to `learning_rate`.

    Examples
    --------
    >>> from mlp_fast.schedules import Cosine
    >>> schedule = Cosine(0.5, epochs=100, least=0.25)
    >>> [round(schedule(epoch), 6) for epoch in (0, 50, 100, 101)]
    [0.5, 0.375, 0.25, 0.25]
    """

    learning_rate: float
    epochs: int
    least: float = 0.0

    def __post_init__(self) -> None:
        """Check every number, then that the rate does not rise."""
        super().__post_init__()
        rule = f"up to learning_rate, {self.learning_rate!r}"
        finite("least", self.least, rule, lambda least: least <= self.learning_rate)

    def _rate(self, epoch: int) -> float:
        left = max(0, self.epochs - epoch) / self.epochs
        # (1 + cos(π - x)) / 2 is sin(x / 2)², which does not round to 0 before the end
        share = math.sin(0.5 * math.pi * left) ** 2
        return share * self.learning_rate + (1 - share) * self.least


@dataclass(frozen=True)
class Warmup(Schedule):
    """Learning rate that rises linearly to the first one of another schedule, which then follows.

    For epoch < epochs it is (epoch + 1) / (epochs + 1) times that rate; afterwards, that of the
    other schedule at epoch - epochs.

    Parameters
    ----------
    epochs : int
        Epochs that the rise takes.
    then : float, schedule or callable
        What follows: a rate above 0, a schedule, or any function of the epoch, counted from 0.

    Examples
    --------
    >>> from mlp_fast.schedules import Step, Warmup
    >>> schedule = Warmup(3, then=Step(0.5, every=2, factor=0.5))
    >>> [schedule(epoch) for epoch in range(7)]
    [0.125, 0.25, 0.375, 0.5, 0.5, 0.25, 0.25]
    """

    epochs: int
    then: float | Callable[[int], float]

    def __post_init__(self) -> None:
        """Check what follows, too."""
        super().__post_init__()
        then, depth = self.then, 1
        while isinstance(then, Warmup):
            then, depth = then.then, depth + 1
        _check_depth(depth)

    def _rate(self, epoch: int) -> float:
        if epoch >= self.epochs:
            return self._following(epoch - self.epochs)
        return (epoch + 1) / (self.epochs + 1) * self._following(0)

    def _following(self, epoch: int) -> float:
        if not callable(self.then):
            return self.then
        return _at_least_0(f"the rate of then in its epoch {epoch}", self.then(epoch))


@dataclass(frozen=True)
class Lost(Schedule):
    """In place of a function of one's own that a network was trained with, after it is loaded."""

    def _rate(self, epoch: int) -> float:
        raise ValueError(
            "learning_rate must be given again: it was a function, which is not part of a file"
        )


SCHEDULES: dict[str, type[Schedule]] = {
    "InverseTime": InverseTime,
    "Step": Step,
    "Cosine": Cosine,
    "Warmup": Warmup,
}
"""Every schedule that has a form in JSON, by the name that it has there."""


def as_dict(schedule: Callable[[int], float]) -> dict[str, Any] | None:
    """Return a schedule as JSON can hold it.

    Parameters
    ----------
    schedule : callable
        A schedule.

    Returns
    -------
    dict or None
        Its name and its numbers; None for what has no such form: a function of one's own, or a
        `Warmup` that leads to one.

    Examples
    --------
    >>> from mlp_fast.schedules import Step, Warmup, as_dict
    >>> as_dict(Warmup(3, Step(0.5, every=2)))["then"]
    {'name': 'Step', 'learning_rate': 0.5, 'every': 2, 'factor': 0.1}
    >>> as_dict(lambda epoch: 0.5)
    """
    name = type(schedule).__name__
    if SCHEDULES.get(name) is not type(schedule):
        return None
    entry = {"name": name, **vars(schedule)}
    if callable(entry.get("then")):
        entry["then"] = as_dict(entry["then"])
        return None if entry["then"] is None else entry
    return entry


def from_dict(entry: Any) -> Schedule:
    """Return the schedule that `as_dict` had returned as a dict; everything in it is checked.

    Parameters
    ----------
    entry : dict
        As it was read from JSON.

    Returns
    -------
    Schedule
        An equal schedule.

    Raises
    ------
    ValueError
        If it is no schedule: the name or a key is unknown, something is missing, a number is out of
        its range, or schedules are nested too deeply.

    Examples
    --------
    >>> from mlp_fast.schedules import from_dict
    >>> from_dict({"name": "Cosine", "learning_rate": 0.5, "epochs": 100})
    Cosine(learning_rate=0.5, epochs=100, least=0.0)
    """
    return _from_dict(entry, 1)


def _from_dict(entry: Any, depth: int) -> Schedule:
    if not isinstance(entry, dict):
        raise ValueError(f"a schedule must be a dict of its name and numbers; got {entry!r}")
    options = dict(entry)
    schedule = SCHEDULES[choice("the name of a schedule", options.pop("name", None), SCHEDULES)]
    needed = {field.name: field.default is MISSING for field in fields(schedule)}
    for name in options:
        if name not in needed:
            raise ValueError(f"{schedule.__name__} has no {name!r}, but {', '.join(needed)}")
    for name, is_needed in needed.items():
        if is_needed and name not in options:
            raise ValueError(f"{schedule.__name__} must have {', '.join(needed)}; {name} is absent")
    if isinstance(options.get("then"), dict):
        _check_depth(depth)
        options["then"] = _from_dict(options["then"], depth + 1)
    elif callable(options.get("then")):
        raise ValueError(f"then must be a number or a dict; got {options['then']!r}")
    return schedule(**options)


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"then must not have more than {DEEPEST} warm-ups, one in another")


def _at_least_0(name: str, value: Any) -> float:
    return finite(name, value, "0 or more", lambda number: number >= 0)


def _share(name: str, value: Any) -> float:
    return finite(name, value, "above 0 and up to 1", lambda number: 0 < number <= 1)


def _then(name: str, value: Any) -> Any:
    if callable(value) and not isinstance(value, type):
        return value
    if isinstance(value, numbers.Real):
        return positive(name, value)
    raise ValueError(
        f"{name} must be a number above 0, a schedule or a function of the epoch; got {value!r}"
    )


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "learning_rate": positive,
    "decay": _at_least_0,
    "every": count,
    "factor": _share,
    "epochs": count,
    "least": _at_least_0,
    "then": _then,
}
