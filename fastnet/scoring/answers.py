"""A network's answers beside the truth, checked and in the data's own units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import Network
from ..pixels import Pixels
from .intervals import Array


@dataclass(frozen=True)
class Answers:
    """What is scored.

    Attributes
    ----------
    task : str
        "binary", "multiclass", "multilabel" or "regression".
    names : tuple of k str
        Of the classes, the labels or the targets.
    true : ndarray
        Class indices (n,); labels of 1, 0 or NaN (n, k); numbers (n, k) in the data's units.
    answered : ndarray
        The same of the network.
    probabilities : (n, k) ndarray or None
        None where the network gives none.
    losses : (n,) ndarray of float64
        Of each sample, without penalties.
    rows : (n,) ndarray of int64
        Which samples of those given they are, counted from 0: a sample without a label is left out.
    """

    task: str
    names: tuple[str, ...]
    true: Array
    answered: Array
    probabilities: Array | None
    losses: Array
    rows: npt.NDArray[np.int64]


def ask(network: Network, X: npt.ArrayLike | Pixels, y: npt.ArrayLike, backend: str) -> Answers:
    """The answers of a network for samples, which are as ``Network.evaluate`` takes them."""
    features = network.check_features(X)
    targets = np.asarray(network.check_targets(y, len(features)), np.float64)
    answered = network.predict(features, backend=backend)
    losses = np.asarray(network.sample_losses(features, y, backend=backend), np.float64)
    rows = np.arange(len(targets))
    if not network.is_classifier:
        true, values = _in_units(network, targets, answered)
        return Answers("regression", names_of_values(network), true, values, None, losses, rows)
    probabilities = None
    if network.loss_function.gives_probabilities:
        probabilities = np.asarray(network.predict_proba(features, backend=backend), np.float64)
    if network.task == "multilabel":
        true = np.maximum(targets, 0)  # the hinge loss has -1 for no
        return Answers("multilabel", names_of_classes(network), _labels(true), answered, probabilities, losses, rows)
    if network.task == "binary":
        kept = ~np.isnan(targets[:, 0])
        true = (targets[kept, 0] > 0.5).astype(np.int64)
        if probabilities is not None:
            probabilities = np.column_stack([1 - probabilities[kept], probabilities[kept]])
        answered, losses, rows = answered[kept], losses[kept], rows[kept]
    else:
        true = targets[:, 0].astype(np.int64) if targets.shape[1] == 1 else targets.argmax(axis=1)
    return Answers(network.task, names_of_classes(network), true, answered, probabilities, losses, rows)


def names_of_values(network: Network) -> tuple[str, ...]:
    """What a regression's answers are called: as its targets are, where those have names."""
    preparation = network.preparation
    if preparation is None or preparation.target_name is None:
        return ("value",) if network.n_outputs == 1 else tuple(f"value_{i + 1}" for i in range(network.n_outputs))
    return (preparation.target_name,) if network.n_outputs == 1 else preparation.target_names


def names_of_classes(network: Network) -> tuple[str, ...]:
    """What a classifier's classes or labels are called: numbers where nobody named them."""
    if network.preparation is not None:
        return network.preparation.class_names
    count = network.n_outputs if network.task == "multilabel" else max(2, network.n_outputs)
    return tuple(str(i) for i in range(count))


def _labels(true: Array) -> Array:
    """Soft labels count as 1 above one half, as in the metrics."""
    return np.where(np.isnan(true), np.nan, true > 0.5)


def _in_units(network: Network, targets: Array, answered: Array) -> tuple[Any, Any]:
    outputs = np.asarray(answered, np.float64).reshape(len(answered), -1)
    preparation = network.preparation
    if preparation is None or len(preparation.target_mean) != network.n_outputs:
        return targets, outputs
    return preparation.values(targets), preparation.values(outputs)
