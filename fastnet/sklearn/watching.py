"""What scikit-learn's solvers do at the end of an epoch, as callbacks of a fastnet training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..callbacks import Callback
from ..labelled import Labelled
from ..training import Training
from .losses import EpochConstant, constant, factors
from .solvers import EpochRates

if TYPE_CHECKING:
    from .base import BaseMLP


class EpochEnd(Callback):
    """Keeps an estimator's loss curve and counts, lowers an adaptive learning rate and stops the training, by
    scikit-learn's rules.

    Parameters
    ----------
    estimator : BaseMLP
    samples : int
        In an epoch.
    constant : EpochConstant
        Added to each loss.
    rates : EpochRates
        What SGD goes by.
    score : callable or None
        Gives the validation score that ``early_stopping`` goes by.
    """

    each_epoch = False

    def __init__(
        self,
        estimator: BaseMLP,
        samples: int,
        constant: EpochConstant,
        rates: EpochRates,
        score: Callable[[], float] | None,
    ) -> None:
        self._estimator, self._samples, self._constant = estimator, samples, constant
        self._rates, self._score = rates, score

    def epochs_until_look(self) -> int | None:
        """As many as must pass before it can stop: the epochs without improvement have to be one more in a row than
        are allowed."""
        if self._score is not None or self._constant.by_order:
            return 1
        left = self._estimator.n_iter_no_change + 1 - self._estimator._no_improvement_count
        return max(1, int(left)) if math.isfinite(left) else None

    def on_epoch_end(self, training: Training) -> None:
        """Take up the epochs since the last look."""
        constant = self._constant.of(training)
        for loss in training.history.loss[self._estimator.n_iter_ :]:
            self._end_epoch(training, loss + constant)

    def _end_epoch(self, training: Training, loss: float) -> None:
        estimator = self._estimator
        estimator.n_iter_ += 1
        estimator.loss_ = loss
        estimator.t_ += self._samples
        estimator.loss_curve_.append(loss)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")
        if self._score is None:
            self._compare_losses(loss)
        else:
            self._compare_scores(training, self._score())
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._give_up(training)
        estimator._learning_rate = self._rates.at(estimator.n_iter_)

    def _compare_losses(self, loss: float) -> None:
        estimator = self._estimator
        is_better = not loss > estimator.best_loss_ - estimator.tol
        estimator._no_improvement_count = 0 if is_better else estimator._no_improvement_count + 1
        estimator.best_loss_ = min(estimator.best_loss_, loss)

    def _compare_scores(self, training: Training, score: float) -> None:
        estimator = self._estimator
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            print(f"Validation score: {score:f}")
        is_better = not score < estimator.best_validation_score_ + estimator.tol
        estimator._no_improvement_count = 0 if is_better else estimator._no_improvement_count + 1
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            np.copyto(estimator._best_parameters, training.model.parameters)

    def _give_up(self, training: Training) -> None:
        """Lower an adaptive rate, or stop."""
        estimator = self._estimator
        what = "Training loss" if self._score is None else "Validation score"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive "
            "epochs."
        )
        rate = self._rates.at(estimator.n_iter_)
        if estimator.solver != "sgd" or estimator.learning_rate != "adaptive":
            action = "Stopping."
            training.stop(message)
        elif rate <= LOWEST_RATE:
            action = "Learning rate too small. Stopping."
            training.stop(message)
        else:
            action = f"Setting learning rate to {rate / 5:f}"
            self._rates.set_from(estimator.n_iter_, rate / 5)
            estimator._no_improvement_count = 0
        if estimator.verbose:
            print(f"{message} {action}")


LOWEST_RATE = 1e-6
"""An adaptive rate that is no higher is not lowered again."""


class HeldOut(Callback):
    """Measures the loss of a user's own validation data after each epoch, without the penalty, for the estimator and,
    as "val_loss", for the callbacks after it."""

    def __init__(self, estimator: Any, data: Labelled) -> None:
        self._estimator, self._data = estimator, data
        self._losses = np.empty((len(data.Y), data.W.shape[1]), data.Y.dtype)

    def on_fit_begin(self, training: Training) -> None:
        """Say what will be recorded."""
        training.history.recorded += ("val_loss",)

    def on_epoch_end(self, training: Training) -> None:
        """Measure it."""
        data, model = self._data, training.model
        model.evaluation.loss_and_accuracy(data, training.backend, training.threads, losses=self._losses)
        mean = float(np.average(self._losses, weights=data.W if len(data.W) else None))
        loss = factors(model.loss_function, model.n_outputs)[0] * mean
        loss += constant(model.loss_function, data.Y, data.sample_weight)
        training.history.val_loss.append(loss)
        self._estimator.validation_loss_curve_.append(loss)
