"""PyTorch: eager with autograd, the same compiled, and by hand in place without autograd."""

import math
import shutil
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from peers.job import AT_ONCE, Array, Job, Network, Run, with_bias_row, with_plain_bias

torch.set_num_threads(1)

LAYERS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "linear": nn.Identity, "softmax": nn.Identity}
ACTIVATE = {
    "sigmoid": torch.Tensor.sigmoid_,
    "tanh": torch.Tensor.tanh_,
    "linear": lambda A: A,
    "softmax": lambda A: torch.softmax(A, 1, out=A),
}


class Net(nn.Sequential):
    """A network as PyTorch's users write it."""

    def __init__(self, job: Job) -> None:
        sizes, network = job.network.sizes, job.network
        modules: list[nn.Module] = []
        for l, name in enumerate(network.activations):
            dtype = getattr(torch, job.dtype.name)
            modules += [nn.Linear(sizes[l], sizes[l + 1], dtype=dtype), LAYERS[name]()]
        super().__init__(*modules)

    @property
    def linear(self) -> list[nn.Linear]:
        return [module for module in self if isinstance(module, nn.Linear)]

    @torch.no_grad()
    def restore(self, job: Job) -> None:
        for layer, (W, b) in zip(self.linear, with_plain_bias(job.weights), strict=True):
            layer.weight.copy_(torch.from_numpy(W.T))
            layer.bias.copy_(torch.from_numpy(b))

    @torch.no_grad()
    def weights(self) -> list[Array]:
        layers = self.linear
        return with_bias_row([(layer.weight.numpy().T, layer.bias.numpy()) for layer in layers])


def _loss(network: Network) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    if network.loss == "cross_entropy":
        return functional.cross_entropy  # of h and one-hot rows
    n_out = network.sizes[-1]
    return lambda Y, T: functional.mse_loss(Y, T) * (0.5 * n_out)


def _batches(job: Job) -> list[tuple[torch.Tensor, torch.Tensor]]:
    X, T = torch.from_numpy(job.X), torch.from_numpy(job.T)
    return [(X[rows], T[rows]) for rows in job.batches()]


def eager(job: Job) -> Run:
    net, loss = Net(job), _loss(job.network)
    optimizer = torch.optim.SGD(net.parameters(), job.network.learning_rate)
    batches = _batches(job)

    def call() -> None:
        for _ in range(job.epochs):
            for X, T in batches:
                optimizer.zero_grad()
                loss(net(X), T).backward()
                optimizer.step()

    return Run(call, job.samples, lambda: net.restore(job), net.weights)


class ByHand:
    """Back-propagation with in-place products, without autograd."""

    def __init__(self, job: Job) -> None:
        self.network = job.network
        self.layers = [
            (torch.from_numpy(W), torch.from_numpy(b)) for W, b in with_plain_bias(job.weights)
        ]

    def restore(self, job: Job) -> None:
        for (W, b), (W_0, b_0) in zip(self.layers, with_plain_bias(job.weights), strict=True):
            W.copy_(torch.from_numpy(W_0))
            b.copy_(torch.from_numpy(b_0))

    def weights(self) -> list[Array]:
        return with_bias_row([(W.numpy(), b.numpy()) for W, b in self.layers])

    def step(self, X: torch.Tensor, T: torch.Tensor) -> None:
        outputs = [X]
        for (W, b), name in zip(self.layers, self.network.activations, strict=True):
            outputs.append(ACTIVATE[name](torch.addmm(b, outputs[-1], W)))
        rate = -self.network.learning_rate / len(X)
        delta = outputs[-1] - T
        if self.network.loss == "squared_error":
            delta = _times_slope(delta, outputs[-1], self.network.output)
        for l in range(len(self.layers) - 1, -1, -1):
            W, b = self.layers[l]
            delta_below = None
            if l > 0:
                delta_below = _times_slope(delta @ W.T, outputs[l], self.network.hidden)
            W.addmm_(outputs[l].T, delta, alpha=rate)
            b.add_(delta.sum(0), alpha=rate)
            delta = delta_below


def _times_slope(delta: torch.Tensor, A: torch.Tensor, name: str) -> torch.Tensor:
    if name == "sigmoid":
        return torch.ops.aten.sigmoid_backward(delta, A)
    if name == "tanh":
        return torch.ops.aten.tanh_backward(delta, A)
    return delta


def by_hand(job: Job) -> Run:
    net, batches = ByHand(job), _batches(job)

    @torch.inference_mode()
    def call() -> None:
        for _ in range(job.epochs):
            for X, T in batches:
                net.step(X, T)

    return Run(call, job.samples, lambda: net.restore(job), net.weights)


@torch.compile(dynamic=False)
def _steps(net: ByHand, X: torch.Tensor, T: torch.Tensor) -> None:
    for x, t in zip(X.unbind(), T.unbind(), strict=True):
        net.step(x, t)


_last: dict[str, object] = {}


def compiled(job: Job) -> Run:
    """Return steps by hand that are compiled; on rows, some of them into one call."""
    if shutil.which("c++") is None:
        raise NotImplementedError("torch.compile needs a C++ compiler")
    if _last.get("network") != (job.network, job.dtype):  # else old code is searched in every call
        torch.compiler.reset()
        _last["network"] = job.network, job.dtype
    net, batches = ByHand(job), _batches(job)
    X, T = (torch.stack(list(column)) for column in zip(*batches, strict=True))
    at_once = math.gcd(len(X), AT_ONCE) if job.network.batch_size == 1 else 1
    groups = [(X[i : i + at_once], T[i : i + at_once]) for i in range(0, len(X), at_once)]

    @torch.inference_mode()
    def call() -> None:
        for _ in range(job.epochs):
            for X, T in groups:
                _steps(net, X, T)

    return Run(call, job.samples, lambda: net.restore(job), net.weights)


def predictor(job: Job) -> Run:
    """From a NumPy array to a NumPy array."""
    net = Net(job)
    net.restore(job)

    @torch.inference_mode()
    def call() -> Array:
        return net(torch.from_numpy(job.X)).numpy()

    return Run(call, len(job.X))


def version() -> str:
    """Return PyTorch's version."""
    return f"PyTorch {torch.__version__}"
