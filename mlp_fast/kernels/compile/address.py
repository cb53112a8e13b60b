"""Calls of compiled kernels by their address, so that a kernel need not be compiled with each.

An update rule is a small kernel, and many kernels that train apply one: each is compiled once, and
the rule when it is used. (Numba would compile a kernel anew for every function that it is given.)
"""

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError
from numba.extending import intrinsic


def address_of(kernel: Any, *arguments: Any) -> int:
    """Return the address of a kernel's machine code for arguments of exactly these types."""
    if not isinstance(kernel, Dispatcher):
        raise TypeError(f"the kernel of a rule must be compiled by @kernel; got {kernel!r}")
    signature = tuple(map(numba.typeof, arguments))
    kernel.compile(signature)
    compiled = kernel.overloads[signature]
    if compiled.signature.return_type != types.none:  # nobody would make room for it
        raise TypeError(f"the kernel of a rule must return nothing; {kernel.py_func.__name__} does")
    address: int = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return address


@intrinsic
def call_rule(typingctx, address, theta, gradient, state, eta):
    """Call the kernel of an update rule, which returns nothing, by its address.

    Nothing can check what is there; so the arguments have the only types that a rule may have.
    """
    array = types.Array(theta.dtype, 1, "C")
    numbers = types.Array(types.float64, 1, "C")
    expected = (array, array, array, numbers, numbers)
    if (theta, gradient, eta) != (array, array, types.float64) or state.types != expected:
        raise TypingError(f"no rule is compiled for {theta}, {gradient}, {state}, {eta}")
    signature = types.void(types.int64, theta, gradient, state, eta)

    def codegen(context, builder, sig, args):
        convention, arguments = context.call_conv, sig.args[1:]
        function = convention.get_function_type(types.void, arguments)
        callee = builder.inttoptr(args[0], ir.PointerType(function))
        status, _ = convention.call_function(builder, callee, types.void, arguments, args[1:])
        with builder.if_then(status.is_error, likely=False):  # a bound, where they are checked
            convention.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return signature, codegen
