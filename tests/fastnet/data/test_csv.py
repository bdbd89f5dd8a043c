"""CSV and TSV: what is read, and that each thing that can be wrong is called by its name."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnet.data import read_evaluation, read_prediction, read_training
from fastnet.errors import DataError
from fastnet.preparation import Preparation

FLOWERS = "length,width,kind\n1.5,2,rose\n3,4.5,tulip\n5,6,rose\n"


def write(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_the_last_column_is_the_target_by_default(tmp_path: Path) -> None:
    path = write(tmp_path, FLOWERS)
    data, test = read_training(path)
    assert test is None
    np.testing.assert_array_equal(data.X, [[1.5, 2], [3, 4.5], [5, 6]])
    assert data.X.dtype == np.float64
    assert data.y is not None
    assert data.y.tolist() == ["rose", "tulip", "rose"]
    assert data.feature_names == ("length", "width")
    assert (data.target_name, data.source) == ("kind", str(path))


def test_a_target_by_name_leaves_the_other_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,c\n1,2,3\n4,5,6\n")
    data, _ = read_training(path, target="b")
    assert data.feature_names == ("a", "c")
    assert data.X.tolist() == [[1, 3], [4, 6]]
    assert data.y is not None
    assert data.y.tolist() == [2, 5]


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (["1", "2"], np.int64),
        (["-3", " 7 "], np.int64),
        (["1.5", "2"], np.float64),
        (["1e3", "2"], np.float64),
        (["9" * 30, "1"], np.float64),
        (["yes", "no"], np.str_),
        (["a", "1"], np.str_),
    ],
)
def test_the_type_of_the_target(tmp_path: Path, cells: list[str], dtype: type) -> None:
    path = write(tmp_path, "a,t\n" + "".join(f"0,{cell}\n" for cell in cells))
    y = read_training(path)[0].y
    assert y is not None
    assert np.issubdtype(y.dtype, dtype)
    assert len(y) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("\ufeff" + FLOWERS, "data.csv"),
        (FLOWERS.replace("\n", "\r\n"), "data.csv"),
        (FLOWERS.replace("\n", "\n\n"), "data.csv"),
        (FLOWERS.replace(",", " , "), "data.csv"),
        (FLOWERS.replace("rose", '"rose"').replace(",", ", "), "data.CSV"),
        (FLOWERS.replace(",", "\t"), "data.tsv"),
    ],
    ids=["bom", "crlf", "blank lines", "spaces", "quotes after spaces", "tabs"],
)
def test_ways_to_write_the_same_table(tmp_path: Path, text: str, name: str) -> None:
    data, _ = read_training(write(tmp_path, text, name))
    assert data.X.tolist() == [[1.5, 2], [3, 4.5], [5, 6]]
    assert data.feature_names == ("length", "width")
    assert data.y is not None
    assert data.y.tolist() == ["rose", "tulip", "rose"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty", "header"]),
        ("a,b\n", ["empty", "header but no row"]),
        ("a\n1\n", ["only one column", "'a'"]),
        ("1,2,3\n4,5,6\n", ["first line looks like data", "header", "add one"]),
        ("5.1,3.5,1.4,rose\n4,5,6,tulip\n", ["first line looks like data", "'5.1'"]),
        ("a,,b\n1,2,3\n", ["column 2 has no name", "index=False"]),
        ("a,b,a\n1,2,3\n", ["2 columns", "'a'"]),
        ("a,b,c\n1,2,3\n4,5\n", ["row 2 (line 3)", "2 cells", "header has 3"]),
        ("a,b\n1,2\n3,4,5\n", ["row 2 (line 3)", "3 cells", "header has 2"]),
        ("a,b,t\n1,2,0\n3,four,1\n", ["row 2 (line 3)", "column 'b'", "'four'", "number"]),
        ("a,b,t\n1,1_000,0\n3,4,1\n", ["row 1 (line 2)", "column 'b'", "'1_000'"]),
        ("a,b,t\n1,,0\n3,4,1\n", ["row 1 (line 2)", "column 'b'", "empty or NaN"]),
        ("a,b,t\n1,2,0\n3,NaN,1\n", ["row 2 (line 3)", "column 'b'", "empty or NaN"]),
        ("a,b,t\n1,2,0\n3,-inf,1\n", ["row 2 (line 3)", "column 'b'", "infinite"]),
        ("a,t\n1,0\n\n3,\n", ["row 2 (line 4)", "column 't'", "target", "empty or NaN"]),
        ("a,t\n1,red\n3,nan\n", ["row 2 (line 3)", "column 't'", "empty or NaN"]),
        ("a,t\n1,inf\n3,2\n", ["row 1 (line 2)", "column 't'", "infinite"]),
        ("a,t\n1,1.5\n2,2.5\n3,1.2x\n", ["row 3 (line 4)", "column 't'", "'1.2x'", "number"]),
        ('a,t\n1,"two\n', ["not valid CSV", "quotation"]),
        (b"a,t\n1,2\n3,\xe9t\xe9\n", ["byte 0xe9", "line 3", "UTF-8"]),
        ("a,b\n1,2\n".encode("utf-16"), ["byte 0x", "line 1", "UTF-8"]),
        (b"PAR1\x15\x04\x15", ["this is Parquet", "name end in .parquet"]),
        (b"PK\x03\x04\x14", ["XLSX", "save a table as CSV"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str | bytes, words: list[str]) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_training(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in [str(path), *words]:
        assert word in message


def test_a_byte_far_into_a_large_file_is_found_on_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, b"a,t\n" + b"1,2\n" * 50_000 + b"3,\xff\n")
    with pytest.raises(DataError, match=r"byte 0xff on line 50002 "):
        read_training(path)


def test_an_unknown_target_lists_the_columns(tmp_path: Path) -> None:
    path = write(tmp_path, FLOWERS)
    with pytest.raises(DataError, match=r"no column 'colour'.*'length', 'width', 'kind'"):
        read_training(path, target="colour")


def test_names_that_count_up_or_are_few_make_a_header(tmp_path: Path) -> None:
    assert read_training(write(tmp_path, "0,1,2,t\n5,6,7,a\n"))[0].feature_names == ("0", "1", "2")
    assert read_training(write(tmp_path, "a,2019,b\n5,6,7\n"))[0].feature_names == ("a", "2019")


def test_columns_that_are_called_as_other_formats_begin(tmp_path: Path) -> None:
    assert read_training(write(tmp_path, "PAR1,PAR2,t\n5,6,7\n"))[0].feature_names == ("PAR1", "PAR2")


def test_a_sum_that_overflows_is_no_infinite_cell(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,t\n1e308,1.7e308,0\n")
    assert read_training(path)[0].X.tolist() == [[1e308, 1.7e308]]


class TestMatchingAModel:
    """Columns go by their names once there is a model."""

    @pytest.fixture
    def preparation(self, tmp_path: Path) -> Preparation:
        return Preparation.fit(read_training(write(tmp_path, FLOWERS, "train.csv"))[0])

    def test_prediction_reorders_and_does_without_the_target(self, tmp_path: Path, preparation: Preparation) -> None:
        path = write(tmp_path, "width,length\n2,1.5\n")
        data = read_prediction(path, preparation=preparation)
        assert data.X.tolist() == [[1.5, 2]]
        assert data.y is None
        assert data.feature_names == ("length", "width")

    def test_prediction_sets_the_target_aside_whatever_is_in_it(self, tmp_path: Path, preparation: Preparation) -> None:
        path = write(tmp_path, "kind,width,length\n,2,1.5\n7,4,3\n")
        data = read_prediction(path, preparation=preparation)
        assert data.X.tolist() == [[1.5, 2], [3, 4]]
        assert data.y is None

    def test_evaluation_finds_the_target_and_the_order_by_name(self, tmp_path: Path, preparation: Preparation) -> None:
        path = write(tmp_path, "kind,width,length\ntulip,2,1.5\n")
        data = read_evaluation(path, preparation=preparation)
        assert data.X.tolist() == [[1.5, 2]]
        assert data.y is not None
        assert data.y.tolist() == ["tulip"]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("length,kind\n1,rose\n", ["'width'", "missing"]),
            ("length,width,height,id\n1,2,3,4\n", ["columns 'height', 'id';", "remove them", "--keep height,id"]),
            ("length,width,height\n1,2,3\n", ["'height'", "not trained on", "remove it", "--keep height"]),
        ],
    )
    def test_other_columns_are_refused(
        self, tmp_path: Path, preparation: Preparation, text: str, words: list[str]
    ) -> None:
        with pytest.raises(DataError) as caught:
            read_prediction(write(tmp_path, text), preparation=preparation)
        assert all(word in str(caught.value) for word in words)

    def test_evaluation_keeps_no_columns(self, tmp_path: Path, preparation: Preparation) -> None:
        path = write(tmp_path, "length,width,height,kind\n1,2,3,rose\n")
        with pytest.raises(DataError, match=r"on the column 'height'; remove it, since"):
            read_evaluation(path, preparation=preparation)

    def test_evaluation_needs_the_target(self, tmp_path: Path, preparation: Preparation) -> None:
        path = write(tmp_path, "length,width\n1,2\n")
        with pytest.raises(DataError, match="no column 'kind' for the target"):
            read_evaluation(path, preparation=preparation)

    def test_without_names_every_column_is_a_feature(self, tmp_path: Path) -> None:
        preparation = Preparation(input_shape=(2,), task="regression", scaling="none")
        data = read_prediction(write(tmp_path, "a,b\n1,2\n"), preparation=preparation)
        assert data.X.tolist() == [[1, 2]]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).map(
    lambda text: f"n{text}".strip()
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(table=st.data())
def test_what_the_csv_module_writes_is_read_back(
    table: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    header = table.draw(st.lists(NAMES, min_size=2, max_size=5, unique=True))
    row = st.tuples(*[NUMBERS] * (len(header) - 1), NAMES)
    rows = table.draw(st.lists(row, min_size=1, max_size=6))
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path = write(tmp_path_factory.mktemp("csv"), text.getvalue())
    data, _ = read_training(path)
    assert data.feature_names == tuple(header[:-1])
    assert data.target_name == header[-1]
    np.testing.assert_array_equal(data.X, np.array([row[:-1] for row in rows]))
    assert data.y is not None
    assert data.y.tolist() == [row[-1] for row in rows]


class TestSettingAside:
    """Groups and times are kept beside the features."""

    TEXT = "a,patient,b,t\n1,x,2,0\n3,y,4,1\n5,x,6,1\n"

    def test_columns_are_kept_by_name_and_follow_the_rows(self, tmp_path: Path) -> None:
        data, _ = read_training(write(tmp_path, self.TEXT), aside=("patient",))
        assert (data.feature_names, data.target_name) == (("a", "b"), "t")
        assert data.X.tolist() == [[1, 2], [3, 4], [5, 6]]
        assert data.aside["patient"].tolist() == ["x", "y", "x"]
        some = data.rows(np.array([2, 0]))
        assert some.X.tolist() == [[5, 6], [1, 2]]
        assert some.y is not None
        assert (some.y.tolist(), some.aside["patient"].tolist()) == ([1, 0], ["x", "x"])

    @pytest.mark.parametrize(("name", "words"), [("c", "no column 'c' to set aside"), ("t", "'t' is the target")])
    def test_what_is_no_such_column_is_refused(self, tmp_path: Path, name: str, words: str) -> None:
        with pytest.raises(DataError, match=words):
            read_training(write(tmp_path, self.TEXT), aside=(name,))

    def test_an_empty_cell_is_refused(self, tmp_path: Path) -> None:
        path = write(tmp_path, "a,patient,t\n1,,0\n2,x,1\n")
        with pytest.raises(DataError, match=r"row 1 \(line 2\), column 'patient' \(which is set aside\) is empty"):
            read_training(path, aside=("patient",))

    def test_built_in_data_have_nothing_to_set_aside(self) -> None:
        with pytest.raises(DataError, match="moons: there is nothing called 'group'"):
            read_training("moons", aside=("group",))
