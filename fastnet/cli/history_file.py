"""``history.csv``: what was measured, a row an epoch, as the training goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..callbacks import Callback
from ..errors import OutputError
from ..files import write_atomically

if TYPE_CHECKING:
    from ..training import Training

SECONDS_A_WRITE = 0.5
"""Rows are gathered for so long, so that opening a file costs short epochs nothing."""


class HistoryFile(Callback):
    """Writes the rows of the epochs that ended, whole, now and then and at the end; numbers with all their digits.

    A training that goes on begins with the rows of its checkpoint: what was written after that is trained again.
    """

    each_epoch = False
    looks_last = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = 0
        self._written = 0.0

    def on_fit_begin(self, training: Training) -> None:
        """Write the epochs that were done before, if any were: a training that comes to nothing leaves nothing."""
        names = list(training.history.columns())
        names += ["learning_rate"] * training.has_rates + ["seconds"]
        self._columns = names
        self._rows = 0
        if training.history.loss:
            self._begin(training)

    def on_epoch_end(self, training: Training) -> None:
        """Append the rows that are due."""
        if self._rows == 0:
            self._begin(training)
        elif training.is_over or time.monotonic() - self._written >= SECONDS_A_WRITE:
            try:
                with self._path.open("a", encoding="utf-8", newline="") as stream:
                    stream.write(self._fresh(training))
            except OSError as error:
                # A spreadsheet that shows the file keeps others from writing to it on Windows: the rows come later.
                if isinstance(error, PermissionError) and not training.is_over:
                    self._written = time.monotonic()
                    return
                raise OutputError(
                    f"{self._path} cannot be written: {error.strerror or error}; make room or bring its folder back"
                ) from error

    def _begin(self, training: Training) -> None:
        """Write the header and the first rows in place of what is there."""
        header = ",".join(["epoch", *self._columns]) + "\n"
        write_atomically(self._path, (header + self._fresh(training)).encode())

    def _fresh(self, training: Training) -> str:
        history, done = training.history, len(training.history.loss)
        columns = [
            getattr(history, name) if name in ("learning_rate", "seconds") else history[name] for name in self._columns
        ]
        rows = range(self._rows, done)
        lines = [",".join([str(row + 1), *(repr(float(column[row])) for column in columns)]) + "\n" for row in rows]
        self._rows, self._written = done, time.monotonic()
        return "".join(lines)
