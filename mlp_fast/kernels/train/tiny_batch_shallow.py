"""Batch training of a few hidden units and one output on a handful of samples, in registers.

Computes `Reference.step` of reference.py for each batch. A lane belongs to one hidden unit and one
sample: those of unit j begin at lane j n_samples. So the whole hidden layer is one vector (section
2.5); the sum over the units, which gives h of the output, goes across groups of lanes, and the sums
over the batch in (77) go within them. Each sum is left in every lane it came from, which is where
the next step needs it.

For plain gradient descent on one small batch that is repeated, as XOR is, up to 8 units and 8
samples. Compared with a lane for each sample (tiny_batch.py): 2-2-1 on 4 rows is 1.6 times as fast
(float64) and 1.8 (float32), 2-4-1 2.1 and 2.2, 2-8-1 2.4 and 3.0; on 8 rows 2-2-1 1.6 and 1.7,
2-4-1 1.4 and 1.9, 2-8-1 2.2 (float32 only: in float64 eight vectors were slower).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, inner_kernel, kernel
from mlp_fast.kernels.linalg.buffers import lanes_of, side_by_side
from mlp_fast.kernels.network.activation import g, times_derivative
from mlp_fast.kernels.network.arguments import Curves, Data, Network, Rule, Shape
from mlp_fast.kernels.network.loss import output_code, output_delta, sum_losses
from mlp_fast.kernels.network.shuffle import order_of
from mlp_fast.kernels.simd.memory import load, store
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.kernels.simd.vector import fma, splat, vsum_groups

INPUTS = 16  # more were not measured
LEAST = 2, 4  # hidden units and samples
VECTORS = 4  # with more lanes than these hold, a lane for each sample is as fast


class Grid(NamedTuple):
    """Buffers of a batch with a lane per hidden unit and sample; weights are repeated."""

    x: Floats  # inputs, a vector for each
    W: Floats  # of the hidden layer, a vector for the bias and one for each input
    v: Floats  # weights of the output
    t: Floats  # targets
    e: Floats  # errors
    h: Floats  # h of the output
    used: Floats  # mask: 1 where both unit and sample exist, 0 elsewhere
    n_samples: int  # that fit: a unit has so many lanes


def grid_buffers(size: tuple[int, int]) -> Callable[[Shape, Data, Rule], Grid]:
    """Return the function that makes buffers for this many hidden units and samples."""
    n_units, n_samples = size

    def buffers(shape: Shape, data: Data, rule: Rule) -> Grid:
        dtype, n_lanes = shape.dtype, n_units * n_samples
        n_in = data.rows.n
        sizes = (n_in * n_lanes, (n_in + 1) * n_lanes, *[n_lanes] * 5)
        x, W, v, t, e, h, used = side_by_side(sizes, dtype)
        return Grid(x, W, v, t, e, h, used, n_samples)

    return buffers


def grid_for(
    sizes: tuple[int, ...], batch_size: int, repeated: bool, dtype: np.dtype[Any]
) -> tuple[int, int] | None:
    """Return the smallest grid (hidden units, samples) to train a batch in, or None.

    Loading a batch into the grid takes longer than a step, so the batch has to be a repeated one,
    or else to fill the smallest grid.
    """
    size = sizes[1], batch_size
    if sizes[0] > INPUTS or not (repeated or size == LEAST):
        return None
    grids = (
        grid
        for grid in TRAIN_SHALLOW_BATCH
        if size[0] <= grid[0] and size[1] <= grid[1] and _is_used(grid, dtype)
    )
    return min(grids, default=None)


def dtypes_for(grid: tuple[int, int]) -> list[str]:
    """Return the dtypes in which a grid (hidden units, samples) is used."""
    return [name for name in ("float64", "float32") if _is_used(grid, np.dtype(name))]


def _is_used(grid: tuple[int, int], dtype: np.dtype[Any]) -> bool:
    return grid[0] * grid[1] <= VECTORS * lanes_of(dtype)


def _in_grid(n_units: int, n_samples: int) -> Any:
    V = n_units * n_samples

    def train(
        network: Network,
        data: Data,
        rule: Rule,
        grid: Grid,
        curves: Curves,
        first: int,
        last: int,
    ) -> None:
        take_batches_in_grid(network, data, rule, grid, curves, first, last, n_units, n_samples, V)

    train.__name__ = train.__qualname__ = f"train_shallow_batch_{n_units}_{n_samples}"
    return kernel(train)


TRAIN_SHALLOW_BATCH = {
    (n_units, n_samples): _in_grid(n_units, n_samples)
    for n_units in (2, 4, 8)
    for n_samples in (4, 8)
}
"""Kernels by the grid's (hidden units, samples); each trains steps first to last (exclusive)."""


@inlined
def take_batches_in_grid(
    network: Network,
    data: Data,
    rule: Rule,
    grid: Grid,
    curves: Curves,
    begin: int,
    end: int,
    n_units: int,
    n_samples: int,
    V: int,
) -> None:
    """Train for steps begin to end (exclusive) in a grid of n_units x n_samples = V lanes."""
    k, size = data.T.shape[0], rule.batch_size
    hidden, output = network.layers[0], network.layers[1]
    W, w = network.theta[hidden.weights :], network.theta[output.weights :]
    zero, one = W.dtype.type(0.0), W.dtype.type(1.0)
    beta, beta_out = W.dtype.type(hidden.beta), W.dtype.type(output.beta)
    code = output_code(rule.loss, output.activation)
    for p in range(hidden.n_in + 1):
        broadcast_units(
            W[p * hidden.stride :], hidden.n_out, grid.n_samples, grid.used.size, grid.W[p * V :]
        )
    broadcast_units(w[1:], hidden.n_out, grid.n_samples, grid.used.size, grid.v)
    v, bias = load(grid.v, 0, V), splat(w[0], V)
    batches = (k + size - 1) // size
    for step in range(begin, end):
        epoch, batch = step // batches, step % batches
        order = order_of(epoch, batch == 0, data, rule)
        samples = order[batch * size : min((batch + 1) * size, k)]
        if step == begin or batches > 1 or data.orders.shape[0] > 1:
            load_grid(data, samples, hidden.n_out, grid)
        h = -load(grid.W, 0, V)
        for i in range(0, hidden.n_in * V, V):
            h = fma(load(grid.x, i, V), load(grid.W, i + V, V), h)  # (69)
        a = g(hidden.activation, h, beta)
        h_out = vsum_groups(a * v, n_samples, n_units) - bias
        y = g(output.activation, h_out, beta_out)
        e = y - load(grid.t, 0, V)  # (47)
        # the gradient is the mean over the batch, as in code 2.6, where (78) has the sum
        eta = -beta_out * W.dtype.type(rule.learning_rate / samples.size)
        used = load(grid.used, 0, V)
        slope_out = output_delta(code, y, one, e)
        step_out = eta * slope_out  # -eta delta (13)
        # NaN where the sum in (36) overflows: other kernels then diverge, however small g'(h)
        zero_or_nan = zero * ((beta_out * slope_out) * v)
        change = step_out * (used * times_derivative(hidden.activation, a, beta, v))  # (36)
        store(grid.W, 0, load(grid.W, 0, V) - vsum_groups(change, 1, n_samples))  # (78)
        for i in range(0, hidden.n_in * V, V):
            total = vsum_groups(load(grid.x, i, V) * change, 1, n_samples)
            store(grid.W, i + V, load(grid.W, i + V, V) + total)
        v += vsum_groups(fma(step_out, used * a, zero_or_nan), 1, n_samples)
        bias -= vsum_groups(step_out * used, 1, n_samples)

        store(grid.e, 0, e)
        store(grid.h, 0, h_out)
        error, loss = sum_losses(rule.loss, output.beta, grid.e, grid.h, grid.t, samples.size)
        curves.error[epoch] += error
        curves.loss[epoch] += loss  # (48)
    for p in range(hidden.n_in + 1):
        read_units(grid.W[p * V :], hidden.n_out, grid.n_samples, W[p * hidden.stride :])
    store(grid.v, 0, v)
    read_units(grid.v, hidden.n_out, grid.n_samples, w[1:])
    store(grid.e, 0, bias)
    w[0] = grid.e[0]


@inner_kernel
def broadcast_units(row: Floats, n: int, n_samples: int, n_lanes: int, lanes: Floats) -> None:
    """Broadcast each hidden unit's weight to the lanes of its samples.

    Lanes of units that do not exist are set to zero: a run that diverged may have left NaN there.
    """
    for i in range(n * n_samples):
        lanes[i] = row[i // n_samples]
    for i in range(n * n_samples, n_lanes):
        lanes[i] = 0


@inner_kernel
def read_units(lanes: Floats, n: int, n_samples: int, row: Floats) -> None:
    """Read each hidden unit's weight back from its first lane."""
    for j in range(n):
        row[j] = lanes[j * n_samples]


@inner_kernel
def load_grid(data: Data, samples: NDArray[np.int64], n: int, grid: Grid) -> None:
    """Write a batch's inputs and targets to the lanes of all units, and the mask of used lanes."""
    V, n_in = grid.used.size, data.rows.X.shape[1]
    for i in range(V):
        unit, s = i // grid.n_samples, i % grid.n_samples
        sample = samples[min(s, samples.size - 1)]
        grid.used[i] = s < samples.size and unit < n
        grid.t[i] = data.T[sample, 0]
        for p in range(n_in):
            grid.x[p * V + i] = data.rows.X[sample, p]
