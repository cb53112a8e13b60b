"""Contenders of accuracy.py: each learns by a recipe, whole epochs in an order of its own."""

from functools import partial

import jax
import numpy as np
import torch
from jax import lax
from peers import jax_scan, ours
from peers.peer import Array, Job
from peers.torch_peer import ACTIVATE, ByHand, Eager, steps
from recipes import Recipe

from mlp_fast import MLP


class Learner:
    """One contender: what it makes of a recipe and of data whose rows fill whole batches."""

    def __init__(self, recipe: Recipe, X: Array, T: Array) -> None:
        self.recipe, self.network, self.X, self.T = recipe, recipe.network, X, T
        self.size = recipe.network.batch_size

    def train(self, seed: int, rates: list[float]) -> None:
        """Learn from the beginning; a rate for each epoch."""
        draw = np.random.default_rng(seed)
        weights = ours.initial(self.network.sizes, self.X.dtype.name, seed)
        self.begin(Job(self.network, weights, self.X[: self.size], self.T[: self.size]))
        for rate in rates:
            self.epoch(draw.permutation(len(self.X)), rate)

    def begin(self, job: Job) -> None:
        """Start from the weights of a job, which has one batch."""

    def epoch(self, order: Array, rate: float) -> None:
        """Learn from all rows once, in an order."""


class Ours(Learner):
    """One call of `train`, which shuffles."""

    def train(self, seed: int, rates: list[float]) -> None:
        network = self.network
        self.net = MLP(
            layer_sizes=network.sizes[1:-1],
            activation=network.hidden,
            output_activation=network.output,
            loss=network.loss,
            learning_rate=lambda epoch: rates[epoch],
            batch_size=network.batch_size,
            optimizer=network.optimizer,
            random_state=seed,
            dtype=self.X.dtype,
        )
        self.net.train(self.X, self.T, len(rates))

    def outputs(self, X: Array) -> Array:
        return self.net.predict(X)


@partial(jax.jit, static_argnames=("rule", "network"), donate_argnames="carried")
def _epoch(rule, network, carried, X, T, rate):
    step = jax_scan.step_of(rule, network, rate)
    return lax.scan(step, carried, (X, T))[0]


class Jax(Learner):
    """A scan over the batches of an epoch."""

    def begin(self, job: Job) -> None:
        self.peer = jax_scan.Scan(job)
        self.peer.restore()
        self.carried = self.peer.layers, self.peer.rule.state(self.peer.layers)

    def epoch(self, order: Array, rate: float) -> None:
        X, T = (rows[order].reshape(-1, self.size, rows.shape[1]) for rows in (self.X, self.T))
        self.carried = _epoch(self.peer.rule, self.network, self.carried, X, T, rate)
        jax.block_until_ready(self.carried)

    def outputs(self, X: Array) -> Array:
        return np.asarray(jax_scan.predicted(self.network, self.carried[0], X))


class TorchEager(Learner):
    """PyTorch as its users write it: its layers, loss and optimizer."""

    def begin(self, job: Job) -> None:
        self.peer = Eager(job)
        self.peer.restore()
        self.rows = torch.from_numpy(self.X), torch.from_numpy(self.T)

    def epoch(self, order: Array, rate: float) -> None:
        for group in self.peer.optimizer.param_groups:
            group["lr"] = rate
        X, T = self.rows
        for rows in torch.from_numpy(order).split(self.size):
            self.peer.step(X[rows], T[rows])

    @torch.inference_mode()
    def outputs(self, X: Array) -> Array:
        return self.peer.net(torch.from_numpy(X)).numpy()


class TorchCompiled(TorchEager):
    """The steps by hand, compiled: the fastest PyTorch of the comparison."""

    def begin(self, job: Job) -> None:
        self.peer = ByHand(job)
        self.peer.restore()
        self.rows = torch.from_numpy(self.X), torch.from_numpy(self.T)

    @torch.inference_mode()
    def epoch(self, order: Array, rate: float) -> None:
        self.peer.rule.rate.fill_(rate)
        X, T = self.rows
        for rows in torch.from_numpy(order).split(self.size):
            steps(self.peer, X[rows][None], T[rows][None])

    @torch.inference_mode()
    def outputs(self, X: Array) -> Array:
        A = torch.from_numpy(X)
        *hidden, (W, b) = self.peer.tensors
        for V, v in hidden:
            A = ACTIVATE[self.network.hidden](torch.addmm(v, A, V))
        return torch.addmm(b, A, W).numpy()


LEARNERS = {
    "mlp_fast": Ours,
    "JAX": Jax,
    "PyTorch eager": TorchEager,
    "PyTorch compiled": TorchCompiled,
}
