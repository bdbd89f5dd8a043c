"""``fastnet data convert`` on the command line."""

import json
from pathlib import Path

import h5py
import numpy as np

from .conftest import Run


def test_a_table_becomes_arrays_that_train(run: Run, amounts: Path, tmp_path: Path) -> None:
    result = run("data", "convert", amounts, "amounts.h5", "--target", "price", "--compress", "--chunk-rows", "5")
    assert result.exit_code == 0
    assert "X (12, 2) int64" in result.stdout
    with h5py.File(tmp_path / "amounts.h5") as file:
        assert file["X"].chunks == (5, 2)
    assert run("train", "amounts.h5", "--no-jit", "--layers", "", "--epochs", "1", "--out", "run").exit_code == 0


def test_nothing_is_overwritten_unasked(run: Run, table: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("mine", encoding="utf-8")
    refused = run("data", "convert", table, "out.csv")
    assert refused.exit_code == 1
    assert "out.csv is there already" in refused.stderr
    assert run("data", "convert", table, "out.csv", "--force").exit_code == 0
    assert "animal" in (tmp_path / "out.csv").read_text(encoding="utf-8")
    own = run("data", "convert", table, table, "--force")
    assert own.exit_code == 1
    assert "would overwrite it" in own.stderr
    nowhere = run("data", "convert", table, "nowhere/out.csv")
    assert "cannot be written" in nowhere.stderr


def test_columns_that_are_left_out(run: Run, table: Path, tmp_path: Path) -> None:
    assert run("data", "convert", table, "out.csv", "--ignore", "height,animal").exit_code == 0
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[:2] == ['"width"', "0"]
    for data, ignored, words in (
        (table, "colour", "there is no column 'colour' to leave out"),
        (table, "width,height,animal", "nothing is left to write"),
        ("digits", "width", "names a column of a table"),
    ):
        result = run("data", "convert", data, "other.h5", "--ignore", ignored)
        assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
        assert words in result.stderr


def test_json(run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((3, 2), np.uint8), y=np.arange(3))
    report = json.loads(run("data", "convert", "a.npz", "a.h5", "--json").stdout)
    assert report["written"] == ["X (3, 2) uint8", "y (3,) int64"]


def test_what_cannot_be_converted_is_one_line(run: Run) -> None:
    for arguments, words in ((("none.csv", "a.h5"), "no such file"), (("digits", "a.csv"), "--part train or test")):
        result = run("data", "convert", *arguments)
        assert result.exit_code == 1
        assert result.stderr.count("\n") == 1
        assert words in result.stderr
