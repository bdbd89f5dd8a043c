"""What a training measured, epoch by epoch, and the columns of it that something goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .errors import ConfigurationError
from .metrics import column_name, greater_is_better


@dataclass(frozen=True)
class Watched:
    """A column of the history that something goes by."""

    name: str
    rises: bool

    def cost(self, value: float) -> float:
        """The value, so that smaller is better."""
        return -value if self.rises else value


@dataclass
class History:
    """What was measured in each epoch, one number an epoch.

    Attributes
    ----------
    loss : list of float
        The mean loss of the samples as they were seen in the epoch, penalties included.
    accuracy : list of float
        The share of the samples that was right as they were seen, whatever they weigh; classifiers only, else empty.
    val_loss, val_accuracy : list of float
        The same on the validation data at the end of the epoch, without dropout, noise and augmentation, and
        without label smoothing and class weights, which are for training alone; empty without validation data.
    metrics : dict of str to list of float
        The metrics that were asked for, at the end of the epoch, by name; those on the validation data as "val_...".
    learning_rate : list of float
        That of the epoch's last step; empty for L-BFGS, which has none.
    seconds : list of float
        Wall time of the engine's call; where one call ran several epochs, its mean. A first call may compile the
        kernels.
    stopped : str or None
        Why the fit ended before its last epoch.
    """

    loss: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str | None = None
    recorded: tuple[str, ...] = ("loss",)

    @classmethod
    def of(cls, is_classifier: bool, has_validation: bool, metrics: Sequence[str]) -> "History":
        """One that is still empty, of a fit that records these metrics."""
        prefixes = ("", "val_") if has_validation else ("",)
        measures = ("loss", "accuracy") if is_classifier else ("loss",)
        return cls(
            recorded=tuple(f"{prefix}{name}" for prefix in prefixes for name in measures),
            metrics={f"{prefix}{name}": [] for prefix in prefixes for name in metrics},
        )

    def state(self) -> dict[str, Any]:
        """What ``restore`` takes, by the names of a checkpoint."""
        return {
            "history": {name: np.array(self[name]) for name in self.columns()},
            "learning_rate": np.array(self.learning_rate, np.float64),
            "seconds": np.array(self.seconds),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take the epochs of another one up."""
        for name, values in state["history"].items():
            self[name].extend(values.tolist())
        self.learning_rate.extend(state["learning_rate"].tolist())
        self.seconds.extend(state["seconds"].tolist())

    def columns(self) -> tuple[str, ...]:
        """The names of the measures that this fit records."""
        return (*self.recorded, *self.metrics)

    def __getitem__(self, name: str) -> list[float]:
        """A column by its name, metrics too.

        Raises
        ------
        KeyError
            If it is not recorded.
        """
        if (canonical := column_name(name)) in self.metrics:
            return self.metrics[canonical]
        if name not in self.recorded:
            raise KeyError(f"{name!r} is not recorded; this history has {', '.join(self.columns())}")
        column: list[float] = getattr(self, name)
        return column

    def watched(self, monitor: str | None, who: str) -> Watched:
        """The column of the history that ``who`` goes by: ``monitor``, or the validation's loss, or the loss.

        Raises
        ------
        ConfigurationError
            If it is not recorded.
        """
        columns = self.columns()
        name = column_name(monitor or ("val_loss" if "val_loss" in columns else "loss"))
        if name not in columns:
            raise ConfigurationError(
                f"{who} cannot monitor {name!r}: this fit records {', '.join(columns)}; "
                "metrics=[...] and validation_data add to them"
            )
        measure = name.removeprefix("val_")
        return Watched(name, measure != "loss" and greater_is_better(measure))
