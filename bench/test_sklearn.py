"""``fastnet.sklearn`` beside scikit-learn's own MLP: whole fits with the same settings, in turns, a seed a round; and
whole processes, from Python's start to the end of a first fit.

A row has the medians of our times and of scikit-learn's; the ratio, which is the median of the rounds' (and the
smallest and the largest of them); the same with one thread; our final loss and scikit-learn's, mean and standard
deviation over the seeds. Both begin at the same weights but shuffle for themselves, so the final losses agree as the
seeds' do. The kernels of the processes are compiled before; ``bench/test_startup.py`` has a machine's very first run.

``pytest bench/test_sklearn.py`` prints it all.
"""

import statistics
import subprocess
import sys
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


SIDES: dict[str, tuple[Any, dict[str, Any]]] = {
    "ours": (fastnet.sklearn, {}),
    "one thread": (fastnet.sklearn, {"threads": 1}),
    "scikit-learn": (neural_network, {}),
}
FINAL = ("ours", "scikit-learn")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TABLES)
def test_sklearn(benchmark: Any, name: str, dtype: str, capsys: Any) -> None:
    table = TABLES[name]
    X, y = table.load()
    X = X.astype(dtype)
    # Every epoch is run.
    settings = {**table.settings, "max_iter": table.epochs, "tol": 0.0, "n_iter_no_change": table.epochs}
    taken: dict[str, list[float]] = {side: [] for side in SIDES}
    losses: dict[str, list[float]] = {side: [] for side in SIDES}

    def one_round() -> None:
        seed = len(taken["ours"])
        for side, (library, options) in SIDES.items():
            model = getattr(library, table.kind)(random_state=seed, **settings, **options)
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(X, y)
            taken[side].append(time.perf_counter() - started)
            losses[side].append(model.loss_)

    benchmark.group = f"scikit-learn, {dtype}"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    # The first round, in which kernels are loaded, is not counted.
    counted = {side: times[1:] for side, times in taken.items()}
    ratios = {
        side: [theirs / mine for mine, theirs in zip(counted[side], counted["scikit-learn"], strict=True)]
        for side in ("ours", "one thread")
    }
    benchmark.extra_info.update(
        kind="sklearn",
        name=f"{name}, {dtype}",
        seconds=taken,
        losses=losses,
        ratio=statistics.median(ratios["ours"]),
        ratios=ratios,
    )
    spread = max(losses["scikit-learn"]) - min(losses["scikit-learn"])
    with capsys.disabled():
        cells = [
            f"{name}, {table.epochs} epochs",
            dtype,
            *(f"{statistics.median(counted[side]):.3g} s" for side in ("ours", "scikit-learn")),
            f"{statistics.median(ratios['ours']):.1f} ({min(ratios['ours']):.1f} to {max(ratios['ours']):.1f})",
            f"{statistics.median(ratios['one thread']):.1f}",
            *(f"{statistics.mean(losses[side]):.4g} ± {statistics.stdev(losses[side]):.1g}" for side in FINAL),
        ]
        print(f"\n| {' | '.join(cells)} |", end="")
    assert abs(statistics.mean(losses["ours"]) - statistics.mean(losses["scikit-learn"])) <= spread


FIRST_FIT = """
from sklearn.datasets import load_digits
from {module} import MLPClassifier
X, y = load_digits(return_X_y=True)
MLPClassifier(max_iter=100, tol=0.0, n_iter_no_change=100).fit(X / 16, y)
"""


def test_whole_processes(benchmark: Any, capsys: Any) -> None:
    modules = {"ours": "fastnet.sklearn", "scikit-learn": "sklearn.neural_network"}
    taken: dict[str, list[float]] = {side: [] for side in modules}

    def one_round() -> None:
        for side, module in modules.items():
            started = time.perf_counter()
            program = FIRST_FIT.format(module=module)
            subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)
            taken[side].append(time.perf_counter() - started)

    benchmark.group = "scikit-learn, whole processes"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    ours, theirs = (times[1:] for times in taken.values())
    ratio = statistics.median(other / mine for mine, other in zip(ours, theirs, strict=True))
    benchmark.extra_info.update(kind="sklearn", name="whole processes", seconds=taken, ratio=ratio)
    with capsys.disabled():
        print(
            f"\n\nA process with one fit, digits, float64, 100 epochs: ours {statistics.median(ours):.3g} s, "
            f"scikit-learn's {statistics.median(theirs):.3g} s, ratio {ratio:.1f}"
        )
    assert len(ours) == ROUNDS
