"""The least that a dense online step must do: visit every weight, and read its row of X."""

import numpy as np
from numba import njit

from peers.job import Array, Job, Run


@njit(fastmath={"reassoc", "contract"}, error_model="numpy")
def visit(theta: Array, X: Array, epochs: int, factor: float) -> float:
    """Read and write every weight once for each row, which is summed up."""
    total = X.dtype.type(0)
    for _ in range(epochs):
        for i in range(X.shape[0]):
            for k in range(theta.size):
                theta[k] *= factor
            for k in range(X.shape[1]):
                total += X[i, k]
    return total


def walk(job: Job) -> Run:
    """Return a walk over the memory, which learns nothing."""
    if job.many_zeros:
        raise NotImplementedError("the weights of inputs that are zero need no visit")
    theta = np.concatenate([W.ravel() for W in job.weights])
    factor = job.dtype.type(-1)  # the weights stay normal numbers
    return Run(lambda: visit(theta, job.X, job.epochs, factor), job.samples)
