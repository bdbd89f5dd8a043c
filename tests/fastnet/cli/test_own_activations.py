"""A user's own activation on the command line: from a file that they name, never from a model or a configuration."""

import json
from pathlib import Path

import pytest

import fastnet as fn

from .conftest import Run

SMALL = ["--no-jit", "--layers", "4", "--epochs", 2]
MINE = """
import fastnet
print("a word of its own")
softsign = fastnet.CustomActivation("softsign", lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2)
again = softsign
"""


@pytest.fixture
def mine(run: Run) -> Path:
    """A file that defines softsign, and prints."""
    path = Path("mine.py")
    path.write_text(MINE, encoding="utf-8")
    return path


def test_every_verb_takes_it_from_the_named_file(run: Run, table: Path, mine: Path) -> None:
    own = ["--activations", mine]
    trained = run("train", table, *SMALL, "--activation", "softsign", *own, "--out", "out", "--json")
    assert trained.exit_code == 0, trained.stderr
    assert json.loads(trained.stdout)["configuration"]["activation"] == "softsign"
    assert "a word of its own" in trained.stderr
    again = run("train", "--config", "out/config.toml", *own, "--out", "again")
    assert again.exit_code == 0, again.stderr
    assert Path("out/model.h5").read_bytes() == Path("again/model.h5").read_bytes()

    # The verbs that ask a model compile it.
    evaluated = json.loads(run("evaluate", "out", table, *own, "--json").stdout)
    assert evaluated["loss"] == pytest.approx(json.loads(trained.stdout)["train"]["loss"], rel=1e-5)
    assert len(run("predict", "out", table, *own).stdout.splitlines()) == 13
    checked = run("check", "--gradients", "out", *own, "--json")
    assert checked.exit_code == 0, checked.stderr
    assert json.loads(checked.stdout)["ok"]
    second = run("train", table, "--no-jit", "--epochs", 1, "--from", "out", *own, "--out", "second")
    assert second.exit_code == 0, second.stderr
    assert "4 softsign (frozen)" in second.stdout


def test_check_tries_it_with_the_others(run: Run, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastnet.ACTIVATIONS", ("tanh",))
    result = run("check", "--gradients", "2-3-1", "--activations", mine, "--json")
    assert result.exit_code == 0, result.stderr
    assert {row["network"] for row in json.loads(result.stdout)["results"]} == {"tanh", "softsign"}


def test_a_model_that_names_one_says_what_to_do(run: Run, table: Path, mine: Path) -> None:
    done = run("train", table, *SMALL, "--activation", "softsign", "--activations", mine, "--out", "out")
    assert done.exit_code == 0, done.stderr
    Path("other.py").write_text(MINE.replace("softsign", "other"), encoding="utf-8")
    for arguments in (
        ["evaluate", "out", table],
        ["predict", "out", table],
        ["check", "--gradients", "out"],
        ["train", table, "--from", "out"],
        ["evaluate", "out", table, "--activations", "other.py"],
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        (sentence,) = [line for line in result.stderr.splitlines() if line != "a word of its own"]
        assert sentence.startswith("fastnet: error: out has an activation of its user's own, 'softsign'")
        assert "with --activations FILE.py" in sentence
        assert ("(the one given defines other)" in sentence) == ("other.py" in arguments)


def test_a_configuration_runs_no_code(run: Run, table: Path, mine: Path) -> None:
    Path("c.toml").write_text(f"activations = '{mine}'\nactivation = 'softsign'\n", encoding="utf-8")
    refused = run("train", table, "--config", "c.toml")
    assert refused.exit_code == 1
    assert "'activations' is for the command line only; give it there, as --activations" in refused.stderr
    assert "a word of its own" not in refused.stderr


@pytest.mark.parametrize("name", ["softsign", "rleu"])
def test_a_name_that_nobody_defined_is_wrong_usage(run: Run, name: str) -> None:
    result = run("train", "gone.csv", "--activation", name)
    assert result.exit_code == 2
    assert f"not '{name}'" in result.stderr
    assert "one of your own needs the file that defines it, by --activations" in result.stderr
    assert ("did you mean 'relu'" in result.stderr) == (name == "rleu")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no file mine.py to read activations from"),
        ("x = 3", "mine.py defines no activation"),
        ("1 / 0", "mine.py: the file fails (ZeroDivisionError: division by zero)"),
        ("x = = 3", "mine.py: the file fails (SyntaxError"),
        ("raise SystemExit(3)", "mine.py: the file fails (SystemExit: 3)"),
        (MINE.replace("1 / (1", "2 / (1"), "mine.py: the derivative of CustomActivation 'softsign'"),
        (MINE + MINE.replace("softsign =", "other ="), "mine.py: two different activations are named 'softsign'"),
    ],
)
def test_files_that_do_not_do_are_one_sentence(run: Run, table: Path, text: str | None, words: str) -> None:
    if text is not None:
        Path("mine.py").write_text(text, encoding="utf-8")
    result = run("train", table, *SMALL, "--activation", "softsign", "--activations", "mine.py")
    assert result.exit_code == 1
    (sentence,) = [line for line in result.stderr.splitlines() if line != "a word of its own"]
    assert words in sentence


def test_activations_are_for_gradients(run: Run, mine: Path) -> None:
    result = run("check", "--activations", mine)
    assert result.exit_code == 2
    assert "--activations is for --gradients" in result.stderr


def test_python_keeps_its_own_advice(tmp_path: Path) -> None:
    own = fn.CustomActivation("double", lambda z: 2 * z, lambda z: 2.0)
    fn.Network([fn.Dense(2, own), fn.Dense(1)], input_shape=2, loss="mean_squared_error").save(tmp_path / "model.h5")
    with pytest.raises(fn.ModelFileError, match=r"cannot be built: .*'double'.* as activations=\[\.\.\.\]"):
        fn.load(tmp_path / "model.h5")
