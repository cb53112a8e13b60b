"""The options of a network and of its training: names, defaults, validation."""

import copy
import dataclasses
import math
import numbers
import operator
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mlp_fast.activations import ACTIVATIONS, HIDDEN, SIGMOID, SOFTMAX, Activation
from mlp_fast.boundary.orders import as_orders
from mlp_fast.losses import LOSSES, legal_pairs, outputs_of

DTYPES = ("float64", "float32")
RANGES = {"float64": (0.0, math.inf), "float32": (2.0**-150, 2.0**128 - 2.0**103)}
"""Open intervals in which a number rounds neither to 0 nor to infinity."""
LARGEST_BETA = {"float64": 2.0**1022, "float32": 2.0**126}
"""Largest beta for which beta / log(2) is finite, too."""
LARGEST_SEED = 2**32 - 1
LARGEST_COUNT = 2**40


class Options(TypedDict, total=False):
    """The name and type of every option; `MLP` documents what each means."""

    layer_sizes: int | Iterable[int]
    activation: str | Sequence[str]
    output_activation: str
    loss: str
    beta: float | Sequence[float]
    learning_rate: float
    batch_size: int | None
    shuffle: bool
    orders: ArrayLike | None
    random_state: int | None
    dtype: DTypeLike
    verbose: int
    save_weights: bool
    progress: bool


class AllOptions(Options, total=False):
    """The options of ``MLP(...)``: these and ``epochs``, which ``train`` takes by position."""

    epochs: int


@dataclasses.dataclass(frozen=True)
class Settings:
    """All options, validated on construction; `MLP` documents them."""

    layer_sizes: Any = (100,)
    activation: Any = "sigmoid"
    output_activation: str = "sigmoid"
    loss: str = "squared_error"
    beta: Any = 1.0
    learning_rate: float = 0.01
    epochs: int = 200
    batch_size: int | None = None
    shuffle: bool = True
    orders: Any = dataclasses.field(default=None, compare=False, repr=False)
    random_state: int | None = 0
    dtype: Any = "float64"
    verbose: int = 0
    save_weights: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        """Validate each option and bring it to one form, then check them together."""
        form = {
            "layer_sizes": _sizes("layer_sizes", self.layer_sizes),
            "activation": _one_or_each("activation", self.activation, str, _hidden_name),
            "output_activation": _choice("output_activation", self.output_activation, ACTIVATIONS),
            "loss": _choice("loss", self.loss, LOSSES),
            "beta": _one_or_each("beta", self.beta, numbers.Real, positive),
            "learning_rate": positive("learning_rate", self.learning_rate),
            "epochs": count("epochs", self.epochs),
            "batch_size": (
                None if self.batch_size is None else count("batch_size", self.batch_size)
            ),
            "shuffle": _flag("shuffle", self.shuffle),
            "orders": None if self.orders is None else as_orders(self.orders),
            "random_state": seed(self.random_state),
            "dtype": _dtype(self.dtype),
            "verbose": (
                int(self.verbose)
                if isinstance(self.verbose, bool)
                else count("verbose", self.verbose, least=0)
            ),
            "save_weights": _flag("save_weights", self.save_weights),
            "progress": _flag("progress", self.progress),
        }
        for name, value in form.items():
            object.__setattr__(self, name, value)
        self._check_pair()
        self._check_dtype()
        if isinstance(self.activation, str) and isinstance(self.beta, float):
            # per-layer values wait until the number of layers is final: train may be given others
            self.betas(len(self.layer_sizes))

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Settings":
        """Return settings with these options, all others at their defaults."""
        return cls().told(options)

    def told(self, options: Mapping[str, Any]) -> "Settings":
        """Return these settings with some options changed."""
        if options.keys() <= {"epochs"}:  # the usual call of train: no other check is repeated
            settings = copy.copy(self)
            for name, value in options.items():
                object.__setattr__(settings, name, count(name, value))
            return settings
        names = [field.name for field in dataclasses.fields(self)]
        for name in options:
            if name not in names:
                raise TypeError(f"unknown option {name!r}; the options are {', '.join(names)}")
        return dataclasses.replace(self, **options)

    def activations(self, n_hidden: int) -> list[Activation]:
        """Return the activation of every layer of a network with n_hidden hidden layers."""
        names = self.activation
        if isinstance(names, str):
            names = (names,) * n_hidden
        if len(names) != n_hidden:
            raise ValueError(
                f"activation must be one name or one for each of the {n_hidden} hidden layers; "
                f"got {self.activation!r}"
            )
        return [*(HIDDEN[name] for name in names), ACTIVATIONS[self.output_activation]]

    def betas(self, n_hidden: int) -> list[float]:
        """Return β of every layer of a network with n_hidden hidden layers."""
        betas = self.beta
        activations = self.activations(n_hidden)
        if isinstance(betas, float):
            betas = (betas,) * len(activations)
        if len(betas) != len(activations):
            raise ValueError(
                f"beta must be one number or one for each of the {len(activations)} layers, "
                f"the output layer included; got {self.beta!r}"
            )
        for beta, activation in zip(betas, activations, strict=True):
            if beta != 1.0 and activation != SIGMOID:
                raise ValueError(
                    "beta other than 1 is for sigmoid layers only; "
                    f"got {beta} for a {activation.name} layer (beta={self.beta!r})"
                )
        return list(betas)

    def _check_dtype(self) -> None:
        """Check that no option rounds to 0 or to infinity in the network's dtype."""
        least, most = RANGES[self.dtype]
        betas = [self.beta] if isinstance(self.beta, float) else self.beta
        for beta in betas:
            if most > beta > LARGEST_BETA[self.dtype]:
                raise ValueError(
                    f"beta must be at most {LARGEST_BETA[self.dtype]:.3g} as {self.dtype}; "
                    f"got {beta!r}"
                )
        for name, values in (("learning_rate", [self.learning_rate]), ("beta", betas)):
            for value in values:
                if not least < value < most:
                    raise ValueError(
                        f"{name} must be finite and above 0 as {self.dtype}; got {value!r}"
                    )

    def _check_pair(self) -> None:
        legal = outputs_of(LOSSES[self.loss])
        # recall needs no loss, so a threshold output goes with any; training it is refused
        if self.output_activation not in (*legal, "threshold"):
            raise ValueError(
                f"loss={self.loss!r} does not go with output_activation="
                f"{self.output_activation!r}; the legal pairs are: {legal_pairs()}"
            )


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
    sizes = _sizes("layer_sizes", value)
    if len(sizes) < 2:
        raise ValueError(
            "layer_sizes must hold the input's and the output's size here, and the hidden "
            f"layers' between them; got {value!r}"
        )
    return sizes


def _whole(value: Any) -> int | None:
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


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
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise ValueError(f"{name} must be a number above 0; got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be finite and above 0; got {value!r}")
    return number


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool | np.bool_) and _whole(value) not in (0, 1):
        raise ValueError(f"{name} must be True or False; got {_shown(value)}")
    return bool(value)


def _choice(name: str, value: Any, choices: Iterable[str]) -> str:
    choices = list(choices)
    if not isinstance(value, str) or value not in choices:
        named = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {named}; got {value!r}")
    return str(value)


def _hidden_name(name: str, value: Any) -> str:
    if isinstance(value, str) and value == SOFTMAX.name:
        raise ValueError(f"{name} 'softmax' is for the output layer only; got {value!r}")
    return _choice(name, value, HIDDEN)


def _one_or_each(name: str, value: Any, one: type, check: Any) -> Any:
    if isinstance(value, one):
        return check(name, value)
    return tuple(check(name, item) for item in _items(name, value))


def _sizes(name: str, value: Any) -> tuple[int, ...]:
    if _whole(value) is not None:
        value = (value,)
    return tuple(count(f"each of {name}", size) for size in _items(name, value))


def _items(name: str, value: Any) -> list[Any]:
    try:
        if not isinstance(value, Set | Mapping | bytes):  # unordered, or not numbers
            return list(value)
    except TypeError:
        pass
    raise ValueError(f"{name} must be one value or a sequence of them; got {value!r}")


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except ValueError:  # Python refuses to print thousands of digits
        return f"an integer of {value.bit_length()} bits"


def _dtype(value: Any) -> str:
    try:
        name = None if value is None else np.dtype(value).name
    except Exception:  # np.dtype parses strings, and may raise almost anything
        name = None
    if name in DTYPES:
        return str(name)
    raise ValueError(f"dtype must be one of {', '.join(map(repr, DTYPES))}; got {value!r}")
