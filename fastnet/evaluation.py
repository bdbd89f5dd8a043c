"""A network's loss and metrics over checked samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import HISTORY_CORRECT, HISTORY_LOSS

from .forward import Forward
from .head import Head
from .labelled import Labelled
from .measuring import measure
from .preparation import Preparation

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Evaluation:
    """What measures a network.

    Attributes
    ----------
    forward : Forward
        Gives its outputs.
    head : Head
        Says what they mean.
    preparation : Preparation or None
        Knows the units of the data, in which metrics of a regression are.
    """

    forward: Forward
    head: Head
    preparation: Preparation | None

    def loss_and_accuracy(
        self,
        data: Labelled,
        backend: str,
        threads: int | None = None,
        losses: Array | None = None,
    ) -> dict[str, float]:
        """The mean loss, penalties included, as "loss", and a classifier's "accuracy"; ``losses`` (n_samples,
        n_entries) is filled if it is given."""
        return self._named(data, self.forward.evaluate(data.X, data.Y, data.W, backend, threads, losses))

    def scores(self, names: Sequence[str], data: Labelled, backend: str, threads: int | None = None) -> dict[str, Any]:
        """What ``loss_and_accuracy`` and ``measure`` give together, for which the network runs over the samples once
        (with penalties on the weights twice: they are added to the loss in a run of the whole Program)."""
        if data.sample_weight is not None and self.head.is_classifier:
            # The engine counts samples; here they have weights.
            names = tuple(dict.fromkeys(("accuracy", *names)))
        if not names:
            return dict(self.loss_and_accuracy(data, backend, threads))
        logits = self.forward.logits(data.X, backend, threads)
        program = self.forward.program
        if ((program["l1"] > 0) | (program["l2"] > 0)).any():
            scores = self.loss_and_accuracy(data, backend, threads)
        else:
            result = self.forward.evaluate(logits, data.Y, data.W, backend, threads, from_logits=True)
            scores = self._named(data, result)
        return scores | self._measured(names, data, logits, backend)

    def measure(self, names: Sequence[str], data: Labelled, backend: str) -> dict[str, Any]:
        """The metrics of those names, which ``Head.check_metrics`` gave; those of a regression in the units of the
        data, if the preparation knows them."""
        return self._measured(names, data, self.forward.logits(data.X, backend), backend) if names else {}

    def sample_losses(self, data: Labelled, backend: str) -> npt.NDArray[np.floating]:
        """The loss of each sample, (n_samples,), without penalties: the mean over its outputs, those without a label
        left out. NaN for a sample that has none."""
        losses = np.empty((len(data.X), self.head.n_entries), self.forward.dtype)
        self.loss_and_accuracy(data, backend, losses=losses)
        missing = np.isnan(data.Y) if self.head.loss.takes_gaps else np.zeros(losses.shape, bool)
        labelled = np.count_nonzero(~missing, axis=1)
        with np.errstate(invalid="ignore"):
            mean: npt.NDArray[np.floating] = np.where(missing, 0, losses).sum(axis=1) / labelled.astype(losses.dtype)
        return mean

    def _named(self, data: Labelled, result: npt.NDArray[np.float64]) -> dict[str, float]:
        scores = {"loss": float(result[HISTORY_LOSS])}
        if self.head.is_classifier:
            scores["accuracy"] = float(result[HISTORY_CORRECT]) / self.head.labelled(data.Y)
        return scores

    def _measured(self, names: Sequence[str], data: Labelled, logits: Array, backend: str) -> dict[str, Any]:
        outputs, targets = self.forward.activated(logits, backend), data.Y
        weights = None if data.sample_weight is None else np.asarray(data.sample_weight, np.float64)
        labels = self.head.classes(logits) if self.head.is_classifier else outputs
        if self.head.loss.name == "hinge":
            targets = np.maximum(targets, 0)  # it has -1 for no
        prepared = self.preparation
        if not self.head.is_classifier and prepared is not None and len(prepared.target_mean) == self.head.n_outputs:
            outputs, targets = prepared.values(outputs), prepared.values(data.Y)
        return dict(measure(names, self.head.task, targets, outputs, labels, weights))
