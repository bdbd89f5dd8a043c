"""scikit-learn's checks of an estimator."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.needs_compiler,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # What is checked on purpose: checks that do not apply, batches larger than the data, targets as a column.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1:UserWarning"),
]


@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [
        MLPClassifier(),
        MLPRegressor(),
        MLPClassifier(dropout=0.2, max_iter=100),
        MLPRegressor(dropout=0.2, max_iter=100),
        MLPClassifier(dropout=0.2, batch_norm=True, max_iter=100),
        MLPRegressor(dropout=0.2, batch_norm=True, max_iter=100),
    ],
)
def test_estimator(estimator: Any, check: Any) -> None:
    check(estimator)
