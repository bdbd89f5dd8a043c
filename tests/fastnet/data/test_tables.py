"""Tables of every format: one reader's meaning of them all, what is left out, what is filled in, what is refused."""

import datetime as dt
import decimal
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet.data import Dataset, csv, read_evaluation, read_prediction, read_training
from fastnet.data.arrow import read_frame
from fastnet.data.meaning import find_out
from fastnet.data.table import Table
from fastnet.errors import DataError, DataWarning
from fastnet.preparation import Preparation

FLOWERS = "length,colour,wild,kind\n1.5,red,true,rose\n3,white,false,tulip\n5,red,true,rose\n"


def write(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "length": [1.5, 3, 5],
            "colour": ["red", "white", "red"],
            "wild": [True, False, True],
            "kind": ["rose", "tulip", "rose"],
        }
    )


def save_csv_gz(path: Path) -> Path:
    path = path / "data.csv.gz"
    path.write_bytes(gzip.compress(FLOWERS.encode()))
    return path


def save_tsv(path: Path) -> Path:
    return write(path, FLOWERS.replace(",", "\t"), "data.tsv")


def save_parquet(path: Path) -> Path:
    frame().to_parquet(path / "data.parquet")
    return path / "data.parquet"


def save_feather(path: Path) -> Path:
    frame().to_feather(path / "data.feather")
    return path / "data.feather"


def save_stream(path: Path) -> Path:
    table = pa.table(frame())
    with pa.ipc.new_stream(path / "data.arrow", table.schema) as file:
        file.write_table(table)
    return path / "data.arrow"


def categories(dataset: Dataset) -> Table:
    assert isinstance(dataset.X, Table)
    return dataset.X


@pytest.mark.parametrize(
    "source",
    [
        lambda path: write(path, FLOWERS),
        save_csv_gz,
        save_tsv,
        save_parquet,
        save_feather,
        save_stream,
        lambda path: frame(),
        lambda path: frame().astype({"colour": "category"}),
        lambda path: pl.from_pandas(frame()),
        lambda path: pa.table(frame()),
    ],
    ids=["csv", "csv.gz", "tsv", "parquet", "feather", "stream", "pandas", "dictionary", "polars", "pyarrow"],
)
def test_every_format_is_the_same_data(tmp_path: Path, source: Callable[[Path], Any]) -> None:
    data, test = read_training(source(tmp_path), target="kind")
    assert test is None
    assert [(column.name, column.kind) for column in categories(data).columns] == [
        ("length", "number"),
        ("colour", "category"),
        ("wild", "boolean"),
    ]
    assert data.y is not None
    assert data.y.tolist() == ["rose", "tulip", "rose"]
    preparation = Preparation.fit(data)
    assert preparation.feature_names == ("length", "colour=red", "colour=white", "wild")
    X = preparation.features(data.X, source="here", dtype=np.float64)
    np.testing.assert_array_equal(X[:, 1:3], [[1, 0], [0, 1], [1, 0]])
    np.testing.assert_allclose(X[:, 0], (np.array([1.5, 3, 5]) - 9.5 / 3) / np.std([1.5, 3, 5]), rtol=1e-12)
    assert Preparation.from_dict(preparation.to_dict()) == preparation


def test_numbers_alone_are_an_array(tmp_path: Path) -> None:
    data, _ = read_training(write(tmp_path, "a,b,t\n1,2,0\n3,4,1\n"))
    assert data.X.tolist() == [[1, 2], [3, 4]]
    assert data.X.dtype == np.float64
    assert "columns" not in Preparation.fit(data).to_dict()


class TestMeaning:
    @pytest.mark.parametrize(
        ("cells", "kind"),
        [
            (["1", "2.5", "-3e4"], "number"),
            (["True", "FALSE", "true"], "boolean"),
            (["a", "b", "a"], "category"),
            (["a", "1", "b"], "category"),
            (["é", "a\u00a0", "None"], "category"),
        ],
    )
    def test_kinds(self, tmp_path: Path, cells: list[str], kind: str) -> None:
        rows = "".join(f"{cell},{i},{i % 2}\n" for i, cell in enumerate(cells))
        X = read_training(write(tmp_path, "a,b,t\n" + rows))[0].X
        assert X.shape == (3, 2)
        assert np.asarray(X)[:, 1].tolist() == [0, 1, 2]
        assert (X.columns[0].kind if isinstance(X, Table) else "number") == kind

    @pytest.mark.parametrize(
        "cells",
        [
            ["2024-01-31", "2024-02-01"],
            ["31.12.2024", "1.1.2025"],
            ["12/31/24", "01/01/25"],
            ["2024-01-31T12:00:00Z", "2024-01-31 12:00:00.5+01:00"],
            ["12:30", "23:59:59"],
        ],
    )
    def test_times_are_left_out_and_said(self, tmp_path: Path, cells: list[str]) -> None:
        path = write(tmp_path, "when,a,t\n" + "".join(f"{cell},{i},{i}\n" for i, cell in enumerate(cells)))
        with pytest.warns(DataWarning, match=r"'when' holds dates or times.*left out.*--ignore when"):
            data, _ = read_training(path)
        assert (data.feature_names, data.ignored) == (("a",), ("when",))
        preparation = Preparation.fit(data)
        # It need not be there, and may.
        assert len(read_evaluation(path, preparation=preparation).X) == 2
        assert len(read_prediction(write(tmp_path, "a\n5\n", "new.csv"), preparation=preparation).X) == 1

    def test_times_of_a_frame_and_on_request_as_categories(self) -> None:
        days = pd.to_datetime(["2024-01-31", "2024-02-01", "2024-01-31"])
        table = pd.DataFrame({"when": days, "a": [1, 2, 3], "t": [0, 1, 0]})
        with pytest.warns(DataWarning, match="'when'"):
            assert read_training(table, target="t")[0].feature_names == ("a",)
        data, _ = read_training(table, target="t", categorical=["when"])
        assert len(categories(data).columns[0].texts) == 2

    def test_names_of_rows_are_left_out_and_said(self, tmp_path: Path) -> None:
        path = write(tmp_path, "name,a,t\n" + "".join(f"person {i},{i},{i % 2}\n" for i in range(30)))
        with pytest.warns(DataWarning, match="'name' has a text of its own in nearly every row"):
            data, _ = read_training(path)
        assert data.feature_names == ("a",)
        assert read_training(path, categorical=["name"])[0].feature_names == ("name", "a")

    @pytest.mark.parametrize("name", ["id", "PassengerId", "row_number", "Unnamed: 0", "index"])
    def test_a_number_of_the_row_is_said(self, tmp_path: Path, name: str) -> None:
        path = write(tmp_path, f"{name},a,t\n" + "".join(f"{i + 5},{i * i},{i % 2}\n" for i in range(9)))
        with pytest.warns(DataWarning, match=f"'{name}' counts the rows.*--ignore"):
            assert read_training(path)[0].feature_names == (name, "a")
        assert read_training(path, ignore=[name])[0].feature_names == ("a",)

    @pytest.mark.parametrize("name", ["paid", "year", "grid"])
    def test_other_numbers_that_rise_are_not(self, tmp_path: Path, name: str) -> None:
        path = write(tmp_path, f"{name},a,t\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(9)))
        assert read_training(path)[0].feature_names == (name, "a")

    def test_codes_are_categories_on_request_and_the_same_in_every_format(self, tmp_path: Path) -> None:
        path = write(tmp_path, "zip,a,t\n0123,1,0\n99,2,1\n99.0,3,1\n0123,4,0\n")
        data, _ = read_training(path, categorical=["zip"])
        assert categories(data).columns[0].texts == ("0123", "99")
        preparation = Preparation.fit(data)
        table = pd.DataFrame({"zip": [99, 99], "a": [1, 2]})
        X = preparation.features(table, source="here")
        assert X[:, :2].tolist() == [[0, 1], [0, 1]]

    def test_too_many_texts_are_refused_unless_asked_for(self, tmp_path: Path) -> None:
        path = write(tmp_path, "word,a,t\n" + "".join(f"w{i % 1001},{i},{i % 2}\n" for i in range(2002)))
        with pytest.raises(DataError, match=r"'word' has 1,001 different texts.*--ignore word.*--categorical word"):
            read_training(path)
        assert len(categories(read_training(path, categorical=["word"])[0]).columns[0].texts) == 1001


class TestMissing:
    TEXT = "a,colour,t\n1,red,0\n,blue,1\n3,,0\n7,blue,1\n"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (TEXT, r"row 2 \(line 3\), column 'a' is empty or NaN; fill in a number.*--impute"),
            (
                "a,colour,t\n1,red,0\n2,,1\n3,,1\n",
                r"row 2 \(line 3\), column 'colour' is empty or NaN \(so is 1 more\)",
            ),
            ("a,t\n1,0\n2,1\nNA,1\n", r"row 3 \(line 4\), column 'a' is empty or NaN \('NA'\)"),
        ],
    )
    def test_refused_by_row_and_column(self, tmp_path: Path, text: str, words: str) -> None:
        with pytest.raises(DataError, match=words):
            read_training(write(tmp_path, text))

    def test_of_a_frame_by_row_and_column(self) -> None:
        with pytest.raises(DataError, match="the frame: row 2, column 'a' is empty or NaN"):
            read_training(pd.DataFrame({"a": [1.0, None], "b": [1, 2], "t": [0, 1]}))

    @pytest.mark.parametrize(("impute", "filled"), [("mean", 11 / 3), ("median", 3.0), ("most_frequent", 1.0)])
    def test_filled_in_on_request(self, tmp_path: Path, impute: Any, filled: float) -> None:
        data, _ = read_training(write(tmp_path, self.TEXT), keep_missing=True)
        preparation = Preparation.fit(data, impute=impute)
        assert [column.fill for column in preparation.columns] == [pytest.approx(filled), "blue"]
        X = preparation.features(data.X, source="here", dtype=np.float64)
        assert X[1, 0] * preparation.deviation[0] + preparation.mean[0] == pytest.approx(filled)
        assert X[:, 1:].tolist() == [[0, 1], [1, 0], [1, 0], [1, 0]]
        again = Preparation.from_dict(preparation.to_dict())
        new = read_prediction(write(tmp_path, "a,colour\n,\n", "new.csv"), preparation=again)
        np.testing.assert_allclose(again.features(new.X, source="here")[0, 0], X[1, 0], rtol=1e-6)

    def test_a_category_of_its_own_on_request(self, tmp_path: Path) -> None:
        text = self.TEXT.replace("\n,", "\n2,")
        data, _ = read_training(write(tmp_path, text), keep_missing=True)
        preparation = Preparation.fit(data, missing_category=True)
        assert preparation.feature_names == ("a", "colour=blue", "colour=red", "colour=(missing)")
        assert preparation.features(data.X, source="here")[2, 1:].tolist() == [0, 0, 1]
        with pytest.raises(
            DataError, match=r"row 1 \(line 2\), column 'a' is empty.*the model was trained without --impute"
        ):
            read_prediction(write(tmp_path, "a,colour\n,\n"), preparation=preparation)

    def test_numbers_alone_are_filled_in_too(self, tmp_path: Path) -> None:
        data, _ = read_training(write(tmp_path, "a,b,t\n1,2,0\n,4,1\n5,6,1\n"), keep_missing=True)
        assert np.isnan(data.X[1, 0])
        preparation = Preparation.fit(data, impute="mean")
        assert not preparation.features(data.X, source="here")[1, 0]
        with pytest.raises(DataError, match=r"sample 2 of 3, feature 'a' is nan"):
            Preparation.fit(data)

    def test_a_column_of_nothing_cannot_be_filled_in(self, tmp_path: Path) -> None:
        data, _ = read_training(write(tmp_path, "a,b,t\n1,,0\n2,,1\n"), keep_missing=True)
        with pytest.raises(DataError, match="'b' has no value at all"):
            Preparation.fit(data, impute="mean")

    def test_statistics_are_of_the_training_rows_alone(self, tmp_path: Path) -> None:
        text = "a,colour,t\n1,red,0\n,red,1\n3,red,0\n1000,blue,1\n"
        data, _ = read_training(write(tmp_path, text), keep_missing=True)
        preparation = Preparation.fit(data.rows(np.arange(3)), impute="mean")
        assert preparation.columns[0].fill == 2
        assert preparation.columns[1].categories == ("red",)


class TestPrediction:
    @pytest.fixture
    def preparation(self, tmp_path: Path) -> Preparation:
        return Preparation.fit(read_training(write(tmp_path, FLOWERS, "train.csv"))[0])

    def test_a_text_never_seen_is_all_zeros_counted_and_said(self, tmp_path: Path, preparation: Preparation) -> None:
        path = write(tmp_path, "wild,colour,length\ntrue,green,1\nfalse,red,2\ntrue,green,3\n")
        data = read_prediction(path, preparation=preparation)
        with pytest.warns(DataWarning, match=r"2 samples have a value of 'colour' that training never saw \('green'\)"):
            X = preparation.features(data.X, source="here")
        assert X[:, 1:3].tolist() == [[0, 0], [1, 0], [0, 0]]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("length,colour,wild\n1,red,maybe\n", r"row 1 \(line 2\), column 'wild' has the text 'maybe'"),
            ("length,colour,wild\nlong,red,true\n", r"row 1 \(line 2\), column 'length' has the text 'long'"),
            ("length,colour,wild\n1,,true\n", r"row 1 \(line 2\), column 'colour' is empty or NaN"),
            ("length,colour\n1,red\n", "the column 'wild' that the model was trained on is missing"),
            ("length,colour,wild,x\n1,red,true,4\n", "not trained on the column 'x'"),
        ],
    )
    def test_what_does_not_fit_is_refused(
        self, tmp_path: Path, preparation: Preparation, text: str, words: str
    ) -> None:
        with pytest.raises(DataError, match=words):
            read_prediction(write(tmp_path, text), preparation=preparation)

    def test_frames_and_arrays_of_objects_by_their_columns(self, preparation: Preparation) -> None:
        expected = preparation.features(frame().drop(columns="kind"), source="here")
        table = frame()[["wild", "kind", "length", "colour"]]
        np.testing.assert_array_equal(preparation.features(table, source="here"), expected)
        np.testing.assert_array_equal(preparation.features(pl.from_pandas(table), source="here"), expected)
        objects = frame().drop(columns="kind").to_numpy()
        assert objects.dtype == object
        np.testing.assert_array_equal(preparation.features(objects, source="here"), expected)

    def test_an_array_of_other_columns_is_refused(self, preparation: Preparation) -> None:
        with pytest.raises(DataError, match="here: the features should be 3 columns"):
            preparation.features(np.zeros((2, 4)), source="here")


class TestFromPython:
    def test_a_preparation_of_a_frame_and_its_targets(self) -> None:
        table = frame()
        preparation = Preparation.fit(table.drop(columns="kind"), table["kind"])
        assert (preparation.task, preparation.input_shape) == ("binary", (4,))
        assert preparation.features(table.drop(columns="kind"), source="X").shape == (3, 4)

    def test_row_labels_are_no_column(self) -> None:
        table = frame().set_index(pd.Index([3, 1, 2], name="number"))
        assert read_training(table, target="kind")[0].feature_names == ("length", "colour", "wild")

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            (pd.DataFrame({"a": [1, "x"], "t": [0, 1]}), "the frame cannot be read"),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the frame cannot be read"),
            (pd.DataFrame({"a": [[1], [2]], "t": [0, 1]}), "'a' is of type list"),
            (pd.DataFrame({"a": [b"1", b"2"], "t": [0, 1]}), "'a' is of type binary"),
        ],
    )
    def test_frames_that_are_no_data(self, table: pd.DataFrame, words: str) -> None:
        with pytest.raises(DataError, match=words):
            read_training(table)

    def test_anything_else_is_refused(self) -> None:
        with pytest.raises(DataError, match="not from a list"):
            read_training([1, 2, 3])


@pytest.mark.parametrize("name", ["data.parquet", "data.arrow", "data.feather", "data.csv.gz"])
@pytest.mark.parametrize(
    "content", [b"", b"not at all", b"PAR1xxxxPAR1", b"ARROW1\x00\x00zzzzzzzzARROW1", b"\x1f\x8b\x08"]
)
def test_damaged_files_are_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_training(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "_LARGE", 2**20)
    monkeypatch.setattr(csv, "_BLOCK", 2**16)
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 2**22))
    with pytest.raises(DataError, match="which no table does"):
        read_training(path)


CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=5)


@settings(max_examples=25)
@given(texts=st.lists(CELLS.map(lambda text: f"t{text}"), min_size=2, max_size=12), seed=st.integers(0, 99))
def test_one_hot_is_the_category_and_nothing_else(texts: list[str], seed: int) -> None:
    table = pd.DataFrame({"c": texts, "a": np.arange(len(texts))})
    preparation = Preparation.fit(table, np.arange(len(texts)) % 2)
    order = np.random.default_rng(seed).permutation(len(texts))
    X = preparation.features(table.iloc[order][["a", "c"]], source="here")
    hot = [name.removeprefix("c=") for name in (preparation.feature_names or ())[:-1]]
    assert hot == sorted(set(texts))
    assert [hot[index] for index in X[:, :-1].argmax(axis=1)] == [texts[i] for i in order]
    assert (X[:, :-1].sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("values", "meaning", "cells"),
    [
        (pa.array([dt.timedelta(days=1), None]), "number", [86400.0, None]),
        (pa.array([decimal.Decimal("1.5"), None]), "number", [1.5, None]),
        (pa.array(np.array([1, 2], np.float16)), "number", [1.0, 2.0]),
        (pa.nulls(2), "number", [None, None]),
        (pa.array([True, None]), "boolean", [1.0, None]),
        (pa.array([3, None]).dictionary_encode(), "category", ["3", None]),
        (pa.array(["b", None], pa.string_view()), "category", ["b", None]),
        (pa.array([dt.date(2020, 1, 1), None]), "time", ["2020-01-01", None]),
        (pa.array([dt.time(1), None]), "time", ["01:00:00.000000", None]),
    ],
)
def test_what_arrow_s_types_mean(values: Any, meaning: str, cells: list[Any]) -> None:
    found = find_out(read_frame(pa.table({"a": values}), "here"), "a")
    assert (found.meaning, found.column.cells().tolist()) == (meaning, cells)


@pytest.mark.parametrize(
    "values",
    [
        [[1], None],
        [{"a": 1}, None],
        [b"x", None],
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        pa.RunEndEncodedArray.from_arrays([1, 2], ["a", "b"]),
    ],
    ids=["list", "struct", "bytes", "interval", "run ends"],
)
def test_other_types_are_refused_by_name(values: Any) -> None:
    with pytest.raises(DataError, match=r"here: the column 'a' is of type .*neither numbers, text nor times"):
        find_out(read_frame(pa.table({"a": values}), "here"), "a")


@pytest.mark.parametrize("metadata", [b"\xff", b"{", b"[" * 100_000])
def test_damaged_metadata_of_pandas_are_refused(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"a": [1, 2], "t": [0, 1]}).replace_schema_metadata({b"pandas": metadata})
    pyarrow.parquet.write_table(table, tmp_path / "data.parquet")
    with pytest.raises(DataError, match="what pandas wrote of the columns is damaged"):
        read_training(tmp_path / "data.parquet")


def test_frames_of_polars_with_categories_of_its_own() -> None:
    table = pl.DataFrame(
        {
            "c": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
            "t": pl.Series(["b", "a", "b"], dtype=pl.Enum(["b", "a"])),
        }
    )
    data, _ = read_training(table)
    assert categories(data).columns[0].cells().tolist() == ["x", "y", "x"]
    assert data.y is not None
    assert data.y.tolist() == ["b", "a", "b"]


def test_large_codes_stay_apart() -> None:
    large = [2**62, 2**62 + 1, 2**62]
    data, _ = read_training(pd.DataFrame({"code": large, "t": [0, 1, 0]}), categorical=["code"])
    assert categories(data).columns[0].cells().tolist() == [str(code) for code in large]


def test_a_number_among_texts_is_the_category_that_training_made_of_it(tmp_path: Path) -> None:
    rows = "3.0,1,0\nabc,2,1\n007,3,0\nabc,4,1\nabc,6,0\n"
    data, _ = read_training(write(tmp_path, f"word,a,t\n{rows}"))
    preparation = Preparation.fit(data)
    assert preparation.feature_names == ("word=007", "word=3.0", "word=abc", "a")
    again = read_evaluation(write(tmp_path, f"word,a,t\n{rows}3,5,0\n"), preparation=preparation)
    with pytest.warns(DataWarning, match=r"1 sample has a value of 'word' that training never saw \('3'\)"):
        X = preparation.features(again.X, source="here")
    assert X[:, :3].tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
