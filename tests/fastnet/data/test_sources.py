"""From a name to a reader: built-in sets, paths that lead nowhere, and the real files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fastnet.data import BUILT_IN, Dataset, read_evaluation, read_prediction, read_training
from fastnet.data.builtin import split_rows
from fastnet.errors import DataError
from fastnet.preparation import Preparation

SIZES = {"digits": 1797, "moons": 1000, "circles": 1000, "spirals": 1200, "blobs": 1000}
CLASSES = {"digits": 10, "moons": 2, "circles": 2, "spirals": 3, "blobs": 4}


def both_parts(name: str | Path) -> tuple[Dataset, Dataset]:
    train, test = read_training(name)
    assert test is not None
    return train, test


def labels(data: Dataset) -> list[int]:
    assert data.y is not None
    return list(data.y.tolist())


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_sets_are_split_with_equal_shares(name: str) -> None:
    train, test = both_parts(name)
    assert len(train.X) + len(test.X) == SIZES[name]
    for label in range(CLASSES[name]):
        in_train, in_test = labels(train).count(label), labels(test).count(label)
        assert in_test / (in_train + in_test) == pytest.approx(0.2, abs=0.005)
    assert train.class_names == tuple(str(label) for label in range(CLASSES[name]))
    assert train.source == name


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_sets_are_the_same_each_time_and_the_parts_share_nothing(name: str) -> None:
    (train, test), (again, _) = both_parts(name), both_parts(name)
    np.testing.assert_array_equal(train.X, again.X)
    np.testing.assert_array_equal(train.y, again.y)
    np.testing.assert_array_equal(read_evaluation(name).X, test.X)
    if name != "digits":  # two people may well draw the same digit
        assert not {row.tobytes() for row in train.X} & {row.tobytes() for row in test.X}


def test_a_split_keeps_every_row_once() -> None:
    y = np.array([0] * 7 + [1] * 20 + [2])
    train, test = split_rows(y)
    assert sorted([*train, *test]) == list(range(28))
    assert np.bincount(y[test], minlength=3).tolist() == [1, 4, 0]


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    train, test = both_parts("digits")
    loaded = load_digits()
    rows_train, rows_test = split_rows(loaded.target)
    np.testing.assert_array_equal(train.X, loaded.images[rows_train])
    np.testing.assert_array_equal(test.y, loaded.target[rows_test])
    assert train.X.dtype == np.uint8


@pytest.mark.parametrize(("name", "spread"), [("moons", 0.2), ("circles", 0.1)])
def test_generated_points_lie_about_the_curves_of_scikit_learn(name: str, spread: float) -> None:
    from sklearn.datasets import make_circles, make_moons

    curves = {
        "moons": lambda: make_moons(1000, shuffle=False),
        "circles": lambda: make_circles(1000, shuffle=False, factor=0.5),
    }
    points, kinds = curves[name]()
    train, _ = both_parts(name)
    for label in (0, 1):
        rows = train.X[np.array(labels(train)) == label]
        curve = points[kinds == label]
        distance = np.linalg.norm(rows[:, None] - curve[None], axis=2).min(axis=1)
        assert distance.max() < 5 * spread
        assert np.sqrt(np.mean(distance**2)) == pytest.approx(spread, rel=0.15)


def test_reading_built_in_sets_loads_no_heavy_library() -> None:
    code = (
        "import sys\nfrom fastnet.data import BUILT_IN, read_training\n"
        "from fastnet.preparation import Preparation\n"
        "[Preparation.fit(read_training(name)[0]) for name in BUILT_IN]\n"
        "print([name for name in ('sklearn', 'scipy', 'numba', 'h5py') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("digit", ["neither a file nor a built-in", "did you mean 'digits'", "blobs"]),
        ("Moons", ["did you mean 'moons'"]),
        ("zzz", ["neither a file nor a built-in", "digits, moons, circles, spirals, blobs"]),
        ("missing.csv", ["missing.csv", "no such file"]),
        ("nowhere/digits", ["no such file"]),
    ],
)
def test_a_name_that_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for attempt in (source, Path(source)):
        with pytest.raises(DataError) as caught:
            read_training(attempt)
        assert all(str(Path(word)) in str(caught.value) for word in words)


def test_an_unknown_kind_of_file_lists_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "data.xlsx"
    path.write_text("")
    with pytest.raises(DataError, match=r"data\.xlsx.*\.h5, \.hdf5, \.npz, \.npy, \.csv, \.tsv, \.parquet"):
        read_training(path)


def test_a_target_is_for_tables_only(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, X=np.ones((2, 2)), y=np.arange(2))
    for source in ("digits", path):
        with pytest.raises(DataError, match="target 'y' names a column of a table"):
            read_training(source, target="y")


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        read_training(path)


def test_data_beyond_the_memory_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n")

    def refuse(*args: object, **kwargs: object) -> None:
        raise MemoryError

    monkeypatch.setattr("fastnet.data.tabular.np.column_stack", refuse)
    with pytest.raises(DataError, match="do not fit into this machine's memory"):
        read_training(path)


class TestNamesThatContradictTheModel:
    """Names in files that are not tables are compared, not matched."""

    @staticmethod
    def write(path: Path, **names: list[str]) -> Path:
        text: dict[str, Any] = {key: np.array(values) for key, values in names.items()}
        np.savez(path, X=np.arange(8.0).reshape(4, 2), y=np.array([0, 1, 0, 1]), **text)
        return path

    def test_features_in_another_order(self, tmp_path: Path) -> None:
        train = self.write(tmp_path / "train.npz", feature_names=["a", "b"])
        other = self.write(tmp_path / "other.npz", feature_names=["b", "a"])
        preparation = Preparation.fit(read_training(train)[0])
        for read in (read_evaluation, read_prediction):
            with pytest.raises(DataError, match=r"feature 1 is 'b'.*trained on 'a'"):
                read(other, preparation=preparation)

    def test_classes_in_another_order(self, tmp_path: Path) -> None:
        train = self.write(tmp_path / "train.npz", class_names=["no", "yes"])
        other = self.write(tmp_path / "other.npz", class_names=["yes", "no"])
        preparation = Preparation.fit(read_training(train)[0])
        with pytest.raises(DataError, match=r"label 0 means 'yes'.*trained with 'no'"):
            read_evaluation(other, preparation=preparation)

    def test_no_names_contradict_nothing(self, tmp_path: Path) -> None:
        named = self.write(tmp_path / "named.npz", class_names=["no", "yes"])
        plain = self.write(tmp_path / "plain.npz")
        for one, other in ((named, plain), (plain, named)):
            preparation = Preparation.fit(read_training(one)[0])
            assert len(read_evaluation(other, preparation=preparation).X) == 4


class TestRealFiles:
    """The course's cat pictures and MNIST, where they are."""

    @staticmethod
    def file(folder: Path, name: str) -> Path:
        if not (folder / name).exists():
            pytest.skip(f"there is no {name} in {folder}")
        return folder / name

    @pytest.mark.parametrize(
        ("name", "non_cats", "cats"),
        [("train_catvnoncat.h5", 137, 72), ("test_catvnoncat.h5", 17, 33)],
    )
    def test_cats(self, shared_data: Path, name: str, non_cats: int, cats: int) -> None:
        data, test = read_training(self.file(shared_data, name))
        assert test is None
        assert data.X.shape == (non_cats + cats, 64, 64, 3)
        assert data.X.dtype == np.uint8
        assert (labels(data).count(0), labels(data).count(1)) == (non_cats, cats)
        assert data.class_names == ("non-cat", "cat")
        prepared = Preparation.fit(data)
        assert (prepared.task, prepared.scaling, prepared.divisor) == ("binary", "divide", 255)
        X = prepared.features(data.X, source=name, dtype=np.float64)
        np.testing.assert_array_equal(X, data.X.reshape(len(X), -1) / 255.0)

    def test_mnist(self, shared_data: Path) -> None:
        for name in ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
            self.file(shared_data, name)
        train, test = both_parts(shared_data)
        assert (train.X.shape, test.X.shape) == ((60000, 28, 28), (10000, 28, 28))
        assert labels(train)[:5] == [5, 0, 4, 1, 9]
        assert np.bincount(labels(train)).tolist()[:3] == [5923, 6742, 5958]
        assert Preparation.fit(test).task == "multiclass"


def test_names_of_arrays_and_what_is_aside_need_data_that_have_them(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,0\n2,1\n")
    for source in ("digits", tmp_path / "table.csv"):
        with pytest.raises(DataError, match="x 'X' names an array of an HDF5, NPZ or NPY file, which this is not"):
            read_training(source, x="X")
    with pytest.raises(DataError, match="nothing called 'groups'"):
        read_training("digits", aside=("groups",))
