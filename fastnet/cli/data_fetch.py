"""``fastnet data fetch``: a well-known data set, downloaded or copied, and checked."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import __version__
from ..data.catalogue import CATALOGUE, folder_of
from ..data.fetch import fetch
from .output import Printer, json_text, labelled

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SECONDS_BETWEEN_LINES = 5.0


@click.command("fetch")
@click.argument("name", type=click.Choice(list(CATALOGUE)))
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="By default where `train NAME` looks.",
)
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Copy the files from there instead of downloading them; they are checked all the same.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def data_fetch(name: str, folder: Path | None, source: Path | None, as_json: bool) -> None:
    """Get the data set NAME, so that `fastnet train NAME` finds it.

    Every file is checked by its SHA-256. A download that was cut goes on where it ended when the command is run again;
    HTTP_PROXY and HTTPS_PROXY are followed. Without a network, the message says which files to put where.
    """
    collection, say = CATALOGUE[name], Printer(quiet=as_json)
    chosen = folder_of(name) if folder is None else folder
    try:
        with _Progress(say) as progress:
            got = fetch(collection, chosen, source=source, watcher=progress)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; run the same command again to go on") from None
    for one in got:
        origin = f" from {one.address}" if one.address else " there already" if one.how == "kept" else ""
        say(labelled(one.how, f"{one.path.name}{origin}"))
    say(labelled("in", str(chosen)))
    if folder is None:
        say(labelled("next", f"fastnet train {name}"))
    if as_json:
        files = [{"path": str(one.path), "how": one.how, "address": one.address} for one in got]
        say.write(json_text({"version": __version__, "name": name, "folder": str(chosen), "files": files}))
    say.close()


class _Progress:
    """A bar for each file on a terminal; elsewhere a line when a file is whole, and every few seconds before."""

    def __init__(self, say: Printer) -> None:
        self._say = say
        self._bars: dict[str, TaskID] = {}
        self._shown: Progress | None = None
        self._last = time.monotonic()

    def __enter__(self) -> "_Progress":
        if sys.stdout.isatty() and not self._say.quiet:
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
            self._shown = Progress(*columns, transient=True)
            with self._say.guarded():
                self._shown.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown is not None:
            with self._say.guarded():
                self._shown.stop()

    def __call__(self, name: str, done: int, total: int | None) -> None:
        if self._shown is None:
            if done == total or time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
                self._last = time.monotonic()
                of = "" if total is None else f" of {total:,}"
                self._say(labelled("", f"{name}: {done:,}{of} bytes"))
            return
        if name not in self._bars:
            self._bars[name] = self._shown.add_task(name, total=total)
        self._shown.update(self._bars[name], completed=done, total=total)
