"""Kernels and inner kernels: who can call what, and what compiling leaves as it was."""

import contextlib
import gc

import pytest
from numba import njit, types
from numba.core.errors import TypingError
from numba.extending import intrinsic
from processes import run

from mlp_fast.kernels.compile import compiler, jit
from mlp_fast.kernels.compile.frames import with_room
from mlp_fast.kernels.compile.jit import inner_kernel, kernel


@pytest.fixture(autouse=True)
def apart(monkeypatch, tmp_path):
    """Keep the kernels that a test makes apart from those of the package."""
    monkeypatch.setattr(jit, "KERNELS", [])
    monkeypatch.setattr(jit, "INNER_KERNELS", [])
    monkeypatch.setenv("MLP_FAST_CACHE_DIR", str(tmp_path))


def test_an_inner_kernel_is_refused_to_python():
    with pytest.raises(TypeError, match="double is an inner kernel: only kernels can call it"):
        inner_kernel(double)(1.0)


@pytest.mark.parametrize("compiled", [kernel, njit])
def test_a_kernel_has_all_that_inner_kernels_reach(compiled):
    deepest = inner_kernel(double)

    @inner_kernel(inline=False)
    def inner(x):
        return 1 + deepest(x) * deepest(x + 1)

    @inner_kernel
    def other(x):
        return inner(x) - deepest(x)

    def outer(x):
        return other(x) + inner(x)

    assert compiled(outer)(2.0) == (1 + 4 * 6 - 4) + (1 + 4 * 6)
    assert [len(k.signatures) for k in (deepest, inner, other)] == [1, 1, 1]


def double(x):
    return 2 * x


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_collector_is_paused_while_a_kernel_compiles_and_then_as_it_was(before, fails):
    seen = []

    @intrinsic
    def look(typingctx, x):
        seen.append(gc.isenabled())
        if fails:
            raise TypingError("on purpose")
        return x(x), lambda context, builder, sig, args: args[0]

    def called(x):
        return look(x)

    was = gc.isenabled()
    try:
        (gc.enable if before else gc.disable)()
        with pytest.raises(TypingError, match="on purpose") if fails else contextlib.nullcontext():
            kernel(called).compile((types.float64,))
        assert gc.isenabled() == before
    finally:
        (gc.enable if was else gc.disable)()
    assert seen
    assert not any(seen)


OUTSIDE = """
import numpy as np
from mlp_fast.kernels.compile.jit import inner_kernel, kernel
from mlp_fast.kernels.simd.memory import load
from mlp_fast.kernels.simd.vector import vsum

@inner_kernel
def inner(x, i):
    return x[i] + vsum(load(x, 8 * i))

@kernel
def outer(x, i):
    return inner(x, i)

print(outer(np.ones(24), 1))
for i in (3, 24):
    try:
        outer(np.ones(24), i)
    except IndexError as error:
        print(error)
"""


def test_bounds_are_checked_in_inner_kernels_too(tmp_path):
    for _ in "compiled", "loaded":
        out = run(OUTSIDE, tmp_path, NUMBA_BOUNDSCHECK="1")
        assert out.splitlines() == ["9.0", "vector is out of bounds", "index is out of bounds"]


def test_frames_of_a_deep_recursion_are_not_allocated_again_and_again():
    resource = pytest.importorskip("resource")

    def deep(depth):
        return deep(depth - 1) if depth else 0

    def page_faults(call):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(1000):
            call(deep, 600)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    without = page_faults(lambda function, depth: function(depth))
    within = with_room(page_faults, lambda function, depth: function(depth))
    assert without > 1000  # or CPython no longer needs this
    assert within < without / 5


def test_kernels_are_compiled_where_there_is_room(monkeypatch):
    called = []

    def noted(function, *arguments):
        called.append(function.__name__)
        return with_room(function, *arguments)

    monkeypatch.setattr(compiler, "with_room", noted)

    @kernel
    def nothing(x):
        return x

    assert nothing(1.0) == 1.0
    assert called == ["compile_extra"]
