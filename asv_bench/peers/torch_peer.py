"""PyTorch: eager with autograd, by hand in place without autograd, and the latter compiled."""

import math
import shutil
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from peers.peer import AT_ONCE, Array, Job, PlainBias

torch.set_num_threads(1)

LAYERS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "linear": nn.Identity, "softmax": nn.Identity}
ACTIVATE = {
    "sigmoid": torch.Tensor.sigmoid_,
    "tanh": torch.Tensor.tanh_,
    "linear": lambda A: A,
    "softmax": lambda A: torch.softmax(A, 1, out=A),
}
TIMES_SLOPE = {
    "sigmoid": torch.ops.aten.sigmoid_backward,
    "tanh": torch.ops.aten.tanh_backward,
    "linear": lambda delta, A: delta,
}


class Eager(PlainBias):
    """A network as PyTorch's users write it."""

    given = staticmethod(torch.from_numpy)

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        modules: list[nn.Module] = []
        for sizes, name in zip(pairwise(job.network.sizes), job.network.activations, strict=True):
            modules += [nn.Linear(*sizes, dtype=getattr(torch, self.dtype.name)), LAYERS[name]()]
        self.net = nn.Sequential(*modules)
        self.layers = [
            (linear.weight.detach().numpy().T, linear.bias.detach().numpy())
            for linear in modules[::2]
        ]
        self.loss = functional.cross_entropy  # of h and one-hot rows
        if job.network.loss == "squared_error":
            half = 0.5 * job.network.sizes[-1]  # of the sum, from the mean
            self.loss = lambda Y, T: functional.mse_loss(Y, T) * half
        self.optimizer = torch.optim.SGD(self.net.parameters(), job.network.learning_rate)

    def step(self, X: torch.Tensor, T: torch.Tensor) -> None:
        self.optimizer.zero_grad()
        self.loss(self.net(X), T).backward()
        self.optimizer.step()

    @torch.inference_mode()
    def predict(self) -> Array:
        """From a NumPy array to a NumPy array."""
        return self.net(torch.from_numpy(self.job.X)).numpy()


class ByHand(PlainBias):
    """Back-propagation with in-place products, without autograd."""

    given = staticmethod(torch.from_numpy)

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.tensors = [(torch.from_numpy(W), torch.from_numpy(b)) for W, b in self.layers]

    @torch.inference_mode()
    def train(self) -> None:
        super().train()

    def step(self, X: torch.Tensor, T: torch.Tensor) -> None:
        outputs = [X]
        for l, ((W, b), name) in enumerate(
            zip(self.tensors, self.network.activations, strict=True)
        ):
            H = self.first_sum(X, W, b) if l == 0 else torch.addmm(b, outputs[-1], W)
            outputs.append(ACTIVATE[name](H))
        rate = -self.network.learning_rate / len(T)
        delta = outputs[-1] - T
        if self.network.loss == "squared_error":
            delta = TIMES_SLOPE[self.network.output](delta, outputs[-1])
        for l in range(len(self.tensors) - 1, -1, -1):
            W, b = self.tensors[l]
            delta_below = None
            if l > 0:
                delta_below = TIMES_SLOPE[self.network.hidden](delta @ W.T, outputs[l])
            if l == 0:
                self.first_update(W, X, delta, rate)
            else:
                W.addmm_(outputs[l].T, delta, alpha=rate)
            b.add_(delta.sum(0), alpha=rate)
            delta = delta_below

    def first_sum(self, X: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.addmm(b, X, W)

    def first_update(self, W: torch.Tensor, X: torch.Tensor, delta: torch.Tensor, rate: float):
        W.addmm_(X.T, delta, alpha=rate)


class Sparse(ByHand):
    """The same with CSR: sums of listed rows of the first layer's weights, which are updated."""

    def given(self, rows: Array) -> object:
        if isinstance(rows, np.ndarray):
            return torch.from_numpy(rows)
        counts = np.diff(rows.indptr)
        arrays = (
            rows.indices,
            rows.indptr[:-1],
            rows.data,
            np.repeat(np.arange(len(counts)), counts),
        )
        return SparseBatch(*(torch.from_numpy(array.copy()) for array in arrays))

    def first_sum(self, X: "SparseBatch", W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        H = functional.embedding_bag(
            X.columns, W, X.starts.to(X.columns.dtype), mode="sum", per_sample_weights=X.values
        )
        return H.add_(b)

    def first_update(self, W: torch.Tensor, X: "SparseBatch", delta: torch.Tensor, rate: float):
        W.index_add_(0, X.columns, X.values[:, None] * delta[X.rows], alpha=rate)


class SparseBatch(NamedTuple):
    """Rows in CSR."""

    columns: torch.Tensor
    starts: torch.Tensor
    values: torch.Tensor
    rows: torch.Tensor  # to which each value belongs


@torch.compile(dynamic=False)
def _steps(net: ByHand, X: torch.Tensor, T: torch.Tensor) -> None:
    for x, t in zip(X.unbind(), T.unbind(), strict=True):
        net.step(x, t)


class Compiled(ByHand):
    """Steps by hand that are compiled; on rows, some of them into one call."""

    last: object = None  # network and dtype for which there is code

    def __init__(self, job: Job) -> None:
        if shutil.which("c++") is None:
            raise NotImplementedError("torch.compile needs a C++ compiler")
        super().__init__(job)
        if Compiled.last != (job.network, self.dtype):  # else old code is searched in every call
            torch.compiler.reset()
            Compiled.last = job.network, self.dtype
        X, T = (torch.stack(list(column)) for column in zip(*self.batches, strict=True))
        at_once = math.gcd(len(X), AT_ONCE) if job.network.batch_size == 1 else 1
        self.groups = [(X[i : i + at_once], T[i : i + at_once]) for i in range(0, len(X), at_once)]

    @torch.inference_mode()
    def train(self) -> None:
        for _ in range(self.job.epochs):
            for X, T in self.groups:
                _steps(self, X, T)
