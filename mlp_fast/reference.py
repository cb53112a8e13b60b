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


class UpdateRule:
    """Plain gradient descent (78), and what rules with a state have in common."""

    def step(self, weights: list[Array], gradients: list[Array], eta: float) -> None:
        """Take a step by the gradient of a batch."""
        for l, (W, g) in enumerate(zip(weights, gradients, strict=True)):
            self.update(W, g, W.dtype.type(eta), l)

    def update(self, W: Array, g: Array, eta: Array, l: int) -> None:
        """Update the weights of layer l."""
        W -= eta * g


@dataclass
class Reference:
    """A network in NumPy: weights, activations, a loss, and how it learns."""

    weights: list[Array]
    activations: Sequence[str]  # one per layer, the output layer's last
    loss: str = "squared_error"
    betas: Sequence[float] = ()  # one per layer; all 1 if empty
    rule: UpdateRule = field(default_factory=UpdateRule)
    l2: float = 0.0  # lambda
    clip_norm: float = np.inf
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
        if self.loss == "poisson":  # (S4), with log a = h and t log t = 0 at t = 0
            with np.errstate(over="ignore"):
                log_T = np.log(np.where(T == 0, 1, T))
                terms = np.where(T == 0, 0, T * (log_T - H) - T)
                return np.sum(terms + np.exp(H), axis=1)
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
        if self.loss in ("cross_entropy", "poisson"):
            return E
        if self.loss == "binary_cross_entropy":
            return E * A.dtype.type(self.betas[-1])
        if self.activations[-1] == "softmax":  # the full Jacobian (43-44)
            return A * (E - np.sum(E * A, axis=1, keepdims=True))
        return E * slope(self.activations[-1], H, A, self.betas[-1])  # (81-85)

    def penalty(self) -> float:
        """Return lambda / 2 times the sum of squared weights, those of bias nodes left out."""
        if self.l2 == 0:
            return 0.0  # of weights whose squares overflow, too
        return 0.5 * self.l2 * float(sum(np.sum(W[1:].astype(float) ** 2) for W in self.weights))

    def deltas(self, H: list[Array], A: list[Array], T: Array) -> list[Array]:
        """Return delta = dE/dh of every layer, a row for each example (36, 79)."""
        deltas = [self.output_delta(H[-1], A[-1], T)]
        for l in reversed(range(1, len(self.weights))):
            g, beta = self.activations[l - 1], self.betas[l - 1]
            deltas.insert(0, deltas[0] @ self.weights[l][1:].T * slope(g, H[l - 1], A[l], beta))
        return deltas

    def gradients(
        self, H: list[Array], A: list[Array], T: Array, s: Array | float = 1.0
    ) -> list[Array]:
        """Return dE/dW of every layer, averaged over the examples, of weights s (7, 77)."""
        deltas = self.deltas(H, A, T)
        share = np.reshape(s, (-1, 1)).astype(T.dtype) / len(T)
        return [with_bias(a).T @ (share * delta) for a, delta in zip(A[:-1], deltas, strict=True)]

    def input_gradients(self, H: list[Array], A: list[Array], T: Array) -> Array:
        """Return the derivative of the mean loss with respect to the inputs, like X (G1)."""
        return self.deltas(H, A, T)[0] @ self.weights[0][1:].T / len(T)

    def step(self, X: Array, T: Array, eta: float, s: Array | float = 1.0) -> tuple[float, float]:
        """Take a step on a batch (78); return the sums of (a - t)² and of the loss, with L2."""
        H, A = self.forward(X)
        error = float(np.sum((A[-1].astype(float) - T.astype(float)) ** 2))
        loss = float(np.sum(s * self.sample_losses(H[-1], A[-1], T))) + len(T) * self.penalty()
        gradients = clipped(self.gradients(H, A, T, s), self.clip_norm)
        for W, g in zip(self.weights, gradients, strict=True):
            g[1:] += W.dtype.type(self.l2) * W[1:]
        self.rule.step(self.weights, gradients, eta)
        return error, loss

    def train(
        self,
        X: Array,
        T: Array,
        orders: Iterable[Array],
        batch_size: int,
        eta: float | Callable[[int], float],
        s: Array | None = None,
    ) -> None:
        """Train one epoch per order of the rows; with batch_size 1 this is algorithm 2.4.1.

        The learning rate may be a function of the epoch; rows may have weights s.
        """
        s = np.ones(len(T)) if s is None else s
        for epoch, order in enumerate(orders):
            rate = eta(epoch) if callable(eta) else eta
            batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
            steps = [self.step(X[batch], T[batch], rate, s[batch]) for batch in batches]
            error, loss = np.sum(steps, axis=0)
            self.errors.append(error / len(order))
            self.losses.append(loss / len(order))


@dataclass
class SklearnReference(Reference):
    """A network in scikit-learn's arithmetic (K1-K3): what its estimators compute."""

    def sample_losses(self, H: Array, A: Array, T: Array) -> Array:
        """Return each example's loss: the squared error's mean over outputs, and clipped logs."""
        if self.loss == "squared_error":
            return super().sample_losses(H, A, T) / T.shape[1]
        if self.loss not in ("cross_entropy", "binary_cross_entropy"):
            return super().sample_losses(H, A, T)
        H, T, eps = H.astype(float), T.astype(float), float(np.finfo(A.dtype).eps)
        least, most = -np.log1p(-eps), -np.log(eps)
        if self.loss == "cross_entropy":
            of_1 = np.log(np.sum(np.exp(H - H.max(axis=1, keepdims=True)), axis=1, keepdims=True))
            of_1 = of_1 + H.max(axis=1, keepdims=True) - H  # -log p
            return np.sum(T * np.clip(of_1, least, most), axis=1)
        P = np.clip(A.astype(float), eps, 1 - eps)  # rounded before it is clipped
        return -np.sum(T * np.log(P) + (1 - T) * np.log(1 - P), axis=1)

    def step(self, X: Array, T: Array, eta: float, s: Array | float = 1.0) -> tuple[float, float]:
        """Take a step on a batch; gradient, loss and L2 are divided by its sum of weights."""
        H, A = self.forward(X)
        error = float(np.sum((A[-1].astype(float) - T.astype(float)) ** 2))
        k, total = len(T), float(np.sum(s * np.ones(len(T))))
        losses = float(np.sum(s * self.sample_losses(H[-1], A[-1], T)))
        loss = k * (losses + self.penalty()) / total
        gradients = self.gradients(H, A, T, s)
        for W, g in zip(self.weights, gradients, strict=True):
            g *= W.dtype.type(k / total)
            g[1:] += W.dtype.type(self.l2 / total) * W[1:]
        self.rule.step(self.weights, gradients, eta)
        return error, loss


class Momentum(UpdateRule):
    """v = mu v - eta g; w += v. Nesterov's: w += mu v - eta g."""

    def __init__(self, momentum: float = 0.9, nesterov: bool = False) -> None:
        self.mu, self.nesterov = momentum, nesterov
        self.v: dict[int, Array] = {}

    def update(self, W: Array, g: Array, eta: Array, l: int) -> None:
        """Update the weights of layer l."""
        mu = W.dtype.type(self.mu)
        v = self.v[l] = mu * self.v.get(l, np.zeros_like(W)) - eta * g
        W += mu * v - eta * g if self.nesterov else v


class RMSprop(UpdateRule):
    """s = rho s + (1 - rho) g²; w -= eta g / (sqrt(s) + epsilon)."""

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-8) -> None:
        self.rho, self.epsilon = rho, epsilon
        self.s: dict[int, Array] = {}

    def update(self, W: Array, g: Array, eta: Array, l: int) -> None:
        """Update the weights of layer l."""
        rho, rest, epsilon = map(W.dtype.type, (self.rho, 1 - self.rho, self.epsilon))
        s = self.s[l] = rho * self.s.get(l, np.zeros_like(W)) + rest * g**2
        W -= eta * g / (np.sqrt(s) + epsilon)


class Adam(UpdateRule):
    """m and v: running means of g and g²; w -= eta m^ / (sqrt(v^) + epsilon), see `update`."""

    plain_epsilon = False  # whether epsilon is added to sqrt(v) in place of sqrt(v^)

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.m: dict[int, Array] = {}
        self.v: dict[int, Array] = {}
        self.t = 0

    def step(self, weights: list[Array], gradients: list[Array], eta: float) -> None:
        """Take a step by the gradient of a batch."""
        self.t += 1
        super().step(weights, gradients, eta)

    def update(self, W: Array, g: Array, eta: Array, l: int) -> None:
        """Update the weights of layer l."""
        real, zeros, root = W.dtype.type, np.zeros_like(W), np.sqrt(1 - self.beta_2**self.t)
        epsilon = real(self.epsilon / root if self.plain_epsilon else self.epsilon)
        beta_1, beta_2 = real(self.beta_1), real(self.beta_2)
        m = self.m[l] = beta_1 * self.m.get(l, zeros) + real(1 - self.beta_1) * g
        v = self.v[l] = beta_2 * self.v.get(l, zeros) + real(1 - self.beta_2) * g**2
        m_hat = m / real(1 - self.beta_1**self.t)
        v_hat = v / real(1 - self.beta_2**self.t)
        W -= eta * m_hat / (np.sqrt(v_hat) + epsilon)


class AdamW(Adam):
    """First w -= eta lambda w, biases left out, then as Adam."""

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(beta_1, beta_2, epsilon)
        self.weight_decay = weight_decay

    def update(self, W: Array, g: Array, eta: Array, l: int) -> None:
        """Update the weights of layer l."""
        W[1:] -= eta * W.dtype.type(self.weight_decay) * W[1:]
        super().update(W, g, eta, l)


class RPROP(UpdateRule):
    """Each weight's step grows while its gradient keeps its sign, and shrinks when it turns."""

    def __init__(self) -> None:
        self.steps: dict[int, Array] = {}
        self.before: dict[int, Array] = {}

    def update(self, W: Array, g: Array, eta: Array, l: int) -> None:
        """Update the weights of layer l."""
        real = W.dtype.type
        steps = self.steps.get(l, np.full_like(W, 0.0125))
        agreement = np.sign(g) * np.sign(self.before.get(l, np.zeros_like(W)))
        grown = np.minimum(steps * real(1.2), real(50))
        shrunk = np.maximum(steps * real(0.5), real(1e-6))
        steps = np.where(agreement > 0, grown, np.where(agreement < 0, shrunk, steps))
        g = np.where(agreement < 0, real(0), g)
        W -= np.sign(g) * steps
        self.steps[l], self.before[l] = steps, g


def clipped(gradients: list[Array], largest: float) -> list[Array]:
    """Return gradients scaled such that the norm of all together is at most the largest."""
    norm = float(np.sqrt(sum(np.sum(g.astype(float) ** 2) for g in gradients)))
    return [g * g.dtype.type(largest / norm) if norm > largest else g for g in gradients]


def initial_weights(
    sizes: Sequence[int], random_state: int, initialisation: str = "tutorial"
) -> list[Array]:
    """Draw the weights of a network of these sizes, input and output included."""
    generator = np.random.RandomState(random_state)
    weights = []
    for n_in, n_out in pairwise(sizes):
        bound = {
            "tutorial": 1 / np.sqrt(n_in),  # (57)
            "glorot": np.sqrt(6 / (n_in + n_out)),  # (I1)
            "he": np.sqrt(6 / n_in),  # (I2)
        }[initialisation]
        W = generator.random_sample((n_in + 1, n_out)) * (2 * bound) - bound
        if initialisation != "tutorial":
            W[0] = 0  # its draws are taken all the same
        weights.append(W)
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


def exponential(H: Array, beta: Array) -> Array:
    """Return exp h (E1); it may overflow to infinity."""
    with np.errstate(over="ignore"):
        return np.exp(H)


def softmax(H: Array, beta: Array) -> Array:
    """Return the softmax (42) of each row, shifted so that exp cannot overflow."""
    exponentials = np.exp(H - H.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


FUNCTIONS: dict[str, tuple[Callable[[Array, Array], Array], Callable[..., Array]]] = {
    "sigmoid": (sigmoid, lambda H, A, beta: beta * A * (1 - A)),  # (38, 39)
    "tanh": (lambda H, beta: np.tanh(H), lambda H, A, beta: 1 - A * A),  # (40, 41)
    "relu": (lambda H, beta: np.maximum(H, 0), lambda H, A, beta: (A > 0).astype(A.dtype)),
    "exponential": (exponential, lambda H, A, beta: A),  # (E1, E2)
    "threshold": (lambda H, beta: (H > 0).astype(H.dtype), lambda H, A, beta: 0 * A),  # (37)
    "softmax": (softmax, lambda H, A, beta: np.ones_like(A)),  # (42); see output_delta
    "linear": (lambda H, beta: H, lambda H, A, beta: np.ones_like(A)),  # (45)
}
"""Each activation by name: g(H, beta), and its derivative as a function of H, A and beta."""
