"""What can watch a training and stop it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CheckpointError, ConfigurationError
from .state import fill
from .validation import number, whole

if TYPE_CHECKING:
    from .training import Training


class Callback:
    """Base of the callbacks; override what you need.

    Attributes
    ----------
    each_epoch : bool
        True (the default) if ``on_epoch_end`` must be called after every epoch. False if it may be called after
        several: short epochs then run many at a time without Python between them.
    looks_last : bool
        True if it is to be called after those of which this is False, the default, to keep what they leave.
    """

    each_epoch = True
    looks_last = False

    def __repr__(self) -> str:
        """As it would be written, with the parameters that it keeps under their names."""
        kept = (name for name in inspect.signature(type(self)).parameters if hasattr(self, name))
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in kept)})"

    def epochs_until_look(self) -> int | None:
        """How many epochs at the most may run before ``on_epoch_end`` is called again; None for any number. A callback
        that knows that it would do nothing for so many lets them run without Python between them."""
        return 1 if self.each_epoch else None

    def on_fit_begin(self, training: Training) -> None:
        """Called once, before the first epoch."""

    def on_epoch_end(self, training: Training) -> None:
        """Called when an epoch (a few, with ``each_epoch = False``) ended; ``training.stop(reason)`` ends the fit."""

    def on_fit_end(self, training: Training) -> None:
        """Called once, after the last epoch, also when a callback stopped the fit."""

    def state(self) -> dict[str, Any] | None:
        """What it needs to go on after a checkpoint: numbers, texts and float arrays by name; None if nothing."""
        return None

    def restore(self, training: Training, state: dict[str, Any]) -> None:
        """Called after ``on_fit_begin`` where a training goes on, with what ``state`` gave at the checkpoint."""


def checked_callbacks(callbacks: Iterable[Callback]) -> list[Callback]:
    """``callbacks`` as a list, if they are callback objects.

    Raises
    ------
    ConfigurationError
        If they are something else.
    """
    watchers = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    if not isinstance(callbacks, Iterable) or not all(isinstance(watcher, Callback) for watcher in watchers):
        raise ConfigurationError("callbacks must be a list of callback objects, such as [EarlyStopping()]")
    return watchers


def kept_by(callbacks: Iterable[Callback]) -> list[list[Any]]:
    """What callbacks need after a checkpoint: pairs of a class's name and a state, of those that have one."""
    states = [(type(callback).__name__, callback.state()) for callback in callbacks]
    return [[name, state] for name, state in states if state is not None]


def restore_kept(callbacks: Iterable[Callback], kept: list[list[Any]], training: Training) -> None:
    """Give each callback back what it kept.

    Raises
    ------
    CheckpointError
        If they are others.
    """
    keeping = [callback for callback in callbacks if callback.state() is not None]
    if [type(callback).__name__ for callback in keeping] != [name for name, _ in kept]:
        raise CheckpointError(
            f"it is of a training with the callbacks {', '.join(name for name, _ in kept) or 'none'} that keep "
            "something; give the same in the same order"
        )
    for callback, (_, state) in zip(keeping, kept, strict=True):
        callback.restore(training, state)


class EarlyStopping(Callback):
    """Stop when a number has not become better for ``patience`` epochs, and go back to the best weights.

    Parameters
    ----------
    patience : int
        Epochs to wait, at least 1.
    monitor : str or None
        A column of the history ("loss", "accuracy", "val_loss", "val_accuracy", or a metric's); None is "val_loss" with
        validation data and "loss" without. A loss is better when smaller, a metric as it is defined.
    min_delta : float
        What counts as better, at least 0.
    restore_best : bool
        Whether the network ends with the weights of its best epoch.
    """

    def __init__(
        self, patience: int = 10, *, monitor: str | None = None, min_delta: float = 0.0, restore_best: bool = True
    ) -> None:
        self.patience = whole("patience", patience, at_least=1)
        self.monitor = monitor
        self.min_delta = number("min_delta", min_delta, at_least=0)
        self.restore_best = restore_best

    def on_fit_begin(self, training: Training) -> None:
        """Resolve what to watch."""
        self._watched = training.history.watched(self.monitor, "EarlyStopping")
        if training.optimizer.average is not None and self._watched.name in ("loss", "accuracy"):
            raise ConfigurationError(
                f"EarlyStopping cannot go by {self._watched.name!r} of a training with average, which is that of the "
                "weights before they are averaged; give validation_data"
            )
        self.best = math.inf
        self.best_epoch = self._waiting_since = -1
        self._best_parameters = training.model.parameters.copy()

    def on_epoch_end(self, training: Training) -> None:
        """Keep the best weights; stop when patience is at an end."""
        name = self._watched.name
        value = self._watched.cost(training.history[name][-1])
        epoch = len(training.history.loss) - 1
        if value < self.best - self.min_delta:
            self.best, self.best_epoch, self._waiting_since = value, epoch, epoch
            # With one step an epoch, what was measured in training belongs to the weights before that step. With
            # several it belongs to no single weights, and those at the end are taken, as they are for the validation's.
            before = training.steps_per_epoch == 1 and name in ("loss", "accuracy")
            np.copyto(self._best_parameters, training.parameters_before if before else training.model.parameters)
        elif epoch - self._waiting_since >= self.patience:
            when = (
                f"was best at epoch {self.best_epoch + 1} and not since" if self.best_epoch >= 0 else "was never finite"
            )
            training.stop(f"{name} {when}")

    def state(self) -> dict[str, Any]:
        """The best so far and its weights."""
        return {
            "monitor": self._watched.name,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "waiting_since": self._waiting_since,
            "parameters": self._best_parameters,
        }

    def restore(self, training: Training, state: dict[str, Any]) -> None:
        """Take the best so far and its weights up again. Where patience was at an end, a training that is given more
        epochs waits anew."""
        if state["monitor"] != self._watched.name:
            raise CheckpointError(
                f"its EarlyStopping goes by {state['monitor']!r}, but here it is {self._watched.name!r}; give the same"
            )
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        last = len(training.history.loss) - 1
        waited = last - state["waiting_since"] >= self.patience
        self._waiting_since = last if waited else state["waiting_since"]
        fill(self._best_parameters, state["parameters"])

    def on_fit_end(self, training: Training) -> None:
        """Put the best weights back."""
        if self.restore_best and self.best_epoch >= 0:
            np.copyto(training.model.parameters, self._best_parameters)
