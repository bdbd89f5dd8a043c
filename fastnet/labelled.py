"""Samples with what is known of them, checked, as a training takes them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .data.stream import Stream
from .errors import ConfigurationError, DataError
from .pixels import Array, Samples
from .preparation import Preparation
from .streamed import Streamed


@dataclass(frozen=True)
class Labelled:
    """Checked samples, their targets, the entries' weights, and the weights of samples that metrics go by."""

    X: Samples | Streamed
    Y: Array
    W: Array
    sample_weight: npt.NDArray[np.floating] | None = None


def checked_validation(data: Any) -> tuple[Any, Any, Any]:
    """``validation_data`` as X, y and the weights of samples or None.

    Raises
    ------
    ConfigurationError
        If it is no pair, no triple and no stream.
    """
    if isinstance(data, Stream):
        return data, None, None
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ConfigurationError("validation_data must be a pair (X, y), or (X, y, sample_weight), or a Stream")
    return data[0], data[1], data[2] if len(data) == 3 else None


def targets_of(X: Any, preparation: Preparation | None) -> Any:
    """The targets of the stream X, prepared if there is a preparation.

    Raises
    ------
    DataError
        If there are none.
    """
    raw = X.y if isinstance(X, Stream) else None
    if raw is None:
        raise DataError(f"{X.source if isinstance(X, Stream) else 'y'}: there are no targets; give them as y")
    return raw if preparation is None else preparation.targets(raw, source=X.source)
