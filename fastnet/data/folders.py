"""Folders of pictures: a class is a folder (``train/cat/1.jpg``), a part may be one too (``train``, ``test``)."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError
from .dataset import Array, Dataset
from .limits import refuse_beyond_memory
from .pictures import Frame, frame_for, is_picture_name, read_pictures
from .request import Request

FILE = "file"
"""What stands aside of pictures: the file of each, as the folder has it."""

_TRAIN = ("train", "training")
_TEST = ("test", "testing", "val", "valid", "validation")


def read_picture_folder(folder: Path, request: Request) -> tuple[Dataset, Dataset | None]:
    """Read a folder of pictures.

    Parameters
    ----------
    folder : Path
        It has a folder for each class with its pictures, at any depth; or folders ``train`` and ``test`` (else
        ``val``) that have those. Without targets, it may also have the pictures themselves.
    request : Request
        A model's pictures are made what those of its training were, others what was asked for.

    Raises
    ------
    DataError
        A picture cannot be read or has no class, a class has no pictures, or no size was given and sizes differ.
    """
    train, *test = (part.dataset(folder) for part in parts_of(folder, request))
    return train, test[0] if test else None


@dataclass(frozen=True)
class Part:
    """The pictures of a part, before they are read: their folder, files, labels if they have, and what they become."""

    source: str
    files: list[Path]
    labels: list[str] | None
    frame: Frame

    def names(self, folder: Path) -> Array:
        """The file of each, as the folder has it."""
        return np.array([file.relative_to(folder).as_posix() for file in self.files], dtype=np.str_)

    def dataset(self, folder: Path) -> Dataset:
        """Read them.

        Raises
        ------
        DataError
            One cannot be read, or all together are larger than the memory.
        """
        values = len(self.files) * math.prod(self.frame.shape)
        refuse_beyond_memory(values, self.source, f"{len(self.files):,} pictures")
        labels = None if self.labels is None else np.array(self.labels, dtype=np.str_)
        return Dataset(read_pictures(self.files, self.frame), labels, self.source, aside={FILE: self.names(folder)})


def parts_of(folder: Path, request: Request) -> list[Part]:
    """The one or two parts of a folder of pictures, which are looked for as `read_picture_folder` tells.

    Raises
    ------
    DataError
    """
    parts = [part for names in (_TRAIN, _TEST) if (part := _subfolder(folder, names)) is not None]
    if len(parts) < 2:  # a folder called test alone may as well be a class
        parts = parts if parts and parts[0].name.lower() in _TRAIN and len(_folders(folder)) == 1 else [folder]
    listed = [_labelled(part) if request.need_targets else (_pictures(part), None) for part in parts]
    every = [file for files, _ in listed for file in files]
    if not every:
        raise DataError(f"{folder}: there are no pictures in this folder; give one that has some")
    frame = _frame(every, str(folder), request)
    return [Part(str(part), files, labels, frame) for part, (files, labels) in zip(parts, listed, strict=True)]


def read_picture(path: Path, request: Request) -> tuple[Dataset, None]:
    """Read a single picture to predict on.

    Raises
    ------
    DataError
        It cannot be read, or its class is wanted.
    """
    if request.need_targets:
        raise DataError(
            f"{path}: one picture alone has no class; give a folder with a folder of pictures for each class"
        )
    return Part(str(path), [path], None, _frame([path], str(path), request)).dataset(path.parent), None


def has_pictures(folder: Path) -> bool:
    """Whether there is a picture in the folder, at any depth."""
    return next(_walk(folder), None) is not None


def _frame(files: list[Path], source: str, request: Request) -> Frame:
    if request.preparation is not None:
        return Frame.of_shape(request.preparation.input_shape, source)
    return frame_for(files, source, size=request.size, grey=request.grey)


def _subfolder(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = {inner.name.lower(): inner for inner in _folders(folder)}
    return next((found[name] for name in names if name in found), None)


def _labelled(folder: Path) -> tuple[list[Path], list[str]]:
    """The pictures of a part, class by class, and the class of each."""
    files: list[Path] = []
    labels: list[str] = []
    outside = [file for file in sorted(folder.iterdir()) if file.is_file() and is_picture_name(file)]
    classes = _folders(folder)
    if outside:
        raise DataError(
            f"{folder}: '{outside[0].name}' is in no folder of a class"
            + (f", as are {len(outside) - 1} more" if len(outside) > 1 else "")
            + f"; put each class's pictures into a folder of its own, such as {folder / 'cat' / outside[0].name}"
        )
    for inner in classes:
        pictures = _pictures(inner)
        if not pictures:
            raise DataError(f"{inner}: there are no pictures for this class; put some in or remove the folder")
        files += pictures
        labels += [inner.name] * len(pictures)
    return files, labels


def _folders(folder: Path) -> list[Path]:
    return sorted(inner for inner in folder.iterdir() if inner.is_dir() and not is_passed_over(inner.name))


def _pictures(folder: Path) -> list[Path]:
    return sorted(_walk(folder), key=Path.as_posix)


def _walk(folder: Path) -> Iterator[Path]:
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if not is_passed_over(name)]
        yield from (file for name in names if is_picture_name(file := Path(place) / name))


def is_passed_over(name: str) -> bool:
    """Whether a folder is one that systems leave behind."""
    return name.startswith(".") or name == "__MACOSX"
