"""FANN, the C library, through ctypes; its own mathematics, so it ends at other weights.

It keeps the slope of a sigmoid away from 0, its bias node has the output +1, and it draws its own
weights, for setting many takes it a time that grows with their square.
"""

import ctypes
import ctypes.util
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from peers.caller import Arguments, Call, Caller
from peers.peer import Array, Job, Peer

LIBRARIES = {"float32": ("floatfann", ctypes.c_float), "float64": ("doublefann", ctypes.c_double)}
ACTIVATIONS = {"linear": 0, "sigmoid": 3, "tanh": 5}  # of FANN's enum of functions
STEEPNESS = {"linear": 1.0, "sigmoid": 0.5, "tanh": 1.0}  # with which they are ours
INCREMENTAL, LINEAR_ERROR = 0, 0  # of its enums of algorithms and error functions
RANGE = 0.05  # of its initial weights

if any(ctypes.util.find_library(name) is None for name, _ in LIBRARIES.values()):
    raise ImportError("the libraries floatfann and doublefann are not installed")


class Epochs(Peer):
    """A call for each epoch of its incremental training."""

    differs = "its own slope of the sigmoid, its own weights"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        network, (library, self.real) = job.network, LIBRARIES[self.dtype.name]
        if network.output not in ACTIVATIONS:
            raise NotImplementedError(f"FANN has no {network.output}")
        self.fann = fann = ctypes.CDLL(ctypes.util.find_library(library))
        fann.fann_create_standard_array.restype = ctypes.c_void_p
        fann.fann_create_train_from_callback.restype = ctypes.c_void_p
        fann.fann_run.restype = ctypes.POINTER(self.real)
        sizes = (ctypes.c_uint * len(network.sizes))(*network.sizes)
        self.ann = ann = ctypes.c_void_p(fann.fann_create_standard_array(len(sizes), sizes))
        fann.fann_set_activation_function_hidden(ann, ACTIVATIONS[network.hidden])
        fann.fann_set_activation_function_output(ann, ACTIVATIONS[network.output])
        fann.fann_set_activation_steepness_hidden(ann, self.real(STEEPNESS[network.hidden]))
        fann.fann_set_activation_steepness_output(ann, self.real(STEEPNESS[network.output]))
        fann.fann_set_training_algorithm(ann, INCREMENTAL)
        fann.fann_set_train_error_function(ann, LINEAR_ERROR)
        fann.fann_set_learning_rate(ann, ctypes.c_float(network.learning_rate))
        self.restore()

    @functools.cached_property
    def data(self) -> ctypes.c_void_p:
        """FANN's copy of the training set."""
        X, T = self.job.X, self.job.T
        pointer = ctypes.POINTER(self.real)

        @ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, pointer, pointer)
        def row(i, n_in, n_out, x, t):
            np.ctypeslib.as_array(x, (n_in,))[:] = X[i]
            np.ctypeslib.as_array(t, (n_out,))[:] = T[i]

        sizes = len(X), X.shape[1], T.shape[1]
        return ctypes.c_void_p(self.fann.fann_create_train_from_callback(*sizes, row))

    def restore(self) -> None:
        self.fann.fann_randomize_weights(self.ann, self.real(-RANGE), self.real(RANGE))

    def train(self) -> None:
        for _ in range(self.job.epochs):
            self.fann.fann_train_epoch(self.ann, self.data)

    def predict(self) -> Array:
        return self.outputs(self.job.X)

    def outputs(self, X: Array) -> Array:
        """Call it for each row, as FANN has no other call."""
        run, ann, n_out = self.fann.fann_run, self.ann, self.network.sizes[-1]
        out = np.empty((len(X), n_out), X.dtype)
        start, stride = X.ctypes.data, X.strides[0]
        for i in range(len(out)):
            out[i] = run(ann, ctypes.c_void_p(start + i * stride))[:n_out]
        return out


class ByCall(Epochs):
    """A call for each sample."""

    train = Peer.train

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.step = functools.partial(self.fann.fann_train, self.ann)

    def given(self, rows: Array) -> ctypes.c_void_p:
        return ctypes.c_void_p(rows.ctypes.data)


class ByRow(Caller, ByCall):
    """A call for a row."""

    def __init__(self, job: Job, call: Call) -> None:
        if call.rows > 1 or call.name not in ("predict", "forward", "step") or call.lists:
            raise NotImplementedError("FANN takes one row in an array")
        if call.learns and job.network.optimizer != "sgd":
            raise NotImplementedError("FANN's incremental training is plain gradient descent")
        if job.network.hidden not in ACTIVATIONS:
            raise NotImplementedError(f"FANN has no {job.network.hidden}")
        super().__init__(job, call)

    @property
    def function(self) -> Callable[..., Any]:
        return self.step if self.call.learns else self.answer

    def answer(self, x: ctypes.c_void_p) -> list[float]:
        return self.fann.fann_run(self.ann, x)[: self.network.sizes[-1]]

    def arguments(self, X: Array, T: Array) -> Arguments:
        return tuple(map(self.given, (X, T) if self.call.learns else (X,)))
