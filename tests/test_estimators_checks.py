"""scikit-learn's checks of estimators: this package's pass all that its own do."""

import pytest
from sklearn import neural_network as theirs
from sklearn.utils._test_common import instance_generator
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from mlp_fast import MLPClassifier, MLPRegressor

PAIRS = (MLPClassifier, theirs.MLPClassifier), (MLPRegressor, theirs.MLPRegressor)
KEPT_BY_CLASS = instance_generator.PER_ESTIMATOR_CHECK_PARAMS


def instances():
    """Return instances with the parameters that scikit-learn's own tests take for some checks."""
    for ours, original in PAIRS:
        assert original not in instance_generator.PER_ESTIMATOR_XFAIL_CHECKS
        KEPT_BY_CLASS[ours] = KEPT_BY_CLASS[original]
        yield ours(**instance_generator.INIT_PARAMS[original])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([*instances()])
def test_a_check_passes(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("ours", "original"), PAIRS)
def test_the_checks_are_those_of_the_original(ours, original):
    """So a tag of ours cannot spare a check."""
    names = [
        [
            (
                getattr(check, "func", check).__name__,
                getattr(check, "keywords", {}),
                repr(estimator),
            )
            for estimator, check in estimator_checks_generator(cls(max_iter=100))
        ]
        for cls in (ours, original)
    ]
    found, wanted = names
    added = [name for name, _, _ in found if name not in {name for name, _, _ in wanted}]
    assert added == (["check_class_weight_classifiers"] if ours is MLPClassifier else [])
    assert [each for each in found if each[0] not in added] == wanted
    assert len(wanted) > 50
