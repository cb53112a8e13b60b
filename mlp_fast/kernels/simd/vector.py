"""A fixed-width vector type for Numba kernels, with the same bits on every CPU.

    @njit(error_model="numpy")
    def squash(x, out):
        n = lanes(x)  # 8 float64 or 16 float32: 64 bytes
        tail = x.size % n
        for i in range(0, x.size - tail, n):
            store(out, i, 1 / (1 + absolute(load(x, i))))
        v = load_first(x, x.size - tail, tail)
        store_first(out, x.size - tail, tail, 1 / (1 + absolute(v)))

The width is logical: where registers are narrower LLVM splits a vector, so the order of every sum
stays the same. The target contracts, reassociates and approximates nothing: `fma` rounds once where
it is written, and reductions run down a fixed tree. Only ``fastmath`` in a caller would undo that.

A scalar beside a vector is cast to its dtype and broadcast: ``1 - v``, ``fma(eta, d, w)``.
Elementwise functions take plain floats too, and `load` and `splat` a literal lane count for
narrower vectors: a lane has the same bits at every width.
"""

import inspect
import operator
from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.typeconv import Conversion
from numba.extending import (
    intrinsic,
    lower_builtin,
    lower_cast,
    models,
    register_model,
    type_callable,
)

VECTOR_BITS = 512
LANE_COUNTS = (2, 4, 8, 16, 32, 64, 128)


# --- the type -------------------------------------------------------------------------------------


class Vec(types.Type):  # type: ignore[misc]  # Numba ships no types
    """`lanes` elements of `dtype`: float32, float64, or boolean for what a comparison returns."""

    def __init__(self, dtype: types.Type, lanes: int):
        self.dtype, self.lanes = dtype, lanes
        super().__init__(name=f"Vec({dtype}, {lanes})")

    def can_convert_from(self, typingctx, other):
        if isinstance(other, types.Number) and isinstance(self.dtype, types.Float):
            return Conversion.unsafe
        return None


@register_model(Vec)
class VecModel(models.PrimitiveModel):  # type: ignore[misc]  # as above
    def __init__(self, dmm, fe_type):
        element = dmm.lookup(fe_type.dtype).get_value_type()
        super().__init__(dmm, fe_type, ir.VectorType(element, fe_type.lanes))


def _vec(like: types.Type, count: types.Type | None = None) -> Vec:
    """The vector type for an array, dtype, scalar or vector: full, unless `count` is a literal."""
    if isinstance(like, Vec):
        return like
    dtype = getattr(like, "dtype", like)
    if dtype not in (types.float32, types.float64):
        raise TypingError(f"a vector holds float32 or float64, not {like}")
    if count in (None, types.none):
        return Vec(dtype, VECTOR_BITS // dtype.bitwidth)
    if not isinstance(count, types.IntegerLiteral) or count.literal_value not in LANE_COUNTS:
        raise TypingError(f"the lane count must be a literal power of 2 up to 128, not {count}")
    return Vec(dtype, count.literal_value)


def _broadcast(builder: ir.IRBuilder, scalar: ir.Value, t: ir.VectorType) -> ir.Value:
    one = builder.insert_element(t(ir.Undefined), scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, ir.VectorType(ir.IntType(32), t.count)(None))


@lower_cast(types.Number, Vec)
def _cast_to_vec(context, builder, fromty, toty, value):
    scalar = context.cast(builder, value, fromty, toty.dtype)
    return _broadcast(builder, scalar, context.get_value_type(toty))


@intrinsic(prefer_literal=True)
def splat(typingctx, scalar, like=None):
    """`scalar` in every lane; `like` is a literal lane count, or an array, dtype or vector."""
    counted = like is None or isinstance(like, (types.Integer, types.NoneType))
    vec = _vec(scalar, like) if counted else _vec(like)

    def codegen(context, builder, sig, args):
        return args[0]  # broadcast by the cast to the signature below

    return vec(vec, like or types.none), codegen


@intrinsic
def lanes(typingctx, like):
    """How many lanes a vector has: a full one of this array or dtype, or this very one."""
    count = _vec(like).lanes

    def codegen(context, builder, sig, args):
        return context.get_constant(types.intp, count)

    return types.literal(count)(like), codegen


def _check_vec(v: types.Type) -> None:
    if not isinstance(v, Vec):
        raise TypingError(f"only vectors are reduced, not {v}")


# --- memory ---------------------------------------------------------------------------------------


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
    """Where an array's elements i .. i + count are; checked if Numba's own indexing would be."""
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


def fetch(builder, pointer, write: bool, near: bool) -> None:
    """Have a cache line brought into the first cache, or but the second, while work goes on."""
    int32 = ir.IntType(32)
    t = ir.FunctionType(ir.VoidType(), [pointer.type, int32, int32, int32])
    prefetch = cgutils.get_or_insert_function(builder.module, t, "llvm.prefetch.p0")
    builder.call(prefetch, [pointer, int32(int(write)), int32(3 if near else 2), int32(1)])


@intrinsic
def expect(typingctx, array, i):
    """Say that the line of array[i] will be read before long; `i` may lie anywhere."""
    _check_array(array)

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        fetch(builder, pointer, write=False, near=False)
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen


@intrinsic(prefer_literal=True)
def load(typingctx, array, i, count=None):
    """The vector array[i : i + lanes]; a full one, unless `count` is a literal."""
    _check_array(array)
    vec = _vec(array, count)

    def codegen(context, builder, sig, args):
        n = context.get_constant(types.intp, vec.lanes)
        pointer = _address(context, builder, sig, args, vec, n)
        return builder.load(pointer, align=vec.dtype.bitwidth // 8)

    return vec(array, types.intp, count or types.none), codegen


@intrinsic(prefer_literal=True)
def load_tile(typingctx, array, i, vectors):
    """Like `load`, but so many full vectors as one; `vectors` is a literal."""
    _check_array(array)
    if not isinstance(vectors, types.IntegerLiteral):
        raise TypingError(f"the number of vectors must be a literal, not {vectors}")
    vec = Vec(array.dtype, vectors.literal_value * _vec(array).lanes)

    def codegen(context, builder, sig, args):
        n = context.get_constant(types.intp, vec.lanes)
        pointer = _address(context, builder, sig, args, vec, n)
        return builder.load(pointer, align=vec.dtype.bitwidth // 8)

    return vec(array, types.intp, vectors), codegen


@intrinsic
def store(typingctx, array, i, v):
    """array[i : i + lanes] = v"""
    _check_array(array, v)

    def codegen(context, builder, sig, args):
        n = context.get_constant(types.intp, v.lanes)
        pointer = _address(context, builder, sig, args, v, n)
        builder.store(args[2], pointer, align=v.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, v), codegen


def _call_masked(builder, name: str, vec: Vec, pointer: ir.Value, n: ir.Value, *value):
    """llvm.masked.load or store of the first n lanes."""
    t = pointer.type.pointee
    indices = ir.VectorType(ir.IntType(vec.dtype.bitwidth), vec.lanes)
    if indices.element.width < n.type.width:
        n = builder.trunc(n, indices.element)
    mask = builder.icmp_signed(
        "<", indices(list(range(vec.lanes))), _broadcast(builder, n, indices)
    )
    args = [*value, pointer, ir.IntType(32)(vec.dtype.bitwidth // 8), mask]
    args += [] if value else [t(None)]
    fnty = ir.FunctionType(ir.VoidType() if value else t, [a.type for a in args])
    name = f"llvm.masked.{name}.v{vec.lanes}f{vec.dtype.bitwidth}.p0"
    return builder.call(builder.module.declare_intrinsic(name, fnty=fnty), args)


@intrinsic(prefer_literal=True)
def load_first(typingctx, array, i, n, count=None):
    """The vector array[i : i + n], zero from lane n on; memory behind it is not touched."""
    _check_array(array)
    vec = _vec(array, count)

    def codegen(context, builder, sig, args):
        pointer = _address(context, builder, sig, args, vec, args[2])
        return _call_masked(builder, "load", vec, pointer, args[2])

    return vec(array, types.intp, types.intp, count or types.none), codegen


@intrinsic
def store_first(typingctx, array, i, n, v):
    """array[i : i + n] = the first n lanes of v"""
    _check_array(array, v)

    def codegen(context, builder, sig, args):
        pointer = _address(context, builder, sig, args, v, args[2])
        _call_masked(builder, "store", v, pointer, args[2], args[3])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, v), codegen


# --- values that emit instructions ----------------------------------------------------------------


def _emits(on_floats: str, on_ints: str = "") -> Callable:
    def method(self, *others):
        return self.emit(on_ints if self.is_int else on_floats, *others)

    return method


def _compares(symbol: str) -> Callable:
    def method(self, other):
        unordered = symbol == "!="  # NaN differs from everything
        emit = self.builder.fcmp_unordered if unordered else self.builder.fcmp_ordered
        return Value(self.builder, emit(symbol, self.value, self.constant(other).value))

    return method


class Value:
    """An LLVM vector or scalar under construction, so that the formulas below look like formulas.

    Every operator appends one instruction; Python numbers become constants.
    """

    def __init__(self, builder: ir.IRBuilder, value: ir.Value):
        self.builder, self.value = builder, value
        self.count = getattr(value.type, "count", None)
        self.element = getattr(value.type, "element", value.type)
        self.is_int = isinstance(self.element, ir.IntType)

    __neg__ = _emits("fneg")
    __add__, __sub__ = _emits("fadd", "add"), _emits("fsub", "sub")
    __mul__, __truediv__ = _emits("fmul"), _emits("fdiv")
    __and__, __or__ = _emits("", "and_"), _emits("", "or_")
    __lshift__, __rshift__ = _emits("", "shl"), _emits("", "lshr")  # >> fills with zeros
    __lt__, __le__, __eq__ = map(_compares, ("<", "<=", "=="))
    __gt__, __ge__, __ne__ = map(_compares, (">", ">=", "!="))

    @property
    def bits(self) -> int:
        return 64 if self.element in (ir.DoubleType(), ir.IntType(64)) else 32

    def constant(self, x) -> "Value":
        if isinstance(x, Value):
            return x
        t = self.value.type
        return Value(self.builder, t([x] * self.count if self.count else x))

    def emit(self, instruction: str, *others) -> "Value":
        operands = (self.constant(other).value for other in others)
        return Value(self.builder, getattr(self.builder, instruction)(self.value, *operands))

    def call(self, name: str, *others) -> "Value":
        """The LLVM intrinsic of this name, with arguments and result of this type."""
        t, lanes = self.value.type, f"v{self.count}" if self.count else ""
        operands = [self.value, *(self.constant(other).value for other in others)]
        function = self.builder.module.declare_intrinsic(
            f"llvm.{name}.{lanes}f{self.bits}", fnty=ir.FunctionType(t, [t] * len(operands))
        )
        return Value(self.builder, self.builder.call(function, operands))

    def fma(self, b, c) -> "Value":
        return self.call("fma", b, c)

    def choose(self, a, b: "Value") -> "Value":
        """Lanes of a where this mask is set, of b elsewhere."""
        return Value(self.builder, self.builder.select(self.value, b.constant(a).value, b.value))

    def as_float(self) -> "Value":
        return self._reinterpret(ir.DoubleType() if self.bits == 64 else ir.FloatType())

    def as_int(self) -> "Value":
        return self._reinterpret(ir.IntType(self.bits))

    def _reinterpret(self, element: ir.Type) -> "Value":
        t = ir.VectorType(element, self.count) if self.count else element
        return Value(self.builder, self.builder.bitcast(self.value, t))


# --- elementwise operators and functions ----------------------------------------------------------


def elementwise(formula: Callable) -> Callable:
    """Make a formula on `Value` a Numba function of vectors (scalars broadcast) or of floats."""
    signature = inspect.signature(formula)

    def define(typingctx, *args):
        t = next((a for a in args if isinstance(a, Vec)), None) or typingctx.unify_types(*args)
        mixed = any(isinstance(a, Vec) and a != t for a in args)
        if mixed or not isinstance(getattr(t, "dtype", t), types.Float):
            raise TypingError(f"{formula.__name__} takes floats or like vectors, not {args}")

        def codegen(context, builder, sig, args):
            return formula(*(Value(builder, a) for a in args)).value

        return t(*[t] * len(args)), codegen

    first = inspect.Parameter("typingctx", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    vars(define)["__signature__"] = signature.replace(
        parameters=[first, *signature.parameters.values()]
    )
    define.__name__, define.__doc__ = formula.__name__, formula.__doc__
    return intrinsic(define)


def _overload_operator(op: Callable, element: types.Type | None = None) -> None:
    """Teach Numba `op` on vectors; the result's dtype is theirs unless given.

    Typed and lowered directly: `numba.extending.overload` would compile a function per operator.
    """
    arity = 1 if op is operator.neg else 2

    def type_op(a, b=None):
        vec = a if isinstance(a, Vec) else b
        others = (a, b)[:arity]
        if isinstance(vec, Vec) and all(v == vec or isinstance(v, types.Number) for v in others):
            return Vec(element or vec.dtype, vec.lanes)(*[vec] * arity)
        return None

    type_callable(op)(lambda context: (lambda a: type_op(a)) if arity == 1 else type_op)

    @lower_builtin(op, *[Vec] * arity)
    def lower(context, builder, sig, args):
        return op(*(Value(builder, a) for a in args)).value


_COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
_ARITHMETIC = (operator.neg, operator.add, operator.sub, operator.mul, operator.truediv)
_IN_PLACE = (operator.iadd, operator.isub, operator.imul, operator.itruediv)
for _op in _ARITHMETIC + _IN_PLACE:
    _overload_operator(_op)
for _op in _COMPARISONS:
    _overload_operator(_op, element=types.boolean)


@type_callable(operator.getitem)
def _type_getitem(context):
    return lambda v, j: v.dtype(v, types.intp) if isinstance(v, Vec) else None


@lower_builtin(operator.getitem, Vec, types.Integer)
def _lower_getitem(context, builder, sig, args):
    """v[j]: free for a literal j, a trip through memory otherwise."""
    return builder.extract_element(*args)


@intrinsic
def select(typingctx, mask, a, b):
    """Lanes of a where the mask is set, of b elsewhere."""
    vec = a if isinstance(a, Vec) else b
    if not isinstance(vec, Vec) or mask != Vec(types.boolean, vec.lanes):
        raise TypingError(f"select takes a mask and vectors as wide, not {mask}, {a}, {b}")

    def codegen(context, builder, sig, args):
        return builder.select(*args)

    return vec(mask, vec, vec), codegen


@intrinsic
def bits(typingctx, mask):
    """An integer whose bit i is lane i of a mask."""
    if not isinstance(mask, Vec) or mask.dtype != types.boolean:
        raise TypingError(f"bits takes a mask, not {mask}")

    def codegen(context, builder, sig, args):
        return builder.zext(builder.bitcast(args[0], ir.IntType(mask.lanes)), ir.IntType(64))

    return types.int64(mask), codegen


@intrinsic
def first(typingctx, v, n):
    """The first n lanes of v, zero in the others."""
    _check_vec(v)

    def codegen(context, builder, sig, args):
        numbers = ir.VectorType(ir.IntType(32), v.lanes)
        n = _broadcast(builder, builder.trunc(args[1], numbers.element), numbers)
        mask = builder.icmp_signed("<", numbers(list(range(v.lanes))), n)
        return builder.select(mask, args[0], args[0].type(None))

    return v(v, types.intp), codegen


@elementwise
def fma(a, b, c):
    """a * b + c, rounded once."""
    return a.fma(b, c)


@elementwise
def maximum(a, b):
    """The greater; a if they do not compare, as ``max(a, b)``: a NaN in a stays, one in b goes."""
    return (b > a).choose(b, a)


@elementwise
def minimum(a, b):
    """The lesser; a if they do not compare, as ``min(a, b)``: a NaN in a stays, one in b goes."""
    return (b < a).choose(b, a)


@elementwise
def absolute(x):
    """x without its sign."""
    return x.call("fabs")


@elementwise
def sqrt(x):
    """The square root, correctly rounded."""
    return x.call("sqrt")


# --- reductions -----------------------------------------------------------------------------------


def _reduce(builder: ir.IRBuilder, v: ir.Value, join: Callable) -> ir.Value:
    """Join the upper half of v to the lower one until a single lane is left."""
    while (n := v.type.count // 2) > 0:
        index = ir.VectorType(ir.IntType(32), n)
        halves = (index(list(range(start, start + n))) for start in (0, n))
        low, high = (Value(builder, builder.shuffle_vector(v, v, half)) for half in halves)
        v = join(low, high).value
    return builder.extract_element(v, ir.IntType(32)(0))


@intrinsic
def vsum(typingctx, v):
    """The sum of all lanes, halves to halves: ((0+4) + (2+6)) + ((1+5) + (3+7)) of eight."""
    _check_vec(v)

    def codegen(context, builder, sig, args):
        return _reduce(builder, args[0], operator.add)

    return v.dtype(v), codegen


@intrinsic(prefer_literal=True)
def vsum_groups(typingctx, v, step, count):
    """In every lane the sum of a group of `count` lanes that lie `step` apart; literal powers of 2.

    Lane i is joined to the one whose number differs in a bit, so all of a group have the same bits.
    """
    _check_vec(v)
    if not all(isinstance(t, types.IntegerLiteral) for t in (step, count)):
        raise TypingError(f"groups of lanes have literal numbers, not {step} and {count}")

    def codegen(context, builder, sig, args):
        total, bit = Value(builder, args[0]), step.literal_value
        while bit < step.literal_value * count.literal_value:
            index = ir.VectorType(ir.IntType(32), v.lanes)([i ^ bit for i in range(v.lanes)])
            total += Value(builder, builder.shuffle_vector(total.value, total.value, index))
            bit *= 2
        return total.value

    return v(v, step, count), codegen


@intrinsic
def vmax(typingctx, v):
    """The greatest of all lanes, down the same tree. A NaN may get lost."""
    _check_vec(v)

    def codegen(context, builder, sig, args):
        return _reduce(builder, args[0], lambda low, high: (high > low).choose(high, low))

    return v.dtype(v), codegen
