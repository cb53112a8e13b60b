"""FANN, the C library, through ctypes; its own mathematics, so it ends at other weights.

It keeps the slope of a sigmoid away from 0, its bias node has the output +1, and it draws its own
weights, for setting many takes it a time that grows with their square.
"""

import ctypes
import ctypes.util

import numpy as np

from peers.job import Array, Job, Run

LIBRARIES = {"float32": "floatfann", "float64": "doublefann"}
REALS = {"float32": ctypes.c_float, "float64": ctypes.c_double}
ACTIVATIONS = {"linear": 0, "sigmoid": 3, "tanh": 5}  # of FANN's enum of functions
STEEPNESS = {"linear": 1.0, "sigmoid": 0.5, "tanh": 1.0}  # with which they are ours
INCREMENTAL, LINEAR_ERROR = 0, 0  # of its enums of algorithms and error functions
DIFFERS = "its own slope of the sigmoid, its own weights"
RANGE = 0.05  # of its initial weights

if any(ctypes.util.find_library(name) is None for name in LIBRARIES.values()):
    raise ImportError("the libraries floatfann and doublefann are not installed")


class Net:
    """A network of FANN."""

    def __init__(self, job: Job) -> None:
        network, self.real = job.network, REALS[job.dtype.name]
        self.n_out = network.sizes[-1]
        if network.output not in ACTIVATIONS:
            raise NotImplementedError(f"FANN has no {network.output}")
        self.fann = fann = ctypes.CDLL(ctypes.util.find_library(LIBRARIES[job.dtype.name]))
        fann.fann_create_standard_array.restype = ctypes.c_void_p
        fann.fann_create_train_from_callback.restype = ctypes.c_void_p
        fann.fann_run.restype = ctypes.POINTER(self.real)
        fann.fann_run.argtypes = fann.fann_train.argtypes = None
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

    def restore(self) -> None:
        self.fann.fann_randomize_weights(self.ann, self.real(-RANGE), self.real(RANGE))

    def training_set(self, X: Array, T: Array) -> ctypes.c_void_p:
        pointer = ctypes.POINTER(self.real)

        @ctypes.CFUNCTYPE(None, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, pointer, pointer)
        def row(i, n_in, n_out, x, t):
            np.ctypeslib.as_array(x, (n_in,))[:] = X[i]
            np.ctypeslib.as_array(t, (n_out,))[:] = T[i]

        sizes = len(X), X.shape[1], T.shape[1]
        return ctypes.c_void_p(self.fann.fann_create_train_from_callback(*sizes, row))

    def outputs(self, X: Array) -> Array:
        """Call it for each row, as FANN has no other call."""
        run, ann, n_out = self.fann.fann_run, self.ann, self.n_out
        out = np.empty((len(X), n_out), X.dtype)
        start, stride = X.ctypes.data, X.strides[0]
        for i in range(len(out)):
            out[i] = run(ann, ctypes.c_void_p(start + i * stride))[:n_out]
        return out

    def pointers(self, A: Array) -> list[ctypes.c_void_p]:
        return [ctypes.c_void_p(row.ctypes.data) for row in A]


def trainer(job: Job) -> Run:
    """Return epochs of its incremental training."""
    net = Net(job)
    data = net.training_set(job.X, job.T)

    def call() -> None:
        for _ in range(job.epochs):
            net.fann.fann_train_epoch(net.ann, data)

    return Run(call, job.samples, net.restore, outputs=net.outputs, differs=DIFFERS)


def predictor(job: Job) -> Run:
    """Return the answers to all rows."""
    net = Net(job)
    return Run(lambda: net.outputs(job.X), len(job.X), differs=DIFFERS)


def stepper(job: Job) -> Run:
    """Return its call for one sample."""
    net = Net(job)
    rows = list(zip(net.pointers(job.X), net.pointers(job.T), strict=True))

    def call() -> None:
        for x, t in rows:
            net.fann.fann_train(net.ann, x, t)

    return Run(call, len(rows), net.restore, outputs=net.outputs, differs=DIFFERS)


def version() -> str:
    """Return FANN's name: the library does not tell its version."""
    return f"FANN ({ctypes.util.find_library(LIBRARIES['float32'])})"
