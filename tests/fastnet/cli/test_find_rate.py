"""``fastnet find-rate``: what it prints, and that it trains and saves nothing."""

import json
from pathlib import Path

import pytest

from .conftest import Run


def test_suggests_a_rate_that_trains(run: Run) -> None:
    options = ["moons", "--no-jit", "--layers", "8", "--optimizer", "sgd"]
    shown = run("find-rate", *options)
    assert shown.exit_code == 0, shown.stderr
    assert shown.stderr == ""
    found = json.loads(run("find-rate", *options, "--json").stdout)
    assert f"--learning-rate {found['suggestion']:.2g}" in shown.stdout
    marked = [line.split() for line in shown.stdout.splitlines() if line.endswith(("suggested", "lowest"))]
    assert [row[-1] for row in marked] == ["suggested", "lowest"]
    assert marked[0][0] == f"{found['suggestion']:.2e}"
    assert float(marked[1][1]) == pytest.approx(min(found["losses"]), abs=1e-6)
    assert len(found["rates"]) == len(found["losses"])
    assert not list(Path().iterdir())
    training = run("train", *options, "--learning-rate", found["suggestion"], "--epochs", 5, "--json")
    losses = json.loads(training.stdout)["training"]["history"]["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_takes_the_configuration_of_a_run(run: Run, table: Path) -> None:
    assert run("train", table, "--no-jit", "--epochs", 1, "--layers", 3, "--out", "out").exit_code == 0
    result = run("find-rate", "--config", "out/config.toml", "--lowest", 1e-5, "--highest", 0.1, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["configuration"]["layers"] == [3]
    assert found["rates"][0] == pytest.approx(1e-5)
    assert found["rates"][-1] <= 0.1 * (1 + 1e-12)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--optimizer", "rprop"], "rprop has no learning rate to look for; use another --optimizer"),
        (["--optimizer", "lbfgs", "--batch-size", "full"], "lbfgs has no learning rate to look for"),
        (["--lowest", 1, "--highest", 0.1], "--lowest must be below --highest, but 1 is not below 0.1"),
        (["--momentum", 0.9], "adam has no momentum"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(run: Run, options: list[object], sentence: str) -> None:
    result = run("find-rate", "gone.csv", *options)
    assert result.exit_code == 2
    assert sentence in result.stderr
