"""The tutorial's mathematics in plain NumPy: the specification that kernels are tested against.

Written to be read: slow, unchecked, and never called by `MLP`. The demo and the benchmarks time it.
Numbers in comments are those of the equations in `docs/mathematics.md`.
Weights are a list of matrices W of shape (n_in + 1, n_out); row 0 holds the bias node's weights
(68).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

Array = Any  # NumPy's types say too little about shapes to be worth the noise


@dataclass
class Reference:
    """A network in NumPy: weights, activations and a loss."""

    weights: list[Array]
    activations: Sequence[str]  # one per layer, the output layer's last
    loss: str = "squared_error"
    betas: Sequence[float] = ()  # one per layer; all 1 if empty
    errors: list[float] = field(default_factory=list)  # per epoch: mean over examples of Σ (a - t)²
    losses: list[float] = field(default_factory=list)  # per epoch: mean loss

    def __post_init__(self) -> None:
        """Default every beta to 1."""
        self.betas = self.betas or [1.0] * len(self.weights)

    def forward(self, X: Array) -> tuple[list[Array], list[Array]]:
        """Return H of every layer, and A of every layer, the input included (63-70)."""
        H: list[Array] = []
        A = [X]
        for W, g, beta in zip(self.weights, self.activations, self.betas, strict=True):
            H.append(with_bias(A[-1]) @ W)
            A.append(activate(g, H[-1], beta))
        return H, A

    def sample_losses(self, H: Array, A: Array, T: Array) -> Array:
        """Return each example's loss in float64, from H and A of the last layer."""
        H, A, T = H.astype(float), A.astype(float), T.astype(float)
        if self.loss == "squared_error":  # (48)
            return 0.5 * np.sum((A - T) ** 2, axis=1)
        if self.loss == "cross_entropy":  # (52), with log a_j = h_j - log sum exp h
            shifted = H - H.max(axis=1, keepdims=True)
            log_A = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
            return -np.sum(np.where(T == 0, 0, T * log_A), axis=1)
        # binary cross-entropy: -t log a - (1 - t) log(1 - a), with -log a = log(1 + exp(-beta h))
        z = self.betas[-1] * H
        return np.sum(T * np.logaddexp(0, -z) + (1 - T) * np.logaddexp(0, z), axis=1)

    def mean_loss(self, X: Array, T: Array) -> float:
        """Return the mean loss over the examples."""
        H, A = self.forward(X)
        return float(np.mean(self.sample_losses(H[-1], A[-1], T)))

    def output_delta(self, H: Array, A: Array, T: Array) -> Array:
        """Return delta = dE/dh of the last layer (13), a row for each example."""
        E = A - T
        if self.loss == "cross_entropy":
            return E
        if self.loss == "binary_cross_entropy":
            return E * A.dtype.type(self.betas[-1])
        if self.activations[-1] == "softmax":  # the full Jacobian (43-44)
            return A * (E - np.sum(E * A, axis=1, keepdims=True))
        return E * slope(self.activations[-1], H, A, self.betas[-1])  # (81-85)

    def deltas(self, H: list[Array], A: list[Array], T: Array) -> list[Array]:
        """Return delta = dE/dh of every layer, a row for each example (36, 79)."""
        deltas = [self.output_delta(H[-1], A[-1], T)]
        for l in reversed(range(1, len(self.weights))):
            g, beta = self.activations[l - 1], self.betas[l - 1]
            deltas.insert(0, deltas[0] @ self.weights[l][1:].T * slope(g, H[l - 1], A[l], beta))
        return deltas

    def gradients(self, H: list[Array], A: list[Array], T: Array) -> list[Array]:
        """Return dE/dW of every layer, averaged over the examples (7, 77)."""
        deltas = self.deltas(H, A, T)
        return [with_bias(a).T @ delta / len(T) for a, delta in zip(A[:-1], deltas, strict=True)]

    def input_gradients(self, H: list[Array], A: list[Array], T: Array) -> Array:
        """Return the derivative of the mean loss with respect to the inputs, like X (G1)."""
        return self.deltas(H, A, T)[0] @ self.weights[0][1:].T / len(T)

    def step(self, X: Array, T: Array, eta: float) -> tuple[float, float]:
        """Take one gradient step on a batch (78); return the sums of (a - t)² and of the loss."""
        H, A = self.forward(X)
        for W, gradient in zip(self.weights, self.gradients(H, A, T), strict=True):
            W -= W.dtype.type(eta) * gradient
        error = float(np.sum((A[-1].astype(float) - T.astype(float)) ** 2))
        return error, float(np.sum(self.sample_losses(H[-1], A[-1], T)))

    def train(
        self, X: Array, T: Array, orders: Iterable[Array], batch_size: int, eta: float
    ) -> None:
        """Train one epoch per order of the rows; with batch_size 1 this is algorithm 2.4.1."""
        for order in orders:
            batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
            sums = np.sum([self.step(X[batch], T[batch], eta) for batch in batches], axis=0)
            self.errors.append(sums[0] / len(order))
            self.losses.append(sums[1] / len(order))


def initial_weights(sizes: Sequence[int], random_state: int) -> list[Array]:
    """Draw the weights of a network of these sizes, input and output included (57)."""
    generator = np.random.RandomState(random_state)
    weights = []
    for n_in, n_out in pairwise(sizes):
        bound = np.sqrt(n_in)
        weights.append(generator.random_sample((n_in + 1, n_out)) * (2 / bound) - 1 / bound)
    return weights


def with_bias(A: Array) -> Array:
    """Prepend the bias node's column of -1 to a layer's outputs (70)."""
    return np.concatenate([-np.ones((len(A), 1), A.dtype), A], axis=1)


def activate(activation: str, H: Array, beta: float = 1.0) -> Array:
    """Return g(H) for one layer."""
    return FUNCTIONS[activation][0](H, H.dtype.type(beta))


def slope(activation: str, H: Array, A: Array, beta: float = 1.0) -> Array:
    """Return g'(H) for one layer, from H or from its outputs A."""
    return FUNCTIONS[activation][1](H, A, A.dtype.type(beta))


def sigmoid(H: Array, beta: Array) -> Array:
    """Return the sigmoid (38); where exp overflows to infinity, the result is 0."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-beta * H))


def softmax(H: Array, beta: Array) -> Array:
    """Return the softmax (42) of each row, shifted so that exp cannot overflow."""
    exponentials = np.exp(H - H.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


FUNCTIONS: dict[str, tuple[Callable[[Array, Array], Array], Callable[..., Array]]] = {
    "sigmoid": (sigmoid, lambda H, A, beta: beta * A * (1 - A)),  # (38, 39)
    "tanh": (lambda H, beta: np.tanh(H), lambda H, A, beta: 1 - A * A),  # (40, 41)
    "relu": (lambda H, beta: np.maximum(H, 0), lambda H, A, beta: (A > 0).astype(A.dtype)),
    "threshold": (lambda H, beta: (H > 0).astype(H.dtype), lambda H, A, beta: 0 * A),  # (37)
    "softmax": (softmax, lambda H, A, beta: np.ones_like(A)),  # (42); see output_delta
    "linear": (lambda H, beta: H, lambda H, A, beta: np.ones_like(A)),  # (45)
}
"""Each activation by name: g(H, beta), and its derivative as a function of H, A and beta."""
