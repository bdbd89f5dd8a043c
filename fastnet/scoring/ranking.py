"""Intervals of what depends on the order of the scores: ROC AUC and average precision, of a column or of several."""

from collections.abc import Sequence

import numpy as np

from .intervals import RESAMPLES, Array, Interval, drawn, percentiles

MOST_DRAWS = 20_000_000
FEWEST = 100


def resamples_for(samples: int, columns: int) -> int:
    """How many resamples are made: fewer of very many samples, whose interval is small and would take minutes."""
    return int(np.clip(MOST_DRAWS // (samples * columns), FEWEST, RESAMPLES))


def ranking_interval(name: str, columns: Sequence[tuple[Array, Array]]) -> Interval:
    """The interval of the mean over columns.

    Parameters
    ----------
    name : {"roc_auc", "average_precision"}
    columns : sequence of (targets, scores)
        (n,) each: 1, 0 or NaN, which is left out, and the probability of 1.
    """
    measure = {"roc_auc": _roc_auc, "average_precision": _average_precision}[name]
    samples = len(columns[0][0])
    sorted_columns = [_sorted(targets, scores) for targets, scores in columns if not np.isnan(targets).all()]
    means = []
    for counts in drawn(samples, resamples_for(samples, len(sorted_columns))):
        scores = np.empty((len(sorted_columns), len(counts)))
        for index, (order, begins, positive) in enumerate(sorted_columns):
            weights = counts[:, order]
            positives = np.add.reduceat(weights * positive, begins, axis=1)
            negatives = np.add.reduceat(weights * (1 - positive), begins, axis=1)
            scores[index] = measure(positives, negatives)
        defined = np.isfinite(scores)
        total = np.where(defined, scores, 0).sum(axis=0)
        means.append(np.divide(total, defined.sum(axis=0), out=np.full(len(counts), np.nan), where=defined.any(axis=0)))
    return percentiles(np.concatenate(means))


def _sorted(targets: Array, scores: Array) -> tuple[Array, Array, Array]:
    """The labelled samples from the highest score down, where runs of equal scores begin, and which of them are 1."""
    labelled = np.flatnonzero(~np.isnan(targets))
    order = labelled[np.argsort(-scores[labelled], kind="stable")]
    falls = np.diff(scores[order]) != 0
    return order, np.flatnonzero(np.concatenate([[True], falls])), (targets[order] > 0.5).astype(np.float64)


def _roc_auc(positives: Array, negatives: Array) -> Array:
    """Of numbers of samples at each score, from the highest down, (resamples, scores) each."""
    above = np.cumsum(positives, axis=1) - positives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    area: Array = np.divide((negatives * above).sum(axis=1), pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return area


def _average_precision(positives: Array, negatives: Array) -> Array:
    found = np.cumsum(positives, axis=1)
    answered = found + np.cumsum(negatives, axis=1)
    precision = np.divide(found, answered, out=np.zeros_like(found), where=answered > 0)
    every = positives.sum(axis=1)
    total = (precision * positives).sum(axis=1)
    mean: Array = np.divide(total, every, out=np.full(len(every), np.nan), where=every > 0)
    return mean
