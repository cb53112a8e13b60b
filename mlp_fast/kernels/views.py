"""Views that Numba has no words for."""

from numba import types
from numba.extending import intrinsic

from mlp_fast.kernels.arguments import Floats
from mlp_fast.kernels.jit import inlined


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
