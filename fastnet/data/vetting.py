"""HDF5 files that nobody vouches for are read once by a process of their own before this one opens them.

The HDF5 library is written in C and trusts what a file says of itself: with a few bytes changed it writes where it must
not, never ends, or takes all of the memory (``docs/fuzzing.md``). What happens to the other process then happens to
nobody: the file is refused.
"""

import math
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fastnet_kernels.machine import can_start_python

from ..errors import DataError
from .limits import declares_too_much

if TYPE_CHECKING:
    import h5py

_LARGEST_PIECE = 256 * 2**20
"""Bytes of a chunk or of one sample: what the library holds at once."""
_BLOCK = 16 * 2**20
_ROOM = 768 * 2**20
"""Bytes that the other process may take, beside what it starts with."""
SECONDS, _BYTES_A_SECOND = 5.0, 5e6
"""Of the processor's time: what any file may take, and how fast even a slow machine reads a large one."""
_PATIENCE = 10.0
"""How much longer a busy machine may take for it."""
_REFUSED = 3
_READY = b"looking\n"
"""What the other process says before it looks at the file: what happens sooner is not the file's fault."""

_vetted: set[tuple[str, int, int]] = set()


def vet(path: Path) -> None:
    """Refuse an HDF5 file that the library cannot read to its end, safely and in bounds.

    A file that did not change is asked about once in a process.

    Raises
    ------
    DataError
        A piece of it cannot be read or is too large, or the library crashes, hangs or runs out of memory over it.
    """
    status = path.stat()
    identity = str(path.resolve()), status.st_size, status.st_mtime_ns
    if identity in _vetted:
        return
    complaint = ask(path, SECONDS + status.st_size / _BYTES_A_SECOND)
    if complaint:
        raise DataError(f"{path}: {complaint}")
    _vetted.add(identity)


def forget() -> None:
    """Ask about every file again."""
    _vetted.clear()


def ask(path: Path, seconds: float) -> str:
    """What another process finds wrong with a file in so many seconds of the processor's time; empty if nothing.

    Raises
    ------
    DataError
        The process could not start.
    """
    if not can_start_python():
        return ""
    try:
        answer = subprocess.run(
            [sys.executable, "-P", "-m", __name__, str(path.resolve()), str(math.ceil(seconds))],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(place for place in sys.path if place), "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        _refuse_unless_ready(path, error.stdout or b"", f"it took more than {error.timeout:.0f} s")
        return ENDLESS
    reason = answer.stderr.decode("utf-8", errors="replace").strip().rpartition("\n")[2]
    found = _refuse_unless_ready(path, answer.stdout, reason or f"it ended with {answer.returncode}")
    # Windows has no such signal, and there 0 is what any process ends with.
    over_time: int | None = getattr(signal, "SIGXCPU", None)
    if over_time is not None and answer.returncode == -over_time:
        return ENDLESS
    if answer.returncode in (0, _REFUSED):
        return found.decode("utf-8", errors="replace")
    return CRASHED


def _refuse_unless_ready(path: Path, output: bytes, reason: str) -> bytes:
    """What a process said of a file, if it came as far as that."""
    if not output.startswith(_READY):
        raise DataError(
            f"{path}: the file was not read, for the process that looks at HDF5 files first cannot start ({reason}); "
            "install fastnet and h5py where this Python finds them"
        )
    return output.removeprefix(_READY)


ENDLESS = "the HDF5 library comes to no end with this file, which is damaged or made to do harm; copy or write it again"
CRASHED = "the HDF5 library crashes over this file, which is damaged or made to do harm; copy or write it again"


def look(path: Path) -> str:
    """Read all of a file's arrays, a piece at a time; what is wrong with them, empty if nothing."""
    import h5py

    def complaint(name: str, node: object) -> str | None:
        """The first one that is not None ends the visit, which leaves soft and external links alone."""
        if not isinstance(node, h5py.Dataset):
            return None
        try:
            return _read(name, node)
        except Exception as error:  # h5py has no exception of its own, and raises many types
            return f"'{name}' cannot be read, so the file is truncated or damaged ({_reason(error)}); write it again"

    try:
        with h5py.File(path, "r") as file:
            return str(file.visititems(complaint) or "")
    except Exception as error:
        return f"the HDF5 file is truncated or damaged ({_reason(error)}); copy or write it again"


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _read(name: str, dataset: "h5py.Dataset") -> str | None:
    """Read what a reader of data would; why not, where a piece is too large."""
    if not _is_readable(dataset) or declares_too_much(dataset.dtype, dataset.shape, dataset.id.get_storage_size()):
        return None
    piece = dataset.dtype.itemsize * math.prod(dataset.chunks or dataset.shape[1:])
    if piece > _LARGEST_PIECE:
        kind = "chunks" if dataset.chunks else "samples"
        return f"'{name}' has {kind} of more than {_LARGEST_PIECE >> 20} MB; write it again in smaller ones"
    if not dataset.shape:
        dataset[()]
        return None
    stop = len(dataset)
    rows = max(1, _BLOCK // (dataset.dtype.itemsize * (dataset.size // stop)))
    # A plain array is copied from one place, which the library knows to lie within the file.
    if dataset.chunks is None and not dataset.dtype.hasobject:
        stop = min(stop, rows)
    for start in range(0, stop, rows):
        dataset[start : start + rows]
    return None


def _is_readable(dataset: "h5py.Dataset") -> bool:
    """Whether it has values of its own that NumPy can hold, and whose filters are there."""
    import h5py

    try:
        is_text = h5py.check_string_dtype(dataset.dtype) is not None
    except TypeError:  # a type that NumPy does not have
        return False
    if dataset.is_virtual or dataset.external or not dataset.size or (dataset.dtype.hasobject and not is_text):
        return False
    properties = dataset.id.get_create_plist()
    return all(h5py.h5z.filter_avail(properties.get_filter(i)[0]) for i in range(properties.get_nfilters()))


def limit(seconds: int) -> None:
    """An end to what this process may take, where the system has such a thing."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        held = 0
        with suppress(OSError):
            held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_AS, (held + _ROOM, held + _ROOM))


def _main(path: str, seconds: str) -> int:
    import h5py  # noqa: F401 - before the limit, for it is no part of the file

    sys.stdout.buffer.write(_READY)
    sys.stdout.flush()
    limit(int(seconds))
    complaint = look(Path(path))
    sys.stdout.write(complaint)
    return _REFUSED if complaint else 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
