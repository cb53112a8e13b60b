"""How kernels are compiled: together with the inner kernels that they call, as one piece of code.

Numba gives every function two wrappers and machine code of its own, and links and optimizes it with
all that it calls, and again in each of its callers. A function that only kernels call needs none of
that: it is typed, lowered and optimized alone, once, and then becomes a part of the kernels that
call it. A first call compiles in two thirds of the time.
"""

from collections.abc import Callable
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import LoweringPass, register_pass
from numba.core.typed_passes import NativeLowering

from mlp_fast.kernels.compile.collector import paused_collector
from mlp_fast.kernels.compile.frames import with_room
from mlp_fast.kernels.compile.notice import NOTICE


class KernelCompiler(Compiler):  # type: ignore[misc]  # Numba ships no types
    """Numba's compiler, for a kernel."""

    def compile_extra(self, function: Callable[..., Any]) -> Any:
        """Compile a kernel, and in doing so the inner kernels that are not compiled yet.

        Every compilation of a kernel is a call of this method; what is loaded from disk is not.
        """
        with NOTICE.of_compiling(), paused_collector():
            return with_room(super().compile_extra, function)


class InnerCompiler(Compiler):  # type: ignore[misc]  # as above
    """Numba's compiler, for an inner kernel."""

    def define_pipelines(self) -> list[Any]:
        """Return Numba's passes, without those that make wrappers and machine code."""
        state, flags = self.state, self.state.flags
        state.library = _InnerLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
        (passes,) = super().define_pipelines()
        passes.add_pass_after(_MakeCallable, NativeLowering)
        passes.finalize()
        return [passes]


@register_pass(mutates_CFG=False, analysis_only=False)
class _MakeCallable(LoweringPass):  # type: ignore[misc]  # as above
    """Let kernels call an inner one, by a key in place of the Python function that Numba makes."""

    _name = "mlp_fast_make_callable"

    def __init__(self) -> None:
        LoweringPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Register the code, and all that it calls, under a key of its own."""
        key, code = object(), state.library
        linked = [*dict.fromkeys([code, *code._linking_libraries])]
        state.targetctx.insert_user_function(key, state.cr.fndesc, linked)
        state.cr = state.cr._replace(cfunc=key)
        return True


class _InnerLibrary(JITCodeLibrary):  # type: ignore[misc]  # as above
    """The LLVM code of one inner kernel."""

    def finalize(self) -> None:
        """Optimize the code, but neither link what it calls nor make machine code: callers do.

        Kernels would be up to 5% slower if it were optimized only in them.
        """
        self._optimize_final_module()
        self._finalized = True
