"""``fastnet train --flip --shift --rotate``."""

from pathlib import Path

import pytest

import fastnet as fn

from .conftest import Run


@pytest.mark.needs_compiler
def test_a_training_on_changed_pictures_and_its_configuration(run: Run) -> None:
    options = ("--layers", 8, "--epochs", 1, "--batch-size", 256)
    first = run("train", "digits", *options, "--flip", "horizontal", "--shift", 0.125, "--rotate", 10, "--out", "out")
    assert first.exit_code == 0, first.stderr
    assert "8 x 8 -> augment (flip horizontal, shift 0.125, rotate 10) -> 8 relu -> 10 softmax" in first.stdout
    assert fn.load("out/model.h5").layers[0] == fn.Augment("horizontal", 0.125, 10)
    again = run("train", "--config", "out/config.toml", "--out", "again")
    assert again.exit_code == 0, again.stderr
    assert Path("out/model.h5").read_bytes() == Path("again/model.h5").read_bytes()


@pytest.mark.parametrize("asked", [("--flip", "both"), ("--shift", 0.1), ("--rotate", 5)])
def test_what_is_no_picture_is_refused(run: Run, table: Path, asked: tuple[object, ...]) -> None:
    result = run("train", table, *asked)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"fastnet: error: {asked[0]} is for pictures, ")
    assert "a sample of these data is 2; leave it out" in result.stderr
