"""Which inputs are not zero, listed without a branch: the others need no visit to their weights."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from mlp_fast.kernels.arguments import Floats, Matrix
from mlp_fast.kernels.jit import kernel
from mlp_fast.kernels.simd import (
    _broadcast,
    address,
    bits,
    elementwise,
    lanes,
    load,
    load_first,
)

INDEX = ir.IntType(64)
ROOM = 8  # that a list has behind it, because so many numbers are written at a time
MANY = 0.2  # of the inputs: where a batch's lists pay


@kernel
def zeros_are_many(X: Floats) -> bool:
    """Count the zeros of a matrix."""
    zeros = 0
    for i in range(X.shape[0]):
        for p in range(X.shape[1]):
            zeros += X[i, p] == 0
    return zeros > MANY * X.size


@kernel
def list_inputs(x: Floats, listed: NDArray[np.int64]) -> int:
    """List the inputs of one sample that are not 0; return how many."""
    return list_columns(Matrix(x, x.size, 1), 1, x.size, listed)


@kernel
def list_columns(X: Matrix, k: int, n: int, listed: NDArray[np.int64]) -> int:
    """List the columns of k rows that are not 0 in all of them; return how many."""
    V = lanes(X.values)
    whole = n - n % V
    m = 0
    for p in range(0, whole, V):
        some = load(X.values, p)
        for i in range(p + X.row, p + k * X.row, X.row):
            some = either(some, load(X.values, i))
        m = append(listed, m, p, some != 0)
    if whole < n:
        some = load_first(X.values, whole, n - whole)  # memory behind may be nobody's
        for i in range(whole + X.row, whole + k * X.row, X.row):
            some = either(some, load_first(X.values, i, n - whole))
        m = append(listed, m, whole, some != 0)
    return m


@elementwise
def either(a, b):
    """The bits of both: 0 of either sign only where both are."""
    return (a.as_int() | b.as_int()).as_float()


@intrinsic
def append(typingctx, listed, m, p, mask):
    """Write p plus the number of each lane that is set to a list of m; return its new length.

    What is listed behind that, up to `ROOM`, is written, too.
    """
    parts = range(0, mask.lanes, ROOM)

    def codegen(context, builder, sig, args):
        _, m, p, mask = args
        numbers, some = ir.VectorType(INDEX, ROOM), ir.VectorType(ir.IntType(1), ROOM)
        t = ir.FunctionType(numbers, [numbers, some, numbers])
        name = f"llvm.experimental.vector.compress.v{ROOM}i64"
        compress = cgutils.get_or_insert_function(builder.module, t, name)
        lanes = [ir.VectorType(ir.IntType(32), ROOM)([i + j for j in range(ROOM)]) for i in parts]
        for i, part in zip(parts, lanes, strict=True):
            chosen = builder.shuffle_vector(mask, mask, part)
            first = _broadcast(builder, builder.add(p, INDEX(i)), numbers)
            every = builder.add(first, numbers(list(range(ROOM))))
            packed = builder.call(compress, [every, chosen, numbers(ir.Undefined)])
            place = address(context, builder, sig.args[0], args[0], m, INDEX(ROOM))
            builder.store(packed, builder.bitcast(place, numbers.as_pointer()), align=8)
            count = builder.ctpop(builder.bitcast(chosen, ir.IntType(ROOM)))
            m = builder.add(m, builder.zext(count, INDEX))
        return m

    return types.intp(listed, types.intp, types.intp, mask), codegen


@kernel
def list_rows(X: Matrix, k: int, p: int, listed: NDArray[np.int64]) -> int:
    """List the rows whose eight columns from p on are not all 0; return how many."""
    m = 0
    for i in range(k):
        listed[m] = i
        m += bits(load(X.values, i * X.row + p, 8) != 0) != 0
    return m
