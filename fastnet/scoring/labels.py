"""The report of a network whose labels do not exclude each other; what has no label is left out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import counts
from .answers import Answers
from .calibration import calibration
from .classes import mean_interval
from .intervals import Array, Interval, percentiles, resampled_sums, wilson, wilson_interval
from .ranking import ranking_interval

Report = dict[str, Any]


def of_labels(answers: Answers, metrics: Sequence[str], worst: int, first: int) -> Report:
    """What ``report`` gives beside the plain scores."""
    labelled = ~np.isnan(answers.true)
    true = np.where(labelled, answers.true, 0).astype(bool)
    said = labelled & (answers.answered > 0)
    right = labelled & (true == said)
    columns = np.hstack([true & said, true, said, labelled, right]).astype(np.float64)
    plain, n_right, n_labelled = _split(columns.sum(axis=0))
    resampled, right_then, labelled_then = _split(resampled_sums(columns))
    intervals = {"accuracy": percentiles(right_then.sum(axis=1) / labelled_then.sum(axis=1))}
    there = np.flatnonzero(n_labelled)
    for name in metrics:
        if name == "accuracy":
            continue
        if name == "balanced_accuracy":
            intervals[name] = percentiles(_balanced(resampled, labelled_then)[:, there].mean(axis=1))
        elif (values := counts.score_of(name, resampled.of(there), plain="macro")) is not None:
            intervals[name] = percentiles(values)
        elif answers.probabilities is not None:
            intervals[name] = _of_probabilities(name, answers, there)
    complete = labelled.all(axis=1)
    exact = int(np.count_nonzero(right.all(axis=1)))
    return {
        "intervals": intervals,
        "exact": {
            "samples": int(complete.sum()),
            "right": exact,
            "share": exact / complete.sum() if complete.any() else np.nan,
            "interval": wilson_interval(exact, int(complete.sum())).to_dict(),
        },
        "per_label": _per_label(answers, labelled, plain, resampled, n_right, n_labelled),
        "mistakes": _mistakes(answers, labelled & ~right, worst, first),
    }


def _split(sums: Array) -> tuple[counts.Counts, Array, Array]:
    both, true, said, labelled, right = np.split(sums, 5, axis=-1)
    return counts.Counts(both, true, said), right, labelled


def _balanced(found: counts.Counts, labelled: Array) -> Array:
    """The mean of both answers' recalls, of those that there are samples of."""
    negatives = counts.Counts(
        labelled - found.support - found.answered + found.right, labelled - found.support, labelled - found.answered
    )
    kinds = (found.support > 0).astype(int) + (negatives.support > 0)
    total = found.recall + negatives.recall
    mean: Array = np.divide(total, kinds, out=np.full(total.shape, np.nan), where=kinds > 0)
    return mean


def _of_probabilities(name: str, answers: Answers, there: Array) -> Interval:
    assert answers.probabilities is not None
    true, given = answers.true[:, there], answers.probabilities[:, there]
    if name in ("roc_auc", "average_precision"):
        return ranking_interval(name, [(true[:, c], given[:, c]) for c in range(len(there))])
    if name == "brier":
        each = np.square(given - true)
    else:
        eps = np.finfo(np.float32).eps
        inside = np.clip(given, eps, 1 - eps)
        each = -np.log(np.where(true == 1, inside, 1 - inside))
    kept = ~np.isnan(true)
    sums = resampled_sums(np.hstack([np.where(kept, each, 0), kept]))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums[:, : len(there)] / sums[:, len(there) :]
    return percentiles(means.mean(axis=1))


def _per_label(
    answers: Answers, labelled: Array, plain: counts.Counts, resampled: counts.Counts, right: Array, count: Array
) -> list[Report]:
    with np.errstate(invalid="ignore", divide="ignore"):
        accuracy = right / count
    bounds = {
        "accuracy": wilson(right, count),
        "precision": wilson(plain.right, plain.answered),
        "recall": wilson(plain.right, plain.support),
    }
    reports = []
    for c, name in enumerate(answers.names):
        intervals = {what: Interval(float(low[c]), float(high[c]), "wilson") for what, (low, high) in bounds.items()}
        intervals["f1"] = percentiles(resampled.f1[:, c])
        some = labelled[:, c]
        reliability = None
        if answers.probabilities is not None and some.any():
            said, true = answers.probabilities[some, c], answers.true[some, c] == 1
            squares = np.square(said - true)
            brier = {"brier": float(squares.mean()), "brier_interval": mean_interval(squares).to_dict()}
            reliability = {**brier, **calibration(said, true)}
        reports.append(
            {
                "label": name,
                "accuracy": float(accuracy[c]),
                "precision": float(plain.precision[c]),
                "recall": float(plain.recall[c]),
                "f1": float(plain.f1[c]),
                "support": int(plain.support[c]),
                "labelled": int(count[c]),
                "intervals": {what: interval.to_dict() for what, interval in intervals.items()},
                "calibration": reliability,
            }
        )
    return reports


def _mistakes(answers: Answers, wrong: Array, worst: int, first: int) -> Report:
    """Single labels that were answered wrongly, those that the network was surest of first; where it gives no
    probabilities, those of the samples with the largest losses."""
    rows, labels = np.nonzero(wrong)
    given = None
    if answers.probabilities is not None:
        given = np.abs(answers.probabilities[rows, labels] - (1 - answers.answered[rows, labels]))
    ordered = np.argsort(-(answers.losses[rows] if given is None else given), kind="stable")
    return {
        "count": len(rows),
        "worst": [
            {
                "index": int(answers.rows[rows[i]]) + first,
                "label": answers.names[labels[i]],
                "true": int(answers.true[rows[i], labels[i]]),
                "predicted": int(answers.answered[rows[i], labels[i]]),
                "probability": None if given is None else float(given[i]),
            }
            for i in ordered[:worst]
        ],
    }
