"""What ``fastnet data describe`` prints of a part of data, and of two beside each other."""

import math
from collections.abc import Sequence

from ..data.columns import MOST_NAMES, listed, quoted
from ..data.delimiters import CALLED
from ..data.describe import ColumnSummary, Numbers, TargetSummary
from ..data.duplicates import Repeats
from .output import Printer, counted
from .parts import Part
from .tables import GAP, fold, room, shortened, show, width_of

HEADER = ("column", "kind", "missing", "distinct", "least", "most", "mean or frequent")


def tell(say: Printer, label: str, part: Part) -> None:
    """Print what is in a part."""
    if label != "data":
        say("")
    shape = " x ".join(map(str, part.shape))
    n_features = math.prod(part.shape)
    if part.columns:
        rows, columns = counted(part.samples, "row"), counted(len(part.columns), "column")
        fold(say, label, f"{part.source}: {rows}, {columns}{_written(part)}")
        show(say, "", HEADER, _rows(part.columns))
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
    if 0 < len(part.digests) < part.samples:
        text = f"of the first {len(part.digests):,} samples {text}"
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


def _written(part: Part) -> str:
    """How a table in text is written, where that is not with commas and points."""
    between = f", {CALLED[part.delimiter]} between them" if part.delimiter not in ("", ",") else ""
    return between + (", decimal commas" if part.decimal_mark == "," else "")


def _rows(columns: Sequence[ColumnSummary]) -> list[list[str]]:
    """What the table says of each column: of the most frequent texts as many as there is room for."""
    for most in (24, 16, 12):
        rows = [_row(column, most) for column in columns]
        left = room() - width_of(HEADER[:-1], rows) - GAP
        if left >= 2 * most:
            break
    return [
        [*row, _mean(column.numbers) if column.numbers is not None else _frequent(column.frequent, left)]
        for row, column in zip(rows, columns, strict=True)
    ]


def _row(column: ColumnSummary, most: int) -> list[str]:
    numbers = column.numbers
    ends = ["", ""] if numbers is None else [f"{numbers.least:.4g}", f"{numbers.most:.4g}"]
    return [shortened(column.name, most), column.meaning, f"{column.missing:,}", f"{column.distinct:,}", *ends]


def _mean(numbers: Numbers) -> str:
    return f"{numbers.mean:.4g}" + _infinite(numbers)


def _frequent(texts: Sequence[tuple[str, int]], width: int) -> str:
    """Whole texts with their counts, the last of them left out, and what is left shortened, until they fit."""
    for some in (texts[:count] for count in range(len(texts), 0, -1)):
        for most in (24, 16, 12) if len(some) > 1 else (24, 16, 12, 8):
            shown = ", ".join(f"{shortened(text, most)} {times:,}" for text, times in some)
            if len(shown) <= width:
                return shown
    return shown if texts else ""


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
    if not repeats.count:
        return "none"
    what = f"{counted(repeats.count, 'sample')} {one if repeats.count == 1 else several}"
    against = f", {repeats.contradicting:,} with another target" if repeats.contradicting else ""
    pairs = listed([f"{i + first} = {j + second}" for i, j in repeats.pairs], repeats.count)
    return f"{what}{against}: {pairs}"
