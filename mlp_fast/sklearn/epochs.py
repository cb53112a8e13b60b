"""Epochs of stochastic training, each in an order that scikit-learn draws."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.history import History
from mlp_fast.interrupts import Interrupts
from mlp_fast.kept import Kept
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.learning import Learner
from mlp_fast.rule_state import RuleState
from mlp_fast.sklearn.live import Live
from mlp_fast.sklearn.told import Told, rule_of

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


class Epochs:
    """Train a network on the same examples, one epoch for each call of `run`.

    Parameters
    ----------
    live : Live
        The network.
    examples : Examples
        Inputs, targets and weights, as they come without shuffling.
    optimizer : SGDOptimizer or AdamOptimizer
        scikit-learn's, which has the learning rate; the state of its rule is kept in it.
    alpha, loss_scale : float
        The strength of L2, and what losses are multiplied by.
    batch_size : int
        Samples per update.
    stream : numpy.random.RandomState or None
        What orders are drawn from; None for no shuffling.
    """

    def __init__(
        self,
        live: Live,
        examples: Examples,
        optimizer: Any,
        alpha: float,
        loss_scale: float,
        batch_size: int,
        stream: np.random.RandomState | None,
    ) -> None:
        k, weights = examples.k, examples.weights
        self._live, self._optimizer, self._stream = live, optimizer, stream
        self._order = np.arange(k)
        orders = self._order.reshape(1, k)
        told = Told(
            *(rule_of(optimizer), float(alpha), batch_size, orders),
            loss_scale=loss_scale,
            loss_flags=live.loss_flags,
        )
        _fit_state(optimizer, live)
        history = History(seed=0, rule=optimizer.state)
        learner = Learner(live.net, told, history)
        learner.prepare()
        optimizer.state = history.rule
        self._told_rate = self._rate
        self._calls = learner.calls(examples, self._told_rate)
        self._weights = None if weights is None else weights.astype(np.float64)
        self._starts = np.arange(0, k, batch_size)
        self._kept: Kept = learner.keep()
        self._weights_seen = read_only(live.net.theta)

    @property
    def steps(self) -> int:
        """The number of updates in an epoch."""
        return self._calls.per_epoch

    def draw_from(self, stream: np.random.RandomState | None) -> None:
        """Begin again with the order in which examples come, and with another stream."""
        self._stream = stream
        self._order[:] = np.arange(self._order.size)

    def run(self, interrupts: Interrupts, careful: bool = True) -> float:
        """Train for an epoch; return its loss.

        Raises
        ------
        ValueError
            If a weight is no longer finite, unless it is not to be `careful`; the network is then
            as it was.
        ZeroDivisionError
            If the weights of a batch sum to 0; the network is then as it was.
        KeyboardInterrupt
            At Ctrl-C; likewise.
        """
        calls, order = self._calls, self._order
        if self._stream is not None:
            order[:] = order[self._drawn(order.size)]
        self._check_weights()
        if self._rate != self._told_rate:
            self._told_rate = self._rate
            calls.learn_at(self._told_rate)
        self._kept.keep()
        try:
            finite = calls.take_epoch(interrupts.check)
            if careful and not finite and not all_finite(self._weights_seen):
                raise ValueError(NOT_FINITE)  # they never become so again
        except BaseException:
            self._kept.restore()
            raise
        self._count_steps()
        self._live.show_intercepts()
        return float(calls.curves.loss[0]) / calls.k

    @property
    def _rate(self) -> float:
        """The learning rate that the rule is told: Adam's changes with each step by itself."""
        optimizer = self._optimizer
        is_adam = hasattr(optimizer, "beta_1")
        return float(optimizer.learning_rate_init if is_adam else optimizer.learning_rate)

    def _drawn(self, k: int) -> NDArray[np.int64]:
        """Return the permutation that scikit-learn's `shuffle` would take."""
        assert self._stream is not None
        drawn = np.arange(k)
        self._stream.shuffle(drawn)
        return drawn

    def _check_weights(self) -> None:
        if self._weights is None:
            return
        sums = np.add.reduceat(self._weights[self._order], self._starts)
        if not sums.all():
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")

    def _count_steps(self) -> None:
        """Have scikit-learn's object know what its own steps would have left in it."""
        optimizer = self._optimizer
        if hasattr(optimizer, "beta_1"):
            optimizer.t += self.steps
            root = np.sqrt(1 - optimizer.beta_2**optimizer.t)
            rate = optimizer.learning_rate_init * root / (1 - optimizer.beta_1**optimizer.t)
            optimizer.learning_rate = rate


def _fit_state(optimizer: Any, live: Live) -> None:
    """Have the state of an optimizer in the form of the weights: their dtype may have changed."""
    layout, before = live.net.layout, vars(optimizer).get("network")
    network = layout.sizes, live.net.dtype
    if before == network:
        return
    state: RuleState | None = vars(optimizer).get("state")
    if before is not None and state is not None and before[0] == layout.sizes:
        state = state.cast(live.layout_of(before[1]), layout)
    else:
        state = None
    optimizer.network, optimizer.state = network, state
