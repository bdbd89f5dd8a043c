"""``fastnet data convert``: data in a file of another format."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from ..data.convert import Options, convert, outputs_of
from ..data.request import Request
from ..errors import OutputError
from .inputs import refuse_input
from .option_types import Names, Size, Whole
from .options import DATA_HELP
from .output import Printer, json_text, labelled

if TYPE_CHECKING:
    from rich.progress import Progress

SECONDS_BETWEEN_LINES = 5.0


@click.command("convert", epilog=DATA_HELP)
@click.argument("data")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--target", metavar="COLUMN,...", help="The target's column in a table; by default the last.")
@click.option("--ignore", type=Names(), default="", metavar="COLUMN,...", help="Columns of a table that are left out.")
@click.option("--x", metavar="NAME", help="The array of the features in an HDF5 or NPZ file; then no others are taken.")
@click.option("--y", metavar="NAME", help="The array of the targets there.")
@click.option("--size", type=Size(), metavar="N|WxH", help="What pictures in a folder are stretched or shrunk to.")
@click.option("--grey/--colour", default=None, help="Make those grey or RGB; by default as they are.")
@click.option("--part", type=click.Choice(["train", "test"]), help="Of data with both, for a format that holds one.")
@click.option("--compress", is_flag=True, help="HDF5 by gzip, NPZ by DEFLATE, Parquet and Arrow by zstd.")
@click.option("--chunk-rows", type=Whole(1), metavar="N", help="For HDF5: rows in a chunk.")
@click.option("--force", is_flag=True, help="Overwrite OUT.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def data_convert(
    data: str,
    out: Path,
    part: str | None,
    compress: bool,
    chunk_rows: int | None,
    force: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Write DATA to the file OUT, of the format that its name tells.

    That is .h5, .npz, .csv or .tsv (also .gz), .parquet, .arrow, or MNIST's idx: train-images-idx3-ubyte.gz, with the
    labels beside it. OUT takes its name when all of it is written, and not before.
    """
    say = Printer(quiet=as_json)
    for path in outputs_of(out):
        refuse_input(path, [data], "choose another file")
        if path.is_dir() or not path.parent.is_dir():
            raise OutputError(f"{path} cannot be written: it is a folder, or is to be in none; choose another file")
        if path.exists() and not force:
            raise OutputError(f"{path} is there already; choose another file or overwrite it with --force")
    options = Options(part=part, compress=compress, chunk_rows=chunk_rows)
    with _Progress(say) as progress:
        written = convert(data, out, Request(**asked), options, progress)
    for line in written:
        say(labelled("wrote", line))
    say(labelled("to", str(out)))
    if as_json:
        say.write(json_text({"version": __version__, "data": data, "out": str(out), "written": written}))
    say.close()


class _Progress:
    """A bar on a terminal, elsewhere a line every few seconds."""

    def __init__(self, say: Printer) -> None:
        self._say = say
        self._bar: Progress | None = None
        self._last = time.monotonic()

    def __enter__(self) -> "_Progress":
        if sys.stdout.isatty() and not self._say.quiet:
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            columns = (TextColumn("converting"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, transient=True)
            self._task = self._bar.add_task("converting", total=None)
            with self._say.guarded():
                self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            with self._say.guarded():
                self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)
        elif time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            self._say(labelled("", f"{done / max(total, 1):.0%} done"))
