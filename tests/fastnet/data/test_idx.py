"""IDX: pairs, folders, and headers that do not fit their files."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from fastnet.data import read_evaluation, read_prediction, read_training
from fastnet.data.dataset import Array
from fastnet.data.idx import read_idx_array
from fastnet.errors import DataError
from fastnet.preparation import Preparation

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
PICTURES = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
LABELS = np.array([3, 1, 3, 1], np.uint8)
IMAGES_NAME, LABELS_NAME = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def encode(values: Array) -> bytes:
    code = CODES[values.dtype.str[1:]]
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, code, values.ndim]) + sizes + values.astype(values.dtype.newbyteorder(">")).tobytes()


def write(path: Path, values: Array) -> Path:
    content = encode(values)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_type_is_read(tmp_path: Path, kind: str, suffix: str) -> None:
    values = np.arange(24).astype(kind).reshape(4, 2, 3)
    read = read_idx_array(write(tmp_path / f"some.idx{suffix}", values))
    np.testing.assert_array_equal(read, values)
    assert read.dtype == values.dtype
    assert read.dtype.isnative


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (IMAGES_NAME, LABELS_NAME),
        (f"{IMAGES_NAME}.gz", f"{LABELS_NAME}.gz"),
        (IMAGES_NAME, f"{LABELS_NAME}.gz"),
        (f"{IMAGES_NAME}.gz", LABELS_NAME),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"),
        ("my-images.idx", "my-labels.idx"),
    ],
)
def test_the_labels_are_found_beside_the_images(tmp_path: Path, images: str, labels: str) -> None:
    path = write(tmp_path / images, PICTURES)
    write(tmp_path / labels, LABELS)
    data, test = read_training(path)
    assert test is None
    np.testing.assert_array_equal(data.X, PICTURES)
    assert data.X.dtype == np.uint8
    assert data.y is not None
    assert data.y.tolist() == [3, 1, 3, 1]
    assert data.y.dtype == np.int64


def test_a_folder_gives_both_parts(tmp_path: Path) -> None:
    for prefix, n in (("train", 4), ("t10k", 2)):
        write(tmp_path / f"{prefix}-images-idx3-ubyte.gz", PICTURES[:n])
        write(tmp_path / f"{prefix}-labels-idx1-ubyte.gz", LABELS[:n])
    train, test = read_training(tmp_path)
    assert test is not None
    assert (len(train.X), len(test.X)) == (4, 2)
    assert len(read_evaluation(tmp_path).X) == 2


def test_a_folder_with_one_part(tmp_path: Path) -> None:
    write(tmp_path / "t10k-images-idx3-ubyte", PICTURES)
    write(tmp_path / "t10k-labels-idx1-ubyte", LABELS)
    train, test = read_training(tmp_path)
    assert len(train.X) == 4
    assert test is None


def test_prediction_needs_no_labels(tmp_path: Path) -> None:
    path = write(tmp_path / IMAGES_NAME, PICTURES)
    preparation = Preparation(input_shape=(2, 3), task="regression", scaling="none")
    data = read_prediction(path, preparation=preparation)
    assert data.y is None
    assert data.input_shape == (2, 3)


GOOD = encode(PICTURES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["not an IDX file"]),
        (b"PK\x03\x04 etc", ["not an IDX file", "50 4b 03 04"]),
        (b"\0\0\x07\x01" + bytes(8), ["not an IDX file", "00 00 07 01"]),
        (b"\0\0\x08\x00", ["not an IDX file"]),
        (GOOD[:10], ["inside its header", "3 dimensions"]),
        (GOOD[:-1], ["4 x 2 x 3", "24 bytes", "holds less"]),
        (GOOD + b"x", ["24 bytes", "holds more"]),
        (b"\0\0\x08\x03" + b"\xff" * 12, ["4294967295", "holds less"]),
        (gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), ["4294967295", "holds less"]),
        (gzip.compress(GOOD)[:-12], ["gzip", "truncated"]),
        (gzip.compress(GOOD)[:12], ["gzip", "truncated"]),
        (gzip.compress(GOOD)[:-8] + bytes(8), ["gzip", "damaged"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, words: list[str]) -> None:
    path = tmp_path / IMAGES_NAME
    path.write_bytes(content)
    write(tmp_path / LABELS_NAME, LABELS)
    with pytest.raises(DataError) as caught:
        read_training(path)
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_labels_that_are_missing_or_too_few(tmp_path: Path) -> None:
    path = write(tmp_path / IMAGES_NAME, PICTURES)
    with pytest.raises(DataError, match=f"labels file '{LABELS_NAME}' is not beside it"):
        read_training(path)
    write(tmp_path / LABELS_NAME, LABELS[:3])
    with pytest.raises(DataError, match="X has 4 samples but y has 3"):
        read_training(path)


def test_the_labels_file_is_not_the_images_file(tmp_path: Path) -> None:
    path = write(tmp_path / LABELS_NAME, LABELS)
    with pytest.raises(DataError, match="give the images file"):
        read_training(path)


def test_a_name_without_images(tmp_path: Path) -> None:
    path = write(tmp_path / "pictures.idx", PICTURES)
    with pytest.raises(DataError, match="should contain 'images'"):
        read_training(path)


def test_a_folder_without_recognisable_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match=r"folder has no files.*train-images-idx3-ubyte"):
        read_training(tmp_path)
