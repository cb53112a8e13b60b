"""exp, log, log1p and tanh of vectors and scalars, within 2 ulp, and sigmoid, within 2.5.

One formula for float32 and float64; what differs is in `FORMATS`. No branches, no tables, no calls;
infinities, NaN, zeros and denormals are treated as IEEE 754 says.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlp_fast.kernels.simd.value import Value
from mlp_fast.kernels.simd.vector import elementwise


class Format(NamedTuple):
    """The constants and polynomials of a floating-point format.

    The polynomials are minimax fits (Remez exchange in 60 digits, then rounded; tests/fit_simd.py):
    `exp` of (exp(r) - 1 - r) / r^2 in r, |r| <= log(2)/2, the error weighted by |r|^1.5 / exp(r);
    `log` of (log((1+s)/(1-s)) - 2s) / s^3 in s^2, |s| <= 3 - sqrt(8), the error weighted by s^2;
    `tanh` of (r/tanh(r) - 1) / r^2 in r^2, |r| <= log(2)/4, the error weighted by r^2.
    `ln2` is log(2) rounded, and the remainder.
    """

    bits: int
    mantissa: int
    bias: int
    ln2: tuple[float, float]
    exp_range: tuple[float, float]  # exp is surely 0 below and inf above
    sigmoid_range: tuple[float, float]  # sigmoid is 0 below and 1 above
    exp: tuple[float, ...]
    log: tuple[float, ...]
    tanh: tuple[float, ...]

    @property
    def to_exponent(self) -> float:
        """Added to a small x, it leaves the exponent field of 2^round(x) in the low bits."""
        return 1.5 * 2.0**self.mantissa + self.bias

    def pattern(self, x: float) -> int:
        """The bits of x."""
        return int(np.array(x, f"f{self.bits // 8}").view(f"i{self.bits // 8}"))


# fmt: off
FORMATS = {
    64: Format(
        bits=64, mantissa=52, bias=1023,
        ln2=(0.6931471805599453, 2.3190468138462996e-17),
        exp_range=(-746.0, 710.0), sigmoid_range=(-709.0, 40.0),
        exp=(0.5000000000000007, 0.16666666666666455, 0.04166666666655816, 0.008333333333479227,
             0.0013888888936610477, 0.0001984126951968834, 2.480150002827836e-05,
             2.7557588389723806e-06, 2.7627890467939155e-07, 2.49959783919177e-08),
        log=(0.6666666666666734, 0.3999999999941606, 0.2857142874217553, 0.2222219858802954,
             0.18183563833626593, 0.15314057302698247, 0.1479593197856033),
        tanh=(0.33333333333333204, -0.022222222221612523, 0.0021164020228589845,
              -0.00021163394775299398, 2.1187247079555812e-05),
    ),
    32: Format(
        bits=32, mantissa=23, bias=127,
        ln2=(0.6931471824645996, -1.904654299957768e-09),
        exp_range=(-105.0, 89.0), sigmoid_range=(-88.0, 40.0),
        exp=(0.4999999459105944, 0.16666532246676627, 0.041668247280668314,
             0.008367616646332388, 0.001381710088204786),
        log=(0.6666677634866388, 0.39977541529217003, 0.2987180264399814),
        tanh=(0.33333251468384567, -0.022134014171144537),
    ),
}
# fmt: on


def _format(x: Value) -> Format:
    return FORMATS[x.bits]


def _polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """A polynomial by Estrin's scheme: neighbours are joined, then pairs of them; lowest first."""
    terms: list = list(coefficients)
    while len(terms) > 1:
        pairs = (terms[i : i + 2] for i in range(0, len(terms), 2))
        terms = [x.fma(pair[1], pair[0]) if len(pair) == 2 else pair[0] for pair in pairs]
        x = x * x
    return terms[0]


def _clamp(x: Value, low: float, high: float) -> Value:
    """x clamped to [low, high]; NaN propagates."""
    x = (x < low).choose(low, x)
    return (x > high).choose(high, x)


def _reduce(
    x: Value, scale: float = 1.0, shifted: Value | None = None
) -> tuple[Value, Value, Value]:
    """Range reduction: 2^k as an exponent field, high, low of x = k log(2) / scale + high + low.

    `high` is exact. `shifted` is x scale / log(2) + `to_exponent`, if the caller has it sooner.
    """
    f = _format(x)
    if shifted is None:
        shifted = x.fma(scale / math.log(2.0), f.to_exponent)
    k = shifted - f.to_exponent
    high, low = k.fma(-f.ln2[0] / scale, x), k * (-f.ln2[1] / scale)
    return shifted.as_int(), high, low


def _power_of_two(exponent: Value) -> Value:
    """2^k from its exponent field in the low bits of an integer."""
    return (exponent << _format(exponent).mantissa).as_float()


def _expm1(high: Value, low: Value) -> Value:
    """exp(high + low) - 1, within 0.42.

    `high` is exact and added last, so this is good to an ulp, and all else runs in parallel.
    """
    coefficients, r = _format(high).exp, high + low
    square = r * r
    start = square.fma(_polynomial(r, coefficients[:2]), low)
    return high + (square * square).fma(_polynomial(r, coefficients[2:]), start)


@elementwise
def exp(x):
    """e^x, within 1 ulp, denormal results included. The power of two is applied in two halves."""
    f = _format(x)
    k, high, low = _reduce(_clamp(x, *f.exp_range))
    p, both = _expm1(high, low), k + f.bias
    half = both >> 1
    first, second = _power_of_two(half), _power_of_two(both - half)
    return first.fma(p, first) * second


@elementwise
def sigmoid(x, beta):
    """1 / (1 + exp(-y)) of the rounded y = beta x, within 2.5 ulp; 0 below 0.7 of the least normal.

    With y = k log(2) + high + low it is 2^k / (2^k + exp(-high - low)). Small networks are
    bound by its latency more than by any other, so the critical path is as short as can be: nothing
    is clamped, and `low` is added off that path. In float64, whose polynomial takes longer, there
    is also time for the rounding error of 2^k + 1, and for more of the product with `low`.
    """
    f = _format(x)
    y, shifted = x * beta, x.fma(beta * (1.0 / math.log(2.0)), f.to_exponent)
    k, high, low = _reduce(y, shifted=shifted)
    power = _power_of_two(k)
    start, less = power + 1.0, low.fma(-high, low)
    coefficients: list = [a * (-1.0) ** i for i, a in enumerate(f.exp)]  # of exp(-r)
    if f.bits == 64:
        less -= power - (start - 1.0)
        coefficients[0] = low.fma(-0.5, coefficients[0])
    square = high * high
    tail = square.fma(_polynomial(high, coefficients[:2]), -less)
    tail = (square * square).fma(_polynomial(high, coefficients[2:]), tail)
    below, above = f.sigmoid_range
    a = (y < below).choose(0.0, power / ((start - high) + tail))
    return (y > above).choose(1.0, a)


@elementwise
def tanh(x):
    """(1 - exp(-2|x|)) / (1 + exp(-2|x|)) with the sign of x, within 1.7 ulp, never above 1.

    With |x| = r - k log(2) / 2, c = 2^k and r / tanh(r) = 1 + q this is
    ((1 - c) (1 + q) + (1 + c) r) / ((1 + c) (1 + q) + (1 - c) r). Only its difference from a guess,
    the lesser of |x| and 1, is computed by division, whose roundings are small like the difference.
    """
    f = _format(x)
    size = x.call("fabs")
    guess = (size > 1.0).choose(1.0, size)
    k, high, low = _reduce((size > 20.0).choose(20.0, size), scale=-2.0)
    c, r = _power_of_two(k), high + low
    plus = c + 1.0
    minus = plus - (c + c)  # not 1 - c: where 1 + c is rounded, they still differ by 2c
    r2 = r * r
    q = r2 * _polynomial(r2, f.tanh[:2])
    if rest := f.tanh[2:]:  # float64; added late, off the critical path
        q = (r2 * r2 * r2).fma(_polynomial(r2, rest), q)
    by_q, by_r = (-guess).fma(plus, minus), (-guess).fma(minus, plus)
    difference = by_q.fma(q, by_r.fma(r, by_q)) / plus.fma(q, minus.fma(r, plus))
    return (guess + difference).call("copysign", x)


@elementwise
def log(x):
    """The natural logarithm, within 1 ulp; -inf of zero, NaN of negative numbers."""
    return _log(x)


@elementwise
def log1p(x):
    """log(1 + x) for 0 <= x <= 1, within 1.5 ulp: the bits of x lost in 1 + x are added back.

    With 1 + x = y + rest it is log(y) + log(1 + rest / y), of which the second is rest / y.
    """
    y = x + 1.0
    return _log(y) + (x - (y - 1.0)) / y


def _log(x: Value) -> Value:
    f = _format(x)
    smallest_normal, up = 2.0 ** (1 - f.bias), f.mantissa + 1
    denormal = x < smallest_normal
    m = denormal.choose(x * 2.0**up, x)
    bias = denormal.choose(f.bias + up, x.constant(f.bias))

    # m = 2^k (1 + r) with sqrt(1/2) <= 1 + r < sqrt(2); an integer under the mantissa of 2^mantissa
    # is that float plus the integer
    sqrt_half, two = f.pattern(math.sqrt(0.5)), 2.0**f.mantissa
    bits = m.as_int() + (f.pattern(1.0) - sqrt_half)
    k = ((bits >> f.mantissa) | f.pattern(two)).as_float() - (bias + two)
    r = ((bits & (2**f.mantissa - 1)) + sqrt_half).as_float() - 1.0

    s = r / (r + 2.0)
    s2, half_square = s * s, r * 0.5 * r
    tail = k.fma(f.ln2[1], s * s2.fma(_polynomial(s2, f.log), half_square))
    y = k.fma(f.ln2[0], r - (half_square - tail))
    y = (x == math.inf).choose(x, y)
    return (x > 0.0).choose(y, (x == 0.0).choose(-math.inf, x.constant(math.nan)))
