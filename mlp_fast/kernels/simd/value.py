"""LLVM instructions as Python operators, so that the formulas of kernels look like formulas."""

from collections.abc import Callable

from llvmlite import ir


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
    """An LLVM vector or scalar under construction.

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
        """The LLVM intrinsic of this name, whose arguments and result have this type."""
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
