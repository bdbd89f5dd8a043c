"""``fastnet cv``: what it prints and writes, and what it refuses."""

import csv
import json
from pathlib import Path

import pytest

from .conftest import Run

pytestmark = pytest.mark.needs_compiler

TINY = ["--no-jit", "--epochs", 1, "--layers", "3", "--folds", 2]


def test_scores_folds_and_answers_are_written(run: Run, table: Path) -> None:
    done = run("cv", table, *TINY, "--repeats", 2, "--metrics", "f1", "--out", "cv", "--json")
    assert done.exit_code == 0, done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads(Path("cv/report.json").read_text(encoding="utf-8"))
    assert set(report["scores"]) == {"loss", "accuracy", "f1"}
    assert set(report["scores"]["accuracy"]) == {"mean", "deviation", "low", "high"}
    with Path("cv/folds.csv").open(encoding="utf-8", newline="") as file:
        folds = list(csv.DictReader(file))
    assert [(row["repeat"], row["fold"]) for row in folds] == [("1", "1"), ("1", "2"), ("2", "1"), ("2", "2")]
    mean = sum(float(row["accuracy"]) for row in folds) / 4
    assert mean == pytest.approx(report["scores"]["accuracy"]["mean"], rel=1e-12)
    with Path("cv/out_of_fold.csv").open(encoding="utf-8", newline="") as file:
        answers = list(csv.DictReader(file))
    for repeat in ("1", "2"):
        assert sorted(int(row["index"]) for row in answers if row["repeat"] == repeat) == list(range(1, 13))
    lines = table.read_text(encoding="utf-8").splitlines()
    assert all(lines[int(row["index"])].endswith(row["true"]) for row in answers)
    right = sum(row["true"] == row["label"] for row in answers if row["repeat"] == "1")
    of_first = [float(row["accuracy"]) * int(row["test"]) for row in folds if row["repeat"] == "1"]
    assert right == pytest.approx(sum(of_first))
    again = run("train", "--config", "cv/config.toml", "--out", "model")
    assert again.exit_code == 0, again.stderr


def test_text_says_each_fold_and_the_means(run: Run, amounts: Path) -> None:
    text = run("cv", amounts, *TINY, "--threads", 1).stdout
    assert "1 of 2: trained on 6, tested on 6" in text
    assert "Nadeau and" in text
    assert "root_mean_squared_error" in text
    assert max(map(len, text.splitlines()[-8:])) <= 80


def test_validation_and_patience_are_within_the_training_part(run: Run, table: Path) -> None:
    done = run("cv", table, *TINY, "--validation", 0.5, "--patience", 1, "--json")
    assert done.exit_code == 0, done.stderr
    assert [fold["train"] for fold in json.loads(done.stdout)["each"]] == [6, 6]


def test_groups_and_times(run: Run) -> None:
    rows = [f"{i},{i * i % 5},{i % 6},{i % 2}" for i in range(24)]
    Path("data.csv").write_text("\n".join(["a,b,when,animal", *rows]) + "\n", encoding="utf-8")
    for option in ("--group", "--time"):
        done = run("cv", "data.csv", option, "when", *TINY)
        assert done.exit_code == 0, done.stderr
        assert "by 'when'" in done.stdout
    assert "not shuffled" in run("cv", "data.csv", "--time", "when", "--repeats", 2, *TINY).stderr


def test_nothing_is_overwritten_and_a_test_part_is_refused(run: Run, table: Path) -> None:
    Path("cv").mkdir()
    Path("cv/folds.csv").write_text("mine", encoding="utf-8")
    done = run("cv", table, *TINY, "--out", "cv")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "choose another folder with --out or overwrite it with --force" in done.stderr
    assert run("cv", table, "--test", table).exit_code == 2


def test_too_many_folds_are_one_sentence(run: Run, table: Path) -> None:
    done = run("cv", table, "--no-jit", "--folds", 9)
    assert done.exit_code == 1
    assert "give fewer folds" in done.stderr
    assert done.stderr.count("\n") == 1
