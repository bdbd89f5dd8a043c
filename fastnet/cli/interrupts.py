"""Ctrl-C in a training: the first ends it in good order, the second at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..callbacks import Callback
from .main import INTERRUPTED

if TYPE_CHECKING:
    from ..training import Training

T = TypeVar("T")

REASON = "interrupted"
POLL_SECONDS = 0.1


class Interruptible(Callback):
    """Ends a fit after the epochs under way, once Ctrl-C was pressed in ``run``."""

    each_epoch = False

    def __init__(self, clean_up: Callable[[], None]) -> None:
        self._clean_up = clean_up
        self.asked = False

    def on_epoch_end(self, training: Training) -> None:
        """Stop if that was asked for."""
        if self.asked:
            training.stop(REASON)

    def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, while Ctrl-C is listened for.

        Compiled code does not look at signals. So it works in a thread, which it does without the interpreter's lock,
        and this one waits for it and hears the second Ctrl-C even in an epoch of an hour.
        """
        outcome: Future[T] = Future()

        def work_and_tell() -> None:
            try:
                outcome.set_result(work())
            except BaseException as error:
                outcome.set_exception(error)

        thread = threading.Thread(target=work_and_tell, name="training", daemon=True)
        with self._listening():
            thread.start()
            while thread.is_alive():
                thread.join(POLL_SECONDS)
        return outcome.result()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = signal.getsignal(signal.SIGINT)
        in_main_thread = threading.current_thread() is threading.main_thread()
        # A process started in the background ignores Ctrl-C, which is meant for the one in the foreground.
        if not in_main_thread or before in (signal.SIG_IGN, None):
            yield
            return
        signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _hear(self, number: int, frame: Any) -> None:
        if not self.asked:
            self.asked = True
            click.echo("fastnet: stopping after the epochs under way; press Ctrl-C again to stop at once", err=True)
            return
        self._clean_up()
        click.echo("fastnet: interrupted", err=True)
        sys.stdout.flush()
        # Nothing else ends a thread in compiled code.
        os._exit(INTERRUPTED)
