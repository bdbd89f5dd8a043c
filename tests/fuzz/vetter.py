"""The process that vets HDF5 files, kept for many files: starting one for each would take most of the time."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fastnet.data import vetting

_SECONDS = 3.0
_MOST = 5000
"""Files for one process: what the library leaks over damaged ones adds up."""


def _serve(connection: Connection) -> None:
    import h5py  # noqa: F401 - before the limit, for it is no part of a file

    vetting.limit(10**6)
    try:
        while True:
            connection.send(vetting.look(Path(connection.recv())))
    except EOFError:
        return


class Vetter:
    """Stands in for `vetting.ask`."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._asked = 0

    def __call__(self, path: Path, seconds: float) -> str:
        """What is wrong with a file."""
        if self._process is None or self._asked >= _MOST:
            self._start()
        self._asked += 1
        try:
            self._connection.send(str(path))
            if self._connection.poll(_SECONDS):
                return str(self._connection.recv())
            complaint = vetting.ENDLESS
        except (EOFError, OSError):
            complaint = vetting.CRASHED
        self._end()
        return complaint

    def _start(self) -> None:
        if self._process is not None:
            self._end()
        self._connection, other = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self._asked = 0
        self._connection.send("/nowhere")  # its imports are not any file's time
        self._connection.recv()

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()
        self._process = None


def vetted_by(vetter: Callable[[Path, float], str], read: Callable[[Path], None]) -> Callable[[Path], None]:
    """Read with a vetter; what is remembered of one file says nothing of the next of the same name."""

    def reading(path: Path) -> None:
        vetting.forget()
        read(path)

    vetting.ask = vetter  # type: ignore[assignment]
    return reading
