"""Confidence intervals beside SciPy's, and resampling without resamples beside resamples that are made."""

from typing import Any

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as skm
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet.measuring import measure
from fastnet.metrics import check_metrics
from fastnet.scoring import counts, intervals, ranking

RNG = np.random.default_rng(0)
SUFFIXES = ("", "_macro", "_micro", "_weighted")
COUNTED = [
    *(f"{name}{suffix}" for name in ("precision", "recall", "f1") for suffix in SUFFIXES),
    *("accuracy", "balanced_accuracy"),
]


@settings(max_examples=50)
@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipy_s(share: tuple[int, int]) -> None:
    expected = scipy.stats.binomtest(*share).proportion_ci(0.95, method="wilson")
    found = intervals.wilson_interval(*share)
    # Two formulas of a dozen operations on numbers up to n, whose difference loses at most the digits of n.
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-12)
    assert found.low <= share[0] / share[1] <= found.high


def test_wilson_of_nothing_is_not_defined() -> None:
    low, high = intervals.wilson([0, 1], [0, 2])
    assert np.isnan([low[0], high[0]]).all()
    assert np.isfinite([low[1], high[1]]).all()


def test_a_resample_has_as_many_samples() -> None:
    draws = np.concatenate(list(intervals.drawn(37, 101)))
    assert draws.shape == (101, 37)
    assert (draws.sum(axis=1) == 37).all()
    # Each is drawn 101 times on average, with a deviation of 10.
    assert (np.abs(draws.sum(axis=0) - 101) < 60).all()


def test_sums_are_those_of_the_resamples() -> None:
    columns = RNG.normal(size=(50, 3))
    sums = intervals.resampled_sums(columns)
    draws = np.concatenate(list(intervals.drawn(50)))
    expected = [np.repeat(columns, times.astype(int), axis=0).sum(axis=0) for times in draws[:20]]
    np.testing.assert_allclose(sums[:20], expected, rtol=1e-12, atol=1e-13)
    assert len(sums) == intervals.RESAMPLES


def test_groups_vary_as_single_samples_do(monkeypatch: pytest.MonkeyPatch) -> None:
    values = RNG.exponential(size=4000)
    columns = np.column_stack([values, np.ones(4000)])
    one_by_one = intervals.resampled_sums(columns)
    monkeypatch.setattr(intervals, "MOST_GROUPS", 1000)
    in_groups = intervals.resampled_sums(columns)
    deviations = [np.std(sums[:, 0] / sums[:, 1]) for sums in (one_by_one, in_groups)]
    # The relative error of a deviation of 1000 draws is 1/sqrt(2000), of one of 1000 groups as much again: 4 of both.
    assert deviations[0] == pytest.approx(deviations[1], rel=4 * np.sqrt(2 / 2000))


@pytest.mark.parametrize("classes", [2, 4])
def test_scores_of_counts_are_the_metrics(classes: int) -> None:
    task = "binary" if classes == 2 else "multiclass"
    true, answered = RNG.integers(0, classes, 80), RNG.integers(0, classes, 80)
    outputs = np.full((80, 1 if classes == 2 else classes), 0.5)
    expected = measure(check_metrics(COUNTED, task, classes), task, true[:, np.newaxis], outputs, answered)
    found = counts.counted(true, answered, classes)
    for name, value in expected.items():
        score = counts.score_of(name, found, plain="second" if classes == 2 else "macro")
        assert score is not None
        assert float(score) == pytest.approx(value, rel=1e-12), name
    assert counts.score_of("roc_auc", found, plain="macro") is None


def test_resampled_counts_vary_as_resamples_do() -> None:
    true, answered = np.repeat([0, 1, 1, 2], 25), np.repeat([0, 1, 2, 2], 25)
    found = counts.resampled(true, answered, 3)
    assert (found.support.sum(axis=1) == 100).all()
    assert (found.answered.sum(axis=1) == 100).all()
    assert (found.right <= np.minimum(found.support, found.answered)).all()
    accuracy = counts.score_of("accuracy", found, plain="macro")
    assert accuracy is not None
    # Binomial: the deviation of a share of 0.75 of 100, itself known to 1/sqrt(2 * 1000), four of these.
    assert float(np.std(accuracy)) == pytest.approx(np.sqrt(0.75 * 0.25 / 100), rel=4 / np.sqrt(2000))


@pytest.mark.parametrize(
    ("name", "function"), [("roc_auc", skm.roc_auc_score), ("average_precision", skm.average_precision_score)]
)
def test_rankings_are_scikit_learn_s_of_each_resample(
    name: str, function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "RESAMPLES", 100)
    targets, scores = RNG.integers(0, 2, 40).astype(float), RNG.integers(0, 12, 40) / 12  # with ties
    draws = np.concatenate(list(intervals.drawn(40, 100)))
    expected = np.quantile([function(targets, scores, sample_weight=times) for times in draws], [0.025, 0.975])
    found = ranking.ranking_interval(name, [(targets, scores)])
    np.testing.assert_allclose((found.low, found.high), expected, rtol=1e-12)
    assert found.low < found.high


def test_rankings_leave_out_what_has_no_label() -> None:
    targets, scores = RNG.integers(0, 2, 60).astype(float), RNG.random(60)
    nothing = np.full(60, np.nan)
    both = ranking.ranking_interval("roc_auc", [(targets, scores), (nothing, scores)])
    assert both == ranking.ranking_interval("roc_auc", [(targets, scores)])
    none = ranking.ranking_interval("roc_auc", [(np.ones(60), scores)])
    assert np.isnan([none.low, none.high]).all()
