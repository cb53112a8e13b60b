"""What an update rule is: what becomes of the weights, given a batch's gradient g, L2 included.

Each is a small frozen object that carries the rule's numbers; its formula is that of the kernel
which it names. All but plain gradient descent are in optimizers.py, loaded when one is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

PLAIN, LINEAR, ALL = RULES = "plain gradient descent", "linear rules", "all rules"
"""What a path can do: each more than the one before.

To the linear rules belong momentum, L2, weights of samples and clipping.
"""


class Optimizer:
    """What update rules have in common; `SGD`, `Momentum`, `Adam` and so on are such rules.

    A subclass is another rule: a frozen dataclass whose fields are its numbers. To load networks
    that were saved with it, put it in `OPTIMIZERS`.

    Attributes
    ----------
    name : str
        By which it is known in files and, if it is one of `OPTIMIZERS`, to `MLP`.
    kernel : kernel
        Takes a step: see `mlp_fast.kernels.train.rules`.
    arrays : mapping of str to float
        What it keeps for each weight, up to two numbers, and what they are at the beginning.
    n_powers : int
        How many other numbers it keeps; they are 1 at the beginning.
    decays : bool
        Whether its kernel needs to know which weights are those of bias nodes.
    full_batch : bool
        Whether it is for full batches only, and has no learning rate.

    Examples
    --------
    >>> from mlp_fast.optimizers import OPTIMIZERS
    >>> OPTIMIZERS["momentum"]().numbers
    (0.9, 0.0)
    """

    name: ClassVar[str]
    kernel: ClassVar[Any]
    arrays: ClassVar[Mapping[str, float]] = {}
    n_powers: ClassVar[int] = 0
    decays: ClassVar[bool] = False
    full_batch: ClassVar[bool] = False

    @property
    def numbers(self) -> tuple[float, ...]:
        """The rule's numbers, in the order in which its kernel takes them."""
        return tuple(float(number) for number in vars(self).values())

    @property
    def keeps(self) -> bool:
        """Whether the rule keeps anything from step to step."""
        return bool(self.arrays or self.n_powers)

    def as_linear(self) -> tuple[float, bool] | None:
        """Return μ of momentum, and whether it is Nesterov's; None if the rule is not linear."""
        return None

    def __repr__(self) -> str:
        numbers = (f"{name}={number!r}" for name, number in vars(self).items())
        return f"{type(self).__qualname__}({', '.join(numbers)})"


@dataclass(frozen=True)
class SGD(Optimizer):
    """Plain gradient descent (78), the tutorial's rule: w -= η g.

    Examples
    --------
    >>> from mlp_fast import MLP
    >>> MLP().settings.optimizer
    SGD()
    """

    name: ClassVar = "sgd"

    @property
    def kernel(self) -> Any:
        """The kernel that takes a step."""
        from mlp_fast.kernels.train import rules

        return rules.sgd

    def as_linear(self) -> tuple[float, bool]:
        """Return μ = 0: plain gradient descent is linear."""
        return 0.0, False


def as_optimizer(value: Any) -> Optimizer:
    """Return the rule that a name or an object stands for."""
    lacking = [attribute for attribute in ("name", "kernel") if not hasattr(value, attribute)]
    if isinstance(value, Optimizer) and not lacking:
        return value
    if isinstance(value, str) and value == SGD.name:
        return SGD()
    from mlp_fast.optimizers import OPTIMIZERS

    if isinstance(value, str) and value in OPTIMIZERS:
        return OPTIMIZERS[value]()
    got, hint = repr(value), ""
    if isinstance(value, Optimizer):
        hint = f", which has no {' and no '.join(lacking)}"
    if isinstance(value, type):
        got, hint = f"the class {value.__name__}", f": make an object of it, {value.__name__}()"
    raise ValueError(
        f"optimizer must be one of {', '.join(map(repr, OPTIMIZERS))}, or an object of "
        f"mlp_fast.optimizers; got {got}{hint}"
    )
