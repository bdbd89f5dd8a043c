"""What was done to the data before training, saved with a model and done again when it is used."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt

from .data.arrow import dense, is_frame, is_sparse, read_frame, read_objects
from .data.columns import columns_named, listed
from .data.dataset import Array, Dataset, as_features, as_targets
from .data.encoding import ColumnEncoding, Impute, encode, fit_columns, scaling_of
from .data.examine import mean_and_deviation, refuse_not_finite
from .data.labels import (
    are_labels,
    are_shares,
    as_labels,
    as_numbers,
    class_indices,
    fit_classes,
    is_one_hot,
    label_names,
    looks_like_classes,
    refuse_bad_targets,
)
from .data.plain import PlainReader
from .data.raw import RawTable
from .data.request import Request
from .data.scaling import Scaling, check_levels, divide, fit_scaling, standardise
from .data.stored_samples import StoredSamples
from .data.stream import Stream
from .data.table import Table
from .data.tabular import dataset_of
from .errors import DataError
from .pixels import Pixels

Task = Literal["binary", "multiclass", "multilabel", "regression"]
AskedTask = Literal["auto", "classification", "multilabel", "regression"]


@dataclass(frozen=True)
class Preparation:
    """How raw features and targets become what a network trains on, and back.

    Attributes
    ----------
    input_shape : tuple of int
        The shape of one sample as a network takes it; d is its product.
    task : {"binary", "multiclass", "multilabel", "regression"}
    scaling : {"none", "divide", "standardise"}
        uint8 data are divided by their full scale, anything else is standardised.
    divisor : float
        For "divide", else 1.
    mean, deviation : tuple of d floats
        For "standardise", else empty.
    feature_names : tuple of d str, optional
    class_names : tuple of str
        The name of each class, in the order of its index, or of each label of multilabel; empty for regression.
    class_values : tuple of int, float or str
        The raw label of each class, rising; empty for regression and multilabel.
    target_name : str, optional
        With several targets all their names, with commas between; see `target_names`.
    target_mean, target_deviation : tuple of k floats
        For regression with k outputs, else empty.
    columns : tuple of ColumnEncoding
        What becomes of each column of a table of which not all are numbers, or may be missing; else empty, and the raw
        samples have `input_shape`.
    ignored : tuple of str
        Columns of the training data that are no features, and need not be there to predict.
    """

    input_shape: tuple[int, ...]
    task: Task
    scaling: Scaling
    divisor: float = 1.0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    feature_names: tuple[str, ...] | None = None
    class_names: tuple[str, ...] = ()
    class_values: tuple[int | float | str, ...] = ()
    target_name: str | None = None
    target_mean: tuple[float, ...] = ()
    target_deviation: tuple[float, ...] = ()
    columns: tuple[ColumnEncoding, ...] = ()
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
            dataset = _dataset(dataset, y, source)
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
    def column_names(self) -> tuple[str, ...] | None:
        """The names of the raw columns, where the data have names."""
        return tuple(column.name for column in self.columns) or self.feature_names

    @property
    def known_columns(self) -> tuple[ColumnEncoding, ...] | None:
        """What a table must hold to be like the training data, where those had names."""
        if self.columns or self.feature_names is None:
            return self.columns or None
        return tuple(ColumnEncoding(name, "number") for name in self.feature_names)

    @property
    def n_features(self) -> int:
        """The number of values in one sample."""
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        """The number of outputs a network needs: one for binary, one a class, one a label or one a target."""
        if self.task == "binary":
            return 1
        return len(self.target_mean) if self.task == "regression" else len(self.class_names)

    @property
    def target_names(self) -> tuple[str, ...]:
        """The name of each target, where the data have names."""
        return () if self.target_name is None else columns_named(self.target_name)

    def features(self, X: npt.ArrayLike | Any, *, source: str, dtype: npt.DTypeLike = np.float32) -> Array:
        """Encode and scale raw features as in training. Texts that training never saw are told of in a `DataWarning`.

        Parameters
        ----------
        X : array (n, *input_shape) or (n, d), Table, DataFrame or sparse matrix
            The columns of a frame go by their names.
        source : str
        dtype : float32 or float64

        Returns
        -------
        array (n, d), C-contiguous, of `dtype`

        Raises
        ------
        DataError
            The number of features is wrong, or a value is not finite or not of the kind the model
            was trained on.
        """
        if self.columns or isinstance(X, Table) or is_frame(X):
            X = self._raw(X, source)
        if self.columns:
            encoded = encode(self._table(X, source), self.columns, self.mean, self.deviation, source, dtype)
            refuse_not_finite(encoded, f"{source}, once scaled", names=self.feature_names)
            return encoded
        raw = self._flat(np.asarray(dense(source, X, dtype)), source)
        refuse_not_finite(raw, source, names=self.feature_names)
        if self.scaling == "standardise":
            prepared = standardise(raw, self.mean, self.deviation, dtype)
        elif self.scaling == "divide":
            check_levels(raw, self.divisor, source)
            prepared = divide(raw, self.divisor, dtype)
        else:
            with np.errstate(over="ignore"):
                prepared = np.array(raw, dtype, order="C")
        # Again, since a finite value may be too large for the dtype once it is scaled.
        refuse_not_finite(prepared, f"{source}, once scaled", names=self.feature_names)
        return prepared

    def samples(self, X: npt.ArrayLike | Any, *, source: str, dtype: npt.DTypeLike = np.float32) -> Array | Pixels:
        """What `features` gives, but uint8 data that are only divided stay bytes, as `Pixels`.

        A network makes of them the very numbers of `features`: a quotient rounded to float64 and then to float32 is
        the quotient rounded to float32 once, as float64 has more than twice float32's digits.

        Parameters and errors are those of `features`.
        """
        if self.columns or isinstance(X, Table) or is_frame(X) or is_sparse(X):
            return self.features(X, source=source, dtype=dtype)
        raw = np.asarray(X)
        divisor = self.divisor if self.scaling == "divide" else 1.0
        # A divisor that the dtype has to round would divide otherwise there than in float64.
        if raw.dtype != np.uint8 or self.scaling == "standardise" or float(np.array(divisor, dtype)) != divisor:
            return self.features(raw, source=source, dtype=dtype)
        flat = self._flat(raw, source)
        if self.scaling == "divide":
            check_levels(flat, divisor, source)
        return Pixels(np.ascontiguousarray(flat), divisor)

    def _raw(self, X: Any, source: str) -> Any:
        """A frame, or an array of text or objects, by its columns, read as in training."""
        values = dense(source, X) if not is_frame(X) else X
        if isinstance(values, Table):
            return values
        if is_frame(values):
            return self._like_training(read_frame(values, source))
        values = np.asarray(values)
        if values.dtype.kind in "OU" and values.ndim == 2:
            return self._like_training(read_objects(values, source, self.column_names))
        return values

    def _like_training(self, raw: RawTable) -> Any:
        return dataset_of(raw, Request(preparation=self, need_targets=False)).X

    def _table(self, X: Any, source: str) -> Table:
        """Columns in the order of training."""
        if not isinstance(X, Table):
            if X.ndim != 2 or X.shape[1] != len(self.columns) or X.dtype.kind not in "buif" or not len(X):
                raise DataError(
                    f"{source}: the features should be {len(self.columns)} columns of numbers and categories as in "
                    f"training, but are of type {X.dtype} and shape {X.shape}; give a table or a DataFrame"
                )
            return Table.from_array(X, self.column_names)
        by_name = {column.name: column for column in X.columns}
        if set(by_name) != set(self.column_names or ()):
            raise DataError(
                f"{source}: the columns are {listed(X.names)}, but the model was trained on "
                f"{listed(self.column_names or ())}; give the same"
            )
        return Table(tuple(by_name[column.name] for column in self.columns))

    def _flat(self, X: Array, source: str) -> Array:
        if X.dtype.kind not in "buif":
            raise DataError(f"{source}: the features should be real numbers, not {X.dtype}")
        if X.ndim < 2 or len(X) == 0:
            raise DataError(
                f"{source}: the features should have shape (samples, {self._shape_text}), but have shape {X.shape}"
            )
        n_features = math.prod(X.shape[1:])
        flat = X.ndim == 2 or len(self.input_shape) == 1
        if n_features != self.n_features or not (flat or X.shape[1:] == self.input_shape):
            raise DataError(
                f"{source}: each sample should have {self._shape_text} features as in training, "
                f"but has {' x '.join(map(str, X.shape[1:]))}"
            )
        return X.reshape(len(X), n_features)

    @property
    def _shape_text(self) -> str:
        return " x ".join(map(str, self.input_shape))

    def targets(self, y: npt.ArrayLike, *, source: str) -> Array:
        """Targets as a network trains on them.

        Parameters
        ----------
        y : array (n,) of labels or numbers, (n, k) of one-hot rows, probabilities, labels or numbers
        source : str

        Returns
        -------
        array (n,) of int64 class indices, or (n, k) of standardised float64 for regression, of 0, 1
        and NaN for multilabel, of the classes' probabilities where y has them (with two classes (n,),
        that of the second)

        Raises
        ------
        DataError
            A label was never seen in training, a value is not finite, or k is wrong.
        """
        raw = np.asarray(y)
        raw = as_targets(raw, len(raw) if raw.ndim else 0, source)
        if self.task == "multilabel":
            return self._labels(raw, source)
        refuse_bad_targets(raw, source)
        if self.task == "regression":
            numbers = as_numbers(raw, source)
            self._check_outputs(numbers, source)
            standard: Array = (numbers - self.target_mean) / self.target_deviation
            return standard
        if are_shares(raw) and not is_one_hot(raw) and self.class_values == tuple(range(raw.shape[1])):
            shares: Array = raw / raw.sum(axis=1, keepdims=True)  # they may have been rounded
            return shares[:, 1] if self.task == "binary" else shares
        return class_indices(as_labels(raw, source), self.class_values, source)

    def _labels(self, raw: Array, source: str) -> Array:
        self._check_outputs(raw.reshape(len(raw), -1), source)
        if raw.dtype.kind == "U" or not are_labels(raw):
            raise DataError(f"{source}: the labels should be 0, 1 or NaN (no label) as in training; correct the others")
        return raw.astype(np.float64, copy=False)

    def _check_outputs(self, numbers: Array, source: str) -> None:
        if numbers.shape[-1] != self.n_outputs:
            raise DataError(
                f"{source}: each sample should have {self.n_outputs} target values as in "
                f"training, but has {numbers.shape[-1]}"
            )

    def labels(self, indices: npt.ArrayLike) -> Array:
        """Class names (str) for class indices, in the same shape.

        Raises
        ------
        DataError
            An index is no integer from 0 to the number of classes less 1.
        """
        raw = np.asarray(indices)
        n_classes = len(self.class_names)
        if raw.dtype.kind not in "iu" or (raw < 0).any() or (raw >= n_classes).any():
            raise DataError(
                f"class indices should be integers from 0 to {n_classes - 1}, but are of type {raw.dtype} or go beyond"
            )
        names: Array = np.array(self.class_names, dtype=np.str_)[raw]
        return names

    def values(self, outputs: npt.ArrayLike) -> Array:
        """Regression outputs in the data's own units, float64, in the same shape.

        Parameters
        ----------
        outputs : array (n, k), or (n,) where k is 1

        Raises
        ------
        DataError
            The number of outputs is wrong.
        """
        raw = np.asarray(outputs, dtype=np.float64)
        columns = raw.reshape(-1, 1) if raw.ndim == 1 else raw
        self._check_outputs(columns, "the network's outputs")
        restored: Array = columns * self.target_deviation + self.target_mean
        return restored.reshape(raw.shape)

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
        self._check_target_names(dataset)
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

    def _check_target_names(self, dataset: Dataset) -> None:
        """Refuse several targets that are others than in training, or in another order."""
        if self.n_outputs == 1 or self.task == "multiclass" or None in (self.target_name, dataset.target_name):
            return
        found = columns_named(str(dataset.target_name))
        if found != self.target_names:
            raise DataError(
                f"{dataset.source}: the targets are {', '.join(found)}, but the model was trained on "
                f"{', '.join(self.target_names)}; give the same in the same order"
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


def _dataset(X: Any, y: npt.ArrayLike | None, source: str) -> Dataset:
    """An array, a frame or a sparse matrix and its targets as a data set."""
    targets = None if y is None else np.asarray(y)
    if targets is not None and targets.dtype == object:
        targets = targets.astype(np.str_)
    values = X if is_frame(X) else np.asarray(dense(source, X))
    if is_frame(X) or (values.dtype.kind in "OU" and values.ndim == 2):
        raw = read_frame(X, source) if is_frame(X) else read_objects(values, source, None)
        return replace(dataset_of(raw, Request(need_targets=False, keep_missing=True)), y=targets)
    return Dataset(as_features(values, source), targets, source)
