"""Do contenders agree: the weights that all must reach, and the answers that all must give."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from peers.job import Array, Job, Network

from mlp_fast.reference import Reference

CHECKED_STEPS = 104  # a multiple of AT_ONCE
ROUNDING = 1000  # units in the last place of the largest number, after so many steps


class DisagreementError(Exception):
    """Says how far a contender is off."""


class Check:
    """The reference in float64, after the first steps of a job and before them."""

    def __init__(self, job: Job) -> None:
        steps = dataclasses.replace(job, epochs=CHECKED_STEPS)
        self.whole = job
        self.job = steps.part(CHECKED_STEPS * job.network.batch_size)

    def weights(self, weights: Sequence[Array]) -> None:
        """Compare the weights that a contender has after the first steps."""
        off = max(float(np.abs(W - V).max()) for W, V in zip(weights, self._weights, strict=True))
        largest = max(float(np.abs(W).max()) for W in self._weights)
        self._judge(off, largest, f"after {CHECKED_STEPS} steps")

    def answers(self, answers: Array) -> None:
        """Compare what a contender predicts from the initial weights."""
        exact = self._answers
        if answers.dtype.kind == "i":  # 0 or 1 by a threshold, to which some may be too near
            sure = np.abs(exact - 0.5) > self._rounding(1.0)
            answers, exact = answers[sure], exact[sure] > 0.5
        off = float(np.abs(answers - exact.astype(float)).max(initial=0.0))
        self._judge(off, float(np.abs(self._answers).max()), "in its answers")

    @functools.cached_property
    def _weights(self) -> list[Array]:
        job, network = self.job, self.job.network
        net = reference(network, job.weights)
        orders = [np.arange(len(job.X))] * job.epochs
        X, T = job.X.astype(float), job.T.astype(float)
        net.train(X, T, orders, network.batch_size, network.learning_rate)
        return net.weights

    @functools.cached_property
    def _answers(self) -> Array:
        return reference(self.whole.network, self.whole.weights).forward(
            self.whole.X.astype(float)
        )[1][-1]

    def _judge(self, off: float, largest: float, where: str) -> None:
        allowed = self._rounding(largest)
        if not off <= allowed:
            raise DisagreementError(f"off by {off:.2g} {where}; {allowed:.2g} is rounding")

    def _rounding(self, largest: float) -> float:
        return ROUNDING * np.finfo(self.job.dtype).eps * largest


def reference(network: Network, weights: list[Array]) -> Reference:
    """Return the readable network in float64."""
    return Reference([W.astype(float) for W in weights], network.activations, network.loss)
