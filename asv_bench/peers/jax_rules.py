"""Update rules for JAX, by hand and Optax's: a state, and what a step makes of it and of layers."""

import jax
import jax.numpy as jnp
import optax

from peers.peer import BETA_1, BETA_2, EPSILON, MOMENTUM, Network


class Sgd:
    """Plain gradient descent."""

    @staticmethod
    def state(layers):
        return ()

    @staticmethod
    def update(rate, layers, state, gradients):
        return jax.tree.map(lambda w, g: w - rate * g, layers, gradients), state


class Momentum:
    """A velocity for each weight."""

    @staticmethod
    def state(layers):
        return jax.tree.map(jnp.zeros_like, layers)

    @staticmethod
    def update(rate, layers, velocities, gradients):
        velocities = jax.tree.map(lambda v, g: MOMENTUM * v - rate * g, velocities, gradients)
        return jax.tree.map(jnp.add, layers, velocities), velocities


class Adam:
    """Two means for each weight, and the powers of the betas."""

    @staticmethod
    def state(layers):
        m, v = (jax.tree.map(jnp.zeros_like, layers) for _ in range(2))
        return m, v, (jnp.ones(()), jnp.ones(()))

    @staticmethod
    def update(rate, layers, state, gradients):
        m, v, (power_1, power_2) = state
        power_1, power_2 = BETA_1 * power_1, BETA_2 * power_2
        m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, gradients)
        v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, gradients)
        dtype, root = layers[0][0].dtype, jnp.sqrt(1 - power_2)
        size, epsilon = (rate * root / (1 - power_1)).astype(dtype), (EPSILON * root).astype(dtype)
        layers = jax.tree.map(lambda w, m, v: w - size * m / (jnp.sqrt(v) + epsilon), layers, m, v)
        return layers, (m, v, (power_1, power_2))


RULES = {"sgd": Sgd, "momentum": Momentum, "adam": Adam}


class Optax:
    """One of Optax's, with the rate of a network."""

    def __init__(self, network: Network) -> None:
        rate = network.learning_rate
        self.rule = {
            "momentum": optax.sgd(rate, MOMENTUM),
            "adam": optax.adam(rate, BETA_1, BETA_2, EPSILON),
        }[network.optimizer]
        self.state = self.rule.init

    def update(self, rate, layers, state, gradients):
        updates, state = self.rule.update(gradients, state, layers)
        return optax.apply_updates(layers, updates), state
