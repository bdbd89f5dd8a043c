"""The folder of a run: checked before the training, never overwritten unasked, and left such that it can go on."""

import contextlib
import re
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ..callbacks import Callback
from ..errors import OutputError
from ..files import remove_leftovers, write_atomically
from ..network import MODEL, Network
from ..saving import Checkpoint
from .about import ABOUT, About, now, write_about
from .config import to_toml
from .history_file import HistoryFile
from .inputs import refuse_input
from .locks import Lock
from .settings import Settings
from .undisturbed import Undisturbed, Writing

CONFIGURATION = "config.toml"
CHECKPOINT = "checkpoint.h5"
PREVIOUS = "checkpoint.previous.h5"
HISTORY = "history.csv"
FILES = (MODEL, CONFIGURATION, ABOUT, HISTORY, CHECKPOINT, PREVIOUS)


@dataclass(frozen=True)
class Outcome:
    """How a training ended, as ``about.json`` has it.

    Attributes
    ----------
    state : str
        "finished", "stopped early", "interrupted", "diverged" or "failed".
    epochs : int or None
        That were done; None if ``history.csv`` has to tell.
    reason : str or None
        Why it ended before its last epoch.
    """

    state: str
    epochs: int | None
    reason: str | None = None


class Destination:
    """A folder of a run, of which no other process makes one meanwhile.

    Parameters
    ----------
    folder : Path
        It has to be there.
    is_new : bool
        Whether it goes if nothing comes into it.

    Raises
    ------
    OutputError
        If another process works on the folder.
    """

    def __init__(self, folder: Path, *, is_new: bool = False) -> None:
        self.folder, self._is_new = folder, is_new
        self._lock = Lock(folder)
        self._has_begun = False
        self._writing = Writing()
        self._about: About = {}
        self._is_saved = False

    @classmethod
    def make(cls, folder: Path | None, *, force: bool, data: str, inputs: Iterable[str | Path] = ()) -> "Destination":
        """The folder of a new run, which can be written.

        Parameters
        ----------
        folder : Path or None
            None makes a new one in ``runs``, named for the time and the data.
        force : bool
            Whether what another run left in it may be overwritten.
        data : str
            What is trained on.
        inputs : iterable of str or Path
            All that the training reads; it is not overwritten even by force.

        Raises
        ------
        OutputError
            If the folder cannot be made or written, holds what would be overwritten, or another process works on it.
        """
        wanted = folder or Path("runs") / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{_plain(data)}"
        try:
            is_new = folder is None or not folder.exists()
            made = _new_folder(wanted) if folder is None else wanted
            made.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=made):
                pass
        except FileExistsError:
            raise OutputError(f"{wanted} is a file where a folder is needed; choose another with --out") from None
        except OSError as error:
            raise OutputError(
                f"{wanted}: the folder cannot be made or written ({error.strerror or error}); choose another with --out"
            ) from None
        given = list(inputs)
        for name in FILES:
            refuse_input(made / name, given, "choose another folder with --out")
            if (made / name).exists() and not force:
                raise OutputError(
                    f"{made / name} is there already; choose another folder with --out or overwrite it with --force"
                )
        return cls(made, is_new=is_new)

    @property
    def can_go_on(self) -> bool:
        """Whether a killed training could be resumed from what is there."""
        return (self.folder / CHECKPOINT).exists() or (self.folder / PREVIOUS).exists()

    def begin(self, settings: Settings, about: About) -> None:
        """Write what is known before the training, so that it can be done again if it is killed. What an earlier run
        left is put aside till this one's model is saved: it would be taken for this one's.

        Raises
        ------
        OutputError
            If something cannot be written.
        """
        self._has_begun = True
        there = [name for name in FILES if (self.folder / name).exists()]
        try:
            if there:
                self._forget_before()
            for name in there:
                (self.folder / name).replace(self._aside(name))
        except OSError as error:
            raise OutputError(
                f"what is in {self.folder} cannot be put aside: {error.strerror or error}; choose another folder with "
                "--out"
            ) from error
        self.write_configuration(settings)
        self.note(about)

    def go_on(self, settings: Settings, about: About) -> None:
        """Write what has changed of what was known, before a training is resumed.

        Raises
        ------
        OutputError
            If something cannot be written.
        """
        for name in FILES:
            remove_leftovers(self.folder / name)
        self.write_configuration(settings)
        self.note(about)

    def write_configuration(self, settings: Settings) -> None:
        """Write the configuration that repeats the training."""
        configuration = to_toml(settings.resolved()).encode("utf-8", "surrogateescape")
        write_atomically(self.folder / CONFIGURATION, configuration)

    def note(self, about: About) -> None:
        """Write what is known of the run."""
        self._about = about
        write_about(self.folder, about)

    def watchers(self, every: int | str) -> list[Callback]:
        """What keeps a training that is under way."""
        checkpoint = Checkpoint(self.folder / CHECKPOINT, every=every, previous=self.folder / PREVIOUS)
        return [Undisturbed([HistoryFile(self.folder / HISTORY), checkpoint], self._writing)]

    def save(self, network: Network) -> Path:
        """Write the model; its path is returned.

        Raises
        ------
        OutputError
            If it cannot be written; it is then kept in the system's folder for temporary files.
        """
        model = self.folder / MODEL
        try:
            network.save(model)
        except OutputError as error:
            raise OutputError(f"{error}; {self.keep_elsewhere(network)}") from error
        self._is_saved = True
        with contextlib.suppress(OSError):
            self._forget_before()
        return model

    @staticmethod
    def keep_elsewhere(network: Network) -> str:
        """Save the model in the system's folder for temporary files, and say where."""
        try:
            kept = Path(tempfile.mkdtemp(prefix="fastnet-")) / MODEL
            network.save(kept)
        except OSError:
            return "nor could the trained model be kept in the system's folder for temporary files"
        return f"the trained model is kept in {kept}"

    def end(self, outcome: Outcome, scores: dict[str, object]) -> None:
        """Write how the training ended and what was measured of the model that is kept.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        ended = {"ended": now(), "state": outcome.state, "epochs": outcome.epochs, "reason": outcome.reason}
        self.note({**self._about, **ended, "scores": scores})

    def discard(self) -> None:
        """Let others have the folder; if nothing was saved in it that a training can go on from, leave it as it was."""
        with self._writing.ended() as is_quiet:
            if is_quiet and not (self._is_saved or self.can_go_on):
                with contextlib.suppress(OSError):
                    for name in (CONFIGURATION, ABOUT, HISTORY) if self._has_begun else ():
                        (self.folder / name).unlink(missing_ok=True)
                    for name in FILES if self._has_begun else ():
                        if self._aside(name).exists():
                            self._aside(name).replace(self.folder / name)
                    for name in FILES:
                        remove_leftovers(self.folder / name)
        self._lock.release()
        if self._is_new:
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def _aside(self, name: str) -> Path:
        """Where a file of an earlier run is put."""
        return self.folder / f"{name}.before"

    def _forget_before(self) -> None:
        for name in FILES:
            self._aside(name).unlink(missing_ok=True)


def _plain(data: str) -> str:
    return re.sub(r"[^\w-]+", "-", Path(data).stem).strip("-") or "data"


def _new_folder(wanted: Path) -> Path:
    """Make a folder of this name or, where another training has it, with a number after it."""
    for n in count(1):
        folder = wanted if n == 1 else wanted.with_name(f"{wanted.name}-{n}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise AssertionError
