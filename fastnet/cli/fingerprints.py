"""What a training reads, by its SHA-256: a run goes on with the data that it began with, or not at all."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..data import BUILT_IN, names_data
from ..data.catalogue import folder_of
from ..data.folders import is_passed_over
from ..data.idx import is_idx_name
from ..data.named import targets_for
from ..data.pictures import is_picture_name
from ..errors import DataError
from .models import model_file
from .samples import Samples
from .settings import Settings

Fingerprints = dict[str, dict[str, Any]]


def fingerprints(settings: Settings, samples: Samples) -> Fingerprints:
    """For each setting that names something to read: its path (or built-in name), bytes and SHA-256.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    named = {"data": settings.data, "test": settings.test}
    if settings.y is not None and settings.y.lower().endswith(".npy"):
        named["y"] = settings.y
    if settings.base is not None:
        named["base"] = str(model_file(Path(settings.base)))
    found: Fingerprints = {}
    for setting, name in named.items():
        if name in BUILT_IN:
            part = samples.test if setting == "test" else samples.train
            assert part is not None
            # Of the arrays: what scikit-learn makes of a seed is its own.
            arrays = [np.ascontiguousarray(array) for array in (np.asarray(part.X), part.y)]
            digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays))
            found[setting] = {"name": name, "bytes": sum(a.nbytes for a in arrays), "sha256": digest.hexdigest()}
        elif name is not None:
            found[setting] = of_path(folder_of(name) if names_data(name) else Path(name))
    return found


def of_path(path: Path) -> dict[str, Any]:
    """The fingerprint of a file, with those that belong to it, or of a folder with all data that are in it.

    Raises
    ------
    DataError
        If something cannot be read.
    """
    whole, size = hashlib.sha256(), 0
    try:
        files = list(_files(path))
        for file in files:
            with file.open("rb") as stream:
                one = hashlib.file_digest(stream, "sha256")
                size += stream.tell()
            # The file's own where it is alone, as sha256sum prints it.
            if len(files) == 1 and file == path:
                whole = one
            else:
                whole.update(
                    f"{one.hexdigest()}  {file.relative_to(path.parent).as_posix()}\n".encode(errors="replace")
                )
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check its permissions") from None
    return {"name": str(path.resolve()), "bytes": size, "sha256": whole.hexdigest()}


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        # What systems leave in a folder that somebody looks into (.DS_Store, Thumbs.db) is no part of the data, nor is
        # a run that is written below it.
        for place, inner, inside in os.walk(path):
            inner[:] = sorted(name for name in inner if not is_passed_over(name))
            yield from (file for name in sorted(inside) if _is_data(file := Path(place, name)))
        return
    yield path
    if is_idx_name(path):  # labels are read beside the pictures, and the test part
        with suppress(OSError):
            yield from sorted(file for file in path.parent.iterdir() if file != path and is_idx_name(file))
    if path.suffix.lower() == ".npy":  # as are targets that no setting names
        names = targets_for(path.stem)
        with suppress(OSError):
            yield from sorted(
                file for file in path.parent.glob("*.[nN][pP][yY]") if file.stem.lower() in names and file != path
            )


def _is_data(file: Path) -> bool:
    """Whether a file in a folder is one that a reader of folders may read."""
    return is_picture_name(file) or is_idx_name(file) or file.suffix.lower() == ".npy"


def refuse_changed(before: Fingerprints, now: Fingerprints, folder: Path) -> None:
    """Refuse data that are not those that a run began with.

    Raises
    ------
    DataError
    """
    for setting, then in before.items():
        found = now.get(setting)
        if found is None or found["sha256"] != then["sha256"]:
            what = f"has the SHA-256 {found['sha256'][:12]}..." if found is not None else "is not read any more"
            raise DataError(
                f"{then['name']} has changed since the run {folder} began (its SHA-256 was {then['sha256'][:12]}..., "
                f"now it {what}); put it back as it was, or train anew with fastnet train --config "
                f"{folder / 'config.toml'}"
            )
