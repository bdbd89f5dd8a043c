"""The data sets that need no file, each the same on every machine and split 80/20.

The generators are written out here, although scikit-learn has most of them: importing its
``datasets`` takes longer than a whole training on one of these.
"""

import gzip
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .dataset import Array, Dataset

_TEST_SHARE = 0.2
_SEED = 0


def read_builtin(name: str) -> tuple[Dataset, Dataset]:
    """The training part and the held-out part of a built-in data set.

    Parameters
    ----------
    name : str
        One of `BUILT_IN`.
    """
    X, y = _MAKERS[name]()
    class_names = tuple(str(label) for label in range(int(y.max()) + 1))
    feature_names = ("x", "y") if X.shape[1] == 2 else None
    train, test = (
        Dataset(X[rows], y[rows], name, feature_names=feature_names, class_names=class_names) for rows in split_rows(y)
    )
    return train, test


def split_rows(y: Array) -> tuple[Array, Array]:
    """Rows for training and for testing, with the same share of every class in both.

    Parameters
    ----------
    y : array (n,) of labels

    Returns
    -------
    two sorted arrays of row numbers that share none and together have all
    """
    generator = np.random.default_rng(_SEED)
    held_out = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        rows = generator.permutation(np.flatnonzero(y == label))
        held_out[rows[: round(_TEST_SHARE * len(rows))]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _digits() -> tuple[Array, Array]:
    """1797 handwritten digits of 8x8 pixels from 0 to 16 (UCI, as scikit-learn ships them)."""
    spec = find_spec("sklearn")
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    for folder in folders:
        file = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            with gzip.open(file, "rt", encoding="ascii") as lines:
                table = np.loadtxt(lines, delimiter=",")
            return table[:, :-1].astype(np.uint8).reshape(-1, 8, 8), table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits

    loaded = load_digits()
    return loaded.images.astype(np.uint8), loaded.target.astype(np.int64)


def _moons() -> tuple[Array, Array]:
    """1000 points on two half circles that reach into each other, noise 0.2.

    The formula of scikit-learn's ``make_moons``: ``(cos t, sin t)`` and
    ``(1 - cos t, 1/2 - sin t)`` for t from 0 to pi.
    """
    t = np.linspace(0, np.pi, 500)
    outer = np.column_stack([np.cos(t), np.sin(t)])
    inner = np.column_stack([1 - np.cos(t), 0.5 - np.sin(t)])
    return _noisy([outer, inner], 0.2)


def _circles() -> tuple[Array, Array]:
    """1000 points on two circles about one centre, of radius 1 and 1/2, noise 0.1.

    The formula of scikit-learn's ``make_circles``.
    """
    t = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    outer = np.column_stack([np.cos(t), np.sin(t)])
    return _noisy([outer, 0.5 * outer], 0.1)


def _spirals() -> tuple[Array, Array]:
    """1200 points on three arms of an Archimedean spiral, noise 0.02.

    Arm k is ``r (cos a, sin a)`` with ``a = 2 pi (k/3 + 0.65 r)`` for r from 0.05 to 1: each arm
    turns by 1.3 pi and no straight line parts any two.
    """
    r = np.linspace(0.05, 1, 400)
    arms = []
    for k in range(3):
        angle = 2 * np.pi * (k / 3 + 0.65 * r)
        arms.append(np.column_stack([r * np.cos(angle), r * np.sin(angle)]))
    return _noisy(arms, 0.02)


def _blobs() -> tuple[Array, Array]:
    """1000 points in four round clouds of deviation 1 about fixed centres."""
    centres = np.array([(-4.0, -3.0), (-3.0, 4.0), (3.0, 3.0), (4.0, -4.0)])
    return _noisy([np.repeat(centre[None, :], 250, axis=0) for centre in centres], 1.0)


def _noisy(classes: list[Array], noise: float) -> tuple[Array, Array]:
    """Stack the classes, add normal noise and shuffle, so that no part of it is of one class."""
    generator = np.random.default_rng(_SEED)
    X = np.concatenate(classes)
    X += generator.normal(scale=noise, size=X.shape)
    y = np.repeat(np.arange(len(classes), dtype=np.int64), [len(rows) for rows in classes])
    order = generator.permutation(len(X))
    return X[order], y[order]


_MAKERS: dict[str, Callable[[], tuple[Array, Array]]] = {
    "digits": _digits,
    "moons": _moons,
    "circles": _circles,
    "spirals": _spirals,
    "blobs": _blobs,
}
BUILT_IN = tuple(_MAKERS)
