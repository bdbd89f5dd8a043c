"""The table of epochs and the bar."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fastnet.cli.output import Printer
from fastnet.cli.progress import EpochBar, EpochTable, folded, spacing, watcher
from fastnet.history import History


@given(st.integers(1, 10**9))
def test_rows_are_few_and_evenly_spaced(epochs: int) -> None:
    step = spacing(epochs)
    assert epochs / step <= 15
    assert int(str(step).rstrip("0")) in (1, 2, 5)
    # The next finer spacing would have been too many rows.
    finer = step * 2 // 5 if str(step)[0] == "5" else step // 2
    assert step == 1 or epochs > 15 * finer


class Lines(Printer):
    """Keeps what it is given to print."""

    def __init__(self) -> None:
        super().__init__(quiet=False)
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def shown(epochs: int, chunks: list[int]) -> list[int]:
    """The epochs whose rows were printed for a training that looks after these numbers of epochs."""
    printer = Lines()
    table, lines = EpochTable(printer), printer.lines
    history = History(recorded=("loss", "accuracy"))
    training: Any = SimpleNamespace(history=history, epochs=epochs)
    table.on_fit_begin(training)
    for chunk in chunks:
        history.loss += [0.5] * chunk
        history.accuracy += [0.25] * chunk
        table.on_epoch_end(training)
    table.close()
    assert lines[0].split() == ["epoch", "loss", "accuracy"]
    assert {tuple(line.split()[1:]) for line in lines[1:]} == {("0.500000", "25.00%")}
    return [int(line.split()[0]) for line in lines[1:]]


@pytest.mark.parametrize("chunks", [[1] * 47, [1, 30, 16], [47]])
def test_same_rows_however_often_it_is_called(chunks: list[int]) -> None:
    assert shown(100, chunks) == [1, 10, 20, 30, 40, 47]


def test_last_row_is_not_printed_twice() -> None:
    assert shown(20, [20]) == [1, *range(2, 21, 2)]


@given(st.lists(st.integers(14, 30), min_size=1, max_size=20), st.integers(30, 200))
def test_columns_are_folded_to_what_there_is_room_for(widths: list[int], room: int) -> None:
    columns = folded(widths, room)
    count = len(columns)
    assert sum(columns) <= room
    assert all(width <= columns[index % count] for index, width in enumerate(widths))
    # One more would not have fitted.
    wider = [max(widths[place :: count + 1]) for place in range(count + 1)] if count < len(widths) else [room + 1]
    assert sum(wider) > room


@pytest.mark.parametrize("columns", [80, 120])
def test_long_names_stay_within_the_line(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    names = ["balanced_accuracy", "average_precision", "roc_auc", "precision_weighted"]
    metrics = {f"{prefix}{name}": [0.5] for prefix in ("", "val_") for name in names}
    history = History([0.5], [0.5], [0.5], [0.5], metrics, recorded=("loss", "accuracy", "val_loss", "val_accuracy"))
    none = History(metrics={name: [] for name in metrics}, recorded=history.recorded)
    training: Any = SimpleNamespace(history=none, epochs=2)
    printer = Lines()
    table = EpochTable(printer)
    table.on_fit_begin(training)
    training.history = history
    table.on_epoch_end(training)
    header, row = printer.lines[: len(printer.lines) // 2], printer.lines[len(printer.lines) // 2 :]
    assert 1 < len(header) == len(row)
    assert all(len(line) <= columns for line in printer.lines)
    shown = " ".join(header)
    assert all(name.replace("val_", "val ") in shown for name in history.columns())
    assert sum(len(line.split()) for line in row) == 1 + 12
    # Each number ends where its name does.
    assert [len(line) for line in header] == [len(line) for line in row]


def test_bar_prints_the_table_above_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    console = Console(file=terminal, force_terminal=True, width=60)
    monkeypatch.setattr("rich.progress.get_console", lambda: console)
    printer = Lines()
    table = EpochBar(printer)
    history = History(recorded=("loss",))
    training: Any = SimpleNamespace(history=history, epochs=2)
    table.on_fit_begin(training)
    history.loss += [0.75, 0.5]
    table.on_epoch_end(training)
    table.close()
    assert printer.lines == []
    text = terminal.getvalue()
    assert "0.750000" in text
    assert "2/2" in text
    # The cursor, hidden while the bar moves, is there again.
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


@pytest.mark.parametrize(("terminal", "quiet", "kind"), [(True, False, EpochBar), (True, True, EpochTable)])
def test_bar_only_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, quiet: bool, kind: type[EpochTable]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert type(watcher(Printer(quiet=quiet))) is kind


def test_plain_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert type(watcher(Printer(quiet=False))) is EpochTable


def test_bar_on_a_terminal_that_fails_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    console = Console(file=Gone(), force_terminal=True, width=60)
    printer = Printer(quiet=False)
    table = EpochBar(printer)
    monkeypatch.setattr("rich.progress.get_console", lambda: console)
    training: Any = SimpleNamespace(history=History(recorded=("loss",)), epochs=2)
    table.on_fit_begin(training)
    training.history.loss += [0.75, 0.5]
    table.on_epoch_end(training)
    table.close()
    assert printer.failure is not None
