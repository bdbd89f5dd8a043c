"""``fastnet data describe``: what it says of tables and arrays, and that it finds what is there twice."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fastnet.data import duplicates
from fastnet.data.duplicates import digests_of_array, repeats_between, repeats_within

from .conftest import Run

TABLE = """id,when,size,colour,same,kind
1,2024-01-01,1.5,red,7,a
2,2024-01-02,,blue,7,b
3,2024-01-03,1.5,red,7,b
4,2024-01-04,4,red,7,a
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "new.csv").write_text("colour,size,same,id,when\ngreen,4,7,1,\nred,4.0,7,2,\n", encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("files")
def test_a_table_by_its_columns(run: Run) -> None:
    result = run("data", "describe", "t.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert lines["data"].endswith("t.csv: 4 rows, 6 columns")
    assert lines["size"].split() == ["size", "number", "1", "2", "1.5", "4", "2.333"]
    assert lines["colour"].split() == ["colour", "category", "0", "2", "red", "3,", "blue", "1"]
    assert lines["when"].split()[1] == "time"
    assert "1 feature (same)" in lines["constant"]
    assert lines["target"].endswith("kind: 2 classes: a 2 (50.0%), b 2 (50.0%)")
    assert lines["duplicates"].endswith("1 sample repeats another, 1 with another target: 1 = 3 (counted from")
    assert "'id' counts the rows" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.usefixtures("files")
def test_a_test_table_without_answers_in_another_order(run: Run) -> None:
    report = json.loads(run("data", "describe", "t.csv", "--test", "new.csv", "--json").stdout)
    assert report["data"]["duplicates"] == {"counted_from": 1, "count": 1, "pairs": [[1, 3]], "contradicting": 1}
    assert report["test"]["target"] is None
    assert report["between"]["pairs"] == [[4, 2]]
    by_name = {column["name"]: column for column in report["data"]["columns"]}
    assert by_name["size"]["numbers"]["missing"] == by_name["size"]["missing"] == 1
    assert by_name["colour"]["frequent"] == [["red", 3], ["blue", 1]]
    assert [name for name, column in by_name.items() if column["target"]] == ["kind"]
    text = run("data", "describe", "t.csv", "--test", "new.csv").stdout
    assert "the column is missing from the test part: 'kind'" in text
    assert "'colour' has texts that training never sees: 'green'" in text


def test_text_among_numbers_is_a_note_and_no_end(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,t\n1,2.5\n2,0.5\nthree,1\n", encoding="utf-8")
    result = run("data", "describe", "t.csv")
    assert result.exit_code == 0
    assert "mixed" in result.stdout
    assert "row 3 (line 4), column 'a' has the text 'three'" in " ".join(result.stdout.split())


def test_arrays(run: Run, tmp_path: Path) -> None:
    X = np.arange(24.0).reshape(6, 2, 2)
    X[4], X[:, 0, 1], X[5, 1, 1] = X[1], 3, np.nan
    np.savez(tmp_path / "a.npz", X=X, y=np.array([0, 1, 0, 1, 1, 0]))
    report = json.loads(run("data", "describe", "a.npz", "--json").stdout)["data"]
    assert (report["samples"], report["shape"], report["dtype"]) == (6, [2, 2], "float64")
    finite = X[np.isfinite(X)]
    assert report["values"] == pytest.approx(
        {
            "least": 0,
            "most": 22,
            "mean": finite.mean(),
            "deviation": finite.std(),
            "missing": 1,
            "infinite": 0,
        }
    )
    assert report["constant_features"] == 1
    assert report["target"]["counts"] == {"0": 3, "1": 3}
    assert report["duplicates"] == {"counted_from": 0, "count": 1, "pairs": [[1, 4]], "contradicting": 0}


def test_built_in_data_have_both_parts(run: Run) -> None:
    result = run("data", "describe", "moons")
    assert "moons: 800 samples of 2 features, float64" in result.stdout
    assert "moons: 200 samples" in result.stdout
    assert "between    none" in result.stdout


def test_the_cats_have_one_picture_in_both_parts(run: Run, shared_data: Path) -> None:
    train, test = shared_data / "train_catvnoncat.h5", shared_data / "test_catvnoncat.h5"
    result = run("data", "describe", train, "--test", test)
    assert "146 = 17 (that of training first, counted from 0)" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("nowhere.csv", "no such file"),
        ("t.csv --target nothing", "there is no column 'nothing' for the target"),
        ("t.csv --test nowhere.csv", "nowhere.csv"),
        ("t.csv --x images", "names an array"),
        ("moons --target kind", "names a column of a table"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_cannot_be_described_is_one_sentence(run: Run, arguments: str, words: str) -> None:
    result = run("data", "describe", *arguments.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


class TestDuplicates:
    def test_types_and_signs_of_zero_do_not_count(self) -> None:
        train = digests_of_array(np.array([[0, 1], [2, 3], [0, 1]], np.uint8), as_bytes=False)
        test = digests_of_array(np.array([[-0.0, 1.0], [np.nan, 1.0]]), as_bytes=False)
        assert repeats_within(train, None).pairs == ((0, 2),)
        found = repeats_between(
            train, test, *(digests_of_array(np.array(list(y)), as_bytes=False) for y in ("aba", "ba"))
        )
        assert (found.pairs, found.contradicting) == (((0, 0),), 1)

    def test_as_many_as_there_are(self) -> None:
        rng = np.random.default_rng(0)
        X = rng.integers(0, 3, (2000, 4)).astype(float)
        digests = digests_of_array(X, as_bytes=False)
        repeated = repeats_within(digests, digests_of_array(X[:, 0], as_bytes=False))
        assert len(repeated.pairs) == repeated.count == 2000 - len(np.unique(X, axis=0))
        assert repeated.contradicting == 0
        assert all((X[i] == X[j]).all() and i < j for i, j in repeated.pairs)
        first = {tuple(row): i for i, row in reversed(list(enumerate(X.tolist())))}
        assert repeated.pairs == tuple(
            (first[tuple(row)], i) for i, row in enumerate(X.tolist()) if first[tuple(row)] < i
        )

    def test_of_very_many_the_first_are_compared_and_as_many_pairs_given(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(duplicates, "MOST_SAMPLES", 50)
        monkeypatch.setattr(duplicates, "MOST_PAIRS", 20)
        pd.DataFrame({"a": ["x", "y"] * 40, "b": [1.5, 2.5] * 40, "t": [0, 1] * 40}).to_csv(
            tmp_path / "t.csv", index=False
        )
        np.savez(tmp_path / "t.npz", X=np.zeros((80, 3)), y=["a", "b", "b", "b"] * 20)
        for name, count, others in (("t.csv", 48, ""), ("t.npz", 49, ", 37 with another target")):
            shown = " ".join(run("data", "describe", name, "--json").stdout.split())
            report = json.loads(shown)["data"]["duplicates"]
            assert (report["count"], len(report["pairs"])) == (count, 20)
            shown = " ".join(run("data", "describe", name).stdout.split())
            assert f"duplicates of the first 50 samples {count} samples repeat others{others}: " in shown
            assert f"and {count - 10} more (counted" in shown


def test_a_column_of_lists_is_a_note_and_no_end(run: Run, tmp_path: Path) -> None:
    pd.DataFrame({"a": [1.0, 2.0], "b": [[1], [2]], "t": ["x", "y"]}).to_parquet(tmp_path / "t.parquet")
    result = run("data", "describe", "t.parquet")
    assert result.exit_code == 0
    assert "the column 'b' is of type list" in " ".join(result.stdout.split())


@pytest.mark.parametrize("width", [80, 140])
def test_texts_are_left_out_whole(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    colours = ["red"] * 3 + ["a colour nobody has a name for"] * 2 + ["green"]
    flowers = {"the_colour_of_the_flower": colours, "size": np.arange(6) * 1e4 + 0.125, "t": list("xyxyxy")}
    pd.DataFrame(flowers).to_csv(tmp_path / "t.csv", index=False)
    lines = run("data", "describe", "t.csv").stdout.splitlines()
    colour, size = (next(line for line in lines if f" {kind} " in line) for kind in ("category", "number"))
    assert len(colour) <= width
    assert size.split()[4:] == ["0.125", "5e+04", "2.5e+04"]
    texts = [text.rpartition(" ")[::2] for text in colour.split(" 0         3 ")[1].strip().split(", ")]
    assert texts[0] == ("red", "3")
    if width == 140:
        assert texts[1:] == [("a colour no.. a name for", "2"), ("green", "1")]
    else:
        assert texts[1:] in ([], [("a col..e for", "2")], [("a col..e for", "2"), ("green", "1")])
