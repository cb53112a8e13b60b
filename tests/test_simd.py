"""Tests of simd.py: operations against NumPy, accuracy in ulp, special values, bounds, bits."""

import hashlib
import math
import os
import re
import subprocess
import sys

import fit_simd
import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

import mlp_fast
from mlp_fast.kernels.simd import transcendental
from mlp_fast.kernels.simd.memory import load, load_first, store
from mlp_fast.kernels.simd.vector import (
    absolute,
    bits,
    by_code,
    fma,
    lanes,
    maximum,
    splat,
    vmax,
    vsum,
)

DTYPES = [np.float64, np.float32]
FUNCTIONS = {
    "exp": transcendental.exp,
    "log": transcendental.log,
    "tanh": transcendental.tanh,
    "sigmoid": njit(lambda x: transcendental.sigmoid(x, np.float32(1))),
}
# measured maxima plus a little: exp 0.94, log 0.84, tanh 1.60, sigmoid 1.77
MAX_ULP = {"exp": 1.0, "log": 0.9, "tanh": 1.7, "sigmoid": 2.5}
DENORMAL = {np.float64: 5e-324, np.float32: 1e-45}


def over_array(function):
    """The kernel out[: x.size] = function(x), whole vectors and a tail, for which `out` has one."""

    @njit(error_model="numpy", nogil=True)
    def kernel(x, out):
        n = lanes(x)
        tail = x.size % n
        for i in range(0, x.size - tail, n):
            store(out, i, function(load(x, i)))
        v = function(load_first(x, x.size - tail, tail))
        store(out, out.size - n, v)

    return kernel


KERNELS = {name: over_array(function) for name, function in FUNCTIONS.items()}


def run(name, x):
    count = 64 // x.itemsize
    out = np.empty(x.size // count * count + count, x.dtype)
    KERNELS[name](x, out)
    return out[: x.size]


@pytest.fixture(params=DTYPES, ids=lambda d: d.__name__)
def dtype(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# --- operations -----------------------------------------------------------------------------------


def apply(function, *arrays):
    """function(vectors of the arrays) -> array of one full vector."""
    n = len(arrays)
    body = njit(error_model="numpy")(function)

    @njit(error_model="numpy")
    def one(a, out):
        store(out, 0, body(load(a, 0)))

    @njit(error_model="numpy")
    def two(a, b, out):
        store(out, 0, body(load(a, 0), load(b, 0)))

    @njit(error_model="numpy")
    def three(a, b, c, out):
        store(out, 0, body(load(a, 0), load(b, 0), load(c, 0)))

    out = np.empty_like(arrays[0])
    (one, two, three)[n - 1](*arrays, out)
    return out


def random_vectors(rng, dtype, k):
    return [rng.standard_normal(64 // np.dtype(dtype).itemsize).astype(dtype) for _ in range(k)]


def test_arithmetic(dtype, rng):
    a, b = random_vectors(rng, dtype, 2)
    for function in (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: -a + b,
        lambda a, b: a * 2 - b / 4.0,
        lambda a, b: 1 - a + 0.5 * b,
        lambda a, b: 1 / (a + b),
    ):
        np.testing.assert_array_equal(apply(function, a, b), function(a, b))


def test_scalar_is_rounded_to_the_vectors_dtype(dtype, rng):
    (a,) = random_vectors(rng, dtype, 1)
    np.testing.assert_array_equal(apply(lambda a: a * 0.1, a), a * dtype(0.1))


def test_in_place_and_scalar_start():
    @njit
    def total(x):
        acc = 0.0
        acc = acc + load(x, 0)
        acc += load(x, 8)
        return vsum(acc)

    assert total(np.ones(16)) == 16


def test_fma_rounds_once(dtype):
    eps = np.finfo(dtype).eps
    n = 64 // np.dtype(dtype).itemsize
    a, c = np.full(n, 1 + eps, dtype), np.full(n, -(1 + 2 * eps), dtype)
    assert (apply(lambda a, b, c: fma(a, b, c), a, a, c) == eps * eps).all()
    assert (apply(lambda a, b, c: a * b + c, a, a, c) == 0).all()


def test_comparisons(dtype, rng):
    a, b = random_vectors(rng, dtype, 2)
    b[::3] = a[::3]
    b[1] = np.nan
    for function in (
        lambda a, b: a < b,
        lambda a, b: a <= b,
        lambda a, b: a > b,
        lambda a, b: a >= b,
        lambda a, b: a == b,
        lambda a, b: a != b,
        lambda a, b: a > 0,
    ):
        compare = njit(function)
        found = njit(lambda a, b: bits(compare(load(a, 0), load(b, 0))))(a, b)  # noqa: B023
        assert found == sum(1 << i for i, yes in enumerate(function(a, b)) if yes)


def test_maximum_keeps_a_nan_in_front(dtype, rng):
    a, b = random_vectors(rng, dtype, 2)
    a[0], b[1] = np.nan, np.nan
    expected = [max(p, q) for p, q in zip(a, b, strict=True)]
    np.testing.assert_array_equal(apply(lambda a, b: maximum(a, b), a, b), expected)
    relu = apply(lambda a: maximum(a, 0), a)
    np.testing.assert_array_equal(relu, np.maximum(a, 0))


def test_absolute(dtype, rng):
    (a,) = random_vectors(rng, dtype, 1)
    np.testing.assert_array_equal(apply(lambda a: absolute(a), a), abs(a))


def test_the_formula_of_a_code_is_computed(dtype, rng):
    (a,) = random_vectors(rng, dtype, 1)
    formulas = [lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x - y]
    one_of = by_code("one_of", formulas)
    of_vectors = njit(lambda code, a, out: store(out, 0, one_of(code, load(a, 0), 3)))
    of_numbers = njit(lambda code, x, y: one_of(code, x, y))
    for code, formula in enumerate(formulas):
        out = np.empty_like(a)
        of_vectors(code, a, out)
        np.testing.assert_array_equal(out, formula(a, dtype(3)))
        assert of_numbers(code, a[0], a[1]) == formula(a[0], a[1])


def test_vsum_is_a_tree(dtype, rng):
    (a,) = random_vectors(rng, dtype, 1)
    v = a
    while v.size > 1:
        v = v[: v.size // 2] + v[v.size // 2 :]
    assert njit(lambda a: vsum(load(a, 0)))(a) == v[0]
    assert njit(lambda a: vmax(load(a, 0)))(a) == a.max()


def test_lanes_splat_extract(dtype):
    x = np.arange(32, dtype=dtype)
    n = 64 // np.dtype(dtype).itemsize

    @njit
    def f(x, j):
        v = load(x, 1, lanes(x))
        w = load(x, 2, 2)
        s = splat(x[3], 4)
        return (lanes(x), lanes(x.dtype), lanes(v), lanes(w), lanes(s)), (
            v[3], v[j], w[0], s[3], splat(7, x)[1], splat(2, v)[0], splat(x[5])[0], splat(1, w)[1],
        )  # fmt: skip

    counts, values = f(x, 2)
    assert counts == (n, n, n, 2, 4)
    assert values == (4, 3, 2, 3, 7, 2, 5, 1)


@pytest.mark.parametrize(
    ("dtype", "n"), [(d, n) for d in DTYPES for n in range(64 // np.dtype(d).itemsize + 1)]
)
def test_first_lanes(dtype, n):
    full = 64 // np.dtype(dtype).itemsize
    x = np.arange(1, n + 4, dtype=dtype)[: n + 3]
    out = np.full(full + 4, 9, dtype)

    @njit
    def f(x, out, n):
        store(out, 0, load_first(x, 3, n))

    f(x, out, n)
    np.testing.assert_array_equal(out[:full], np.append(x[3:], np.zeros(full - n)))
    assert (out[full:] == 9).all()


def test_narrow_vectors_and_scalars_have_the_same_bits(dtype, rng):
    x = rng.uniform(-5, 5, 16).astype(dtype)
    for name, function in FUNCTIONS.items():
        outs = np.empty((3, 16), dtype)
        narrow_kernel(function)(x, *outs)
        np.testing.assert_array_equal(outs, np.tile(run(name, x), (3, 1)))


def narrow_kernel(function):
    @njit(error_model="numpy")
    def f(x, by2, by4, by1):
        for i in range(0, x.size, 2):
            store(by2, i, function(load(x, i, 2)))
        for i in range(0, x.size, 4):
            store(by4, i, function(load(x, i, 4)))
        for i in range(x.size):
            by1[i] = function(x[i])

    return f


def test_read_only_arrays_load_but_do_not_store():
    x = np.arange(8.0)
    x.flags.writeable = False
    assert njit(lambda x: vsum(load(x, 0)))(x) == 28
    with pytest.raises(TypingError, match="cannot store"):
        njit(lambda x: store(x, 0, load(x, 0)))(x)


@pytest.mark.parametrize(
    "x", [np.zeros((8, 8)), np.zeros(64)[::2], np.zeros(8, np.int64)], ids=["2-D", "strided", "int"]
)
def test_unsuitable_arrays_do_not_compile(x):
    with pytest.raises(TypingError, match="vector"):
        njit(lambda x: vsum(load(x, 0)))(x)


def test_mixed_types_do_not_compile():
    with pytest.raises(TypingError, match="only vectors"):
        njit(lambda a: vsum(a))(np.zeros(16))
    with pytest.raises(TypingError):
        njit(lambda a, b: vsum(load(a, 0) + load(b, 0)))(np.zeros(16), np.zeros(16, np.float32))
    with pytest.raises(TypingError, match="like vectors"):
        njit(lambda a: vsum(fma(load(a, 0), load(a, 0, 2), 1)))(np.zeros(16))


# --- accuracy -------------------------------------------------------------------------------------


def reference(name, x):
    x = x.astype(np.longdouble)
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            e = np.exp(-abs(x))
            return np.where(x < 0, e, 1) / (1 + e)
        return getattr(np, name)(x)


def ulp_errors(y, exact):
    """|y - exact| in units of the last place of the correctly rounded result."""
    with np.errstate(all="ignore"):
        right = exact.astype(y.dtype)
        error = abs(y.astype(np.longdouble) - exact) / np.spacing(abs(right))
    same = (y == right) | (np.isnan(y) & np.isnan(right))
    return np.where(same & ~np.isfinite(error), 0, np.where(np.isnan(error), np.inf, error))


def stratified(dtype, rng, per_binade, exponents=None):
    """Both signs, `per_binade` random mantissas for each exponent, all of them or biased ones."""
    info = np.finfo(dtype)
    uint = np.dtype(f"u{info.bits // 8}")
    exponent = np.repeat(np.array(exponents or range(2**info.nexp - 1), uint), per_binade)
    mantissa = rng.integers(0, 2**info.nmant, exponent.size, dtype=uint)
    x = (exponent << uint.type(info.nmant) | mantissa).view(dtype)
    return np.concatenate([x, -x])


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs an 80-bit long double")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name, dtype, rng):
    info = np.finfo(dtype)
    x = stratified(dtype, rng, 500 if dtype is np.float64 else 4000)
    dense = [(-1.5, 1.5), (-25, 25), (np.log(info.tiny), np.log(info.max))]
    dense += [(np.log(info.smallest_subnormal) - 1, np.log(info.tiny))]
    x = np.concatenate([x, *(rng.uniform(*d, 500_000).astype(dtype) for d in dense)])
    if name == "sigmoid":
        x = x[~(x < np.log(info.tiny))]
    y = run(name, x)
    errors = ulp_errors(y, reference(name, x))
    worst = errors.argmax()
    assert errors[worst] <= MAX_ULP[name], (x[worst], y[worst])


def test_accuracy_of_a_steep_sigmoid(dtype, rng):
    @njit(error_model="numpy")
    def kernel(x, beta, out):
        for i in range(0, x.size, lanes(x)):
            store(out, i, transcendental.sigmoid(load(x, i), beta))

    low = np.log(np.finfo(dtype).tiny)
    for beta in (dtype(0.7), dtype(-1.3), dtype(1e3)):
        x = rng.uniform(low, 45, 1 << 16).astype(dtype) / beta
        x[:3] = np.inf, -np.inf, np.nan
        y = np.empty_like(x)
        kernel(x, beta, y)
        right = ~(x * beta < low)
        assert ulp_errors(y, reference("sigmoid", x * beta))[right].max() <= MAX_ULP["sigmoid"]
        assert (y[x * beta < 1.1 * low] == 0).all()


def test_accuracy_of_log1p(dtype, rng):
    """Of what it is for: numbers from 0 to 1, however small."""

    @njit(error_model="numpy")
    def kernel(x, out):
        for i in range(x.size):
            out[i] = transcendental.log1p(x[i])

    info = np.finfo(dtype)
    exponents = rng.uniform(np.log2(info.smallest_subnormal), 0, 1 << 17)
    x = np.concatenate([np.exp2(exponents), rng.random(1 << 17), [0, 1, info.tiny, info.eps]])
    x = x.astype(dtype)
    y = np.empty_like(x)
    kernel(x, y)
    exact = np.log1p(x.astype(np.longdouble))
    assert ulp_errors(y, exact).max() <= 1.5
    assert y[x == 0].tolist() == [0]
    kernel(np.full_like(x, np.nan), y)
    assert np.isnan(y).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy_against_mpmath(name, rng):
    """The long double reference is itself only 64 bits wide: check many against 40 digits."""
    mpmath = pytest.importorskip("mpmath")
    x = np.concatenate(
        [
            stratified(np.float64, rng, 1),
            stratified(np.float64, rng, 2000, range(1023 - 8, 1023 + 6)),
            rng.uniform(-700, 700, 1000),
        ]
    )
    if name != "tanh":
        x = x[x > 0] if name == "log" else x[abs(x) < 700]
    functions = {"sigmoid": lambda x: 1 / (1 + mpmath.exp(-x))}
    exact = functions.get(name) or getattr(mpmath, name)
    with mpmath.workdps(40):
        y = run(name, x)
        pairs = zip(x.tolist(), y.tolist(), strict=True)
        errors = [float(abs(yi - exact(mpmath.mpf(xi)))) for xi, yi in pairs]
    errors /= np.spacing(abs(y))
    worst = errors.argmax()
    assert errors[worst] <= MAX_ULP[name], (x[worst], y[worst])


@njit(error_model="numpy", nogil=True)
def _worst(x, y, spacing, which):
    """Largest error in ulp of float32 y against float64, and where; a wrong inf or NaN is huge."""
    worst, at = 0.0, 0
    for i in range(x.size):
        z = np.float64(x[i])
        if which == 0:
            exact = np.exp(z)
        elif which == 1:
            exact = np.log(z)
        elif which == 2:
            exact = np.tanh(z)
        else:
            exact = 1 / (1 + np.exp(-z))
        right = np.float32(exact)
        if (y[i] == right and math.isinf(right)) or (math.isnan(y[i]) and math.isnan(right)):
            continue
        error = abs(np.float64(y[i]) - exact) / spacing[(right.view(np.uint32) >> 23) & 255]
        if not error <= worst:
            worst, at = error, i
    return worst, at


def exhaustive(name, chunk=1 << 22):
    exponent = np.maximum(np.arange(256), 1) - 127 - 23
    spacing = np.ldexp(1.0, exponent)
    worst, at = 0.0, None
    for start in range(0, 1 << 32, chunk):
        x = np.arange(start, start + chunk, dtype=np.uint32).view(np.float32)
        if name == "sigmoid":
            x[x < np.log(np.finfo(x.dtype).tiny)] = 0
        error, i = _worst(x, run(name, x), spacing, list(FUNCTIONS).index(name))
        if not error <= worst:
            worst, at = error, x[i]
    return worst, at


@pytest.mark.slow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_floats(name):
    """Every float32, about a minute each."""
    worst, at = exhaustive(name)
    assert worst <= MAX_ULP[name], at


# --- special values -------------------------------------------------------------------------------


def assert_same_bits(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    number = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(actual[number]), np.signbit(expected[number]))


def test_special_values(dtype):
    inf, nan, tiny = np.inf, np.nan, DENORMAL[dtype]
    big, small = np.finfo(dtype).max, np.finfo(dtype).tiny
    # fmt: off
    table = {
        "exp": [(0, 1), (-0.0, 1), (tiny, 1), (-tiny, 1), (inf, inf), (-inf, 0), (nan, nan)]
        + [(big, inf), (-big, 0), (710, inf), (-746, 0)],
        "log": [(0, -inf), (-0.0, -inf), (1, 0), (inf, inf), (-inf, nan), (nan, nan)]
        + [(-1, nan), (-tiny, nan), (-big, nan), (tiny, math.log(dtype(tiny)))]
        + [(small, math.log(small)), (big, math.log(big))],
        "tanh": [(0, 0), (-0.0, -0.0), (tiny, tiny), (-tiny, -tiny), (small, small), (nan, nan)]
        + [(inf, 1), (-inf, -1), (big, 1), (-big, -1), (20, 1), (-20, -1)],
        "sigmoid": [(0, 0.5), (-0.0, 0.5), (inf, 1), (-inf, 0), (nan, nan), (big, 1), (-big, 0)],
    }
    # fmt: on
    for name, pairs in table.items():
        x, expected = np.array(pairs, dtype).T.copy()
        assert_same_bits(run(name, x), expected)


def test_saturation(dtype):
    """Up to exactly 1 and never above; tanh stays there, and sigmoid at 0 on the other side."""
    x = np.linspace(0, 45, 1_000_001).astype(dtype)
    for name in ("tanh", "sigmoid"):
        y = run(name, x)
        assert y.max() == 1
        assert (y[y.argmax() :] == 1).all()
    low = np.log(np.finfo(dtype).tiny)
    y = run("sigmoid", np.linspace(low, 1.1 * low, 100_001).astype(dtype))
    assert (y[y.argmin() :] == 0).all()
    assert y[y > 0].min() > 0.7 * np.finfo(dtype).tiny


def test_exp_goes_gradually_to_zero_and_to_inf(dtype):
    low, high = (-745.2, -708) if dtype is np.float64 else (-104, -87)
    x = np.linspace(low, high, 10_001).astype(dtype)
    assert ulp_errors(run("exp", x), reference("exp", x)).max() <= 1
    last = dtype(709.782712893384) if dtype is np.float64 else dtype(88.72283)
    y = run("exp", np.array([last, np.nextafter(last, dtype(np.inf))]))
    assert np.isfinite(y[0])
    assert y[1] == np.inf


# --- other processes: bounds, bits, assembly ------------------------------------------------------

HERE = os.pathsep.join(
    [os.path.dirname(os.path.abspath(__file__)), *map(os.path.dirname, mlp_fast.__path__)]
)


def python(code, **environment):
    environment = {**os.environ, "PYTHONPATH": HERE, **environment}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, text=True, capture_output=True, check=True
    ).stdout


BOUNDS = """
import numpy as np
from numba import njit
from mlp_fast.kernels.simd.memory import *
from mlp_fast.kernels.simd.vector import *
kernels = dict(
    load=njit(lambda x, i: vsum(load(x, i))),
    store=njit(lambda x, i: store(x, i, splat(0, x))),
    load_first=njit(lambda x, i: vsum(load_first(x, i, 3))),
)
for name, f in kernels.items():
    for dtype in (np.float64, np.float32):
        count = 3 if "first" in name else 64 // np.dtype(dtype).itemsize
        for i in (-1, 0, 1, 20 - count, 21 - count, 1 << 62, -(1 << 62)):
            try:
                f(np.zeros(20, dtype), i)
                outcome = "fine"
            except IndexError:
                outcome = "IndexError"
            expected = "fine" if 0 <= i <= 20 - count else "IndexError"
            assert outcome == expected, (name, dtype, i, outcome)
print("done")
"""


def test_bounds_are_checked_on_request():
    assert python(BOUNDS, NUMBA_BOUNDSCHECK="1") == "done\n"


def test_bounds_are_not_checked_otherwise():
    code = """
import numpy as np
from numba import njit
from mlp_fast.kernels.simd.memory import *
from mlp_fast.kernels.simd.vector import *
f = njit(lambda x, i: vsum(load(x, i)))
f(np.zeros(20), 0)
print("out of bounds" in f.inspect_llvm(f.signatures[0]), f(np.zeros(20), 0))
"""
    assert python(code, NUMBA_BOUNDSCHECK="0") == "False 0.0\n"


def digest():
    """A hash of the bits of everything that rounds."""
    sha = hashlib.sha256()

    @njit(error_model="numpy")
    def reduce(x, y, out):
        acc = splat(0, x)
        for i in range(0, x.size, lanes(x)):
            acc = fma(load(x, i), load(y, i), acc * 0.9 + 0.1)
            out[i] = vsum(acc / load(y, i))
            out[i + 1] = vmax(absolute(acc))

    for dtype in DTYPES:
        rng = np.random.default_rng(7)
        x = stratified(dtype, rng, 20 if dtype is np.float64 else 200)
        x = np.concatenate([x, rng.uniform(-30, 30, 20_001).astype(dtype)])
        for name in FUNCTIONS:
            y = run(name, x)
            y[np.isnan(y)] = np.nan  # any NaN will do
            sha.update(y.tobytes())
        x, y, out = rng.standard_normal((3, 1600)).astype(dtype)
        reduce(x, y, out)
        sha.update(out.tobytes())
    return sha.hexdigest()


@pytest.mark.parametrize("cpu", ["haswell", "skylake-avx512", "znver4", "x86-64", "generic"])
def test_same_bits_on_every_target(cpu):
    code = "import test_simd; print(test_simd.digest())"
    other = python(code, NUMBA_CPU_NAME=cpu, NUMBA_CPU_FEATURES="")
    assert other.strip() == digest()


@njit(error_model="numpy")
def calling(x, out):
    out[0] = math.exp(x[0])


def symbols_in(assembly):
    return set(re.findall(r"\$(\w+), %r\w+$", assembly, re.MULTILINE))


def test_haswell_has_vectors_of_its_own_and_no_calls():
    code = """
import numpy as np, test_simd
for kernel in (*test_simd.KERNELS.values(), test_simd.calling):
    x = np.ones(32)
    kernel(x, x.copy())
    print(*kernel.inspect_asm().values(), sep="\\n")
    print("---")
"""
    *ours, libms, _ = python(code, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="").split("---\n")
    assembly = "\n".join(ours)
    assert "ymm" in assembly
    assert "zmm" not in assembly
    assert "exp" in symbols_in(libms)  # so that what is not there could have been seen
    of_libm = {"exp", "log", "tanh", "fma", "rint", "nearbyint", "floor", "memset"}
    assert symbols_in(assembly) & of_libm == set()


def test_disk_cache(tmp_path):
    (tmp_path / "cached.py").write_text(
        "from numba import njit\n"
        "from mlp_fast.kernels.simd.memory import load\n"
        "from mlp_fast.kernels.simd.vector import splat, vsum\n"
        "from mlp_fast.kernels.simd.transcendental import exp\n"
        "@njit(cache=True)\n"
        "def half(v):\n"
        "    return exp(v * splat(0.5, v))\n"
        "@njit(cache=True)\n"
        "def f(x):\n"
        "    return vsum(half(load(x, 0, 4)))\n"
    )
    code = "import numpy as np; from cached import f; f(np.ones(8));"
    code += "print(sum(f.stats.cache_hits.values()))"
    path = os.pathsep.join([HERE, str(tmp_path)])
    environment = {"PYTHONPATH": path, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    hits = [
        subprocess.run(
            command, env={**os.environ, **environment}, text=True, capture_output=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert hits == ["0\n", "1\n"]


@pytest.mark.slow
def test_coefficients_are_those_of_the_fit():
    """The polynomials can be derived again: see fit_simd.py."""
    for width, *degrees in ((64, 9, 6, 4), (32, 4, 2, 1)):
        formulas = transcendental.FORMATS[width]
        assert fit_simd.coefficients(*degrees) == (formulas.exp, formulas.log, formulas.tanh)
