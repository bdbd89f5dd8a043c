"""Flag, then file, then default; and a saved configuration that repeats its training."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnet.cli.config import as_typed, to_toml

from .conftest import Run

VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.integers(1, 1000)).map(tuple),
)


@given(VALUES)
def test_written_values_are_read_back(value: object) -> None:
    expected = list(value) if isinstance(value, tuple) else value
    assert tomllib.loads(to_toml({"key": value})) == {"key": expected}


@pytest.mark.parametrize(
    ("value", "typed"), [(True, "true"), (1.5, "1.5"), (20, "20"), ([20, 7], "20,7"), ([], ""), ("relu", "relu")]
)
def test_values_become_what_a_user_would_type(value: object, typed: str) -> None:
    assert as_typed(value) == typed


def train(run: Run, *arguments: object) -> dict[str, object]:
    """The resolved configuration of a short training."""
    result = run("train", "--no-jit", "--json", "--force", "--out", "out", *arguments)
    assert result.exit_code == 0, result.stderr
    configuration: dict[str, object] = json.loads(result.stdout)["configuration"]
    return configuration


def test_flag_before_file_before_default(run: Run, table: Path) -> None:
    Path("c.toml").write_text('layers = [3, 2]\nepochs = 2\nbatch-size = "full"\nseed = 9\n', encoding="utf-8")
    found = train(run, table, "--seed", 4, "--config", "c.toml")
    assert found["seed"] == 4
    assert (found["layers"], found["epochs"], found["batch_size"]) == ([3, 2], 2, "full")
    assert found["optimizer"] == "adam"
    assert found["learning_rate"] == 0.001


def test_file_can_name_the_data_and_the_engine(run: Run, table: Path) -> None:
    Path("c.toml").write_text(f"data = {json.dumps(str(table))}\njit = false\nepochs = 1\n", encoding="utf-8")
    result = run("train", "--config", "c.toml", "--json")
    assert result.exit_code == 0, result.stderr
    configuration = json.loads(result.stdout)["configuration"]
    assert configuration["data"] == str(table.resolve())
    assert configuration["jit"] is False


@pytest.mark.parametrize(
    "options",
    [
        ["--dropout", 0.25, "--l2", 1e-05, "--validation", 0.25, "--patience", 1],
        ["--optimizer", "sgd", "--momentum", 0.5, "--nesterov", "--layers", "", "--dtype", "float64"],
    ],
)
def test_saved_configuration_repeats_the_training(run: Run, table: Path, options: list[object]) -> None:
    first = ["train", table.name, "--no-jit", "--epochs", 3, "--layers", "4", "--out", "first", *options]
    assert run(*first).exit_code == 0
    again = run("train", "--config", "first/config.toml", "--out", "second")
    assert again.exit_code == 0, again.stderr
    assert Path("first/model.h5").read_bytes() == Path("second/model.h5").read_bytes()
    assert Path("first/config.toml").read_bytes() == Path("second/config.toml").read_bytes()


def test_configuration_of_sgd_serves_adam(run: Run, table: Path) -> None:
    train(run, table, "--optimizer", "sgd", "--epochs", 1, "--layers", 2)
    found = train(run, table, "--config", "out/config.toml", "--optimizer", "adam", "--out", "again")
    assert "momentum" not in found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", ["'epoch'", "did you mean 'epochs'"]),
        *[(f"{key} = 'x'", [f"'{key}'", "command line only"]) for key in ("out", "force", "json", "compare", "config")],
        ("momentum = 0.9", ["adam has no momentum"]),
        ("optimizer = 'sgd'\nnesterov = true", ["nesterov", "--momentum 0.9"]),
        ("data = 'gone.csv'", ["data leads to", "gone.csv", "own folder"]),
        ("test = 'gone.csv'", ["test leads to", "gone.csv", "own folder"]),
        ("epochs = 1.5", ["epochs", "1.5"]),
        ("epochs = true", ["epochs", "true"]),
        ("epochs = 0", ["epochs", "0"]),
        ("learning_rate = true", ["learning_rate", "true"]),
        ("learning_rate = nan", ["learning_rate", "nan"]),
        ("layers = [3, 'x']", ["layers", "x"]),
        ("layers = [0]", ["layers", "0"]),
        ("optimizer = 'adma'", ["optimizer", "adma"]),
        ("batch_size = 'half'", ["batch_size", "half"]),
        ("[epochs]\nn = 3", ["epochs"]),
        ("epochs = = 3", ["TOML", "write one `name = value` a line"]),
    ],
)
def test_bad_file_is_one_sentence(run: Run, text: str, words: list[str]) -> None:
    Path("c.toml").write_text(text, encoding="utf-8")
    result = run("train", "--config", "c.toml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("fastnet: error: c.toml: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def test_missing_and_binary_files_are_one_sentence(run: Run) -> None:
    Path("c.toml").write_bytes(b"\xff\xfe")
    for name in ("c.toml", "none.toml"):
        result = run("train", "--config", name)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"fastnet: error: {name}: ")


def test_relative_paths_start_in_the_folder_of_the_file(run: Run, table: Path) -> None:
    Path("deep").mkdir()
    table.rename("deep/mine.csv")
    Path("deep/c.toml").write_text('data = "mine.csv"\ntest = "../deep/mine.csv"\n', encoding="utf-8")
    result = run("train", "--config", "deep/c.toml", "--no-jit", "--epochs", 1, "--layers", 2, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["data"]["samples"]["test"] == 12
    expected = str(Path("deep/mine.csv").resolve())
    assert (report["configuration"]["data"], report["configuration"]["test"]) == (expected, expected)


def test_flag_goes_before_a_path_that_is_gone(run: Run, table: Path) -> None:
    Path("c.toml").write_text('data = "gone.csv"\nepochs = 1\nlayers = [2]\njit = false\n', encoding="utf-8")
    result = run("train", table, "--config", "c.toml")
    assert result.exit_code == 0, result.stderr


def test_built_in_names_stay_names(run: Run) -> None:
    Path("deep").mkdir()
    Path("deep/c.toml").write_text('data = "moons"\n', encoding="utf-8")
    result = run("train", "--config", "deep/c.toml", "--no-jit", "--epochs", 1, "--layers", 2, "--json")
    assert json.loads(result.stdout)["configuration"]["data"] == "moons"


def test_key_of_the_command_line_is_not_taken_for_a_typing_error(run: Run) -> None:
    Path("c.toml").write_text("out = 'x'", encoding="utf-8")
    assert "did you mean" not in run("train", "--config", "c.toml").stderr


def test_what_a_flag_makes_meaningless_of_a_file_is_left_out_and_said(run: Run, tmp_path: Path) -> None:
    first = ("train", "moons", "--layers", "3", "--epochs", "1", "--no-jit", "--out", tmp_path / "first")
    others = ("--optimizer", "sgd", "--momentum", "0.5", "--nesterov", "--activation", "elu", "--alpha", "0.5")
    assert run(*first, *others).exit_code == 0
    config = tmp_path / "first" / "config.toml"
    again = ("train", "--config", config, "--out", tmp_path / "again")
    done = run(*again, "--optimizer", "adam", "--activation", "relu")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[:3] == [
        f"fastnet: {config}: momentum is left out, which goes with another --optimizer",
        f"fastnet: {config}: nesterov is left out, which goes with another --optimizer",
        f"fastnet: {config}: alpha is left out, which goes with another --activation",
    ]
    assert 'optimizer = "adam"' in (tmp_path / "again" / "config.toml").read_text(encoding="utf-8")
    assert "momentum" not in (tmp_path / "again" / "config.toml").read_text(encoding="utf-8")
    # What the file alone says is the file's own fault.
    config.write_text(config.read_text(encoding="utf-8").replace('"sgd"', '"adam"'), encoding="utf-8")
    refused = run("train", "--config", config, "--out", tmp_path / "third")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "adam has no momentum" in refused.stderr
