"""The proof of reach that the project began with, from the file that MLP_FAST_LAB names."""

import functools
import importlib.util
import os
from itertools import pairwise
from types import ModuleType

import numpy as np

from peers.job import Array, Job, Run

PATH = os.environ.get("MLP_FAST_LAB")

if PATH is None:
    raise ImportError("MLP_FAST_LAB is not set to the path of simd_online.py")


@functools.cache
def _lab() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simd_online", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def trainer(job: Job) -> Run:
    """Return the lab's kernel, which knows sigmoid layers and squared error only."""
    network = job.network
    if network.loss != "squared_error":
        raise NotImplementedError("the lab knows squared error only")
    lab = _lab()
    theta, *places, act, delta = lab.packed(list(network.sizes), job.dtype.type, simd=True)
    stride, offsets = places[1], places[2]
    blocks = _views(theta, network.sizes, stride, offsets)
    order = np.tile(np.arange(len(job.X)), job.epochs)
    skip_zeros = job.many_zeros
    eta = job.dtype.type(network.learning_rate)

    def restore() -> None:
        for views, W in zip(blocks, job.weights, strict=True):
            views[0][:], views[1][:] = W[0], W[1:]

    def call() -> None:
        lab.online_simd(theta, *places, job.X, job.T, order, eta, act, delta, skip_zeros)

    sigmoid = {network.hidden, network.output} == {"sigmoid"}
    return Run(
        call,
        job.samples,
        restore,
        (lambda: [np.vstack([bias[np.newaxis], W]) for bias, W in blocks]) if sigmoid else None,
        differs="" if sigmoid else "sigmoids in place of the row's functions",
    )


def _views(
    theta: Array, sizes: tuple[int, ...], stride: Array, offsets: Array
) -> list[tuple[Array, Array]]:
    """Return the bias and the weights (n_in, n_out) of each layer, live."""
    views = []
    for l, (n_in, n_out) in enumerate(pairwise(sizes)):
        block = theta[offsets[l] :]
        if l == 0:
            rows = block[: (n_in + 1) * stride[1]].reshape(n_in + 1, -1)
            views.append((rows[0, :n_out], rows[1:, :n_out]))
        else:
            end = n_out * stride[l]
            rows = block[:end].reshape(n_out, -1)
            views.append((block[end : end + n_out], rows[:, :n_in].T))
    return views
