"""Tests of whole products, of which a covering runs by default and the rest is slow.

What fails does so for a value of one argument or for two that meet, hardly ever for three only. So
a default run has every pair of values of any two axes, each in as few cases as a greedy choice
finds, always the same ones. `-m slow` runs the others, and `-m "slow or not slow"` them all.
"""

import heapq
from collections import Counter
from itertools import combinations, product

import pytest


def cross(*, meeting=2, where=None, **axes):
    """Parametrise a test over the product of axes, each the values of an argument.

    An axis called `a_and_b` gives values to two arguments at once. `where` tells, of the arguments
    by name, which cases there are. By default any two axes meet; with `meeting=1`, for long axes
    that have little to do with each other, every value is there, beside some of the others.
    """
    names = [axis.split("_and_") for axis in axes]
    cases = [
        (indices, arguments)
        for indices, values in zip(
            product(*(range(len(axis)) for axis in axes.values())),
            product(*axes.values()),
            strict=True,
        )
        if legal(arguments := flat(names, values), where)
    ]
    chosen = covering([indices for indices, _ in cases], meeting)
    return pytest.mark.parametrize(
        [name for several in names for name in several],
        [
            pytest.param(
                *arguments.values(),
                marks=() if indices in chosen else pytest.mark.slow,
                id="-".join(map(name_of, arguments.values())),
            )
            for indices, arguments in cases
        ],
    )


def legal(arguments, where):
    return where is None or where(**arguments)


def flat(names, values):
    """Return the arguments of a case by name, of which one axis may give several."""
    arguments = {}
    for several, value in zip(names, values, strict=True):
        arguments |= zip(several, value if len(several) > 1 else [value], strict=True)
    return arguments


def covering(cases, meeting):
    """Return a few of the cases, in which whatever meets in any case does so in one of them."""
    return min((greedy(cases, meeting, even) for even in (True, False)), key=len)


def greedy(cases, meeting, even):
    """Take the case with the most that is new, until nothing is.

    Of several, take the first, or if `even` that whose values were taken the least. A case only
    becomes less welcome, so it is looked at again no sooner than it is at the head of the queue.
    """
    n_axes = len(cases[0]) if cases else 0
    axes = [*combinations(range(n_axes), min(meeting, n_axes))]
    chosen, met, taken = set(), set(), Counter()

    def new(case):
        return {(which, tuple(case[axis] for axis in which)) for which in axes} - met

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
    return getattr(value, "__name__", None) or str(value)
