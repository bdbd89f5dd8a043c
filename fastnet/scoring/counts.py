"""Scores that follow from how often each class was right, was true and was answered."""

from typing import NamedTuple

import numpy as np

from .intervals import RESAMPLES, SEED, Array


class Counts(NamedTuple):
    """Numbers of samples by class (or label), (..., k) each; the leading axes are those of resamples.

    Attributes
    ----------
    right : answered so and truly so
    support : truly so
    answered : answered so
    """

    right: Array
    support: Array
    answered: Array

    @property
    def precision(self) -> Array:
        """The share of the answers that is right; 0 where there is none."""
        return _share(self.right, self.answered)

    @property
    def recall(self) -> Array:
        """The share of the samples that is found; 0 where there is none."""
        return _share(self.right, self.support)

    @property
    def f1(self) -> Array:
        """The harmonic mean of the two; 0 where there is neither sample nor answer."""
        return _share(2 * self.right, self.support + self.answered)

    def of(self, some: Array) -> "Counts":
        """Those of some classes."""
        return Counts(*(part[..., some] for part in self))

    def together(self) -> "Counts":
        """All classes counted as one."""
        return Counts(*(part.sum(axis=-1, keepdims=True) for part in self))


def counted(true: Array, answered: Array, classes: int) -> Counts:
    """The counts of class indices, (n,) each."""
    return Counts(
        np.bincount(true[true == answered], minlength=classes),
        np.bincount(true, minlength=classes),
        np.bincount(answered, minlength=classes),
    )


def resampled(true: Array, answered: Array, classes: int) -> Counts:
    """The same in each resample: (RESAMPLES, classes) each. Only how many samples of each true class got which answer
    matters, and that is a multinomial draw, whatever the number of samples."""
    cells, sizes = np.unique(true * classes + answered, return_counts=True)
    rows, columns = np.divmod(cells, classes)
    same, rng, samples = rows == columns, np.random.default_rng(SEED), len(true)
    result = Counts(*(np.empty((RESAMPLES, classes)) for _ in Counts._fields))
    for index in range(RESAMPLES):
        draw = rng.multinomial(samples, sizes / samples)
        result.right[index] = np.bincount(rows[same], draw[same], classes)
        result.support[index] = np.bincount(rows, draw, classes)
        result.answered[index] = np.bincount(columns, draw, classes)
    return result


def score_of(name: str, counts: Counts, *, plain: str) -> Array | None:
    """A metric as ``fastnet.metrics`` defines it, (...,); None for one that the counts do not tell.

    Parameters
    ----------
    name : str
        Such as "f1_weighted".
    counts : Counts
    plain : {"second", "macro"}
        What precision, recall and F1 without a suffix are: those of the second class, or the mean over all.
    """
    if name == "accuracy":
        return _share(counts.right.sum(axis=-1), counts.support.sum(axis=-1))
    if name == "balanced_accuracy":
        return _share(counts.recall.sum(axis=-1), np.count_nonzero(counts.support, axis=-1))
    base, _, average = name.partition("_")
    if base not in ("precision", "recall", "f1"):
        return None
    if average == "micro":
        values: Array = getattr(counts.together(), base)
        return values[..., 0]
    values = getattr(counts, base)
    if average == "weighted":
        return _share((values * counts.support).sum(axis=-1), counts.support.sum(axis=-1))
    if not average and plain == "second":
        return values[..., 1]
    mean: Array = values.mean(axis=-1)
    return mean


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)
