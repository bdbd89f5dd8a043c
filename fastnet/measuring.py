"""Metrics measured: functions of scikit-learn's, told what they must know about a network's answers.

Every number is worked out by ``sklearn.metrics``. What is decided here is what it is asked: which rows and columns have
a label, which classes there are (the network's, whether or not the sample has them all), and that a metric which the
data do not define is NaN instead of an error in the middle of a training.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .metrics import MATRIX, Metric, metric_named
from .validation import all_finite

Array = npt.NDArray[Any]
Measured = float | list[list[float]]
"""What a metric gives: a number, or the rows of the confusion matrix."""

_COLUMN_OPTIONS: dict[str, dict[str, Any]] = {"log_loss": {"labels": (0, 1)}, "brier": {"pos_label": 1}}


class _Answers(NamedTuple):
    """Targets beside a network's answers, row by row."""

    targets: Array
    outputs: Array
    labels: Array
    weights: Array | None

    def rows(self, kept: Array) -> "_Answers":
        """Those for which ``kept``, (n,), is true."""
        weights = None if self.weights is None else self.weights[kept]
        return _Answers(self.targets[kept], self.outputs[kept], self.labels[kept], weights)

    def column(self, index: int) -> "_Answers":
        """One output's targets, 0 or 1 for each row that has a label, beside the answers to them; each is (m,)."""
        column = _Answers(self.targets[:, index], self.outputs[:, index], self.labels[:, index], self.weights)
        labelled = column.rows(~np.isnan(column.targets))
        return labelled._replace(targets=_zero_or_one(labelled.targets))


def measure(
    names: Sequence[str],
    task: str,
    targets: Array,
    outputs: Array,
    labels: Array,
    sample_weight: Array | None = None,
) -> dict[str, Measured]:
    """The metrics of a network's answers.

    Parameters
    ----------
    names : sequence of str
        As ``check_metrics`` gives them.
    task : str
        "binary", "multiclass", "multilabel" or "regression".
    targets : ndarray
        Binary (n, 1) and multilabel (n, k): 0 or 1 (a soft label counts as 1 above 0.5), NaN where there is no label.
        Multiclass: class indices (n, 1), or one-hot or soft labels (n, k), of which the largest counts. Regression:
        (n, k), finite.
    outputs : ndarray
        Probabilities, of class 1 for binary (n, 1), of each class or label (n, k); for regression the values, (n, k).
    labels : ndarray
        What ``Network.predict`` gives: class indices (n,), or 0 and 1 of shape (n,) or (n, k); not used in regression.
    sample_weight : ndarray, optional
        (n,), at least 0.

    Returns
    -------
    dict
        A number for each name, or the confusion matrix as a list of rows (true classes; columns are answers). A metric
        that is not defined on the data, such as ROC AUC where only one class occurs, is NaN, and so is every metric of
        outputs that are not finite.

    Notes
    -----
    - Precision, recall and F1 are 0 where they would divide by 0; without a suffix they are of class 1 (binary) or the
      mean over classes or columns (macro). For binary networks a suffix averages over both classes.
    - The other metrics of multilabel networks are the mean over the columns, each measured on its labelled rows;
      columns on which a metric is not defined are left out. ROC AUC and average precision of multiclass networks are
      the same mean over the classes, one against the rest.
    - Brier for multiclass networks is the sum over the classes (Brier, 1950, equation 2).
    - The log loss cuts probabilities off at the rounding error of their type, as scikit-learn does.
    """
    metrics = [metric_named(name) for name in names]
    weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
    # To scikit-learn a row of weight 0 still is one: it can make a class present, or divide by a sum of 0.
    kept = np.ones(len(targets), bool) if weights is None else weights != 0
    if task == "multilabel" and outputs.shape[1] == 1:
        task = "binary"
    if task == "binary":
        kept &= ~np.isnan(targets[:, 0])
    answers = _Answers(targets, outputs, labels, weights).rows(kept)
    if not kept.any() or not all_finite(answers.outputs):
        classes = max(2, outputs.shape[1])
        nothing: Measured = np.full((classes, classes), np.nan).tolist()
        return {name: nothing if one.name == MATRIX else np.nan for name, one in zip(names, metrics, strict=True)}
    score = {"binary": _binary, "multiclass": _multiclass, "multilabel": _multilabel, "regression": _regression}[task]
    with warnings.catch_warnings():
        # What is not defined is NaN or 0, as said above; that a sample lacks a class, or has a single one, is no news.
        warnings.simplefilter("ignore")
        return {name: score(metric, answers) for name, metric in zip(names, metrics, strict=True)}


def _binary(metric: Metric, answers: _Answers) -> Any:
    return _column_score(metric, answers._replace(labels=answers.labels.reshape(-1, 1)).column(0))


def _multiclass(metric: Metric, answers: _Answers) -> Any:
    targets, outputs, labels, weights = answers
    classes = np.arange(outputs.shape[1])
    true = targets[:, 0].astype(np.int64) if targets.shape[1] == 1 else targets.argmax(axis=1)
    if metric.needs == "labels":
        return _call(metric, true, labels, weights, **_label_options(metric, "macro", classes))
    if metric.name == "log_loss":
        return _call(metric, true, outputs, weights, labels=classes)
    if metric.top is not None:
        # scikit-learn lets the last of equal probabilities win, predict the first: counted from the end they agree, and
        # top_1 is the accuracy. In front stands a class that nobody answers: of two it expects only one's scores.
        reversed_outputs = np.column_stack([np.full(len(outputs), -1, outputs.dtype), outputs[:, ::-1]])
        options = {"k": metric.top, "labels": np.arange(len(classes) + 1)}
        return _call(metric, len(classes) - true, reversed_outputs, weights, **options)
    one_hot = (true[:, np.newaxis] == classes).astype(np.int64)
    scores = [_column_score(metric, _Answers(one_hot[:, c], outputs[:, c], labels, weights)) for c in classes]
    return float(np.sum(scores)) if metric.name == "brier" else float(np.nanmean(scores))


def _multilabel(metric: Metric, answers: _Answers) -> Any:
    if not _is_averaged(metric):
        columns = (answers.column(index) for index in range(answers.outputs.shape[1]))
        return float(np.nanmean([_column_score(metric, column) for column in columns]))
    labelled = ~np.isnan(answers.targets)
    columns_with_labels = np.flatnonzero(labelled.any(axis=0))
    if not columns_with_labels.size:
        return np.nan
    # These are made of true positives, false positives and false negatives alone, and two zeros are none of them.
    targets, labels = _zero_or_one(answers.targets), np.where(labelled, answers.labels, 0)
    return _call(metric, targets, labels, answers.weights, **_label_options(metric, "macro", columns_with_labels))


def _regression(metric: Metric, answers: _Answers) -> Any:
    # Wide enough that squares of float32 do not overflow: scikit-learn takes the wider type of the two.
    return _call(metric, answers.targets, answers.outputs.astype(np.float64), answers.weights)


def _column_score(metric: Metric, column: _Answers) -> Any:
    """A metric of one column of zeros and ones, (m,) each."""
    targets, outputs, labels, weights = column
    # Without a positive scikit-learn calls the average precision 0, the worst there is, and warns.
    if len(targets) == 0 or (metric.name == "average_precision" and not targets.any()):
        return np.nan
    if metric.needs == "labels":
        return _call(metric, targets, labels, weights, **_label_options(metric, "binary", np.arange(2)))
    return _call(metric, targets, outputs, weights, **_COLUMN_OPTIONS.get(metric.name, {}))


def _is_averaged(metric: Metric) -> bool:
    return metric.function in ("precision_score", "recall_score", "f1_score")


def _label_options(metric: Metric, average: str, classes: Array) -> dict[str, Any]:
    """What the function of a metric of labels must know: the classes or columns there are, and how to average over them
    where the metric's name has no suffix that says so."""
    if _is_averaged(metric):
        return {"average": metric.name.partition("_")[2] or average, "labels": classes, "zero_division": 0}
    return {"labels": classes} if metric.name == MATRIX else {}


def _call(metric: Metric, true: Array, answered: Array, weights: Array | None, **options: Any) -> Any:
    """What scikit-learn's function gives: a float, or the rows of a matrix of floats."""
    import sklearn.metrics

    result = getattr(sklearn.metrics, metric.function)(true, answered, sample_weight=weights, **options)
    return np.asarray(result, np.float64).tolist()


def _zero_or_one(targets: Array) -> Array:
    return (targets > 0.5).astype(np.int64)
