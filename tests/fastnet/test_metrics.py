"""Metrics beside numbers worked out by hand and scikit-learn asked directly, and what is refused in which words."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import sklearn.metrics as skm
from hypothesis import given, settings
from hypothesis import strategies as st

import fastnet as fn
from fastnet.measuring import measure
from fastnet.metrics import ALIASES, METRICS, check_metrics, greater_is_better, metric_named

# No kernel runs in these.
pytestmark = pytest.mark.needs_compiler

TASKS = ("binary", "multiclass", "multilabel", "regression")
NUMBERS = {
    task: [m.name for m in METRICS.values() if task in m.tasks and m.name != "confusion_matrix"] for task in TASKS
}
MATRIX = "confusion_matrix"
NAN = math.nan
EXACT = 1e-12
"""Relative: sums of at most a hundred terms, each rounded to 1e-16, and divisions of them."""
few = settings(max_examples=10)
"""scikit-learn takes milliseconds for each of some twenty metrics, and an example's seed is random anyway."""

Array = npt.NDArray[Any]
Answers = tuple[Array, Array, Array]


def answers(task: str, seed: int, rows: int = 30, outputs: int = 3) -> Answers:
    """Targets, outputs and labels with many ties; multilabel without NaN."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        targets, values = rng.integers(-16, 17, (2, rows, outputs)) / 8
        return targets, values, values
    if task == "multiclass":
        counts = rng.integers(0, 4, (rows, outputs)) + 0.25
        probabilities = counts / counts.sum(axis=1, keepdims=True)
        return rng.integers(0, outputs, (rows, 1)).astype(float), probabilities, probabilities.argmax(axis=1)
    columns = 1 if task == "binary" else outputs
    probabilities = rng.integers(0, 9, (rows, columns)) / 8
    labels = (probabilities > 0.5).astype(np.int64)
    return rng.integers(0, 2, (rows, columns)).astype(float), probabilities, labels[:, 0] if columns == 1 else labels


def one(name: str, task: str, data: Answers, weights: Array | None = None) -> Any:
    return measure([name], task, *data, sample_weight=weights)[name]


def by_hand(task: str, targets: Any, outputs: Any) -> Answers:
    outputs = np.array(outputs, dtype=float)
    labels = outputs.argmax(axis=1) if task == "multiclass" else (outputs > 0.5).astype(np.int64)
    return np.array(targets, dtype=float), outputs, labels[:, 0] if task == "binary" else labels


BINARY = by_hand(
    "binary",
    np.c_[[1, 1, 1, 1, 0, 0, 0, 0, 0, 0]],
    np.c_[[0.9, 0.8, 0.7, 0.3, 0.85, 0.6, 0.4, 0.2, 0.1, 0.05]],
)
MULTICLASS = by_hand(
    "multiclass",
    np.c_[[0, 1, 1, 2, 2]],
    [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]],
)
MULTILABEL = by_hand(
    "multilabel",
    [[1, NAN], [0, 1], [1, 0], [0, NAN], [1, NAN]],
    [[0.9, 0.9], [0.6, 0.8], [0.3, 0.7], [0.2, 0.9], [0.8, 0.1]],
)
REGRESSION = (np.array([[1.0, 2], [3, 4]]), np.array([[2.0, 2], [3, 1]]), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("task", "data", "expected"),
    [
        (
            "binary",
            BINARY,  # 3 true positives, 1 false negative, 2 false positives, 4 true negatives
            {
                "accuracy": 7 / 10,
                "balanced_accuracy": (3 / 4 + 4 / 6) / 2,
                "precision": 3 / 5,
                "recall": 3 / 4,
                "f1": 2 / 3,
                "f1_macro": (2 / 3 + 8 / 11) / 2,
                "f1_micro": 7 / 10,
                "f1_weighted": (4 * 2 / 3 + 6 * 8 / 11) / 10,
                "precision_macro": (3 / 5 + 4 / 5) / 2,
                "recall_macro": (3 / 4 + 4 / 6) / 2,
                "roc_auc": (6 + 5 + 5 + 3) / 24,
                "average_precision": (1 + 2 / 3 + 3 / 4 + 4 / 7) / 4,
                "log_loss": -math.log(0.9 * 0.8 * 0.7 * 0.3 * 0.15 * 0.4 * 0.6 * 0.8 * 0.9 * 0.95) / 10,
                "brier": (0.01 + 0.04 + 0.09 + 0.49 + 0.7225 + 0.36 + 0.16 + 0.04 + 0.01 + 0.0025) / 10,
            },
        ),
        (
            "multiclass",
            MULTICLASS,
            {
                "accuracy": 3 / 5,
                "balanced_accuracy": (1 + 1 / 2 + 1 / 2) / 3,
                "top_1": 3 / 5,
                "top_2": 4 / 5,
                "top_3": 1.0,
                "precision": (1 / 3 + 1 + 1) / 3,
                "precision_macro": (1 / 3 + 1 + 1) / 3,
                "precision_weighted": (1 / 3 + 2 + 2) / 5,
                "recall": 2 / 3,
                "f1": (1 / 2 + 2 / 3 + 2 / 3) / 3,
                "f1_micro": 3 / 5,
                "roc_auc": (1 + 5 / 6 + 3.5 / 6) / 3,
                "average_precision": (1 + 0.75 + 0.7) / 3,
                "log_loss": -math.log(0.7 * 0.6 * 0.3 * 0.5 * 0.1) / 5,
                "brier": (0.14 + 0.26 + 0.78 + 0.38 + 1.26) / 5,
            },
        ),
        (
            "multilabel",
            MULTILABEL,
            {
                "accuracy": (3 / 5 + 1 / 2) / 2,
                "balanced_accuracy": ((2 / 3 + 1 / 2) / 2 + 1 / 2) / 2,
                "precision": (2 / 3 + 1 / 2) / 2,
                "precision_micro": 3 / 5,
                "precision_weighted": (3 * 2 / 3 + 1 / 2) / 4,
                "recall": (2 / 3 + 1) / 2,
                "f1_macro": 2 / 3,
                "roc_auc": (5 / 6 + 1) / 2,
                "average_precision": ((1 + 1 + 3 / 4) / 3 + 1) / 2,
                "log_loss": -math.log(0.9 * 0.4 * 0.3 * 0.8 * 0.8) / 10 - math.log(0.8 * 0.3) / 4,
                "brier": ((0.01 + 0.36 + 0.49 + 0.04 + 0.04) / 5 + (0.04 + 0.49) / 2) / 2,
            },
        ),
        (
            "regression",
            REGRESSION,
            {
                "mean_absolute_error": 1.0,
                "mean_squared_error": (1 / 2 + 9 / 2) / 2,
                "root_mean_squared_error": (math.sqrt(1 / 2) + math.sqrt(9 / 2)) / 2,
                "r2": (1 / 2 - 7 / 2) / 2,
            },
        ),
    ],
    ids=TASKS,
)
def test_the_numbers_are_those_worked_out_by_hand(task: str, data: Answers, expected: dict[str, float]) -> None:
    measured = measure(list(expected), task, *data)
    assert list(measured) == list(expected)
    assert measured == pytest.approx(expected, rel=EXACT)
    assert all(type(value) is float for value in measured.values())


def test_the_confusion_matrix_has_true_classes_in_its_rows() -> None:
    assert one(MATRIX, "binary", BINARY) == [[4, 2], [1, 3]]
    assert one(MATRIX, "multiclass", MULTICLASS) == [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
    assert one(MATRIX, "multiclass", MULTICLASS, np.array([1, 2, 3, 4, 0.5])) == [[1, 0, 0], [3, 2, 0], [0.5, 0, 4]]


SUFFIXED: list[tuple[str, Any, dict[str, Any]]] = [
    (f"{name}_{average}", getattr(skm, f"{name}_score"), {"average": average, "zero_division": 0})
    for name in ("precision", "recall", "f1")
    for average in ("macro", "micro", "weighted")
]


@few
@given(st.integers(0, 10**6), st.booleans())
def test_scikit_learn_says_the_same_of_binary_answers(seed: int, weighted: bool) -> None:
    data = targets, outputs, labels = answers("binary", seed)
    weights = np.random.default_rng(seed).uniform(0.1, 2, len(targets)) if weighted else None
    y, p = targets[:, 0].astype(int), outputs[:, 0]
    for name, function, options in [
        ("accuracy", skm.accuracy_score, {}),
        ("balanced_accuracy", skm.balanced_accuracy_score, {}),
        ("precision", skm.precision_score, {"zero_division": 0}),
        ("recall", skm.recall_score, {"zero_division": 0}),
        ("f1", skm.f1_score, {"zero_division": 0}),
        *SUFFIXED,
        ("roc_auc", skm.roc_auc_score, {}),
        ("average_precision", skm.average_precision_score, {}),
        ("log_loss", skm.log_loss, {}),
        ("brier", skm.brier_score_loss, {}),
    ]:
        answered = labels if METRICS[name].needs == "labels" else p
        assert one(name, "binary", data, weights) == function(y, answered, sample_weight=weights, **options), name


@few
@given(st.integers(0, 10**6), st.booleans())
def test_scikit_learn_says_the_same_of_classes(seed: int, weighted: bool) -> None:
    data = targets, outputs, labels = answers("multiclass", seed, rows=60, outputs=4)
    targets[:4, 0] = range(4)
    weights = np.random.default_rng(seed).uniform(0.1, 2, len(targets)) if weighted else None
    y = targets[:, 0].astype(int)
    for name, function, options in [
        ("accuracy", skm.accuracy_score, {}),
        ("balanced_accuracy", skm.balanced_accuracy_score, {}),
        ("f1", skm.f1_score, {"average": "macro", "zero_division": 0}),
        *SUFFIXED,
        ("roc_auc", skm.roc_auc_score, {"multi_class": "ovr"}),
        ("average_precision", skm.average_precision_score, {}),
        ("log_loss", skm.log_loss, {}),
    ]:
        answered = labels if METRICS[name].needs == "labels" else outputs
        expected = function(y, answered, sample_weight=weights, **options)
        assert one(name, "multiclass", data, weights) == pytest.approx(expected, rel=EXACT), name


@few
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_top_k_is_scikit_learns_where_no_two_classes_tie(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    outputs = rng.dirichlet(np.ones(6), 40)
    data = rng.integers(0, 6, (40, 1)).astype(float), outputs, outputs.argmax(axis=1)
    expected = skm.top_k_accuracy_score(data[0][:, 0], outputs, k=k, labels=range(6))
    assert one(f"top_{k}", "multiclass", data) == pytest.approx(expected, rel=EXACT)


@few
@given(st.integers(0, 10**6))
def test_scikit_learn_says_the_same_of_labels(seed: int) -> None:
    data = targets, outputs, labels = answers("multilabel", seed)
    y = targets.astype(int)
    for name, function, options in [
        *SUFFIXED,
        ("roc_auc", skm.roc_auc_score, {}),
        ("average_precision", skm.average_precision_score, {}),
    ]:
        answered = labels if METRICS[name].needs == "labels" else outputs
        assert one(name, "multilabel", data) == pytest.approx(function(y, answered, **options), rel=EXACT), name
    assert one("accuracy", "multilabel", data) == pytest.approx((y == labels).mean(), rel=EXACT)


@few
@given(st.integers(0, 10**6))
def test_scikit_learn_says_the_same_of_values(seed: int) -> None:
    data = targets, outputs, _ = answers("regression", seed)
    for name in NUMBERS["regression"]:
        expected = getattr(skm, METRICS[name].function)(targets, outputs)
        assert one(name, "regression", data) == pytest.approx(expected, rel=EXACT), name


@few
@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(2, 5))
def test_top_1_is_the_accuracy_and_the_share_of_right_answers(seed: int, rows: int, classes: int) -> None:
    data = targets, _, labels = answers("multiclass", seed, rows, classes)
    measured = measure(["top_1", "accuracy", f"top_{classes}"], "multiclass", *data)
    share = pytest.approx(np.mean(targets[:, 0] == labels), rel=EXACT)
    assert measured == {"top_1": share, "accuracy": share, f"top_{classes}": 1.0}


@pytest.mark.parametrize("task", TASKS)
@few
@given(seed=st.integers(0, 10**6), weights=st.lists(st.integers(0, 3), min_size=2, max_size=20))
def test_a_whole_weight_is_as_many_rows(task: str, seed: int, weights: list[int]) -> None:
    weights[:2] = [weights[0] + 1, weights[1] + 1]  # of a single row R2 is not defined, of two equal ones it is
    data = answers(task, seed, len(weights))
    if task == "multilabel":
        data[0][np.random.default_rng(seed).random(data[0].shape) < 0.4] = NAN
    repeated = tuple(np.repeat(part, weights, axis=0) for part in data)
    weighted = measure(NUMBERS[task], task, *data, sample_weight=np.array(weights))
    assert weighted == pytest.approx(measure(NUMBERS[task], task, *repeated), rel=EXACT, abs=EXACT, nan_ok=True)


@pytest.mark.parametrize("task", TASKS)
@few
@given(seed=st.integers(0, 10**6), rows=st.integers(1, 20))
def test_weights_of_one_change_nothing(task: str, seed: int, rows: int) -> None:
    data = answers(task, seed, rows)
    weighted = measure(NUMBERS[task], task, *data, sample_weight=np.ones(rows, np.float32))
    assert weighted == pytest.approx(measure(NUMBERS[task], task, *data), rel=EXACT, abs=EXACT, nan_ok=True)


@few
@given(st.integers(0, 10**6))
def test_soft_labels_count_as_the_nearest_hard_ones(seed: int) -> None:
    names = NUMBERS["multiclass"]
    targets, *given = answers("multiclass", seed)
    one_hot = np.eye(3)[targets[:, 0].astype(int)]
    expected = measure(names, "multiclass", targets, *given)
    assert measure(names, "multiclass", one_hot, *given) == expected
    assert measure(names, "multiclass", 0.9 * one_hot + 0.1 / 3, *given) == expected
    for task in ("binary", "multilabel"):
        targets, *given = answers(task, seed)
        expected = measure(NUMBERS[task], task, targets, *given)
        softened = measure(NUMBERS[task], task, 0.5 * targets + 0.25, *given)
        assert softened == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


@few
@given(st.integers(0, 10**6))
def test_answers_where_there_is_no_label_do_not_count(seed: int) -> None:
    targets, outputs, labels = answers("multilabel", seed)
    unlabelled = np.random.default_rng(seed).random(targets.shape) < 0.5
    targets[unlabelled] = NAN
    others = np.where(unlabelled, 1 - outputs, outputs), np.where(unlabelled, 1 - labels, labels)
    expected = measure(NUMBERS["multilabel"], "multilabel", targets, outputs, labels)
    measured = measure(NUMBERS["multilabel"], "multilabel", targets, *others)
    assert measured == pytest.approx(expected, rel=0, abs=0, nan_ok=True)


def test_a_column_without_labels_is_left_out() -> None:
    targets, outputs, labels = MULTILABEL
    wider = (
        np.c_[targets, np.full(5, NAN)],
        np.c_[outputs, np.full(5, 0.75)],
        np.c_[labels, np.ones(5, np.int64)],
    )
    names = NUMBERS["multilabel"]
    assert measure(names, "multilabel", *wider) == measure(names, "multilabel", *MULTILABEL)
    nothing = measure(names, "multilabel", np.full((5, 2), NAN), outputs, labels)
    assert all(math.isnan(value) for value in nothing.values() if isinstance(value, float))
    assert list(nothing) == names


def test_one_column_of_labels_is_binary() -> None:
    targets, outputs, labels = BINARY
    names = [*NUMBERS["multilabel"], MATRIX]
    column = measure(names, "multilabel", targets, outputs, np.c_[labels])
    assert column == measure(names, "binary", *BINARY)
    unlabelled = np.r_[targets, [[NAN]]], np.r_[outputs, [[0.5]]], np.r_[labels, 1]
    assert measure(names, "binary", *unlabelled) == column
    nothing = measure(["recall", MATRIX], "binary", np.full_like(targets, NAN), outputs, labels)
    assert np.isnan(nothing["recall"])
    np.testing.assert_array_equal(np.array(nothing[MATRIX]), np.full((2, 2), NAN), strict=True)


@pytest.mark.parametrize(
    ("name", "task", "targets", "outputs", "expected"),
    [
        ("roc_auc", "binary", [[1], [1]], [[0.2], [0.9]], NAN),
        ("roc_auc", "binary", [[0], [0]], [[0.2], [0.9]], NAN),
        ("average_precision", "binary", [[0], [0]], [[0.2], [0.9]], NAN),
        ("average_precision", "binary", [[1], [1]], [[0.2], [0.9]], 1),
        ("balanced_accuracy", "binary", [[0], [0]], [[0.2], [0.9]], 1 / 2),
        ("log_loss", "binary", [[0], [0]], [[0.25], [0.5]], -math.log(0.75 * 0.5) / 2),
        ("brier", "binary", [[0], [0]], [[0.25], [0.5]], (1 / 16 + 1 / 4) / 2),
        ("precision", "binary", [[0], [1]], [[0.25], [0.5]], 0),
        ("recall", "binary", [[0], [0]], [[0.25], [0.75]], 0),
        ("f1", "binary", [[0], [0]], [[0.25], [0.25]], 0),
        (MATRIX, "binary", [[0], [0]], [[0.25], [0.25]], [[2, 0], [0, 0]]),
        ("roc_auc", "multiclass", [[2], [2]], [[0.2, 0.3, 0.5]] * 2, NAN),
        ("roc_auc", "multiclass", [[1], [2]], [[0.1, 0.5, 0.4], [0.1, 0.6, 0.3]], 0),
        ("average_precision", "multiclass", [[2], [2]], [[0.2, 0.3, 0.5]] * 2, 1),
        ("accuracy", "multiclass", [[2], [2]], [[0.2, 0.3, 0.5]] * 2, 1),
        ("balanced_accuracy", "multiclass", [[2], [2]], [[0.2, 0.3, 0.5], [0.5, 0.3, 0.2]], 1 / 2),
        ("recall", "multiclass", [[2], [2]], [[0.2, 0.3, 0.5]] * 2, 1 / 3),
        ("log_loss", "multiclass", [[2], [2]], [[0.2, 0.3, 0.5]] * 2, math.log(2)),
        ("top_2", "multiclass", [[2], [2]], [[0.2, 0.3, 0.5], [0.5, 0.3, 0.2]], 1 / 2),
        (MATRIX, "multiclass", [[1]], [[0.2, 0.3, 0.5]], [[0, 0, 0], [0, 0, 1], [0, 0, 0]]),
        ("roc_auc", "multilabel", [[1, 1], [0, 1]], [[0.7, 0.2], [0.6, 0.9]], 1),
        ("roc_auc", "multilabel", [[1, 1], [NAN, 1]], [[0.7, 0.2], [0.6, 0.9]], NAN),
        ("average_precision", "multilabel", [[1, 0], [0, 0]], [[0.7, 0.2], [0.6, 0.9]], 1),
        ("r2", "regression", [[1.0, 2.0]], [[1.0, 3.0]], NAN),
        ("r2", "regression", [[1.0], [1.0]], [[1.0], [3.0]], 0),
    ],
)
def test_data_of_one_class_or_row_give_a_number_or_nan(
    name: str, task: str, targets: Any, outputs: Any, expected: Any
) -> None:
    measured = one(name, task, by_hand(task, targets, outputs))
    if name == MATRIX:
        assert measured == expected
    else:
        assert measured == pytest.approx(expected, rel=EXACT, nan_ok=True)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("broken", [NAN, math.inf, None])
def test_without_finite_outputs_or_rows_that_count_every_metric_is_nan(task: str, broken: float | None) -> None:
    targets, outputs, labels = answers(task, 0)
    if broken is not None:
        outputs[1, 0] = broken
    weights = np.zeros(len(targets)) if broken is None else None
    measured = measure(NUMBERS[task], task, targets, outputs, labels, weights)
    assert list(measured) == NUMBERS[task]
    assert all(math.isnan(value) for value in measured.values() if isinstance(value, float))
    if task in METRICS[MATRIX].tasks:
        matrix = np.array(one(MATRIX, task, (targets, outputs, labels), weights))
        assert matrix.shape == ((2, 2) if task == "binary" else (3, 3))
        assert np.isnan(matrix).all()


@pytest.mark.parametrize("task", TASKS)
def test_float32_answers_are_measured_as_well(task: str) -> None:
    targets, outputs, labels = answers(task, 1)
    single = measure(NUMBERS[task], task, targets.astype(np.float32), outputs.astype(np.float32), labels)
    # Probabilities of 0 and 1 are cut off at the rounding error of their type, which the log loss sees.
    names = [name for name in NUMBERS[task] if name != "log_loss"]
    double = measure(names, task, targets, outputs, labels)
    rounding = 30 * float(np.finfo(np.float32).eps)
    assert {name: single[name] for name in names} == pytest.approx(double, rel=rounding)
    if task == "binary":
        expected = skm.log_loss(targets[:, 0], outputs[:, 0].astype(np.float32))
        assert single["log_loss"] == pytest.approx(expected, rel=EXACT)


def test_large_float32_values_have_a_squared_error() -> None:
    targets, outputs = np.array([[[-1e30], [1e30]], [[-1e30], [0]]], np.float32)
    measured = measure(["r2", "mean_squared_error"], "regression", targets, outputs, outputs)
    squared = float(targets[1, 0]) ** 2
    assert measured == pytest.approx({"r2": 1 / 2, "mean_squared_error": squared / 2}, rel=EXACT)


def test_every_metric_is_scikit_learns_and_suits_a_task() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert callable(getattr(skm, metric.function))
        assert metric.tasks
        assert set(metric.tasks) <= set(TASKS)
        assert metric.needs in ("labels", "probabilities", "values")
        assert (metric.needs == "values") == (metric.tasks == ("regression",))
    assert all(metric_named(alias) is METRICS[name] for alias, name in ALIASES.items())
    assert metric_named("top_17").name == "top_17"


@pytest.mark.parametrize(
    ("names", "task", "outputs", "expected"),
    [
        (["f1", "accuracy"], "binary", 1, ("f1", "accuracy")),
        (("mae", "rmse", "mse", "r2"), "regression", 2, (*ALIASES.values(), "r2")),
        ((name for name in ["top_1", "top_5", "top_10"]), "multiclass", 10, ("top_1", "top_5", "top_10")),
        (["roc_auc", "f1_micro"], "multilabel", 4, ("roc_auc", "f1_micro")),
        ([], "binary", 1, ()),
    ],
)
def test_names_are_taken_in_their_order(names: Any, task: str, outputs: int, expected: Sequence[str]) -> None:
    assert check_metrics(names, task, outputs) == expected


def test_the_confusion_matrix_is_taken_where_a_matrix_may_be() -> None:
    assert check_metrics([MATRIX, "f1"], "binary", 1, allow_matrix=True) == (MATRIX, "f1")


@pytest.mark.parametrize(
    ("names", "task", "sentence"),
    [
        (["acuracy"], "binary", r"a metric must be one of accuracy, .*not 'acuracy' \(did you mean 'accuracy'\?\)"),
        (["top3"], "multiclass", r"not 'top3' \(did you mean 'top_3'\?\)"),
        (["top_0"], "multiclass", "a metric must be one of .*not 'top_0'"),
        (["top_k"], "multiclass", "a metric must be one of .*not 'top_k'"),
        (["top_03"], "multiclass", "a metric must be one of .*not 'top_03'"),
        (["top_-3"], "multiclass", "a metric must be one of .*not 'top_-3'"),
        ([3], "multiclass", "a metric must be one of .*not 3"),
        ("accuracy", "binary", r"metrics must be a list of names such as \['accuracy'\], not 'accuracy'"),
        (None, "binary", r"metrics must be a list of names such as \['accuracy'\], not None"),
        (
            ["r2"],
            "multilabel",
            "'r2' is for regression networks, but this one is multilabel; choose from accuracy, .*, brier$",
        ),
        (
            ["roc_auc"],
            "regression",
            "'roc_auc' is for binary and multiclass and multilabel networks, but this one is regression; choose from",
        ),
        (["top_2"], "binary", "'top_2' is for multiclass networks, but this one is binary; choose from accuracy"),
        (
            [MATRIX],
            "multilabel",
            "'confusion_matrix' is for binary and multiclass networks, but this one is multilabel",
        ),
        ([MATRIX], "binary", "'confusion_matrix' cannot be recorded each epoch, because it is a matrix"),
        (["top_4"], "multiclass", "'top_4' needs at least 4 classes, but this network has 3; take a smaller k"),
        (["f1", "recall", "f1"], "binary", "the metric 'f1' is given twice; name it once"),
        (["mse", "mean_squared_error"], "regression", "the metric 'mean_squared_error' is given twice"),
    ],
)
def test_names_that_make_no_sense_are_refused_in_a_sentence(names: Any, task: str, sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        check_metrics(names, task, 3)


def test_which_way_is_better() -> None:
    lower = {name for name in METRICS if name != MATRIX and not greater_is_better(name)}
    assert lower == {"log_loss", "brier", *ALIASES.values()}
    assert not greater_is_better("mae")
    assert greater_is_better("top_7")
    with pytest.raises(fn.ConfigurationError, match="'confusion_matrix' is a matrix, neither better nor worse"):
        greater_is_better(MATRIX)
    with pytest.raises(fn.ConfigurationError, match=r"not 'logloss' \(did you mean 'log_loss'\?\)"):
        greater_is_better("logloss")
