"""Who hears Ctrl-C."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Handler = Callable[[int, Any], None]


@contextmanager
def heard_by(handler: Handler) -> Iterator[None]:
    """Let a function hear Ctrl-C, and after it the one that did before."""
    before = signal.getsignal(signal.SIGINT)
    in_main_thread = threading.current_thread() is threading.main_thread()
    # A process started in the background ignores Ctrl-C, which is meant for the one in the foreground.
    if not in_main_thread or before in (signal.SIG_IGN, None):
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        # Who became deaf in between stays so until the end.
        if signal.getsignal(signal.SIGINT) == handler:
            signal.signal(signal.SIGINT, before)


@contextmanager
def held_back() -> Iterator[None]:
    """Let Ctrl-C wait for the end: raised while h5py lets go of a file, in a callback of Python's own, it would be
    printed and forgotten."""
    came: list[int] = []
    try:
        with heard_by(lambda number, frame: came.append(number)):
            yield
    finally:
        if came:
            signal.raise_signal(signal.SIGINT)
