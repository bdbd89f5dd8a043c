"""Checkpoints of a training under way, from which it goes on after whatever ended it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import state
from .callbacks import Callback
from .errors import ConfigurationError, OutputError
from .validation import whole

if TYPE_CHECKING:
    from .training import Training

DEFAULT_EVERY = "30s"


def checked_every(every: int | str) -> tuple[int | None, float | None]:
    """Epochs, or seconds, from ``10`` or ``"30s"``.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    if not isinstance(every, str):
        return whole("every", every, at_least=1), None
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*s\s*", every)
    if found is None or float(found[1]) <= 0:
        raise ConfigurationError(f"every must be epochs, such as 10, or seconds, such as '30s', not {every!r}")
    return None, float(found[1])


class Checkpoint(Callback):
    """Keeps what ``Network.fit(..., resume=path)`` needs to go on and end in the same bits: now and then, and at the
    end.

    A file is whole or not there, whenever the process is killed. It may be put anywhere among the callbacks. Of a fit
    that Ctrl-C ends (KeyboardInterrupt) the file is the last that was written; the command line writes one more.

    Parameters
    ----------
    path : str or Path
        The file; its folder has to be there.
    every : int or str
        Epochs, or seconds as "30s": then it is written at the next epoch's end, or up to 0.2 s later where epochs are
        short.
    previous : str, Path or None
        What becomes of the file before: it is kept under this name, or not at all.

    Attributes
    ----------
    saved : int
        The epochs that were done when it was written last, in this fit; 0 before that.
    """

    each_epoch = False
    looks_last = True

    def __init__(
        self, path: str | Path, *, every: int | str = DEFAULT_EVERY, previous: str | Path | None = None
    ) -> None:
        self.path, self.previous = Path(path), None if previous is None else Path(previous)
        self.every = every
        self._epochs, self._seconds = checked_every(every)
        self._done = self.saved = 0

    def epochs_until_look(self) -> int | None:
        """Those until the next that is a multiple of ``every``."""
        return None if self._epochs is None else self._epochs - self._done % self._epochs

    def on_fit_begin(self, training: Training) -> None:
        """See whether there is a folder before anything is trained."""
        if not self.path.parent.is_dir():
            raise OutputError(f"{self.path} cannot be written: there is no folder {self.path.parent}; make it first")
        if training.goes_on_from_progress:
            raise ConfigurationError(
                f"{self.path}: no checkpoint can be kept of a fit that goes on from an earlier one (warm_start, "
                "partial_fit); leave Checkpoint out of it"
            )
        self._done, self._written = len(training.history.loss), time.monotonic()

    def on_epoch_end(self, training: Training) -> None:
        """Write, if it is time."""
        self._done = len(training.history.loss)
        if self._epochs is None:
            is_time = time.monotonic() - self._written >= (self._seconds or 0.0)
        else:
            is_time = self._done % self._epochs == 0
        if (is_time or training.is_over) and self._done >= training.again_until:
            state.write(self.path, training.state(), self.previous)
            self._written, self.saved = time.monotonic(), self._done
