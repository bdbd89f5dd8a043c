"""A folder of a run is worked on by one process at a time."""

import os
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from ..errors import OutputError

LOCK = ".lock"
FAR = 1 << 30
"""The byte that Windows locks, beyond all that is written: there, what is locked cannot be read."""

ATTEMPTS, PAUSE = 3, 0.05


class Lock:
    """Held by the operating system for as long as the process lives, so that a dead one holds nothing.

    Parameters
    ----------
    folder : Path
        It has to be there.

    Raises
    ------
    OutputError
        If another process works on the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        for attempt in count():
            stream = self._opened()
            if not _locked(stream):
                if attempt < ATTEMPTS:  # it may be somebody who looks whether it can be taken
                    stream.close()
                    time.sleep(PAUSE)
                    continue
                stream.seek(0)
                holder = stream.read(20).decode("ascii", "replace").strip()
                stream.close()
                raise OutputError(
                    f"{folder} is worked on by another process{f', {holder}' if holder else ''}; wait for its end or "
                    "end it"
                )
            if self._is_still_there(stream):
                break
            stream.close()  # whoever held it has removed the file meanwhile
        self._stream: BinaryIO | None = stream
        stream.seek(0)
        stream.truncate()
        with suppress(OSError):  # on a full disk nobody learns the number, which is no more than a courtesy
            stream.write(str(os.getpid()).encode())
            stream.flush()

    def release(self) -> None:
        """Let others have the folder."""
        stream, self._stream = self._stream, None
        if stream is not None:
            if os.name == "posix":  # elsewhere a file that is open cannot be removed
                with suppress(OSError):
                    self._path.unlink(missing_ok=True)
            with suppress(OSError):
                stream.close()
            if os.name != "posix":
                with suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def _opened(self) -> BinaryIO:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise OutputError(
                f"{self._path} cannot be written: {error.strerror or error}; choose a folder that can be written"
            ) from None
        return os.fdopen(descriptor, "r+b")

    def _is_still_there(self, stream: BinaryIO) -> bool:
        try:
            return os.path.samestat(os.fstat(stream.fileno()), self._path.stat())
        except OSError:
            return False


def is_locked(folder: Path) -> bool:
    """Whether a process works on the folder."""
    path = folder / LOCK
    try:
        with path.open("r+b") as stream:
            return not _locked(stream)
    except OSError:
        return False


if os.name == "nt":
    import msvcrt

    def _locked(stream: BinaryIO) -> bool:
        """Whether the lock could be taken."""
        stream.seek(FAR)
        try:
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(stream: BinaryIO) -> bool:
        """Whether the lock could be taken."""
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system that knows no locks
        return True
