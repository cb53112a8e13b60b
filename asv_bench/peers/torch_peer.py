"""PyTorch: eager with autograd, by hand in place without autograd, and the latter compiled."""

import math
import shutil
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from peers.peer import AT_ONCE, Array, Job, PlainBias
from peers.torch_rules import RULES, optimizer

torch.set_num_threads(1)

LAYERS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "linear": nn.Identity,
    "softmax": nn.Identity,
}
ACTIVATE = {
    "sigmoid": torch.Tensor.sigmoid_,
    "tanh": torch.Tensor.tanh_,
    "relu": torch.Tensor.relu_,
    "linear": lambda A: A,
    "softmax": lambda A: torch.softmax(A, 1, out=A),
}
TIMES_SLOPE = {
    "sigmoid": torch.ops.aten.sigmoid_backward,
    "tanh": torch.ops.aten.tanh_backward,
    "relu": lambda delta, A: torch.ops.aten.threshold_backward(delta, A, 0),
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

    def restore(self) -> None:
        super().restore()
        self.optimizer = optimizer(self.network, self.net)

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

        self.rule = RULES[job.network.optimizer](job.network, self.tensors)

    def restore(self) -> None:
        super().restore()
        self.rule.restore()

    @torch.inference_mode()
    def train(self) -> None:
        super().train()

    def step(self, X: torch.Tensor, T: torch.Tensor) -> None:
        (W_1, b_1), *later = self.tensors
        first, *others = self.network.activations
        outputs = [ACTIVATE[first](self.first_h(X, W_1, b_1))]
        for (W, b), name in zip(later, others, strict=True):
            outputs.append(ACTIVATE[name](torch.addmm(b, outputs[-1], W)))
        self.rule.begin()
        A = outputs.pop()
        delta = A - T
        if self.network.loss == "squared_error":
            delta = TIMES_SLOPE[self.network.output](delta, A)
        for l in range(len(later), 0, -1):
            below = outputs.pop()
            delta_below = TIMES_SLOPE[self.network.hidden](delta @ later[l - 1][0].T, below)
            self.rule.update(l, below, delta)
            delta = delta_below
        self.update_first(X, delta)

    def first_h(self, X: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.addmm(b, X, W)

    def update_first(self, X: torch.Tensor, delta: torch.Tensor) -> None:
        self.rule.update(0, X, delta)


@torch.compile(dynamic=False)
def steps(net: ByHand, X: torch.Tensor, T: torch.Tensor) -> None:
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
                steps(self, X, T)
