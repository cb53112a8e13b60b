"""The update rules, as objects that ``MLP(optimizer=...)`` takes, or by their names.

`Optimizer`, what they have in common, and `SGD` are from update_rule.py, which loads sooner.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mlp_fast.checks import BOOLS, finite
from mlp_fast.kernels.train import rules
from mlp_fast.update_rule import SGD, Optimizer

__all__ = [
    "OPTIMIZERS",
    "RPROP",
    "SGD",
    "Adam",
    "AdamW",
    "Momentum",
    "Optimizer",
    "RMSprop",
]

LEAST_EPSILON = 1e-38  # times √(1-β₂), it is still above 0 in float32


@dataclass(frozen=True)
class Momentum(Optimizer):
    """Gradient descent with momentum: v = μ v - η g; w += v.

    The learning rate is inside of v, as in scikit-learn and Keras; PyTorch and optax have it
    outside, which is the same while it is constant.

    Parameters
    ----------
    momentum : float, default 0.9
        μ, at least 0 and below 1.
    nesterov : bool, default False
        Whether it is Nesterov's, which looks ahead: w += μ v - η g, with the new v.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> from mlp_fast.optimizers import Momentum
    >>> MLP(optimizer=Momentum(0.8, nesterov=True))
    MLP(optimizer=Momentum(momentum=0.8, nesterov=True))
    """

    momentum: float = 0.9
    nesterov: bool = False
    name: ClassVar = "momentum"
    kernel = rules.momentum
    arrays: ClassVar = {"velocity": 0.0}

    def __post_init__(self) -> None:
        """Check the numbers."""
        _below_1(self, "momentum")
        if not isinstance(self.nesterov, BOOLS):
            raise ValueError(f"nesterov must be True or False; got {self.nesterov!r}")
        object.__setattr__(self, "nesterov", bool(self.nesterov))

    def as_linear(self) -> tuple[float, bool]:
        """Return μ, and whether it is Nesterov's."""
        return self.momentum, self.nesterov


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Steps divided by a running root mean square: s = ρ s + (1-ρ) g²; w -= η g / (√s + ε).

    Parameters
    ----------
    rho : float, default 0.9
        ρ, at least 0 and below 1.
    epsilon : float, default 1e-8
        ε, at least 1e-38.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> m = MLP(optimizer="rmsprop", learning_rate=0.001, batch_size=32)
    """

    rho: float = 0.9
    epsilon: float = 1e-8
    name: ClassVar = "rmsprop"
    kernel = rules.rmsprop
    arrays: ClassVar = {"mean_square": 0.0}

    def __post_init__(self) -> None:
        """Check the numbers."""
        _below_1(self, "rho")
        _epsilon(self)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), with running means of g and of g².

    m = β₁ m + (1-β₁) g; v = β₂ v + (1-β₂) g²; w -= η m̂ / (√v̂ + ε), with m̂ = m / (1-β₁ᵗ) and
    v̂ = v / (1-β₂ᵗ) in step t.

    Parameters
    ----------
    beta_1, beta_2 : float, default 0.9 and 0.999
        β₁ and β₂, at least 0 and below 1.
    epsilon : float, default 1e-8
        ε, at least 1e-38.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> m = MLP(optimizer="adam", learning_rate=0.001, batch_size=32)
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    name: ClassVar = "adam"
    kernel = rules.adam
    arrays: ClassVar = {"mean": 0.0, "mean_square": 0.0}
    n_powers = 2
    plain_epsilon: ClassVar[bool] = False
    """Whether ε is added to √v in place of √v̂, as scikit-learn does."""

    @property
    def numbers(self) -> tuple[float, ...]:
        """The rule's numbers, and where ε is added."""
        return self.beta_1, self.beta_2, self.epsilon, float(self.plain_epsilon)

    def __post_init__(self) -> None:
        """Check the numbers."""
        _below_1(self, "beta_1")
        _below_1(self, "beta_2")
        _epsilon(self)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): first w -= η λ w.

    Biases do not decay. It takes the place of ``l2``.

    Parameters
    ----------
    beta_1, beta_2 : float, default 0.9 and 0.999
        β₁ and β₂, at least 0 and below 1.
    epsilon : float, default 1e-8
        ε, at least 1e-38.
    weight_decay : float, default 0.01
        λ, at least 0.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> from mlp_fast.optimizers import AdamW
    >>> m = MLP(optimizer=AdamW(weight_decay=0.1), learning_rate=0.001, batch_size=32)
    """

    weight_decay: float = 0.01
    name: ClassVar = "adamw"
    kernel = rules.adamw
    decays = True

    @property
    def numbers(self) -> tuple[float, ...]:
        """The rule's numbers, those of Adam first."""
        return *super().numbers, self.weight_decay

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        _check(self, "weight_decay", "at least 0", lambda number: number >= 0)


@dataclass(frozen=True)
class RPROP(Optimizer):
    """Resilient back-propagation without backtracking, iRPROP- (Igel and Hüsken, 2000).

    Only the sign of g counts: a weight's step Δ, at first 0.0125, grows by 1.2 up to 50 while g
    keeps its sign, and shrinks by 0.5 down to 1e-6 when it turns; then w -= sign(g) Δ, but not
    where g has turned. For full batches only, and without a learning rate.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> m = MLP(optimizer="rprop")
    """

    name: ClassVar = "rprop"
    kernel = rules.rprop
    arrays: ClassVar = {"step": 0.0125, "gradient": 0.0}
    full_batch = True

    @property
    def numbers(self) -> tuple[float, ...]:
        """The factors, and the least and the largest step."""
        return 1.2, 0.5, 1e-6, 50.0


OPTIMIZERS: dict[str, type[Optimizer]] = {
    rule.name: rule for rule in (SGD, Momentum, RMSprop, Adam, AdamW, RPROP)
}
"""Every rule by its name."""


def _check(rule: Optimizer, name: str, words: str, holds: Any) -> None:
    """Check one of a rule's numbers, and bring it to a float."""
    object.__setattr__(rule, name, finite(name, getattr(rule, name), words, holds))


def _below_1(rule: Optimizer, name: str) -> None:
    words = "at least 0 and below 1, in float32, too"
    _check(rule, name, words, lambda number: number >= 0 and np.float32(number) < 1)


def _epsilon(rule: Optimizer) -> None:
    words = f"at least {LEAST_EPSILON} and at most 1e30"
    _check(rule, "epsilon", words, lambda number: LEAST_EPSILON <= number <= 1e30)
