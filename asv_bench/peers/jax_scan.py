"""JAX: one jitted function that scans over all samples, or batches, of all epochs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from peers.job import Array, Job, Network, Run, with_bias_row, with_plain_bias

jax.config.update("jax_enable_x64", True)

ACTIVATIONS = {
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "linear": lambda h: h,
    "softmax": jax.nn.softmax,
}
TINY, UNROLL = 64, 4  # weights of networks that an unrolled loop does not help


def _outputs(network: Network, layers: list[tuple[Array, Array]], x: Array) -> tuple[Array, Array]:
    """Return h and a of the last layer."""
    h = None
    for (W, b), name in zip(layers, network.activations, strict=True):
        h = x @ W + b
        x = ACTIVATIONS[name](h)
    return h, x


def _loss(network: Network, layers: list[tuple[Array, Array]], x: Array, t: Array) -> Array:
    h, y = _outputs(network, layers, x)
    if network.loss == "cross_entropy":
        losses = -jnp.sum(t * jax.nn.log_softmax(h), axis=-1)
    else:
        losses = 0.5 * jnp.sum((y - t) ** 2, axis=-1)
    return jnp.mean(losses)


@partial(jax.jit, static_argnames=("network", "epochs", "unroll"), donate_argnames="layers")
def _train(network, layers, X, T, *, epochs, unroll):
    """X and T have a first axis over the steps of an epoch."""

    def step(layers, batch):
        gradients = jax.grad(partial(_loss, network))(layers, *batch)
        rate = network.learning_rate
        return jax.tree.map(lambda w, g: w - rate * g, layers, gradients), None

    def epoch(layers, _):
        if X.shape[0] == 1:  # a full batch
            return step(layers, (X[0], T[0]))
        return lax.scan(step, layers, (X, T), unroll=unroll)

    return lax.scan(epoch, layers, None, length=epochs)[0]


@partial(jax.jit, static_argnames="network")
def _predict(network, layers, X):
    return _outputs(network, layers, X)[1]


def online(job: Job) -> Run:
    """Scan over samples."""
    n_weights = sum(W.size for W in job.weights)
    unroll = UNROLL if n_weights > TINY else 1
    return _trainer(job, job.X, job.T, unroll)


def batch(job: Job) -> Run:
    """Scan over batches, all of one size."""
    shape = (-1, job.network.batch_size)
    X, T = (array.reshape(*shape, array.shape[1]) for array in (job.X, job.T))
    return _trainer(job, X, T, 1)


def _trainer(job: Job, X: Array, T: Array, unroll: int) -> Run:
    X, T = jax.device_put(X), jax.device_put(T)
    held = {}

    def restore() -> None:
        held["layers"] = jax.block_until_ready(_layers(job))

    def call() -> None:
        trained = _train(job.network, held["layers"], X, T, epochs=job.epochs, unroll=unroll)
        held["layers"] = jax.block_until_ready(trained)

    return Run(call, job.samples, restore, lambda: with_bias_row(held["layers"]))


def predictor(job: Job) -> Run:
    """From a NumPy array to a NumPy array."""
    layers = _layers(job)
    return Run(lambda: np.asarray(_predict(job.network, layers, job.X)), len(job.X))


def stepper(job: Job) -> Run:
    """One sample from Python: a jitted step, its weights donated."""
    held = {}
    X, T = (array.reshape(-1, 1, 1, array.shape[1]) for array in (job.X, job.T))
    rows = list(zip(X, T, strict=True))

    def restore() -> None:
        held["layers"] = jax.block_until_ready(_layers(job))

    def call() -> None:
        layers = held["layers"]
        for x, t in rows:
            layers = jax.block_until_ready(_train(job.network, layers, x, t, epochs=1, unroll=1))
        held["layers"] = layers

    return Run(call, len(rows), restore, lambda: with_bias_row(held["layers"]))


def _layers(job: Job) -> list[tuple[Array, Array]]:
    """Return copies on the device, which may be donated."""
    return [(jnp.array(W), jnp.array(b)) for W, b in with_plain_bias(job.weights)]


def version() -> str:
    """Return JAX's version."""
    return f"JAX {jax.__version__}"
