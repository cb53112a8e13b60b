"""JAX: one jitted function that scans over all samples, or batches, of all epochs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from peers.jax_rules import RULES, Optax
from peers.peer import Array, Job, Network, Peer, PlainBias

jax.config.update("jax_enable_x64", True)

ACTIVATIONS = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "linear": lambda h: h,
    "softmax": jax.nn.softmax,
}
TINY, UNROLL = 64, 4  # weights of networks that an unrolled loop does not help


def _last_h(network: Network, layers: list[tuple[Array, Array]], x: Array) -> Array:
    """Return h of the last layer."""
    for W, b in layers[:-1]:
        x = ACTIVATIONS[network.hidden](x @ W + b)
    return x @ layers[-1][0] + layers[-1][1]


def _loss(network: Network, layers: list[tuple[Array, Array]], x: Array, t: Array) -> Array:
    h = _last_h(network, layers, x)
    if network.loss == "cross_entropy":
        losses = -jnp.sum(t * jax.nn.log_softmax(h), axis=-1)
    else:
        losses = 0.5 * jnp.sum((ACTIVATIONS[network.output](h) - t) ** 2, axis=-1)
    return jnp.mean(losses)


@partial(jax.jit, static_argnames=("rule", "network", "epochs", "unroll"), donate_argnames="layers")
def _train(rule, network, layers, X, T, *, epochs=1, unroll=1):
    """X and T have a first axis over the steps of an epoch."""
    step = step_of(rule, network, network.learning_rate)

    def epoch(carried, _):
        if X.shape[0] == 1:  # a full batch
            return step(carried, (X[0], T[0]))
        return lax.scan(step, carried, (X, T), unroll=unroll)

    return lax.scan(epoch, (layers, rule.state(layers)), None, length=epochs)[0][0]


def step_of(rule, network, rate):
    """Return what is scanned: a step of (layers, state) by a batch."""

    def step(carried, batch):
        layers, state = carried
        gradients = jax.grad(partial(_loss, network))(layers, *batch)
        if network.l2:
            pairs = zip(gradients, layers, strict=True)
            gradients = [(G + network.l2 * W, g) for (G, g), (W, _) in pairs]
        return rule.update(rate, layers, state, gradients), None

    return step


@partial(jax.jit, static_argnames="network")
def predicted(network, layers, X):
    return ACTIVATIONS[network.output](_last_h(network, layers, X))


class Scan(PlainBias):
    """All steps in one call; batches are of one size."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        X, T, size = job.X, job.T, job.network.batch_size
        if size > 1:
            X, T = (array.reshape(-1, size, array.shape[1]) for array in (X, T))
        self.data = jax.device_put((X, T))
        self.rule = RULES[self.network.optimizer]
        tiny = sum(W.size for W in job.weights) <= TINY
        self.unroll = UNROLL if size == 1 and not tiny else 1

    def restore(self) -> None:
        layers = [(jnp.array(V[1:]), jnp.array(-V[0])) for V in self.job.weights]
        self.layers = jax.block_until_ready(layers)

    def train(self) -> None:
        steps = {"epochs": self.job.epochs, "unroll": self.unroll}
        trained = _train(self.rule, self.network, self.layers, *self.data, **steps)
        self.layers = jax.block_until_ready(trained)

    def predict(self) -> Array:
        return np.asarray(predicted(self.network, self.layers, self.job.X))


class ScanOptax(Scan):
    """The same with a rule of Optax."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.rule = Optax(job.network)


class ByCall(Scan):
    """A call for each sample."""

    train = Peer.train

    def given(self, rows: Array) -> Array:
        return rows[np.newaxis]

    def step(self, X: Array, T: Array) -> None:
        self.layers = jax.block_until_ready(_train(self.rule, self.network, self.layers, X, T))
