"""Array views that Numba itself cannot make."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mlp_fast.kernels.compile.jit import inlined
from mlp_fast.kernels.simd.types import Floats


@intrinsic
def as_writable(typingctx, array):
    """View a read-only array as any other, so that code which reads both is compiled once."""
    t = types.Array(array.dtype, array.ndim, array.layout, aligned=array.aligned)

    def codegen(context, builder, sig, args):
        return args[0]  # it is the same structure

    return t(array), codegen


@inlined
def flat(X: Floats) -> Floats:
    """Return a matrix's rows end to end, as one array that must not be written to."""
    return as_writable(X.reshape(X.size))


SCRATCH = 1024  # elements


@intrinsic
def scratch(typingctx, like):
    """Return a stack buffer of SCRATCH elements, of `like`'s dtype, for this call of the kernel."""
    from numba.np import arrayobj  # slow to import; compiling imports it anyway

    t = types.Array(like.dtype, 1, "C")

    def codegen(context, builder, sig, args):
        array = context.make_array(t)(context, builder)
        element = context.get_data_type(t.dtype)
        itemsize = context.get_constant(types.intp, t.dtype.bitwidth // 8)
        arrayobj.populate_array(
            array,
            data=cgutils.alloca_once(builder, element, size=SCRATCH),
            shape=[context.get_constant(types.intp, SCRATCH)],
            strides=[itemsize],
            itemsize=itemsize,
            meminfo=None,
        )
        return array._getvalue()

    return t(like), codegen
