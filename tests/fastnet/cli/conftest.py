"""How the tests of the command line call it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fastnet.cli.main import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``fastnet`` with some arguments, in an empty folder; what nobody expects to be raised is raised."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)

    return call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV of twelve samples, two features and two classes."""
    rows = [f"{i},{i * i % 5},{'cat' if i % 3 else 'dog'}" for i in range(12)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["width,height,animal", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def amounts(tmp_path: Path) -> Path:
    """A CSV of twelve samples, two features and an amount in hundreds."""
    rows = [f"{i},{i * i % 5},{100.5 * i + 1000}" for i in range(12)]
    path = tmp_path / "amounts.csv"
    path.write_text("\n".join(["width,height,price", *rows]) + "\n", encoding="utf-8")
    return path
