"""The report of a network whose classes exclude each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import counts
from .answers import Answers
from .calibration import calibration
from .intervals import Array, Interval, percentiles, resampled_sums, wilson, wilson_interval
from .ranking import ranking_interval

Report = dict[str, Any]


def of_classes(answers: Answers, scores: Mapping[str, Any], metrics: Sequence[str], worst: int, first: int) -> Report:
    """What ``report`` gives beside the plain scores."""
    k = len(answers.names)
    plain = counts.counted(answers.true, answers.answered, k)
    resampled = counts.resampled(answers.true, answers.answered, k)
    matrix = np.bincount(answers.true * k + answers.answered, minlength=k * k).reshape(k, k)
    return {
        "intervals": _intervals(answers, scores, metrics, resampled),
        "confusion": {"classes": list(answers.names), "rows": matrix.tolist()},
        "per_class": _per_class(answers.names, plain, resampled),
        "mistakes": _mistakes(answers, worst, first),
        "calibration": None if answers.probabilities is None else _calibration(answers),
    }


def _intervals(
    answers: Answers, scores: Mapping[str, Any], metrics: Sequence[str], resampled: counts.Counts
) -> dict[str, Interval]:
    n, probabilities = len(answers.true), answers.probabilities
    found = {"accuracy": wilson_interval(int(np.count_nonzero(answers.true == answers.answered)), n)}
    for name in metrics:
        values = counts.score_of(name, resampled, plain="second" if answers.task == "binary" else "macro")
        if name in found:
            continue
        if values is not None:
            found[name] = percentiles(values)
        elif name.startswith("top_"):
            found[name] = wilson_interval(round(scores[name] * n), n)
        elif name in ("roc_auc", "average_precision") and probabilities is not None:
            of = [1] if answers.task == "binary" else range(len(answers.names))
            columns = [((answers.true == c).astype(np.float64), probabilities[:, c]) for c in of]
            found[name] = ranking_interval(name, columns)
        elif name in ("log_loss", "brier") and probabilities is not None:
            each = log_losses(answers) if name == "log_loss" else brier_scores(answers)
            found[name] = mean_interval(each)
    return found


def mean_interval(values: Array) -> Interval:
    """The interval of the mean of one number a sample."""
    sums = resampled_sums(np.column_stack([values, np.ones(len(values))]))
    return percentiles(sums[:, 0] / sums[:, 1])


def brier_scores(answers: Answers) -> Array:
    """Of each sample, (n,): with two classes the square of the second's error, with several the sum over the classes,
    as the metric "brier" is."""
    assert answers.probabilities is not None
    squares = np.square(answers.probabilities - np.eye(len(answers.names))[answers.true])
    each: Array = squares[:, 1] if answers.task == "binary" else squares.sum(axis=1)
    return each


def log_losses(answers: Answers) -> Array:
    """Of each sample, (n,): minus the logarithm of what its class was given, cut off at float32's rounding error."""
    assert answers.probabilities is not None
    given = answers.probabilities[np.arange(len(answers.true)), answers.true]
    losses: Array = -np.log(np.clip(given, np.finfo(np.float32).eps, 1))
    return losses


def _per_class(names: Sequence[str], plain: counts.Counts, resampled: counts.Counts) -> list[Report]:
    precision, recall = wilson(plain.right, plain.answered), wilson(plain.right, plain.support)
    return [
        {
            "class": name,
            "precision": float(plain.precision[c]),
            "recall": float(plain.recall[c]),
            "f1": float(plain.f1[c]),
            "support": int(plain.support[c]),
            "answered": int(plain.answered[c]),
            "intervals": {
                "precision": Interval(float(precision[0][c]), float(precision[1][c]), "wilson").to_dict(),
                "recall": Interval(float(recall[0][c]), float(recall[1][c]), "wilson").to_dict(),
                "f1": percentiles(resampled.f1[:, c]).to_dict(),
            },
        }
        for c, name in enumerate(names)
    ]


def _mistakes(answers: Answers, worst: int, first: int) -> Report:
    wrong = np.flatnonzero(answers.true != answers.answered)
    ordered = wrong[np.argsort(-answers.losses[wrong], kind="stable")]
    probabilities = answers.probabilities
    return {
        "count": len(wrong),
        "worst": [
            {
                "index": int(answers.rows[i]) + first,
                "class": answers.names[answers.true[i]],
                "predicted": answers.names[answers.answered[i]],
                "probability": None if probabilities is None else float(probabilities[i, answers.answered[i]]),
                "probability_of_class": None if probabilities is None else float(probabilities[i, answers.true[i]]),
                "loss": float(answers.losses[i]),
            }
            for i in ordered[:worst]
        ],
    }


def _calibration(answers: Answers) -> Report:
    assert answers.probabilities is not None
    if answers.task == "binary":
        of, said, happened = answers.names[1], answers.probabilities[:, 1], answers.true == 1
    else:
        of, happened = "the predicted class", answers.true == answers.answered
        said = answers.probabilities.max(axis=1)
    scores = brier_scores(answers)
    brier = {"brier": float(scores.mean()), "brier_interval": mean_interval(scores).to_dict()}
    return {"of": of, **brier, **calibration(said, happened)}
