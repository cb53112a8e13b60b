"""A fixed-width vector type for Numba kernels, with the same bits on every CPU.

    @njit(error_model="numpy")
    def squash(x, out):
        n = lanes(x)  # 8 float64 or 16 float32: 64 bytes
        for i in range(0, x.size, n):
            store(out, i, 1 / (1 + absolute(load(x, i))))

The width is logical: where registers are narrower LLVM splits a vector, so the order of every sum
stays the same. The target contracts, reassociates and approximates nothing: `fma` rounds once where
it is written, and reductions run down a fixed tree. Only ``fastmath`` in a caller would undo that.

A scalar beside a vector is cast to its dtype and broadcast: ``1 - v``, ``fma(eta, d, w)``.
Elementwise functions take plain floats too, and `load` and `splat` a literal lane count for
narrower vectors: a lane has the same bits at every width.
"""

import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
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

from mlp_fast.kernels.simd.value import Value

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
    """Represented in LLVM by an LLVM vector."""

    def __init__(self, dmm, fe_type):
        element = dmm.lookup(fe_type.dtype).get_value_type()
        super().__init__(dmm, fe_type, ir.VectorType(element, fe_type.lanes))


def vec_of(like: types.Type, count: types.Type | None = None) -> Vec:
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


def broadcast(builder: ir.IRBuilder, scalar: ir.Value, t: ir.VectorType) -> ir.Value:
    """The scalar in every lane of a vector of this LLVM type."""
    one = builder.insert_element(t(ir.Undefined), scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(one, one, ir.VectorType(ir.IntType(32), t.count)(None))


@lower_cast(types.Number, Vec)
def _cast_to_vec(context, builder, fromty, toty, value):
    scalar = context.cast(builder, value, fromty, toty.dtype)
    return broadcast(builder, scalar, context.get_value_type(toty))


@intrinsic(prefer_literal=True)
def splat(typingctx, scalar, like=None):
    """`scalar` in every lane; `like` is a literal lane count, or an array, dtype or vector."""
    counted = like is None or isinstance(like, (types.Integer, types.NoneType))
    vec = vec_of(scalar, like) if counted else vec_of(like)

    def codegen(context, builder, sig, args):
        return args[0]  # broadcast by the cast to the signature below

    return vec(vec, like or types.none), codegen


@intrinsic
def lanes(typingctx, like):
    """How many lanes a vector has: a full one of this array or dtype, or this very one."""
    count = vec_of(like).lanes

    def codegen(context, builder, sig, args):
        return context.get_constant(types.intp, count)

    return types.literal(count)(like), codegen


def check_vec(v: types.Type) -> None:
    """Raise TypingError unless this is a vector type."""
    if not isinstance(v, Vec):
        raise TypingError(f"only vectors are reduced, not {v}")


# --- elementwise operators and functions ----------------------------------------------------------


def elementwise(formula: Callable) -> Any:
    """Make a formula on `Value` a Numba function of vectors (scalars broadcast) or of floats.

    The formula itself is kept as its attribute `formula`.
    """

    def define(typingctx, *args):
        t = _common(formula.__name__, typingctx, args)

        def codegen(context, builder, sig, args):
            return formula(*(Value(builder, a) for a in args)).value

        return t(*[t] * len(args)), codegen

    define.__name__, define.__doc__ = formula.__name__, formula.__doc__
    function = _intrinsic_of(define, [*inspect.signature(formula).parameters])
    function.formula = formula
    return function


def by_code(name: str, formulas: Sequence[Callable]) -> Any:
    """Make a Numba function (code, *values) that applies the formula of index `code` elementwise.

    All formulas have the same parameters. Codes out of range select the last.
    """

    def define(typingctx, code, *args):
        t = _common(name, typingctx, args)

        def codegen(context, builder, sig, args):
            code, *values = args
            done, results = builder.append_basic_block("done"), []
            blocks = [builder.append_basic_block(name) for _ in formulas]
            choice = builder.switch(code, blocks[-1])
            for i, (block, formula) in enumerate(zip(blocks, formulas, strict=True)):
                if i < len(formulas) - 1:
                    choice.add_case(code.type(i), block)
                builder.position_at_end(block)
                result = formula(*(Value(builder, v) for v in values)).value
                results.append((result, builder.block))
                builder.branch(done)
            builder.position_at_end(done)
            chosen = builder.phi(results[0][0].type)
            for result, block in results:
                chosen.add_incoming(result, block)
            return chosen

        return t(types.intp, *[t] * len(args)), codegen

    define.__name__ = name
    return _intrinsic_of(define, ["code", *inspect.signature(formulas[0]).parameters])


def _common(name: str, typingctx, args: tuple) -> types.Type:
    """The type that all arguments are cast to: that of the vectors, or the widest of the floats."""
    t = next((a for a in args if isinstance(a, Vec)), None) or typingctx.unify_types(*args)
    mixed = any(isinstance(a, Vec) and a != t for a in args)
    if mixed or not isinstance(getattr(t, "dtype", t), types.Float):
        raise TypingError(f"{name} takes floats or like vectors, not {args}")
    return t


def _intrinsic_of(define: Callable, names: Sequence[str]) -> Any:
    """An intrinsic whose Numba function has parameters of these names."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in ("typingctx", *names)]
    vars(define)["__signature__"] = inspect.Signature(parameters)
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
    check_vec(v)

    def codegen(context, builder, sig, args):
        numbers = ir.VectorType(ir.IntType(32), v.lanes)
        n = broadcast(builder, builder.trunc(args[1], numbers.element), numbers)
        mask = builder.icmp_signed("<", numbers(list(range(v.lanes))), n)
        return builder.select(mask, args[0], args[0].type(None))

    return v(v, types.intp), codegen


@elementwise
def fma(a, b, c):
    """a * b + c, rounded once."""
    return a.fma(b, c)


@elementwise
def maximum(a, b):
    """The greater; a if unordered, like ``max(a, b)``: NaN in a propagates, NaN in b does not."""
    return (b > a).choose(b, a)


@elementwise
def minimum(a, b):
    """The smaller; a if unordered."""
    return (b < a).choose(b, a)


@elementwise
def sqrt(x):
    """The square root, rounded correctly."""
    return x.call("sqrt")


@elementwise
def sign(x):
    """1 or -1; x itself if it is 0 or NaN."""
    return (x > 0).choose(1, (x < 0).choose(-1, x))


@elementwise
def by_sign(x, above, below, other):
    """`above` where x > 0, `below` where x < 0, `other` elsewhere."""
    return (x > 0).choose(above, (x < 0).choose(below, other))


@elementwise
def is_zero(x):
    """1 where x is 0, and 0 elsewhere."""
    return (x == 0).choose(1, x.constant(0))


@elementwise
def absolute(x):
    """x without its sign."""
    return x.call("fabs")


# --- reductions -----------------------------------------------------------------------------------


def _reduce(builder: ir.IRBuilder, v: ir.Value, join: Callable) -> ir.Value:
    """Join the upper half of v to the lower half until a single lane is left."""
    while (n := v.type.count // 2) > 0:
        index = ir.VectorType(ir.IntType(32), n)
        halves = (index(list(range(start, start + n))) for start in (0, n))
        low, high = (Value(builder, builder.shuffle_vector(v, v, half)) for half in halves)
        v = join(low, high).value
    return builder.extract_element(v, ir.IntType(32)(0))


@intrinsic
def vsum(typingctx, v):
    """The sum of all lanes, by halving: ((0+4) + (2+6)) + ((1+5) + (3+7)) for eight lanes."""
    check_vec(v)

    def codegen(context, builder, sig, args):
        return _reduce(builder, args[0], operator.add)

    return v.dtype(v), codegen


@intrinsic(prefer_literal=True)
def vsum_groups(typingctx, v, step, count):
    """In each lane the sum of its group: `count` lanes that lie `step` apart, literal powers of 2.

    A butterfly: each lane adds the one whose index differs in one bit, so a group's bits are equal.
    """
    check_vec(v)
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
    """The greatest of all lanes, by the same tree; NaN may get lost."""
    check_vec(v)

    def codegen(context, builder, sig, args):
        return _reduce(builder, args[0], lambda low, high: (high > low).choose(high, low))

    return v.dtype(v), codegen
