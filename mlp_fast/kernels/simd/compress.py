"""Compress: keep only the indices, or the lanes of a vector, that a mask selects."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mlp_fast.kernels.simd.memory import address
from mlp_fast.kernels.simd.value import Value
from mlp_fast.kernels.simd.vector import broadcast, elementwise

INDEX = ir.IntType(64)
SLACK = 8  # slack behind a list's end, because indices are stored so many at a time


@elementwise
def bitwise_or(a, b):
    """The bitwise or of two vectors: 0, of either sign, only where both are 0."""
    return (a.as_int() | b.as_int()).as_float()


@intrinsic
def append(typingctx, listed, m, p, mask):
    """Append p + i for each set lane i of the mask to a list of m indices; return its new length.

    Up to `SLACK` elements behind the new end, the list's slack, may be overwritten.
    """
    parts = range(0, mask.lanes, SLACK)

    def codegen(context, builder, sig, args):
        _, m, p, mask = args
        numbers = ir.VectorType(INDEX, SLACK)
        for i in parts:
            lanes = ir.VectorType(ir.IntType(32), SLACK)([i + j for j in range(SLACK)])
            chosen = builder.shuffle_vector(mask, mask, lanes)
            first = broadcast(builder, builder.add(p, INDEX(i)), numbers)
            every = builder.add(first, numbers(list(range(SLACK))))
            place = address(context, builder, sig.args[0], args[0], m, INDEX(SLACK))
            place = builder.bitcast(place, numbers.as_pointer())
            builder.store(_compress(builder, every, chosen), place, align=8)
            count = builder.ctpop(builder.bitcast(chosen, ir.IntType(SLACK)))
            m = builder.add(m, builder.zext(count, INDEX))
        return m

    return types.intp(listed, types.intp, types.intp, mask), codegen


@intrinsic
def compress(typingctx, v, mask):
    """The lanes of v that the mask selects, packed to the front; those behind are undefined."""

    def codegen(context, builder, sig, args):
        return _compress(builder, *args)

    return v(v, mask), codegen


def _compress(builder: ir.IRBuilder, v: ir.Value, mask: ir.Value) -> ir.Value:
    t = v.type
    kind = "i64" if t.element == INDEX else f"f{Value(builder, v).bits}"
    fnty = ir.FunctionType(t, [t, mask.type, t])
    name = f"llvm.experimental.vector.compress.v{t.count}{kind}"
    function = cgutils.get_or_insert_function(builder.module, fnty, name)
    return builder.call(function, [v, mask, t(ir.Undefined)])
