"""What is kept of a network's training: counters, curves, and the weights to go on from."""

import math
from array import array
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.simd.types import Floats
from mlp_fast.rule_state import RuleState


class Best(NamedTuple):
    """The weights after the best epoch of a training with patience."""

    epoch: int
    loss: float
    theta: Floats
    of_validation: bool  # whether the loss is that of validation rows


def _curve() -> "array[float]":
    return array("d")


@dataclass(eq=False)
class History:
    """The state of a training, but for the weights in use; `resume` goes on from here.

    So does the update rule, from its own state.
    """

    seed: int  # of the initial weights, of shuffling and of what is held out for validation
    started: bool = False  # whether the network was ever trained
    epochs: int = 0  # completed
    passes: int = 0  # completed, over an array or a chunk; each is shuffled by its number
    loss: "array[float]" = field(default_factory=_curve)  # per epoch
    validation_loss: "array[float]" = field(default_factory=_curve)  # NaN where there was none
    error: float = math.nan  # of the last epoch
    stopped: str = ""  # why the last run ended
    waits_from: int = 0  # patience is not counted from before this epoch
    validated: bool = False  # whether `train` or `resume` was last given validation rows
    best: Best | None = None  # with patience
    last: Floats | None = None  # the weights to go on from, if those in use are the best ones
    rule: RuleState | None = None  # from the first step on, if the rule keeps anything

    def twin(self) -> "History":
        """Return a copy that shares nothing."""
        best, last = self.best, self.last
        return replace(
            self,
            loss=self.loss[:],
            validation_loss=self.validation_loss[:],
            best=best and best._replace(theta=best.theta.copy()),
            last=None if last is None else last.copy(),
            rule=self.rule and self.rule.twin(),
        )

    def count(self, losses: NDArray[np.float64], error: float, passes: int) -> None:
        """Record epochs that are complete: the mean loss of each, and the error of the last."""
        self.loss.frombytes(losses.data.cast("B"))
        self.error = error
        self.epochs += losses.size
        self.passes += passes

    def count_one(self, loss: float, error: float) -> None:
        """Record an epoch of one pass, likewise."""
        self.loss.append(loss)
        self.error = error
        self.epochs += 1
        self.passes += 1

    def add_validation_loss(self, loss: float) -> None:
        """Record the validation loss after the last epoch."""
        missing = self.epochs - 1 - len(self.validation_loss)
        self.validation_loss.extend([math.nan] * missing)
        self.validation_loss.append(loss)

    @property
    def loss_curve(self) -> NDArray[np.float64]:
        """The mean loss of every epoch."""
        return np.array(self.loss, np.float64)

    @property
    def validation_loss_curve(self) -> NDArray[np.float64]:
        """The validation loss after every epoch, NaN where there was none; empty if none ever."""
        curve = np.array(self.validation_loss, np.float64)
        if not curve.size:
            return curve
        return np.pad(curve, (0, self.epochs - curve.size), constant_values=math.nan)

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best loss: of validation if there is any, counted from 0."""
        if self.best is not None:
            return self.best.epoch
        if not self.epochs:
            return None
        losses = self.validation_loss_curve
        return int(np.nanargmin(losses if losses.size else self.loss_curve))

    def is_better(self, loss: float, tol: float) -> bool:
        """Return whether a loss is lower than the best one by more than `tol`."""
        return self.best is None or loss < self.best.loss - tol

    def is_exhausted(self, patience: int) -> bool:
        """Return whether the last epoch is so many after the best one."""
        since = max(self.waits_from - 1, -1 if self.best is None else self.best.epoch)
        return self.epochs - 1 - since >= patience

    def keep_best(self, loss: float, theta: Floats, of_validation: bool) -> None:
        """Record that the last epoch is the best one, with these weights."""
        kept = theta.copy() if self.best is None else self.best.theta
        kept[:] = theta
        self.best = Best(self.epochs - 1, loss, kept, of_validation)

    def shown(self, theta: Floats) -> tuple[Floats, Floats | None]:
        """Return what `show_best` would make of the weights in use, and of `last`."""
        if self.best is None or np.array_equal(self.best.theta, theta):
            return theta, self.last
        return self.best.theta, theta

    def show_best(self, theta: Floats, kept: Floats) -> None:
        """Put the best weights in place of the last ones, whose copy is kept to go on from."""
        if self.best is not None and not np.array_equal(self.best.theta, theta):
            self.last = kept
            theta[:] = self.best.theta

    def show_last(self, theta: Floats) -> None:
        """Undo `show_best`; if other weights were put in place of the best ones, forget those."""
        last, self.last = self.last, None
        if self.best is None:
            return
        if not np.array_equal(self.best.theta, theta):
            self.best = None
        elif last is not None:
            theta[:] = last
