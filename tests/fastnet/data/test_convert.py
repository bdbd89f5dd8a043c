"""Conversions: there and back nothing changes, and nothing half written stays behind."""

import string
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from fastnet.data import convert as module
from fastnet.data import read_training
from fastnet.data.convert import Options, convert
from fastnet.data.request import Request
from fastnet.errors import ConfigurationError, DataError, OutputError

# tmp_path is one folder for all examples, and each overwrites what the one before it wrote.
by_example = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])

DTYPES = st.sampled_from(["?", "u1", "i2", ">i4", "u8", "i8", "f2", "f4", ">f8", "S3", "U4"])
TEXT = st.text(string.ascii_letters + "éß ,\"'\n", max_size=4).map(lambda text: text.rstrip("\0"))


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    """An array of any type that both formats hold, of any shape, with no rows too."""
    dtype, shape = draw(DTYPES), draw(npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    elements: Any = None
    if dtype == "U4":
        elements = TEXT
    elif dtype == "S3":
        elements = st.binary(max_size=3).map(lambda text: text.rstrip(b"\0"))
    return draw(npst.arrays(np.dtype(dtype), shape, elements=elements))


def save(path: Path, **named: Any) -> None:
    np.savez(path, **named)


def convert_to(source: Path, out: Path, **options: Any) -> Path:
    convert(source, out, Request(), Options(**options))
    return out


@by_example
@given(
    named=st.dictionaries(st.sampled_from(["X", "y", "group/inner", "Größe"]), arrays(), min_size=1),
    compress=st.booleans(),
    chunk_rows=st.sampled_from([None, 1, 3]),
)
def test_arrays_of_any_kind_survive(
    tmp_path: Path, named: dict[str, np.ndarray[Any, Any]], compress: bool, chunk_rows: int | None
) -> None:
    save(tmp_path / "a.npz", **named)
    convert_to(tmp_path / "a.npz", tmp_path / "b.h5", compress=compress, chunk_rows=chunk_rows)
    convert_to(tmp_path / "b.h5", tmp_path / "c.hdf5", chunk_rows=chunk_rows)
    convert_to(tmp_path / "c.hdf5", tmp_path / "d.npz", compress=compress)
    with np.load(tmp_path / "d.npz", allow_pickle=False) as back:
        assert set(back.files) == set(named)
        for name, values in named.items():
            np.testing.assert_array_equal(back[name], values)
            if values.dtype.kind != "U":  # of texts the longest decides
                assert back[name].dtype == values.dtype


def test_an_hdf5_file_is_written_as_asked(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((100, 8)), y=np.arange(100))
    with h5py.File(convert_to(tmp_path / "a.npz", tmp_path / "a.h5", chunk_rows=7, compress=True)) as file:
        assert file["X"].chunks == (7, 8)
        assert file["X"].compression == "gzip"
    with h5py.File(convert_to(tmp_path / "a.npz", tmp_path / "a.h5")) as file:
        assert file["X"].chunks is None


def test_blocks_are_put_together(tmp_path: Path) -> None:
    X = np.random.default_rng(0).random((7000, 100))  # 5.6 MB, more than a block
    np.savez_compressed(tmp_path / "a.npz", X=X, y=np.arange(7000), Xf=np.asfortranarray(X))
    convert_to(convert_to(tmp_path / "a.npz", tmp_path / "a.h5", compress=True), tmp_path / "b.npz")
    with np.load(tmp_path / "b.npz") as back:
        np.testing.assert_array_equal(back["X"], X)
        np.testing.assert_array_equal(back["Xf"], X)
    convert_to(convert_to(tmp_path / "a.h5", tmp_path / "a.parquet"), tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as back:
        np.testing.assert_array_equal(back["X"], X)


def is_a_name(text: str) -> bool:
    """What CSV cannot mistake for something else: it has no spaces around it, and is not how numbers are written."""
    return text == text.strip() and text not in ("nan", "inf", "-inf")


COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "number": (pa.float64(), st.floats(allow_nan=False)),
    "single": (pa.float32(), st.floats(width=32, allow_nan=False)),
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.uint8(), st.integers(0, 255)),
    "text": (pa.string(), st.text(string.ascii_letters + 'éß ,"\n', min_size=1).filter(is_a_name)),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 6))
    columns = {
        name: pa.array(draw(st.lists(values | st.none(), min_size=rows, max_size=rows)), kind)
        for name, (kind, values) in COLUMNS.items()
    }
    return pa.table(columns)


@by_example
@given(tables(), st.booleans())
def test_tables_with_types_survive(tmp_path: Path, table: pa.Table, compress: bool) -> None:
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    convert_to(tmp_path / "a.parquet", tmp_path / "b.arrow", compress=compress)
    convert_to(tmp_path / "b.arrow", tmp_path / "c.parquet", compress=compress)
    assert pyarrow.parquet.read_table(tmp_path / "c.parquet").equals(table)


@by_example
@given(tables(), st.sampled_from(["b.csv", "b.tsv", "b.csv.gz"]))
def test_values_survive_text(tmp_path: Path, table: pa.Table, name: str) -> None:
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    convert_to(tmp_path / "a.parquet", tmp_path / name)
    convert_to(tmp_path / name, tmp_path / "c.parquet")
    back = pyarrow.parquet.read_table(tmp_path / "c.parquet")
    for column in table.column_names:
        expected, found = table[column].to_pylist(), back[column].to_pylist()
        if column == "text":  # what looks like numbers may have become some
            found = [None if value is None else str(value) for value in found]
        if column == "whole":  # beyond 16 digits a column with a gap stays text
            found = [None if value is None else int(value) for value in found]
        if column == "number":  # a -0 stays text beside whole numbers alone, which have none
            found = [None if value is None else float(value) for value in found]
        if column == "single":
            found = [None if value is None else float(np.float32(value)) for value in found]
        assert found == expected


def test_codes_that_are_no_numbers_stay_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "postcode,huge,gap,name,y\n01067,12345678901234567890,1,Nan,0\n80331,1,,Inf,1\n", encoding="utf-8"
    )
    table = pyarrow.parquet.read_table(convert_to(tmp_path / "a.csv", tmp_path / "a.parquet"))
    assert table["postcode"].to_pylist() == ["01067", "80331"]
    assert table["huge"].to_pylist() == ["12345678901234567890", "1"]
    assert table["name"].to_pylist() == ["Nan", "Inf"]
    assert table["gap"].to_pylist() == [1, None]
    assert table["y"].type == pa.int64()


@by_example
@given(
    X=npst.arrays(st.sampled_from([np.uint8, np.float32, np.int16]), st.integers(2, 5).map(lambda n: (n, 2, 3))),
    names=st.booleans(),
)
def test_arrays_survive_a_table_but_for_their_shape(tmp_path: Path, X: np.ndarray[Any, Any], names: bool) -> None:
    X = np.nan_to_num(X)
    extra = {"feature_names": np.array(list("abcdef"))} if names else {}
    save(tmp_path / "a.npz", X=X, y=np.arange(len(X)) % 2, class_names=np.array(["no", "yes"]), **extra)
    convert_to(tmp_path / "a.npz", tmp_path / "b.parquet")
    with np.load(convert_to(tmp_path / "b.parquet", tmp_path / "c.npz")) as back:
        np.testing.assert_array_equal(back["X"], X.reshape(len(X), 6))
        assert back["X"].dtype == X.dtype
        assert back["y"].tolist() == [["no", "yes"][i % 2] for i in range(len(X))]
        assert back["feature_names"].tolist() == (list("abcdef") if names else [f"x{i}" for i in range(1, 7)])


def test_several_targets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c\n1,0.5,2\n2,1.5,4\n", encoding="utf-8")
    convert(tmp_path / "a.csv", tmp_path / "a.h5", Request(target="b,c"), Options())
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["X"][()].tolist() == [[1], [2]]
        assert file["y"][()].tolist() == [[0.5, 2], [1.5, 4]]
    table = pyarrow.parquet.read_table(convert_to(tmp_path / "a.h5", tmp_path / "a.parquet"))
    assert table.column_names == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"])
def test_idx_there_and_back(tmp_path: Path, name: str) -> None:
    X = np.random.default_rng(0).integers(0, 255, (5, 4, 3), np.uint8)
    np.savez(tmp_path / "a.npz", X=X, y=np.arange(5) * 50)
    data, _ = read_training(convert_to(tmp_path / "a.npz", tmp_path / name))
    np.testing.assert_array_equal(data.X, X)
    np.testing.assert_array_equal(data.y, np.arange(5) * 50)
    np.savez(tmp_path / "a.npz", X=X, y=np.array(list("abcde")))
    with pytest.raises(DataError, match="'y' has the type text, which IDX does not know"):
        convert_to(tmp_path / "a.npz", tmp_path / name)
    np.testing.assert_array_equal(read_training(tmp_path / name)[0].y, np.arange(5) * 50)


def test_pictures_and_parts(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            (tmp_path / "p" / part / label).mkdir(parents=True)
            Image.new("RGB", (5, 4), (len(part), 20, 30)).save(tmp_path / "p" / part / label / "1.png")
    train, test = read_training(convert_to(tmp_path / "p", tmp_path / "p.h5"))
    assert test is not None
    assert train.X[:, 0, 0].tolist() == [[5, 20, 30]] * 2
    assert test.X.shape == (2, 4, 5, 3)
    assert test.y is not None
    assert test.y.tolist() == ["cat", "dog"]
    with h5py.File(tmp_path / "p.h5") as file:
        assert file["file_test"].asstr()[()].tolist() == ["test/cat/1.png", "test/dog/1.png"]
    with pytest.raises(DataError, match="two parts and the new file holds one; choose with --part"):
        convert_to(tmp_path / "p.h5", tmp_path / "p.csv")
    table = pyarrow.parquet.read_table(convert_to(tmp_path / "p.h5", tmp_path / "p.parquet", part="test"))
    assert table["x1"].to_pylist() == [4, 4]


def test_one_pair_of_many_arrays(tmp_path: Path) -> None:
    save(tmp_path / "a.npz", **{"one/images": np.ones((2, 3)), "one/labels": np.arange(2), "other": np.ones(9)})
    convert(tmp_path / "a.npz", tmp_path / "b.h5", Request(x="one/images"), Options())
    with h5py.File(tmp_path / "b.h5") as file:
        assert set(file["one"]) == {"images", "labels"}
        assert set(file) == {"one"}


def test_what_arrays_do_not_hold(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("city,y\nRome,1\nParis,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"column 'city' holds values of the type string.* convert to \.parquet"):
        convert_to(tmp_path / "a.csv", tmp_path / "a.h5")
    (tmp_path / "a.csv").write_text("size,kind\n1,a\n2,\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"row 2 \(line 3\), column 'kind' \(the target\) is empty"):
        convert_to(tmp_path / "a.csv", tmp_path / "a.h5")
    table = pa.table({"a": [[1, 2]], "y": [1]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"b\.csv: this format does not hold such values"):
        convert_to(tmp_path / "a.parquet", tmp_path / "b.csv")
    np.savez(tmp_path / "a.npz", X=np.array([[object()]]), y=np.ones(1))
    with pytest.raises(DataError, match="'X' holds Python objects, which are never unpickled"):
        convert_to(tmp_path / "a.npz", tmp_path / "a.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.npz", "a.parquet"]


@pytest.mark.parametrize(
    ("out", "options", "words"),
    [
        ("a.xls", {}, "the format to write is not known by this name"),
        ("labels-idx1-ubyte", {}, "the format to write is not known by this name"),
        ("a.npz", {"chunk_rows": 3}, "--chunk-rows is for HDF5"),
        ("a.csv", {"compress": True}, r"call it a\.csv\.gz instead"),
        ("a.h5", {"part": "train"}, "this format holds both parts"),
    ],
)
def test_options_that_do_not_suit_the_format(tmp_path: Path, out: str, options: dict[str, Any], words: str) -> None:
    np.savez(tmp_path / "in.npz", X=np.ones((2, 2)), y=np.arange(2))
    with pytest.raises(ConfigurationError, match=words):
        convert_to(tmp_path / "in.npz", tmp_path / out, **options)


@pytest.mark.parametrize("out", ["b.h5", "b.npz", "b.parquet", "b.csv", "b-images-idx3-ubyte"])
def test_nothing_half_written_stays(tmp_path: Path, out: str) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", X=rng.integers(0, 9, (3000, 40), np.uint8), y=np.arange(3000) % 3)
    (tmp_path / out).write_bytes(b"the old one")
    before = sorted(path.name for path in tmp_path.iterdir())

    def interrupt(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "a.npz", tmp_path / out, Request(), Options(), interrupt)
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[:60_000] + bytes(1000) + content[61_000:])
    with pytest.raises(DataError, match=r"a\.npz: 'X' is truncated or damaged"):
        convert_to(tmp_path / "a.npz", tmp_path / out)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert (tmp_path / out).read_bytes() == b"the old one"


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((2, 2)), y=np.arange(2))
    for name in ("write_hdf5", "write_npz"):

        def fail(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module, name, fail)
    for out in ("b.h5", "b.npz"):
        with pytest.raises(OutputError, match="cannot be written: No space left on device; choose a folder"):
            convert_to(tmp_path / "a.npz", tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("arrays_", "out", "words"),
    [
        ({"a": np.ones(2), "a/b": np.ones(2)}, "b.h5", "'a/b' cannot be put into an HDF5 file"),
        ({"a": np.array(["x\0y"])}, "b.h5", "'a' cannot be put into an HDF5 file"),
        ({"a": np.array(["2026-01-01"], "M8[D]")}, "b.h5", "'a' cannot be put into an HDF5 file"),
        ({"X": np.ones((2, 2), complex), "y": np.ones(2)}, "b.csv", "'X' has the type complex128"),
        ({"X": np.array([["a"]]), "y": np.ones(1)}, "b.parquet", "'X' has the type <U1"),
        ({"X": np.array(1.0), "y": np.ones(1)}, "b.parquet", "'X' is a single value"),
        ({"X": np.ones((3, 2)), "y": np.ones(2)}, "b.parquet", "X has 3 samples but y has shape"),
        ({"X": np.ones((2, 2)), "y": np.ones(2), "feature_names": np.array(["a"])}, "b.csv", "1 feature names for 2"),
    ],
)
def test_what_a_format_does_not_have_is_a_sentence(
    tmp_path: Path, arrays_: dict[str, Any], out: str, words: str
) -> None:
    save(tmp_path / "a.npz", **arrays_)
    with pytest.raises(DataError, match=words):
        convert_to(tmp_path / "a.npz", tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"a": [2**53 + 1, None, 3]}, "column 'a' has missing values beside whole numbers"),
        ({"a": pa.array([2**63 + 5, 1, 2], pa.uint64()), "b": [-1, 0, 1]}, "column 'a' has whole numbers that float64"),
        ({"a": [2**53 + 1, 1, 2], "b": [0.5, 0.0, 1.0]}, "column 'a' has whole numbers that float64 would round"),
    ],
)
def test_whole_numbers_that_a_float_would_round_are_refused(
    columns: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    source = tmp_path / "data.parquet"
    pa.parquet.write_table(pa.table({**columns, "y": [0, 1, 0]}), source)
    with pytest.raises(DataError, match=sentence):
        convert_to(source, tmp_path / "data.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["data.parquet"]


def test_whole_numbers_that_a_float_holds_are_kept(tmp_path: Path) -> None:
    source, out = tmp_path / "data.parquet", tmp_path / "data.npz"
    pa.parquet.write_table(pa.table({"a": [2**60, -(2**53), 2], "b": [0.5, 0.0, 1.0], "y": [0, 1, 0]}), source)
    assert np.load(convert_to(source, out))["X"][:, 0].tolist() == [2.0**60, -(2.0**53), 2.0]
