"""Data of several formats through the verbs: what a run repeats, and what answers are called by."""

import json
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from fastnet.data import blocks

from .conftest import Run

TRAIN = ("train", "--no-jit", "--layers", "4", "--epochs", "1", "--json", "--out")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of four pictures, of sizes that differ, in two parts."""
    folder = tmp_path / "pictures"
    for part in ("train", "test"):
        for place, label in enumerate(("cat", "dog")):
            (folder / part / label).mkdir(parents=True)
            for i in range(4):
                colour = (200 * place, 100, 10 * i)
                Image.new("RGB", (8 + i, 9), colour).save(folder / part / label / f"{i}.png")
    return folder


def test_a_folder_of_pictures_from_training_to_answers(run: Run, pictures: Path, tmp_path: Path) -> None:
    failed = run(*TRAIN, "run", pictures)
    assert failed.exit_code == 1
    assert "4 different sizes, from 8x9" in failed.stderr
    assert run(*TRAIN, "run", pictures, "--size", "6x5", "--grey").exit_code == 0
    resolved = tomllib.loads((tmp_path / "run/config.toml").read_text(encoding="utf-8"))
    assert (resolved["size"], resolved["grey"]) == ([6, 5], True)
    assert run(*TRAIN, "again", "--config", "run/config.toml").exit_code == 0
    # The model alone says what pictures are to be made.
    shown = run("evaluate", "run", pictures)
    assert shown.exit_code == 0, shown.stderr
    worst = json.loads(run("evaluate", "run", pictures, "--json").stdout)["mistakes"]["worst"]
    names = [f"test/{label}/{i}.png" for label in ("cat", "dog") for i in range(4)]
    assert [one["file"] for one in worst] == [names[one["index"]] for one in worst]
    assert worst
    listed = shown.stdout.partition("worst first\n")[2].splitlines()
    assert [line.split()[0] for line in listed[: len(worst) + 1]] == ["file", *(one["file"] for one in worst)]
    answers = run("predict", "run", pictures / "test").stdout.splitlines()
    assert answers[0] == "file,label,probability,probability_cat,probability_dog"
    assert [line.split(",")[0] for line in answers[1:]] == [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(4)]
    single = run("predict", "run", pictures / "test/dog/2.png").stdout.splitlines()
    assert single[1].split(",")[1:] == answers[7].split(",")[1:]


@pytest.mark.parametrize("size", ["0", "axb", "1x2x3", "-4", "70000"])
def test_a_size_that_is_none(run: Run, size: str) -> None:
    result = run("train", "pictures", f"--size={size}")
    assert result.exit_code == 2
    assert "64x48" in result.stderr


def test_arrays_by_name_are_repeated(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["train/pictures"], file["train/kind"] = rng.random((12, 3)), np.arange(12) % 2
    names = ("--x", "train/pictures", "--y", "train/kind")
    assert run(*TRAIN, "run", "data.h5", *names).exit_code == 0
    assert run(*TRAIN, "again", "--config", "run/config.toml").exit_code == 0
    assert run("evaluate", "run", "data.h5", *names).exit_code == 0
    assert run("predict", "run", "data.h5", "--x", "train/pictures").stdout.count("\n") == 13


def test_the_targets_file_of_a_pair_is_found_from_anywhere(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "X.npy", np.random.default_rng(0).random((12, 3)))
    np.save(tmp_path / "kind.npy", np.arange(12) % 2)
    assert run(*TRAIN, "run", "X.npy", "--y", "kind.npy").exit_code == 0
    (tmp_path / "own.toml").write_text('data = "X.npy"\ny = "kind.npy"\n', encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for number, config in enumerate(("run/config.toml", "own.toml")):
        assert run(*TRAIN, f"again{number}", "--config", tmp_path / config).exit_code == 0


def test_pictures_are_answered_some_at_a_time(
    run: Run, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(*TRAIN, "run", pictures, "--size", "5").exit_code == 0
    whole = run("predict", "run", pictures).stdout
    assert whole.count("\n") == 9
    monkeypatch.setattr(blocks, "rows_at_once", lambda _: 3)
    assert run("predict", "run", pictures).stdout == whole
    assert "names an array" in run("predict", "run", pictures, "--x", "X").stderr


def test_a_run_does_not_go_on_with_other_targets(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.random.default_rng(0).random((12, 3)))
    np.save(tmp_path / "y.npy", np.arange(12) % 2)
    assert run(*TRAIN, "run", "X.npy").exit_code == 0
    np.save(tmp_path / "y.npy", 1 - np.arange(12) % 2)
    result = run("resume", "run", "--epochs", "2")
    assert result.exit_code == 1
    assert "X.npy" in result.stderr
