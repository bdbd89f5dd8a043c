"""The table of epochs as a training goes on, with a progress bar below it on a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..callbacks import Callback
from .output import Printer

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..training import Training

MOST_ROWS = 15
NARROWEST = 14


def spacing(epochs: int, most: int = MOST_ROWS) -> int:
    """The least of 1, 2, 5, 10, 20, ... epochs from row to row that makes at most ``most`` rows."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if epochs <= step * most:
                return step
        power *= 10


def folded(widths: Sequence[int], room: int) -> list[int]:
    """The widths of as many columns as fit side by side, those that do not fit going below them, and so on."""
    for count in range(len(widths), 1, -1):
        columns = [max(widths[place::count]) for place in range(count)]
        if sum(columns) <= room:
            return columns
    return [max(widths)]


class EpochTable(Callback):
    """Prints a row for the first epoch, for evenly spaced ones and for the last, when the fit comes to them; a row of
    more columns than the terminal has room for (80 characters elsewhere) takes several lines."""

    each_epoch = False

    def __init__(self, say: Printer) -> None:
        self._say = say
        self._training: Training | None = None
        self._looked, self._printed = 0, 0

    def on_fit_begin(self, training: Training) -> None:
        """Print the header."""
        self._training = training
        # Those that were done before a resumed training have been printed then.
        self._looked = self._printed = len(training.history.loss)
        self._spacing = spacing(training.epochs)
        self._width = max(5, len(str(training.epochs)))
        titles = [column.replace("val_", "val ") for column in training.history.columns()]
        room = shutil.get_terminal_size().columns - self._width
        self._widths = folded([max(NARROWEST, len(title) + 2) for title in titles], room)
        self._lines("epoch", titles)

    def on_epoch_end(self, training: Training) -> None:
        """Print the rows that are due among the epochs since the last call."""
        done = len(training.history.loss)
        for epoch in range(self._looked + 1, done + 1):
            if epoch == 1 or epoch % self._spacing == 0:
                self._row(training, epoch)
        self._looked = done

    def close(self) -> None:
        """Print the last epoch's row if it has not been; also after a training that ended in an error."""
        if self._training is not None and len(self._training.history.loss) > self._printed:
            self._row(self._training, len(self._training.history.loss))

    def line(self, text: str) -> None:
        """Print one line of the table."""
        self._say(text)

    def _row(self, training: Training, epoch: int) -> None:
        self._printed = epoch
        cells = (
            f"{values[epoch - 1]:{'.2%' if 'accuracy' in column else '.6f'}}"
            for column in training.history.columns()
            if len(values := training.history[column]) >= epoch
        )
        self._lines(str(epoch), list(cells))

    def _lines(self, first: str, cells: Sequence[str]) -> None:
        """Print a row, on as many lines as its columns are folded to."""
        for begin in range(0, len(cells), len(self._widths)):
            some = zip(cells[begin : begin + len(self._widths)], self._widths, strict=False)
            shown = "".join(f"{cell:>{width}}" for cell, width in some)
            self.line(f"{first if begin == 0 else '':>{self._width}}{shown}")


class EpochBar(EpochTable):
    """The table on a terminal: its rows scroll by above a bar, which is gone at the end."""

    def __init__(self, say: Printer) -> None:
        super().__init__(say)
        self._bar: Progress | None = None

    def on_fit_begin(self, training: Training) -> None:
        """Show the bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("epochs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), transient=True
        )
        self._task = self._bar.add_task("epochs", total=training.epochs)
        with self._say.guarded():
            self._bar.start()
        super().on_fit_begin(training)

    def on_epoch_end(self, training: Training) -> None:
        """Move the bar on."""
        super().on_epoch_end(training)
        if self._bar is not None:
            self._bar.update(self._task, completed=len(training.history.loss))

    def close(self) -> None:
        """Take the bar away, which gives the terminal its cursor back."""
        super().close()
        self.hide()

    def hide(self) -> None:
        """Take the bar away and print nothing."""
        if self._bar is not None:
            with self._say.guarded():
                self._bar.stop()
            self._bar = None

    def line(self, text: str) -> None:
        """Print above the bar."""
        if self._bar is None:
            super().line(text)
        else:
            with self._say.guarded():
                self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


def watcher(say: Printer) -> EpochTable:
    """The bar with its table on a terminal, else plain lines."""
    return EpochBar(say) if sys.stdout.isatty() and not say.quiet else EpochTable(say)
