"""Array views that Numba itself cannot make."""

from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic


@intrinsic
def as_writable(typingctx, array):
    """View a read-only array as any other, so that code which reads both is compiled once."""
    t = types.Array(array.dtype, array.ndim, array.layout, aligned=array.aligned)

    def codegen(context, builder, sig, args):
        return args[0]  # it is the same structure

    return t(array), codegen


@intrinsic
def as_read_only(typingctx, array):
    """View an array as one that is read-only, as the boundary passes rows."""
    t = types.Array(array.dtype, array.ndim, array.layout, readonly=True, aligned=array.aligned)

    def codegen(context, builder, sig, args):
        return args[0]  # it is the same structure

    return t(array), codegen


@intrinsic
def flat(typingctx, X):
    """A matrix's rows end to end, as one array that must not be written to."""
    if X.layout != "C":
        raise TypingError(f"only rows that lie end to end are flat, not those of {X}")
    t = types.Array(X.dtype, 1, "C", aligned=X.aligned)

    def codegen(context, builder, sig, args):
        matrix = context.make_array(sig.args[0])(context, builder, args[0])
        return _array(context, builder, t, matrix.data, matrix.nitems)

    return t(X), codegen


@intrinsic
def integers_in(typingctx, X):
    """A matrix's memory as integers, of which it may hold fewer than numbers."""
    t = types.Array(types.int64, 1, "C")

    def codegen(context, builder, sig, args):
        matrix = context.make_array(sig.args[0])(context, builder, args[0])
        data = builder.bitcast(matrix.data, context.get_data_type(types.int64).as_pointer())
        per_integer = context.get_constant(types.intp, 64 // X.dtype.bitwidth)
        return _array(context, builder, t, data, builder.udiv(matrix.nitems, per_integer))

    return t(X), codegen


def _array(context, builder, t, data, size):
    """An array of `size` contiguous elements, which somebody else keeps alive."""
    from numba.np import arrayobj  # slow to import; compiling imports it anyway

    array = context.make_array(t)(context, builder)
    itemsize = context.get_constant(types.intp, t.dtype.bitwidth // 8)
    shape, strides = [size], [itemsize]
    arrayobj.populate_array(array, data, shape, strides, itemsize, meminfo=None)
    return array._getvalue()


SCRATCH = 1024  # elements


@intrinsic
def scratch(typingctx, like):
    """Return a stack buffer of SCRATCH elements, of `like`'s dtype, for this call of the kernel."""
    t = types.Array(like.dtype, 1, "C")

    def codegen(context, builder, sig, args):
        data = cgutils.alloca_once(builder, context.get_data_type(t.dtype), size=SCRATCH)
        return _array(context, builder, t, data, context.get_constant(types.intp, SCRATCH))

    return t(like), codegen
