"""Any network, data and way to train agree with the reference as far as roundings allow."""

import pytest
from fuzz import (
    ANSWERS,
    ONCE_WRONG,
    ONE_OF_EACH,
    PATHS,
    UnsureError,
    cases,
    counted,
    fresh,
    recall_and_compare,
    table,
    train_and_compare,
)
from hypothesis import HealthCheck, event, example, given, settings


def fuzz(max_examples, always=ONCE_WRONG, **options):
    """Compare so many drawn networks, one for each path, and some always; return the counts."""

    @settings(
        max_examples=max_examples,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
        **options,
    )
    @given(cases())
    def agree(case):
        counts["examples"] += 1
        m, weights = fresh(case)
        X, dense = case.rows(7, case.seed + 1)
        try:
            train_and_compare(m, weights, case, counts)
        except UnsureError as reason:
            event(f"unsure: {reason}")
            counts[f"unsure: {reason}"] += 1
        try:
            recall_and_compare(m, X, dense, case, case.vector, counts)
        except UnsureError as reason:
            event(f"unsure: {reason}")
            counts[f"answers unsure: {reason}"] += 1

    for case in (*ONE_OF_EACH, *always):
        agree = example(case)(agree)
    with counted() as counts:
        agree()
    return counts


def test_whatever_is_drawn_agrees_with_the_reference():
    counts = fuzz(200)
    assert counts.keys() >= PATHS | ANSWERS
    unsure = sum(n for key, n in counts.items() if str(key).startswith("unsure"))
    assert unsure < counts["examples"] / 10  # or the test would say little


@pytest.mark.slow
def test_much_more_of_what_can_be_drawn(capsys):
    counts = fuzz(20_000, derandomize=False, print_blob=True)
    with capsys.disabled():
        print("\n" + table(counts, "trainings"))
    assert counts.keys() >= PATHS | ANSWERS
