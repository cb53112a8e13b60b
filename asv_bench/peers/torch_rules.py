"""PyTorch's update rules: its own optimizers, and the same by hand, in place."""

import torch
from torch import nn

from peers.peer import BETA_1, BETA_2, EPSILON, MOMENTUM, Network

Layers = list[tuple[torch.Tensor, torch.Tensor]]


def optimizer(network: Network, net: nn.Module) -> torch.optim.Optimizer:
    """Return PyTorch's own, which leaves biases undecayed."""
    groups = [
        {"params": [p for p in net.parameters() if p.ndim == 2], "weight_decay": network.l2},
        {"params": [p for p in net.parameters() if p.ndim == 1]},
    ]
    if not network.l2:
        groups = list(net.parameters())
    if network.optimizer == "adam":
        betas = BETA_1, BETA_2
        return torch.optim.Adam(groups, network.learning_rate, betas, EPSILON, fused=True)
    momentum = MOMENTUM if network.optimizer == "momentum" else 0.0
    return torch.optim.SGD(groups, network.learning_rate, momentum)


class Sgd:
    """Plain gradient descent."""

    def __init__(self, network: Network, layers: Layers) -> None:
        self.layers, self.rate, self.l2 = layers, network.learning_rate, network.l2

    def restore(self) -> None:
        """Forget all steps."""

    def begin(self) -> None:
        """Begin a step."""

    def update(self, l: int, below: torch.Tensor, delta: torch.Tensor) -> None:
        (W, b), rate = self.layers[l], -self.rate / len(delta)
        W.addmm_(below.T, delta, alpha=rate)
        b.add_(delta.sum(0), alpha=rate)


class Momentum(Sgd):
    """A velocity for each weight, updated by the product itself."""

    def __init__(self, network: Network, layers: Layers) -> None:
        super().__init__(network, layers)
        self.rate = _scalar(self.rate)
        self.velocities = [(torch.zeros_like(W), torch.zeros_like(b)) for W, b in layers]

    def restore(self) -> None:
        for pair in self.velocities:
            torch._foreach_zero_(pair)

    def update(self, l: int, below: torch.Tensor, delta: torch.Tensor) -> None:
        (W, b), (V, v) = self.layers[l], self.velocities[l]
        delta = delta * (self.rate / -len(delta))
        V.addmm_(below.T, delta, beta=MOMENTUM)
        W.add_(V)
        v.mul_(MOMENTUM).add_(delta.sum(0))
        b.add_(v)


class Adam(Sgd):
    """Two means for each weight, and the powers of the betas."""

    def __init__(self, network: Network, layers: Layers) -> None:
        super().__init__(network, layers)
        self.rate = _scalar(self.rate)
        self.means = [[(torch.zeros_like(w), torch.zeros_like(w)) for w in pair] for pair in layers]
        self.powers = torch.ones(2, dtype=torch.float64)
        self.betas = torch.tensor([BETA_1, BETA_2], dtype=torch.float64)

    def restore(self) -> None:
        self.powers.fill_(1)
        for layer in self.means:
            for pair in layer:
                torch._foreach_zero_(pair)

    def begin(self) -> None:
        self.powers.mul_(self.betas)
        corrections = 1 - self.powers
        root = corrections[1].sqrt()
        self.size = (-self.rate * root / corrections[0]).to(self.layers[0][0].dtype)
        self.epsilon = (EPSILON * root).to(self.layers[0][0].dtype)

    def update(self, l: int, below: torch.Tensor, delta: torch.Tensor) -> None:
        delta = delta / len(delta)
        W = self.layers[l][0]
        G = torch.addmm(W, below.T, delta, beta=self.l2) if self.l2 else below.T @ delta
        for w, g, (m, v) in zip(self.layers[l], (G, delta.sum(0)), self.means[l], strict=True):
            m.lerp_(g, 1 - BETA_1)
            v.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
            w.add_(m.mul(self.size).div_(v.sqrt().add_(self.epsilon)))


def _scalar(number: float) -> torch.Tensor:
    """Return a number that may change without anything being compiled anew."""
    return torch.tensor(number, dtype=torch.float64)


RULES = {"sgd": Sgd, "momentum": Momentum, "adam": Adam}
