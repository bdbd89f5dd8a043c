"""Writing files so that nothing is lost."""

import contextlib
import os
import secrets
from pathlib import Path

from .errors import OutputError


def write_atomically(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``: to a temporary file beside it, flushed to the disk and then renamed.

    Raises
    ------
    OutputError
        If it cannot be written; what was at ``path`` before is untouched and no part of a file stays behind.
    """
    if not path.name:
        raise OutputError(f"{str(path)!r} cannot be written: it names no file; give a file's path")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written: {error.strerror or error}; choose a folder that can be written and has room"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
