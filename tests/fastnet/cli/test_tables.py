"""Tables on the command line: what is shown of them, and that a model repeats in use what was done in training."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastnet as fn

from .conftest import Run

TRAIN = ("--no-jit", "--epochs", 1, "--layers", "3")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Forty people: a row's number, a name, a date, an age with a gap, a colour with a gap, a code and a rare class."""
    table = pd.DataFrame(
        {
            "id": range(40),
            "name": [f"person {i}" for i in range(40)],
            "born": [f"2000-01-{i % 28 + 1:02d}" for i in range(40)],
            "age": [float(20 + i % 7) for i in range(40)],
            "colour": [("red", "green", "blue")[i % 3] for i in range(40)],
            "zip": [(1, 2, 5)[i % 3 - i % 2] for i in range(40)],
            "kind": ["yes" if i == 7 else "no" for i in range(40)],
        }
    )
    table.loc[3, "age"] = np.nan
    table.loc[5, "colour"] = None
    table.to_csv(tmp_path / "mixed.csv", index=False)
    table.to_parquet(tmp_path / "mixed.parquet", index=False)
    return tmp_path / "mixed.csv"


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.usefixtures("mixed")
def test_what_the_columns_are_is_shown_and_what_is_odd_is_said(run: Run) -> None:
    result = run("train", "mixed.csv", *TRAIN, "--impute", "mean", "--ignore", "name", "--categorical", "zip")
    assert result.exit_code == 0
    shown = words(result.stdout)
    assert "columns 2 numbers: id, age 2 categories: colour (3 values), zip (3 values) left out: name, born" in shown
    assert "classes no 39 (97.5%), yes 1 (2.5%)" in shown
    for said in (
        "'id' counts the rows",
        "'born' holds dates",
        "only 1 of the 40 training samples",
    ):
        assert said in result.stderr
    assert "'name'" not in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "row 4 (line 5), column 'age' is empty or NaN"),
        (("--missing-category",), "sample 4 of 40, feature 'age' is missing"),
        (("--ignore", "age"), "row 6 (line 7), column 'colour' is empty or NaN"),
        (("--ignore", "nothing"), "there is no column 'nothing' to leave out"),
        (("--categorical", "nothing"), "there is no column 'nothing' to take for categories"),
        (("--ignore", "kind"), "the column 'kind' is the target"),
    ],
)
@pytest.mark.usefixtures("mixed")
def test_what_cannot_be_trained_on_is_the_last_line(run: Run, options: tuple[str, ...], said: str) -> None:
    result = run("train", "mixed.csv", *TRAIN, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    last = result.stderr.splitlines()[-1]
    assert last.startswith("fastnet: error: mixed.csv: ")
    assert said in last


@pytest.mark.usefixtures("mixed")
def test_a_model_repeats_it_for_every_format(run: Run, tmp_path: Path) -> None:
    asked = ("--impute", "median", "--ignore", "id,name,born", "--categorical", "zip", "--validation", "0.25")
    assert run("train", "mixed.csv", *TRAIN, *asked, "--out", "m").exit_code == 0
    preparation = fn.load("m/model.h5").preparation
    assert preparation is not None
    assert preparation.ignored == ("id", "name", "born")
    assert preparation.feature_names == (
        "age",
        *("colour=blue", "colour=green", "colour=red"),
        *("zip=1", "zip=2", "zip=5"),
    )
    from_text, typed = (run("predict", "m", f"mixed.{kind}") for kind in ("csv", "parquet"))
    assert (from_text.exit_code, from_text.stderr) == (0, "")
    assert from_text.stdout == typed.stdout
    assert from_text.stdout.count("\n") == 41
    assert run("evaluate", "m", "mixed.parquet").exit_code == 0
    # The same once more by its configuration.
    assert run("train", "--config", "m/config.toml", "--out", "again").exit_code == 0
    first, second = fn.load("m/model.h5"), fn.load("again/model.h5")
    np.testing.assert_array_equal(first.parameters, second.parameters)
    assert first.preparation == second.preparation


@pytest.mark.usefixtures("mixed")
def test_texts_never_seen_are_counted_on_stderr(run: Run, tmp_path: Path) -> None:
    assert run("train", "mixed.csv", *TRAIN, "--impute", "mean", "--ignore", "name", "--out", "m").exit_code == 0
    (tmp_path / "new.csv").write_text("zip,colour,age,id\n1,pink,20,1\n2,red,30,2\n1,pink,20,3\n", encoding="utf-8")
    result = run("predict", "m", "new.csv")
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 4
    assert "2 samples have a value of 'colour' that training never saw ('pink')" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("mixed")
def test_json_has_columns_and_class_counts(run: Run) -> None:
    report = json.loads(run("train", "mixed.csv", *TRAIN, "--impute", "mean", "--json").stdout)["data"]
    assert report["columns"] == {"id": "number", "age": "number", "colour": "category", "zip": "number"}
    assert report["left_out"] == ["name", "born"]
    assert report["class_counts"] == {"no": 39, "yes": 1}


@pytest.mark.usefixtures("mixed")
def test_another_table_goes_on_from_the_first_one_s_encoding(run: Run, tmp_path: Path) -> None:
    asked = ("--impute", "mean", "--ignore", "id,name,born")
    assert run("train", "mixed.csv", *TRAIN, *asked, "--out", "m").exit_code == 0
    (tmp_path / "other.csv").write_text("age,colour,zip,kind\n20,red,1,a\n30,pink,2,b\n25,red,1,a\n", encoding="utf-8")
    result = run("train", "other.csv", "--from", "m", "--no-jit", "--epochs", 1, "--out", "n")
    assert result.exit_code == 0
    assert "1 sample has a value of 'colour' that training never saw ('pink')" in result.stderr
    first, second = fn.load("m/model.h5").preparation, fn.load("n/model.h5").preparation
    assert first is not None
    assert second is not None
    assert first.columns == second.columns
    assert second.class_names == ("a", "b")


def test_a_network_without_a_preparation_takes_no_text(run: Run, tmp_path: Path) -> None:
    fn.Network([fn.Dense(1, "sigmoid")], input_shape=(2,), loss="binary_crossentropy").save(tmp_path / "bare.h5")
    (tmp_path / "t.csv").write_text("a,b,t\n1,x,0\n2,y,1\n", encoding="utf-8")
    for verb in ("evaluate", "predict"):
        result = run(verb, "bare.h5", "t.csv")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith("fastnet: error: t.csv: ")
        assert result.stderr.count("\n") == 1


def test_a_table_as_europe_writes_it_is_the_same_to_every_verb(run: Run, amounts: Path) -> None:
    plain = amounts.read_text(encoding="utf-8").replace("\n4,", "\n4.5,")
    amounts.write_text(plain, encoding="utf-8")
    european = plain.replace(",", ";").replace(".", ",")
    Path("euro.csv").write_text(european, encoding="utf-8")
    told: list[dict[str, object]] = []
    for name in ("amounts.csv", "euro.csv"):
        trained = run("train", name, *TRAIN, "--out", f"run-{name}", "--json")
        told.append({"train": json.loads(trained.stdout)["train"]})
        scored = json.loads(run("evaluate", "run-amounts.csv", name, "--json").stdout)
        predicted = run("predict", "run-amounts.csv", name, "--keep", "width").stdout
        # Cells that are kept stay as they are written.
        told[-1] |= {"evaluate": scored["targets"], "predict": predicted.replace('"4,5"', "4.5")}
        assert run("data", "convert", name, "out.parquet", "--force").exit_code == 0
        told[-1]["convert"] = pd.read_parquet("out.parquet").to_dict()
    assert told[0] == told[1]
    assert (
        run("data", "describe", "euro.csv")
        .stdout.splitlines()[0]
        .endswith("12 rows, 3 columns, semicolons between them, decimal commas")
    )
    described = json.loads(run("data", "describe", "euro.csv", "--json").stdout)["data"]
    assert (described["delimiter"], described["decimal_mark"]) == (";", ",")
