"""Files that a training writes in its thread, and another thread that tidies up before the process ends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..callbacks import Callback

if TYPE_CHECKING:
    from ..training import Training

SECONDS_TO_WRITE = 2.0
"""How long who leaves waits for a file that is being written; less than what tidying up has before the process ends."""


class Writing:
    """Whether a training may write: it works in a thread that goes on while another tidies up and ends the process."""

    def __init__(self) -> None:
        self._lock, self.is_over = threading.Lock(), False

    @contextlib.contextmanager
    def going_on(self) -> Iterator[bool]:
        """Nobody tidies up meanwhile; gives whether there may be written still."""
        with self._lock:
            yield not self.is_over

    @contextlib.contextmanager
    def ended(self) -> Iterator[bool]:
        """Nothing is written from here on; gives whether what was being written came to its end in time."""
        self.is_over = True
        is_quiet = self._lock.acquire(timeout=SECONDS_TO_WRITE)
        try:
            yield is_quiet
        finally:
            if is_quiet:
                self._lock.release()


class Undisturbed(Callback):
    """What keeps a training, as long as it may write."""

    each_epoch = False
    looks_last = True

    def __init__(self, keepers: list[Callback], writing: Writing) -> None:
        self._keepers, self._writing = keepers, writing

    def epochs_until_look(self) -> int | None:
        """The fewest that one of them asks for."""
        asked = (keeper.epochs_until_look() for keeper in self._keepers)
        return min((epochs for epochs in asked if epochs is not None), default=None)

    def on_fit_begin(self, training: Training) -> None:
        """As each of them."""
        with self._writing.going_on() as may_write:
            for keeper in self._keepers if may_write else ():
                keeper.on_fit_begin(training)

    def on_epoch_end(self, training: Training) -> None:
        """As each of them."""
        with self._writing.going_on() as may_write:
            for keeper in self._keepers if may_write else ():
                keeper.on_epoch_end(training)
