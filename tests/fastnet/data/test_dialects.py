"""Text files with other separators and decimal commas: what was written is read or refused, never something else."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet.data import read_training
from fastnet.data.csv import CsvText
from fastnet.data.csv_blocks import csv_blocks
from fastnet.data.delimiters import find_delimiter
from fastnet.data.meaning import numbers_of
from fastnet.data.raw import RawTable
from fastnet.errors import DataError

DELIMITERS = st.sampled_from([",", ";", "\t", "|"])
CELLS = st.text(st.sampled_from([*",;|\t\"\n '.-", *"ab01é"]), max_size=5)


def write(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def written(rows: list[list[str]], delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


def read_back(content: bytes, usual: str) -> list[list[str]]:
    text = CsvText("here", content, find_delimiter(content, "here", usual))
    names = text.header()
    return [names, *(list(row) for row in zip(*(c.to_pylist() for c in text.columns(names)), strict=True))]


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    names = draw(st.lists(CELLS.map(lambda text: f"n{text}".strip()), min_size=2, max_size=4, unique=True))
    return [names, *draw(st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)), min_size=1, max_size=5))]


def stripped(rows: list[list[str]]) -> list[list[str]]:
    return [[cell.strip() for cell in row] for row in rows]


@settings(deadline=None, max_examples=40)
@given(tables(), DELIMITERS, DELIMITERS)
def test_what_is_quoted_is_read_back_whatever_the_separator(rows: list[list[str]], one: str, usual: str) -> None:
    assert read_back(written(rows, one, csv.QUOTE_ALL), usual) == stripped(rows)


@settings(deadline=None, max_examples=100)
@given(tables(), DELIMITERS)
def test_what_is_not_quoted_is_read_back_or_refused(rows: list[list[str]], delimiter: str) -> None:
    try:
        found = read_back(written(rows, delimiter), ",")
    except DataError as error:
        assert "the columns may be separated by" in str(error)  # noqa: PT017 - it need not be refused
    else:
        assert found == stripped(rows)


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(FLOATS, st.integers(-(10**9), 10**9)), min_size=1, max_size=9), st.sampled_from(";\t|"))
def test_decimal_commas_are_read_back(pairs: list[tuple[float, int]], delimiter: str) -> None:
    rows = [["sure", "x", "n"], *(["0,5", repr(x).replace(".", ","), str(n)] for x, n in pairs)]
    content = written(rows, delimiter)
    text = CsvText("here", content, find_delimiter(content, "here", ","))
    expected = np.array([[0.5, x, n] for x, n in pairs])
    np.testing.assert_array_equal(numbers_of(text.raw_table(text.header())), expected)
    blocks = list(csv_blocks(io.BytesIO(content), "here", ",", block=60))
    np.testing.assert_array_equal(np.concatenate([numbers_of(block) for block in blocks]), expected)


@pytest.mark.parametrize(
    ("text", "X", "y"),
    [
        ("a;b;t\n1;2;3\n4;5;6\n", [[1, 2], [4, 5]], [3, 6]),
        ("a; b ;t\n1;2.5; 3\n4;5.25;6\n", [[1, 2.5], [4, 5.25]], [3, 6]),
        ("a|b|t\n1|2,5|3,5\n4|5,25|6\n", [[1, 2.5], [4, 5.25]], [3.5, 6]),
        ("a\tb\tt\n1\t-,5\t3\n4\t5,25e-1\t6\n", [[1, -0.5], [4, 0.525]], [3, 6]),
        ("a;b;t\n1;NA;3\n4;5,25;6\n", [[1, np.nan], [4, 5.25]], [3, 6]),
        # Another column tells that the comma is no separator of thousands.
        ("a;b;t\n1;2,500;0\n4,5;1,250;1\n", [[1, 2.5], [4.5, 1.25]], [0, 1]),
        ("size,cm;weight,kg;t\n1,5;2,5;3\n4,5;1;6\n", [[1.5, 2.5], [4.5, 1]], [3, 6]),
    ],
)
def test_tables_as_europe_writes_them(tmp_path: Path, text: str, X: list[list[float]], y: list[float]) -> None:
    data, _ = read_training(write(tmp_path, text), keep_missing=True)
    np.testing.assert_array_equal(data.X, X)
    assert data.y is not None
    assert data.y.tolist() == y


def test_text_keeps_its_commas_and_its_semicolons(tmp_path: Path) -> None:
    text = 'a;b;t\n1;"x;y, z";1,5\n2,5;"3,5";"4,5"\n3;c;5\n'
    data, _ = read_training(write(tmp_path, text))
    assert np.asarray(data.X).tolist() == [[1, "x;y, z"], [2.5, "3,5"], [3, "c"]]
    codes, _ = read_training(write(tmp_path, "a;b;t\n1;3,5;0\n2;4,5;1\n"), categorical=["b"])
    assert np.asarray(codes.X).tolist() == [[1, "3,5"], [2, "4,5"]]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("a;b;t\n1;2,500;3\n4;5,250;6\n", "data.csv", ["row 1 (line 2), column 'b'", "'2,500'", "thousands"]),
        ("a;b;t\n1;2.500;3,1\n4;5.250;6\n", "data.csv", ["column 'b'", "'2.500'", "thousands"]),
        ("a;b;t\n1;2,5;0\n4;1.005,25;1\n", "data.csv", ["row 2 (line 3), column 'b'", "'1.005,25'", "thousands"]),
        ("a;b;t\n1;2,5;0\n4;1 005,25;1\n", "data.csv", ["column 'b'", "'1 005,25'", "thousands"]),
        ("a\tb\tt\n1\t1,234.5\t3\n4\t5.5\t6\n", "data.tsv", ["column 'b'", "'1,234.5'", "thousands"]),
        ('a,b,t\n1,"1,234",3\n4,5,6\n', "data.csv", ["column 'b'", "'1,234'", "thousands", "--categorical b"]),
        ('a,b,t\n1,"1,5",3\n4,5,6\n', "data.csv", ["column 'b'", "'1,5' with a decimal comma", "write a point"]),
        ('a,b,t\n1,2,"1,5"\n4,5,6\n', "data.csv", ["column 't'", "'1,5' with a decimal comma", "write a point"]),
        ("a;b;t\n1;2.5;3,1\n4;5,25;6\n", "data.csv", ["'2.5' with a decimal point", "'t' has a decimal comma"]),
        ("a;b;t\n1;2,5;0\n2;x;1\n3;1;0\n", "data.csv", ["row 2 (line 3)", "column 'b'", "the text 'x'", "a number"]),
        ("a;t\n1;2,5\n2;x\n3;1\n", "data.csv", ["row 2 (line 3)", "column 't'", "the text 'x'", "a number"]),
        ("a;b;t\ninf;2;0\n2,5;1;1\n", "data.csv", ["row 2 (line 3)", "column 'a'", "'2,5'", "a number"]),
        ("a;b;t\n1;2;3\n4;5\n", "data.csv", ["row 2 (line 3) has 2 cells where the header has 3"]),
        ("a,x;b,y\n1,5;2,5\n", "data.csv", ["separated by commas or by semicolons", "quotation marks"]),
        ("a|x\tb|y,c\n1|5\t2|5,3\n", "data.csv", ["separated by commas, tabs or by vertical bars"]),
        ("text\nhello, world; and all\n", "data.csv", ["row 1 (line 2) has 2 cells where the header has 1"]),
        ("text\nhello\n", "data.csv", ["there is only one column, 'text'"]),
    ],
)
def test_what_is_ambiguous_is_refused(tmp_path: Path, text: str, name: str, words: list[str]) -> None:
    path = write(tmp_path, text, name)
    with pytest.raises(DataError) as caught:
        read_training(path)
    assert all(word in str(caught.value) for word in [str(path), *words]), caught.value


def test_tabs_that_the_name_promises_are_not_ambiguous(tmp_path: Path) -> None:
    data, _ = read_training(write(tmp_path, "a,x\tb,y\n1,5\t2,5\n3\t4\n", "data.tsv"))
    assert data.X.tolist() == [[1.5], [3]]


def test_only_the_beginning_of_a_large_file_is_looked_at() -> None:
    rows = b'a;"b\n,"\n' + b'1,5;"two\nlines"\n' * 5000
    for size in (8, 8 + 16 * 90, 2**15 + 1, len(rows)):
        assert find_delimiter(rows[:size], "here", ",") == ";"


class TestStreaming:
    """What the rows before told holds for those after."""

    @staticmethod
    def read(rows: list[str]) -> list[RawTable]:
        content = "a;b\n" + "".join(f"{row}\n" for row in rows)
        return list(csv_blocks(io.BytesIO(content.encode()), "here", ",", block=30))

    def test_a_block_of_numbers_that_could_be_either_goes_by_those_before(self) -> None:
        tables = self.read(["1,5;2"] * 8 + ["1,500;2"] * 8)
        assert len(tables) > 3
        assert np.concatenate([numbers_of(table) for table in tables])[:, 0].tolist() == [1.5] * 16

    @pytest.mark.parametrize("first", ["1.2345", "1.5"])
    def test_another_mark_further_down_is_refused(self, first: str) -> None:
        tables = self.read([f"{first};2"] * 8 + ["1,5;2"] * 8)
        assert numbers_of(tables[0])[0, 0] == float(first)
        with pytest.raises(DataError, match=r"row \d+ \(line \d+\).*'1,5' with a decimal comma.*'a' has a decimal poi"):
            [numbers_of(table) for table in tables]


def test_a_leading_zero_tells_of_a_decimal_comma(tmp_path: Path) -> None:
    train, _ = read_training(write(tmp_path, "a;y\n0,164;0,450\n-0,590;1,075\n"))
    np.testing.assert_array_equal(train.X, [[0.164], [-0.590]])
    np.testing.assert_array_equal(train.y, [0.450, 1.075])


def test_a_point_between_semicolons_may_set_thousands_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 2.*'1\.250', which is 1250 where thousands.*a decimal more"):
        read_training(write(tmp_path, "a;y\n1.250;3\n250;4\n"))
    for text in ("a;y\n1.250;3\n0.250;4\n", "a;y\n1.250;3\n250.5;4\n", "a\ty\n1.250\t3\n250\t4\n"):
        train, _ = read_training(write(tmp_path, text, "data.tsv" if "\t" in text else "data.csv"))
        assert train.X[0, 0] == 1.25
