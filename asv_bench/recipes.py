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
NETWORK = Network((784, 200, 10), "relu", *SOFTMAX)
SIZES = (784, 100, 10), (784, 200, 10), (784, 300, 10), (784, 300, 100, 10)
EPOCHS = 4, 6, 8
ADAM = replace(NETWORK, optimizer="adam", batch_size=64, learning_rate=0.003)
MOMENTUM = replace(NETWORK, optimizer="momentum", batch_size=32, learning_rate=0.05)

RECIPES = {
    "adam": Recipe(ADAM, 6),
    "momentum": Recipe(replace(MOMENTUM, sizes=(784, 100, 10)), 8),
}
CANDIDATES = {
    rule: [Recipe(replace(net, sizes=sizes), epochs) for sizes in SIZES for epochs in EPOCHS]
    for rule, net in (("adam", ADAM), ("momentum", MOMENTUM))
}
