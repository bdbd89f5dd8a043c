"""Folders of pictures: classes, parts, sizes, colours, and what is no picture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fastnet.data import limits, read_evaluation, read_prediction, read_training
from fastnet.errors import DataError
from fastnet.preparation import Preparation

RED, GREY = (200, 10, 30), (90, 90, 90)


def put(path: Path, colour: Any = RED, size: tuple[int, int] = (6, 4), **extra: Any) -> Path:
    """Write a picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "L" if isinstance(colour, int) else "RGB" if len(colour) == 3 else "RGBA"
    Image.new(mode, size, colour).save(path, **extra)
    return path


def prepared(*shape: int) -> Preparation:
    return Preparation(input_shape=shape, task="regression", scaling="none")


def test_a_folder_is_a_class(tmp_path: Path) -> None:
    put(tmp_path / "dog" / "b.png", (1, 2, 3))
    put(tmp_path / "dog" / "more" / "a.bmp", (4, 5, 6))
    put(tmp_path / "cat" / "z.PNG", (7, 8, 9))
    put(tmp_path / ".cache" / "x.png")
    put(tmp_path / "cat" / "._z.png")
    (tmp_path / "dog" / "notes.txt").write_text("not a picture")
    (tmp_path / "README").write_text("neither")
    data, test = read_training(tmp_path)
    assert test is None
    assert data.y is not None
    assert data.y.tolist() == ["cat", "dog", "dog"]
    assert data.aside["file"].tolist() == ["cat/z.PNG", "dog/b.png", "dog/more/a.bmp"]
    assert data.X.shape == (3, 4, 6, 3)
    assert data.X.dtype == np.uint8
    assert data.X[:, 0, 0].tolist() == [[7, 8, 9], [1, 2, 3], [4, 5, 6]]


@pytest.mark.parametrize("names", [("train", "test"), ("Training", "val"), ("train", "validation")])
def test_folders_of_parts(tmp_path: Path, names: tuple[str, str]) -> None:
    for name, colour in zip(names, (RED, GREY), strict=True):
        put(tmp_path / name / "cat" / "1.png", colour)
        put(tmp_path / name / "dog" / "1.png", colour)
    train, test = read_training(tmp_path)
    assert test is not None
    assert train.X[0, 0, 0].tolist() == list(RED)
    assert test.X[1, 0, 0].tolist() == list(GREY)
    assert test.aside["file"].tolist() == [f"{names[1]}/cat/1.png", f"{names[1]}/dog/1.png"]
    assert read_evaluation(tmp_path).source == test.source == str(tmp_path / names[1])


def test_a_train_folder_alone_has_the_classes(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        put(tmp_path / "train" / label / "1.png")
    data, test = read_training(tmp_path)
    assert test is None
    assert data.y is not None
    assert data.y.tolist() == ["cat", "dog"]
    put(tmp_path / "bus" / "1.png")  # now train is a vehicle
    data, test = read_training(tmp_path)
    assert data.y is not None
    assert data.y.tolist() == ["bus", "train", "train"]


def test_sizes_that_differ_are_named_and_one_is_asked_for(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", size=(8, 4))
    put(tmp_path / "b" / "2.png", size=(30, 20))
    with pytest.raises(DataError, match=r"2 different sizes, from 8x4 \('1.png'\) to 30x20 \('2.png'\); .*--size 64"):
        read_training(tmp_path)
    assert read_training(tmp_path, size=5)[0].X.shape == (2, 5, 5, 3)
    assert read_training(tmp_path, size=(5, 3), grey=True)[0].X.shape == (2, 3, 5)


def test_shrinking_takes_every_pixel_into_account(tmp_path: Path) -> None:
    board = np.indices((16, 16)).sum(axis=0) % 2 * 255
    (tmp_path / "a").mkdir()
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a" / "1.png")
    shrunk = read_training(tmp_path, size=4)[0].X.astype(int)
    # A checkerboard is grey from afar; picking single pixels would leave it black and white.
    assert np.abs(shrunk - 127.5).max() < 32


def test_grey_where_there_is_no_colour_in_any(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", 80)
    put(tmp_path / "a" / "2.gif", 80)
    put(tmp_path / "b" / "3.jpg", 80)
    assert read_training(tmp_path)[0].X.shape == (3, 4, 6)
    assert read_training(tmp_path, grey=False)[0].X.shape == (3, 4, 6, 3)
    put(tmp_path / "b" / "4.gif", RED)
    assert read_training(tmp_path)[0].X.shape == (4, 4, 6, 3)
    grey = read_training(tmp_path, grey=True)[0].X
    assert grey.shape == (4, 4, 6)
    # ITU-R 601: 0.299 R + 0.587 G + 0.114 B, of a palette's nearest colour
    assert abs(int(grey[3, 0, 0]) - round(0.299 * 200 + 0.587 * 10 + 0.114 * 30)) <= 1


def test_the_orientation_of_a_photograph(tmp_path: Path) -> None:
    sideways = np.zeros((4, 8, 3), np.uint8)
    sideways[:, :4] = 255
    (tmp_path / "a").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(sideways).save(tmp_path / "a" / "1.png", exif=exif)
    X = read_training(tmp_path)[0].X
    assert X.shape == (1, 8, 4, 3)
    assert X[0, :4].min() == 255
    assert X[0, 4:].max() == 0


def test_transparent_parts_are_white(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", (10, 20, 30, 0))
    put(tmp_path / "a" / "2.png", (0, 0, 0, 128))
    Image.new("P", (6, 4), 0).save(tmp_path / "a" / "3.png", transparency=0)
    X = read_training(tmp_path, grey=False)[0].X
    assert X[0].min() == 255
    assert set(X[1].flat) == {127}
    assert X[2].min() == 255


@pytest.mark.parametrize(
    ("mode", "colour", "expected"), [("1", 1, 255), ("CMYK", (0, 0, 0, 0), 255), ("LA", (9, 255), 9)]
)
def test_other_modes(tmp_path: Path, mode: str, colour: Any, expected: int) -> None:
    (tmp_path / "a").mkdir()
    Image.new(mode, (3, 3), colour).save(tmp_path / "a" / "1.tiff")
    assert set(read_training(tmp_path)[0].X.flat) == {expected}


def test_sixteen_bits_keep_the_most_significant(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    values = np.array([[0, 256, 4095], [32768, 65280, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a" / "1.png")
    assert read_training(tmp_path)[0].X.tolist() == [[[0, 1, 15], [128, 255, 255]]]


def test_values_without_a_scale_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "a" / "1.tif")
    with pytest.raises(DataError, match=r"1\.tif: the picture has 32-bit values"):
        read_training(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "2.png").write_bytes(content)
    for size in (None, 8):
        with pytest.raises(DataError, match=r"2\.png: (this is not a picture|the picture is truncated)") as caught:
            read_training(tmp_path, size=size, grey=False)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tif", "webp"])
def test_a_truncated_picture_is_named(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "a" / f"1.{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"1\.{suffix}: .*(truncated|not a picture)"):
        read_training(tmp_path)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a" / "1.png", size=(30, 30))
    # Above the limit Pillow only warns, above its double it raises.
    for limit in (899, 449):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        for size in (None, 8):
            with pytest.raises(DataError, match=rf"1\.png: the picture has more than {limit} pixels"):
                read_training(tmp_path, size=size, grey=False)


def test_pictures_that_have_no_class(tmp_path: Path) -> None:
    put(tmp_path / "1.png")
    put(tmp_path / "2.png")
    put(tmp_path / "cat" / "3.png")
    with pytest.raises(DataError, match=r"'1\.png' is in no folder of a class, as are 1 more; put each class's"):
        read_training(tmp_path)
    with pytest.raises(DataError, match=r"1\.png: one picture alone has no class"):
        read_training(tmp_path / "1.png")


def test_a_class_without_pictures(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "3.png")
    (tmp_path / "dog").mkdir()
    with pytest.raises(DataError, match=r"dog: there are no pictures for this class"):
        read_training(tmp_path)


def test_prediction_takes_a_picture_or_a_folder_and_names_each(tmp_path: Path) -> None:
    put(tmp_path / "new" / "2.png", size=(9, 9))
    put(tmp_path / "new" / "1.png", 50, size=(20, 10))
    put(tmp_path / "new" / "deep" / "3.jpg")
    data = read_prediction(tmp_path / "new", preparation=prepared(4, 5, 3))
    assert data.X.shape == (3, 4, 5, 3)
    assert data.y is None
    assert data.aside["file"].tolist() == ["1.png", "2.png", "deep/3.jpg"]
    one = read_prediction(tmp_path / "new" / "2.png", preparation=prepared(4, 5))
    assert one.X.shape == (1, 4, 5)
    assert one.aside["file"].tolist() == ["2.png"]
    assert read_prediction(tmp_path / "new", preparation=prepared(4, 5, 1)).X.shape == (3, 4, 5, 1)
    with pytest.raises(DataError, match="trained on samples of shape 784, not on pictures"):
        read_prediction(tmp_path / "new", preparation=prepared(784))


def test_looks_are_for_pictures(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=np.ones((2, 2)), y=np.arange(2))
    with pytest.raises(DataError, match=r"size is for folders of pictures"):
        read_training(tmp_path / "data.npz", size=8)
    put(tmp_path / "pictures" / "a" / "1.png")
    with pytest.raises(DataError, match=r"x 'X' names an array"):
        read_training(tmp_path / "pictures", x="X")


def test_a_folder_of_nothing_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no files that are recognised; give one with a folder of pictures"):
        read_training(tmp_path)


def test_more_pictures_than_there_is_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a" / "1.png")
    monkeypatch.setattr(limits, "available_memory", lambda: 71)
    with pytest.raises(DataError, match="1 pictures would take 72 bytes"):
        read_training(tmp_path)
