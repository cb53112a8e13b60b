"""A copy of what training changes in place, as it was after the last complete epoch."""

from mlp_fast.learning import Learner


class Kept:
    """Weights and the rule's state: finite, and returned to if the next epoch is not completed.

    Parameters
    ----------
    learner : Learner
        What is trained.

    Attributes
    ----------
    theta : ndarray
        The copy of the weights.
    rule : RuleState or None
        That of the rule's state.
    """

    def __init__(self, learner: Learner) -> None:
        self._theta, self._rule = learner.net.theta, learner.history.rule
        self.theta, self.rule = self._theta.copy(), self._rule and self._rule.twin()

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
