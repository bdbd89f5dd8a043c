"""A table read a few bytes at a time is the table read at once."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet.data.csv import CsvText
from fastnet.data.csv_blocks import csv_blocks
from fastnet.errors import DataError

CELLS = st.sampled_from(
    ["1", "", "two words", 'a 5" pipe', '12"', "'", '"a, b"', '"a\nb"', '"say ""so"""', '""', ' "x\ny"', '"\n\n"', "é"]
)


def rows_of(text: str, block: int | None, delimiter: str) -> list[list[str]] | str:
    """The rows, or why there are none."""
    content = text.encode()
    try:
        if block is None:
            whole = CsvText("data", content, delimiter)
            tables = [whole.raw_table(whole.header())]
        else:
            tables = list(csv_blocks(io.BytesIO(content), "data", delimiter, block))
        return [list(row) for table in tables for row in zip(*(c.to_pylist() for c in table.columns), strict=True)]
    except DataError as error:
        return str(error)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12),
    st.integers(40, 200),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([",", "\t"]),
)
def test_blocks_are_the_whole(cells: list[tuple[str, str, str]], block: int, end: str, delimiter: str) -> None:
    lines = [delimiter.join(row) for row in [("a", '"b\nc"', 'd 5"'), *cells]]
    text = "".join(line + end for line in lines)
    whole = rows_of(text, None, delimiter)
    if isinstance(whole, str):
        assert isinstance(rows_of(text, block, delimiter), str)
    else:
        assert rows_of(text, block, delimiter) == whole


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_a_mark_for_inches_does_not_hide_the_ends_of_rows(delimiter: str) -> None:
    lines = [["name", "note"], ["a", '5" pipe'], *([str(i), '"two\nlines"'] for i in range(200))]
    text = "".join(delimiter.join(line) + "\n" for line in lines)
    found = rows_of(text, 64, delimiter)
    assert found == rows_of(text, None, delimiter)
    assert len(found) == 201
