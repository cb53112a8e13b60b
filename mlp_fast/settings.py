"""The options of a network and of its training, all checked, alone and together."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from mlp_fast.activations import ACTIVATIONS, HIDDEN, SIGMOID, Activation
from mlp_fast.checks import finite
from mlp_fast.history import History
from mlp_fast.losses import LOSSES, legal_pairs, outputs_of
from mlp_fast.options import CHECKS
from mlp_fast.update_rule import ALL, LINEAR, PLAIN, SGD, Optimizer

Layers = tuple[tuple[Activation, ...], tuple[float, ...]]

RANGES = {"float64": (0.0, math.inf), "float32": (2.0**-150, 2.0**128 - 2.0**103)}
"""Open intervals in which a number rounds neither to 0 nor to infinity."""
LEARNING_RATE = 0.01
LearningRate = float | Callable[[int], float]
LARGEST_BETA = {"float64": 2.0**1022, "float32": 2.0**126}
"""Largest beta for which beta / log(2) is finite, too."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """All options, validated on construction; `MLP` documents them."""

    layer_sizes: tuple[int, ...] = (100,)
    activation: str | tuple[str, ...] = "sigmoid"
    output_activation: str = "sigmoid"
    loss: str = "squared_error"
    beta: float | tuple[float, ...] = 1.0
    optimizer: Optimizer = SGD()  # noqa: RUF009  # immutable
    learning_rate: LearningRate = LEARNING_RATE
    l2: float = 0.0
    clip_norm: float | None = None
    epochs: int = 200
    batch_size: int | None = None
    shuffle: bool = True
    orders: Any = dataclasses.field(default=None, compare=False, repr=False)
    initialisation: str = "tutorial"
    random_state: int | None = 0
    dtype: str = "float64"
    verbose: int = 0
    save_weights: bool = False
    progress: bool = False
    validation_fraction: float | None = None
    patience: int | None = None
    tol: float = 0.0
    by_weight: ClassVar[bool] = False
    loss_scale: ClassVar[float] = 1.0
    loss_flags: ClassVar[int] = 0

    def __post_init__(self) -> None:
        """Check each option and bring it to one form, then check them together."""
        self._take(vars(self).copy())

    def told(self, options: Mapping[str, Any]) -> Self:
        """Return these settings with some options changed; only what depends on them is checked."""
        settings = object.__new__(type(self))
        vars(settings).update(vars(self))
        settings._take(options)
        if "learning_rate" in options and settings.optimizer.full_batch:
            settings._refuse_learning_rate()
        return settings

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        rate = self.learning_rate
        if isinstance(rate, float):
            return rate
        name = f"learning_rate({epoch})"
        rate = finite(name, rate(epoch), "0 or more", lambda number: number >= 0)
        if rate >= RANGES[self.dtype][1]:  # one that rounds to 0 is as 0
            self._check_range(name, rate)
        return rate

    @property
    def rules(self) -> str:
        """Which rules a path must know to train by these options: see paths.py."""
        if self.optimizer.as_linear() is None:
            return ALL
        plain = self.optimizer == SGD() and self.l2 == 0
        return PLAIN if plain and self.clip_norm is None else LINEAR

    def changed(self) -> dict[str, Any]:
        """Return the options that differ from their defaults; orders are never told."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.repr and getattr(self, field.name) != field.default
        }

    def layers(self, n_hidden: int) -> Layers:
        """Return activation and β of every layer of a network with n_hidden hidden layers."""
        return _layers(self.activation, self.output_activation, self.beta, n_hidden)

    def _take(self, options: Mapping[str, Any]) -> None:
        """Check options and take them over, then check those that depend on one another."""
        state = vars(self)
        for name, value in options.items():
            state[name] = CHECKS[name](value)
        if "loss" in options or "output_activation" in options:
            self._check_pair()
        if "dtype" in options or "learning_rate" in options or "beta" in options:
            self._check_dtype()
        if self.optimizer != SGD() or self.l2 or self.clip_norm:
            self._check_rule()
        # per-layer values wait until the number of layers is final: train may be given others
        if self.beta != 1.0 and isinstance(self.beta, float) and isinstance(self.activation, str):
            self.layers(len(self.layer_sizes))

    def _check_dtype(self) -> None:
        """Check that no option rounds to 0 or to infinity in the network's dtype."""
        _, most = RANGES[self.dtype]
        betas = [self.beta] if isinstance(self.beta, float) else self.beta
        for beta in betas:
            if most > beta > LARGEST_BETA[self.dtype]:
                raise ValueError(
                    f"beta must be at most {LARGEST_BETA[self.dtype]:.3g} as {self.dtype}; "
                    f"got {beta!r}"
                )
        for beta in betas:
            self._check_range("beta", beta)
        if isinstance(self.learning_rate, float):
            self._check_range("learning_rate", self.learning_rate)

    def _check_range(self, name: str, value: float) -> None:
        """Check that a number rounds neither to 0 nor to infinity."""
        least, most = RANGES[self.dtype]
        if not least < value < most:
            raise ValueError(f"{name} must be finite and above 0 as {self.dtype}; got {value!r}")

    def _check_rule(self) -> None:
        """Check that options go with the update rule, and with the network's dtype."""
        rule = self.optimizer
        if self.l2:
            self._check_range("l2", self.l2)
        if self.clip_norm:
            self._check_range("clip_norm", self.clip_norm)
        if self.l2 and rule.decays:
            raise ValueError(
                f"l2 must be 0 with optimizer={rule!r}, which has a weight_decay of its own; "
                f"got {self.l2!r}"
            )
        if not rule.full_batch:
            return
        if self.batch_size is not None:
            raise ValueError(
                f"batch_size must be None with optimizer={rule!r}, which is for full batches; "
                f"got {self.batch_size}"
            )
        if self.learning_rate != LEARNING_RATE:
            self._refuse_learning_rate()

    def _refuse_learning_rate(self) -> None:
        raise ValueError(
            f"learning_rate must be left out with optimizer={self.optimizer!r}, which has steps of "
            f"its own; got {self.learning_rate!r}"
        )

    def _check_pair(self) -> None:
        legal = outputs_of(LOSSES[self.loss])
        # recall needs no loss, so a threshold output goes with any; training it is refused
        if self.output_activation not in (*legal, "threshold"):
            raise ValueError(
                f"loss={self.loss!r} does not go with output_activation="
                f"{self.output_activation!r}; the legal pairs are: {legal_pairs()}"
            )


@functools.lru_cache(maxsize=64)  # short trainings begin with it
def _layers(
    activation: str | tuple[str, ...],
    output_activation: str,
    beta: float | tuple[float, ...],
    n_hidden: int,
) -> Layers:
    names = (activation,) * n_hidden if isinstance(activation, str) else activation
    if len(names) != n_hidden:
        raise ValueError(
            f"activation must be one name or one for each of the {n_hidden} hidden layers; "
            f"got {activation!r}"
        )
    activations = (*(HIDDEN[name] for name in names), ACTIVATIONS[output_activation])
    betas = (beta,) * len(activations) if isinstance(beta, float) else beta
    if len(betas) != len(activations):
        raise ValueError(
            f"beta must be one number or one for each of the {len(activations)} layers, "
            f"the output layer included; got {beta!r}"
        )
    for of_layer, g in zip(betas, activations, strict=True):
        if of_layer != 1.0 and g != SIGMOID:
            raise ValueError(
                "beta other than 1 is for sigmoid layers only; "
                f"got {of_layer} for a {g.name} layer (beta={beta!r})"
            )
    return activations, betas


def rates(settings: Settings, history: History) -> Callable[[Any], float | None]:
    """Return which rate a step has that is told one, or None for that of the next epoch.

    What it is told must be a plain number within range, or it returns None: others need a check.
    """
    least, most = RANGES[settings.dtype]
    fixed = settings.learning_rate if isinstance(settings.learning_rate, float) else None

    def rate(told: Any) -> float | None:
        if told is None:
            return settings.rate(history.epochs) if fixed is None else fixed
        return told if type(told) is float and least < told < most else None

    return rate
