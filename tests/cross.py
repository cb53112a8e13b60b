"""Tests of whole products, of which a covering runs by default and the rest is slow.

What fails does so for a value of one argument or for two that meet, hardly ever for three only. So
a default run has every pair of values of any two axes, each in as few cases as a greedy choice
finds, always the same ones. `-m slow` runs the others, and `-m "slow or not slow"` them all.
"""

import heapq
import random
from collections import Counter
from itertools import combinations, product

import pytest


def cross(*, meeting=2, all_meet=(), where=None, most=None, **axes):
    """Parametrise a test over the product of axes, each the values of an argument.

    An axis called `a_and_b` gives values to two arguments at once. `where` tells, of the arguments
    by name, which cases there are. By default any two axes meet; with `meeting=1`, for long axes
    that have little to do with each other, every value is there, beside some of the others. Those
    in `all_meet`, which choose the code that runs, meet all at once. If there are more than `most`,
    so many cases are drawn, and what meets in any of these is meant.
    """
    names, values = [axis.split("_and_") for axis in axes], [[*axis] for axis in axes.values()]
    cases = {}
    for indices in product(*(range(len(axis)) for axis in values)):
        arguments = {}
        for several, axis, i in zip(names, values, indices, strict=True):
            arguments |= zip(several, axis[i] if len(several) > 1 else [axis[i]], strict=True)
        if where is None or where(**arguments):
            cases[indices] = arguments
    if most is not None and len(cases) > most:
        drawn = random.Random(0).sample([*cases], most)
        cases = {indices: cases[indices] for indices in sorted(drawn)}
    together = [*combinations(range(len(axes)), min(meeting, len(axes)))]
    together += [tuple([*axes].index(axis) for axis in all_meet)] if all_meet else []
    chosen = covering([*cases], together)
    return pytest.mark.parametrize(
        [name for several in names for name in several],
        [
            pytest.param(
                *arguments.values(),
                marks=() if indices in chosen else pytest.mark.slow,
                id="-".join(map(name_of, arguments.values())),
            )
            for indices, arguments in cases.items()
        ],
    )


def covering(cases, together):
    """Return a few of the cases, in which what meets in any case does so in one of them.

    Of the axes in each of `together`, all values that meet are looked for.
    """
    return min((greedy(cases, together, even) for even in (True, False)), key=len)


def greedy(cases, together, even):
    """Take the case with the most that is new, until nothing is.

    Of several, take the first, or if `even` that whose values were taken the least. A case only
    becomes less welcome, so it is looked at again no sooner than it is at the head of the queue.
    """
    chosen, met, taken = set(), set(), Counter()

    def new(case):
        return {(which, tuple(case[axis] for axis in which)) for which in together} - met

    def rank(i):
        used = sum(taken[value] for value in enumerate(cases[i])) if even else 0
        return -len(new(cases[i])), used, i

    queue = [rank(i) for i in range(len(cases))]
    heapq.heapify(queue)
    while queue:
        expected = heapq.heappop(queue)
        now = rank(expected[-1])
        if now[0] == 0:
            continue
        if now > expected:
            heapq.heappush(queue, now)
            continue
        case = cases[now[-1]]
        chosen.add(case)
        met |= new(case)
        taken.update(enumerate(case))
    return chosen


def name_of(value):
    """Return how a value is called in a test's id."""
    if isinstance(value, tuple):
        return "-".join(map(name_of, value)) or "none"
    return getattr(value, "__name__", None) or getattr(value, "name", None) or str(value)
