"""How good a network is on samples with known answers."""

import math
from typing import Any

import numpy as np

from .. import Network
from ..errors import DivergenceError
from .output import counted
from .samples import Part

Scores = dict[str, Any]
OF_ONE_CLASS = ("precision", "recall", "f1", "average_precision")
"""Metrics that with two classes are of the second."""


# A loss that overflows is told in a sentence below, not in NumPy's warnings.
@np.errstate(over="ignore", invalid="ignore")
def measure(network: Network, part: Part, backend: str, metrics: tuple[str, ...] = ()) -> Scores:
    """Loss and accuracy, or for a regression the root of the mean squared error in the data's own units.

    Returns
    -------
    dict
        ``samples``, ``loss``, the ``metrics``, and either ``accuracy`` (with several labels a sample also how many
        ``labels`` there are in all) or ``rmse``: a number, or a list of one for each target.

    Raises
    ------
    DivergenceError
        If the loss is not a finite number.
    """
    scores: Scores = {"samples": len(part.X), **network.evaluate(part.X, part.y, metrics=metrics, backend=backend)}
    if not math.isfinite(scores["loss"]):
        raise DivergenceError(
            f"{part.source}: the loss of the trained network is {scores['loss']:g}, not a finite number, so its "
            "answers mean nothing; train again with a lower learning rate"
        )
    if network.task == "multilabel":
        scores["labels"] = int(np.count_nonzero(~np.isnan(part.y)))
    if network.is_classifier:
        return scores
    answers = np.asarray(network.predict(part.X, backend=backend), np.float64).reshape(len(part.X), -1)
    truth = np.asarray(part.y, np.float64).reshape(len(part.X), -1)
    if network.preparation is not None:
        answers, truth = network.preparation.values(answers), network.preparation.values(truth)
    errors = np.sqrt(np.mean((answers - truth) ** 2, axis=0)).tolist()
    scores["rmse"] = errors[0] if len(errors) == 1 else errors
    return scores


def in_lines(scores: Scores, metrics: tuple[str, ...], network: Network) -> list[str]:
    """The metrics as a user reads them, a line each; a matrix has a line a row, of what the class was taken for."""
    lines = []
    preparation = network.preparation
    # scikit-learn's "positive" class, of two.
    of_class = f" (of the class {preparation.class_names[1]})" if preparation and network.task == "binary" else ""
    for name in metrics:
        value = scores[name]
        if isinstance(value, list):
            width = max(len(f"{number:g}") for row in value for number in row)
            lines += [f"{name}, rows are the true classes:"]
            lines += ["  " + " ".join(f"{number:>{width}g}" for number in row) for row in value]
        else:
            lines.append(f"{name} {value:.4f}" + of_class * (name in OF_ONE_CLASS))
    return lines


def in_words(scores: Scores) -> str:
    """The scores as a user reads them."""
    samples = scores["samples"]
    text = f"loss {scores['loss']:.4f}"
    if "labels" in scores:
        return f"{text}, accuracy {scores['accuracy']:.2%} of {counted(scores['labels'], 'label')}"
    if "accuracy" in scores:
        right = round(scores["accuracy"] * samples)
        return f"{text}, accuracy {scores['accuracy']:.2%} ({right:,} of {counted(samples, 'sample')})"
    errors = scores["rmse"] if isinstance(scores["rmse"], list) else [scores["rmse"]]
    shown = ", ".join(f"{error:.4g}" for error in errors)
    return f"{text}, root mean squared error {shown} in the data's units ({counted(samples, 'sample')})"
