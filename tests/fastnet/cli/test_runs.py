"""``fastnet runs``: a row for each run, whatever became of it, and what sets several apart."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fastnet.cli.locks import Lock

from .conftest import Run

SHORT = ["--no-jit", "--layers", "4", "--epochs", 2]


@pytest.fixture
def two(run: Run, table: Path, amounts: Path) -> None:
    """A run of classes with a validation part, and one of amounts that stopped early."""
    assert run("train", table, *SHORT, "--validation", 0.25, "--out", "runs/a").exit_code == 0
    early = ["--epochs", 9, "--patience", 1, "--optimizer", "sgd", "--learning-rate", 1.5]
    assert run("train", amounts, *SHORT, *early, "--out", "runs/b").exit_code in (0, 3)


def listed(run: Run, *arguments: object) -> list[dict[str, Any]]:
    result = run("runs", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)["runs"]
    return found


@pytest.mark.usefixtures("two")
def test_a_row_a_run(run: Run) -> None:
    result = run("runs")
    assert (result.exit_code, result.stderr) == (0, "")
    header, first, second = result.stdout.splitlines()
    assert header.split()[:6] == ["name", "data", "epochs", "state", "loss", "accuracy"]
    assert first.split()[:4] == [str(Path("runs", "a")), "table.csv", "2/2", "finished"]
    assert second.startswith(str(Path("runs", "b")))
    a, b = listed(run)
    about = json.loads(Path("runs/a/about.json").read_text(encoding="utf-8"))
    assert a["measures"]["val_accuracy"] == about["scores"]["validation"]["accuracy"]
    assert (a["done"], a["planned"], a["state"]) == (2, 2, "finished")
    assert b["configuration"]["optimizer"] == "sgd"
    assert b["state"] in ("stopped early", "diverged", "finished")
    assert a["seconds"] > 0


@pytest.mark.usefixtures("two")
def test_states_of_what_has_not_ended(run: Run) -> None:
    path = Path("runs/a/about.json")
    about = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**about, "state": None, "scores": None, "epochs": None}), encoding="utf-8")
    with Path("runs/a/history.csv").open("a", encoding="utf-8") as file:
        file.write("3,0.1")
    found = listed(run, "runs/a")[0]
    assert (found["state"], found["done"]) == ("killed", 2)
    last = Path("runs/a/history.csv").read_text(encoding="utf-8").splitlines()[2].split(",")
    assert found["measures"]["loss"] == float(last[1])
    lock = Lock(Path("runs/a"))
    assert listed(run, "runs/a")[0]["state"] == "running"
    lock.release()


@pytest.mark.usefixtures("two")
def test_what_sets_them_apart(run: Run) -> None:
    result = run("runs", "runs/a", "runs/b")
    assert result.exit_code == 0
    lines = {line.split()[0]: line.split()[1:] for line in result.stdout.partition("what differs")[2].splitlines()[1:]}
    assert lines["optimizer"] == ["adam", "sgd"]
    assert lines["validation"] == ["0.25", "0.0"]
    assert lines["patience"] == ["1"]
    assert "layers" not in lines
    assert "what differs" not in run("runs").stdout


@pytest.mark.usefixtures("two")
def test_order(run: Run) -> None:
    names = [str(Path("runs", name)) for name in "ab"]
    assert [found["name"] for found in listed(run, "--sort", "epochs")] == names
    losses = [found["measures"]["loss"] for found in listed(run, "--sort", "loss")]
    assert losses == sorted(losses)
    result = run("runs", "--sort", "colour")
    assert result.exit_code == 1
    assert "--sort colour is no column of these runs; choose one of name, data, epochs" in result.stderr


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("name", ["about.json", "config.toml"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff\xff", b'{"data": {}}', b"[1]"])
def test_a_damaged_folder_is_a_line(run: Run, name: str, content: bytes | None) -> None:
    path = Path("runs/a", name)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for column in ("started", "epochs"):
        assert run("runs", "--sort", column).exit_code == 0
    result = run("runs")
    assert result.exit_code == 0
    if name == "about.json" or content not in (b"", b"[1]"):
        assert "damaged: " in result.stdout
        assert str(Path("runs", "a")) in result.stdout.splitlines()[-1]
    assert str(Path("runs", "b")) in result.stdout


@pytest.mark.usefixtures("two")
def test_a_terminal_has_what_fits_and_a_pipe_has_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("runs").stdout
    every = whole.splitlines()[0].split()
    assert max(map(len, whole.splitlines())) > 80
    assert run("runs", "--columns", "rmse").stdout.splitlines()[0].split() == ["name", "rmse"]
    with monkeypatch.context() as patch:
        # The runner puts a stream of its own in the place of standard output.
        patch.setattr("fastnet.cli.runs.sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
        for width in (50, 80, 200):
            patch.setenv("COLUMNS", str(width))
            lines = run("runs", "--sort", "rmse").stdout.splitlines()
            shown = lines[0].split()
            assert max(map(len, lines)) <= width
            assert shown == [name for name in every if name in shown]
            assert {"name", "state", "rmse"} <= set(shown)
            left = [name for name in every if name not in shown]
            told = " ".join(lines[3:])
            assert told.startswith(f"no room for {', '.join(left)}; --columns ") if left else told == ""
        assert not left
    monkeypatch.setenv("COLUMNS", "20")
    assert run("runs").stdout == whole
    result = run("runs", "--columns", "name,colour")
    assert result.exit_code == 1
    assert result.stderr.startswith("fastnet: error: --columns colour is no column of these runs; choose one of name")


def test_nothing_there(run: Run) -> None:
    assert run("runs").stdout == "there are no runs here; `fastnet train` makes one\n"
    result = run("runs", "none")
    assert result.exit_code == 1
    assert result.stderr == "fastnet: error: there is no folder none; name a run or a folder with runs\n"
