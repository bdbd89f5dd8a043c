"""Whatever is wrong: the exit code, one sentence that names it, no traceback, nothing on stdout."""

from pathlib import Path

import h5py
import numpy as np
import pytest

import fastnet as fn
from fastnet.checkpoint import FILE

from .conftest import Run

CSV = {
    "nan": "a,b,y\n1,2,0\n3,nan,1\n",
    "infinite": "a,b,y\n1,2,0\n3,inf,1\n",
    "text": "a,b,y\n1,2,0\n3,four,1\n5,6,0\n",
    "one_class": "a,b,y\n1,2,x\n3,4,x\n",
    "empty": "",
    "header_only": "a,b,y\n",
    "ragged": "a,b,y\n1,2,0\n3,4\n",
    "words": "a,b,y\n1,2,0\n3,4,1\n5,6,six\n",
    "single": "a,b,y\n1,2,x\n",
    "amount": "a,b,y\n1,2,3.5\n",
}


@pytest.fixture
def files(run: Run, table: Path) -> None:
    """Every kind of bad file, and a model in ``good``."""
    assert run("train", table, "--no-jit", "--epochs", 1, "--layers", "2", "--out", "good").exit_code == 0
    for name, text in CSV.items():
        Path(f"{name}.csv").write_text(text, encoding="utf-8")
    Path("not_hdf5.h5").write_bytes(b"not HDF5 at all")
    with h5py.File("no_arrays.h5", "w") as file:
        file["something"] = np.zeros(3)
    rng = np.random.default_rng(0)
    np.savez("lengths.npz", X=rng.normal(size=(6, 2)), y=np.arange(5) % 2)
    np.savez("narrow.npz", X=rng.normal(size=(6, 3)), y=np.arange(6) % 2)
    Path("unseen.csv").write_text("width,height,animal\n1,2,cat\n3,4,cow\n", encoding="utf-8")
    Path("renamed.csv").write_text("width,depth,animal\n1,2,cat\n3,4,dog\n", encoding="utf-8")
    whole = Path("good/model.h5").read_bytes()
    Path("truncated.h5").write_bytes(whole[: len(whole) // 2])
    for name in ("edited", "newer"):
        Path(f"{name}.h5").write_bytes(whole)
    with h5py.File("edited.h5", "r+") as file:
        file["parameters"][0] += 1
    with h5py.File("newer.h5", "r+") as file:
        file.attrs["version"] = 99
    newer = Path("newer.h5")
    newer.write_bytes(FILE.sealed(newer.read_bytes()))
    Path("note.txt").write_text("hello", encoding="utf-8")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("train missing.csv", ["missing.csv"]),
        ("train digit", ["digit", "did you mean 'digits'"]),
        ("train note.txt", ["note.txt"]),
        ("train not_hdf5.h5", ["not_hdf5.h5", "HDF5"]),
        ("train no_arrays.h5", ["no_arrays.h5"]),
        ("train lengths.npz", ["lengths.npz", "6", "5"]),
        ("train nan.csv", ["nan.csv", "row 2", "'b'"]),
        ("train infinite.csv", ["infinite.csv", "row 2", "'b'"]),
        ("train text.csv", ["text.csv", "row 2", "'b'", "four", "correct it or remove the row"]),
        ("train words.csv", ["words.csv", "row 3", "'y'", "six", "correct it or remove the row"]),
        ("train single.csv", ["single.csv", "one sample only"]),
        ("train amount.csv", ["amount.csv", "one sample only"]),
        ("train one_class.csv", ["one_class.csv", "class"]),
        ("train empty.csv", ["empty.csv", "empty"]),
        ("train header_only.csv", ["header_only.csv", "empty"]),
        ("train ragged.csv", ["ragged.csv", "row 2", "quotation marks"]),
        ("train table.csv --target colour", ["table.csv", "'colour'"]),
        ("train table.csv --task regression", ["table.csv", "regression"]),
        ("train table.csv --test unseen.csv", ["unseen.csv", "cow"]),
        ("train table.csv --validation 0.001", ["0.001", "12 samples"]),
        ("evaluate good unseen.csv", ["unseen.csv", "cow"]),
        ("evaluate good renamed.csv", ["renamed.csv", "'height'"]),
        ("evaluate good narrow.npz", ["narrow.npz", "3"]),
        ("evaluate missing.h5 table.csv", ["missing.h5"]),
        ("evaluate table.csv table.csv", ["table.csv", "fastnet model"]),
        ("evaluate truncated.h5 table.csv", ["truncated.h5", "damaged"]),
        ("evaluate edited.h5 table.csv", ["edited.h5", "edited"]),
        ("evaluate newer.h5 table.csv", ["newer.h5", "99", "upgrade"]),
        ("predict good missing.csv", ["missing.csv"]),
        ("predict good narrow.npz", ["narrow.npz", "3"]),
        ("predict good nan.csv", ["nan.csv"]),
        ("predict truncated.h5 table.csv", ["truncated.h5", "damaged"]),
        ("predict good table.csv -o nowhere/out.csv", ["out.csv", "folder"]),
    ],
)
def test_bad_input_is_one_sentence(run: Run, arguments: str, words: list[str]) -> None:
    result = run(*arguments.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("fastnet: error: ")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in result.stderr
    assert not list(Path().glob("runs/*"))


def test_bare_model_refuses_what_it_cannot_take(run: Run) -> None:
    fn.Network([fn.Dense(1, "sigmoid")], input_shape=(4,), loss="binary_crossentropy").save("bare.h5")
    X = np.zeros((3, 4))
    np.savez("text.npz", X=X, y=np.array(["a", "b", "a"]))
    np.savez("wide.npz", X=np.zeros((3, 5)), y=np.zeros(3))
    np.savez("no_y.npz", X=X)
    for name in ("text", "wide", "no_y"):
        result = run("evaluate", "bare.h5", f"{name}.npz")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"fastnet: error: {name}.npz: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        "train --layers 20,x",
        "train --layers 20,,7",
        "train --layers 0",
        "train --layers 99999999999999999999",
        "train --activation softmax",
        "train --init best",
        "train --optimizer adma",
        "train --learning-rate 0",
        "train --learning-rate nan",
        "train --learning-rate inf",
        "train --momentum 1",
        "train --batch-size 0",
        "train --batch-size half",
        "train --epochs 0",
        "train --epochs 1.5",
        "train --l2 -1",
        "train --dropout 1",
        "train --dropout nan",
        "train --validation 1",
        "train --patience 0",
        "train --dtype float16",
        "train --threads 0",
        "train --seed -1",
        "train --seed 9223372036854775808",
        "train digits moons",
        "train digits --momentum 0.9",
        "train digits --nesterov",
        "train digits --nesterov --optimizer sgd",
        "train digits --nesterov --optimizer sgd --momentum 0",
        "train --flavour sweet",
        "evaluate",
        "evaluate model.h5",
        "predict model.h5",
        "check digits",
    ],
)
def test_wrong_usage_exits_2(run: Run, arguments: str) -> None:
    result = run(*arguments.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: ")
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--batch-size", "fll", "must be a whole number of at least 1, or full, not 'fll'"),
        ("--epochs", "1.5", "must be a whole number of at least 1, not '1.5'"),
        ("--threads", "0", "must be a whole number of at least 1, not '0'"),
        ("--seed", "-1", "must be a whole number from 0 to 9223372036854775807, not '-1'"),
        ("--learning-rate", "fast", "must be a number above 0, not 'fast'"),
        ("--l2", "nan", "must be a number of at least 0, not 'nan'"),
        ("--dropout", "1", "must be a number of at least 0 and below 1, not '1'"),
        ("--momentum", "0.9", "adam has no momentum; leave it out or use --optimizer sgd or rmsprop"),
    ],
)
def test_wrong_usage_says_what_is_expected(run: Run, option: str, value: str, expected: str) -> None:
    assert run("train", option, value).stderr.splitlines()[-1].endswith(expected)
