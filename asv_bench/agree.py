"""Do contenders agree: the weights and answers that all must give, and the loss that each has."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from peers.peer import Array, Job, Network, Peer

from mlp_fast.reference import Adam, AdamW, Momentum, Reference, RMSprop, UpdateRule

RULES = {
    "sgd": UpdateRule,
    "momentum": Momentum,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}
STEPS = 104  # a multiple of AT_ONCE
ROUNDING = 1000  # units in the last place of the largest number, after so many steps
LOSS_ROWS = 2000  # on which the loss is measured


class DisagreementError(Exception):
    """Says how far a contender is off."""


class Check:
    """The reference in float64, after the first steps of a job and before them."""

    def __init__(self, job: Job) -> None:
        self.whole = job
        self.job = dataclasses.replace(job, epochs=STEPS).part(STEPS * job.network.batch_size)

    @functools.cached_property
    def _trained(self) -> list[Array]:
        job, network = self.job, self.job.network
        net = _reference(network, job.weights)
        orders = [np.arange(len(job.T))] * job.epochs
        X, T = _dense(job.X), job.T.astype(float)
        net.rule, net.l2 = RULES[network.optimizer](), network.l2
        net.train(X, T, orders, network.batch_size, network.learning_rate, job.sample_weight)
        return net.weights

    def weights(self, weights: Sequence[Array]) -> None:
        """Compare the weights that a contender has after the first steps."""
        off = max(np.abs(W - V).max() for W, V in zip(weights, self._trained, strict=True))
        largest = max(np.abs(W).max() for W in self._trained)
        self._judge(off, largest, f"after {STEPS} steps")

    def answers(self, answers: Array) -> None:
        """Compare what a contender predicts from the initial weights."""
        net, X = _reference(self.whole.network, self.whole.weights), self.whole.X
        exact = net.forward(X.astype(float))[1][-1]
        largest = np.abs(exact).max()
        if answers.dtype.kind == "i" and self._largest_of(answers):
            labels = answers.argmax(axis=1) if answers.shape == exact.shape else answers[:, 0]
            answers, exact = exact[np.arange(len(labels)), labels], exact.max(axis=1)
        elif answers.dtype.kind == "i":  # 0 or 1 by a threshold, to which some may be too near
            sure = np.abs(exact - 0.5) > self._rounding(1.0)
            answers, exact = answers[sure], (exact[sure] > 0.5).astype(float)
        self._judge(np.abs(answers - exact).max(initial=0.0), largest, "in its answers")

    def _largest_of(self, answers: Array) -> bool:
        """Return whether classes are those of the largest outputs, as one-hot rows or by number."""
        n_out = self.whole.network.sizes[-1]
        return n_out > 1 and (self.whole.network.output == "softmax" or answers.shape[1] == 1)

    def _judge(self, off: float, largest: float, where: str) -> None:
        allowed = self._rounding(largest)
        if not off <= allowed:
            raise DisagreementError(
                f"DISAGREES, off by {off:.2g} {where}; {allowed:.2g} is rounding"
            )

    def _rounding(self, largest: float) -> float:
        return ROUNDING * np.finfo(self.job.X.dtype).eps * largest


def loss(peer: Peer, job: Job) -> float:
    """Return the mean loss that a peer has reached, on the first rows of a job."""
    X, T = job.X[:LOSS_ROWS], job.T[:LOSS_ROWS].astype(float)
    weights = peer.weights()
    if weights is not None:
        return _reference(job.network, weights).mean_loss(_dense(X), T)
    A = peer.outputs(X)
    with np.errstate(divide="ignore"):
        H = np.log(np.maximum(A, 0))  # the h of a softmax, but for a constant
    return float(np.mean(_reference(job.network, []).sample_losses(H, A, T)))


def _dense(X: Array) -> Array:
    return (X.toarray() if hasattr(X, "toarray") else X).astype(float)


def _reference(network: Network, weights: Sequence[Array]) -> Reference:
    """Return the readable network in float64."""
    return Reference([W.astype(float) for W in weights], network.activations, network.loss)
