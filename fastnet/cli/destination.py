"""Where a training leaves its model and configuration: checked before it starts, never overwritten unasked."""

import contextlib
import re
import tempfile
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from ..errors import OutputError
from ..files import write_atomically
from ..network import MODEL, Network
from .config import to_toml
from .inputs import refuse_input
from .settings import Settings

CONFIGURATION = "config.toml"


class Destination:
    """A folder that can be written.

    Parameters
    ----------
    folder : Path or None
        None makes a new one in ``runs``, named for the time and the data.
    force : bool
        Whether a model or configuration in it may be overwritten.
    data : str
        What is trained on.
    inputs : iterable of str or Path
        All that the training reads; it is not overwritten even by force.

    Raises
    ------
    OutputError
        If the folder cannot be made or written, or holds what would be overwritten.
    """

    def __init__(self, folder: Path | None, *, force: bool, data: str, inputs: Iterable[str | Path] = ()) -> None:
        wanted = folder or Path("runs") / f"{time.strftime('%Y-%m-%d-%H%M%S')}-{_plain(data)}"
        try:
            self._is_new = folder is None or not folder.exists()
            self.folder = _new_folder(wanted) if folder is None else wanted
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except FileExistsError:
            raise OutputError(f"{wanted} is a file where a folder is needed; choose another with --out") from None
        except OSError as error:
            raise OutputError(
                f"{wanted}: the folder cannot be made or written ({error.strerror or error}); choose another with --out"
            ) from None
        given = list(inputs)
        for name in (MODEL, CONFIGURATION):
            refuse_input(self.folder / name, given, "choose another folder with --out")
            if (self.folder / name).exists() and not force:
                raise OutputError(
                    f"{self.folder / name} is there already; choose another folder with --out or overwrite it "
                    "with --force"
                )

    def save(self, network: Network, settings: Settings) -> Path:
        """Write the model and the configuration that made it; the model's path is returned.

        Raises
        ------
        OutputError
            If they cannot be written; the model is then kept in the system's folder for temporary files.
        """
        model = self.folder / MODEL
        try:
            network.save(model)
            configuration = to_toml(settings.resolved()).encode("utf-8", "surrogateescape")
            write_atomically(self.folder / CONFIGURATION, configuration)
        except OutputError as error:
            kept = Path(tempfile.mkdtemp(prefix="fastnet-")) / MODEL
            network.save(kept)
            raise OutputError(f"{error}; the trained model is kept in {kept}") from error
        return model

    def discard(self) -> None:
        """Remove the folder if it was made for this training and nothing was saved in it."""
        if self._is_new:
            with contextlib.suppress(OSError):
                self.folder.rmdir()


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
