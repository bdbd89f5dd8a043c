"""Metrics by name: what there are, and which suit a network. Each is a function of scikit-learn's (``measuring``)."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import ConfigurationError
from .validation import choice

CLASSIFICATION = ("binary", "multiclass", "multilabel")
MATRIX = "confusion_matrix"


@dataclass(frozen=True)
class Metric:
    """A metric by name.

    Attributes
    ----------
    name : str
        As users write it and as a history records it.
    tasks : tuple of str
        What it is for: some of "binary", "multiclass", "multilabel" and "regression".
    greater_is_better : bool
        Whether training should raise it; of no meaning for the confusion matrix.
    needs : str
        What it looks at beside the targets: "labels" (the classes answered), "probabilities" or "values".
    function : str
        The function of ``sklearn.metrics`` that works it out.
    """

    name: str
    tasks: tuple[str, ...]
    greater_is_better: bool
    needs: str
    function: str

    @property
    def bounds(self) -> tuple[float, float]:
        """What it is never below and never above."""
        return (-math.inf if self.name == "r2" else 0.0), (1.0 if self.greater_is_better else math.inf)

    @property
    def top(self) -> int | None:
        """The k of "top_k"; None of another."""
        found = _TOP_K.fullmatch(self.name)
        return None if found is None else int(found[1])


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", CLASSIFICATION, True, "labels", "accuracy_score"),
        Metric("balanced_accuracy", CLASSIFICATION, True, "labels", "balanced_accuracy_score"),
        *(
            Metric(f"top_{k}", ("multiclass",), True, "probabilities", "top_k_accuracy_score")
            for k in (3, 5)  # the usual ones; see ``metric_named`` for the others
        ),
        *(
            Metric(f"{name}{suffix}", CLASSIFICATION, True, "labels", f"{name}_score")
            for name in ("precision", "recall", "f1")
            for suffix in ("", "_macro", "_micro", "_weighted")
        ),
        Metric("roc_auc", CLASSIFICATION, True, "probabilities", "roc_auc_score"),
        Metric("average_precision", CLASSIFICATION, True, "probabilities", "average_precision_score"),
        Metric("log_loss", CLASSIFICATION, False, "probabilities", "log_loss"),
        Metric("brier", CLASSIFICATION, False, "probabilities", "brier_score_loss"),
        Metric("r2", ("regression",), True, "values", "r2_score"),
        Metric("mean_absolute_error", ("regression",), False, "values", "mean_absolute_error"),
        Metric("root_mean_squared_error", ("regression",), False, "values", "root_mean_squared_error"),
        Metric("mean_squared_error", ("regression",), False, "values", "mean_squared_error"),
        Metric(MATRIX, ("binary", "multiclass"), True, "labels", "confusion_matrix"),
    )
}
ALIASES = {"mae": "mean_absolute_error", "rmse": "root_mean_squared_error", "mse": "mean_squared_error"}

_ANYTHING = -math.inf, math.inf

_TOP_K = re.compile(r"top_([1-9][0-9]{0,8})")


def metric_named(name: Any) -> Metric:
    """The metric of that name or alias, one of ``METRICS`` or "top_k" with any whole number of at least 1 for the k.

    Raises
    ------
    ConfigurationError
        If there is none; the sentence offers the nearest name.
    """
    if isinstance(name, str) and _TOP_K.fullmatch(name):
        return Metric(name, ("multiclass",), True, "probabilities", "top_k_accuracy_score")
    known = choice("a metric", name, (*METRICS, *ALIASES))
    return METRICS[ALIASES.get(known, known)]


def check_metrics(names: Iterable[str], task: str, n_outputs: int, *, allow_matrix: bool = False) -> tuple[str, ...]:
    """The canonical names of metrics that can be measured on a network's answers, in the order given.

    Parameters
    ----------
    names : iterable of str
        Names or aliases.
    task : str
        "binary", "multiclass", "multilabel" or "regression".
    n_outputs : int
        How many numbers the network gives for a sample.
    allow_matrix : bool
        Whether the confusion matrix, which is not one number, may be among them.

    Raises
    ------
    ConfigurationError
        If a name is unknown, given twice, or of a metric that does not suit the task or the number of outputs.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ConfigurationError(f"metrics must be a list of names such as ['accuracy'], not {names!r}")
    checked: list[str] = []
    for given in names:
        metric = metric_named(given)
        if task not in metric.tasks:
            fitting = [
                one.name for one in METRICS.values() if task in one.tasks and (allow_matrix or one.name != MATRIX)
            ]
            raise ConfigurationError(
                f"the metric {metric.name!r} is for {' and '.join(metric.tasks)} networks, but this one is "
                f"{task}; choose from {', '.join(fitting)}"
            )
        if metric.name == MATRIX and not allow_matrix:
            raise ConfigurationError(
                f"the metric {MATRIX!r} cannot be recorded each epoch, because it is a matrix and a history has one "
                "number an epoch; ask for it when the trained network is evaluated"
            )
        if metric.top is not None and metric.top > n_outputs:
            raise ConfigurationError(
                f"the metric {metric.name!r} needs at least {metric.top} classes, but this network has {n_outputs}; "
                "take a smaller k"
            )
        if metric.name in checked:
            raise ConfigurationError(f"the metric {metric.name!r} is given twice; name it once")
        checked.append(metric.name)
    return tuple(checked)


def bounds_of(score: str) -> tuple[float, float]:
    """Of a metric's, by its name or alias, its ``bounds``; the loss, the only score that is none, may be anything."""
    return _ANYTHING if score == "loss" else metric_named(score).bounds


def greater_is_better(name: str) -> bool:
    """Whether training should raise the metric of that name or alias (True) or lower it (False).

    Raises
    ------
    ConfigurationError
        If there is no such metric, or it is the confusion matrix.
    """
    metric = metric_named(name)
    if metric.name == MATRIX:
        raise ConfigurationError(f"{MATRIX!r} is a matrix, neither better nor worse than another; name another metric")
    return metric.greater_is_better


def column_name(name: str) -> str:
    """What the column of a history is called that a user asks for, perhaps by an alias: "val_rmse" is
    "val_root_mean_squared_error"."""
    prefix = "val_" if name.startswith("val_") else ""
    measure_name = name.removeprefix(prefix)
    return prefix + ALIASES.get(measure_name, measure_name)
