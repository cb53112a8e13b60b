"""What runs by default of a product leaves no pair out, and what is slow is all the rest of it."""

from itertools import combinations, product

from cross import covering, cross
from hypothesis import given
from hypothesis import strategies as st

AXES = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def pairs_of(cases):
    """Return all values of two axes that meet in a case."""
    return {pair for case in cases for pair in combinations(enumerate(case), 2)}


def axes_of(lengths, meeting):
    return [*combinations(range(len(lengths)), min(meeting, len(lengths)))]


@given(AXES)
def test_every_pair_is_in_few_cases(lengths):
    cases = [*product(*map(range, lengths))]
    chosen = covering(cases, axes_of(lengths, 2))
    assert chosen <= {*cases}
    assert pairs_of(chosen) == pairs_of(cases)
    longest, second = sorted([1, 1, *lengths])[:-3:-1]
    assert longest * second <= len(chosen) <= 2 * longest * second


@given(AXES)
def test_where_no_axes_have_to_meet_every_value_is_there(lengths):
    chosen = covering([*product(*map(range, lengths))], axes_of(lengths, 1))
    assert len(chosen) == max(lengths)
    for axis, length in enumerate(lengths):
        assert {case[axis] for case in chosen} == {*range(length)}


@given(AXES, st.data())
def test_of_the_cases_that_there_are_no_pair_is_left_out(lengths, data):
    cases = [*product(*map(range, lengths))]
    some = data.draw(st.lists(st.sampled_from(cases), unique=True))
    chosen = covering(some, axes_of(lengths, 2))
    assert chosen <= {*some}
    if len(lengths) > 1:
        assert pairs_of(chosen) == pairs_of(some)
    assert chosen == covering(some, axes_of(lengths, 2))


def parametrised(**axes):
    """Return the names of arguments, and by id whether a case is slow and its values."""
    names, parameters = cross(**axes).args
    cases = {parameter.id: (bool(parameter.marks), parameter.values) for parameter in parameters}
    assert len(cases) == len(parameters)
    assert all(mark.name == "slow" for parameter in parameters for mark in parameter.marks)
    return names, cases


def test_default_and_slow_are_the_product():
    letters, digits, both = "abc", [1, 2, None], [((4, 5), float), ((), int)]
    names, cases = parametrised(letter=letters, digit=digits, sizes_and_kind=both)
    assert names == ["letter", "digit", "sizes", "kind"]
    expected = [(letter, digit, *pair) for letter in letters for digit in digits for pair in both]
    assert [values for _, values in cases.values()] == expected
    assert [*cases][:2] == ["a-1-4-5-float", "a-1-none-int"]
    default = [values for slow, values in cases.values() if not slow]
    assert len(default) == 9
    assert pairs_of(default) == pairs_of(expected)


def test_what_is_no_case_is_neither_default_nor_slow():
    _, cases = parametrised(
        letter="ab",
        digit=[1, 2],
        truth=[False, True],
        where=lambda letter, digit, truth: (letter, digit) != ("a", 1),
    )
    assert [*cases] == ["a-2-False", "a-2-True", "b-1-False", "b-1-True", "b-2-False", "b-2-True"]
    assert not cases["a-2-False"][0]


def test_what_chooses_a_path_meets_all_at_once():
    lengths = {"output": "abcde", "size": range(3), "batch": range(4), "dtype": range(2)}
    _, cases = parametrised(**lengths, all_meet=["size", "batch", "dtype"])
    default = [values for slow, values in cases.values() if not slow]
    assert pairs_of(default) == pairs_of(product(*lengths.values()))
    assert {case[1:] for case in default} == {*product(range(3), range(4), range(2))}
    assert len(default) == 24
