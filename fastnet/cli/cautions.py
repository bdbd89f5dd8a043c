"""What a user should know of their data before they wait for a training that cannot be good."""

import numpy as np

from ..data.columns import listed
from ..data.examine import describe_feature
from ..data.stream import Stream
from ..pixels import Pixels
from .output import counted
from .samples import Samples, class_counts

_FEW = 0.05
"""The share of the samples below which a class is told of, or half its equal share where there are many classes."""


def cautions(samples: Samples) -> list[str]:
    """Sentences about classes of too few samples and about features that say nothing."""
    return [line for line in (_rare_classes(samples), _unbalanced(samples), _constant_features(samples)) if line]


def _rare_classes(samples: Samples) -> str:
    preparation, n_samples = samples.preparation, len(samples.train.X)
    n_classes = len(preparation.class_values)
    if n_samples >= 2 * n_classes:
        return ""
    found = (
        f"each of the {n_samples} samples is a class of its own"
        if n_samples == n_classes
        else f"there are {n_classes} classes among {n_samples} samples, fewer than 2 samples a class"
    )
    is_text = isinstance(preparation.class_values[0], str)
    numbers = "" if is_text else ", --task regression if the target is an amount"
    return (
        f"{samples.train.source}: {found}, so little can be learned; give more samples{numbers} or another column "
        "with --target"
    )


def _unbalanced(samples: Samples) -> str:
    counts, n_samples = class_counts(samples), len(samples.train.X)
    if not counts or n_samples < 2 * len(counts):
        return ""
    name = min(counts, key=counts.__getitem__)
    if counts[name] >= min(_FEW, 0.5 / len(counts)) * n_samples:
        return ""
    return (
        f"{samples.train.source}: only {counts[name]:,} of the {n_samples:,} training samples are of the class {name}, "
        "so that accuracy says little of it; look at more --metrics, such as f1, or train with --class-weight balanced"
    )


def _constant_features(samples: Samples) -> str:
    preparation, X = samples.preparation, samples.train.X
    # Pictures have constant pixels at their edges, which is nothing to mend.
    if isinstance(X, Pixels | Stream) or preparation.scaling != "standardise" or len(preparation.input_shape) > 1:
        return ""
    constant = np.flatnonzero(X.max(axis=0) == X.min(axis=0))
    if not len(constant):
        return ""
    names = [describe_feature(int(index), X.shape[1], preparation.feature_names) for index in constant]
    what = f"{names[0]} is" if len(names) == 1 else f"{counted(len(names), 'feature')} are ({listed(names)})"
    return f"{samples.train.source}: {what} the same in every training sample and teaches nothing; leave it out"
