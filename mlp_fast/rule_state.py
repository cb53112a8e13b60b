"""What an update rule keeps from step to step, and how kernels are told of it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import read_only
from mlp_fast.kernels.compile.address import address_of
from mlp_fast.kernels.linalg.buffers import NOTHING
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.network.arguments import State
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout
from mlp_fast.update_rule import Optimizer


@dataclass(eq=False)
class RuleState:
    """The arrays of a rule, which training changes in place."""

    name: str  # of the rule
    arrays: dict[str, Floats]  # by name, each laid out like the weights
    powers: NDArray[np.float64]

    @classmethod
    def fresh(cls, optimizer: Optimizer, layout: Layout) -> Self:
        """Return the state before the first step."""
        arrays = {}
        for name, start in optimizer.arrays.items():
            arrays[name] = layout.new_theta()
            for view in layout.views(arrays[name]):  # padding stays zero
                view[:] = start
        return cls(optimizer.name, arrays, np.ones(optimizer.n_powers))

    @property
    def all_arrays(self) -> list[Floats]:
        """All that changes."""
        return [*self.arrays.values(), self.powers]

    def twin(self) -> "RuleState":
        """Return a copy that shares nothing."""
        arrays = {name: array.copy() for name, array in self.arrays.items()}
        return RuleState(self.name, arrays, self.powers.copy())

    def cast(self, layout: Layout, to: Layout) -> "RuleState":
        """Return a copy in another layout of the same network, as one of another dtype is."""
        arrays = {name: to.pack(layout.views(array)) for name, array in self.arrays.items()}
        return RuleState(self.name, arrays, self.powers.copy())

    def take(self, other: "RuleState") -> None:
        """Take over another state of the same rule and network, in place."""
        for to, array in zip(self.all_arrays, other.all_arrays, strict=True):
            to[:] = array

    def is_finite(self) -> bool:
        """Return whether all numbers are finite: an infinite one may hide in finite weights."""
        return all(all_finite(read_only(array)) for array in self.arrays.values())

    def for_kernels(self, optimizer: Optimizer, layout: Layout, penalty: bool) -> State:
        """Return what kernels take; if there is a penalty, with the mask of weights."""
        nothing = NOTHING[layout.dtype]
        first, second = [*self.arrays.values(), nothing, nothing][:2]
        mask = layout.mask() if penalty or optimizer.decays else nothing
        return State(first, second, mask, np.array(optimizer.numbers), self.powers)


def state_for(optimizer: Optimizer, layout: Layout, before: RuleState | None) -> RuleState:
    """Return the state that there is, if it is that of the same rule; else a fresh one."""
    if before is not None and before.name == optimizer.name:
        return before
    return RuleState.fresh(optimizer, layout)


def kernel_of(optimizer: Optimizer) -> Any:
    """Return the kernel of a rule: an attribute of an object would be a method, each its own."""
    kernel = optimizer.kernel
    return getattr(kernel, "__func__", kernel)


def step_of(optimizer: Optimizer, theta: Floats, state: State) -> int:
    """Return the address of the kernel of a rule, compiled or loaded when it is first asked for."""
    kernel = kernel_of(optimizer)
    key = kernel, theta.dtype
    if key not in _addresses:
        _addresses[key] = address_of(kernel, theta, theta, state, 0.0)
    return _addresses[key]


_addresses: dict[object, int] = {}
