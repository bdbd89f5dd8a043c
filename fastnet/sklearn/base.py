"""What MLPClassifier and MLPRegressor have in common: scikit-learn's estimator around a network and its training."""

import dataclasses
import warnings
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from ..callbacks import Callback, checked_callbacks
from ..errors import ConfigurationError, DataError, DivergenceError
from ..labelled import Labelled, checked_validation
from ..optimizers import SGD, Optimizer
from ..schedules import Schedule
from ..training import Progress, Training
from .architecture import draw_weights, sizes_of
from .connected import WithNetwork
from .losses import EpochConstant, constant, factors
from .parameters import CONSTRAINTS, Constraints
from .repeated import once_each, rows_per_weight
from .solvers import is_lbfgs, lbfgs_warning, optimizer_for, rates_of
from .watching import EpochEnd, HeldOut

Array = npt.NDArray[Any]
DTYPES = (np.float64, np.float32)
NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


def _dense(X: Any) -> Array:
    """An array or sparse matrix as an array."""
    return np.asarray(X.toarray(order="C") if issparse(X) else X)


def can_go_on(estimator: "BaseMLP") -> bool:
    """Whether it has ``partial_fit``: L-BFGS cannot go on with other samples."""
    if is_lbfgs(estimator.solver):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(WithNetwork):
    """See MLPClassifier and MLPRegressor."""

    _parameter_constraints: ClassVar[Constraints] = CONSTRAINTS

    def _keep(self, given: dict[str, Any]) -> None:
        """Take a constructor's arguments, the local variables it has, as the attributes that scikit-learn asks for."""
        for name in self._get_param_names():
            setattr(self, name, given[name])

    def _validate_input(
        self, X: Any, y: Any, incremental: bool, reset: bool
    ) -> tuple[Any, Array, npt.NDArray[np.float64] | None]:
        """X as an array or sparse matrix, the targets (n_samples, n_outputs), and what each sample's class weighs."""
        raise NotImplementedError

    def _encode(self, y: Any) -> Array:
        """Checked validation targets as (n_samples, n_outputs)."""
        raise NotImplementedError

    def _scoring(self, data: Labelled) -> Callable[[], float]:
        """Gives the validation score that early stopping goes by, of the network as it is then."""
        raise NotImplementedError

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation_data: Any = None, incremental: bool = False
    ) -> "BaseMLP":
        hidden = sizes_of(self.hidden_layer_sizes)
        callbacks = checked_callbacks(self.callbacks or ())
        first_pass = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, Y, class_weights = self._validate_input(X, y, incremental, reset=first_pass)
        weights = class_weights
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
            weights = weights if class_weights is None else weights * class_weights
        self.n_outputs_ = Y.shape[1]
        units = [X.shape[1], *hidden, Y.shape[1]]
        self._random_state = check_random_state(self.random_state)
        if first_pass:
            self._initialize(units, np.dtype(self.dtype or X.dtype))
        stops_early = self.early_stopping and not is_lbfgs(self.solver)
        set_aside = None
        if stops_early and incremental:
            raise ConfigurationError("partial_fit does not support early_stopping=True")
        if stops_early and validation_data is None:
            (X, Y, weights), set_aside = self._split(X, Y, weights)
        n_samples, rows = X.shape[0], self._batch_rows(X.shape[0])
        if self.dropout > 0 and rows == n_samples:
            X, Y, weights = once_each(_dense(X), Y, weights)
        # A penalty is divided by the sum of a batch's weights, and the engine's are of a mean of 1. All of them 0 are
        # refused where the engine's are made.
        self._make_network(units, first_pass, 1.0 if weights is None else float(weights.mean()) or 1.0)
        held_out = None if validation_data is None else self._held_out(*checked_validation(validation_data))
        scored = self._labelled(*set_aside) if set_aside is not None else held_out if stops_early else None
        data = self._labelled(X, Y, weights)
        if is_lbfgs(self.solver):
            self._fit_lbfgs(data, held_out, callbacks)
        else:
            self._fit_stochastic(data, held_out, scored, callbacks, incremental, n_samples, rows)
        return self

    def _initialize(self, units: list[int], dtype: np.dtype[Any]) -> None:
        """Begin anew: counts at zero, and weights that are scikit-learn's for the same random state."""
        self.n_iter_ = self.t_ = 0
        self.n_layers_ = len(units)
        self.coefs_, self.intercepts_ = draw_weights(self._random_state, units, self.activation, dtype)
        self._progress: Progress | None = None
        self.validation_loss_curve_: Any = None
        self.__dict__.pop("loss_curve_", None)

    def _batch_rows(self, n_samples: int) -> int:
        """The samples in a batch."""
        if is_lbfgs(self.solver):
            return n_samples
        rows = 200 if self.batch_size == "auto" else int(self.batch_size)
        if rows > n_samples and self.batch_size != "auto":
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", stacklevel=2
            )
        return min(rows, n_samples)

    def _begin_counts(self) -> None:
        """What the epochs' ends go by, before the first."""
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        if self.early_stopping:
            self._best_parameters = self._network.parameters.copy()
        self.best_loss_: Any = None if self.early_stopping else np.inf
        self.validation_scores_: Any = [] if self.early_stopping else None
        self.best_validation_score_: Any = -np.inf if self.early_stopping else None

    def _features(self, X: Any) -> Array:
        """What is to be predicted from, checked."""
        return _dense(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))

    def _labelled(self, X: Any, Y: Array, weights: Array | None) -> Labelled:
        network = self._network
        features = network.check_features(_dense(X))
        return network.labelled(features, network.check_targets(Y, len(features)), weights)

    def _held_out(self, X: Any, y: Any, sample_weight: Any) -> Labelled:
        """A user's own validation data, checked."""
        X, y = validate_data(self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=DTYPES, reset=False)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return self._labelled(X, self._encode(y), sample_weight)

    def _training(
        self, data: Labelled, optimizer: Optimizer, epochs: int, rows: int, after: Progress | None = None
    ) -> Training:
        network = self._network
        if self.batch_norm and len(data.X) == 1:
            raise DataError(
                "batch_norm needs at least 2 different samples, but n_samples = 1; give more or set batch_norm=False"
            )
        network.check_training(optimizer, rows, len(data.X))
        loss_factor, gradient_factor = factors(network.loss_function, network.n_outputs)
        return Training(
            network,
            data,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=rows,
            shuffle=bool(self.shuffle),
            validation=None,
            metrics=(),
            backend=self.backend,
            threads=self.threads,
            after=after,
            loss_factor=loss_factor,
            gradient_factor=gradient_factor,
            penalty_by_rows=True,
            # A sample of weight 2 is two samples, in what batch normalisation goes by too.
            rows_per_weight=rows_per_weight(data.sample_weight),
        )

    def _run(self, training: Training, callbacks: Iterable[Callback], held_out: Labelled | None) -> None:
        watchers = list(callbacks)
        if held_out is not None:
            if self.validation_loss_curve_ is None:
                self.validation_loss_curve_ = []
            watchers.insert(0, HeldOut(self, held_out))
        try:
            training.run(watchers)
        except KeyboardInterrupt:
            training.stop("interrupted by the user")
            warnings.warn("Training interrupted by user.", stacklevel=2)

    def _fit_lbfgs(self, data: Labelled, held_out: Labelled | None, callbacks: list[Callback]) -> None:
        n_samples = len(data.X)
        optimizer = optimizer_for(self, rates_of(self, n_samples, 0, self.learning_rate_init))
        training = self._training(data, optimizer, self.max_iter, n_samples)
        try:
            self._run(training, callbacks, held_out)
        except DivergenceError as error:
            raise DataError(f"{NON_FINITE} ({error})") from error
        self.n_iter_ = len(training.history.loss)
        row, _ = training.steps.loss_and_gradient()
        self.loss_ = float(row[0]) + constant(self._network.loss_function, data.Y, data.sample_weight)
        stopped = training.history.stopped
        if stopped is None or stopped.startswith("L-BFGS"):
            warning = lbfgs_warning(stopped, self.n_iter_, self.max_iter)
            if warning is not None:
                warnings.warn(warning, ConvergenceWarning, stacklevel=2)

    def _fit_stochastic(
        self,
        data: Labelled,
        held_out: Labelled | None,
        scored: Labelled | None,
        callbacks: list[Callback],
        incremental: bool,
        n_samples: int,
        rows: int,
    ) -> None:
        was_stopping_early = getattr(self, "validation_scores_", None) is not None
        if not hasattr(self, "loss_curve_") or was_stopping_early != self.early_stopping:
            self._begin_counts()
        score = None if scored is None else self._scoring(scored)
        # What shuffles and dropout go by.
        self._network.seed = int(self._random_state.randint(np.iinfo(np.int32).max))
        before = getattr(self, "_progress", None) if incremental else None
        rate = self.learning_rate_init if before is None else self._learning_rate
        rates = rates_of(self, n_samples, 0 if before is None else before.epochs, float(rate))
        is_sgd = self.solver == "sgd" and not isinstance(self.learning_rate, Schedule)
        # partial_fit goes on with the solver that there is, whatever its name and its numbers are now.
        if before is None:
            self._solver = optimizer_for(self, rates)
        elif is_sgd and isinstance(self._solver, SGD):
            self._solver = dataclasses.replace(self._solver, learning_rate=rates)
        if before is not None and before.slots.shape[1] != self._network.parameters.size:
            raise ConfigurationError(
                "the layers must be those of the call before for partial_fit to go on, but the network has "
                f"{self._network.parameters.size} parameters instead of {before.slots.shape[1]}; fit anew"
            )
        epochs = 1 if incremental else self.max_iter
        rows = min(rows, len(data.X))
        training = self._training(data, self._solver, epochs, rows, before)
        beside = EpochConstant(self._network.loss_function, data.Y, data.sample_weight, rows)
        self.n_iter_ = 0
        try:
            self._run(training, [EpochEnd(self, n_samples, beside, rates, score), *callbacks], held_out)
        except DivergenceError as error:
            if score is None:
                raise DataError(f"{NON_FINITE} ({error})") from error
            # With early stopping there are weights to go back to, those of the best score.
            self.loss_ = np.nan
            self.loss_curve_.append(self.loss_)
            self.validation_scores_.append(np.nan)
            self.n_iter_ += 1
            training.stop(str(error))
            warnings.warn(str(error), ConvergenceWarning, stacklevel=2)
        self._progress = training.progress()
        if self.early_stopping:
            self._network.parameters[...] = self._best_parameters
        if not incremental and training.history.stopped is None and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _split(self, X: Any, Y: Array, weights: Array | None) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Two times samples, targets and weights: those to train on, and those that early stopping goes by."""
        parts = train_test_split(
            *((X, Y) if weights is None else (X, Y, weights)),
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=Y if is_classifier(self) and self.n_outputs_ == 1 else None,
        )
        training, validation = (*parts[::2], None)[:3], (*parts[1::2], None)[:3]
        if validation[0].shape[0] < 2:
            raise DataError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return training, validation

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
