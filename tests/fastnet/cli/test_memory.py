"""``--memory``: training on a file that stays where it is."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import fastnet as fn
from fastnet.buffers import Buffers, Plan, plan

from .conftest import Run

SMALL = ["--no-jit", "--layers", 4, "--epochs", 2, "--json"]


@pytest.fixture(params=["uint8", "float64"])
def file(run: Run, request: pytest.FixtureRequest) -> str:
    """A training and a test part, of bytes and of numbers."""
    rng = np.random.default_rng(0)
    with h5py.File("data.h5", "w") as h5:
        for part, samples in (("train", 120), ("test", 30)):
            X = rng.integers(0, 256, (samples, 6))
            h5[f"{part}_set_x"] = X.astype(request.param)
            h5[f"{part}_set_y"] = np.where(X[:, 0] > 99, "bright", "dark").astype("S")
    return "data.h5"


def test_a_file_in_place_trains_as_in_memory(run: Run, file: str) -> None:
    """The validation is the same share of the same samples, and what is held out is in no statistics."""
    reports: list[dict[str, Any]] = []
    for out, memory in (("whole", []), ("streamed", ["--memory", "200MB"])):
        result = run("train", file, *SMALL, "--validation", 0.2, *memory, "--out", out)
        assert result.exit_code == 0, result.output
        reports.append(json.loads(result.stdout))
    whole, streamed = reports
    assert streamed["configuration"]["memory"] == "200MB"
    assert streamed["data"]["samples"] == whole["data"]["samples"]
    assert streamed["data"]["samples"]["validation"] > 0
    for name in ("train", "validation", "test"):
        assert streamed[name]["accuracy"] == whole[name]["accuracy"]
        # Means and deviations of blocks are rounded otherwise, far below what float32 keeps of 120 samples.
        assert streamed[name]["loss"] == pytest.approx(whole[name]["loss"], rel=1e-5)
    again = run("train", "--config", "streamed/config.toml", "--out", "again", "--json")
    assert json.loads(again.stdout)["training"]["history"] == streamed["training"]["history"]
    np.testing.assert_array_equal(fn.load("again").parameters, fn.load("streamed").parameters)


def test_the_buffers_are_said_and_a_small_memory_is_refused(run: Run, file: str) -> None:
    result = run("train", file, *SMALL[:-1], "--memory", "200MB", "--out", "out")
    assert "200 MB: all 120 samples fit" in result.stdout
    result = run("train", file, *SMALL, "--memory", "10kB", "--out", "other")
    assert result.exit_code == 1
    assert "data.h5: a memory of 10 kB is too small for this network and batches of 32 samples" in result.stderr
    assert not Path("other").exists()


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Buffers of one batch, where the memory would have room for all."""

    def planned(*arguments: Any) -> Plan:
        rows = plan(*arguments).rows
        return Plan(32, -(-rows // 32), 1)

    monkeypatch.setattr("fastnet.training.loop.plan", planned)


@pytest.mark.usefixtures("small_buffers")
def test_a_run_goes_on_from_its_file_in_the_same_bits(run: Run, file: str) -> None:
    streamed = ["train", file, *SMALL, "--dropout", 0.2, "--memory", "200MB"]
    assert run(*streamed, "--epochs", 4, "--out", "whole").exit_code == 0
    assert run(*streamed, "--epochs", 2, "--out", "parts").exit_code == 0
    result = run("resume", "parts", "--epochs", 4, "--json")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(fn.load("parts").parameters, fn.load("whole").parameters)


@pytest.mark.usefixtures("small_buffers")
def test_a_file_that_can_no_longer_be_read_leaves_the_last_model(
    run: Run, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = Buffers.epoch

    def read(self: Buffers, number: int) -> Any:
        if number == 2:
            raise fn.DataError("data.h5: the file was changed while it was being read; leave it alone and begin again")
        return epoch(self, number)

    monkeypatch.setattr(Buffers, "epoch", read)
    result = run("train", file, *SMALL, "--epochs", 4, "--memory", "200MB", "--out", "out")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("fastnet: error: data.h5: the file was changed while it was being")
    end = f"; the model of the last epoch that ended is kept in {Path('out') / 'model.h5'}\n"
    assert result.stderr.endswith(end)
    assert np.isfinite(fn.load("out").parameters).all()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "moons", "--memory", "1GB"], 1, "moons: only an HDF5 file can be streamed"),
        (["train", "--memory", "much"], 2, "must be an amount such as 500MB or 2GiB, not 'much'"),
        (["cv", "--memory", "1GB"], 2, "cv reads DATA whole"),
        (["find-rate", "--memory", "1GB"], 2, "find-rate reads DATA whole"),
    ],
)
def test_what_does_not_go_together_is_refused(run: Run, arguments: list[str], code: int, words: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, words in result.stderr) == (code, True)
