"""Pairs of NPY files, by name or by hand, mapped instead of read, never unpickled."""

from pathlib import Path

import numpy as np
import pytest

from fastnet.data import read_evaluation, read_prediction, read_training
from fastnet.errors import DataError
from fastnet.preparation import Preparation

X3 = np.arange(6.0).reshape(3, 2)
Y3 = np.array([0, 1, 0])


def put(folder: Path, **arrays: np.ndarray) -> Path:
    folder.mkdir(exist_ok=True)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    return folder


@pytest.mark.parametrize(
    ("x", "y"),
    [("X", "y"), ("x", "Y"), ("X_train", "y_train"), ("test_x", "test_y"), ("images", "labels"), ("data", "target")],
)
def test_a_pair_by_name(tmp_path: Path, x: str, y: str) -> None:
    put(tmp_path, **{x: X3, y: Y3})
    for source in (tmp_path, tmp_path / f"{x}.npy"):
        data, test = read_training(source)
        np.testing.assert_array_equal(data.X, X3)
        np.testing.assert_array_equal(data.y, Y3)
        assert test is None


def test_a_folder_with_both_parts(tmp_path: Path) -> None:
    put(tmp_path, X_train=X3, y_train=Y3, X_test=X3 + 1, y_test=1 - Y3, class_names=np.array(["no", "yes"]))
    train, test = read_training(tmp_path)
    assert test is not None
    np.testing.assert_array_equal(test.X, X3 + 1)
    assert train.class_names == ("no", "yes")
    # A file that is named is what it holds, and no other part.
    data, test = read_training(tmp_path / "X_train.npy")
    np.testing.assert_array_equal(data.X, X3)
    assert test is None
    np.testing.assert_array_equal(read_evaluation(tmp_path / "X_test.npy").y, 1 - Y3)


def test_targets_by_hand(tmp_path: Path) -> None:
    put(tmp_path, X=X3, y=Y3 + 5, kind=Y3 + 7)
    other = put(tmp_path / "other", X=Y3, y=Y3 + 9)
    for y, first in (
        ("kind", 7),
        (str(tmp_path / "kind.npy"), 7),
        (str(other / "X.npy"), 0),
        (str(other / "y.npy"), 9),
    ):
        data, _ = read_training(tmp_path / "X.npy", y=y)
        np.testing.assert_array_equal(data.X, X3)
        assert data.y is not None
        assert data.y[0] == first
    assert read_training(tmp_path, x="X", y="kind")[0].y is not None
    with pytest.raises(DataError, match="no array 'none' for the targets"):
        read_training(tmp_path / "X.npy", y="none")
    with pytest.raises(DataError, match=r"none\.npy: there is no such file"):
        read_training(tmp_path / "X.npy", y="none.npy")
    with pytest.raises(DataError, match="leave x out"):
        read_training(tmp_path / "X.npy", x="X")


def test_names_that_tell_nothing(tmp_path: Path) -> None:
    put(tmp_path, measured=X3, kind=Y3)
    with pytest.raises(DataError, match=r"measured\.npy: there is no file beside it .*--y y\.npy"):
        read_training(tmp_path / "measured.npy")
    preparation = Preparation(input_shape=(2,), task="regression", scaling="none")
    np.testing.assert_array_equal(read_prediction(tmp_path / "measured.npy", preparation=preparation).X, X3)


def test_what_stands_aside(tmp_path: Path) -> None:
    put(tmp_path, X=X3, y=Y3, groups=np.array(["a", "b", "a"]))
    assert read_training(tmp_path / "X.npy", aside=("groups",))[0].aside["groups"].tolist() == ["a", "b", "a"]


def test_a_large_array_is_mapped(tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(0, 255, (1024, 1024), np.uint8)
    put(tmp_path, X=X, y=np.arange(1024) % 2)
    data, _ = read_training(tmp_path / "X.npy")
    np.testing.assert_array_equal(data.X, X)
    assert type(data.X) is np.ndarray
    owner = data.X
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    assert isinstance(owner, np.memmap)
    assert not data.X.flags.writeable


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    put(tmp_path, X=np.ones((100, 20)), y=np.zeros(100))
    path = tmp_path / "X.npy"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"X\.npy: .*damaged"):
        read_training(path)


@pytest.mark.parametrize("content", [b"", b"hello there, this is text", b"\x93NUMPY\x01\x00\x05\x00hello"])
def test_another_kind_of_file(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, y=Y3)
    (tmp_path / "X.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"X\.npy: this is not an NPY file"):
        read_training(tmp_path / "X.npy")


def test_a_header_that_declares_too_much(tmp_path: Path) -> None:
    put(tmp_path, X=X3, y=Y3)
    content = (tmp_path / "X.npy").read_bytes()
    (tmp_path / "X.npy").write_bytes(content.replace(b"(3, 2), }       ", b"(3, 9999999999)}"))
    with pytest.raises(DataError, match=r"declares 239999999976 bytes .* holds 48"):
        read_training(tmp_path / "X.npy")


class Trap:
    """Unpickling it fails the test."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("the file was unpickled",)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    traps = np.array([[Trap()], [Trap()], [Trap()]])
    np.save(tmp_path / "X.npy", traps, allow_pickle=True)
    np.save(tmp_path / "y.npy", Y3)
    with pytest.raises(DataError, match="'X' holds Python objects, which are never unpickled"):
        read_training(tmp_path / "X.npy")


def test_a_damaged_file_that_nobody_named_is_no_matter(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", np.eye(4))
    np.save(tmp_path / "y.npy", [0, 1, 0, 1])
    (tmp_path / "draft.npy").write_bytes(b"no array")
    train, _ = read_training(tmp_path / "X.npy")
    assert train.X.shape == (4, 4)
    (tmp_path / "y.npy").write_bytes(b"no array")
    with pytest.raises(DataError, match=r"y\.npy: this is not an NPY file"):
        read_training(tmp_path / "X.npy")
