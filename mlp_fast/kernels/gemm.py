"""BLAS's matrix product on strided matrices, called by its address.

`np.dot` under Numba wants contiguous matrices and a buffer for the result; gemm takes rows that are
padded, transposes for nothing, and adds to what is there, so that an update needs no gradient.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mlp_fast.kernels.arguments import Real
from mlp_fast.kernels.jit import inlined


@inlined
def add_product(blas: int, alpha: float | Real, A: Any, B: Any, C: Any) -> None:
    """Add alpha A B to C; each matrix has unit stride along its rows or along its columns."""
    # BLAS counts by columns: for C by rows it computes the transpose, B' A'
    a, b, c = A.strides, B.strides, C.strides
    size = C.itemsize
    a_rows, b_rows = a[1] == size, b[1] == size
    _gemm(
        blas,
        (ord("N") if b_rows else ord("T"), ord("N") if a_rows else ord("T")),
        (C.shape[1], C.shape[0], A.shape[1]),
        C.dtype.type(alpha),
        B,
        max((b[0] if b_rows else b[1]) // size, B.shape[1] if b_rows else B.shape[0]),
        A,
        max((a[0] if a_rows else a[1]) // size, A.shape[1] if a_rows else A.shape[0]),
        C,
        max(c[0] // size, C.shape[1]),
    )


@intrinsic
def _gemm(typingctx, blas, transposed, shape, alpha, B, ldb, A, lda, C, ldc):
    """Call cython_blas's dgemm or sgemm: all arguments by reference, beta 1."""

    def codegen(context, builder, sig, args):
        blas, transposed, shape, alpha, B, ldb, A, lda, C, ldc = args
        int32 = ir.IntType(32)

        def reference(value):
            place = builder.alloca(value.type)
            builder.store(value, place)
            return place

        def letter(i):
            return reference(builder.trunc(builder.extract_value(transposed, i), ir.IntType(8)))

        def number(value):
            return reference(builder.trunc(value, int32))

        def data(array, t):
            return context.make_array(t)(context, builder, array).data

        m, n, k = (number(builder.extract_value(shape, i)) for i in range(3))
        call = [letter(0), letter(1), m, n, k, reference(alpha)]
        call += [data(B, sig.args[4]), number(ldb), data(A, sig.args[6]), number(lda)]
        call += [reference(alpha.type(1.0)), data(C, sig.args[8]), number(ldc)]
        function = ir.FunctionType(ir.VoidType(), [value.type for value in call])
        builder.call(builder.inttoptr(blas, function.as_pointer()), call)
        return context.get_dummy_value()

    return types.void(blas, transposed, shape, alpha, B, ldb, A, lda, C, ldc), codegen
