"""What each loss asks of a network's output and of the targets; its numbers are a kernel of the same name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError, DataError
from .validation import choice, converted, described, number, numbers

Targets = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Loss:
    """Base of the losses.

    Attributes
    ----------
    name : str
        One of ``fastnet_kernels.program.LOSSES``.
    output_activation : str or None
        The activation that the last layer must have because the loss takes it in (it is computed from logits); None
        where the last layer's activation stands on its own.
    is_classification : bool
        Whether right answers can be counted.
    gives_probabilities : bool
        Whether the outputs are probabilities of classes.
    takes_gaps : bool
        Whether a target may be NaN, where there are several outputs: no label, left out of loss and gradient.
    slope : float
        A number that its kernel has of its own, or 0.
    """

    name: ClassVar[str]
    output_activation: ClassVar[str | None] = None
    is_classification: ClassVar[bool] = False
    gives_probabilities: ClassVar[bool] = False
    takes_gaps: ClassVar[bool] = False

    @property
    def slope(self) -> float:
        return 0.0

    def targets(self, y: Any, outputs: int, samples: int, dtype: npt.DTypeLike) -> Targets:
        """``y`` as the kernels take it: (samples, outputs); for softmax (samples, 1) class indices or (samples,
        outputs) probabilities of the classes.

        Parameters
        ----------
        y : array_like
            (samples,) or (samples, outputs).
        outputs, samples : int
            What the network gives and how many rows X has.
        dtype : dtype
            The kernels' float type.

        Raises
        ------
        DataError
            If y has another length or width, is not of numbers, is not finite, or is not what the loss takes.
        """
        values = converted(numbers("y", y), dtype)
        if values.ndim == 1:
            values = values[:, np.newaxis]
        if values.ndim != 2 or len(values) != samples:
            raise DataError(f"y must have one row for each of the {samples} rows of X, but its shape is {np.shape(y)}")
        gaps = self.takes_gaps and outputs > 1
        missing = np.isinf(values) if gaps else ~np.isfinite(values)
        if missing.any():
            row = int(np.flatnonzero(missing.any(axis=1))[0])
            what = "infinity" if gaps else "NaN or infinity"
            raise DataError(f"y must be finite, but row {row} holds {what}; remove or replace it")
        if gaps and np.isnan(values).all():
            raise DataError("y has no label: every target is NaN, so there is nothing to learn or to measure")
        return self._fitting(values, outputs)

    def smoothed(self, targets: Targets, outputs: int) -> Targets:
        """What training is told instead of these targets."""
        return targets

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        if values.shape[1] != outputs:
            raise DataError(
                f"y must have {outputs} column(s), one for each output, but it has {values.shape[1]} column(s)"
            )
        return values

    def _within(self, values: Targets, low: float, high: float, words: str) -> Targets:
        # NaN, where it may be, is outside of nothing.
        if (values < low).any() or (values > high).any():
            raise DataError(
                f"y must {words} for {self.name}, but it goes from {np.nanmin(values):g} to {np.nanmax(values):g}"
            )
        return values


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """``(output - target) ** 2``."""

    name: ClassVar[str] = "mean_squared_error"


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """``|output - target|``."""

    name: ClassVar[str] = "mean_absolute_error"


@dataclass(frozen=True)
class Huber(Loss):
    """``d ** 2 / 2`` where the difference d is at most ``delta``, and ``delta (|d| - delta / 2)`` beyond (Huber, 1964).

    Parameters
    ----------
    delta : float
        Above 0.
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", number("the delta of Huber", self.delta, above=0))

    @property
    def slope(self) -> float:
        return self.delta


@dataclass(frozen=True)
class LogCosh(Loss):
    """``log(cosh(output - target))``: like a square for small differences, like their size for large ones."""

    name: ClassVar[str] = "log_cosh"


@dataclass(frozen=True)
class Poisson(Loss):
    """``rate - target * log(rate)``, for counts; the outputs are rates, by the activation "exponential"."""

    name: ClassVar[str] = "poisson"
    output_activation: ClassVar[str | None] = "exponential"

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        return self._within(super()._fitting(values, outputs), 0, np.inf, "hold counts of at least 0")


@dataclass(frozen=True)
class _Crossentropy(Loss):
    """What the two cross-entropies have alike: probabilities, and labels that can be smoothed."""

    is_classification: ClassVar[bool] = True
    gives_probabilities: ClassVar[bool] = True
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        smoothing = number("label_smoothing", self.label_smoothing, at_least=0, below=1)
        object.__setattr__(self, "label_smoothing", smoothing)

    def _spread(self, targets: Targets, classes: int) -> Targets:
        """Part of each label shared out evenly among so many classes."""
        kind = targets.dtype.type
        return targets * kind(1 - self.label_smoothing) + kind(self.label_smoothing / classes)


@dataclass(frozen=True)
class BinaryCrossentropy(_Crossentropy):
    """``-(t log p + (1 - t) log(1 - p))`` of each output, whose activation is sigmoid. With several outputs NaN is no
    label.

    Parameters
    ----------
    label_smoothing : float
        In [0, 1): training takes the targets for ``t (1 - label_smoothing) + label_smoothing / 2``.
    """

    name: ClassVar[str] = "binary_crossentropy"
    output_activation: ClassVar[str | None] = "sigmoid"
    takes_gaps: ClassVar[bool] = True

    def smoothed(self, targets: Targets, outputs: int) -> Targets:
        return self._spread(targets, 2) if self.label_smoothing else targets

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        return self._within(super()._fitting(values, outputs), 0, 1, "lie in [0, 1]")


@dataclass(frozen=True)
class CategoricalCrossentropy(_Crossentropy):
    """``-log p`` of the right class, for class indices or one-hot rows; ``-sum(t log p)`` for rows t of the classes'
    probabilities. The activation is softmax.

    Parameters
    ----------
    label_smoothing : float
        In [0, 1): training takes the targets for ``t (1 - label_smoothing) + label_smoothing / classes`` (Szegedy et
        al., 2016).
    """

    name: ClassVar[str] = "categorical_crossentropy"
    output_activation: ClassVar[str | None] = "softmax"

    def smoothed(self, targets: Targets, outputs: int) -> Targets:
        return self._spread(class_shares(targets, outputs), outputs) if self.label_smoothing else targets

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        if values.shape[1] == 1:
            wrong = (values < 0) | (values >= outputs) | (values != np.floor(values))
            if wrong.any():
                row = int(np.flatnonzero(wrong)[0])
                raise DataError(
                    f"y must hold class indices from 0 to {outputs - 1}, but row {row} holds {values[row, 0]:g}"
                )
            return values
        if values.shape[1] != outputs:
            raise DataError(
                f"y must be class indices or one-hot rows of {outputs} columns, but it has {values.shape[1]} columns"
            )
        # Probabilities that were rounded to the kernels' type, or summed in it, are this near to 1.
        near = 4 * outputs * float(np.finfo(np.float32).eps)
        sums = values.sum(axis=1, dtype=np.float64)
        wrong_rows = (values < 0).any(axis=1) | ~(np.abs(sums - 1) <= near)
        if wrong_rows.any():
            row = int(np.flatnonzero(wrong_rows)[0])
            raise DataError(
                "y must be one-hot (a single 1 in each row, else 0) or the classes' probabilities, which sum to 1, "
                f"but row {row} is not: it sums to {sums[row]:g} and its smallest number is {values[row].min():g}"
            )
        if (values.max(axis=1) == 1).all():
            return np.expand_dims(values.argmax(axis=1).astype(values.dtype), 1)
        return values


@dataclass(frozen=True)
class Hinge(Loss):
    """``max(1 - t output, 0)`` for targets t of -1 and 1, or of 0 and 1; an output above 0 says class 1."""

    name: ClassVar[str] = "hinge"
    is_classification: ClassVar[bool] = True

    def _fitting(self, values: Targets, outputs: int) -> Targets:
        values = super()._fitting(values, outputs)
        found = np.unique(values)
        if np.isin(found, (0, 1)).all():
            return values * 2 - 1
        if not np.isin(found, (-1, 1)).all():
            raise DataError(
                f"y must hold -1 and 1, or 0 and 1, for hinge, but it holds {', '.join(f'{n:g}' for n in found[:4])}"
            )
        return values


LOSS_CLASSES: dict[str, type[Loss]] = {
    kind.name: kind
    for kind in (
        MeanSquaredError,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        MeanAbsoluteError,
        Huber,
        LogCosh,
        Poisson,
        Hinge,
    )
}


def class_shares(targets: Targets, classes: int) -> Targets:
    """(n_samples, classes): the probabilities of the classes, of checked targets of categorical_crossentropy."""
    if targets.shape[1] > 1:
        return targets
    return np.asarray(np.eye(classes, dtype=targets.dtype)[targets[:, 0].astype(np.intp)])


def checked_loss(loss: Any) -> Loss:
    """``loss``, if it is one, or the one of that name with its defaults, or the one that ``loss_to_data`` described.

    Raises
    ------
    ConfigurationError
        If it is something else.
    """
    if isinstance(loss, Loss) and type(loss) in LOSS_CLASSES.values():
        return loss
    if isinstance(loss, type):
        raise ConfigurationError(f"loss must be a name or a loss object, not the class {loss.__name__}; add ()")
    if isinstance(loss, Mapping):
        found: Loss = described("loss", loss, LOSS_CLASSES)
        return found
    return LOSS_CLASSES[choice("loss", loss, LOSS_CLASSES)]()


def loss_to_data(loss: Loss) -> str | dict[str, Any]:
    """The name, or with parameters that are not the defaults the loss as plain data: its kind and its parameters."""
    return loss.name if loss == type(loss)() else {"kind": loss.name, **vars(loss)}


def check_output(loss: Loss, activation: str, units: int) -> None:
    """Refuse a last layer that does not fit the loss.

    Raises
    ------
    ConfigurationError
        If the activation is not the one the loss takes in, or softmax has a single unit.
    """
    if loss.output_activation is not None and activation != loss.output_activation:
        raise ConfigurationError(
            f"{loss.name} needs a last layer with activation {loss.output_activation!r}, but it has {activation!r}"
        )
    if loss.output_activation == "softmax" and units < 2:
        raise ConfigurationError(
            "categorical_crossentropy needs at least 2 outputs, one a class; "
            "for two classes with one output use sigmoid and binary_crossentropy"
        )
