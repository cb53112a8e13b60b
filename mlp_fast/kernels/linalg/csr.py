"""Sparse rows (CSR): at the cost of what is stored, with the bits of the same rows made dense.

Where a sum runs over inputs, those that are 0 would add nothing, so that leaving them out changes
no bit as long as the others keep their order; in sums of vectors the lanes are those of inputs that
are not 0 in some row of a block, which are listed alike for rows of either kind.
"""

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.compile.jit import inlined, kernel
from mlp_fast.kernels.linalg.nonzero import pack_columns
from mlp_fast.kernels.linalg.output_major import sum_some_outputs
from mlp_fast.kernels.network.arguments import (
    Block,
    Floats,
    Matrix,
    Network,
    Real,
    Rows,
    Turned,
    Work,
)
from mlp_fast.kernels.simd.arrays import unlocked
from mlp_fast.kernels.simd.vector import fma, lanes, load, load_tile, splat, store

CROWDED_COLUMNS = 4  # inputs for each stored number: up to there a look at all of them is faster
IN_ORDER, UNORDERED, OUTSIDE = 0, 1, 2


@kernel
def check_columns(columns: NDArray[np.int32], starts: NDArray[np.int64], n: int) -> int:
    """Return whether a row's columns increase, do not, or are none of the n that there are."""
    found = IN_ORDER
    for i in range(starts.size - 1):
        before = -1
        for q in range(starts[i], starts[i + 1]):
            p = columns[q]
            if p < 0 or p >= n:
                return OUTSIDE
            if p <= before:
                found = UNORDERED
            before = p
    return found


@kernel
def scatter(rows: Rows, samples: NDArray[np.int64], x: Floats, width: int) -> None:
    """Write the rows of some samples into zeros, so far apart."""
    for i in range(samples.size):
        begin, end = rows.starts[samples[i]], rows.starts[samples[i] + 1]
        for q in range(begin, end):
            x[i * width + rows.columns[q]] = rows.values[q]


@kernel
def clear(rows: Rows, samples: NDArray[np.int64], x: Floats, width: int) -> None:
    """Make zero again what `scatter` has written."""
    for i in range(samples.size):
        for q in range(rows.starts[samples[i]], rows.starts[samples[i] + 1]):
            x[i * width + rows.columns[q]] = 0


@kernel
def bring(rows: Rows, samples: NDArray[np.int64], block: Block) -> int:
    """List the columns that are not 0 in all of some samples, and pack these; return how many."""
    stored = 0
    for t in range(samples.size):
        stored += rows.starts[samples[t] + 1] - rows.starts[samples[t]]
    if rows.n > CROWDED_COLUMNS * stored:
        return merge_columns(rows, samples, block)
    scatter(rows, samples, block.dense, rows.n)
    for t in range(samples.size):
        block.places[t] = t * rows.n
    m = pack_columns(block.dense, rows.n, samples.size, block)
    clear(rows, samples, block.dense, rows.n)
    return m


@kernel
def merge_columns(rows: Rows, samples: NDArray[np.int64], block: Block) -> int:
    """Do so by merging rows, in which a column has few of many."""
    count, n, columns = samples.size, rows.n, rows.columns
    place, end, head = block.heads[0], block.heads[1], block.heads[2]
    p = n
    for t in range(count):
        place[t], end[t] = rows.starts[samples[t]], rows.starts[samples[t] + 1]
        head[t] = columns[place[t]] if place[t] < end[t] else n
        p = min(p, head[t])
    m = 0
    while p < n:
        following, some = n, 0
        for t in range(count):
            x = block.x.dtype.type(0.0)
            if head[t] == p:
                x = rows.values[place[t]]
                some |= x != 0
                place[t] += 1
                head[t] = columns[place[t]] if place[t] < end[t] else n
            block.x[t * block.width + m] = x
            following = min(following, head[t])
        block.listed[m] = p
        m += some
        p = following
    for t in range(count):
        store(block.x, t * block.width + m, splat(block.x.dtype.type(0.0)))
    return m


@kernel
def bring_one(rows: Rows, sample: int, x: Floats, listed: NDArray[np.int64]) -> int:
    """Write a row into zeros; list where vectors that have some of it begin; return how many."""
    V = lanes(x)
    m, last = 0, -1
    for q in range(rows.starts[sample], rows.starts[sample + 1]):
        p = np.int64(rows.columns[q])
        x[p] = rows.values[q]
        listed[m] = p // V * V
        m += p // V != last
        last = p // V
    return m


@kernel(inline=False)
def add_listed(
    alpha: Real,
    values: Floats,
    index: NDArray[np.int32],
    B: Matrix,
    C: Floats,
    n: int,
) -> None:
    """Add alpha times the sum of the listed rows of B, each times its value, to n columns of C."""
    V = lanes(C)
    j = 0
    while j < n:
        if n - j > 7 * V:
            j += _add_tile(alpha, values, index, B, C, j, 8)
        elif n - j > 3 * V:
            j += _add_tile(alpha, values, index, B, C, j, 4)
        elif n - j > V:
            j += _add_tile(alpha, values, index, B, C, j, 2)
        else:
            j += _add_tile(alpha, values, index, B, C, j, 1)


@inlined
def _add_tile(
    alpha: Real,
    values: Floats,
    index: NDArray[np.int32],
    B: Matrix,
    C: Floats,
    j: int,
    vectors: int,
) -> int:
    """Do so in some vectors of columns; return how many columns these are."""
    c = load_tile(C, j, vectors)
    total = splat(C.dtype.type(0.0), c)
    for q in range(index.size):
        total = fma(values[q], load_tile(B.values, index[q] * B.row + j, vectors), total)
    store(C, j, fma(alpha, total, c))
    return int(vectors * lanes(C))


@kernel
def sum_sparse(network: Network, rows: Rows, samples: NDArray[np.int64], work: Work) -> None:
    """Compute H = A_bias W of the first layer (69)."""
    layer = network.layers[0]
    W, n = network.theta[layer.weights :], layer.n_out
    one, below = W.dtype.type(1.0), Matrix(W[layer.stride :], layer.stride, 1)
    values, columns = unlocked(rows.values), unlocked(rows.columns)
    for i in range(samples.size):
        h = work.delta[i * layer.width :]
        if layer.by_input:
            for j in range(0, n, lanes(W)):
                store(h, j, -load(W, j))
            begin, end = rows.starts[samples[i]], rows.starts[samples[i] + 1]
            add_listed(one, values[begin:end], columns[begin:end], below, h, n)
        else:
            m = bring_one(rows, samples[i], work.x, work.listed)
            sum_some_outputs(W, layer.stride, work.x, work.listed[:m], h, n)
            clear(rows, samples[i : i + 1], work.x, work.width)


@kernel
def turn(rows: Rows, samples: NDArray[np.int64], turned: Turned, listed: NDArray[np.int64]) -> int:
    """Bring what some samples store into the order of columns; list these, return how many."""
    ends = turned.ends
    m = 0
    for i in range(samples.size):
        for q in range(rows.starts[samples[i]], rows.starts[samples[i] + 1]):
            p = rows.columns[q]
            if ends[p] == 0:
                listed[m] = p
                m += 1
            ends[p] += 1
    begin = 0
    for c in range(m):
        count = ends[listed[c]]
        ends[listed[c]] = begin
        begin += count
    for i in range(samples.size):
        for q in range(rows.starts[samples[i]], rows.starts[samples[i] + 1]):
            place = ends[rows.columns[q]]
            turned.rows[place] = i
            turned.values[place] = rows.values[q]
            ends[rows.columns[q]] = place + 1
    return m


@kernel
def add_sparse_gradient(
    network: Network,
    factor: Real,
    rows: Rows,
    samples: NDArray[np.int64],
    work: Work,
    theta: Floats,
) -> None:
    """Add so many times A' delta (77) of the first layer, but for the bias."""
    layer = network.layers[0]
    W, n, stride = theta[layer.weights :], layer.n_out, layer.stride
    delta, turned = Matrix(work.delta, layer.width, 1), work.turned
    begin = 0
    for c in range(turn(rows, samples, turned, work.listed)):
        p = work.listed[c]
        end = turned.ends[p]
        turned.ends[p] = 0
        index, values = turned.rows[begin:end], turned.values[begin:end]
        if layer.by_input:
            add_listed(factor, values, index, delta, W[(p + 1) * stride :], n)
        else:
            for j in range(n):
                total = W.dtype.type(0.0)
                for q in range(index.size):
                    total = fma(values[q], delta.values[index[q] * layer.width + j], total)
                i = j * stride + p + 1
                W[i] = fma(factor, total, W[i])
        begin = end
