"""Which named arrays of a file are the features and which the targets, for HDF5 and NPZ alike."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import DataError
from .dataset import Array, Dataset, as_aside, as_features, as_names, as_targets
from .limits import declares_too_much, refuse_beyond_memory, size_in_memory
from .request import Request

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


@dataclass(frozen=True)
class StoredArray:
    """An array that was found but not read yet: what its header declares, and how to read it.

    ``blocks`` gives it by so many rows at a time; an array without axes, and an empty one, as one block.
    ``objects`` says what it holds that is never read; empty for numbers and text.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stored_bytes: int
    read: Callable[[], Array]
    blocks: Callable[[int], Iterator[Array]]
    is_text: bool = False
    objects: str = ""

    @property
    def row_bytes(self) -> int:
        """The size of one row."""
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def values(self, source: str) -> Array:
        """Read it, if it can be trusted.

        Raises
        ------
        DataError
        """
        self.refuse_what_is_not_there(source)
        refuse_beyond_memory(size_in_memory(self.dtype, self.shape), source, f"'{self.name}'")
        return self.read()

    def refuse_what_is_not_there(self, source: str) -> None:
        """Refuse what only unpickling could read, and what declares far more than the file holds.

        Raises
        ------
        DataError
        """
        if self.objects:
            raise DataError(
                f"{source}: '{self.name}' holds {self.objects}; save it as numbers or text, such as with "
                "astype(float) or astype(str)"
            )
        declared = size_in_memory(self.dtype, self.shape)
        if declares_too_much(self.dtype, self.shape, self.stored_bytes):
            raise DataError(
                f"{source}: '{self.name}' declares {declared} bytes (shape {self.shape}) but the "
                f"file holds only {self.stored_bytes} for it; write the file again, without compression if it is right"
            )


def datasets_from(
    arrays: Sequence[StoredArray],
    source: str,
    request: Request,
    features: Callable[[StoredArray], Any] | None = None,
) -> tuple[Dataset, Dataset | None]:
    """The data set of a file, and its test part where it has both.

    Parameters
    ----------
    arrays : sequence of StoredArray
        Everything usable in the file.
    source : str
    request : Request
        The names of the arrays, where they were given; whether targets are wanted.
    features : callable, optional
        What stands for X, where the array that was chosen is not to be read.

    Raises
    ------
    DataError
        No arrays are recognised or what was named is not there, features lack their targets, or they do not fit each
        other.
    """
    chooser = Chooser(arrays, source, request, features)
    parts = chooser.parts()
    train = chooser.dataset(*parts[0])
    if request.aside:
        train = replace(train, aside={name: chooser.beside(name, len(train.X)) for name in request.aside})
    return train, chooser.dataset(*parts[1]) if len(parts) == 2 else None


class Chooser:
    """Finds arrays by their names, before any of them is read."""

    def __init__(
        self,
        arrays: Sequence[StoredArray],
        source: str,
        request: Request,
        features: Callable[[StoredArray], Any] | None = None,
    ) -> None:
        self.arrays, self.source, self.request = arrays, source, request
        self.features = features or (lambda array: as_features(array.values(source), source))
        self.need_targets = request.need_targets

    def named(self, name: str, what: str) -> StoredArray:
        """The array of just that name."""
        found = next((array for array in self.arrays if array.name in (name, name.strip("/"))), None)
        if found is None:
            raise DataError(f"{self.source}: there is no array '{name}' for {what}; it has {_listed(self.arrays)}")
        return found

    def beside(self, name: str, n_samples: int) -> Array:
        """The values of an array that is neither features nor targets."""
        return as_aside(
            self.named(name, "what is set aside").values(self.source), n_samples, f"{self.source}: '{name}'"
        )

    def parts(self) -> list[tuple[StoredArray, StoredArray | None]]:
        """Features and targets of the one or two parts of the file.

        Raises
        ------
        DataError
            No arrays are recognised, or features lack their targets.
        """
        parts = self.asked()
        if not parts:
            parts = [part for part in (self.split(0), self.split(1)) if part is not None]
        if not parts:
            pair = self.plain() or self.only_two()
            if pair is None:
                raise DataError(_nothing_recognised(self.arrays, self.source, need_targets=self.need_targets))
            parts = [pair]
        return parts

    def asked(self) -> list[tuple[StoredArray, StoredArray | None]]:
        """The pair that was named; of a pair of which one was, the other by its usual names in the same group."""
        x, y = self.request.x, self.request.y
        if x is None and (y is None or not self.need_targets):
            return []
        if x is None:
            features = self.find(*_in_group(str(y), _FEATURE_NAMES))
            if features is None:
                raise DataError(
                    f"{self.source}: which array has the features for '{y}' is not clear; name it by x "
                    f"(--x NAME); it has {_listed(self.arrays)}"
                )
        else:
            features = self.named(x, "the features")
        if not self.need_targets:
            return [(features, None)]
        targets = self.find(*_in_group(features.name, _TARGET_NAMES)) if y is None else self.named(y, "the targets")
        if targets is None:
            raise DataError(
                f"{self.source}: which array has the targets for '{features.name}' is not clear; name it by y "
                f"(--y NAME); it has {_listed(self.arrays)}"
            )
        return [(features, targets)]

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
        rest = [
            array
            for array in self.arrays
            if array.name.lower() not in known and not array.objects and "/" not in array.name
        ]
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
        X = self.features(features)
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

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the labels, if the file has them."""
        return self.names(_CLASS_NAMES)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the features, if the file has them."""
        return self.names(_FEATURE_LABELS)

    def names(self, known: tuple[str, ...]) -> tuple[str, ...] | None:
        found = self.find(*known)
        if found is None or not found.is_text or len(found.shape) != 1:
            return None
        return as_names(found.values(self.source), self.source)


def blocks_of(values: Array, rows: int) -> Iterator[Array]:
    """An array that is in memory, or mapped into it, by so many rows at a time."""
    if not values.shape or not values.size:
        yield values
        return
    for begin in range(0, len(values), rows):
        yield values[begin : begin + rows]


def targets_for(features: str) -> tuple[str, ...]:
    """The usual names, in lower case, of the targets that belong to features of some name."""
    name = features.lower()
    pairs = dict(pair for split in _SPLIT_NAMES for pair in split)
    if name in pairs:
        return (pairs[name],)
    return _TARGET_NAMES if name in _FEATURE_NAMES else ()


def _nothing_recognised(arrays: Sequence[StoredArray], source: str, *, need_targets: bool) -> str:
    wanted, flags = ("'X' and 'y'", "x and y are (--x NAME --y NAME)") if need_targets else ("'X'", "x is (--x NAME)")
    return (
        f"{source}: no arrays to use were recognised; name them {wanted} "
        f"(or train_set_x, train_set_y, test_set_x, test_set_y), or say which {flags}; found {_listed(arrays)}"
    )


def _in_group(name: str, others: tuple[str, ...]) -> list[str]:
    """These names, in lower case, in the group that an array is in."""
    group = name.strip("/").lower().rpartition("/")[0]
    return [f"{group}/{other}" if group else other for other in others]


def _listed(arrays: Sequence[StoredArray]) -> str:
    listed = ", ".join(f"'{array.name}' {_described(array)}" for array in arrays[:10]) or "no arrays"
    return listed + (f" and {len(arrays) - 10} more" if len(arrays) > 10 else "")


def _described(array: StoredArray) -> str:
    return f"{array.shape} of {array.objects}" if array.objects else f"{array.shape}"
