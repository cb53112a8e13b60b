"""NumPy's BLAS by hand, nothing allocated in a step."""

import numpy as np

from peers.peer import Array, Job, PlainBias


def _sigmoid(A: Array) -> None:
    np.negative(A, out=A)
    np.exp(A, out=A)
    A += 1
    np.reciprocal(A, out=A)


def _softmax(A: Array) -> None:
    A -= A.max(axis=1, keepdims=True)
    np.exp(A, out=A)
    A /= A.sum(axis=1, keepdims=True)


ACTIVATE = {
    "sigmoid": _sigmoid,
    "tanh": lambda A: np.tanh(A, out=A),
    "softmax": _softmax,
    "linear": lambda A: None,
}


class ByHand(PlainBias):
    """A network whose every array is there before it is needed."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.gradients = [(np.empty_like(W), np.empty_like(b)) for W, b in self.layers]
        self._allocate(job.network.batch_size)

    def _allocate(self, rows: int) -> None:
        """Make the arrays for batches of so many rows."""
        self.rows = rows
        self.rate = self.dtype.type(self.network.learning_rate / rows)
        self.outputs, self.deltas, self.slopes = (
            [np.empty((rows, n), self.dtype) for n in self.network.sizes[1:]] for _ in range(3)
        )

    def forward(self, X: Array) -> Array:
        if len(X) != self.rows:
            self._allocate(len(X))
        activations = self.network.activations
        for (W, b), A, name in zip(self.layers, self.outputs, activations, strict=True):
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

    def predict(self) -> Array:
        return self.forward(self.job.X).copy()
