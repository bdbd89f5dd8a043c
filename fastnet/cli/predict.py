"""``fastnet predict``: a saved network's answers, one line a sample, block by block."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO

import click

from .. import Network, Preparation
from ..data.blocks import INPUTS, Block, prediction_blocks
from ..errors import DataError, OutputError
from ..files import written_atomically
from ..scoring.columns import Columns, answer_columns
from .engines import load_engine
from .inputs import refuse_input
from .models import load_model, model_file
from .option_types import Names
from .options import DATA_HELP, activations_option, x_option
from .output import Printer, counted, json_text
from .own_activations import read_activations
from .writers import FORMATS, plain, writer_for

BACKEND = "jit"
STANDARD = "-"


@click.command(epilog=f"{DATA_HELP} {STANDARD} is standard input.")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@x_option
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE instead of standard output."
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option(
    "--format",
    "form",
    type=click.Choice(sorted(set(FORMATS.values()))),
    help="How to write the answers; by default what FILE's name says, else csv.",
)
@click.option(
    "--input-format",
    type=click.Choice(INPUTS),
    help="What DATA is; by default what its name says, csv with a header from standard input.",
)
@click.option(
    "--keep", type=Names(), default="", metavar="COLUMN,...", help="Columns of a table to copy, such as names of rows."
)
@activations_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object instead of CSV.")
@click.pass_context
def predict(
    ctx: click.Context,
    /,
    model: Path,
    data: str,
    x: str | None,
    out: Path | None,
    force: bool,
    form: str | None,
    input_format: str | None,
    keep: tuple[str, ...],
    activations: Path | None,
    as_json: bool,
) -> None:
    """Write the answers of the saved network MODEL for DATA.

    A classifier gives the label, its probability and the probability of each class; with several labels a sample, 0 or
    1 and a probability for each. Others give numbers in the units that the training data had. Answers that DATA may
    hold itself are set aside.

    Tables, folders of pictures, HDF5 and NPY files are read, answered and written some rows at a time, so they may be
    larger than the memory. FILE is there when all of it is written, and not before.
    """
    if as_json and form is not None:
        raise click.UsageError("--json and --format cannot both be given; choose one of them", ctx)
    if out is not None:
        check_output(out, [model_file(model), data], force=force)
        form = form or ("csv" if as_json else format_of(out))
    network = load_model(model, read_activations(activations))
    load_engine(BACKEND, network.dtype.name, "predict")
    say = Printer(quiet=as_json)
    blocks = answered(network, data, x=x, keep=keep, input_format=input_format)
    with blocks_shown(blocks, shown=out is not None and not as_json) as some:
        if as_json:
            count = write_object(say, some, out, model, "standard input" if data == STANDARD else data)
        else:
            count = write_rows(say, some, out, form or "csv")
    if out is not None:
        say(f"{counted(count, 'answer')} written to {out}")
    say.close()


def check_output(
    out: Path, inputs: Sequence[str | Path], *, force: bool, instead: str = "another file with -o"
) -> None:
    """Refuse a file that cannot or must not be written, before anything is computed.

    Raises
    ------
    OutputError
        If it is a folder, one of the inputs, or there already without ``force``.
    """
    if out.is_dir():
        raise OutputError(f"{out} is a folder where a file is needed; name a file in it, such as {out / 'answers.csv'}")
    if not out.parent.is_dir():
        raise OutputError(f"{out} cannot be written: there is no folder {out.parent}; make it or choose {instead}")
    refuse_input(out, inputs, f"choose {instead}")
    if out.exists() and not force:
        raise OutputError(f"{out} is there already; choose {instead} or overwrite it with --force")


def format_of(out: Path) -> str:
    """The format that a file's name says; csv for a name that says none.

    Raises
    ------
    OutputError
        The name says a format that is not written.
    """
    suffix = out.suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    if suffix not in ("", ".txt"):
        raise OutputError(
            f"{out}: no answers are written as {suffix}; name a file that ends in {', '.join(FORMATS)}, or say by "
            "--format what to write"
        )
    return "csv"


def nothing_done(network: Network) -> Preparation:
    """A preparation that takes features as they are, for a network that was saved without one."""
    return Preparation(input_shape=network.input_shape, task="regression", scaling="none")


def answered(
    network: Network, data: str, *, x: str | None, keep: Sequence[str], input_format: str | None
) -> Iterator[Columns]:
    """The answers for all data, some samples at a time, after the columns that are kept.

    Raises
    ------
    DataError
        If the data cannot be used, or a column is kept that is called as the answers are.
    """
    preparation = network.preparation or nothing_done(network)
    stream: IO[bytes] | None = None
    source = data
    if data == STANDARD:
        stream, source = sys.stdin.buffer, "standard input"
        input_format = input_format or "csv"
    blocks: Iterator[Block] = prediction_blocks(source, preparation, x=x, keep=keep, format=input_format, stream=stream)
    for block in blocks:
        X = preparation.samples(block.X, source=block.source, dtype=network.dtype)
        answers = answer_columns(network, X, BACKEND)
        for name in block.kept:
            if name in answers:
                raise DataError(f"{source}: the column '{name}' to keep is called as the answers are; rename it")
        yield block.kept | answers


def write_rows(say: Printer, blocks: Iterator[Columns], out: Path | None, form: str) -> int:
    """Write the answers, and give how many there are.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    count = 0
    where: AbstractContextManager[IO[bytes]] = (
        nullcontext(sys.stdout.buffer) if out is None else written_atomically(out)
    )
    with where as stream:
        writer = writer_for(form, stream)
        try:
            for columns in blocks:
                count += len(next(iter(columns.values())))
                if out is not None:
                    writer.write(columns)
                    continue
                with say.guarded():
                    writer.write(columns)
                if say.failure is not None:
                    writer.drop()
                    return count  # nobody reads on, or nothing can be written: no more need be computed
            if out is not None:
                writer.close()
                return count
        except BaseException:
            writer.drop()
            raise
        with say.guarded():
            writer.close()
            stream.flush()
    return count


def write_object(say: Printer, blocks: Iterator[Columns], out: Path | None, model: Path, source: str) -> int:
    """Write all answers as one JSON object, and give how many there are.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    header: list[str] = []
    rows: list[tuple[object, ...]] = []
    for columns in blocks:
        header = list(columns)
        rows += zip(*map(plain, columns.values()), strict=True)
    text = json_text({"model": str(model), "data": source, "columns": header, "rows": rows})
    if out is None:
        say.write(text)
    else:
        with written_atomically(out) as stream:
            stream.write(text.encode())
    return len(rows)


@contextmanager
def blocks_shown(blocks: Iterator[Columns], *, shown: bool) -> Iterator[Iterator[Columns]]:
    """The blocks, with a line on a terminal that says how many answers there are so far."""
    if not shown or not sys.stderr.isatty():
        yield blocks
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} answers"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("answers", total=None)

        def counting() -> Iterator[Columns]:
            for some in blocks:
                yield some
                progress.advance(task, len(next(iter(some.values()))))

        yield counting()
