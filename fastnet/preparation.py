"""What was done to the data before training, saved with a model and done again when it is used."""

import math
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from .data.dataset import Array, Dataset, as_features, as_targets
from .data.encoding import ColumnEncoding, Impute, fit_columns, scaling_of
from .data.examine import mean_and_deviation, refuse_not_finite
from .data.features import FeaturePreparation
from .data.from_python import dataset_from
from .data.labels import (
    are_labels,
    as_numbers,
    fit_classes,
    is_one_hot,
    label_names,
    looks_like_classes,
    refuse_bad_targets,
)
from .data.plain import PlainReader
from .data.scaling import Scaling, fit_scaling
from .data.stored_samples import StoredSamples
from .data.stream import Stream
from .data.table import Table
from .data.targets import TargetPreparation, Task
from .errors import DataError

AskedTask = Literal["auto", "classification", "multilabel", "regression"]


@dataclass(frozen=True, kw_only=True)
class Preparation(FeaturePreparation, TargetPreparation):
    """How raw features and targets become what a network trains on, and back.

    Everything about the features is in `FeaturePreparation`, about the targets in `TargetPreparation`.

    Attributes
    ----------
    ignored : tuple of str
        Columns of the training data that are no features, and need not be there to predict.
    """

    ignored: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        dataset: Dataset | Stream | Any,
        y: npt.ArrayLike | None = None,
        *,
        task: AskedTask = "auto",
        impute: Impute | None = None,
        missing_category: bool = False,
        source: str = "X",
    ) -> "Preparation":
        """Take the statistics of training data.

        Parameters
        ----------
        dataset : Dataset, Stream, array (n, ...), DataFrame or sparse matrix
            Features that stay in their file are read once, a block at a time.
        y : array (n,) or (n, k), optional
            The targets, where they are not in the dataset.
        task : {"auto", "classification", "multilabel", "regression"}
            "auto" takes named classes, text, 0 and 1, and whole numbers of few distinct values (at
            most 100, and fewer than half as many as samples) for classes, and several columns of 0, 1
            and NaN for labels that do not exclude each other. "classification" takes rows of the
            classes' probabilities too.
        impute : {"mean", "median", "most_frequent"}, optional
            What a missing number of a table is replaced by, of the training data; a missing category or truth by the
            most frequent. By default a missing value is refused.
        missing_category : bool
            Whether a missing category is a category of its own.
        source : str
            What messages call an array or a frame.

        Raises
        ------
        DataError
            There are no targets, a value is not finite, there is one sample or one class only, or
            the targets do not suit the task.
        """
        if isinstance(dataset, Stream):
            dataset = dataset.dataset
        if not isinstance(dataset, Dataset):
            dataset = dataset_from(dataset, y, source)
        elif y is not None:
            raise DataError(f"{dataset.source}: the targets are in the data set already; leave y out")
        source, names_of_columns = dataset.source, dataset.feature_names
        if dataset.y is None:
            raise DataError(f"{source}: there are no targets to train on; add them to the data")
        X = dataset.X if isinstance(dataset.X, Table | StoredSamples) else as_features(dataset.X, source)
        if len(X) == 1:
            raise DataError(f"{source}: there is one sample only; training needs at least two, and better hundreds")
        targets = as_targets(dataset.y, len(X), source)
        if task == "auto":
            task = _guessed(targets, dataset)
        if task != "multilabel":
            refuse_bad_targets(targets, source)
        columns: tuple[ColumnEncoding, ...] = ()
        scaling: Scaling = "standardise"
        divisor = 1.0
        input_shape, feature_names = dataset.input_shape, names_of_columns
        if isinstance(X, StoredSamples):
            if impute is not None:
                raise DataError(
                    f"{source}: what is missing is not imputed where features stay in their file; read them"
                )
            scaling, divisor, mean, deviation = X.fit_scaling(source, names_of_columns)
        elif isinstance(X, Table) or (impute is not None and X.ndim == 2 and X.dtype.kind == "f"):
            table = X if isinstance(X, Table) else Table.from_array(X, names_of_columns)
            columns = fit_columns(table, source, impute=impute, missing_category=missing_category)
            mean, deviation = scaling_of(table, columns, source)
            input_shape = (len(mean),)
            if names_of_columns is not None:
                feature_names = tuple(name for column in columns for name in column.feature_names)
        else:
            flat = X.reshape(len(X), -1)
            refuse_not_finite(flat, source, names=names_of_columns)
            scaling, divisor, mean, deviation = fit_scaling(flat, source, names_of_columns)
        fitted_task: Task = "regression"
        names: tuple[str, ...] = ()
        values: tuple[int | float | str, ...] = ()
        target_mean: tuple[float, ...] = ()
        target_deviation: tuple[float, ...] = ()
        if task == "classification":
            values, names = fit_classes(targets, dataset)
            fitted_task = "binary" if len(values) == 2 else "multiclass"
        elif task == "multilabel":
            names, fitted_task = label_names(targets, dataset), "multilabel"
        else:
            numbers = as_numbers(targets, source)
            target_mean, target_deviation = mean_and_deviation(numbers, source, what="target")
        return cls(
            input_shape=input_shape,
            task=fitted_task,
            scaling=scaling,
            divisor=divisor,
            mean=mean,
            deviation=deviation,
            feature_names=feature_names,
            class_names=names,
            class_values=values,
            target_name=dataset.target_name,
            target_mean=target_mean,
            target_deviation=target_deviation,
            columns=columns,
            ignored=dataset.ignored,
        )

    @property
    def asked_task(self) -> AskedTask:
        """What to ask for, so that a part of the data is taken for what all of them were."""
        if self.task in ("binary", "multiclass"):
            return "classification"
        return "regression" if self.task == "regression" else "multilabel"

    def classes_of(self, dataset: Dataset) -> npt.NDArray[np.int64] | None:
        """The class of each sample, (n,), of classes' probabilities the largest; None where there are no classes that
        exclude each other."""
        if dataset.y is None or self.task in ("regression", "multilabel"):
            return None
        targets = self.targets(dataset.y, source=dataset.source)
        classes: npt.NDArray[np.int64] = (
            targets.argmax(axis=1) if targets.ndim == 2 else (targets + 0.5).astype(np.int64)
        )
        return classes

    def check_names(self, dataset: Dataset) -> None:
        """Refuse data whose names of features or classes contradict those of training.

        Raises
        ------
        DataError
        """
        if None not in (self.column_names, dataset.feature_names):
            pairs = zip(self.column_names or (), dataset.feature_names or (), strict=False)
            for position, (trained, found) in enumerate(pairs):
                if trained != found:
                    raise DataError(
                        f"{dataset.source}: feature {position + 1} is '{found}', but the model was "
                        f"trained on '{trained}' there; put the features into the same order"
                    )
        self.check_target_names(dataset)
        if self.task == "multilabel":
            return
        for value, trained in zip(self.class_values, self.class_names, strict=True):
            if dataset.class_names is None or not isinstance(value, int):
                return
            found = dataset.class_names[value] if 0 <= value < len(dataset.class_names) else trained
            # A name that only repeats the label says nothing about its meaning.
            if found != trained and str(value) not in (found, trained):
                raise DataError(
                    f"{dataset.source}: label {value} means '{found}', but the model was trained "
                    f"with '{trained}' for it; number the classes as in training"
                )

    def to_dict(self) -> dict[str, Any]:
        """Plain data that JSON can hold; `from_dict` is the way back."""
        entries = {name: getattr(self, name) for name in self.__dataclass_fields__}
        entries["columns"] = [column.to_dict() for column in self.columns]
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in entries.items()
            if value or name not in _SINCE_TABLES
        }

    @classmethod
    def from_dict(cls, entries: Any) -> "Preparation":
        """Rebuild what `to_dict` gave, trusting nothing in it.

        Raises
        ------
        ModelFileError
            An entry is missing, unknown, of the wrong type, or does not fit the others.
        """
        known = tuple(name for name in cls.__dataclass_fields__ if name not in _SINCE_TABLES)
        reader = PlainReader(entries, known, optional=_SINCE_TABLES)
        named = entries["feature_names"] is not None
        read = cls(
            input_shape=reader.sizes("input_shape"),
            task=cast(Task, reader.choice("task", ("binary", "multiclass", "multilabel", "regression"))),
            scaling=cast(Scaling, reader.choice("scaling", ("none", "divide", "standardise"))),
            divisor=reader.number("divisor"),
            mean=reader.numbers("mean"),
            deviation=reader.numbers("deviation", positive=True),
            feature_names=reader.texts("feature_names") if named else None,
            class_names=reader.texts("class_names"),
            class_values=reader.labels("class_values"),
            target_name=reader.text_or_none("target_name"),
            target_mean=reader.numbers("target_mean"),
            target_deviation=reader.numbers("target_deviation", positive=True),
            columns=tuple(map(ColumnEncoding.from_dict, reader.entries_of("columns"))) if "columns" in entries else (),
            ignored=reader.texts("ignored") if "ignored" in entries else (),
        )
        reader.require(read.divisor > 0, "divisor", "positive")
        n_scaled = read.n_features if read.scaling == "standardise" else 0
        lengths = {"mean": n_scaled, "deviation": n_scaled}
        if read.task == "multilabel":
            reader.require(len(read.class_names) >= 2, "class_names", "a list of two or more")
        else:
            lengths["class_names"] = len(read.class_values)
        lengths["target_deviation"] = len(read.target_mean)
        if named:
            lengths["feature_names"] = read.n_features
        for name, length in lengths.items():
            reader.require(len(getattr(read, name)) == length, name, f"a list of {length}")
        if read.columns:
            encoded = tuple(name for column in read.columns for name in column.feature_names)
            fits = (len(encoded),) == read.input_shape and read.scaling == "standardise"
            fits = fits and len({column.name for column in read.columns}) == len(read.columns)
            reader.require(fits and read.feature_names in (None, encoded), "columns", "a list that makes the features")
        least, most = _CLASSES_OF[read.task]
        fits = least <= len(read.class_values) <= most
        reader.require(fits, "class_values", f"a list that fits the task '{read.task}'")
        fits = bool(read.target_mean) == (read.task == "regression")
        reader.require(fits, "target_mean", f"a list that fits the task '{read.task}'")
        return read


_SINCE_TABLES = ("columns", "ignored")
"""Entries that older files have not, nor any whose data are numbers alone."""

_CLASSES_OF = {"binary": (2, 2), "multiclass": (3, math.inf), "multilabel": (0, 0), "regression": (0, 0)}
"""How many classes that exclude each other a task may have."""


def _guessed(y: Array, dataset: Dataset) -> AskedTask:
    if are_labels(y) and not is_one_hot(y):
        return "multilabel"
    return "classification" if looks_like_classes(y, dataset.class_names) else "regression"
