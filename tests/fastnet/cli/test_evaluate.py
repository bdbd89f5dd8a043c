"""What ``fastnet evaluate`` prints: everything as JSON, tables that fit, samples counted as the file has them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnet as fn

from .conftest import Run

pytestmark = pytest.mark.needs_compiler

KEYS = {"version", "model", "data", "samples", "loss", "task", "counted_from", "confidence", "intervals"}
OF_CLASSES = {"accuracy", "confusion", "per_class", "mistakes", "calibration"}


def trained(run: Run, data: Path, *options: object) -> Path:
    done = run("train", data, "--no-jit", "--epochs", 1, "--layers", "3", "--out", "model", *options)
    assert done.exit_code == 0, done.stderr
    return Path("model")


def scores_of(run: Run, *arguments: object) -> dict[str, Any]:
    done = run("evaluate", *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_json_has_everything(run: Run, table: Path) -> None:
    model = trained(run, table)
    scores = scores_of(run, model, table, "--metrics", "f1", "--worst", 3)
    assert set(scores) == KEYS | OF_CLASSES | {"f1"}
    assert set(scores["intervals"]) == {"loss", "accuracy", "f1"}
    assert [one["class"] for one in scores["per_class"]] == ["cat", "dog"]


def test_rows_of_a_table_count_from_1(run: Run, table: Path) -> None:
    scores = scores_of(run, trained(run, table), table, "--worst", 12)
    lines = table.read_text(encoding="utf-8").splitlines()
    assert scores["counted_from"] == 1
    assert len(scores["mistakes"]["worst"]) == scores["mistakes"]["count"] > 0
    for one in scores["mistakes"]["worst"]:
        assert lines[one["index"]].split(",")[-1] == one["class"]  # the header is line 0


def test_no_mistakes_are_listed_if_none_are_wanted(run: Run, table: Path) -> None:
    model = trained(run, table)
    assert scores_of(run, model, table, "--worst", 0)["mistakes"]["worst"] == []
    assert "worst" not in run("evaluate", model, table, "--worst", 0).stdout


def test_text_has_every_table(run: Run, table: Path) -> None:
    text = run("evaluate", trained(run, table), table).stdout
    assert [line.split()[0] for line in text.splitlines()[:3]] == ["model", "data", "result"]
    for title in ("95% confidence intervals", "by class", "confusion", "worst first", "calibration"):
        assert title in text


def test_numbers(run: Run, amounts: Path) -> None:
    model = trained(run, amounts)
    scores = scores_of(run, model, amounts)
    assert set(scores) == KEYS | {"rmse", "targets"}
    target = scores["targets"][0]
    assert target["target"] == "price"
    assert target["root_mean_squared_error"] == pytest.approx(scores["rmse"], rel=1e-6)
    text = run("evaluate", model, amounts).stdout
    for title in ("MAE", "R2", "residuals", "largest errors of price"):
        assert title in text


def test_many_classes_fold(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    net = fn.Network([fn.Dense(40, "softmax")], input_shape=4, loss="categorical_crossentropy")
    net.save("many.h5")
    rng = np.random.default_rng(0)
    np.savez("data.npz", X=rng.normal(size=(200, 4)), y=np.arange(200) % 40)
    text = run("evaluate", "many.h5", "data.npz").stdout
    assert "most frequent confusions" in text
    assert "20 of 40" in text
    assert max(map(len, text.splitlines())) <= 80
    assert len(scores_of(run, "many.h5", "data.npz")["confusion"]["rows"]) == 40


def test_labels(run: Run) -> None:
    fn.Network([fn.Dense(2, "sigmoid")], input_shape=4, loss="binary_crossentropy").save("labels.h5")
    rng = np.random.default_rng(0)
    np.savez("data.npz", X=rng.normal(size=(30, 4)), y=rng.integers(0, 2, (30, 2)).astype(float))
    scores = scores_of(run, "labels.h5", "data.npz")
    assert set(scores) == KEYS | {"accuracy", "labels", "exact", "per_label", "mistakes"}
    text = run("evaluate", "labels.h5", "data.npz").stdout
    assert "every label right in" in text
    assert "by label" in text
