"""Entry points compiled side by side, each by a process of its own, and all found in the cache afterwards.

Numba compiles one function at a time, whatever the number of threads. A first run on a machine would wait for the sum
of all compilations; this way it waits for the longest, on as many cores as there are.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..machine import can_start_python, cores
from .compiler import COMPILED, cache_folder, is_kept
from .library import LIBRARY, load, pretend

Entry = tuple[str, str]
"""The name of an entry point, and its float type."""

SECONDS = {LIBRARY: 8.0, "train": 7.0, "evaluate": 0.7, "predict": 0.5}
"""The entry points of the engine, and about how long each takes to compile."""

_COMPILING = "FASTNET_COMPILING"
"""Set for the processes that compile, which start none of their own."""

LONGEST = 900
"""Seconds after which a process that compiles is given up."""

_LOGGER = logging.getLogger("fastnet")
_said: set[str] = set()
_found: set[tuple[Path | None, Entry]] = set()


def prepare(names: Sequence[str], dtype: str) -> None:
    """Compile what the cache lacks of these entry points, as ``compile_missing`` does; before the first compilation for
    a float type log a warning, which Python prints unless told otherwise."""
    wanted = [(name, dtype) for name in names]
    if COMPILED and dtype not in _said and not all(map(_is_kept, wanted)):
        _said.add(dtype)
        kept = ", which later runs on this machine find in a cache" if cache_folder() is not None else ""
        _LOGGER.warning("fastnet: compiling the kernels for %s%s ...", dtype, kept)
    deque(compile_missing(wanted), maxlen=0)


def compile_missing(wanted: Iterable[Entry]) -> Iterator[tuple[Entry, float]]:
    """See to it that the cache holds these entry points, as far as other processes can.

    What cannot be had this way (one core, no processes, no cache) or is alone is left to be compiled where it is used.

    Yields
    ------
    Entry, float
        Each that had to be compiled, when it is, and the seconds since the start.
    """
    if not COMPILED or cache_folder() is None or cores() == 1 or not can_start_python() or _COMPILING in os.environ:
        return
    missing = [entry for entry in dict.fromkeys(wanted) if not _is_kept(entry)]
    if len(missing) < 2:
        return
    started = time.perf_counter()
    running: list[subprocess.Popen[bytes]] = []
    try:
        for share in _shares(missing, cores()):
            running.append(_start(share))
        while missing:
            is_over = all(process.poll() is not None for process in running)
            for entry in filter(_is_kept, tuple(missing)):
                missing.remove(entry)
                yield entry, time.perf_counter() - started
            if is_over or time.perf_counter() - started > LONGEST:
                return
            time.sleep(0.02)
    except OSError:  # no more processes
        return
    finally:
        for process in running:
            process.kill()
            process.communicate()


def _shares(entries: Iterable[Entry], most: int) -> list[list[Entry]]:
    """So divided among at most so many processes that each has about as much to do."""
    shares: list[list[Entry]] = [[] for _ in range(most)]
    for entry in sorted(entries, key=lambda entry: SECONDS[entry[0]], reverse=True):
        min(shares, key=lambda share: sum(SECONDS[name] for name, _ in share)).append(entry)
    return [share for share in shares if share]


def _is_kept(entry: Entry) -> bool:
    """Remembered once it is so: to look at a seal is to read all that it is of."""
    place = cache_folder(), entry
    if place not in _found and is_kept("-".join(entry)):
        _found.add(place)
    return place in _found


def _start(share: Iterable[Entry]) -> "subprocess.Popen[bytes]":
    # It finds what this process finds. The pipe tells it when this process is gone.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, *("-".join(entry) for entry in share)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), _COMPILING: "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _end_with_parent() -> None:
    """End without the process that asked for it."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _compile(share: Iterable[str]) -> None:
    from . import engine

    # Not before all libraries are loaded: on Windows that waits for whoever reads from the pipe.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for entry in share:
        name, dtype = entry.split("-")
        if name == LIBRARY:
            load(dtype)
        else:
            pretend(dtype)
            engine.entry(name, dtype)


if __name__ == "__main__":
    _compile(sys.argv[1:])
