"""How an estimator's network learns, in scikit-learn's arithmetic."""

from typing import Any, NamedTuple

from mlp_fast.optimizers import Adam, Momentum
from mlp_fast.update_rule import ALL, LINEAR, SGD, Optimizer


class Told(NamedTuple):
    """What `Learner` asks for; a batch's gradient and loss are divided by its sum of weights."""

    optimizer: Optimizer = SGD()
    l2: float = 0.0
    batch_size: int | None = None
    orders: Any = None
    loss_scale: float = 1.0
    epochs: int = 1
    shuffle: bool = False
    clip_norm: float | None = None
    by_weight: bool = True
    loss_flags: int = 0

    @property
    def rules(self) -> str:
        """Which rules a path must know."""
        return ALL if self.optimizer.as_linear() is None else LINEAR


class Velocity(Momentum):
    """Momentum of any μ from 0 to 1."""

    def __post_init__(self) -> None:
        """Check nothing: scikit-learn has."""


class PlainAdam(Adam):
    """Adam with ε as scikit-learn adds it, and of any size."""

    plain_epsilon = True

    def __post_init__(self) -> None:
        """Check nothing: scikit-learn has."""


def rule_of(optimizer: Any) -> Optimizer:
    """Return the update rule of scikit-learn's optimizer object."""
    if hasattr(optimizer, "beta_1"):
        return PlainAdam(optimizer.beta_1, optimizer.beta_2, optimizer.epsilon)
    if optimizer.momentum == 0:
        return SGD()
    return Velocity(float(optimizer.momentum), bool(optimizer.nesterov))
