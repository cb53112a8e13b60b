"""The options of a network: the type of each, and the check that brings its value to one form."""

import numbers
from collections.abc import Callable, Mapping, Set
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlp_fast.activations import ACTIVATIONS, HIDDEN, SOFTMAX
from mlp_fast.boundary.orders import as_orders
from mlp_fast.checks import BOOLS, choice, count, finite, positive, shown, whole
from mlp_fast.kernels.network.initial import INITIALISATIONS
from mlp_fast.losses import LOSSES
from mlp_fast.update_rule import as_optimizer

Dtype = Literal["float64", "float32"]

DTYPES: tuple[Dtype, ...] = ("float64", "float32")
LARGEST_SEED = 2**32 - 1

OF_NETWORK = frozenset(
    (
        *("layer_sizes", "activation", "output_activation", "loss", "beta"),
        *("initialisation", "random_state", "dtype"),
    )
)
"""Options that a network is made with, and that cannot change afterwards."""


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
    number = whole(value)
    if number is None or not 0 <= number <= LARGEST_SEED:
        raise ValueError(
            f"random_state must be None or an integer from 0 to {LARGEST_SEED}; got {shown(value)}"
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


def _learning_rate(value: Any) -> Any:
    if callable(value) and not isinstance(value, type):
        return value
    if isinstance(value, type):
        raise ValueError(
            "learning_rate must be a number above 0, or a function of the epoch; got the class "
            f"{value.__name__}: make an object of it"
        )
    return positive("learning_rate", value)


def _fraction(value: Any) -> float | None:
    if value is None:
        return None
    rule = "above 0 and below 1"
    return finite("validation_fraction", value, rule, lambda number: 0 < number < 1)


def _flag(name: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        if not isinstance(value, BOOLS) and whole(value) not in (0, 1):
            raise ValueError(f"{name} must be True or False; got {shown(value)}")
        return bool(value)

    return check


def _hidden_name(name: str, value: Any) -> str:
    if isinstance(value, str) and value == SOFTMAX.name:
        raise ValueError(f"{name} 'softmax' is for the output layer only; got {value!r}")
    return choice(name, value, HIDDEN)


def _one_or_each(name: str, value: Any, one: type, check: Any) -> Any:
    if isinstance(value, one):
        return check(name, value)
    return tuple(check(name, item) for item in items(name, value))


def _sizes(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) and whole(value) is not None:
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


CHECKS: dict[str, Callable[[Any], Any]] = {
    "layer_sizes": _sizes,
    "activation": lambda value: _one_or_each("activation", value, str, _hidden_name),
    "output_activation": lambda value: choice("output_activation", value, ACTIVATIONS),
    "loss": lambda value: choice("loss", value, LOSSES),
    "beta": lambda value: _one_or_each("beta", value, numbers.Real, positive),
    "optimizer": as_optimizer,
    "learning_rate": _learning_rate,
    "l2": lambda value: finite("l2", value, "0 or more", lambda number: number >= 0),
    "clip_norm": lambda value: None if value is None else positive("clip_norm", value),
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
