"""How a network learns by the options in force: its kernels, and what they are told."""

import math
from typing import Any, NamedTuple, Protocol

import numpy as np

from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.calls import Calls
from mlp_fast.history import History
from mlp_fast.initialisation import shuffle_key
from mlp_fast.kept import Kept
from mlp_fast.kernels.linalg.buffers import NOTHING
from mlp_fast.kernels.network.arguments import Data, Learning, Rule
from mlp_fast.kernels.network.forward_batch import ROWS
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.net import Net
from mlp_fast.paths import Task, are_moderate, only_path, path_for
from mlp_fast.rule_state import state_for, step_of
from mlp_fast.update_rule import ALL, LINEAR, PLAIN, SGD, Optimizer
from mlp_fast.warn import warn

DESCEND = only_path("descend")
DESCEND_BY_RULE = only_path("descend", ALL)


class Method(Protocol):
    """What of the options in force decides how a network learns: those of `MLP` are `Settings`."""

    @property
    def optimizer(self) -> Optimizer:
        """The update rule."""

    @property
    def rules(self) -> str:
        """Which rules a path must know: see update_rule.py."""

    @property
    def l2(self) -> float:
        """λ of the penalty λ/2 Σw²."""

    @property
    def clip_norm(self) -> float | None:
        """The largest norm of a gradient."""

    @property
    def epochs(self) -> int:
        """How many epochs there are at most."""

    @property
    def batch_size(self) -> int | None:
        """Samples per update, None for all."""

    @property
    def shuffle(self) -> bool:
        """Whether each epoch draws an order of its own."""

    @property
    def orders(self) -> Any:
        """The orders that epochs take examples in, or None."""

    @property
    def by_weight(self) -> bool:
        """Whether a batch's gradient and loss, L2 included, are divided by its sum of weights."""

    @property
    def loss_scale(self) -> float:
        """What losses, but not gradients, are multiplied by."""

    @property
    def loss_flags(self) -> int:
        """What is added to the code of the loss: see loss.py."""


class Learner(NamedTuple):
    """A network with its options and its history; weights and the rule's state change in place."""

    net: Net
    settings: Method
    history: History

    def calls(
        self,
        examples: Examples,
        rate: float,
        epochs: int = 1,
        chunk: int = 0,
        gradient: Floats | None = None,
    ) -> Calls:
        """Return the calls that train on examples, or on a chunk of them, for some epochs.

        If there is a gradient, that of all examples is added to it instead.
        """
        net, settings, history, layout = *self, self.net.layout
        rows, T, k, orders = examples.rows, examples.T, examples.k, settings.orders
        size = min(settings.batch_size or k, k) if gradient is None else min(ROWS, k)
        shuffle = settings.shuffle and orders is None and size < k and gradient is None
        in_order = orders is None and not shuffle
        if orders is None:
            orders = np.arange(k).reshape(1, k)
        key = shuffle_key(history.seed) if shuffle else 0
        loss = net.loss.code | settings.loss_flags
        rule = Rule(loss, rate, size, shuffle, key, history.passes + chunk)
        data, network = Data(rows, T, orders, in_order), net.for_kernels()
        repeated = size == k and orders.shape[0] == 1
        call, rules = ("train", settings.rules) if gradient is None else ("accumulate", PLAIN)
        weights = examples.weights
        if gradient is None and settings.by_weight and size == 1 and weights is not None:
            # divided by its weight, a gradient is as without, but for L2: λ varies by sample
            weights, rules = (weights, ALL) if settings.l2 else (None, rules)
        if weights is not None and rules == PLAIN:
            rules = LINEAR
        task = Task(call, layout, rows.sparse, size, repeated, rule.loss, rules)
        path = path_for(task, lambda: are_moderate(layout, data, rule))
        buffers = path.buffers(layout.shape, data, rule)
        if gradient is not None:
            buffers = buffers._replace(gradient=gradient)
        if path.rules == PLAIN:
            return Calls(path, (network, data, rule, buffers), epochs)
        learning = self._learning(rule, weights)
        if gradient is not None:
            learning = learning._replace(updates=False, by_weight=False)
        state = None if gradient is not None else history.rule
        return Calls(path, (network, data, learning, buffers), epochs, state)

    def new_gradient(self) -> Floats:
        """Return a zeroed buffer for a gradient."""
        gradient: Floats = DESCEND.buffers(self.net.layout.shape)
        return gradient

    def descend(self, rate: float, k: int, gradient: Floats) -> float:
        """Take a step by a sum of k gradients; set it to zero; return the penalty before."""
        network = self.net.for_kernels()
        if self.settings.rules == PLAIN:
            DESCEND(network, rate / k, gradient)
            return 0.0
        rule = Rule(self.net.loss.code, rate, 1, shuffle=False, key=0, epoch=0)
        return float(DESCEND_BY_RULE(network, k, gradient, self._learning(rule)))

    def keep(self) -> Kept:
        """Return a copy of what training changes."""
        return Kept(self.net.theta, self.history.rule)

    def prepare(self) -> None:
        """Have the state of the rule in force, as it was if it is the rule of before."""
        history, optimizer = self.history, self.settings.optimizer
        if optimizer.keeps:
            history.rule = state_for(optimizer, self.net.layout, history.rule)
        else:
            history.rule = None

    def _learning(self, rule: Rule, weights: Floats | None = None) -> Learning:
        """Return how kernels are to learn by any rule."""
        settings, layout = self.settings, self.net.layout
        weights = NOTHING[layout.dtype] if weights is None else weights
        optimizer, clip_norm = settings.optimizer, settings.clip_norm
        kept = state_for(optimizer, layout, self.history.rule)
        state = kept.for_kernels(optimizer, layout, penalty=settings.l2 > 0)
        linear = optimizer.as_linear()
        momentum, nesterov = linear or (0.0, False)
        return Learning(
            *rule,
            step=step_of(optimizer, self.net.theta, state),
            state=state,
            updates=True,
            direct=optimizer == SGD() and settings.l2 == 0,
            momentum=momentum,
            nesterov=nesterov,
            l2=settings.l2,
            clip_norm=math.inf if clip_norm is None else clip_norm,
            sample_weights=read_only(weights),  # of one type for kernels, if there are none, too
            by_weight=settings.by_weight,
            loss_scale=settings.loss_scale,
        )


LOSS, WEIGHT = "the sample's loss is not finite", "a weight is no longer finite"


def return_unless_finite(before: Kept, loss: float = 0.0) -> None:
    """Return to what was before a step, and warn, unless its loss and all numbers are finite."""
    if not math.isfinite(loss):
        before.restore()
        warn_of_step(LOSS)
    elif not before.may_be_kept():
        before.restore()
        warn_of_step(WEIGHT)


def warn_of_step(what: str) -> None:
    """Warn that a step diverged, and was not taken."""
    warn(f"the step diverged: {what}; the weights are as they were", RuntimeWarning)
