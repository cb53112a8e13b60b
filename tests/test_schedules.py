"""Schedules of the learning rate: their values, what they refuse, and their form in JSON."""

import copy
import dataclasses
import inspect
import json
import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_fast import schedules
from mlp_fast.schedules import (
    DEEPEST,
    SCHEDULES,
    Cosine,
    InverseTime,
    Schedule,
    Step,
    Warmup,
    as_dict,
    from_dict,
)


def constant(epoch):
    return 0.25


def rates(schedule, *epochs):
    return [schedule(epoch) for epoch in epochs]


# Values


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (InverseTime(0.5, 0.25), {0: 0.5, 1: 0.4, 4: 0.25, 36: 0.05, 2**40: 0.5 / (1 + 2**38)}),
        (InverseTime(0.5, 0), {0: 0.5, 1: 0.5, 2**40: 0.5}),
        (Step(0.8, 3), {0: 0.8, 2: 0.8, 3: 0.08, 5: 0.08, 6: 0.008, 9: 0.0008}),
        (Step(0.8, 1, factor=0.5), {0: 0.8, 1: 0.4, 2: 0.2, 3: 0.1}),
        (Step(0.8, 2, factor=1), {0: 0.8, 2: 0.8, 2**40: 0.8}),
        (
            Cosine(0.8, 6),
            {
                0: 0.8,
                1: 0.4 * (1 + math.sqrt(0.75)),
                2: 0.6,
                3: 0.4,
                4: 0.2,
                5: 0.4 * (1 - math.sqrt(0.75)),
                6: 0.0,
                7: 0.0,
                2**40: 0.0,
            },
        ),
        (Cosine(0.5, 4, least=0.1), {0: 0.5, 2: 0.3, 4: 0.1, 5: 0.1}),
        (Cosine(0.5, 1), {0: 0.5, 1: 0.0}),
        (Cosine(0.5, 3, least=0.5), {0: 0.5, 1: 0.5, 3: 0.5, 9: 0.5}),
        # the last rate is 0.4 (π / 2**40)² / 4, where 1 + cos(...) would be 0
        (Cosine(0.4, 2**40), {0: 0.4, 2**39: 0.2, 2**40 - 1: 0.1 * (math.pi / 2**40) ** 2}),
        (Warmup(3, 0.8), {0: 0.2, 1: 0.4, 2: 0.6, 3: 0.8, 4: 0.8, 2**40: 0.8}),
        (Warmup(1, Step(0.8, 2, 0.5)), {0: 0.4, 1: 0.8, 2: 0.8, 3: 0.4, 5: 0.2}),
        (Warmup(3, Cosine(0.8, 2)), {0: 0.2, 2: 0.6, 3: 0.8, 4: 0.4, 5: 0.0}),
        (Warmup(3, lambda epoch: 0.8 / (2 + epoch)), {0: 0.1, 2: 0.3, 3: 0.4, 5: 0.2}),
        (Warmup(1, Warmup(3, 0.8)), {0: 0.1, 1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8, 5: 0.8}),
    ],
)
def test_rates_by_hand(schedule, expected):
    found = rates(schedule, *expected)
    np.testing.assert_allclose(found, [*expected.values()], rtol=1e-14, atol=0)
    assert {type(rate) for rate in found} == {float}


@pytest.mark.parametrize("schedule", [Cosine(0.3, 7, 0.1), Warmup(4, Step(0.3, 7)), Step(0.3, 7)])
def test_the_first_and_the_last_rates_are_those_that_were_given(schedule):
    begin = schedule.epochs if isinstance(schedule, Warmup) else 0
    assert schedule(begin) == 0.3
    assert Cosine(0.3, 7, 0.1)(7) == 0.1


@pytest.mark.parametrize(
    "schedule", [Step(0.5, 2), InverseTime(0.5, 1), Cosine(1, 9), Warmup(2, 1)]
)
def test_an_epoch_is_a_whole_number_from_0(schedule):
    assert schedule(np.int64(4)) == schedule(4)
    for epoch in (-1, 0.5, "0", None, True):
        with pytest.raises(ValueError, match=r"^epoch must be an integer of 0 or more; got "):
            schedule(epoch)


@pytest.mark.parametrize("rate", [-0.1, math.nan, math.inf, "0.1", None])
def test_a_function_that_a_warm_up_leads_to_is_checked_at_each_call(rate):
    schedule = Warmup(2, lambda epoch: rate if epoch else 0.3)
    assert rates(schedule, 1, 2) == [pytest.approx(0.2), 0.3]
    with pytest.raises(ValueError, match=r"^the rate of then in its epoch 1 must be .* 0 or more"):
        schedule(3)


# What is refused

RIGHT = {
    InverseTime: {"learning_rate": 0.5, "decay": 0.1},
    Step: {"learning_rate": 0.5, "every": 10, "factor": 0.5},
    Cosine: {"learning_rate": 0.5, "epochs": 10, "least": 0.1},
    Warmup: {"epochs": 10, "then": 0.5},
}
ABOVE_0 = [0, -0.1, math.nan, math.inf, "0.5", None, True, 10**5000, 1j, [0.5]]
OR_MORE = [-0.1, math.nan, math.inf, "0.5", None, False, 10**5000]
COUNT = [0, -1, 2.0, math.nan, "3", None, True, 2**40 + 1, 10**5000]
BAD = {
    "learning_rate": ("(be finite and|be a number) above 0", ABOVE_0),
    "decay": ("(be finite and|be a number) 0 or more", OR_MORE),
    "every": ("be an integer (of 1 or more|up to)", COUNT),
    "factor": ("(be finite and|be a number) above 0 and up to 1", [*ABOVE_0, 1.5]),
    "epochs": ("be an integer (of 1 or more|up to)", COUNT),
    "least": ("(be finite and|be a number) (0 or more|up to learning_rate, 0.5)", [*OR_MORE, 0.6]),
    "then": ("be (finite and|a number) above 0", [*ABOVE_0, Cosine]),
}
CASES = [
    (schedule, name, value)
    for schedule, options in RIGHT.items()
    for name in options
    for value in BAD[name][1]
]


def shown(value):
    return "an integer of 16610 bits" if value == 10**5000 else repr(value)


@pytest.mark.parametrize(
    ("schedule", "name", "value"),
    [pytest.param(*case, id=f"{case[0].__name__}, {case[1]}") for case in CASES],
)
def test_every_number_is_checked_when_a_schedule_is_made(schedule, name, value):
    message = f"^{name} must {BAD[name][0]}.*; got {re.escape(shown(value))}$"
    with pytest.raises(ValueError, match=message):
        schedule(**RIGHT[schedule] | {name: value})
    entry = {"name": schedule.__name__, **RIGHT[schedule], name: value}
    with pytest.raises(ValueError, match=f"^{name} must "):
        from_dict(entry)


def test_all_numbers_are_tried():
    assert {*SCHEDULES} == {schedule.__name__ for schedule in RIGHT}
    assert {*SCHEDULES.values()} == {*RIGHT} == {*Schedule.__subclasses__()} - {schedules.Lost}
    for schedule, options in RIGHT.items():
        assert [field.name for field in dataclasses.fields(schedule)] == [*options]
        assert {*options} == {*inspect.signature(schedule).parameters}
    assert {name for _, name, _ in CASES} == {*BAD}
    assert {*schedules.__all__} == {*SCHEDULES, "Schedule", "as_dict", "from_dict"}


def deep(n, then=0.5):
    for _ in range(n):
        then = Warmup(1, then)
    return then


def test_warm_ups_are_nested_to_a_depth():
    assert deep(DEEPEST)(DEEPEST) == 0.5
    assert deep(DEEPEST, Step(0.5, 3))(DEEPEST) == 0.5
    for then in (0.5, Step(0.5, 3), constant):
        with pytest.raises(ValueError, match="then must not have more than 8 warm-ups, one in an"):
            deep(DEEPEST + 1, then)


# As values


ONE_OF_EACH = [
    *(schedule(**options) for schedule, options in RIGHT.items()),
    *(Step(0.5, 10), Cosine(1e-300, 2**40), Warmup(2, Cosine(0.1 + 0.2, 3)), deep(DEEPEST)),
    Warmup(3, constant),
]


@pytest.mark.parametrize("schedule", ONE_OF_EACH, ids=lambda s: repr(s).split(" at 0x")[0])
def test_schedules_are_values(schedule):
    copies = [
        copy.copy(schedule),
        copy.deepcopy(schedule),
        pickle.loads(pickle.dumps(schedule)),
        dataclasses.replace(schedule),
    ]
    if "function" not in repr(schedule):
        copies.append(eval(repr(schedule), vars(schedules)))
    for twin in copies:
        assert type(twin) is type(schedule)
        assert twin == schedule
        assert hash(twin) == hash(schedule)
        assert rates(twin, 0, 1, 5) == rates(schedule, 0, 1, 5)
    assert sum(schedule == other for other in ONE_OF_EACH) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        schedule.learning_rate = 1.0


def test_numbers_are_brought_to_one_form():
    of_numpy = Step(np.float64(0.5), np.int32(3), np.float32(0.5))
    assert repr(of_numpy) == "Step(learning_rate=0.5, every=3, factor=0.5)"
    assert repr(InverseTime(1, Fraction(1, 2))) == "InverseTime(learning_rate=1.0, decay=0.5)"
    assert repr(Warmup(2, np.float32(0.5))) == "Warmup(epochs=2, then=0.5)"
    assert of_numpy == Step(0.5, 3, 0.5)
    assert Step(0.5, 3) != Step(0.5, 4)
    assert Step(0.5, 3) == Step(0.5, 3, 0.1)


# JSON


@pytest.mark.parametrize(
    ("schedule", "entry"),
    [
        (InverseTime(1, 2), {"name": "InverseTime", "learning_rate": 1.0, "decay": 2.0}),
        (Step(1, 2), {"name": "Step", "learning_rate": 1.0, "every": 2, "factor": 0.1}),
        (Cosine(1, 2), {"name": "Cosine", "learning_rate": 1.0, "epochs": 2, "least": 0.0}),
        (Warmup(2, 1), {"name": "Warmup", "epochs": 2, "then": 1.0}),
        (
            Warmup(2, InverseTime(1, 2)),
            {
                "name": "Warmup",
                "epochs": 2,
                "then": {"name": "InverseTime", "learning_rate": 1.0, "decay": 2.0},
            },
        ),
    ],
)
def test_the_form_in_json(schedule, entry):
    assert as_dict(schedule) == entry
    before = copy.deepcopy(entry)
    assert from_dict(json.loads(json.dumps(entry))) == from_dict(entry) == schedule
    assert entry == before


class Mine(Step):
    """A schedule of a user's own."""


def test_a_function_has_no_form_in_json():
    namesake = type("Step", (Step,), {})(0.5, 2)
    for function in (constant, lambda epoch: 0.5, Mine(0.5, 2), namesake, Step, len):
        assert as_dict(function) is None
    for then in (constant, Mine(0.5, 2), Warmup(3, constant)):
        assert as_dict(Warmup(2, then)) is None


def test_what_has_a_default_may_be_absent():
    assert from_dict({"name": "Step", "learning_rate": 1, "every": 2}) == Step(1, 2)
    assert from_dict({"name": "Cosine", "learning_rate": 1, "epochs": 2}) == Cosine(1, 2)


def nested(n, then=0.5):
    for _ in range(n):
        then = {"name": "Warmup", "epochs": 1, "then": then}
    return then


STEP = as_dict(Step(0.5, 2))
NAMED = "the name of a schedule must be one of 'InverseTime', 'Step', 'Cosine', 'Warmup'; got "


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        *(
            (value, "a schedule must be a dict of")
            for value in (None, 0.5, "Step", [], [STEP], Step)
        ),
        ({}, NAMED + "None"),
        ({**STEP, "name": "Adam"}, NAMED + "'Adam'"),
        ({**STEP, "name": "step"}, NAMED + "'step'"),
        ({**STEP, "name": "Schedule"}, NAMED + "'Schedule'"),
        ({**STEP, "name": ["Step"]}, NAMED),
        ({**STEP, "more": 1}, "Step has no 'more', but learning_rate, every, factor"),
        ({**STEP, 3: 1}, "Step has no 3, but"),
        ({**STEP, "epochs": 1}, "Step has no 'epochs', but"),
        ({"name": "Step", "every": 2}, "Step must have learning_rate, .*; learning_rate is absent"),
        ({"name": "Warmup", "epochs": 2}, "Warmup must have epochs, then; then is absent"),
        ({"name": "Warmup", "epochs": 2, "then": {}}, NAMED),
        ({"name": "Warmup", "epochs": 2, "then": {**STEP, "every": 0}}, "every must be an integer"),
        ({"name": "Warmup", "epochs": 2, "then": constant}, "then must be a number or a dict"),
        ({"name": "Warmup", "epochs": 2, "then": [STEP]}, "then must be a number above 0"),
        (nested(DEEPEST + 1), "then must not have more than 8 warm-ups"),
        (nested(DEEPEST + 1, STEP), "then must not have more than 8 warm-ups"),
        (nested(100_000), "then must not have more than 8 warm-ups"),
    ],
    ids=lambda part: "" if isinstance(part, dict) else str(part)[:40],
)
def test_what_is_no_schedule_is_refused(entry, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        from_dict(entry)


def test_depth_in_json_is_that_of_schedules():
    assert from_dict(nested(DEEPEST)) == deep(DEEPEST)
    assert from_dict(nested(DEEPEST, STEP)) == deep(DEEPEST, Step(0.5, 2))


# Anything

numbers = st.floats(1e-30, 1e30)
counts = st.integers(1, 2**40)
plain = st.one_of(
    st.builds(InverseTime, numbers, st.just(0.0) | numbers),
    st.builds(Step, numbers, counts, st.floats(0.0, 1.0, exclude_min=True)),
    st.tuples(numbers, counts, st.floats(0, 1)).map(lambda n: Cosine(n[0], n[1], n[0] * n[2])),
)
every = st.recursive(
    numbers | plain, lambda then: st.builds(Warmup, counts | st.integers(1, 9), then), max_leaves=1
).filter(callable)


@given(every, st.integers(0, 9) | st.integers(0, 2**40))
def test_any_schedule_is_sound(schedule, epoch):
    rate, most = schedule(epoch), schedule
    while isinstance(most, Warmup):
        most = most.then
    most = most if isinstance(most, float) else most.learning_rate
    assert type(rate) is float
    assert math.isfinite(rate)
    assert 0 <= rate <= most * (1 + 1e-15)
    again = from_dict(json.loads(json.dumps(as_dict(schedule), allow_nan=False)))
    assert again == schedule == eval(repr(schedule), vars(schedules))
    assert again(epoch) == rate


@given(numbers, st.integers(1, 10**4), st.floats(0.5, 1), st.data())
def test_rates_are_above_0_until_the_end(rate, epochs, factor, data):
    epoch = data.draw(st.integers(0, epochs - 1))
    for schedule in (
        InverseTime(rate, factor),
        Step(rate, 1 + epochs // 100, factor),
        Cosine(rate, epochs),
        Cosine(rate, epochs, rate * factor),
    ):
        assert 0 < schedule(epoch) <= rate * (1 + 1e-15)
        assert schedule(epoch + 1) <= schedule(epoch) * (1 + 1e-15)  # they fall
        warm = Warmup(epochs, schedule)
        assert 0 < warm(epoch) < warm(epoch + 1) <= schedule(0)  # and rise before
        assert warm(epochs + epoch) == schedule(epoch)
