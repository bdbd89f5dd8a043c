"""scikit-learn's checks of an estimator."""

from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.needs_compiler,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # What is checked on purpose: checks that do not apply, batches larger than the data, targets as a column.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1:UserWarning"),
]

BY_ROW = (
    "the mean and variance that a batch normalisation takes are of the batch's rows, whatever these weigh, as in other "
    "libraries: docs/decisions/0013-estimators.md has what would have to change"
)


def expected_to_fail(estimator: BaseEstimator) -> dict[str, str]:
    """What does not hold with batch normalisation, which scikit-learn's MLP lacks, and why."""
    if not estimator.batch_norm:
        return {}
    return {f"check_sample_weight_equivalence_on_{kind}_data": BY_ROW for kind in ("dense", "sparse")}


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [
        MLPClassifier(),
        MLPRegressor(),
        MLPClassifier(dropout=0.2, max_iter=100),
        MLPRegressor(dropout=0.2, max_iter=100),
        MLPClassifier(dropout=0.2, batch_norm=True, max_iter=100),
        MLPRegressor(dropout=0.2, batch_norm=True, max_iter=100),
    ],
    expected_failed_checks=expected_to_fail,
)
def test_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
