"""A full batch that comes in chunks: gradients are summed over all rows, then one update follows.

Computes `Reference.step` of reference.py with all rows as one batch, for all networks, but no two
chunks need be in memory together. Each part of a chunk is a batch without an update; the parts are
those of batch.py, so one chunk of many rows gives the bits of the same rows as an array.
"""

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.linalg.buffers import aligned
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.forward_batch import Work, work_buffers
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.train.batch import descend, take_batches


def part_buffers(shape: Shape, data: Data, rule: Rule) -> Work:
    """Return buffers for one part of a chunk, but for the gradient, which outlives it."""
    n_rows = min(rule.batch_size, data.T.shape[0])
    return work_buffers(shape, data.rows, n_rows, in_order=True, train=True, skips=True)


def gradient_buffer(shape: Shape) -> Floats:
    """Return a zeroed buffer for the gradient summed over all chunks."""
    return aligned(shape.n_theta, shape.dtype)


@kernel
def accumulate(
    network: Network, data: Data, rule: Rule, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Add the gradients of parts first to last (exclusive) of a dense chunk to work.gradient."""
    take_batches(network, data, rule, work, curves, first, last, False, False)


@kernel
def accumulate_sparse(
    network: Network, data: Data, rule: Rule, work: Work, curves: Curves, first: int, last: int
) -> None:
    """Add the gradients of parts first to last (exclusive) of a CSR chunk to work.gradient."""
    take_batches(network, data, rule, work, curves, first, last, True, False)


@kernel
def descend_by(network: Network, eta: float, gradient: Floats) -> None:
    """Subtract eta times the summed gradient (78), and set it to zero for the next epoch."""
    descend(network.theta, network.theta.dtype.type(eta), gradient)
