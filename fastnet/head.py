"""What a network's outputs say: the task, the classes they name, and the targets and metrics that suit them."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError
from .losses import Loss
from .metrics import check_metrics, metric_named
from .weights import entry_weights

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Head:
    """A network's loss with the number of its outputs, which decide all of this.

    Attributes
    ----------
    loss : Loss
    n_outputs : int
    """

    loss: Loss
    n_outputs: int

    @functools.cached_property
    def is_classifier(self) -> bool:
        """Whether the outputs say classes."""
        return self.loss.is_classification

    @functools.cached_property
    def task(self) -> str:
        """What metrics go by: "binary", "multilabel", "multiclass" or "regression"."""
        if not self.is_classifier:
            return "regression"
        if self.loss.name == "categorical_crossentropy":
            return "multiclass"
        return "binary" if self.n_outputs == 1 else "multilabel"

    @property
    def n_entries(self) -> int:
        """How many numbers a sample's loss is the mean of: one for softmax, else one an output."""
        return 1 if self.task == "multiclass" else self.n_outputs

    def classes(self, logits: Array) -> npt.NDArray[np.int64]:
        """The classes that a classifier's logits say: int64 indices (n_samples,), or 0 and 1 of shape (n_samples,
        n_outputs) for several sigmoid outputs."""
        if self.task == "multiclass":
            indices: npt.NDArray[np.int64] = logits.argmax(axis=1)
            return indices
        labels = (logits > 0).astype(np.int64)
        return labels[:, 0] if self.n_outputs == 1 else labels

    def targets(self, y: npt.ArrayLike, samples: int, dtype: np.dtype[np.floating]) -> Array:
        """``y`` as the kernels take it, for ``samples`` rows of X; see ``Loss.targets``."""
        return self.loss.targets(y, self.n_outputs, samples, dtype)

    def weights(self, targets: Array, sample_weight: npt.ArrayLike | None, class_weight: Any) -> Array:
        """The weights of checked targets, as the kernels take them; see ``weights.entry_weights``."""
        return entry_weights(self.loss, targets, self.n_outputs, sample_weight, class_weight)

    def labelled(self, Y: Array) -> float:
        """How many samples have a label: of one whose outputs have some, the share that has."""
        if not self.loss.takes_gaps or self.n_outputs == 1:
            return float(len(Y))
        return np.count_nonzero(~np.isnan(Y)) / self.n_outputs

    def check_metrics(self, names: Sequence[str], *, allow_matrix: bool = False) -> tuple[str, ...]:
        """The metrics of those names, as they are called.

        Raises
        ------
        ConfigurationError
            If there is no such metric, or it does not suit the network.
        """
        wanted = check_metrics(names, self.task, self.n_outputs, allow_matrix=allow_matrix)
        for name in wanted:
            without = self.is_classifier and not self.loss.gives_probabilities
            if without and metric_named(name).needs == "probabilities":
                raise ConfigurationError(
                    f"the metric {name!r} needs probabilities, which a network with the loss {self.loss.name} does not "
                    "give; name another metric"
                )
        return wanted
