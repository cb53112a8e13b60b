"""Online training (algorithm 2.4.1) one sample at a time.

Computes `Reference.train` of reference.py with batches of one row. For networks whose first layer
is output-major, because it has one or a few units and many inputs: each row of its weights takes
one dot product and one axpy, in whole vectors, and no sample waits for a block. Compared with
blocks on input-major weights: 784-1 is 3.4 times as fast (float64) and 4.3 (float32), 784-5 2.1 and
2.7.
"""

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.csr import clear, scatter_row
from mlp_fast.kernels.linalg.output_major import matvec_output_major_sparse, update_outputs_sparse
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.forward import Nodes, first_sum, node_buffers
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.arrays import as_writable
from mlp_fast.kernels.train.online import learn_sample, update_first


def sample_buffers(shape: Shape, data: Data, rule: Rule) -> Nodes:
    """Return buffers for one sample."""
    return node_buffers(shape)


@kernel
def train_one_by_one(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive); step s is sample s % k of epoch s // k."""
    take_one_by_one(network, data, rule, nodes, curves, first, last, False)


@kernel
def train_sparse_one_by_one(
    network: Network, data: Data, rule: Rule, nodes: Nodes, curves: Curves, first: int, last: int
) -> None:
    """Train for steps first to last (exclusive) on CSR rows, one sample each."""
    take_one_by_one(network, data, rule, nodes, curves, first, last, True)


@inlined
def take_one_by_one(
    network: Network,
    data: Data,
    rule: Rule,
    nodes: Nodes,
    curves: Curves,
    first: int,
    last: int,
    sparse: bool,
) -> None:
    """Train for steps first to last (exclusive) on dense or CSR rows, one sample each."""
    k, layer = data.T.shape[0], network.layers[0]
    W, h = network.theta[layer.weights :], nodes.delta[layer.nodes :]
    eta = network.theta.dtype.type(rule.learning_rate)
    for step in range(first, last):
        epoch, s = step // k, step % k
        order = order_of(epoch, s == 0, data, rule)
        t = as_writable(data.T[order[s]])
        if sparse:
            m = scatter_row(data.rows, order[s], nodes.a, nodes.listed)
            matvec_output_major_sparse(W, layer.stride, nodes.a, nodes.listed[:m], h, layer.n_out)
        else:
            x = as_writable(data.rows.X[order[s]])
            m = first_sum(network, x, nodes)
        error, loss = learn_sample(network, rule.loss, eta, t, nodes)
        curves.error[epoch] += error
        curves.loss[epoch] += loss
        if sparse:
            places = nodes.listed[:m]
            update_outputs_sparse(W, layer.stride, nodes.a, places, eta, h, layer.n_out)
            clear(data.rows, order[s : s + 1], nodes.a, data.rows.n)
        else:
            update_first(network, x, m, eta, nodes)
