"""``fastnet check``: the table, the JSON and the exit code."""

import json
from collections.abc import Iterator

import numpy as np
import pytest

from fastnet_kernels.check import Result

from .conftest import Run

GOOD = Result("dense", "odd: out", "float32", 0.5, 1.5, 3.0)
BETTER = Result("dense", "one row: out", "float32", 0.25, 0.125, 3.0)
EXACT = Result("gather", "odd: out", "float64", 0.0, 0.0, 0.0)
BAD = Result("dense", "regular: out", "float64", 0.5, np.inf, 3.0)


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """What the check finds; a test puts it in."""
    found: list[Result] = []

    def check() -> Iterator[Result]:
        yield from found

    monkeypatch.setattr("fastnet_kernels.check.check", check)
    return found


def test_all_within_their_limits(run: Run, results: list[Result]) -> None:
    results += [GOOD, BETTER, EXACT]
    done = run("check")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["dense", "float32", "2", "0.5", "1.5", "50%", "yes"] in lines
    assert ["gather", "float64", "1", "0", "0", "0%", "yes"] in lines
    assert "3 comparisons, none out of its limit" in done.stdout


def test_one_out_of_its_limit(run: Run, results: list[Result]) -> None:
    results += [GOOD, BAD]
    done = run("check")
    assert done.exit_code == 1
    assert "dense   float64         1        0.5  inf          inf%   NO" in done.stdout
    assert "out of its limit: dense, regular: out, float64: reference 0.5, jit inf, limit 3" in done.stdout


def test_json(run: Run, results: list[Result]) -> None:
    results += [GOOD, BAD]
    done = run("check", "--json")
    assert done.exit_code == 1
    value = json.loads(done.stdout)
    assert value["ok"] is False
    assert [result["ok"] for result in value["results"]] == [True, False]
    assert value["results"][1]["jit"] is None
    assert value["results"][0]["limit"] == 3.0


@pytest.mark.slow
@pytest.mark.needs_compiler
def test_the_real_kernels_are_within_their_limits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # One type: both are gone through by the tests of the kernels.
    monkeypatch.setattr("fastnet_kernels.check.DTYPES", ("float32",))
    done = run("check")
    assert done.exit_code == 0, done.stdout
    assert "dense_forward" in done.stdout
