"""HDF5 and NPZ: the same names mean the same in both, and nothing unsafe is read."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fastnet.data import read_evaluation, read_prediction, read_training
from fastnet.errors import DataError
from fastnet.preparation import Preparation

Writer = Callable[..., Path]
X3 = np.arange(6.0).reshape(3, 2)
Y3 = np.array([0, 1, 0])
PREPARATION = Preparation(input_shape=(2,), task="regression", scaling="none")


def write_hdf5(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.h5"
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def write_npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(params=[write_hdf5, write_npz], ids=["hdf5", "npz"])
def write(request: pytest.FixtureRequest) -> Writer:
    writer: Writer = request.param
    return writer


@pytest.mark.parametrize(
    ("features", "targets"),
    [
        ("X", "y"),
        ("x", "Y"),
        ("features", "labels"),
        ("data", "target"),
        ("data", "targets"),
        ("Images", "Labels"),
        ("inputs", "outcome"),
        ("X_train", "y_train"),
        ("x_test", "y_test"),
        ("train_set_x", "train_set_y"),
        ("test_set_x", "test_set_y"),
    ],
)
def test_names_that_are_recognised(tmp_path: Path, write: Writer, features: str, targets: str) -> None:
    data, test = read_training(write(tmp_path, **{features: X3, targets: Y3}))
    np.testing.assert_array_equal(data.X, X3)
    np.testing.assert_array_equal(data.y, Y3)
    assert test is None
    assert data.y is not None
    assert data.X.dtype == np.float64
    assert data.y.dtype == np.int64


@pytest.mark.parametrize(
    "names",
    [
        ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_x", "train_y", "test_x", "test_y"),
    ],
)
def test_a_file_with_both_parts(tmp_path: Path, write: Writer, names: tuple[str, ...]) -> None:
    arrays = dict(zip(names, (X3, Y3, X3[:1] + 1, Y3[1:2]), strict=True))
    path = write(tmp_path, list_classes=np.array([b"no", b"yes"]), **arrays)
    train, test = read_training(path)
    assert test is not None
    np.testing.assert_array_equal(train.X, X3)
    np.testing.assert_array_equal(test.X, X3[:1] + 1)
    assert train.class_names == test.class_names == ("no", "yes")
    np.testing.assert_array_equal(read_evaluation(path).X, test.X)
    predicted = read_prediction(path, preparation=PREPARATION)
    np.testing.assert_array_equal(predicted.X, test.X)
    assert predicted.y is None


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        (np.uint8, np.uint8),
        (np.bool_, np.uint8),
        (np.int16, np.float64),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (">f8", np.float64),
    ],
)
def test_types_of_features(tmp_path: Path, write: Writer, stored: Any, kept: Any) -> None:
    pictures = np.ones((3, 2, 2), stored)
    data, _ = read_training(write(tmp_path, X=pictures, y=Y3))
    assert data.X.dtype == kept
    assert data.X.dtype.isnative
    assert data.input_shape == (2, 2)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3)])
def test_targets_of_any_shape_become_one_axis(tmp_path: Path, write: Writer, shape: tuple[int, ...]) -> None:
    y = read_training(write(tmp_path, X=X3, y=Y3.reshape(shape)))[0].y
    assert y is not None
    assert y.tolist() == [0, 1, 0]


def test_several_outputs_stay_columns_even_for_one_sample(tmp_path: Path, write: Writer) -> None:
    y = read_training(write(tmp_path, X=X3[:1], y=np.array([[1.0, 2.0, 3.0]])))[0].y
    assert y is not None
    assert y.shape == (1, 3)


def test_names_and_text_and_booleans(tmp_path: Path, write: Writer) -> None:
    text = np.array([b"caf\xc3\xa9", b"tea", b"tea"])
    path = write(tmp_path, X=X3, y=text, feature_names=np.array([b"a", b"b"]))
    data, _ = read_training(path)
    assert data.y is not None
    assert data.y.tolist() == ["café", "tea", "tea"]
    assert data.feature_names == ("a", "b")
    booleans, _ = read_training(write(tmp_path, X=X3, y=np.array([True, False, True])))
    assert booleans.y is not None
    assert booleans.y.tolist() == [1, 0, 1]
    assert booleans.class_names == ("False", "True")


def test_variable_text_of_hdf5(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path, X=X3, y=["tea", "café", "tea"], class_names=["no", "yes"])
    data, _ = read_training(path)
    assert data.y is not None
    assert data.y.tolist() == ["tea", "café", "tea"]
    assert data.class_names == ("no", "yes")


def test_prediction_needs_no_targets(tmp_path: Path, write: Writer) -> None:
    for name in ("X", "anything"):
        data = read_prediction(write(tmp_path, **{name: X3}), preparation=PREPARATION)
        np.testing.assert_array_equal(data.X, X3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, ["no arrays"]),
        ({"a": X3, "b": X3}, ["recognised", "'X' and 'y'", "'a' (3, 2)", "'b' (3, 2)"]),
        ({f"a{i:02}": X3 for i in range(12)}, ["'a09'", "and 2 more"]),
        ({"a": X3, "b": Y3[:2]}, ["recognised", "'b' (2,)"]),
        ({"X": X3}, ["features 'X'", "no targets", "'y'"]),
        ({"train_set_x": X3, "y": Y3}, ["'train_set_x'", "'train_set_y'"]),
        ({"X": X3, "y": Y3[:2]}, ["X has 3 samples", "y has 2"]),
        ({"X": X3[:0], "y": Y3[:0]}, ["empty"]),
        ({"X": X3[:, :0], "y": Y3}, ["no features"]),
        ({"X": X3 + 1j, "y": Y3}, ["real numbers", "complex128"]),
        ({"X": X3, "y": Y3 + 1j}, ["numbers", "complex128"]),
        ({"X": X3, "y": np.zeros((3, 2, 2))}, ["(3, 2, 2)"]),
        ({"X": X3, "y": np.array([2**63] * 3, np.uint64)}, ["too large"]),
        ({"X": X3, "y": np.array([b"\xff", b"a", b"b"])}, ["UTF-8", "xff"]),
        ({"X": X3, "y": Y3, "feature_names": np.array([b"a"])}, ["1 feature names", "2 features"]),
        ({"X": np.float64(3), "y": Y3}, ["X has 1 samples", "y has 3"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, write: Writer, arrays: dict[str, Any], words: list[str]) -> None:
    path = write(tmp_path, **arrays)
    with pytest.raises(DataError) as caught:
        read_training(path)
    assert "\n" not in str(caught.value)
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_names_that_differ_only_in_case(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path, X=X3, x=X3, y=Y3)
    with pytest.raises(DataError, match="'X' and 'x' differ only in case"):
        read_training(path)


@pytest.mark.parametrize("name", ["data.h5", "data.npz"])
def test_another_kind_of_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("hello")
    with pytest.raises(DataError, match=r"not an (HDF5|NPZ) file"):
        read_training(tmp_path / name)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_file(tmp_path: Path, write: Writer, share: float) -> None:
    path = write(tmp_path, X=np.random.default_rng(0).random((300, 20)), y=np.zeros(300))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match="truncated"):
        read_training(path)


def test_a_damaged_npz(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, X=np.random.default_rng(0).random((300, 20)), y=np.zeros(300))
    content = bytearray(path.read_bytes())
    content[500:600] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        read_training(path)


def test_a_damaged_hdf5(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("X", data=np.random.default_rng(0).random((300, 20)), compression=4)
        file["y"] = np.zeros(300)
        offset = file["X"].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[offset : offset + 100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        read_training(path)


def test_links_and_other_files_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = write_hdf5(tmp_path / "other", X=X3)
    (tmp_path / "raw.bin").write_bytes(X3.tobytes())
    path = write_hdf5(tmp_path, y=Y3)
    layout = h5py.VirtualLayout((3, 2), float)
    layout[:] = h5py.VirtualSource(other, "X", (3, 2))
    with h5py.File(path, "a") as file:
        file["X"] = h5py.ExternalLink(other, "X")
        file["features"] = h5py.SoftLink("/X")
        file.create_virtual_dataset("data", layout)
        file.create_dataset("images", (3, 2), float, external=[(tmp_path / "raw.bin", 0, 48)])
    with pytest.raises(DataError, match=r"no arrays to use were recognised.*found 'y' \(3,\)$"):
        read_training(path)


def test_groups_objects_and_references_are_passed_over(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path, y=Y3)
    with h5py.File(path, "a") as file:
        file.create_group("X")
        file.create_dataset("references", (3, 2), h5py.ref_dtype)
        file["features"] = h5py.Empty("f8")
    with pytest.raises(DataError, match=r"found 'references' \(3, 2\) of Python objects .* never read, 'y' \(3,\)$"):
        read_training(path)


def test_a_declaration_beyond_the_file_is_refused_before_reading(tmp_path: Path) -> None:
    path = write_hdf5(tmp_path, y=Y3)
    with h5py.File(path, "a") as file:
        file.create_dataset("X", (2**40, 2), float, chunks=(1024, 2))
    with pytest.raises(DataError, match=r"'X' declares \d+ bytes .* holds only 0"):
        read_training(path)


def npz_with_header(path: Path, header: bytes, content: bytes = b"") -> Path:
    stream = io.BytesIO()
    np.save(stream, Y3)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", header + content)
        archive.writestr("y.npy", stream.getvalue())
    return path


def header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def test_an_npz_that_declares_more_than_it_holds(tmp_path: Path) -> None:
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 9999999999)}\n"
    path = npz_with_header(tmp_path / "data.npz", header(text), bytes(48))
    with pytest.raises(DataError, match=r"'X' declares \d+ bytes"):
        read_training(path)
    short = text.replace("9999999999", "9")
    npz_with_header(path, header(short), bytes(48))
    with pytest.raises(DataError, match="damaged"):
        read_training(path)


@pytest.mark.parametrize("text", ["{'descr': 'nonsense'}\n", "not a dictionary\n"])
def test_an_npz_with_a_senseless_header(tmp_path: Path, text: str) -> None:
    path = npz_with_header(tmp_path / "data.npz", header(text))
    with pytest.raises(DataError, match="damaged"):
        read_training(path)


class Trap:
    """Unpickling it fails the test."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("the file was unpickled",)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    path = write_npz(tmp_path, X=np.array([[Trap()], [Trap()], [Trap()]]), y=Y3)
    with pytest.raises(DataError, match=r"'X' holds Python objects, which are never unpickled; save it as numbers"):
        read_training(path)


def test_targets_of_python_objects_are_called_so(tmp_path: Path) -> None:
    path = write_npz(tmp_path, X=X3, y=np.array(["a", Trap(), "b"], dtype=object))
    with pytest.raises(DataError, match=r"'y' holds Python objects, which are never unpickled; save it as .*text"):
        read_training(path)
    path = write_npz(tmp_path, a=X3, b=np.array(["a", "b", "c"], dtype=object))
    with pytest.raises(DataError, match=r"found .*'b' \(3,\) of Python objects"):
        read_training(path)
    path = write_hdf5(tmp_path, X=X3)
    with h5py.File(path, "a") as file:
        file.create_dataset("y", (3,), h5py.vlen_dtype(np.int64))
    with pytest.raises(DataError, match=r"'y' holds Python objects \(lists of varying length or references\)"):
        read_training(path)


def test_objects_that_nobody_needs_are_passed_over(tmp_path: Path) -> None:
    path = write_npz(tmp_path, a=X3, b=Y3, about=np.array([Trap()], dtype=object))
    train, _ = read_training(path)
    np.testing.assert_array_equal(train.X, X3)


def test_arrays_by_any_name_and_in_groups(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, **{"train/pictures": X3, "train/kind": Y3, "X": X3 + 9, "y": Y3 + 9})
    data, test = read_training(path, x="train/pictures", y="/train/kind")
    np.testing.assert_array_equal(data.X, X3)
    np.testing.assert_array_equal(data.y, Y3)
    assert test is None
    np.testing.assert_array_equal(read_evaluation(path, x="train/pictures", y="train/kind").X, X3)
    np.testing.assert_array_equal(read_prediction(path, x="train/pictures", preparation=PREPARATION).X, X3)


def test_of_a_pair_one_name_is_enough_where_the_other_is_usual(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, **{"train/pictures": X3, "train/Labels": Y3, "y": Y3 + 9})
    data, _ = read_training(path, x="train/pictures")
    np.testing.assert_array_equal(data.y, Y3)
    with pytest.raises(
        DataError, match=r"features for 'train/Labels' is not clear; name it by x \(--x NAME\); it has .*pictures"
    ):
        read_training(path, y="train/Labels")
    path = write(tmp_path, **{"train/pictures": X3, "train/images": X3 + 1, "train/kind": Y3})
    data, _ = read_training(path, y="train/kind")
    np.testing.assert_array_equal(data.X, X3 + 1)
    with pytest.raises(
        DataError, match=r"targets for 'train/pictures' is not clear; name it by y \(--y NAME\); it has"
    ):
        read_training(path, x="train/pictures")


def test_a_name_that_is_not_there(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, X=X3, y=Y3)
    with pytest.raises(DataError, match=r"no array 'x' for the features; it has 'X' \(3, 2\), 'y' \(3,\)$"):
        read_training(path, x="x")
    with pytest.raises(DataError, match="no array 'times' for what is set aside"):
        read_training(path, aside=("times",))


def test_arrays_aside(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, X=X3, y=Y3, groups=np.array([b"a", b"b", b"a"]), **{"more/times": Y3.reshape(3, 1) + 1.5})
    data, _ = read_training(path, x="X", aside=("groups", "more/times"))
    assert data.aside["groups"].tolist() == ["a", "b", "a"]
    assert data.aside["more/times"].tolist() == [1.5, 2.5, 1.5]
    assert data.rows(np.array([True, False, True])).aside["groups"].tolist() == ["a", "a"]
    assert data.rows(slice(1, 2)).y is not None
    assert read_training(path, x="X")[0].aside == {}


@pytest.mark.parametrize(
    ("values", "words"), [(Y3[:2], r"'groups' has shape \(2,\) beside 3"), (Y3 + 1j, "'groups' should .* complex128")]
)
def test_what_cannot_go_beside_the_samples(tmp_path: Path, write: Writer, values: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_training(write(tmp_path, X=X3, y=Y3, groups=values), aside=("groups",))
