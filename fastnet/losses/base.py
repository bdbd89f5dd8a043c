"""What a loss asks of a network's output and of the targets; its numbers are a kernel of the same name."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..validation import converted, numbers

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
