"""The report of every task beside scikit-learn's numbers."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as skm

import fastnet as fn
from fastnet.data import Dataset
from fastnet.scoring import report
from fastnet.scoring.calibration import calibration

pytestmark = pytest.mark.needs_compiler

RNG = np.random.default_rng(0)
N = 120
X = RNG.normal(size=(N, 4))


def network(last: fn.Dense, loss: str) -> fn.Network:
    return fn.Network([last], input_shape=4, loss=loss, dtype="float64", seed=3)


def within(interval: dict[str, Any], value: float) -> bool:
    return bool(interval["low"] <= value <= interval["high"])


@pytest.mark.parametrize("classes", [2, 3])
def test_classes(classes: int) -> None:
    y, binary = RNG.integers(0, classes, N), classes == 2
    last = fn.Dense(1, "sigmoid") if binary else fn.Dense(3, "softmax")
    net = network(last, "binary_crossentropy" if binary else "categorical_crossentropy")
    names = ["f1", "roc_auc", "average_precision", "log_loss", "brier", *([] if binary else ["top_3"])]
    scores, found = net.evaluate(X, y, metrics=names), report(net, X, y, metrics=names, worst=5)
    assert set(found["intervals"]) == {"loss", "accuracy", *names}
    for name, interval in found["intervals"].items():
        assert within(interval, scores[name]), name
    answered, proba = net.predict(X), net.predict_proba(X)
    np.testing.assert_array_equal(found["confusion"]["rows"], skm.confusion_matrix(y, answered))
    expected = skm.classification_report(y, answered, output_dict=True, zero_division=0)
    for row in found["per_class"]:
        theirs = expected[row["class"]]
        assert [row["precision"], row["recall"], row["f1"], row["support"]] == pytest.approx(
            [theirs["precision"], theirs["recall"], theirs["f1-score"], theirs["support"]], rel=1e-12
        )
    of_class = np.hstack([1 - proba, proba]) if binary else proba
    wrong = np.flatnonzero(y != answered)
    order = wrong[np.argsort(of_class[wrong, y[wrong]], kind="stable")][:5]
    assert found["mistakes"]["count"] == len(wrong)
    assert [one["index"] for one in found["mistakes"]["worst"]] == order.tolist()
    for one in found["mistakes"]["worst"]:
        assert (one["class"], one["predicted"]) == (str(y[one["index"]]), str(answered[one["index"]]))
        assert one["probability"] == of_class[one["index"], answered[one["index"]]]
    brier = skm.brier_score_loss(y, proba[:, 0]) if binary else np.square(proba - np.eye(3)[y]).sum(axis=1).mean()
    assert found["calibration"]["brier"] == pytest.approx(brier, rel=1e-12)
    assert sum(one["samples"] for one in found["calibration"]["bins"]) == N


def test_calibration_error_is_the_distance_of_what_was_said() -> None:
    said = np.repeat([0.2, 0.7], 10)
    found = calibration(said, np.concatenate([np.arange(10) < 2, np.arange(10) < 7]))
    assert found["expected_calibration_error"] == pytest.approx(0, abs=1e-15)
    assert sum(one["samples"] for one in found["bins"]) == 20
    assert calibration(np.full(4, 0.9), np.zeros(4, bool))["expected_calibration_error"] == pytest.approx(0.9)
    ends = calibration(np.array([0.0, 1.0]), np.array([False, True]))["bins"]
    assert [(one["low"], one["high"]) for one in ends] == [(0.0, 0.1), (0.9, 1.0)]


def test_labels_with_gaps() -> None:
    y = np.where(RNG.random((N, 3)) < 0.2, np.nan, RNG.integers(0, 2, (N, 3)))
    net = network(fn.Dense(3, "sigmoid"), "binary_crossentropy")
    names = ["f1", "f1_micro", "balanced_accuracy", "roc_auc", "log_loss", "brier"]
    scores, found = net.evaluate(X, y, metrics=names), report(net, X, y, metrics=names, worst=4, first=1)
    assert set(found["intervals"]) == {"loss", "accuracy", *names}
    for name, interval in found["intervals"].items():
        assert within(interval, scores[name]), name
    answered, proba = net.predict(X), net.predict_proba(X)
    for c, row in enumerate(found["per_label"]):
        some = ~np.isnan(y[:, c])
        true, said = y[some, c], answered[some, c]
        assert row["labelled"] == some.sum()
        assert [row["accuracy"], row["precision"], row["recall"], row["f1"]] == pytest.approx(
            [f(true, said) for f in (skm.accuracy_score, skm.precision_score, skm.recall_score, skm.f1_score)]
        )
        assert row["calibration"]["brier"] == pytest.approx(skm.brier_score_loss(true, proba[some, c]), rel=1e-12)
    complete = ~np.isnan(y).any(axis=1)
    assert found["exact"]["samples"] == complete.sum()
    assert found["exact"]["right"] == (y[complete] == answered[complete]).all(axis=1).sum()
    wrong = ~np.isnan(y) & (y != answered)
    assert found["mistakes"]["count"] == wrong.sum()
    worst = found["mistakes"]["worst"][0]
    assert worst["probability"] == np.maximum(proba, 1 - proba)[wrong].max()
    assert wrong[worst["index"] - 1, int(worst["label"])]


def test_numbers_are_in_the_data_s_units() -> None:
    y = RNG.normal(size=(N, 2)) * [10, 1000] + [5, 1e6]
    net = network(fn.Dense(2), "mean_squared_error")
    net.preparation = preparation = fn.Preparation.fit(Dataset(X, y, "here", target_name="a,b"))
    prepared = preparation.features(X, source="x", dtype="float64"), preparation.targets(y, source="x")
    names = ["mae", "rmse", "r2", "mse"]
    scores, found = net.evaluate(*prepared, metrics=names), report(net, *prepared, metrics=names, worst=3)
    for name in scores:
        assert within(found["intervals"][name], scores[name]), name
    answers = preparation.values(net.predict(prepared[0]))
    expected = {
        "mean_absolute_error": skm.mean_absolute_error,
        "root_mean_squared_error": skm.root_mean_squared_error,
        "r2": skm.r2_score,
        "median_absolute_error": skm.median_absolute_error,
    }
    for c, target in enumerate(found["targets"]):
        true, said = y[:, c], answers[:, c]
        assert target["target"] == "ab"[c]
        for measure, function in expected.items():
            # Standardised and back, a number around 1e6 is right to 1e-10, and an error of 1e3 to 1e-13 of that.
            assert target[measure] == pytest.approx(function(true, said), rel=1e-9), measure
            assert within(target["intervals"][measure], target[measure]), measure
        errors = said - true
        assert [one["index"] for one in target["worst"]] == np.argsort(-np.abs(errors))[:3].tolist()
        assert target["residuals"]["quantiles"][3]["residual"] == pytest.approx(np.median(errors), rel=1e-9)


def test_hinge_has_no_probabilities() -> None:
    y = RNG.integers(0, 2, N)
    found = report(network(fn.Dense(1), "hinge"), X, y)
    assert found["calibration"] is None
    losses = [one["loss"] for one in found["mistakes"]["worst"]]
    assert losses == sorted(losses, reverse=True)
    assert found["mistakes"]["worst"][0]["probability"] is None
    labels = report(network(fn.Dense(2), "hinge"), X, np.column_stack([y, 1 - y]))
    assert labels["per_label"][0]["calibration"] is None
    assert labels["mistakes"]["worst"][0]["probability"] is None


def test_the_same_report_twice() -> None:
    y = RNG.integers(0, 3, N)
    net = network(fn.Dense(3, "softmax"), "categorical_crossentropy")
    assert report(net, X, y, metrics=["f1", "roc_auc"]) == report(net, X, y, metrics=["f1", "roc_auc"])


def test_one_sample() -> None:
    net = network(fn.Dense(3, "softmax"), "categorical_crossentropy")
    assert report(net, X[:1], [1])["intervals"]["accuracy"]["method"] == "wilson"
    numbers = report(network(fn.Dense(1), "mean_squared_error"), X[:1], [1.0])
    assert np.isnan(numbers["targets"][0]["r2"])
