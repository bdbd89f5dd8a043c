"""``fastnet data fetch``: what is printed, and that a training finds what was fetched."""

import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from fastnet.data import catalogue
from fastnet.data.catalogue import CATALOGUE, Collection, RemoteFile

from .conftest import Run


@pytest.fixture
def usb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small data set that is called cats."""
    import h5py

    monkeypatch.setenv("FASTNET_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "usb"
    folder.mkdir()
    files = []
    for part in ("train", "test"):
        path = folder / f"{part}.h5"
        with h5py.File(path, "w") as file:
            file[f"{part}_set_x"] = np.arange(48, dtype=np.uint8).reshape(12, 4)
            file[f"{part}_set_y"] = np.arange(12) % 2
        files.append(RemoteFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
    monkeypatch.setitem(CATALOGUE, "cats", Collection("cats", tuple(files), ("http://127.0.0.1:9/",)))
    return folder


def test_fetched_data_are_trained_on_by_name(run: Run, usb: Path, tmp_path: Path) -> None:
    failed = run("train", "cats")
    assert failed.exit_code == 1
    assert "fastnet data fetch cats" in failed.stderr
    result = run("data", "fetch", "cats", "--from", usb)
    assert result.exit_code == 0
    assert "fastnet train cats" in result.stdout
    train = ("train", "--no-jit", "--layers", "", "--epochs", "1")
    assert run(*train, "cats", "--out", "run").exit_code == 0
    assert tomllib.loads((tmp_path / "run/config.toml").read_text(encoding="utf-8"))["data"] == "cats"
    assert run(*train, "--config", "run/config.toml", "--out", "again").exit_code == 0
    assert "of 12 samples" in run("evaluate", "run", "cats").stdout


def test_json_says_where_each_file_is(run: Run, usb: Path, tmp_path: Path) -> None:
    report = json.loads(run("data", "fetch", "cats", "--from", usb, "--to", "here", "--json").stdout)
    assert report["name"] == "cats"
    assert [Path(file["path"]) for file in report["files"]] == [Path("here/train.h5"), Path("here/test.h5")]
    assert {file["how"] for file in report["files"]} == {"copied"}
    assert (tmp_path / "here/train.h5").read_bytes() == (usb / "train.h5").read_bytes()


def test_without_a_network_it_says_what_to_do(run: Run, usb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    result = run("data", "fetch", "cats")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "get train.h5 and test.h5 by other means from http://127.0.0.1:9/ and put" in result.stderr
    assert str(catalogue.folder_of("cats")) in result.stderr


def test_a_name_that_is_not_known(run: Run) -> None:
    result = run("data", "fetch", "imagenet")
    assert result.exit_code == 2
    assert "fashion-mnist" in result.stderr
