"""Single steps: those of ordinary samples without the checks and buffers of the general way."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlp_fast.boundary.arrays import is_plain
from mlp_fast.boundary.values import NUMERIC
from mlp_fast.history import History
from mlp_fast.kernels.linalg.buffers import NOTHING, aligned
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.learning import LOSS, WEIGHT, Learner, return_unless_finite, warn_of_step
from mlp_fast.net import Net
from mlp_fast.paths import Path, only_path
from mlp_fast.rule_state import state_for, step_of
from mlp_fast.settings import RANGES, Settings, rates
from mlp_fast.update_rule import ALL, PLAIN, SGD

Taking = Callable[[float, Floats, Floats, float], float]
"""Takes a step, given the learning rate, arrays x and t, and the sample's weight."""
Ordinary = Callable[[Any, Any, Any, Any], float | None]

PLAIN_STEP, STEP = only_path("step"), only_path("step", ALL)
FLOATS = {float, np.float64, np.float32}
NUMBERS = FLOATS | {int}
LARGEST_INTEGER = 2**24  # all integers up to it are exact in either dtype


class Steps:
    """Single steps of a network by the options in force.

    Parameters
    ----------
    net : Net
        The network, which must be trainable.
    settings : Settings
        The options in force.
    history : History
        The state of its training.

    Attributes
    ----------
    ordinary : callable
        Takes a step, given x, t, the learning rate and the sample's weight as users give them, and
        returns the loss; or changes nothing and returns None, if anything is out of the ordinary
        or the step would diverge. Then it is up to `checked`.
    """

    def __init__(self, net: Net, settings: Settings, history: History) -> None:
        self._learner, self._settings = Learner(net, settings, history), settings
        self._plain: Taking | None = None
        self._by_rule: Taking | None = None
        self._refused: list[float] = []
        self.ordinary: Ordinary = lambda *_: None  # until a step was checked

    def checked(self, x: Floats, t: Floats, rate: float, weight: float) -> float:
        """Learn from a sample (algorithm 2.4.1), if all stays finite; return its loss before."""
        learner, settings = self._learner, self._settings
        if settings.rules == PLAIN and weight == 1.0:
            if self._plain is None:
                self._plain = plain_step(learner.net, careful=True)
                self.ordinary = ordinary(learner.net, settings, learner.history, self._plain)
            loss = self._plain(rate, x, t, weight)
            if not math.isfinite(loss):  # or numbers are so large that a weight may overflow
                before = learner.keep()
                loss = plain_step(learner.net, careful=False)(rate, x, t, weight)
                return_unless_finite(before, loss)
            return loss
        state = learner.history.rule
        learner.prepare()
        if self._by_rule is None or learner.history.rule is not state:
            self._by_rule = step_by_rule(learner, self._refused)
            if settings.rules != PLAIN:
                self.ordinary = ordinary(learner.net, settings, learner.history, self._by_rule)
        loss = self._by_rule(rate, x, t, weight)
        if loss == -math.inf:
            warn_of_step(WEIGHT)
            return self._refused.pop()
        if not math.isfinite(loss):
            warn_of_step(LOSS)
        return loss


def ordinary(net: Net, settings: Settings, history: History, take: Taking) -> Ordinary:
    """Return what `Steps.ordinary` is; everything it needs is a closure variable."""
    state, dtype, of_one = history.rule, net.layout.dtype, net.layout.sizes[-1] == 1
    most, weighs, rate_of = RANGES[net.dtype][1], settings.rules != PLAIN, rates(settings, history)
    ndarray, empty, isfinite = np.ndarray, np.empty, math.isfinite
    narrow = math.isfinite(most)

    def of_numbers(numbers: Any) -> Floats | None:
        """Return the array that a list of numbers stands for."""
        if not numbers or not NUMBERS.issuperset(map(type, numbers)):
            return None
        if narrow and not float(max(map(abs, numbers))) < most:  # or the first is NaN
            return None
        array = np.array(numbers)
        if array.dtype == dtype:
            return array
        # others than integers of up to 64 bits and floats would be objects
        return array.astype(dtype) if array.dtype.kind in NUMERIC else None

    def step(x: Any, t: Any, learning_rate: Any, weight: Any) -> float | None:
        if history.rule is not state:
            return None
        if type(weight) is not float or not (weight == 1.0 or (weighs and 0.0 <= weight < most)):
            return None
        rate = rate_of(learning_rate)
        if rate is None:
            return None
        kind = type(x)
        if kind is list or kind is tuple:
            x = of_numbers(x)
            if x is None:
                return None
        elif not (is_plain(x, dtype) and x.ndim == 1):
            return None
        kind = type(t)
        if kind is ndarray:
            if not (is_plain(t, dtype) and t.ndim == 1):
                return None
        elif kind is list or kind is tuple:
            t = of_numbers(t)
            if t is None:
                return None
        else:
            exact = kind in FLOATS or (kind is int and abs(t) <= LARGEST_INTEGER)
            if not (of_one and exact):
                return None
            number, t = float(t), empty(1, dtype)
            if not -most < number < most:
                return None
            t[0] = number
        loss = take(rate, x, t, weight)
        return loss if isfinite(loss) else None

    return step


class Entry(NamedTuple):
    """A kernel's machine code, and its arguments but for the last."""

    code: Callable[..., float]
    fixed: tuple[Any, ...]  # the first, the same for all samples and rules
    new_buffers: Callable[[], tuple[Any, ...]]  # makes those that follow
    told: tuple[Any, ...]  # what comes before the learning rate, x and t


def plain_step(net: Net, careful: bool) -> Taking:
    """Return what takes a step of plain gradient descent (3, 4), of a sample of weight 1.

    It returns the loss, which is not finite if nothing was changed: NaN if the sample is unfit or,
    if `careful`, a weight might overflow.
    """
    code, fixed, new, told = plain_entry(net, careful)
    pool = [new()]  # threads may call it at the same time

    def step(rate: float, x: Floats, t: Floats, weight: float) -> float:
        try:
            buffers = pool.pop()
        except IndexError:
            buffers = new()
        loss = code(*fixed, *buffers, *told, rate, x, t)
        pool.append(buffers)
        return loss

    return step


def plain_entry(net: Net, careful: bool) -> Entry:
    """Return the kernel of plain gradient descent."""
    fixed, new, told = _fixed(net), _buffers(PLAIN_STEP, net), (careful,)
    code = PLAIN_STEP.entry(net.layout.dtype, *fixed, *new(), *told, 0.0, *_sample(net))
    return Entry(code, fixed, new, told)


def step_by_rule(learner: Learner, refused: list[float]) -> Taking:
    """Return what takes a step by any rule.

    It returns the loss, which is not finite if nothing was changed: -infinity if something that is
    kept would not be finite; the loss is then put in `refused`.
    """
    code, fixed, new, told = rule_entry(learner)
    pool = [new()]

    def step(rate: float, x: Floats, t: Floats, weight: float) -> float:
        try:
            buffers = pool.pop()
        except IndexError:
            buffers = new()
        loss = code(*fixed, *buffers, *told, rate, x, t, weight)
        if loss == -math.inf:
            refused[:] = [float(buffers[-1][-1])]
        pool.append(buffers)
        return loss

    return step


def rule_entry(learner: Learner) -> Entry:
    """Return the kernel of all rules; behind t it takes the sample's weight."""
    net, settings, history = learner
    layout, optimizer, dtype = net.layout, settings.optimizer, net.layout.dtype
    kept = state_for(optimizer, layout, history.rule)
    state = kept.for_kernels(optimizer, layout, penalty=settings.l2 > 0)
    n_kept = layout.n_weights + state.first.size + state.second.size
    clip_norm = math.inf if settings.clip_norm is None else settings.clip_norm
    direct = optimizer == SGD() and settings.l2 == 0
    told = step_of(optimizer, net.theta, state), direct, float(settings.l2), float(clip_norm)
    fixed, of_sample = _fixed(net), _buffers(STEP, net)

    def new() -> tuple[Any, ...]:
        buffers = aligned(layout.n_weights, dtype), aligned(n_kept, dtype)
        return *of_sample(), *state, *buffers, np.zeros(state.powers.size + 1)

    code = STEP.entry(dtype, *fixed, *new(), *told, 0.0, *_sample(net), 1.0)
    return Entry(code, fixed, new, told)


def _fixed(net: Net) -> tuple[Any, ...]:
    """Return the arguments that are the same for all samples and rules."""
    return *net.for_kernels(), *net.demands()


def _buffers(path: Path, net: Net) -> Callable[[], tuple[Any, ...]]:
    """Return what makes new buffers of a sample."""
    size, n_listed = path.buffers(net.layout.shape)
    return lambda: (aligned(size, net.layout.dtype), np.zeros(n_listed, np.int64))


def _sample(net: Net) -> tuple[Floats, Floats]:
    """Return a sample that has the type of all."""
    nothing = NOTHING[net.layout.dtype]
    return nothing, nothing
