"""k-fold cross-validation: how good a way of training is, told by networks that are tested on what they never saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .callbacks import Callback
from .data.encoding import Impute
from .data.from_python import dataset_from
from .errors import ConfigurationError, DivergenceError
from .many import side_by_side
from .metrics import bounds_of
from .network import Network
from .optimizers import Optimizer
from .pixels import Pixels
from .preparation import AskedTask, Preparation
from .scoring.columns import Columns, answer_columns
from .scoring.folds import Estimate, estimate
from .splits import folds_of
from .validation import whole

OF_NUMBERS = ("root_mean_squared_error", "mean_absolute_error", "r2")
"""What is measured of a regression, whether it is asked for or not."""

Split = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(frozen=True)
class Ready:
    """A network, and the two parts of a fold prepared for it.

    Attributes
    ----------
    network : Network
    X, y : what it is trained on
    X_test, y_test : what it is tested on
    options : mapping
        Those of ``Network.fit``, but for ``threads``.
    """

    network: Network
    X: npt.NDArray[Any] | Pixels
    y: npt.NDArray[Any]
    X_test: npt.NDArray[Any] | Pixels
    y_test: npt.NDArray[Any]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Fold:
    """One network, tested on what it never saw.

    Attributes
    ----------
    repeat, fold : int
        Counted from 0.
    train, test : (n,) ndarray of int64
        Which samples it was trained and tested on.
    scores : dict
        ``loss``, ``accuracy`` or the errors of a regression in the data's units, and the metrics, on the test samples.
    answers : dict
        Its answers to the test samples by column, as ``fastnet predict`` writes them.
    epochs : int
    seconds : float
    """

    repeat: int
    fold: int
    train: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    scores: dict[str, float]
    answers: Columns = field(repr=False)
    epochs: int
    seconds: float


@dataclass(frozen=True)
class CrossValidation:
    """What ``cross_validate`` found.

    Attributes
    ----------
    folds : tuple of Fold
        Repeat after repeat.
    """

    folds: tuple[Fold, ...]

    @property
    def scores(self) -> dict[str, Estimate]:
        """Every score's mean over the folds, with its spread and its confidence interval."""
        names = self.folds[0].scores
        sizes = [(len(fold.train), len(fold.test)) for fold in self.folds]
        return {name: estimate([fold.scores[name] for fold in self.folds], sizes, bounds_of(name)) for name in names}


def run_folds(
    splits: Sequence[Split],
    make_ready: Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], Ready],
    *,
    folds: int,
    metrics: Sequence[str] = (),
    backend: str = "jit",
    workers: int | None = None,
) -> Generator[Fold, None, None]:
    """Train and test a network a fold, some side by side, each on one thread, with the bits it would get alone.

    Parameters
    ----------
    splits : sequence of (train, test)
    make_ready : callable
        Prepares a fold by its training samples alone, and makes its network; called in the fold's own thread.
    folds : int
        How many make a repeat.
    metrics : sequence of str
    backend : str
    workers : int or None
        How many at a time; None is one a core.

    Yields
    ------
    Fold
        In order.

    Raises
    ------
    FastnetError
        What went wrong in the first fold in which something did; a divergence is told with the fold.
    """

    def work(index: int, together: Callback) -> Fold:
        train, test = splits[index]
        begun = time.perf_counter()
        ready = make_ready(train, test)
        network, options = ready.network, dict(ready.options)
        callbacks = [*options.pop("callbacks", ()), together]
        try:
            # In the reference a training that diverges overflows on its way; the loss tells of it in one sentence.
            with np.errstate(over="ignore", invalid="ignore"):
                history = network.fit(ready.X, ready.y, threads=1, callbacks=callbacks, backend=backend, **options)
                wanted = network.check_metrics(
                    tuple(dict.fromkeys((*(() if network.is_classifier else OF_NUMBERS), *metrics)))
                )
                scores = network.evaluate(ready.X_test, ready.y_test, metrics=wanted, backend=backend)
                answers = answer_columns(network, ready.X_test, backend)
        except DivergenceError as error:
            raise DivergenceError(f"fold {index % folds + 1} of {folds}: {error}") from error
        seconds = time.perf_counter() - begun
        return Fold(index // folds, index % folds, train, test, scores, answers, len(history.loss), seconds)

    return side_by_side([partial(work, index) for index in range(len(splits))], workers)


def cross_validate(
    build_network: Callable[[Preparation], Network],
    X: npt.ArrayLike | Any,
    y: npt.ArrayLike,
    *,
    folds: int = 5,
    repeats: int = 1,
    groups: npt.ArrayLike | None = None,
    times: npt.ArrayLike | None = None,
    task: AskedTask = "auto",
    impute: Impute | None = None,
    missing_category: bool = False,
    optimizer: Optimizer | None = None,
    metrics: Iterable[str] = (),
    seed: int = 0,
    workers: int | None = None,
    backend: str = "jit",
    **options: Any,
) -> CrossValidation:
    """Train a network on all folds but one and test it on that one, for each in turn.

    Every fold is prepared from its own training samples (standardised, or scaled if they are uint8), so nothing of what
    it is tested on is known to it. Folds are stratified where there are classes.

    Parameters
    ----------
    build_network : callable
        Makes a new network for a fold, of its `Preparation`, which knows ``input_shape``, ``n_outputs`` and ``task``.
    X : array_like or DataFrame
        (n, ...) raw features; a frame's columns are encoded anew in each fold.
    y : array_like
        (n,) labels (text too) or numbers, or (n, k).
    folds : int
        At least 2.
    repeats : int
        How often everything is split anew.
    groups : (n,) array_like, optional
        No group is trained on and tested on in one fold.
    times : (n,) array_like, optional
        Numbers, dates or texts of dates: each fold tests on what follows on what it trains on.
    task : {"auto", "classification", "multilabel", "regression"}
    impute, missing_category
        These three as in ``Preparation.fit``.
    optimizer : Optimizer, optional
        ``Adam()`` if None.
    metrics : iterable of str
        More to measure, see ``fastnet.METRICS``.
    seed : int
        Decides the folds; networks have seeds of their own.
    workers : int or None
        How many folds at a time; None is one a core. The scores do not depend on it.
    backend : str
    **options
        The other options of ``Network.fit`` but ``threads``, ``callbacks`` and ``validation_data``.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ConfigurationError
        If there cannot be so many folds, or an option does not make sense.
    DataError, DivergenceError
        As ``Network.fit``.
    KeyboardInterrupt
        On Ctrl-C, when the trainings under way have stopped.
    """
    if not_taken := {"threads", "callbacks", "validation_data"} & options.keys():
        raise ConfigurationError(f"cross_validate does not take {' or '.join(sorted(not_taken))}; leave it out")
    number, times_over = whole("folds", folds, at_least=2), whole("repeats", repeats, at_least=1)
    aside = {name: np.asarray(v) for name, v in (("groups", groups), ("times", times)) if v is not None}
    if len(aside) == 2:
        raise ConfigurationError("groups and times cannot both say what is tested; choose one of them")
    dataset = dataset_from(X, y, "X", aside=aside)
    fit = partial(Preparation.fit, impute=impute, missing_category=missing_category)
    whole_preparation = fit(dataset, task=task)
    found = whole_preparation.asked_task
    splits = folds_of(
        whole_preparation.classes_of(dataset),
        len(dataset.X),
        folds=number,
        repeats=times_over,
        seed=seed,
        groups=aside.get("groups"),
        times=aside.get("times"),
    )

    def make_ready(train: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> Ready:
        given, held_out = dataset.rows(train), dataset.rows(test)
        assert given.y is not None
        assert held_out.y is not None
        preparation = fit(given, task=found)
        network = build_network(preparation)
        if not isinstance(network, Network):
            raise ConfigurationError(f"build_network must return a Network, not {network!r}")
        network.preparation = preparation
        X_train, X_test = (
            preparation.samples(part.X, source=part.source, dtype=network.dtype) for part in (given, held_out)
        )
        y_train, y_test = (preparation.targets(y, source="y") for y in (given.y, held_out.y))
        return Ready(network, X_train, y_train, X_test, y_test, {"optimizer": optimizer, **options})

    with closing(
        run_folds(splits, make_ready, folds=number, metrics=tuple(metrics), backend=backend, workers=workers)
    ) as done:
        return CrossValidation(tuple(done))
