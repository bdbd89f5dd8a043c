"""What each loss asks of a network's output and of the targets; its numbers are a kernel of the same name."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError, DataError
from .validation import converted, numbers


@dataclass(frozen=True)
class Loss:
    """A loss by name.

    Attributes
    ----------
    name : str
        One of ``fastnet_kernels.program.LOSSES``.
    output_activation : str or None
        The activation that the last layer must have because the loss takes it in (it is computed from logits); None
        where the last layer's activation stands on its own.
    """

    name: str
    output_activation: str | None

    @property
    def is_classification(self) -> bool:
        """Whether right answers can be counted."""
        return self.output_activation is not None

    def targets(self, y: Any, outputs: int, samples: int, dtype: npt.DTypeLike) -> npt.NDArray[np.floating]:
        """``y`` as the kernels take it: (samples, outputs), or (samples, 1) class indices for softmax.

        Parameters
        ----------
        y : array_like
            (samples,) or (samples, outputs); for categorical_crossentropy class indices or one-hot rows.
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
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
            raise DataError(f"y must be finite, but row {row} holds NaN or infinity; remove or replace it")
        if self.name == "categorical_crossentropy":
            values = _class_indices(values, outputs)
        elif values.shape[1] != outputs:
            raise DataError(f"y must have {outputs} column(s), one for each output, but its shape is {np.shape(y)}")
        if self.name == "binary_crossentropy" and (values.min(initial=0) < 0 or values.max(initial=0) > 1):
            raise DataError(
                f"y must lie in [0, 1] for binary_crossentropy, but it goes from {values.min():g} to {values.max():g}"
            )
        return values


def _class_indices(values: npt.NDArray[Any], outputs: int) -> npt.NDArray[Any]:
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
    one_hot = ((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)
    if not one_hot.all():
        row = int(np.flatnonzero(~one_hot)[0])
        raise DataError(f"y must be one-hot (a single 1 in each row, else 0), but row {row} is not")
    return np.expand_dims(values.argmax(axis=1).astype(values.dtype), 1)


LOSS_TABLE: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("mean_squared_error", None),
        Loss("binary_crossentropy", "sigmoid"),
        Loss("categorical_crossentropy", "softmax"),
    )
}


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
