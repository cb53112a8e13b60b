"""Recall of sparse rows (CSR), in parts that fit in a cache.

Computes `Reference.forward` of reference.py, for all networks. Rows are taken as matrices, so each
weight is read once for all rows of a tile. For dense rows there is recall_dense.py.
"""

from mlp_fast.kernels.compile.jit import kernel
from mlp_fast.kernels.linalg.matrix import Rows, rows_from
from mlp_fast.kernels.network.arguments import Network
from mlp_fast.kernels.network.forward_batch import Work, forward_batch, part_of
from mlp_fast.kernels.simd.types import Floats


@kernel
def recall_sparse(network: Network, rows: Rows, work: Work, out: Floats) -> None:
    """Write the outputs of the last layer for every row, one part of the rows at a time."""
    top = network.layers[network.layers.size - 1]
    outputs = work.outputs[top.before * work.capacity :]
    k = out.shape[0]
    for start in range(0, k, work.capacity):
        samples = work.every[: min(work.capacity, k - start)]
        part = part_of(rows_from(rows, start, work.capacity), samples, work, True)
        forward_batch(network, part, work, True)
        for i in range(samples.size):
            for j in range(top.n_out):
                out[start + i, j] = outputs[i * top.width + j]
