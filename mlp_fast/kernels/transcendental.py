"""exp, log, tanh and sigmoid of vectors and of numbers, within two units in the last place.

One formula for float32 and float64; what differs is in `FORMATS`. No branches, no tables, no calls;
infinities, NaN, zeros and denormals are answered as IEEE 754 says.
"""

import math
from typing import NamedTuple

import numpy as np

from mlp_fast.kernels.simd import Value, elementwise


class Format(NamedTuple):
    """What the formulas know of a floating-point format.

    The polynomials are minimax fits (Remez exchange in 60 digits, then rounded; tests/fit_simd.py):
    `exp` of (exp(r) - 1 - r) / r^2 in r, |r| <= log(2)/2, the error weighted by |r|^1.5 / exp(r);
    `log` of (log((1+s)/(1-s)) - 2s) / s^3 in s^2, |s| <= 3 - sqrt(8), the error weighted by s^2.
    `ln2` is log(2) in two parts, the first so short that its product with any exponent is exact.
    """

    bits: int
    mantissa: int
    bias: int
    ln2: tuple[float, float]
    exp_range: tuple[float, float]  # exp is surely 0 below and inf above
    sigmoid_range: tuple[float, float]  # sigmoid is denormal below and 1 above
    exp: tuple[float, ...]
    log: tuple[float, ...]

    @property
    def to_integer(self) -> float:
        """Added to a small x, it leaves x rounded to an integer in the low bits."""
        return 1.5 * 2.0**self.mantissa

    def pattern(self, x: float) -> int:
        """The bits of x."""
        return int(np.array(x, f"f{self.bits // 8}").view(f"i{self.bits // 8}"))


# fmt: off
FORMATS = {
    64: Format(
        bits=64, mantissa=52, bias=1023,
        ln2=(0.6931471803691238, 1.9082149292705877e-10),
        exp_range=(-746.0, 710.0), sigmoid_range=(-709.0, 40.0),
        exp=(0.5000000000000007, 0.16666666666666455, 0.04166666666655816, 0.008333333333479227,
             0.0013888888936610477, 0.0001984126951968834, 2.480150002827836e-05,
             2.7557588389723806e-06, 2.7627890467939155e-07, 2.49959783919177e-08),
        log=(0.6666666666666734, 0.3999999999941606, 0.2857142874217553, 0.2222219858802954,
             0.18183563833626593, 0.15314057302698247, 0.1479593197856033),
    ),
    32: Format(
        bits=32, mantissa=23, bias=127,
        ln2=(0.693145751953125, 1.428606765330187e-06),
        exp_range=(-105.0, 89.0), sigmoid_range=(-88.0, 40.0),
        exp=(0.4999999459105944, 0.16666532246676627, 0.041668247280668314,
             0.008367616646332388, 0.001381710088204786),
        log=(0.6666677634866388, 0.39977541529217003, 0.2987180264399814),
    ),
}
# fmt: on


def _format(x: Value) -> Format:
    return FORMATS[x.bits]


def _polynomial(x: Value, coefficients: tuple[float, ...]) -> Value:
    """By Estrin's scheme: neighbours are joined, then pairs of them; the lowest comes first."""
    terms: list = list(coefficients)
    while len(terms) > 1:
        pairs = (terms[i : i + 2] for i in range(0, len(terms), 2))
        terms = [x.fma(pair[1], pair[0]) if len(pair) == 2 else pair[0] for pair in pairs]
        x = x * x
    return terms[0]


def _clamp(x: Value, low: float, high: float) -> Value:
    """x within [low, high]; NaN stays."""
    x = (x < low).choose(low, x)
    return (x > high).choose(high, x)


def _split_exp(x: Value, shifted: Value | None = None) -> tuple[Value, Value, Value]:
    """exp(x) as 2^k (1 + high + low): k in the low bits of an integer, |high + low| < 0.42.

    `high` is exact, so that what it joins last is good to an ulp; everything else runs beside it.
    `shifted` is x / log(2) + `to_integer` where a caller knows it sooner.
    """
    f = _format(x)
    if shifted is None:
        shifted = x.fma(1.0 / math.log(2.0), f.to_integer)
    k = shifted - f.to_integer
    high, low = k.fma(-f.ln2[0], x), k * -f.ln2[1]
    r = high + low
    r2 = r * r
    start = r2.fma(_polynomial(r, f.exp[:2]), low)
    return shifted.as_int(), high, (r2 * r2).fma(_polynomial(r, f.exp[2:]), start)


def _power_of_two(k: Value) -> Value:
    """2^k for the k in the low bits of an integer."""
    f = _format(k)
    return ((k << f.mantissa) + f.pattern(1.0)).as_float()


@elementwise
def exp(x):
    """e^x, within 1 ulp, denormal results included. The power of two is applied in two halves."""
    k, high, low = _split_exp(_clamp(x, *_format(x).exp_range))
    p = high + low
    half = k >> 1
    first, second = _power_of_two(half), _power_of_two(k - half)
    return first.fma(p, first) * second


@elementwise
def sigmoid(x, beta):
    """1 / (1 + exp(-beta x)), within 2.9 ulp; 0 from the denormals on: beta x <= -709 (-88).

    Written for a short way from x to the result: what is added to 1 joins as it becomes known.
    """
    f = _format(x)
    low, high = f.sigmoid_range
    y = _clamp(x * beta, low, high)
    per_bit = 1.0 / math.log(2.0)
    shifted = x.fma(beta * -per_bit, f.to_integer)  # beside y
    shifted = _clamp(shifted, f.to_integer - high * per_bit, f.to_integer - low * per_bit)
    k, high, low_part = _split_exp(-y, shifted)
    power = _power_of_two(k)
    one = (y <= low).choose(0.0, x.constant(1.0))
    return one / power.fma(low_part, power.fma(high, power + 1.0))


@elementwise
def tanh(x):
    """(1 - exp(-2|x|)) / (1 + exp(-2|x|)) with the sign of x, within 2.1 ulp."""
    k, high, low = _split_exp(_clamp(x.call("fabs"), 0.0, 20.0) * -2.0)
    power = _power_of_two(k)
    p = high + low
    y = power.fma(p, power - 1.0) / power.fma(p, power + 1.0)
    return y.call("copysign", x)


@elementwise
def log(x):
    """The natural logarithm, within 1 ulp; -inf of zero, NaN of negative numbers."""
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
