"""Checks of numbers and names that users give: errors name argument, rule and value."""

import math
import numbers
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

LARGEST_COUNT = 2**40
BOOLS = (bool, np.bool_)


def count(name: str, value: Any, least: int = 1) -> int:
    """Check an integer that must be at least `least`."""
    number = whole(value)
    if number is None or number < least:
        raise ValueError(f"{name} must be an integer of {least} or more; got {shown(value)}")
    if number > LARGEST_COUNT:
        raise ValueError(f"{name} must be an integer up to 2**40; got {shown(value)}")
    return number


def positive(name: str, value: Any) -> float:
    """Check a finite number that must be above 0."""
    return finite(name, value, "above 0", lambda number: number > 0)


def finite(name: str, value: Any, rule: str, holds: Callable[[float], bool]) -> float:
    """Check a finite number that must keep a rule."""
    if isinstance(value, BOOLS) or not isinstance(value, (float, numbers.Real)):  # ABCs are slow
        raise ValueError(f"{name} must be a number {rule}; got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and holds(number)):
        raise ValueError(f"{name} must be finite and {rule}; got {shown(value)}")
    return number


def whole(value: Any) -> int | None:
    """Return an integer as int, or None if it is none."""
    if isinstance(value, BOOLS):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def shown(value: Any) -> str:
    """Return a value as errors show it."""
    try:
        return repr(value)
    except ValueError:  # Python refuses to print thousands of digits
        return f"an integer of {value.bit_length()} bits"


def choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Check one of some names."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        named = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {named}; got {value!r}")
    return str(value)
