"""Recipes by which all contenders of accuracy.py learn MNIST's digits, and those not chosen."""

from dataclasses import dataclass, replace
from itertools import pairwise

from peers.peer import Network

HELD_OUT = 10_000  # training digits, the last, by which recipes are chosen


@dataclass(frozen=True)
class Recipe:
    """A network, an update rule, and how long it learns; the rate falls in a line to zero."""

    network: Network
    epochs: int

    @property
    def rates(self) -> list[float]:
        """Return the learning rate of each epoch."""
        first = self.network.learning_rate
        return [first * (1 - epoch / self.epochs) for epoch in range(self.epochs)]

    @property
    def work(self) -> int:
        """Return the number of weights times that of epochs."""
        return self.epochs * sum((n_in + 1) * n_out for n_in, n_out in pairwise(self.network.sizes))

    def __str__(self) -> str:
        net = self.network
        sizes = "-".join(map(str, net.sizes))
        return (
            f"{net.optimizer}, batches of {net.batch_size}, {sizes}, {net.hidden}, "
            f"rate {net.learning_rate:g} to 0, {self.epochs} epochs"
        )


SOFTMAX = "softmax", "cross_entropy"
DEEP = Network((784, 300, 100, 10), "relu", *SOFTMAX)
ADAM = replace(DEEP, learning_rate=0.002, batch_size=128, optimizer="adam")
MOMENTUM = replace(DEEP, learning_rate=0.05, batch_size=32, optimizer="momentum")
SHALLOW = (784, 100, 10)

RECIPES = {"adam": Recipe(ADAM, 8), "momentum": Recipe(MOMENTUM, 6)}
CANDIDATES = {
    "adam": [
        Recipe(ADAM, 4),
        Recipe(ADAM, 6),
        Recipe(ADAM, 8),
        Recipe(replace(ADAM, learning_rate=0.001), 6),
        Recipe(replace(ADAM, hidden="sigmoid", learning_rate=0.005), 6),
        Recipe(replace(ADAM, sizes=SHALLOW, learning_rate=0.005), 8),
    ],
    "momentum": [
        Recipe(MOMENTUM, 4),
        Recipe(MOMENTUM, 6),
        Recipe(MOMENTUM, 8),
        Recipe(replace(MOMENTUM, learning_rate=0.02), 6),
        Recipe(replace(MOMENTUM, hidden="sigmoid", learning_rate=0.1), 6),
        Recipe(replace(MOMENTUM, sizes=SHALLOW, learning_rate=0.1), 8),
    ],
}
