"""The options of a network: the type of each, and the check that brings its value to one form."""

import math
import numbers
import operator
from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlp_fast.activations import ACTIVATIONS, HIDDEN, SOFTMAX
from mlp_fast.boundary.orders import as_orders
from mlp_fast.kernels.network.initial import INITIALISATIONS
from mlp_fast.losses import LOSSES

Dtype = Literal["float64", "float32"]

DTYPES: tuple[Dtype, ...] = ("float64", "float32")
LARGEST_SEED = 2**32 - 1
LARGEST_COUNT = 2**40

OF_NETWORK = frozenset(
    (
        *("layer_sizes", "activation", "output_activation", "loss", "beta"),
        *("initialisation", "random_state", "dtype"),
    )
)
"""Options that a network is made with, and that cannot change afterwards."""

_BOOLS = (bool, np.bool_)


class _AsConfigured:
    """The default of an option of `MLP.train`: what `MLP` was told; None has other meanings."""

    def __repr__(self) -> str:
        return "<as configured>"

    def __reduce__(self) -> str:
        """Copy and pickle by name: there is only one."""
        return "AS_CONFIGURED"


AS_CONFIGURED: Any = _AsConfigured()
"""Typed so that signatures name the option's own type only."""


def given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options among a function's arguments, without those left as configured."""
    return {
        name: value
        for name, value in arguments.items()
        if value is not AS_CONFIGURED and name in CHECKS
    }


def seed(value: Any) -> int | None:
    """Check a seed for NumPy's legacy generator."""
    if value is None:
        return None
    number = _whole(value)
    if number is None or not 0 <= number <= LARGEST_SEED:
        raise ValueError(
            f"random_state must be None or an integer from 0 to {LARGEST_SEED}; got {_shown(value)}"
        )
    return number


def all_sizes(value: Any) -> tuple[int, ...]:
    """Check the sizes of all layers, input and output included."""
    sizes = _sizes(value)
    if len(sizes) < 2:
        raise ValueError(
            "layer_sizes must hold the input's and the output's size here, and the hidden "
            f"layers' between them; got {value!r}"
        )
    return sizes


def count(name: str, value: Any, least: int = 1) -> int:
    """Check an integer that must be at least `least`."""
    number = _whole(value)
    if number is None or number < least:
        raise ValueError(f"{name} must be an integer of {least} or more; got {_shown(value)}")
    if number > LARGEST_COUNT:
        raise ValueError(f"{name} must be an integer up to 2**40; got {_shown(value)}")
    return number


def positive(name: str, value: Any) -> float:
    """Check a finite number that must be above 0."""
    return finite(name, value, "above 0", lambda number: number > 0)


def finite(name: str, value: Any, rule: str, holds: Callable[[float], bool]) -> float:
    """Check a finite number that must keep a rule."""
    if isinstance(value, _BOOLS) or not isinstance(value, (float, numbers.Real)):  # ABCs are slow
        raise ValueError(f"{name} must be a number {rule}; got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and holds(number)):
        raise ValueError(f"{name} must be finite and {rule}; got {_shown(value)}")
    return number


def _fraction(value: Any) -> float | None:
    if value is None:
        return None
    rule = "above 0 and below 1"
    return finite("validation_fraction", value, rule, lambda number: 0 < number < 1)


def _whole(value: Any) -> int | None:
    if isinstance(value, _BOOLS):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _flag(name: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        if not isinstance(value, _BOOLS) and _whole(value) not in (0, 1):
            raise ValueError(f"{name} must be True or False; got {_shown(value)}")
        return bool(value)

    return check


def choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Check one of some names."""
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        named = ", ".join(map(repr, choices))
        raise ValueError(f"{name} must be one of {named}; got {value!r}")
    return str(value)


def _hidden_name(name: str, value: Any) -> str:
    if isinstance(value, str) and value == SOFTMAX.name:
        raise ValueError(f"{name} 'softmax' is for the output layer only; got {value!r}")
    return choice(name, value, HIDDEN)


def _one_or_each(name: str, value: Any, one: type, check: Any) -> Any:
    if isinstance(value, one):
        return check(name, value)
    return tuple(check(name, item) for item in items(name, value))


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) and _whole(value) is not None:
        value = (value,)
    return tuple([count("each of layer_sizes", size) for size in items("layer_sizes", value)])


def items(name: str, value: Any) -> list[Any]:
    """Return the values of a sequence, whose order must be known."""
    try:
        if not isinstance(value, Set | Mapping | bytes):  # unordered, or not numbers
            return list(value)
    except TypeError:
        pass
    raise ValueError(f"{name} must be one value or a sequence of them; got {value!r}")


def _batch_size(value: Any) -> int | None:
    return None if value is None else count("batch_size", value)


def _orders(value: Any) -> NDArray[np.int64] | None:
    return None if value is None else as_orders(value)


def _verbose(value: Any) -> int:
    return int(value) if isinstance(value, bool) else count("verbose", value, least=0)


def _dtype(value: Any) -> str:
    try:
        name = None if value is None else np.dtype(value).name
    except Exception:  # np.dtype parses strings, and may raise almost anything
        name = None
    if name in DTYPES:
        return str(name)
    raise ValueError(f"dtype must be one of {', '.join(map(repr, DTYPES))}; got {value!r}")


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python refuses to print thousands of digits
        return f"an integer of {value.bit_length()} bits"


CHECKS: dict[str, Callable[[Any], Any]] = {
    "layer_sizes": _sizes,
    "activation": lambda value: _one_or_each("activation", value, str, _hidden_name),
    "output_activation": lambda value: choice("output_activation", value, ACTIVATIONS),
    "loss": lambda value: choice("loss", value, LOSSES),
    "beta": lambda value: _one_or_each("beta", value, numbers.Real, positive),
    "learning_rate": lambda value: positive("learning_rate", value),
    "epochs": lambda value: count("epochs", value),
    "batch_size": _batch_size,
    "shuffle": _flag("shuffle"),
    "orders": _orders,
    "initialisation": lambda value: choice("initialisation", value, INITIALISATIONS),
    "random_state": seed,
    "dtype": _dtype,
    "verbose": _verbose,
    "save_weights": _flag("save_weights"),
    "progress": _flag("progress"),
    "validation_fraction": _fraction,
    "patience": lambda value: None if value is None else count("patience", value),
    "tol": lambda value: finite("tol", value, "0 or more", lambda number: number >= 0),
}
"""For every option, the function that checks a value and returns it in one form."""
