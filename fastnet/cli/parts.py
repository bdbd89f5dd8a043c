"""A part of data that is looked at: its columns or arrays, its target, and what makes samples the same."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data import Dataset
from ..data.columns import target_columns
from ..data.describe import (
    ColumnSummary,
    Numbers,
    TargetSummary,
    constant_features,
    summary_of_column,
    summary_of_numbers,
    summary_of_target_columns,
    summary_of_targets,
)
from ..data.duplicates import Digests, Repeats, digests_of_array, digests_of_columns, repeats_within
from ..data.tables import is_table_name, read_raw
from ..errors import DataError


@dataclass(frozen=True)
class Part:
    """The training part or the test part, looked at.

    Attributes
    ----------
    source : str
    samples : int
    shape : tuple of int
        Of one sample.
    dtype : str
        Empty of tables, whose columns have their own.
    columns : sequence of ColumnSummary
        Of tables, in the order of the file.
    target_names : sequence of str
    values : Numbers, optional
        Of arrays, over all features.
    constant : int
        How many features are the same in every sample.
    target : TargetSummary, optional
    compared : tuple of str
        The columns that make a sample the same as another.
    digests : array of uint64
        Of the samples that are compared, which are all unless there are very many.
    targets : array of uint64, optional
        The same of their targets.
    first : int
        What the first sample is counted as: 1 in a table, else 0.
    delimiter, decimal_mark : str
        Of tables in text, as far as they were found.
    """

    source: str
    samples: int
    shape: tuple[int, ...]
    dtype: str
    columns: Sequence[ColumnSummary]
    target_names: Sequence[str]
    values: Numbers | None
    constant: int
    target: TargetSummary | None
    compared: tuple[str, ...]
    digests: Digests = field(repr=False)
    targets: Digests | None = field(repr=False)
    first: int
    delimiter: str = ""
    decimal_mark: str = ""

    @functools.cached_property
    def repeats(self) -> Repeats:
        """Samples that are in it before."""
        return repeats_within(self.digests, self.targets)


def part_of_table(path: Path, target: str | None, *, like: Part | None = None) -> Part:
    """A file of a table, looked at column by column, the features in the order of ``like``.

    Raises
    ------
    DataError
        If it cannot be read, or has not the target that was asked for.
    """
    if not path.is_file() or not is_table_name(path):
        raise DataError(f"{path}: there is no table of this name; give a file of the same kind as the other")
    raw = read_raw(path)
    if not len(raw):
        raise DataError(f"{path}: the data are empty: there is a header but no row")
    names = target_columns(raw.source, list(raw.names), target, set_aside=like is not None)
    columns = [summary_of_column(raw, name) for name in raw.names]
    by_name = {column.name: column for column in columns}
    # The test part may be without the answers.
    names = tuple(name for name in names if name in by_name)
    features = [column for column in columns if column.name not in names and column.is_feature]
    compared = tuple(column.name for column in features if not column.counts_rows)
    if like is not None:
        compared = tuple(name for name in like.compared if name in by_name)
    return Part(
        source=raw.source,
        samples=len(raw),
        shape=(len(features),),
        dtype="",
        columns=columns,
        target_names=names,
        values=None,
        constant=sum(column.is_constant for column in features),
        target=summary_of_target_columns([by_name[name] for name in names]) if names else None,
        compared=compared,
        digests=digests_of_columns([by_name[name].column for name in compared]),
        targets=digests_of_columns([by_name[name].column for name in names]) if names else None,
        first=1,
        delimiter=raw.delimiter,
        decimal_mark="" if raw.decimals is None else raw.decimals.mark,
    )


def part_of_arrays(dataset: Dataset, *, as_bytes: bool) -> Part:
    """Features and targets of whatever has no columns."""
    X, y = dataset.X, dataset.y
    return Part(
        source=dataset.source,
        samples=len(X),
        shape=dataset.input_shape,
        dtype=str(X.dtype),
        columns=(),
        target_names=(),
        values=summary_of_numbers(X),
        constant=constant_features(X),
        target=None if y is None else summary_of_targets(y, dataset.class_names),
        compared=(),
        digests=digests_of_array(X, as_bytes=as_bytes),
        targets=None if y is None else digests_of_array(y, as_bytes=False),
        first=0,
    )
