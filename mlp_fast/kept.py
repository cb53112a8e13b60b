"""A copy of what training changes in place, to return to."""

from mlp_fast.boundary.arrays import read_only
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.rule_state import RuleState


class Kept:
    """Weights and the rule's state as they were: finite, and returned to if what follows is not.

    Parameters
    ----------
    theta : ndarray
        The weights, which are copied.
    rule : RuleState or None
        The rule's state, likewise.

    Attributes
    ----------
    theta : ndarray
        The copy of the weights.
    rule : RuleState or None
        That of the rule's state.
    """

    def __init__(self, theta: Floats, rule: RuleState | None) -> None:
        self._theta, self._rule = theta, rule
        self.theta, self.rule = theta.copy(), rule and rule.twin()

    def keep(self) -> None:
        """Copy what there is now."""
        self.theta[:] = self._theta
        if self.rule is not None and self._rule is not None:
            self.rule.take(self._rule)

    def restore(self) -> None:
        """Return to the copy."""
        self._theta[:] = self.theta
        if self.rule is not None and self._rule is not None:
            self._rule.take(self.rule)

    def may_be_kept(self) -> bool:
        """Return whether all that there is now is finite."""
        is_finite = bool(all_finite(read_only(self._theta)))
        return is_finite and (self._rule is None or self._rule.is_finite())
