"""How far roundings may take a training: the reference, run again with roundings of its own.

Nobody can tell from the number of steps how much training amplifies a rounding: hardly at all
where it converges, without bound where it does not. So the reference is run a few times more, with
every sum, output and update off by as many roundings of its terms as `ROUNDINGS`, up or down at
random. Each run ends somewhere else, and how far they are spread is what roundings do to this
network on this data. A kernel, which does the same mathematics in another order, must not lie
further from the reference than `FACTOR` times that.
"""

from collections.abc import Callable

import numpy as np

from mlp_fast.kernels.train.online_blocks import BLOCK
from mlp_fast.reference import Reference, activate, slope, with_bias

ROUNDINGS = 8  # for each sum, output and update: as in cases.assert_to_rounding
RUNS = 4
FACTOR = 4  # as the furthest of a few runs is not the furthest there could be
CHAOS = 1e-2  # of the largest number: where roundings are that large there is nothing to compare


class Run(Reference):
    """The reference, which keeps h wherever a slope jumps, and the weights after each epoch."""

    def __init__(self, weights, activations, loss, betas):
        super().__init__([W.copy() for W in weights], activations, loss, betas)
        self.jumps = []  # h of the layers whose slope jumps at 0, of every step
        # the first epoch in which an h overflows and may yet leave a finite output: whether such a
        # sum is infinite or NaN follows from the order of its terms
        self.overflowed = np.inf
        self.kept = [[W.copy() for W in weights]]  # before the first epoch, then after each

    def forward(self, X):
        with np.errstate(all="ignore"):
            H, A = self.sums_and_outputs(X)
        self.jumps += [h for h, g in zip(H, self.activations, strict=True) if g == "relu"]
        for h, a, g in zip(H, A[1:], self.activations, strict=True):
            # or exp h, though h does not
            if g != "linear" and not (self.in_range(h) and self.in_range(a)):
                self.overflowed = min(self.overflowed, self.epochs)
        return H, A

    def sums_and_outputs(self, X):
        return super().forward(X)

    def step(self, X, T, eta, s=1.0):
        assert np.all(s == 1)  # the weights of samples, of which roundings know nothing
        with np.errstate(all="ignore"):
            return self.take(X, T, eta)

    def take(self, X, T, eta):
        return super().step(X, T, eta)

    def train(self, X, T, orders, batch_size, eta):
        """Train as the reference does, until a loss or a weight is no longer finite."""
        with np.errstate(all="ignore"):
            for order in orders:
                super().train(X, T, [order], batch_size, eta)
                # of a run in wider numbers, too, by the range of those that it stands for
                if not np.isfinite(self.losses[-1]) or not all(map(self.in_range, self.weights)):
                    del self.losses[-1], self.errors[-1]
                    break
                self.kept.append([W.copy() for W in self.weights])

    def in_range(self, numbers):
        return np.isfinite(numbers).all()

    @property
    def epochs(self):
        return len(self.losses)


class WideRun(Run):
    """In wider numbers, where nothing becomes infinite on its way to a number that is not."""

    def __init__(self, weights, activations, loss, betas):
        self.narrow = weights[0].dtype
        wide = {"float32": np.float64, "float64": np.longdouble}[self.narrow.name]
        super().__init__([W.astype(wide) for W in weights], activations, loss, betas)
        self.dtype = wide

    def train(self, X, T, orders, batch_size, eta):
        super().train(X.astype(self.dtype), T.astype(self.dtype), orders, batch_size, eta)

    def in_range(self, numbers):
        return np.isfinite(numbers.astype(self.narrow)).all()


class RoundedRun(Run):
    """The reference with every sum, output and update off by a few roundings, up or down."""

    def __init__(self, weights, activations, loss, betas, seed):
        super().__init__(weights, activations, loss, betas)
        self.rng = np.random.default_rng(seed)
        self.dtype = weights[0].dtype
        self.eps = np.finfo(self.dtype).eps
        self.unit = self.dtype.type(ROUNDINGS) * self.eps
        # the updates of the block of samples that is worked on: kernels may take these apart from
        # the weights that they change, and add up both, whose roundings are then those of both
        self.apart = np.zeros_like(self.weights[0])
        self.steps = 0

    def off(self, values, size):
        up = self.rng.random(values.shape, np.float32) < 0.5
        return values + np.where(up, self.unit, -self.unit) * size

    def sums_and_outputs(self, X):
        H, A = [], [X]
        for l, (W, g, beta) in enumerate(
            zip(self.weights, self.activations, self.betas, strict=True)
        ):
            P = with_bias(A[-1])
            size = np.abs(W) + self.apart if l == 0 else np.abs(W)
            H.append(self.off(P @ W, np.abs(P) @ size))
            a = activate(g, H[-1], beta)
            A.append(np.where(self.at_the_end(g, H[-1], a, beta), a, self.off(a, np.abs(a))))
        return H, A

    def at_the_end(self, g, H, A, beta):
        """Return whether an output is at the end of its range, with no rounding that reaches it."""
        if g == "softmax":  # by the sum of the others
            return A @ (1 - np.eye(A.shape[1], dtype=A.dtype)) < self.eps / 16
        if g in ("sigmoid", "tanh"):  # which are off by exp(-beta h) and 2 exp(-2 |h|)
            return (beta * H if g == "sigmoid" else 2 * np.abs(H)) > -np.log(self.eps / 32)
        return np.zeros(A.shape, bool)

    def output_delta(self, H, A, T):
        delta = super().output_delta(H, A, T)
        size = np.abs(delta)
        if self.loss == "squared_error" and self.activations[-1] == "softmax":
            E = np.abs(A - T)
            size = A * (E + np.sum(E * A, axis=1, keepdims=True))
        return self.off(delta, size)

    def gradients(self, H, A, T, s=1.0):
        assert np.all(s == 1)
        delta = self.output_delta(H[-1], A[-1], T)
        gradients = []
        for l in reversed(range(len(self.weights))):
            P = with_bias(A[l])
            size = np.abs(P).T @ np.abs(delta)
            gradients.insert(0, self.off(P.T @ delta, size) / len(T))
            if l > 0:
                W = self.weights[l][1:].T
                g = slope(self.activations[l - 1], H[l - 1], A[l], self.betas[l - 1])
                delta = self.off(delta @ W, np.abs(delta) @ np.abs(W)) * g
        return gradients

    def take(self, X, T, eta):
        before = [W.copy() for W in self.weights]
        sums = super().take(X, T, eta)
        updates = [np.abs(W - V) for W, V in zip(self.weights, before, strict=True)]
        for W, V, update in zip(self.weights, before, updates, strict=True):
            W[:] = self.off(W, np.abs(V) + update)
        if len(X) == 1:
            self.steps += 1
            self.apart = updates[0] + (self.apart if self.steps % BLOCK else 0)
        return sums

    def train(self, X, T, orders, batch_size, eta):
        for order in orders:
            self.steps = 0  # blocks are counted from the start of an epoch
            before = self.epochs
            super().train(X, T, [order], batch_size, eta)
            if self.epochs == before:
                break


class UnsureError(Exception):
    """Raised where roundings decide: which side of a jump an h lies, or everything in chaos."""


class Spread:
    """A run of the reference and those with roundings, from the same weights."""

    def __init__(self, weights, activations, loss, betas):
        told = weights, activations, loss, betas
        self.told = told
        self.plain = Run(*told)
        self.rounded = [RoundedRun(*told, seed) for seed in range(RUNS)]
        self.runs = [self.plain, *self.rounded]

    def check_no_jump(self):
        """Raise if roundings may put an h to the other side of where the slope jumps."""
        for h, *others in zip(*(run.jumps for run in self.runs), strict=False):
            with np.errstate(all="ignore"):
                reach = FACTOR * max(np.abs(other - h).max() for other in others)
            if np.any(np.abs(h) < reach):
                raise UnsureError("jump")

    def is_far(self, wide, pick):
        """Return whether a run in wider numbers ends further away than roundings may lead."""
        expected = np.asarray(pick(self.plain))
        with np.errstate(all="ignore"):
            apart = np.abs(np.asarray(pick(wide)) - expected)
            return not np.all(apart <= CHAOS * np.abs(expected).max())

    def allowed(self, pick: Callable[[Run], np.ndarray], axis=None, terms=0):
        """Return what `pick` takes of the plain run, and how far from it roundings may lead.

        The largest along an axis counts for all, or the largest of all. It may be a sum of so many
        terms in float64.
        """
        expected = np.asarray(pick(self.plain))
        dtype = self.plain.weights[0].dtype  # losses are float64, but of numbers of this one
        with np.errstate(all="ignore"):
            size = np.abs(expected).max(axis=axis, keepdims=True)
            apart = [np.abs(np.asarray(pick(run)) - expected) for run in self.rounded]
            reach = np.max(apart, axis=0).max(axis=axis, keepdims=True)
        least = np.finfo(dtype).tiny  # below which numbers have fewer digits, or are taken for 0
        if not np.all(reach <= CHAOS * size + least):
            raise UnsureError("chaos")
        rounding = ROUNDINGS * np.finfo(dtype).eps + terms * np.finfo(float).eps
        return expected, FACTOR * reach + rounding * size + least


def distance(actual, expected, allowed):
    """Return the largest distance as a part of what is allowed, where that is not 0."""
    apart = np.abs(np.asarray(actual) - expected)
    none = apart == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(none, 0, apart / allowed)))
