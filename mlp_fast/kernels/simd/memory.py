"""Vectors in memory: loads, stores and prefetches of contiguous 1-D arrays."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from mlp_fast.kernels.simd.vector import Vec, broadcast, vec_of


def _check_array(array: types.Type, stored: types.Type | None = None) -> None:
    if not isinstance(array, types.Array) or array.ndim != 1 or array.layout not in "CF":
        raise TypingError(f"vectors live in contiguous 1-D arrays, not in {array}")
    if stored is None:
        return
    if not (isinstance(stored, Vec) and array.mutable and array.dtype == stored.dtype):
        raise TypingError(f"cannot store {stored} in {array}")


def _address(context, builder, sig, args, vec: Vec, count: ir.Value) -> ir.Value:
    pointer = address(context, builder, sig.args[0], args[0], args[1], count)
    return builder.bitcast(pointer, context.get_value_type(vec).as_pointer())


def address(context, builder, array_type: types.Array, array, i: ir.Value, count: ir.Value):
    """The address of an array's elements i .. i + count, bounds-checked if Numba's indexing is."""
    array = context.make_array(array_type)(context, builder, array)
    if context.enable_boundscheck:
        room = builder.sub(builder.extract_value(array.shape, 0), count)
        outside = builder.icmp_signed(">", i, room)
        for number in (i, count):
            outside = builder.or_(outside, builder.icmp_signed("<", number, number.type(0)))
        with builder.if_then(outside, likely=False):
            message = ("vector is out of bounds",)
            context.call_conv.return_user_exc(builder, IndexError, message)
    return builder.gep(array.data, [i])


def emit_prefetch(builder, pointer, write: bool, near: bool) -> None:
    """Prefetch a cache line: into the L1 cache if `near`, else into L2 only."""
    int32 = ir.IntType(32)
    t = ir.FunctionType(ir.VoidType(), [pointer.type, int32, int32, int32])
    prefetch = cgutils.get_or_insert_function(builder.module, t, "llvm.prefetch.p0")
    builder.call(prefetch, [pointer, int32(int(write)), int32(3 if near else 2), int32(1)])


@intrinsic
def prefetch(typingctx, array, i):
    """Prefetch the cache line of array[i], to be read; `i` may be out of bounds."""
    _check_array(array)

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        emit_prefetch(builder, pointer, write=False, near=False)
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic(prefer_literal=True)
def load(typingctx, array, i, count=None):
    """The vector array[i : i + lanes]: a full one, unless `count` is a literal."""
    _check_array(array)
    vec = vec_of(array, count)

    def codegen(context, builder, sig, args):
        n = context.get_constant(types.intp, vec.lanes)
        pointer = _address(context, builder, sig, args, vec, n)
        return builder.load(pointer, align=vec.dtype.bitwidth // 8)

    return vec(array, types.intp, count or types.none), codegen


@intrinsic(prefer_literal=True)
def load_tile(typingctx, array, i, vectors):
    """The vector array[i : i + lanes] of `vectors` full vectors, which is a literal."""
    _check_array(array)
    if not isinstance(vectors, types.IntegerLiteral):
        raise TypingError(f"the number of vectors must be a literal, not {vectors}")
    vec = Vec(array.dtype, vectors.literal_value * vec_of(array).lanes)

    def codegen(context, builder, sig, args):
        n = context.get_constant(types.intp, vec.lanes)
        pointer = _address(context, builder, sig, args, vec, n)
        return builder.load(pointer, align=vec.dtype.bitwidth // 8)

    return vec(array, types.intp, vectors), codegen


@intrinsic
def store(typingctx, array, i, v):
    """Write array[i : i + lanes] = v."""
    _check_array(array, v)

    def codegen(context, builder, sig, args):
        n = context.get_constant(types.intp, v.lanes)
        pointer = _address(context, builder, sig, args, v, n)
        builder.store(args[2], pointer, align=v.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, v), codegen


@intrinsic(prefer_literal=True)
def load_first(typingctx, array, i, n, count=None):
    """The vector array[i : i + n], zero from lane n on; a masked load touches nothing behind."""
    _check_array(array)
    vec = vec_of(array, count)

    def codegen(context, builder, sig, args):
        pointer = _address(context, builder, sig, args, vec, args[2])
        return _masked_load(builder, vec, pointer, args[2])

    return vec(array, types.intp, types.intp, count or types.none), codegen


def _masked_load(builder, vec: Vec, pointer: ir.Value, n: ir.Value) -> ir.Value:
    t = pointer.type.pointee
    numbers = ir.VectorType(ir.IntType(vec.dtype.bitwidth), vec.lanes)
    if numbers.element.width < n.type.width:
        n = builder.trunc(n, numbers.element)
    mask = builder.icmp_signed("<", numbers(list(range(vec.lanes))), broadcast(builder, n, numbers))
    args = [pointer, ir.IntType(32)(vec.dtype.bitwidth // 8), mask, t(None)]
    fnty = ir.FunctionType(t, [a.type for a in args])
    name = f"llvm.masked.load.v{vec.lanes}f{vec.dtype.bitwidth}.p0"
    return builder.call(builder.module.declare_intrinsic(name, fnty=fnty), args)
