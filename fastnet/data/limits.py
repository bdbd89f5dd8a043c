"""How much memory there is, and the refusal of data that declare more than that before a byte of them is read."""

import math
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError

# DEFLATE shrinks data 1032 times at most, and data that anybody trains on a few hundred times at most; small arrays are
# let off, for fill values and other filters.
_LARGEST_RATIO = 250
_SMALL = 64 * 2**20
# What a text takes as an object of Python's, beside its characters.
_TEXT = 64

_GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)
"""The two versions of Linux's control groups: the limit of a container, what it has in use, and what of that are files
kept in memory as long as nobody needs the room."""
_GROUP = Path("/sys/fs/cgroup")


def size_in_memory(dtype: np.dtype[Any], shape: Sequence[int]) -> int:
    """How many bytes an array takes, as declared."""
    each = dtype.itemsize if dtype.kind not in "SU" else 4 * dtype.itemsize + _TEXT
    return each * math.prod(map(int, shape))


def declares_too_much(dtype: np.dtype[Any], shape: Sequence[int], stored_bytes: int) -> bool:
    """Whether an array is so much larger than what a file holds of it that this is damage, or a trap."""
    declared = size_in_memory(dtype, shape)
    return declared > _SMALL and declared > _LARGEST_RATIO * stored_bytes


def refuse_beyond_memory(n_bytes: int, source: str, what: str = "the data") -> None:
    """Refuse what declares more bytes than can be had.

    Parameters
    ----------
    n_bytes : int
        What reading it would take, as declared.
    source, what : str
        The file, and what in it declares them.

    Raises
    ------
    DataError
        It says how much there is and what to do.
    """
    available = available_memory()
    if available is not None and n_bytes > available:
        raise DataError(
            f"{source}: {what} would take {in_words(n_bytes)} of memory, but only {in_words(available)} are available; "
            "train from an HDF5 file with --memory, which reads a part at a time, or give fewer samples"
        )


def available_memory() -> int | None:
    """How many bytes this process can still take without harm to others; None where the system does not say."""
    known = [bytes_ for bytes_ in (_of_the_system(), *_of_the_group(), _of_the_process()) if bytes_ is not None]
    return max(0, min(known)) if known else None


def in_words(n_bytes: int) -> str:
    """A number of bytes as people say it."""
    for unit, size in (("TB", 2**40), ("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}" if n_bytes < 2**70 else f"more than {2**30} TB"
    return f"{n_bytes} bytes"


def _of_the_system() -> int | None:
    if sys.platform == "win32":
        return _of_windows()
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    with suppress(OSError, ValueError):  # macOS says only how much there is in all
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _of_the_group() -> list[int]:
    room = []
    for limit, used, kept in _GROUPS:
        # No limit is the word "max" in the one version, and a number that no machine has in the other.
        with suppress(OSError, ValueError):
            most, now = (int((_GROUP / name).read_text(encoding="ascii")) for name in (limit, used))
            files = (_GROUP / used).with_name("memory.stat").read_text(encoding="ascii").splitlines()
            given_back = sum(int(line.split()[1]) for line in files if line.startswith(f"{kept} "))
            room.append(most - max(0, now - given_back))
    return room


def _of_the_process() -> int | None:
    """What ``ulimit -v`` leaves."""
    with suppress(ImportError, OSError, ValueError, AttributeError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            in_use = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
            return soft - in_use
    return None


def _of_windows() -> int | None:
    import ctypes

    class MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "available", "a", "b", "c", "d", "e")),
        )

    status = MemoryStatus(ctypes.sizeof(MemoryStatus))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 - there only on Windows, as far as the type checker knows
    return int(status.available) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
