"""``fastnet.sklearn`` beside scikit-learn's own MLP: whole fits with the same settings, in turns, a seed a round.

The ratio is the median of the rounds'. Both begin at the same weights but shuffle for themselves, so the final losses
agree as the seeds' do.
"""

import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import fastnet.sklearn

ROUNDS = 5
Data = tuple[npt.NDArray[Any], npt.NDArray[Any]]


@dataclass(frozen=True)
class Table:
    """Data, the class that is for them, epochs, and settings that are not the defaults."""

    load: Callable[[], Data]
    kind: str = "MLPClassifier"
    epochs: int = 100
    settings: dict[str, Any] = field(default_factory=dict)


def made(samples: int, features: int) -> Data:
    X, y = datasets.make_classification(samples, features, n_informative=features // 2, random_state=0)
    return X, y


def pictures() -> Data:
    """Of MNIST's shape: ten blurred prototypes and noise, from 0 to 1."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 60_000)
    X = np.clip(rng.random((10, 784))[y] * 0.5 + rng.normal(0, 0.3, (60_000, 784)), 0, 1)
    return X, y


def digits() -> Data:
    X, y = datasets.load_digits(return_X_y=True)
    return X / 16, y


def diabetes() -> Data:
    X, y = datasets.load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def breast_cancer() -> Data:
    X, y = datasets.load_breast_cancer(return_X_y=True)
    return scale(X), y


TABLES = {
    "digits": Table(digits),
    "breast cancer": Table(breast_cancer),
    "diabetes": Table(diabetes, "MLPRegressor"),
    "10,000 x 30": Table(lambda: made(10_000, 30), epochs=10),
    "100,000 x 100": Table(lambda: made(100_000, 100), epochs=2),
    "MNIST's shape": Table(pictures, epochs=2),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TABLES)
def test_sklearn(benchmark: Any, name: str, dtype: str, capsys: Any) -> None:
    table = TABLES[name]
    X, y = table.load()
    X = X.astype(dtype)
    # Every epoch is run.
    settings = {**table.settings, "max_iter": table.epochs, "tol": 0.0, "n_iter_no_change": table.epochs}
    taken: dict[str, list[float]] = {"ours": [], "scikit-learn": []}
    losses: dict[str, list[float]] = {side: [] for side in taken}
    kinds = {"ours": fastnet.sklearn, "scikit-learn": neural_network}

    def one_round() -> None:
        seed = len(taken["ours"])
        for side, library in kinds.items():
            model = getattr(library, table.kind)(random_state=seed, **settings)
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, y)
            taken[side].append(time.perf_counter() - started)
            losses[side].append(model.loss_)

    benchmark.group = f"scikit-learn, {dtype}"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    mine, theirs = (times[1:] for times in taken.values())
    ratio = statistics.median(b / a for a, b in zip(mine, theirs, strict=True))
    benchmark.extra_info.update(kind="sklearn", name=f"{name}, {dtype}", seconds=taken, losses=losses, ratio=ratio)
    with capsys.disabled():
        print(
            f"\n{name}, {dtype}, {table.epochs} epochs: ours {statistics.median(mine):.3g} s, scikit-learn "
            f"{statistics.median(theirs):.3g} s, ratio {ratio:.1f}, final losses "
            f"{statistics.mean(losses['ours']):.4g} and {statistics.mean(losses['scikit-learn']):.4g}"
        )
    spread = max(losses["scikit-learn"]) - min(losses["scikit-learn"])
    assert abs(statistics.mean(losses["ours"]) - statistics.mean(losses["scikit-learn"])) <= spread
