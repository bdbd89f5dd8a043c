"""From what a user names to the arrays a network takes: read, prepared, and a part held out for validation."""

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .. import Network, Preparation
from ..data import Dataset, read_evaluation, read_training
from ..data.columns import columns_named, listed
from ..data.labels import could_be_either
from ..data.sources import can_stay
from ..data.stored_samples import StoredSamples
from ..data.stream import Stream
from ..errors import ConfigurationError, DataError
from ..pixels import Pixels
from ..preparation import AskedTask
from ..splits import hold_out
from .settings import Settings

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Samples as a network takes them.

    Attributes
    ----------
    X : array (n, d), Pixels of that shape, or Stream of raw samples
    y : array (n,) of class indices, or (n, k) of numbers, labels or probabilities
    source : str
        What messages call it.
    """

    X: Any
    y: Array
    source: str


@dataclass(frozen=True)
class Samples:
    """All that one training uses.

    Attributes
    ----------
    preparation : Preparation
    train, validation, test : Part
        None where there is none.
    guessed : bool
        Whether the targets are whole numbers of which nobody said what they are, classes, labels or amounts.
    test_is_own : bool
        Whether the test part is of another source than the training part.
    """

    preparation: Preparation
    train: Part
    validation: Part | None
    test: Part | None
    guessed: bool
    test_is_own: bool


def read_samples(settings: Settings) -> Samples:
    """Read and prepare what the settings name.

    Raises
    ------
    DataError
        If something cannot be read or used.
    ConfigurationError
        If the share for validation holds out nothing.
    """
    given, test = read_given(settings)
    return samples_of(settings, given, test)


def read_given(settings: Settings) -> tuple[Dataset, Dataset | None]:
    """The data as they are, and their own test part, if they have one.

    Raises
    ------
    DataError
        If they cannot be read.
    """
    aside = [name for name in (settings.group, settings.time) if name is not None]
    return read_training(
        settings.data,
        target=settings.target,
        x=settings.x,
        y=settings.y,
        size=settings.size,
        grey=settings.grey,
        aside=aside,
        ignore=named(settings.ignore),
        categorical=named(settings.categorical),
        keep_missing=settings.impute is not None or settings.missing_category,
        in_place=settings.memory is not None,
    )


def samples_of(settings: Settings, given: Dataset, test: Dataset | None) -> Samples:
    """Hold out what is for validation, prepare everything by what is left, and read the test data that are named.

    Raises
    ------
    DataError, ConfigurationError
        As of ``read_samples``.
    """
    task = cast(AskedTask, settings.task)
    whole = _without_features(given) if settings.validation and settings.memory is not None else given
    preparation = fit_preparation(settings, whole, task)
    guessed = task == "auto" and given.y is not None and could_be_either(given.y, given.class_names)
    validation = None
    if settings.validation:
        classes = preparation.classes_of(given)
        held_out = hold_out(
            np.zeros(len(given.X), np.int64) if classes is None else classes,
            settings.validation,
            settings.seed,
            groups=values_aside(given, settings.group),
            times=values_aside(given, settings.time),
        )
        validation = given.rows(held_out)
        given = given.rows(~held_out)
        # What is held out must not be in the statistics that the features are scaled by.
        preparation = fit_preparation(settings, given, preparation.asked_task)
    if settings.base_network is not None and settings.base_network.preparation is not None:
        preparation = with_scaling_of(preparation, settings.base_network.preparation, settings.base)
    if settings.loss == "poisson" and preparation.task == "regression":
        # Counts are counts only as they are.
        ones = (1.0,) * preparation.n_outputs
        preparation = replace(preparation, target_mean=(0.0,) * preparation.n_outputs, target_deviation=ones)
    if settings.test is not None:
        test = read_evaluation(
            settings.test,
            target=settings.target,
            x=settings.x,
            y=settings.y,
            preparation=preparation,
            in_place=settings.memory is not None and can_stay(settings.test),
        )
    train, validation_part, test_part = (
        None if dataset is None else prepare(dataset, preparation, settings.dtype, settings.memory)
        for dataset in (given, validation, test)
    )
    assert train is not None
    if settings.loss == "hinge" and preparation.task == "multilabel" and np.isnan(train.y).any():
        raise ConfigurationError(
            f"{train.source}: labels are missing, which --loss hinge does not take; use binary_crossentropy"
        )
    return Samples(preparation, train, validation_part, test_part, guessed, settings.test is not None)


def fit_preparation(settings: Settings, given: Dataset, task: AskedTask) -> Preparation:
    """The statistics of these samples, missing values filled in as the settings ask.

    Raises
    ------
    DataError
        If they cannot be used.
    """
    return Preparation.fit(given, task=task, impute=settings.impute, missing_category=settings.missing_category)


def fit_options(settings: Settings, samples: Samples) -> dict[str, Any]:
    """What ``Network.fit`` is told of a training, but for the samples, the engine and who watches it."""
    validation = samples.validation
    return {
        "optimizer": settings.build_optimizer(len(samples.train.X)),
        "epochs": settings.epochs,
        "batch_size": settings.rows_in_batch,
        "validation_data": None if validation is None else (validation.X, validation.y),
        "class_weight": settings.weights_of_classes,
    }


def values_aside(given: Dataset, name: str | None) -> Array | None:
    """The groups or the times in the column of that name."""
    return None if name is None else given.aside[name]


def named(text: str | None) -> tuple[str, ...]:
    """The columns between the commas of an option."""
    return () if text is None else columns_named(text)


def class_counts(samples: Samples) -> dict[str, int]:
    """How many training samples there are of each class; empty where there are no classes that exclude each other."""
    y, names = samples.train.y, samples.preparation.class_names
    if samples.preparation.task not in ("binary", "multiclass") or y.dtype.kind not in "iu":
        return {}
    return dict(zip(names, np.bincount(y, minlength=len(names)).tolist(), strict=True))


def with_scaling_of(preparation: Preparation, old: Preparation, base: str | None) -> Preparation:
    """The preparation with the features scaled as ``old`` has them, that of the model ``base``, whose layers know them
    only like that.

    Raises
    ------
    DataError
        If the features are not as many.
    """
    if not preparation.columns and old.n_features != preparation.n_features:
        raise DataError(
            f"{base} takes {old.n_features} features, but the data have {preparation.n_features}; "
            "give data with the same features"
        )
    if old.column_names != preparation.column_names:
        raise DataError(
            f"{base} was trained on the features {listed(old.column_names or ('without names',))}, but the data have "
            f"{listed(preparation.column_names or ('none with a name',))}; give the same columns in the same order"
        )
    return replace(
        preparation,
        input_shape=old.input_shape,
        scaling=old.scaling,
        divisor=old.divisor,
        mean=old.mean,
        deviation=old.deviation,
        feature_names=old.feature_names,
        columns=old.columns,
    )


def _without_features(dataset: Dataset) -> Dataset:
    """The same samples with nothing to learn from: features that stay in their file are read once, without those that
    are held out, and not to see what the targets are."""
    return replace(dataset, X=np.zeros((len(dataset.X), 1), np.uint8), feature_names=None)


def prepare(dataset: Dataset, preparation: Preparation, dtype: str, memory: str | None = None) -> Part:
    """Features and targets as a network with this preparation takes them; features that stay in their file as a stream
    with so much memory.

    Raises
    ------
    DataError
        If they are not like those of training, or there are no targets.
    """
    if dataset.y is None:
        raise DataError(f"{dataset.source}: there are no targets; give data with known answers")
    X: Pixels | Stream | Array
    if memory is not None and isinstance(dataset.X, StoredSamples):
        X = Stream.of(dataset, memory)
    else:
        X = preparation.samples(dataset.X, source=dataset.source, dtype=dtype)
    return Part(X, preparation.targets(dataset.y, source=dataset.source), dataset.source)


def raw_part(dataset: Dataset, network: Network) -> Part:
    """Features and targets as they are, for a network that was saved without a preparation.

    Raises
    ------
    DataError
        If the network cannot take them.
    """
    if dataset.y is None:
        raise DataError(f"{dataset.source}: there are no targets; give data with known answers")
    try:
        X = network.check_features(np.asarray(dataset.X).reshape(len(dataset.X), -1))
        network.check_targets(dataset.y, len(X))
    except DataError as error:
        raise DataError(f"{dataset.source}: {error}") from None
    return Part(X, dataset.y, dataset.source)
