"""``fastnet warmup``: compile ahead all that later runs would wait for."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from ..signals import heard_by
from .output import Printer, json_text, labelled, seconds
from .signals import leave

DTYPES = ("float32", "float64")


@click.command(context_settings={"show_default": True})
@click.option(
    "--dtype", type=click.Choice([*DTYPES, "all"]), default="all", help="The float type to compile for, or both."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def warmup(dtype: str, as_json: bool) -> None:
    """Compile all kernels ahead, so that no later run on this machine has to.

    Without it, the first run compiles what it needs. What is compiled is kept in the user's cache folder, or in the one
    that FASTNET_CACHE_DIR names, until fastnet, Numba or Python changes.
    """
    # Numba is imported in here, which takes a moment.
    from fastnet_kernels.jit.ahead import SECONDS

    from .. import __version__
    from ..backends import compile_ahead, kernel_cache

    say = Printer(quiet=as_json)
    folder = kernel_cache()
    say(labelled("cache", str(folder)))
    dtypes = DTYPES if dtype == "all" else (dtype,)
    results = []
    with progress(say, len(dtypes) * len(SECONDS)) as tell:
        for name, number, took in compile_ahead(dtypes):
            results.append({"name": name, "dtype": number, "compiled": took is not None, "seconds": took or 0.0})
            what = "already compiled" if took is None else f"compiled in {seconds(took)}"
            tell(labelled(name, f"{number}  {what}"))
    if as_json:
        say.write(json_text({"version": __version__, "cache": str(folder), "entry_points": results}))
    say.close()


@contextmanager
def progress(say: Printer, steps: int) -> Iterator[Callable[[str], None]]:
    """A function that prints the line of each step when it is done: above a bar on a terminal, else alone.

    Ctrl-C ends the process at once, as nothing else ends a compilation; what is compiled by then is kept.
    """
    words = "interrupted; what is compiled already is kept"
    if say.quiet or not sys.stdout.isatty():
        with heard_by(lambda number, frame: leave(words)):
            yield say
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("compiling"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, transient=True)
    task = bar.add_task("compiling", total=steps)

    def stop() -> None:
        with say.guarded():
            bar.stop()

    def tell(line: str) -> None:
        with say.guarded():
            bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
            bar.advance(task)

    with heard_by(lambda number, frame: leave(words, stop)):
        with say.guarded():
            bar.start()
        try:
            yield tell
        finally:
            stop()
