"""``fastnet predict``: every format in and out, standard input and output, blocks that give what the whole gives."""

import csv
import gc
import io
import json
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from pyarrow import feather, parquet

import fastnet as fn
from fastnet.cli.main import cli
from fastnet.cli.writers import writer_for
from fastnet.data import Dataset, arrow_blocks, blocks, csv_blocks
from fastnet.errors import DataError, OutputError
from fastnet.files import written_atomically

from .conftest import Run

pytestmark = pytest.mark.needs_compiler

N = 50
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2)).astype(np.float32).astype(np.float64)
NAMES = [f"row {i}" for i in range(N)]


@pytest.fixture
def model(run: Run) -> Path:
    """A network of two features, 'a' and 'b', and the classes 'no' and 'yes'."""
    preparation = fn.Preparation.fit(
        Dataset(X, np.where(X[:, 0] > 0, "yes", "no"), "here", feature_names=("a", "b"), target_name="answer")
    )
    network = fn.Network([fn.Dense(1, "sigmoid")], input_shape=2, loss="binary_crossentropy")
    network.preparation = preparation
    network.save("model.h5")
    return Path("model.h5")


def frame() -> pa.Table:
    return pa.table({"id": NAMES, "a": X[:, 0], "b": X[:, 1], "answer": ["no"] * N})


def as_csv(delimiter: str = ",") -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    rows.writerow(["id", "b", "a"])
    rows.writerows([[f'"quoted"\n{name}', *x[::-1]] for name, x in zip(NAMES, X.tolist(), strict=True)])
    return text.getvalue().encode()


def as_lines() -> bytes:
    rows = ({"a": a, "b": b, "id": name} for name, (a, b) in zip(NAMES, X.tolist(), strict=True))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def write(path: Path) -> Path:
    """The samples in the format that a file's name says."""
    suffix = path.suffix
    if suffix in (".csv", ".tsv"):
        path.write_bytes(as_csv("\t" if suffix == ".tsv" else ","))
    elif suffix == ".jsonl":
        path.write_bytes(as_lines())
    elif suffix == ".parquet":
        parquet.write_table(frame(), path, row_group_size=20)
    elif suffix == ".arrow":
        feather.write_feather(frame(), path, chunksize=20)
    elif suffix == ".npy":
        np.save(path, X)
    elif suffix == ".npz":
        np.savez(path, X=X)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("X", data=X, chunks=(7, 2))
    return path


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few samples."""
    monkeypatch.setattr(blocks, "BYTES", 100)
    monkeypatch.setattr("fastnet.data.arrow_blocks.ROWS_AT_ONCE", 9)
    monkeypatch.setattr("fastnet.data.arrow_blocks.JSON_BYTES", 500)
    monkeypatch.setattr(csv_blocks, "csv_blocks", partial(csv_blocks.csv_blocks, block=300))


def expected(model: Path) -> dict[str, list[Any]]:
    network = fn.load(model)
    assert network.preparation is not None
    proba = network.predict_proba(network.preparation.features(X, source="here"))[:, 0]
    label = np.where(network.predict(network.preparation.features(X, source="here")), "yes", "no")
    return {
        "label": label.tolist(),
        "probability": np.maximum(proba, 1 - proba).tolist(),
        "probability_no": (1 - proba).tolist(),
        "probability_yes": proba.tolist(),
    }


def columns_of(path: Path) -> dict[str, list[Any]]:
    """What was written, numbers as float32 has them."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {name: file[name].tolist() for name in file.files}
    if path.suffix == ".parquet":
        return dict(parquet.read_table(path).to_pydict())
    if path.suffix == ".jsonl":
        rows: Any = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
    is_number = {name: name.startswith("probability") for name in rows[0]}
    return {name: [float(np.float32(row[name])) if is_number[name] else row[name] for row in rows] for name in rows[0]}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".arrow", ".npy", ".npz", ".h5"])
def test_every_format_gives_the_same_answers(run: Run, model: Path, suffix: str) -> None:
    data = write(Path(f"data{suffix}"))
    options = ["--keep", "id"] if suffix in (".csv", ".tsv", ".parquet", ".arrow") else []
    given = ["--input-format", "jsonl", "--keep", "id"] if suffix == ".jsonl" else options
    done = run("predict", model, data, "-o", "out.csv", *given)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"{N} answers written to out.csv\n"
    found = columns_of(Path("out.csv"))
    kept = found.pop("id", None)
    assert found == expected(model)
    if given:
        assert kept is not None
        assert [text.splitlines()[-1] for text in kept] == NAMES


@pytest.mark.parametrize(
    ("beginning", "words"),
    [
        (b"PAR1\x15\x04", ["this is Parquet", "--input-format parquet"]),
        (b"\x1f\x8b\x08", ["this is gzip", "unpack it first"]),
    ],
)
def test_a_pipe_of_another_format_is_called_by_its_name(model: Path, beginning: bytes, words: list[str]) -> None:
    done = CliRunner().invoke(cli, ["predict", str(model), "-"], input=beginning + bytes(50))
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert all(word in done.stderr for word in ["standard input: ", *words])


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_pipe_with_other_separators_and_decimal_commas(model: Path, delimiter: str) -> None:
    content = as_csv(delimiter).replace(b".", b",")
    done = CliRunner().invoke(cli, ["predict", str(model), "-", "--keep", "id", "-o", "out.csv"], input=content)
    assert done.exit_code == 0, done.stderr
    found = columns_of(Path("out.csv"))
    assert [text.splitlines()[-1] for text in found.pop("id")] == NAMES
    assert found == expected(model)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".npz"])
def test_every_format_is_written(run: Run, model: Path, suffix: str) -> None:
    data, out = write(Path("data.parquet")), Path(f"out{suffix}")
    done = run("predict", model, data, "-o", out, "--keep", "id,a")
    assert done.exit_code == 0, done.stderr
    found = columns_of(out)
    assert list(found)[:2] == ["id", "a"]
    assert found.pop("id") == NAMES
    assert [float(value) for value in found.pop("a")] == X[:, 0].tolist()
    assert found == expected(model)
    assert sorted(path.name for path in Path().iterdir()) == sorted(["data.parquet", "model.h5", out.name])


def test_what_is_kept_stays_what_it_is(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing value in one block neither rounds the numbers beside it nor changes the type of the column."""
    monkeypatch.setattr(arrow_blocks, "ROWS_AT_ONCE", 20)
    keys = [2**60 + i if i != 30 else None for i in range(N)]
    truths = [i % 2 == 0 if i != 30 else None for i in range(N)]
    parquet.write_table(pa.table({"a": X[:, 0], "b": X[:, 1], "answer": keys}), "keys.parquet")
    parquet.write_table(pa.table({"a": X[:, 0], "b": X[:, 1], "answer": truths}), "truths.parquet")
    for name, values in (("keys", keys), ("truths", truths)):
        for suffix in (".parquet", ".csv", ".jsonl"):
            out = Path(f"{name}-out{suffix}")
            done = run("predict", model, f"{name}.parquet", "--keep", "answer", "-o", out)
            assert done.exit_code == 0, done.stderr
            as_text = ["" if value is None else str(value) for value in values]
            assert columns_of(out)["answer"] == (as_text if suffix == ".csv" else values)
        done = run("predict", model, f"{name}.parquet", "--keep", "answer", "-o", "out.npz")
        assert done.exit_code == 1
        assert "'answer' has missing values, which an array of NPZ cannot hold" in done.stderr
        done = run("predict", model, f"{name}.parquet", "--keep", "answer", "--format", "npz")
        assert done.stderr.startswith("fastnet: error: the column 'answer' has missing values")


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_column_that_changes_its_type_is_refused(
    run: Run, model: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrow_blocks, "JSON_BYTES", 400)
    lines = [{"a": 0.5, "b": 0.5, "answer": i if i < 40 else i + 0.5} for i in range(N)]
    Path("data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    options = ["--input-format", "jsonl", "--keep", "answer", "-o"]
    done = run("predict", model, "data.jsonl", *options, f"out{suffix}")
    assert done.exit_code == 1
    assert "the column 'answer' begins as int64 but has" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert run("predict", model, "data.jsonl", *options, "out.csv").exit_code == 0
    assert columns_of(Path("out.csv"))["answer"][-1] == "49.5"


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("out", ["out.parquet", None])
def test_what_fails_later_on_leaves_no_whole_file(run: Run, model: Path, out: str | None) -> None:
    """No end is written after the answers that came before the fault, to which pyarrow would see of itself."""
    Path("data.csv").write_bytes(as_csv().replace(b"id,", b"answer,") + b"x,one,2\n")
    options = ["--format", "parquet"] if out is None else ["-o", out]
    done = run("predict", model, "data.csv", *options)
    gc.collect()
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout_bytes.endswith(b"PAR1")
    assert out is None or not Path(out).exists()


@pytest.mark.parametrize(
    ("name", "options", "begins"),
    [
        ("out", [], b"id,label,"),
        ("out.txt", [], b"id,label,"),
        ("out.dat", ["--format", "tsv"], b"id\tlabel\t"),
        ("out.json", ["--json"], b"{"),
    ],
)
def test_names_that_say_no_format(run: Run, model: Path, name: str, options: list[str], begins: bytes) -> None:
    done = run("predict", model, write(Path("data.parquet")), "-o", name, "--keep", "id", *options)
    assert done.exit_code == 0, done.stderr
    assert Path(name).read_bytes().startswith(begins)


@pytest.mark.parametrize("name", ["out.xlsx", "out.csv.gz", "out.json"])
def test_a_name_of_another_format_is_refused(run: Run, model: Path, name: str) -> None:
    done = run("predict", model, write(Path("data.parquet")), "-o", name, "--keep", "id")
    assert done.exit_code == 1
    assert f"no answers are written as {Path(name).suffix}; name a file that ends in .csv" in done.stderr
    assert not Path(name).exists()


Piped = Callable[..., Result]


@pytest.fixture
def piped(run: Run) -> Piped:
    """``fastnet`` with bytes for its standard input."""

    def call(content: bytes, *arguments: object) -> Result:
        texts = [str(argument) for argument in arguments]
        return CliRunner().invoke(cli, texts, input=content, catch_exceptions=False)

    return call


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_standard_input_to_standard_output(piped: Piped, model: Path, form: str) -> None:
    content = {"csv": as_csv(), "jsonl": as_lines(), "parquet": write(Path("in.parquet")).read_bytes()}[form]
    options = [] if form == "csv" else ["--input-format", form]
    drop = ["--keep", "id"]
    done = piped(content, "predict", model, "-", *options, *drop, "--format", form)
    assert done.exit_code == 0, done.stderr
    Path(f"out.{form}").write_bytes(done.stdout_bytes)
    found = columns_of(Path(f"out.{form}"))
    assert len(found.pop("id")) == N
    assert found == expected(model)


def test_what_standard_input_lacks_is_one_sentence(piped: Piped, model: Path) -> None:
    for content, words in ((b"", "the file is empty"), (b"a,c\n1,2\n", "'b'"), (b"a,b\n", "no row")):
        done = piped(content, "predict", model, "-")
        assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert done.stderr.startswith("fastnet: error: standard input: ")
        assert words in done.stderr


@pytest.mark.usefixtures("small_blocks")
def test_a_bad_cell_far_down_is_named_by_its_row_and_leaves_no_file(run: Run, model: Path) -> None:
    rows = [f"{a},{b}" for a, b in X.tolist()]
    rows[40] = "1,many"
    Path("data.csv").write_text("\n".join(["a,b", *rows]) + "\n", encoding="utf-8")
    Path("out.csv").write_text("mine", encoding="utf-8")
    done = run("predict", model, "data.csv", "-o", "out.csv", "--force")
    assert done.exit_code == 1
    assert "row 41 (line 42)" in done.stderr
    assert Path("out.csv").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in Path().iterdir()) == ["data.csv", "model.h5", "out.csv"]


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("jsonl", b'{"a": 1, "b": 2}\n{"a": 1, "\xff": 2}\n'),
        ("jsonl", b'{"a": 1, "b": "\xff"}\n'),
        ("jsonl", b'{"a": 1, "b"\n'),
        ("arrow", b"ARROW1 and nothing"),
        ("arrow", b""),
        ("parquet", b"PAR1 and nothing PAR1"),
        ("csv", b"a,b\n1,\xff\n"),
    ],
)
def test_damage_is_one_sentence(piped: Piped, model: Path, form: str, content: bytes) -> None:
    done = piped(content, "predict", model, "-", "--input-format", form)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("fastnet: error: standard input: ")


def test_what_cannot_be_kept_is_one_sentence(run: Run, model: Path) -> None:
    write(Path("data.npy"))
    assert "only tables have columns" in run("predict", model, "data.npy", "--keep", "id").stderr
    write(Path("data.parquet"))
    assert "no column 'name' to keep" in run("predict", model, "data.parquet", "--keep", "name").stderr
    parquet.write_table(frame().rename_columns(["label", "a", "b", "answer"]), "other.parquet")
    assert "called as the answers" in run("predict", model, "other.parquet", "--keep", "label").stderr


def half_of_it(stream: IO[bytes]) -> None:
    stream.write(b"half")
    raise KeyboardInterrupt


def test_half_a_file_is_never_left(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"mine")
    with pytest.raises(KeyboardInterrupt), written_atomically(path) as stream:
        half_of_it(stream)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("out.csv", b"mine")]
    with pytest.raises(OutputError, match="No space"), written_atomically(path):
        raise OSError(28, "No space left on device")
    assert path.read_bytes() == b"mine"


def test_texts_of_any_width_in_npz(tmp_path: Path) -> None:
    with (tmp_path / "out.npz").open("wb") as stream:
        writer = writer_for("npz", stream)
        for text in ("a", "much longer", "b"):
            writer.write({"label": np.array([text, text]), "value": np.array([1.5, 2.5])})
        writer.close()
    with np.load(tmp_path / "out.npz") as file:
        assert file["label"].tolist() == ["a", "a", "much longer", "much longer", "b", "b"]
        assert file["value"].tolist() == [1.5, 2.5] * 3


@pytest.mark.parametrize("suffix", [".csv", ".h5", ".parquet"])
def test_memory_does_not_grow_with_the_rows(
    run: Run, model: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BYTES", 2**12)
    monkeypatch.setattr("fastnet.data.stored_rows.BLOCK_BYTES", 2**13)
    monkeypatch.setattr("fastnet.data.arrow_blocks.ROWS_AT_ONCE", 2**9)
    monkeypatch.setattr(csv_blocks, "csv_blocks", partial(csv_blocks.csv_blocks, block=2**13))
    peaks = []
    for rows in (2_000, 2_000, 8_000):
        many = np.resize(X, (rows, 2))
        path = Path(f"data{suffix}")
        if suffix == ".csv":
            np.savetxt(path, many, delimiter=",", header="a,b", comments="", fmt="%.6f")
        elif suffix == ".h5":
            with h5py.File(path, "w") as file:
                file.create_dataset("X", data=many, chunks=(512, 2))
        else:
            parquet.write_table(pa.table({"a": many[:, 0], "b": many[:, 1]}), path, row_group_size=2**9)
        del many
        before = pa.total_allocated_bytes()
        tracemalloc.start()
        done = run("predict", model, path, "-o", "out.csv", "--force")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert done.exit_code == 0, done.stderr
        # What Arrow holds is not traced: after the last block it has given back what the blocks took.
        assert pa.total_allocated_bytes() - before < 2**20
    # The first run imports modules. The answers to 6,000 rows more would take 300 kB as text alone.
    assert peaks[2] < peaks[1] + 100_000


@pytest.mark.parametrize("block", [3, 7, 40, 10_000])
def test_blocks_of_csv_are_the_table(block: int) -> None:
    text = 'a,"b\nb",c\r\n1,"x\n""y""",2\r\n\r\n3,"z,",4\r\n5,,6'
    stream = io.BytesIO(b"\xef\xbb\xbf" + text.encode())
    tables = list(csv_blocks.csv_blocks(stream, "here", ",", block=block))
    assert {tuple(table.names) for table in tables} == {("a", "b\nb", "c")}
    cells = [[cell for table in tables for cell in table.column(name).to_pylist()] for name in tables[0].names]
    assert cells == [["1", "3", "5"], ['x\n"y"', "z,", ""], ["2", "4", "6"]]
    places = [table.place(row) for table in tables for row in range(len(table))]
    assert places == ["row 1 (line 4)", "row 2 (line 6)", "row 3 (line 7)"]


def test_a_quotation_mark_that_is_never_closed_is_one_sentence() -> None:
    stream = io.BytesIO(b'a,b\n1,2\n3,"4\n' + b"5,6\n" * 100)
    with pytest.raises(DataError, match="quotation mark"):
        list(csv_blocks.csv_blocks(stream, "here", ",", block=16))
