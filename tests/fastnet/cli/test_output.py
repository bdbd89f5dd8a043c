"""Printing where printing fails."""

import errno
import io
import sys

import click
import pytest

from fastnet.cli.main import complain
from fastnet.cli.output import Printer
from fastnet.cli.tables import show
from fastnet.errors import OutputError


class Failing(io.StringIO):
    """A stream that takes nothing."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error, self.tried = error, 0

    def write(self, text: str) -> int:
        self.tried += 1
        raise self.error


def test_prints_until_it_fails_and_tells_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Failing(OSError(errno.ENOSPC, "No room"))
    monkeypatch.setattr(sys, "stdout", stream)
    say = Printer(quiet=False)
    say("a line")
    tried = stream.tried
    say("another")
    assert stream.tried == tried > 0
    with pytest.raises(OutputError, match=r"could not be written in full \(No room\); make room"):
        say.close()


def test_reader_that_went_away_is_left_to_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(BrokenPipeError(errno.EPIPE, "Broken pipe")))
    say = Printer(quiet=False)
    say("a line")
    with pytest.raises(BrokenPipeError):
        say.close()


def test_quiet_prints_no_line_but_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    say = Printer(quiet=True)
    say("a line")
    say.write("{}\n")
    say.close()
    assert capsys.readouterr().out == "{}\n"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No room"), RuntimeError("reentrant call")])
def test_what_cannot_be_said_stops_nothing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    stream = Failing(error)
    monkeypatch.setattr(sys, "stderr", stream)
    complain("a line")
    assert stream.tried > 0


@pytest.mark.parametrize("terminal", [False, True])
def test_a_table_too_wide_never_breaks_a_number(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    header = ["target", *(f"{share}%" for share in range(0, 101, 10))]
    numbers = [f"-{digit}.234e+05" for digit in range(1, 10)] + ["12,345,678,901,234", "99.99%"]
    show(Printer(quiet=False), "a title", header, [["a name that is longer than there is room for", *numbers]])
    lines = click.unstyle(capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 60
    words = " ".join(lines).split()
    assert [word for word in words if word in numbers] == numbers
    assert [word for word in words if word in header[1:]] == header[1:]
    assert words.count("target") > 1
