"""``fastnet data describe``: what is in data, before anybody trains on them."""

from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..data import read_training
from ..data.columns import as_text
from ..data.describe import plain
from ..data.duplicates import Repeats, repeats_between
from ..data.request import Request
from ..data.tables import is_table_name
from .description import tell, tell_between
from .option_types import Size
from .options import DATA_HELP, x_option, y_option
from .output import Printer, json_text
from .parts import Part, part_of_arrays, part_of_table


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


def plain_repeats(repeats: Repeats, first: int, second: int) -> dict[str, Any]:
    """Duplicates as JSON has them."""
    return {
        "counted_from": first,
        "count": repeats.count,
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
