"""``fastnet data describe``: what is in data, before anybody trains on them."""

import functools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..data import Dataset, read_training
from ..data.columns import as_text, target_columns
from ..data.columns import listed as quoted
from ..data.delimiters import CALLED
from ..data.describe import (
    ColumnSummary,
    Numbers,
    TargetSummary,
    constant_features,
    plain,
    summary_of_column,
    summary_of_numbers,
    summary_of_target_columns,
    summary_of_targets,
)
from ..data.duplicates import (
    Digests,
    Repeats,
    digests_of_array,
    digests_of_columns,
    repeats_between,
    repeats_within,
)
from ..data.request import Request
from ..data.tables import is_table_name, read_raw
from ..errors import DataError
from .option_types import Size
from .options import DATA_HELP, x_option, y_option
from .output import LABEL_WIDTH, MOST_NAMES, Printer, counted, json_text, labelled, listed
from .tables import room, show

HEADER = ("column", "kind", "missing", "distinct", "least", "most", "mean, or most frequent")


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
    digests : list of bytes
    targets : sequence, optional
        What each sample's target is, to compare it.
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
    targets: Sequence[object] | None = field(repr=False)
    first: int
    delimiter: str = ""
    decimal_mark: str = ""

    @functools.cached_property
    def repeats(self) -> Repeats:
        """Samples that are in it before."""
        return repeats_within(self.digests, self.targets)


@click.command("describe", epilog=DATA_HELP)
@click.argument("data")
@click.option("--test", metavar="DATA", help="Data to test on; by default the test part of DATA, if it has one.")
@click.option("--target", metavar="COLUMN", help="The target's column in a table; by default the last.")
@x_option
@y_option
@click.option("--size", type=Size(), metavar="N|WxH", help="What pictures in a folder are stretched or shrunk to.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def data_describe(
    data: str,
    test: str | None,
    target: str | None,
    x: str | None,
    y: str | None,
    size: Any,
    as_json: bool,
) -> None:
    """Say what is in DATA: shapes, types, ranges, missing values, classes, constant features, duplicates.

    Two samples are duplicates if all their features are the same, whatever their targets; columns that only name a row
    or hold its time are no features. Rows of tables are counted from 1, as in messages, samples of arrays from 0.
    """
    if is_table_name(Path(data)) and Path(data).is_file():
        request = Request(x=x, y=y, size=size)
        request.refuse_arrays(data)
        request.refuse_looks(data)
        train = part_of_table(Path(data), target)
        tested = None if test is None else part_of_table(Path(test), as_text(train.target_names), like=train)
    else:
        given, held = read_training(data, target=target, x=x, y=y, size=size)
        if test is not None:
            other, its_test = read_training(test, target=target, x=x, y=y, size=size)
            held = other if its_test is None else its_test
        as_bytes = all(one is None or one.X.dtype == "uint8" for one in (given, held))
        train = part_of_arrays(given, as_bytes=as_bytes)
        tested = None if held is None else part_of_arrays(held, as_bytes=as_bytes)
    between = None
    if tested is not None and tested.compared == train.compared and (train.columns or tested.shape == train.shape):
        between = repeats_between(train.digests, tested.digests, train.targets, tested.targets)
    say = Printer(quiet=as_json)
    for label, part in (("data", train), ("test", tested)):
        if part is not None:
            tell(say, label, part)
    if tested is not None:
        say("")
        tell_between(say, train, tested, between)
    if as_json:
        report = {
            "version": __version__,
            "data": as_plain(train),
            "test": None if tested is None else as_plain(tested),
            "between": None if between is None or tested is None else plain_repeats(between, train.first, tested.first),
        }
        say.write(json_text(report))
    say.close()


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
        targets=list(zip(*(by_name[name].column.cells().tolist() for name in names), strict=True)) or None,
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
        targets=None if y is None else y.tolist(),
        first=0,
    )


def tell(say: Printer, label: str, part: Part) -> None:
    """Print what is in a part."""
    if label != "data":
        say("")
    shape = " x ".join(map(str, part.shape))
    n_features = math.prod(part.shape)
    if part.columns:
        rows, columns = counted(part.samples, "row"), counted(len(part.columns), "column")
        fold(say, label, f"{part.source}: {rows}, {columns}{_written(part)}")
        show(say, "", HEADER, [_row(column) for column in part.columns])
        say("")
    else:
        of = f"{shape} ({n_features:,} features)" if len(part.shape) > 1 else counted(n_features, "feature")
        fold(say, label, f"{part.source}: {counted(part.samples, 'sample')} of {of}, {part.dtype}")
    if part.values is not None:
        fold(say, "values", _in_words(part.values))
    if part.constant:
        names = [column.name for column in part.columns if column.is_constant and column.name not in part.target_names]
        which = f" ({listed(names)})" if names else ""
        are = "is" if part.constant == 1 else "are"
        fold(say, "constant", f"{counted(part.constant, 'feature')}{which} {are} the same in every sample")
    if part.target is not None:
        name = f"{listed(part.target_names)}: " if part.target_names else ""
        fold(say, "target", name + _target(part.target))
    text = _repeats(part.repeats, part.first, part.first, "repeats another", "repeat others")
    fold(say, "duplicates", f"{text} (counted from {part.first})" if part.repeats.pairs else text)
    for column in part.columns:
        if column.note:
            fold(say, "note", column.note.removeprefix(f"{part.source}: "))


def tell_between(say: Printer, train: Part, test: Part, between: Repeats | None) -> None:
    """Print what the two parts have in common, and what the test part has that training never sees."""
    if between is None:
        fold(say, "between", "the samples of the two parts have different features, so that none can be the same")
    else:
        words = "of the test part is in the training part too", "of the test part are in the training part too"
        text = _repeats(between, train.first, test.first, *words)
        legend = f" (that of training first, counted from {train.first})" if between.pairs else ""
        fold(say, "between", text + legend)
    ours, theirs = {column.name: column for column in train.columns}, {column.name: column for column in test.columns}
    for what, names in (
        ("missing from the test part", [name for name in ours if name not in theirs]),
        ("in the test part alone", [name for name in theirs if name not in ours]),
    ):
        if names:
            fold(say, "note", f"{'the column is' if len(names) == 1 else 'columns are'} {what}: {quoted(names)}")
    for name, column in theirs.items():
        if name in ours and column.meaning == ours[name].meaning == "category":
            unseen = sorted(set(column.column.texts) - set(ours[name].column.texts))
            if unseen:
                fold(say, "note", f"the column '{name}' has texts that training never sees: {quoted(unseen)}")


def fold(say: Printer, label: str, text: str) -> None:
    """Print a labelled line, folded to the width there is."""
    width = max(room() - LABEL_WIDTH, 20)
    for index, line in enumerate(textwrap.wrap(text, width, break_on_hyphens=False) or [""]):
        say(labelled("" if index else label, line))


def _written(part: Part) -> str:
    """How a table in text is written, where that is not with commas and points."""
    between = f", {CALLED[part.delimiter]} between them" if part.delimiter not in ("", ",") else ""
    return between + (", decimal commas" if part.decimal_mark == "," else "")


def _row(column: ColumnSummary) -> tuple[str, ...]:
    start = (column.name, column.meaning, f"{column.missing:,}", f"{column.distinct:,}")
    if column.numbers is None:
        texts = ", ".join(f"{text} {count:,}" for text, count in column.frequent)
        return (*start, "", "", texts)
    numbers = column.numbers
    return (*start, f"{numbers.least:.4g}", f"{numbers.most:.4g}", f"{numbers.mean:.4g}" + _infinite(numbers))


def _infinite(numbers: Numbers) -> str:
    return f", {numbers.infinite:,} infinite" if numbers.infinite else ""


def _in_words(numbers: Numbers) -> str:
    missing = f"{numbers.missing:,} NaN" if numbers.missing else "no NaN"
    infinite = f"{numbers.infinite:,} infinite" if numbers.infinite else "none infinite"
    return (
        f"from {numbers.least:.6g} to {numbers.most:.6g}, mean {numbers.mean:.4g}, deviation {numbers.deviation:.4g}; "
        f"{missing}, {infinite}"
    )


def _target(target: TargetSummary) -> str:
    missing = f"; {target.missing:,} missing" if target.missing else ""
    if target.numbers is not None:
        return f"numbers {_in_words(target.numbers).partition(';')[0]}{_infinite(target.numbers)}{missing}"
    if target.kind == "labels":
        return f"{len(target.counts)} labels, yes or no each: " + _counts(target.counts) + missing
    total = sum(target.counts.values())
    shares = [f"{name} {count:,} ({count / total:.1%})" for name, count in target.counts.items()]
    if len(shares) > MOST_NAMES:
        rising = sorted(range(len(shares)), key=list(target.counts.values()).__getitem__)
        shares = [f"from {shares[rising[0]]} to {shares[rising[-1]]}"]
    return f"{counted(len(target.counts), 'class', 'classes')}: {', '.join(shares)}{missing}"


def _counts(counts: dict[str, int]) -> str:
    return listed([f"{name} {count:,}" for name, count in counts.items()])


def _repeats(repeats: Repeats, first: int, second: int, one: str, several: str) -> str:
    if not repeats.pairs:
        return "none"
    what = f"{counted(len(repeats.pairs), 'sample')} {one if len(repeats.pairs) == 1 else several}"
    against = f", {repeats.contradicting:,} with another target" if repeats.contradicting else ""
    pairs = listed([f"{i + first} = {j + second}" for i, j in repeats.pairs])
    return f"{what}{against}: {pairs}"


def plain_repeats(repeats: Repeats, first: int, second: int) -> dict[str, Any]:
    """Duplicates as JSON has them."""
    return {
        "counted_from": first,
        "pairs": [[i + first, j + second] for i, j in repeats.pairs],
        "contradicting": repeats.contradicting,
    }


def as_plain(part: Part) -> dict[str, Any]:
    """A part as JSON has it."""
    target = part.target
    return {
        "source": part.source,
        "delimiter": part.delimiter or None,
        "decimal_mark": part.decimal_mark or None,
        "samples": part.samples,
        "shape": part.shape,
        "dtype": part.dtype or None,
        "values": plain(part.values),
        "constant_features": part.constant,
        "columns": [
            {
                "name": column.name,
                "kind": column.meaning,
                "target": column.name in part.target_names,
                "missing": column.missing,
                "distinct": column.distinct,
                "numbers": plain(column.numbers),
                "frequent": [list(pair) for pair in column.frequent],
                "note": column.note or None,
            }
            for column in part.columns
        ],
        "target": None if target is None else {**vars(target), "numbers": plain(target.numbers)},
        "duplicates": plain_repeats(part.repeats, part.first, part.first),
    }
