"""NumPy's BLAS by hand, nothing allocated in a step, and the project's readable reference."""

from collections.abc import Callable

import numpy as np
import scipy

from mlp_fast.reference import Reference
from peers.job import Array, Job, Run, with_bias_row, with_plain_bias


class ByHand:
    """A network whose every array is there before it is needed."""

    def __init__(self, job: Job, rows: int) -> None:
        self.network = job.network
        self.layers = with_plain_bias(job.weights)
        widths = job.network.sizes[1:]
        self.outputs = [np.empty((rows, n), job.dtype) for n in widths]
        self.deltas = [np.empty((rows, n), job.dtype) for n in widths]
        self.slopes = [np.empty((rows, n), job.dtype) for n in widths]
        self.gradients = [(np.empty_like(W), np.empty_like(b)) for W, b in self.layers]
        self.rate = job.dtype.type(job.network.learning_rate / rows)

    def restore(self, job: Job) -> None:
        for (W, b), (W_0, b_0) in zip(self.layers, with_plain_bias(job.weights), strict=True):
            W[:], b[:] = W_0, b_0

    def forward(self, X: Array) -> Array:
        for (W, b), A, name in zip(
            self.layers, self.outputs, self.network.activations, strict=True
        ):
            np.dot(X, W, out=A)
            A += b
            ACTIVATE[name](A)
            X = A
        return X

    def step(self, X: Array, T: Array) -> None:
        self.forward(X)
        last = len(self.layers) - 1
        np.subtract(self.outputs[last], T, out=self.deltas[last])
        if self.network.loss == "squared_error":
            self._times_slope(last)
        for l in range(last, -1, -1):
            below = X if l == 0 else self.outputs[l - 1]
            (W, b), delta = self.layers[l], self.deltas[l]
            gradient, bias_gradient = self.gradients[l]
            np.dot(below.T, delta, out=gradient)
            np.sum(delta, axis=0, out=bias_gradient)
            if l > 0:
                np.dot(delta, W.T, out=self.deltas[l - 1])
                self._times_slope(l - 1)
            gradient *= self.rate
            W -= gradient
            bias_gradient *= self.rate
            b -= bias_gradient

    def _times_slope(self, l: int) -> None:
        A, slope, name = self.outputs[l], self.slopes[l], self.network.activations[l]
        if name == "sigmoid":  # a (1 - a)
            np.subtract(1, A, out=slope)
            slope *= A
        elif name == "tanh":  # 1 - a²
            np.multiply(A, A, out=slope)
            np.subtract(1, slope, out=slope)
        else:
            return
        self.deltas[l] *= slope


def _sigmoid(A: Array) -> None:
    np.negative(A, out=A)
    np.exp(A, out=A)
    A += 1
    np.reciprocal(A, out=A)


def _softmax(A: Array) -> None:
    A -= A.max(axis=1, keepdims=True)
    np.exp(A, out=A)
    A /= A.sum(axis=1, keepdims=True)


ACTIVATE: dict[str, Callable[[Array], object]] = {
    "sigmoid": _sigmoid,
    "tanh": lambda A: np.tanh(A, out=A),
    "softmax": _softmax,
    "linear": lambda A: None,
}


def by_hand(job: Job) -> Run:
    batches = [(job.X[rows], job.T[rows]) for rows in job.batches()]
    net = ByHand(job, len(batches[0][0]))

    def call() -> None:
        for _ in range(job.epochs):
            for X, T in batches:
                net.step(X, T)

    return Run(
        call,
        job.samples,
        lambda: net.restore(job),
        lambda: with_bias_row(net.layers),
    )


def reference(job: Job) -> Run:
    network = job.network
    net = Reference([], network.activations, network.loss, [1.0] * len(job.weights))
    orders = [np.arange(len(job.X))] * job.epochs

    def restore() -> None:
        net.weights = [W.copy() for W in job.weights]

    return Run(
        lambda: net.train(job.X, job.T, orders, network.batch_size, network.learning_rate),
        job.samples,
        restore,
        lambda: net.weights,
    )


def bare_products(job: Job) -> Run:
    """The products of matrices that every batch needs, and nothing else: no learner."""
    size, sizes = job.network.batch_size, job.network.sizes
    net = ByHand(job, size)
    for array in (*net.outputs, *net.deltas):
        array[:] = 0.5
    below = [job.X[:size], *net.outputs[:-1]]
    errors_below = [np.empty((size, n), job.dtype) for n in sizes[:-1]]

    def call() -> None:
        for _ in range(job.samples // size):
            for l, (W, _) in enumerate(net.layers):
                np.dot(below[l], W, out=net.outputs[l])
            for l, (W, _) in enumerate(net.layers):
                np.dot(below[l].T, net.deltas[l], out=net.gradients[l][0])
                if l > 0:
                    np.dot(net.deltas[l], W.T, out=errors_below[l])

    return Run(call, job.samples)


def predictor(job: Job) -> Run:
    """Return the forward pass by hand, its buffers kept between calls."""
    net = ByHand(job, len(job.X))
    return Run(lambda: net.forward(job.X).copy(), len(job.X))


def version() -> str:
    """Return the versions of NumPy and SciPy."""
    return f"NumPy {np.__version__}, SciPy {scipy.__version__}"
