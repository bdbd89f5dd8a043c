"""Writing files so that nothing is lost."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import FastnetError, OutputError

PAUSES: tuple[float, ...] = (0.01, 0.1, 0.5) if os.name == "nt" else ()
"""Seconds to wait where a file cannot be renamed: on Windows while another program (a virus scanner) reads it."""


def write_atomically(path: Path, content: bytes | memoryview, previous: Path | None = None) -> None:
    """Write ``content`` to ``path``: to a temporary file beside it, flushed to the disk and then renamed.

    Parameters
    ----------
    path : Path
    content : bytes or memoryview
    previous : Path or None
        What the file that was at ``path`` is called from then on; None lets the new one take its place. (Whoever is
        killed between the two leaves a whole file at ``previous`` and none at ``path``.)

    Raises
    ------
    OutputError
        If it cannot be written; what was at ``path`` before is untouched and no part of a file stays behind.
    """
    with written_atomically(path, previous) as stream:
        stream.write(content)


@contextlib.contextmanager
def written_atomically(path: Path, previous: Path | None = None) -> Iterator[IO[bytes]]:
    """A stream for what ``write_atomically`` would write at once, of which parts can be written as they are made.

    Whatever is raised while it is written, nothing takes the place of what was at ``path``.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    if not path.name:
        raise OutputError(f"{str(path)!r} cannot be written: it names no file; give a file's path")
    with _temporary(path, previous) as temporary, temporary.open("xb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` to write to, which takes its place if all goes well and else is removed.

    Raises
    ------
    OutputError
        If it cannot be written; what was at ``path`` before is untouched and no part of a file stays behind.
    """
    with _temporary(path) as temporary:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())


@contextlib.contextmanager
def _temporary(path: Path, previous: Path | None = None) -> Iterator[Path]:
    """Beside ``path``; takes its place if all goes well, and is removed otherwise."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if previous is not None and path.exists():
            _rename(path, previous)
        _rename(temporary, path)
    except FastnetError:
        raise  # what went wrong is not the writing
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; choose a folder that can be written and has room"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _flush_names(path.parent)


def _rename(path: Path, target: Path) -> None:
    for pause in PAUSES:
        try:
            path.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    path.replace(target)


def remove_leftovers(path: Path) -> None:
    """Remove what processes that were killed while they wrote ``path`` have left beside it."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        with contextlib.suppress(OSError):
            leftover.unlink()


def _flush_names(folder: Path) -> None:
    """Let the renaming outlast a power cut too, where a folder can be flushed: on POSIX."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
