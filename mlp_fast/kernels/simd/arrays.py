"""Views that Numba has no words for."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mlp_fast.kernels.compile.jit import inlined
from mlp_fast.kernels.simd.types import Floats


@intrinsic
def unlocked(typingctx, array):
    """Take a read-only array for any other, so that what reads both is compiled once."""
    t = types.Array(array.dtype, array.ndim, array.layout, aligned=array.aligned)

    def codegen(context, builder, sig, args):
        return args[0]  # it is the same structure

    return t(array), codegen


@inlined
def flat(X: Floats) -> Floats:
    """Return the rows of a matrix end to end; nobody may write to them."""
    return unlocked(X.reshape(X.size))


SCRATCH = 1024  # numbers


@intrinsic
def scratch(typingctx, like):
    """Return SCRATCH numbers of an array's dtype, which last as long as the call of the kernel."""
    from numba.np import arrayobj  # which takes long to import, and compiling does so anyway

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
