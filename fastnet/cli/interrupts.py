"""Ctrl-C in a training: the first ends it in good order, the second at once; while a model is saved it waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from ..callbacks import Callback
from ..signals import heard_by
from .main import complain
from .signals import be_deaf, leave

if TYPE_CHECKING:
    from ..training import Training

T = TypeVar("T")
R = TypeVar("R")

REASON = "interrupted"
NOTHING_TRAINED = "interrupted before the first epoch ended: nothing was trained yet and nothing is saved"
NOTHING_SAVED = "interrupted in the middle of an epoch: nothing is saved"
POLL_SECONDS = 0.1


class Interruptible(Callback):
    """Ends a fit after the epochs under way, once Ctrl-C was pressed in ``run``.

    Parameters
    ----------
    clean_up : callable
        Called before the process is ended at once.
    words : callable
        Given whether any epoch ended, says what is left of a training that was ended at once.
    """

    each_epoch = False

    def __init__(
        self,
        clean_up: Callable[[], None],
        words: Callable[[bool], str] = lambda any_epoch: NOTHING_SAVED if any_epoch else NOTHING_TRAINED,
    ) -> None:
        self._clean_up, self._words = clean_up, words
        self._any_epoch = self._finishing = self._late = False
        self.asked = False

    def on_epoch_end(self, training: Training) -> None:
        """Stop if that was asked for."""
        self._any_epoch = True
        if self.asked:
            training.stop(REASON, for_good=False)

    def run(self, work: Callable[[], T], finish: Callable[[Future[T]], R]) -> R:
        """What ``finish`` makes of what ``work`` returned or raised, while Ctrl-C is listened for.

        Compiled code does not look at signals. So it works in a thread, which it does without the interpreter's lock,
        and this one waits for it and hears the second Ctrl-C even in an epoch of an hour. ``finish`` is not disturbed;
        a Ctrl-C during it raises KeyboardInterrupt when it is done.
        """
        outcome: Future[T] = Future()

        def work_and_tell() -> None:
            try:
                outcome.set_result(work())
            except BaseException as error:
                outcome.set_exception(error)

        thread = threading.Thread(target=work_and_tell, name="training", daemon=True)
        with heard_by(self._hear):
            thread.start()
            while thread.is_alive():
                thread.join(POLL_SECONDS)
            self._finishing = True
            finished = finish(outcome)
            if self._late:
                be_deaf()
                raise KeyboardInterrupt
            return finished

    def _hear(self, number: int, frame: Any) -> None:
        if self._finishing:
            self._late = True
        elif self._any_epoch and not self.asked:
            self.asked = True
            complain("fastnet: stopping after the epochs under way; press Ctrl-C again to stop at once")
        else:
            self.leave()

    def leave(self) -> None:
        """End the process at once."""
        leave(self._words(self._any_epoch), self._clean_up)
