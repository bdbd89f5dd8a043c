"""Samples with what is known of them, checked, as a training takes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import ConfigurationError
from .model import Array
from .pixels import Samples


@dataclass(frozen=True)
class Labelled:
    """Checked samples, their targets, the entries' weights, and the weights of samples that metrics go by."""

    X: Samples
    Y: Array
    W: Array
    sample_weight: npt.NDArray[np.floating] | None = None


def checked_validation(data: Any) -> tuple[Any, Any, Any]:
    """``validation_data`` as X, y and the weights of samples or None.

    Raises
    ------
    ConfigurationError
        If it is no pair and no triple.
    """
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ConfigurationError("validation_data must be a pair (X, y), or (X, y, sample_weight)")
    return data[0], data[1], data[2] if len(data) == 3 else None
