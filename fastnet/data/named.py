"""Which named arrays of a file are the features and which the targets, for HDF5 and NPZ alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import Array, Dataset, as_features, as_names, as_targets

# (features, targets) of the two parts of a file that is split already; compared in lower case.
_SPLIT_NAMES = (
    (("train_set_x", "train_set_y"), ("test_set_x", "test_set_y")),
    (("x_train", "y_train"), ("x_test", "y_test")),
    (("train_x", "train_y"), ("test_x", "test_y")),
)
_FEATURE_NAMES = ("x", "features", "data", "images")
_TARGET_NAMES = ("y", "labels", "targets", "target", "label")
_CLASS_NAMES = ("list_classes", "class_names", "classes", "target_names")
_FEATURE_LABELS = ("feature_names",)

# DEFLATE cannot shrink data more than 1032 times, so a larger ratio means that a file declares
# data it does not hold; small arrays are let off, for fill values and other filters.
_LARGEST_RATIO = 1100
_SMALL = 64 * 2**20


@dataclass(frozen=True)
class StoredArray:
    """An array that was found but not read yet: what its header declares, and how to read it.

    ``objects`` says what it holds that is never read; empty for numbers and text.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stored_bytes: int
    read: Callable[[], Array]
    is_text: bool = False
    objects: str = ""

    def values(self, source: str) -> Array:
        """Read it, unless only unpickling could, or it declares far more than the file holds.

        Raises
        ------
        DataError
        """
        if self.objects:
            raise DataError(
                f"{source}: '{self.name}' holds {self.objects}; save it as numbers or text, such as with "
                "astype(float) or astype(str)"
            )
        declared = self.dtype.itemsize
        for size in self.shape:
            declared *= size
        if declared > _SMALL and declared > _LARGEST_RATIO * self.stored_bytes:
            raise DataError(
                f"{source}: '{self.name}' declares {declared} bytes (shape {self.shape}) but the "
                f"file holds only {self.stored_bytes} for it; write the file again"
            )
        return self.read()


def datasets_from(
    arrays: Sequence[StoredArray], source: str, *, need_targets: bool = True
) -> tuple[Dataset, Dataset | None]:
    """The data set of a file, and its test part where it has both.

    Parameters
    ----------
    arrays : sequence of StoredArray
        Everything usable in the file.
    source : str
    need_targets : bool
        False for predict: only the features are looked for and read.

    Raises
    ------
    DataError
        No arrays are recognised, features lack their targets, or they do not fit each other.
    """
    chooser = _Chooser(arrays, source, need_targets)
    parts = [part for part in (chooser.split(0), chooser.split(1)) if part is not None]
    if not parts:
        pair = chooser.plain() or chooser.only_two()
        if pair is None:
            raise DataError(_nothing_recognised(arrays, source, need_targets=need_targets))
        parts = [pair]
    datasets = [chooser.dataset(*part) for part in parts]
    return datasets[0], datasets[1] if len(datasets) == 2 else None


class _Chooser:
    def __init__(self, arrays: Sequence[StoredArray], source: str, need_targets: bool) -> None:
        self.arrays, self.source, self.need_targets = arrays, source, need_targets

    def find(self, *names: str) -> StoredArray | None:
        """The first of these names that the file has, in any case."""
        for name in names:
            found = [array for array in self.arrays if array.name.lower() == name]
            if len(found) > 1:
                raise DataError(
                    f"{self.source}: '{found[0].name}' and '{found[1].name}' differ only in case, "
                    "so which one to use is not clear; rename one"
                )
            if found:
                return found[0]
        return None

    def with_targets(self, features: StoredArray, *targets: str) -> tuple[StoredArray, StoredArray | None]:
        if not self.need_targets:
            return features, None
        found = self.find(*targets)
        if found is None:
            raise DataError(
                f"{self.source}: it has the features '{features.name}' but no targets beside "
                f"them; add an array called '{targets[0]}'"
            )
        return features, found

    def split(self, part: int) -> tuple[StoredArray, StoredArray | None] | None:
        for names in _SPLIT_NAMES:
            features, targets = names[part]
            found = self.find(features)
            if found is not None:
                return self.with_targets(found, targets)
        return None

    def plain(self) -> tuple[StoredArray, StoredArray | None] | None:
        found = self.find(*_FEATURE_NAMES)
        return None if found is None else self.with_targets(found, *_TARGET_NAMES)

    def only_two(self) -> tuple[StoredArray, StoredArray | None] | None:
        """Two arrays of one length, of which one has a single axis, can only be X and y."""
        known = (*_CLASS_NAMES, *_FEATURE_LABELS)
        rest = [array for array in self.arrays if array.name.lower() not in known and not array.objects]
        wide = [array for array in rest if len(array.shape) >= 2]
        if len(wide) != 1:
            return None
        if len(rest) == 1 and not self.need_targets:
            return wide[0], None
        flat = [array for array in rest if len(array.shape) == 1]
        if len(rest) == 2 and len(flat) == 1 and flat[0].shape[0] == wide[0].shape[0]:
            return wide[0], flat[0] if self.need_targets else None
        return None

    def dataset(self, features: StoredArray, targets: StoredArray | None) -> Dataset:
        X = as_features(features.values(self.source), self.source)
        y, class_names = None, self.names(_CLASS_NAMES)
        if targets is not None:
            raw = targets.values(self.source)
            y = as_targets(raw, len(X), self.source)
            if raw.dtype.kind == "b" and class_names is None:
                class_names = ("False", "True")
        return Dataset(
            X,
            y,
            self.source,
            feature_names=self.names(_FEATURE_LABELS),
            class_names=class_names,
        )

    def names(self, known: tuple[str, ...]) -> tuple[str, ...] | None:
        found = self.find(*known)
        if found is None or not found.is_text or len(found.shape) != 1:
            return None
        return as_names(found.values(self.source), self.source)


def _nothing_recognised(arrays: Sequence[StoredArray], source: str, *, need_targets: bool) -> str:
    listed = ", ".join(f"'{array.name}' {_described(array)}" for array in arrays[:10]) or "no arrays"
    if len(arrays) > 10:
        listed += f" and {len(arrays) - 10} more"
    wanted = "'X' and 'y'" if need_targets else "'X'"
    return (
        f"{source}: no arrays to use were recognised; name them {wanted} "
        f"(or train_set_x, train_set_y, test_set_x, test_set_y); found {listed}"
    )


def _described(array: StoredArray) -> str:
    return f"{array.shape} of {array.objects}" if array.objects else f"{array.shape}"
