"""mlpfile, a C++ library with Eigen's products, through pybind11.

It is of float32, of ReLU below linear outputs, and takes one row at a time. A step is plain
gradient descent by the gradient of the squared error, or of the cross-entropy of a softmax, as ours
is; that softmax is no part of the network, so it does not answer with probabilities.
"""

import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlpfile
import numpy as np

from peers.caller import Arguments, Call, Caller
from peers.peer import Array, Job

LINEAR, RELU = 2, 3  # of its enum of layers
LOSSES = {
    ("linear", "squared_error"): mlpfile.squared_error,
    ("softmax", "cross_entropy"): mlpfile.softmax_cross_entropy,
}


class Mlpfile(Caller):
    """`forward` or `grad_update` of a model."""

    def __init__(self, job: Job, call: Call) -> None:
        super().__init__(job, call)
        network = job.network
        pair = network.output, network.loss
        if self.dtype != np.float32 or network.hidden != "relu" or pair not in LOSSES:
            raise NotImplementedError("mlpfile has float32, ReLU and linear outputs only")
        if call.rows > 1 or call.name not in ("predict", "step") or call.lists:
            raise NotImplementedError("mlpfile takes one row in an array")
        if not call.learns and network.output != "linear":
            raise NotImplementedError("mlpfile's outputs are linear")
        if call.learns and network.optimizer != "sgd":
            raise NotImplementedError("mlpfile knows plain gradient descent only")
        self.loss = LOSSES[pair]
        self.file = _file(job)
        self.restore()

    def restore(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "net.mlp")
            path.write_bytes(self.file)
            self.model = mlpfile.Model.load(str(path))

    @property
    def function(self) -> Callable[..., Any]:
        return self.model.grad_update if self.call.learns else self.model.forward

    def arguments(self, X: Array, T: Array) -> Arguments:
        if not self.call.learns:
            return (X[0],)
        return X[0], T[0], self.loss, self.network.learning_rate

    def weights(self) -> list[Array]:
        layers = [layer for layer in self.model.layers if layer.type == mlpfile.LayerType.Linear]
        return [np.vstack([-layer.b, layer.W.T]) for layer in layers]


def _file(job: Job) -> bytes:
    """Return a model file: what layers there are, then the numbers of each."""
    header, numbers = [], []
    for V in job.weights:
        header += [LINEAR, V.shape[1], RELU]
        numbers += [V[1:].T.tobytes(), (-V[0]).tobytes()]
    header.pop()  # no ReLU above the last layer
    told = 2 * len(job.weights) - 1, job.network.sizes[0], *header
    return struct.pack(f"<{len(told)}I", *told) + b"".join(numbers)
