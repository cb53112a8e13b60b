"""Which values are real numbers, and how an error message shows those that are not."""

import numbers
from decimal import Decimal
from typing import Any

import numpy as np

NUMERIC = "biuf"  # kinds of dtypes: booleans, integers of either sign, floats
NUMBERS = (numbers.Real, np.bool_)
CONVERTIBLE = (*NUMBERS, Decimal)  # what astype(float) makes numbers of
LONGEST = 60  # characters of a value in an error message


def shown(value: Any) -> str:
    """Return a value as Python writes it, cut if it is long."""
    if isinstance(value, np.number | np.character | np.bool_):
        value = value.item()
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
