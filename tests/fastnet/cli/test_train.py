"""``fastnet train``: what it says, what it leaves behind, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import fastnet as fn
from fastnet.cli.destination import Destination
from fastnet.cli.settings import OPTIONS
from fastnet.errors import OutputError

from .conftest import Run

SHORT = ["--epochs", 3, "--layers", "4"]


def trained(run: Run, *arguments: object) -> dict[str, Any]:
    """The JSON of a training by the reference."""
    result = run("train", "--no-jit", "--json", *SHORT, *arguments)
    assert result.exit_code == 0, result.stderr
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_says_what_was_read_done_and_saved(run: Run, table: Path) -> None:
    result = run("train", table, "--no-jit", "--out", "out", *SHORT)
    assert result.exit_code == 0
    assert result.stderr == ""
    for words in (
        "12 samples of 2 features, 2 classes (cat, dog)",
        "standardised",
        "2 -> 4 relu -> 1 sigmoid: 17 parameters",
        "reference engine, float32, binary_crossentropy, adam at learning rate 0.001, batches of 32, seed 0",
        "3 epochs in",
        "samples a second",
        "of 12 samples)",
        str(Path("out", "model.h5")),
    ):
        assert words in result.stdout
    assert "\x1b" not in result.stdout
    assert [line.split()[0] for line in result.stdout.splitlines() if line[:5].strip().isdigit()] == ["1", "2", "3"]


def test_saves_the_network_it_measured(run: Run, table: Path) -> None:
    report = trained(run, table, "--out", "out")
    network = fn.load("out/model.h5")
    assert network.preparation is not None
    assert network.preparation.class_names == ("cat", "dog")
    assert network.layers == (fn.Dense(4, "relu"), fn.Dense(1, "sigmoid"))
    evaluated = json.loads(run("evaluate", "out", table, "--json").stdout)
    assert evaluated["loss"] == pytest.approx(report["train"]["loss"], rel=1e-5)
    assert evaluated["accuracy"] == report["train"]["accuracy"]


def test_default_folder_is_new_each_time(run: Run, table: Path) -> None:
    models = [trained(run, table)["model"] for _ in range(3)]
    assert len(set(models)) == 3
    for model in models:
        path = Path(model)
        assert path.parts[0] == "runs"
        assert path.parent.name.startswith("20")
        assert "table" in path.parent.name
        assert (path.parent / "config.toml").is_file()


def test_json_holds_all_that_is_said(run: Run, table: Path) -> None:
    report = trained(run, table, "--validation", 0.25, "--compare")
    history = report["training"]["history"]
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert {len(values) for values in history.values()} == {3}
    assert report["data"]["samples"] == {"train": 9, "validation": 3, "test": 0}
    assert report["test"] is None
    assert report["training"]["samples_per_second"] > 0
    assert report["compare"]["epochs"] == 3
    assert set(report["compare"]["seconds"]) == {"jit", "reference"}
    assert 0 <= report["compare"]["largest_loss_difference"] < 1e-5


@pytest.mark.parametrize("engine", ["--jit", "--no-jit"])
def test_compare_names_both_engines(run: Run, table: Path, engine: str) -> None:
    result = run("train", table, engine, "--compare", *SHORT)
    assert result.exit_code == 0
    last = result.stdout.splitlines()[-3:]
    assert last[0].startswith("compared")
    assert "jit" in last[1]
    assert "reference" in last[1]
    assert "times" in last[1]
    assert "losses differ by at most" in last[2]


def test_test_data_and_target(run: Run, table: Path) -> None:
    Path("test.csv").write_text("animal,height,width\ncat,1,2\ndog,0,3\n", encoding="utf-8")
    report = trained(run, table, "--test", "test.csv", "--target", "animal")
    assert report["data"]["samples"]["test"] == 2
    assert report["test"]["samples"] == 2


def test_regression_is_measured_in_the_units_of_the_data(run: Run, amounts: Path) -> None:
    report = trained(run, amounts, "--layers", "", "--epochs", 1, "--init", "zeros", "--learning-rate", 1e-12)
    prices = 100.5 * np.arange(12) + 1000
    assert report["data"]["task"] == "regression"
    assert report["train"]["rmse"] == pytest.approx(float(prices.std()), rel=1e-4)
    assert "accuracy" not in report["train"]


def test_several_targets(run: Run) -> None:
    X = np.random.default_rng(0).normal(size=(10, 3))
    np.savez("two.npz", X=X, y=X[:, :2] * [1, 100])
    report = trained(run, "two.npz")
    assert report["network"]["layers"][-1]["units"] == 2
    assert len(report["train"]["rmse"]) == 2


def test_task_decides_the_last_layer(run: Run) -> None:
    X = np.random.default_rng(0).normal(size=(12, 2))
    np.savez("three.npz", X=X, y=np.arange(12) % 3)
    report = trained(run, "three.npz", "--task", "classification")
    assert report["network"]["loss"] == "categorical_crossentropy"
    assert report["network"]["layers"][-1]["activation"] == "softmax"
    assert trained(run, "three.npz", "--task", "regression")["network"]["loss"] == "mean_squared_error"


def test_dropout_follows_every_hidden_layer(run: Run, table: Path) -> None:
    report = trained(run, table, "--layers", "4,3", "--dropout", 0.5, "--l2", 0.1)
    layers = report["network"]["layers"]
    assert [layer["kind"] for layer in layers] == ["dense", "dropout", "dense", "dropout", "dense"]
    assert {layer["l2"] for layer in layers[::2]} == {0.1}


def test_patience_ends_a_training(run: Run, table: Path) -> None:
    report = trained(run, table, "--epochs", 50, "--validation", 0.25, "--patience", 1, "--learning-rate", 0.5)
    assert report["training"]["epochs"] < 50
    assert "val_loss was best" in report["training"]["stopped"]
    # The best weights were put back.
    assert report["validation"]["loss"] == pytest.approx(min(report["training"]["history"]["val_loss"]), rel=1e-5)


def test_nothing_is_overwritten_without_force(run: Run, table: Path) -> None:
    assert run("train", table, "--no-jit", "--out", "out", *SHORT).exit_code == 0
    before = Path("out/model.h5").read_bytes()
    result = run("train", table, "--no-jit", "--out", "out", "--seed", 1, *SHORT)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "--force" in result.stderr
    assert Path("out/model.h5").read_bytes() == before
    assert run("train", table, "--no-jit", "--out", "out", "--seed", 1, "--force", *SHORT).exit_code == 0
    assert Path("out/model.h5").read_bytes() != before


@pytest.mark.parametrize("out", ["table.csv", "table.csv/deeper"])
def test_folder_that_cannot_be_made_is_found_before_training(
    run: Run, table: Path, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fn.Network, "fit", lambda *_, **__: pytest.fail("it trained"))
    result = run("train", table, "--out", out)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"fastnet: error: {Path(out)}")
    assert result.stderr.count("\n") == 1


def test_folder_that_cannot_be_written_is_found_before_training(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fastnet.cli.destination.tempfile.TemporaryFile", refuse)
    result = run("train", table, "--out", "locked")
    assert result.exit_code == 1
    assert "locked: the folder cannot be made or written (Permission denied)" in result.stderr


def test_model_is_kept_when_its_folder_fails_at_the_end(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    save = fn.Network.save

    def full_at_first(network: fn.Network, path: Path) -> None:
        if Path(path).parent.name == "out":
            raise OutputError(f"{path} cannot be written: no room")
        save(network, path)

    monkeypatch.setattr(fn.Network, "save", full_at_first)
    result = run("train", table, "--no-jit", "--out", "out", *SHORT)
    assert result.exit_code == 1
    assert "no room; the trained model is kept in " in result.stderr
    kept = result.stderr.strip().rpartition(" ")[2]
    assert fn.load(kept).n_features == 2


def test_divergence_keeps_the_last_good_model(run: Run, table: Path) -> None:
    rate = ["--optimizer", "sgd", "--learning-rate", "1e30"]
    result = run("train", table, "--no-jit", "--batch-size", 1, "--out", "out", *SHORT, *rate)
    assert result.exit_code == 3
    error = result.stderr.strip().splitlines()[-1]
    assert "training diverged: the loss of epoch 1" in error
    assert "learning rate" in error
    assert error.endswith(f"kept in {Path('out', 'model.h5')}")
    assert np.isfinite(fn.load("out/model.h5").parameters).all()


def test_divergence_in_the_last_update_is_seen(run: Run, table: Path) -> None:
    rate = ["--optimizer", "sgd", "--learning-rate", "1e38", "--batch-size", "full", "--epochs", 1]
    result = run("train", table, "--no-jit", "--layers", "4", *rate)
    assert result.exit_code == 3
    assert "lower" in result.stderr or "below" in result.stderr


def test_failed_training_leaves_no_folder(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fn.Network, "fit", interrupt)
    assert run("train", table, "--no-jit", "--out", "out").exit_code == 130
    assert not Path("out").exists()


def test_destination_discards_only_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for name in ("old", "new"):
        Destination.make(tmp_path / name, force=False, data="digits").discard()
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_settings_hold_every_option(run: Run) -> None:
    shown = run("train", "--help").stdout
    for name in OPTIONS:
        flag = {"base": "from"}.get(name, name.replace("_", "-"))
        assert name == "data" or f"--{flag}" in shown


def test_force_never_overwrites_its_configuration(run: Run, table: Path) -> None:
    assert run("train", table, "--no-jit", "--out", "out", *SHORT).exit_code == 0
    before = Path("out/config.toml").read_bytes()
    result = run("train", "--config", "out/config.toml", "--out", "out", "--force")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{Path('out', 'config.toml')} is read by this very command" in result.stderr
    assert result.stderr.count("\n") == 1
    assert Path("out/config.toml").read_bytes() == before


@pytest.mark.parametrize("arguments", [["model.h5"], ["table.csv", "--test", "model.h5"]])
def test_force_never_overwrites_its_data(run: Run, table: Path, arguments: list[str]) -> None:
    with h5py.File("model.h5", "w") as file:
        file["X"], file["y"] = np.arange(12.0).reshape(6, 2), np.array([b"cat", b"dog"] * 3)
    before = Path("model.h5").read_bytes()
    for options in (["--force"], []):
        result = run("train", *arguments, "--out", ".", *options, *SHORT)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "model.h5 is read by this very command" in result.stderr
    assert Path("model.h5").read_bytes() == before


def write_table(name: str, rows: list[str]) -> str:
    """A CSV of two features and a target."""
    Path(name).write_text("\n".join(["width,height,y", *rows]) + "\n", encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("rows", "task", "words"),
    [
        ([f"{i},{-i},name{i}" for i in range(4)], "auto", "each of the 4 samples is a class of its own"),
        ([f"{i},{-i},{i}" for i in range(4)], "classification", "--task regression if the target is an amount"),
        ([f"{i},{-i},name{i // 2 * i}" for i in range(5)], "auto", "4 classes among 5 samples, fewer than 2 samples"),
        ([f"{i},5,{'ab'[i % 2]}" for i in range(4)], "auto", "feature 'height' is the same in every training sample"),
        (["0.1,0.7,a"] * 3 + ["0.1,0.7,b"] * 3, "auto", "2 features are (feature 'width', feature 'height') the same"),
    ],
)
def test_doubtful_data_are_one_line_of_warning(run: Run, rows: list[str], task: str, words: str) -> None:
    result = run("train", write_table("doubtful.csv", rows), "--task", task, "--no-jit", "--json", *SHORT)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.startswith("fastnet: warning: doubtful.csv: ")
    assert result.stderr.count("\n") == 1
    assert words in result.stderr


def test_constant_pixels_are_no_warning(run: Run) -> None:
    X = np.zeros((6, 2, 2), np.uint8)
    X[:, 0, 0] = range(6)
    np.savez("pictures.npz", X=X, y=np.arange(6) % 2)
    assert run("train", "pictures.npz", "--no-jit", *SHORT).stderr == ""


@pytest.mark.parametrize(
    ("targets", "options", "said"),
    [
        ([0, 1] * 4, [], "classes guessed from whole numbers: --task regression to predict numbers"),
        ([7, 8, 9] * 3, [], "classes guessed from whole numbers: --task regression to predict numbers"),
        (range(8), [], "numbers guessed from whole numbers: --task classification to predict classes"),
        ([0, 1] * 4, ["--task", "classification"], None),
        ([0, 1] * 4, ["--task", "regression"], None),
        ([0.5, 1.5] * 4, [], None),
        (["a", "b"] * 4, [], None),
    ],
)
def test_a_guessed_task_is_said(run: Run, targets: Any, options: list[str], said: str | None) -> None:
    rows = [f"{i},{i * i},{target}" for i, target in enumerate(targets)]
    output = run("train", write_table("t.csv", rows), "--no-jit", *SHORT, *options).stdout
    assert [line for line in output.splitlines() if "guessed" in line] == ([f"task       {said}"] if said else [])


def test_named_classes_are_not_guessed(run: Run) -> None:
    assert "guessed" not in run("train", "moons", "--no-jit", *SHORT).stdout


def test_only_what_was_held_out_is_called_so(run: Run, table: Path) -> None:
    Path("other.csv").write_bytes(table.read_bytes())
    output = run("train", table, "--test", "other.csv", "--validation", 0.25, "--no-jit", *SHORT).stdout
    assert "\ntest       12 samples of other.csv\n" in output
    assert "\nvalidation 3 samples held out of the same\n" in output
    assert "\ntest       200 samples of its test part\n" in run("train", "moons", "--no-jit", *SHORT).stdout


@pytest.mark.slow
@pytest.mark.needs_compiler
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_digits_reach_95_percent_by_default(run: Run, seed: int) -> None:
    result = run("train", "--seed", seed, "--json")
    assert json.loads(result.stdout)["test"]["accuracy"] >= 0.95


@pytest.mark.slow
@pytest.mark.needs_compiler
@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-5), ("float64", 1e-12)])
def test_engines_agree_on_the_course_pictures(run: Run, shared_data: Path, dtype: str, close: float) -> None:
    train, test = shared_data / "train_catvnoncat.h5", shared_data / "test_catvnoncat.h5"
    if not (train.is_file() and test.is_file()):
        pytest.skip(f"the course's pictures are not in {shared_data}")
    options = ["--layers", 7, "--batch-size", "full", "--learning-rate", 0.0075, "--epochs", 40]
    result = run(
        "train", train, "--test", test, *options, "--optimizer", "sgd", "--dtype", dtype, "--compare", "--json"
    )
    report = json.loads(result.stdout)
    assert report["data"]["classes"] == ["non-cat", "cat"]
    assert report["data"]["samples"] == {"train": 209, "validation": 0, "test": 50}
    assert report["compare"]["largest_loss_difference"] <= close * max(report["training"]["history"]["loss"])
