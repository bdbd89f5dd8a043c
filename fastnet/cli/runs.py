"""``fastnet runs``: what trainings came to, and what sets them apart."""

import sys
import textwrap
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..errors import ConfigurationError
from .about import ABOUT, AboutError, read_about
from .destination import CHECKPOINT, CONFIGURATION, HISTORY
from .locks import is_locked
from .option_types import Names
from .output import Printer, json_text, table
from .output import seconds as in_seconds
from .tables import fitting, room, show

OWN = ("name", "data", "epochs", "state", "seconds", "started")
"""The columns that every run has; beside them are what was measured."""
PARTS = {"train": "", "validation": "val_", "test": "test_"}
"""What a part's measures are called by."""


@dataclass
class Found:
    """One run.

    Attributes
    ----------
    folder : Path
    state : str
        How it ended, "running", "killed", or "damaged".
    problem : str or None
        What is wrong with it.
    measures : dict of str to float
        Of the model that is kept, or of the last epoch in ``history.csv`` where the training did not end.
    configuration : dict
    """

    folder: Path
    data: str = ""
    done: int | None = None
    planned: int | None = None
    state: str = "damaged"
    started: str = ""
    seconds: float | None = None
    problem: str | None = None
    measures: dict[str, float] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)

    def value(self, column: str) -> Any:
        """What stands in that column, to sort by."""
        own = {"name": str(self.folder), "epochs": self.done}
        return self.measures.get(column) if column not in OWN else own.get(column, getattr(self, column, None))

    def cell(self, column: str) -> str:
        """What stands in that column, to print."""
        if column == "epochs":
            return "" if self.done is None else f"{self.done}/{self.planned}"
        value = self.value(column)
        if value is None:
            return ""
        if column == "seconds":
            return in_seconds(value)
        if column not in OWN:
            return f"{value:.2%}" if column.endswith("accuracy") else f"{value:.6g}"
        return str(value)


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
@click.option("--sort", metavar="COLUMN", help="Order by a column, such as val_loss; by default by name.")
@click.option(
    "--columns",
    "asked",
    type=Names(),
    default="",
    metavar="COLUMN,...",
    help="Show these, whatever room there is; by default what fits the terminal, and all elsewhere.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def runs(folders: tuple[Path, ...], sort: str | None, asked: tuple[str, ...], as_json: bool) -> None:
    """List the runs in FOLDERs, by default those in runs; of several that are named, show also what their
    configurations differ in.

    loss and accuracy are those of the model that is kept, on the training data; val_ those on what was held out, test_
    those on the test data. Of a run that has not ended they are those of its last epoch. "killed" is a run that ended
    without a word: `fastnet resume` goes on with it.
    """
    found = [read_run(folder) for folder in _runs_in(folders or (Path("runs"),))]
    measured = list(dict.fromkeys(column for run in found for column in run.measures))
    every = [*OWN[:4], *measured, *OWN[4:]]
    for option, name in (("--sort", sort), *(("--columns", name) for name in asked)):
        if name is not None and name not in every:
            raise ConfigurationError(f"{option} {name} is no column of these runs; choose one of {', '.join(every)}")
    if sort is not None:
        last = {id(run): run.value(sort) in (None, "") for run in found}  # a damaged run tells little of itself
        found.sort(key=lambda run: (last[id(run)], 0 if last[id(run)] else run.value(sort)))
    say = Printer(quiet=as_json)
    named = [run for run in found if run.folder in folders and run.configuration]
    differing = differences(named) if len(named) > 1 else {}
    if not found:
        say("there are no runs here; `fastnet train` makes one")
    else:
        shown = [run for run in found if run.problem is None]
        columns = list(dict.fromkeys(("name", *asked))) if asked else every
        if shown:
            cells = [[run.cell(column) for column in columns] for run in shown]
            list_them(say, columns, cells, sort, whole=bool(asked))
        for run in found:
            if run.problem is not None:
                say(f"damaged: {run.problem}")
        if differing:
            header = ["what differs", *(str(run.folder) for run in named)]
            rows = [[name, *(_text(value) for value in values)] for name, values in differing.items()]
            if sys.stdout.isatty():
                show(say, "", header, rows)
            else:
                say("")
                list_them(say, header, rows, None, whole=True)
    if as_json:
        say.write(json_text({"version": __version__, "runs": [_plain(run) for run in found], "differ": differing}))
    say.close()


def list_them(
    say: Printer, columns: Sequence[str], rows: Sequence[Sequence[str]], sort: str | None, *, whole: bool
) -> None:
    """Print lines in columns: on a terminal those that fit, unless the whole is wanted; elsewhere always all."""
    places = list(range(len(columns)))
    if sys.stdout.isatty() and not whole:
        measured = [column for column in columns if column not in OWN]
        # What was held out says more of a run than what it was trained on.
        measured.sort(key=lambda column: not column.startswith(("val_", "test_")))
        first = ["name", "state", *([sort] if sort is not None else []), *measured]
        places = fitting(columns, rows, list(dict.fromkeys([*first, "epochs", "data", "seconds", "started"])))
    for line in table([columns[place] for place in places], [[row[place] for place in places] for row in rows]):
        say(line.rstrip())
    left = [name for place, name in enumerate(columns) if place not in places]
    if left:
        text = f"no room for {', '.join(left)}; --columns {','.join(left[:2])} shows what it names, a pipe shows all"
        for line in textwrap.wrap(text, room(), break_on_hyphens=False):
            say(line)


def read_run(folder: Path) -> Found:
    """What the folder of a run says; what is damaged is told in ``problem``."""
    run = Found(folder)
    try:
        about = read_about(folder)
        run.configuration = _configuration(folder)
        history = _last_row(folder / HISTORY)
        run.data = Path(str(about["data"]["data"]["name"])).name
        done = history.pop("epoch", 0)
        run.planned, run.done = int(about["planned"]), int(about.get("epochs") or done)
        run.started = str(about["started"])
        run.seconds = history.pop("seconds", None)
        history.pop("learning_rate", None)
        run.state = about["state"] or ("running" if is_locked(folder) else "killed")
        scores = about.get("scores") or {}
        measured = {
            f"{prefix}{name}": float(value)
            for part, prefix in PARTS.items()
            for name, value in (scores.get(part) or {}).items()
            if isinstance(value, int | float) and name != "samples"
        }
        run.measures = measured or history
    except (AboutError, ConfigurationError) as error:
        run.problem, run.state = str(error), "damaged"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        run.problem, run.state = f"{folder / ABOUT} does not describe a run ({error!r})", "damaged"
    return run


def differences(found: Sequence[Found]) -> dict[str, list[Any]]:
    """The options in which the configurations of runs are not all the same, each with a value a run."""
    names = dict.fromkeys(name for run in found for name in run.configuration)
    values = {name: [run.configuration.get(name) for run in found] for name in names}
    return {name: each for name, each in values.items() if any(value != each[0] for value in each)}


def _runs_in(folders: Sequence[Path]) -> list[Path]:
    """The folders that are runs, and the runs in the others.

    Raises
    ------
    ConfigurationError
        If a folder is not there.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            if folders == (Path("runs"),):
                continue
            raise ConfigurationError(f"there is no folder {folder}; name a run or a folder with runs")
        if _is_run(folder):
            found.append(folder)
        else:
            found += sorted(inner for inner in folder.iterdir() if inner.is_dir() and _is_run(inner))
    return list(dict.fromkeys(found))


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in (ABOUT, CONFIGURATION, CHECKPOINT))


def _configuration(folder: Path) -> dict[str, Any]:
    path = folder / CONFIGURATION
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error})") from None


def _last_row(path: Path) -> dict[str, float]:
    """The last whole row of ``history.csv`` by column, with the seconds of all; nothing if there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return {}
    header, rows = lines[0].split(","), [line.split(",") for line in lines[1:-1]]
    try:
        last = dict(zip(header, map(float, rows[-1]), strict=True))
        return last | {"seconds": sum(float(row[-1]) for row in rows)}
    except (IndexError, ValueError):
        return {}


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _plain(run: Found) -> dict[str, Any]:
    names = ("data", "done", "planned", "state", "started", "seconds", "problem", "measures", "configuration")
    return {"name": str(run.folder), **{name: getattr(run, name) for name in names}}
