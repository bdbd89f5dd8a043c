"""Ctrl-C is heard once: what it sets going, removing half a file and saying so, is not to be disturbed by the next."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, NoReturn

from ..signals import heard_by
from .main import INTERRUPTED, complain

SECONDS_TO_LEAVE = 3.0


def heard_once() -> AbstractContextManager[None]:
    """The first Ctrl-C raises KeyboardInterrupt, the others do nothing."""
    return heard_by(_raise_and_be_deaf)


def be_deaf() -> None:
    """Let every further Ctrl-C do nothing."""
    # Not SIG_IGN: Python complains of a signal that came just before its handler was taken away.
    signal.signal(signal.SIGINT, lambda number, frame: None)


def _raise_and_be_deaf(number: int, frame: Any) -> None:
    be_deaf()
    raise KeyboardInterrupt


def exit_at_once() -> NoReturn:
    """End the process as interrupted; nothing else ends a thread in compiled code."""
    _flush()
    os._exit(INTERRUPTED)


def leave(words: str, clean_up: Callable[[], None] = lambda: None) -> NoReturn:
    """Clean up, say so and end the process at once, whatever it was doing."""
    be_deaf()

    def say_good_bye() -> None:
        clean_up()
        complain(f"fastnet: {words}")
        _flush()

    # A terminal that was stopped lets nobody print, and then whoever waits for it waits for ever.
    thread = threading.Thread(target=say_good_bye, daemon=True)
    thread.start()
    thread.join(SECONDS_TO_LEAVE)
    os._exit(INTERRUPTED)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, RuntimeError, ValueError):
            stream.flush()
