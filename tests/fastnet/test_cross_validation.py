"""Cross-validation: every fold is the training it would be alone, prepared by its own part; the corrected interval."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats

import fastnet as fn
from fastnet.data import Dataset
from fastnet.metrics import bounds_of
from fastnet.scoring.folds import estimate

pytestmark = pytest.mark.needs_compiler

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) * 3 + 5
Y = (X[:, 0] > 5).astype(int)


def build(preparation: fn.Preparation) -> fn.Network:
    layers = [fn.Dense(5, "tanh"), fn.Dense(preparation.n_outputs, "sigmoid")]
    return fn.Network(layers, input_shape=preparation.input_shape, loss="binary_crossentropy", seed=1)


def test_a_fold_is_the_training_it_would_be_alone() -> None:
    optimizer = fn.SGD(0.1)
    found = fn.cross_validate(build, X, Y, folds=3, optimizer=optimizer, epochs=3, metrics=["f1"], workers=2)
    one_by_one = fn.cross_validate(build, X, Y, folds=3, optimizer=optimizer, epochs=3, metrics=["f1"], workers=1)
    assert [fold.scores for fold in found.folds] == [fold.scores for fold in one_by_one.folds]
    for fold in found.folds:
        preparation = fn.Preparation.fit(Dataset(X[fold.train], Y[fold.train], "here"))
        network = build(preparation)
        network.fit(preparation.features(X[fold.train], source="x"), Y[fold.train], optimizer=optimizer, epochs=3)
        alone = network.evaluate(preparation.features(X[fold.test], source="x"), Y[fold.test], metrics=["f1"])
        assert fold.scores == alone
        np.testing.assert_array_equal(
            fold.answers["label"] == "1", network.predict(preparation.features(X[fold.test], source="x")) == 1
        )
    assert sorted(np.concatenate([fold.test for fold in found.folds])) == list(range(60))
    assert set(found.scores) == {"loss", "accuracy", "f1"}


def test_the_interval_is_corrected_for_what_folds_share() -> None:
    values = [0.9, 0.8, 0.85, 0.95, 0.7]
    found = estimate(values, [(80, 20)] * 5)
    error = np.std(values, ddof=1) * np.sqrt(1 / 5 + 20 / 80)
    expected = scipy.stats.t.interval(0.95, 4, loc=np.mean(values), scale=error)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-12)
    assert found.deviation == pytest.approx(np.std(values, ddof=1), rel=1e-14)
    # Ten times as many of the same folds say little more, where the usual interval would shrink to a third.
    again = estimate(values * 10, [(80, 20)] * 50)
    assert 0.5 < (again.high - again.low) / (found.high - found.low) < 1
    alone = estimate([0.9], [(80, 20)])
    assert alone.mean == 0.9
    assert np.isnan([alone.deviation, alone.low, alone.high]).all()


def test_an_interval_ends_where_the_score_does() -> None:
    found = estimate([1.0, 0.9, 1.0], [(80, 20)] * 3, bounds_of("accuracy"))
    assert (found.high, found.low) == (1.0, estimate([1.0, 0.9, 1.0], [(80, 20)] * 3).low)
    assert estimate([0.0, 0.1, 0.0], [(80, 20)] * 3, bounds_of("rmse")).low == 0
    assert bounds_of("r2") == (-math.inf, 1.0)
    assert bounds_of("top_7") == (0.0, 1.0)
    assert bounds_of("loss") == (-math.inf, math.inf)


def test_numbers_groups_and_repeats() -> None:
    def regression(preparation: fn.Preparation) -> fn.Network:
        return fn.Network([fn.Dense(1)], input_shape=preparation.input_shape, loss="mean_squared_error")

    y, groups = X @ [1.0, 2.0, 0.0, 0.0], np.arange(60) % 7
    found = fn.cross_validate(
        regression, X, y, folds=3, repeats=2, groups=groups, optimizer=fn.SGD(0.1), epochs=20, seed=3
    )
    assert [(fold.repeat, fold.fold) for fold in found.folds] == [(i, j) for i in range(2) for j in range(3)]
    for fold in found.folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        errors = fold.answers["value"].astype(float) - y[fold.test]
        # Answers are float32 of numbers up to 50: 4e-6 each.
        assert fold.scores["root_mean_squared_error"] == pytest.approx(np.sqrt(np.mean(errors**2)), abs=1e-5)
    assert found.scores["r2"].mean > 0.9


def test_times_follow_each_other() -> None:
    found = fn.cross_validate(build, X, Y, folds=3, times=np.arange(60), epochs=1)
    assert all(fold.train.max() < fold.test.min() for fold in found.folds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "folds must be"),
        ({"callbacks": []}, "does not take callbacks"),
        ({"groups": np.arange(60), "times": np.arange(60)}, "cannot both"),
        ({"metrics": ["r2"]}, "r2"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(options: dict[str, Any], message: str) -> None:
    with pytest.raises(fn.FastnetError, match=message):
        fn.cross_validate(build, X, Y, epochs=2, **options)


def test_a_divergence_is_told_with_its_fold() -> None:
    def steep(preparation: fn.Preparation) -> fn.Network:
        return fn.Network([fn.Dense(1)], input_shape=preparation.input_shape, loss="mean_squared_error")

    with pytest.raises(fn.DivergenceError, match="fold 1 of 3"):
        fn.cross_validate(steep, X, X[:, 0], folds=3, optimizer=fn.SGD(1e30), epochs=5)


def test_a_function_that_builds_nothing_is_told() -> None:
    with pytest.raises(fn.ConfigurationError, match="must return a Network, not None"):
        fn.cross_validate(lambda preparation: None, X, Y)  # type: ignore[arg-type,return-value]
