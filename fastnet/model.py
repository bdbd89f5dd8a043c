"""A model: layers lowered to a Program over one flat parameter vector, and what can be asked of it without training."""

import functools
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import (
    ACTIVATIONS,
    AUGMENT,
    BATCH_NORM,
    DENSE,
    HISTORY_COLUMNS,
    HISTORY_CORRECT,
    HISTORY_LOSS,
    IDENTITY,
    LAYER_NORM,
    Record,
    row_size,
    statistics_count,
)

from .activations import CustomActivation
from .backends import compile_activations, engine
from .data.arrow import dense
from .data.stream import Stream
from .errors import ConfigurationError, DataError
from .layers import LAYERS, Layer
from .losses import Loss, checked_loss, loss_to_data
from .lowering import initial_parameters, lower
from .metrics import check_metrics, measure, metric_named
from .pixels import Pixels, Samples, engine_arguments
from .preparation import Preparation
from .streamed import Streamed, parts_of
from .threads import in_parts, pool_for
from .validation import all_finite, choice, converted, numbers, whole
from .weights import entry_weights

DTYPES = ("float32", "float64")
ROWS_AT_ONCE = 256
"""Rows that prediction sends through all layers together, so that what they give stays in the cache."""

DRAWS_TOGETHER = 16
"""Draws that are summed before the sums are put together, whoever makes them, so that the same come out in the end."""

Array = npt.NDArray[np.floating]
BYTES = np.dtype(np.uint8)


def checked_seed(seed: int) -> int:
    """``seed``, if it is a whole number from 0 to 2**63 - 1."""
    if whole("seed", seed, at_least=0) >= 2**63:
        raise ConfigurationError(f"seed must be below 2**63, not {seed}")
    return int(seed)


class Model:
    """See ``Network``, which adds training and files.

    Attributes
    ----------
    n_features, n_outputs : int
        Numbers in one sample, and numbers that the network gives for it.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        input_shape: int | Sequence[int],
        loss: str | Loss,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        if not isinstance(layers, Sequence):
            raise ConfigurationError(f"layers must be a list of layers, such as [Dense(10)], not {layers!r}")
        for layer in layers:
            if type(layer) not in LAYERS.values():
                raise ConfigurationError(f"layers must be fastnet layers such as Dense(10), not {layer!r}")
        shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
        if not 1 <= len(shape) <= 3:
            raise ConfigurationError(f"input_shape must have 1 to 3 sizes, such as (64,) or (28, 28, 1), not {shape!r}")
        self.input_shape = tuple(whole("a size in input_shape", size, at_least=1) for size in shape)
        self.layers = tuple(layers)
        self.loss_function = checked_loss(loss)
        self.loss = self.loss_function.name
        self.dtype = np.dtype(choice("dtype", getattr(dtype, "__name__", dtype), DTYPES))
        self.seed = checked_seed(seed)
        self._lower()
        self.parameters = initial_parameters(self.layers, self.program, self.seed, self.dtype)
        self.preparation: Preparation | None = None
        self.n_features = math.prod(self.input_shape)
        self.n_outputs = int(self.program[-1]["output_size"])
        own = {activation.name: activation for activation in self._custom_activations()}
        for activation in self._custom_activations():
            if own[activation.name] != activation:
                raise ConfigurationError(
                    f"two different CustomActivations are named {activation.name!r}, the name they are saved by; "
                    "rename one"
                )

    def _lower(self) -> None:
        """Make the Program, and what is worked out once: a single row is predicted in less time than that takes."""
        self.program = lower(self.layers, self.input_shape, self.loss_function)
        self._row_size = row_size(self.program)
        self._program_to_logits = self.program.copy()
        self._program_to_logits[-1]["output_activation"] = IDENTITY
        functions = self.program["function"][:-1]
        self._custom_codes = [int(code) for code in np.unique(functions[functions >= len(ACTIVATIONS)])]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A user's own activation has another address in another process."""
        self.__dict__.update(state)
        self._lower()

    def _custom_activations(self) -> list[CustomActivation]:
        found = (getattr(layer, "activation", None) for layer in self.layers)
        return [activation for activation in found if isinstance(activation, CustomActivation)]

    @property
    def is_classifier(self) -> bool:
        """Whether the outputs say classes."""
        return self.loss_function.is_classification

    @property
    def n_parameters(self) -> int:
        """How many parameters there are, frozen ones too, but not the running statistics of batch normalisations."""
        return self.parameters.size - statistics_count(self.program)

    def __repr__(self) -> str:
        layers = ", ".join(repr(layer) for layer in self.layers)
        return (
            f"{type(self).__name__}([{layers}], input_shape={self.input_shape}, "
            f"loss={self.loss_function if loss_to_data(self.loss_function) != self.loss else self.loss!r}, "
            f"dtype={self.dtype.name!r}, seed={self.seed})"
        )

    def get_weights(self) -> list[tuple[Array, ...]]:
        """Copies of what each layer with parameters has, in order: (W, b) of a dense layer, W (n_in, n_out) and b
        (n_out,); (gamma, beta) of a layer normalisation, both (n,); (gamma, beta, mean, variance) of a batch
        normalisation, the latter two its running averages."""
        return [tuple(array.copy() for array in arrays) for arrays in self.weight_views()]

    def set_weights(self, weights: Sequence[Sequence[npt.ArrayLike]]) -> None:
        """Set what ``get_weights`` gives, in the same shapes.

        Raises
        ------
        DataError
            If an array is missing, has another shape, or holds something other than finite numbers; nothing is then
            set.
        """
        views = self.weight_views()
        if len(weights) != len(views):
            raise DataError(
                f"set_weights needs {len(views)} tuples such as (W, b), one for each layer with parameters, "
                f"not {len(weights)}"
            )
        checked = []
        for index, (given, olds) in enumerate(zip(weights, views, strict=True)):
            names, kind = self.parameter_names(index)
            if len(given) != len(names):
                raise DataError(
                    f"set_weights needs ({', '.join(names)}) for {kind} layer {index}, not {len(given)} arrays"
                )
            for name, value, old in zip(names, given, olds, strict=True):
                what = f"{name} of {kind} layer {index}"
                new = converted(numbers(what, value), self.dtype)
                if new.shape != old.shape:
                    raise DataError(f"{what} must have shape {old.shape}, not {new.shape}")
                if not np.isfinite(new).all():
                    raise DataError(f"{what} must be finite, but it holds NaN or infinity")
                if name == "variance" and (new < 0).any():
                    raise DataError(f"{what} must be at least 0, but it goes down to {new.min():g}")
                checked.append((old, new))
        for old, new in checked:
            old[...] = new

    def predict(self, X: npt.ArrayLike | Pixels | Stream, *, backend: str = "jit") -> npt.NDArray[Any]:
        """The network's answer for each sample.

        Parameters
        ----------
        X : array_like, Pixels or Stream
            (n_samples, *input_shape) or (n_samples, n_features), finite. A stream's are prepared first, if the network
            has a preparation.
        backend : str
            "jit" or "reference".

        Returns
        -------
        ndarray
            Classifiers: int64 class indices (n_samples,), or 0 and 1 of shape (n_samples, n_outputs) for several
            sigmoid outputs. Others: the outputs, (n_samples,) for one output, else (n_samples, n_outputs).

        Raises
        ------
        DataError
            If X has another shape or holds something other than finite numbers.
        """
        return self.predict_checked(self.check_samples(X), backend)

    def predict_checked(
        self, features: Samples | Streamed, backend: str, threads: int | None = None
    ) -> npt.NDArray[Any]:
        """``predict`` for what ``check_samples`` gave."""
        # Classes are read off the logits, as accuracy counts them: a small one can round to a probability of one half.
        outputs = self._outputs(features, backend, activated=not self.is_classifier, threads=threads)
        if self.is_classifier:
            return self._labels(outputs)
        return outputs[:, 0] if self.n_outputs == 1 else outputs

    def _labels(self, logits: Array) -> npt.NDArray[np.int64]:
        """The classes that a classifier's logits say."""
        if self.loss == "categorical_crossentropy":
            classes: npt.NDArray[np.int64] = logits.argmax(axis=1)
            return classes
        labels = (logits > 0).astype(np.int64)
        return labels[:, 0] if self.n_outputs == 1 else labels

    def predict_proba(self, X: npt.ArrayLike | Pixels | Stream, *, backend: str = "jit") -> Array:
        """The probabilities a classifier gives: (n_samples, n_outputs). One sigmoid output is one column, the
        probability of class 1. Parameters and errors are those of ``predict``; a network that is no classifier raises
        ConfigurationError."""
        if not self.loss_function.gives_probabilities:
            raise ConfigurationError(
                f"predict_proba needs a network that gives probabilities, but this one's loss is {self.loss}; "
                "use predict"
            )
        return self._outputs(self.check_samples(X), backend, activated=True)

    def predict_spread(
        self, X: npt.ArrayLike | Pixels, *, draws: int = 100, seed: int = 0, backend: str = "jit"
    ) -> tuple[Array, Array]:
        """The mean and the standard deviation of what the network gives with dropout, noise and augmentation as in
        training, over ``draws`` of them (Gal and Ghahramani, 2016): how sure it is of each answer.

        Parameters
        ----------
        X, backend : as of ``predict``
        draws : int
            At least 2.
        seed : int
            Decides what is dropped: the same seed gives the same numbers.

        Returns
        -------
        (n_samples, n_outputs) ndarray, twice
            Of the outputs: probabilities where the network gives them.

        Raises
        ------
        ConfigurationError
            If nothing in the network is random, or an option is out of its range.
        DataError
            As ``predict``.
        """
        drawn = (self.program["rate"] > 0) | (self.program["deviation"] > 0) | (self.program["kind"] == AUGMENT)
        if not drawn.any():
            raise ConfigurationError(
                "predict_spread needs a network with dropout or noise (or Augment), but this one gives the same answer "
                "in every draw"
            )
        features, seed = self.check_features(X), checked_seed(seed)
        count = whole("draws", draws, at_least=2)
        rows = min(len(features), ROWS_AT_ONCE)
        predict = self.engine(backend).predict
        samples = engine_arguments(features, self.dtype)

        def moments_of(first: int) -> npt.NDArray[np.float64]:
            """The first of some draws, and the sums and the sums of squares of what the others have beside it, so that
            a small spread around a large mean keeps its digits."""
            activations = np.empty(self._row_size * rows, self.dtype)
            outputs = np.empty((len(features), self.n_outputs), self.dtype)
            moments = np.zeros((3, *outputs.shape))
            for number in range(first, min(first + DRAWS_TOGETHER, count)):
                predict(outputs, self.program, self.parameters, activations, *samples, rows, True, seed, number)
                if number == first:
                    moments[0] = outputs
                beside = outputs - moments[0]
                moments[1] += beside
                moments[2] += beside * beside
            return moments

        def first_of(some: range, which: slice) -> npt.NDArray[np.float64]:
            return moments_of(some[which.start])

        firsts = range(0, count, DRAWS_TOGETHER)
        members = min(self._members(backend, len(features) * min(count, DRAWS_TOGETHER)), len(firsts))
        total = np.zeros((3, len(features), self.n_outputs))
        # As many at a time as there are threads, and put together in order.
        for some in (firsts[at : at + members] for at in range(0, len(firsts), members)):
            parts = in_parts(functools.partial(first_of, some), len(some), len(some))
            for first, (own, beside, squares) in zip(some, parts, strict=True):
                if first == 0:
                    total[0] = own
                size, shift = min(DRAWS_TOGETHER, count - first), own - total[0]
                total[1] += beside + size * shift
                total[2] += squares + 2 * shift * beside + size * shift * shift
        mean = total[1] / count
        deviation = np.sqrt(np.maximum(total[2] / count - mean * mean, 0))
        return (total[0] + mean).astype(self.dtype), deviation.astype(self.dtype)

    def evaluate(
        self,
        X: npt.ArrayLike | Pixels | Stream,
        y: npt.ArrayLike | None = None,
        *,
        sample_weight: npt.ArrayLike | None = None,
        metrics: Sequence[str] = (),
        backend: str = "jit",
    ) -> dict[str, Any]:
        """The mean loss over the samples (penalties included) and, for a classifier, the accuracy.

        Parameters
        ----------
        X, backend : as of ``predict``
        y : as in ``Network.fit``
            None takes those of a stream.
        sample_weight : (n_samples,) array_like or None
            How much each sample counts in the loss and in the metrics.
        metrics : sequence of str
            More to measure, by scikit-learn: see ``fastnet.METRICS``. Those of a regression are in the data's own units
            where the network has a preparation that standardised the targets; the loss is not.

        Returns
        -------
        dict
            ``{"loss": ..., "accuracy": ..., ...}``.

        Raises
        ------
        DataError
            If X or y cannot be used.
        ConfigurationError
            If a metric does not suit the network.
        """
        wanted = self.check_metrics(metrics, allow_matrix=True)
        features = self.check_samples(X)
        targets = self.check_targets(self.targets_of(X, y), len(features))
        weights = self.check_weights(targets, sample_weight)
        return self.scores(wanted, features, targets, weights, sample_weight, backend)

    def scores(
        self,
        names: Sequence[str],
        X: Samples | Streamed,
        Y: Array,
        W: Array,
        sample_weight: npt.ArrayLike | None,
        backend: str,
        threads: int | None = None,
    ) -> dict[str, Any]:
        """What ``evaluate_checked`` and ``measure`` give together, for which the network runs over the samples once
        (with penalties on the weights twice: they are added to the loss in a run of the whole Program)."""
        if sample_weight is not None and self.is_classifier:
            # The engine counts samples; here they have weights.
            names = tuple(dict.fromkeys(("accuracy", *names)))
        if not names:
            return dict(self.evaluate_checked(X, Y, W, backend, threads))
        logits = self._outputs(X, backend, activated=False, threads=threads)
        has_penalties = ((self.program["l1"] > 0) | (self.program["l2"] > 0)).any()
        of_loss: tuple[Samples | Streamed, Record | None]
        of_loss = (X, None) if has_penalties else (logits, self.program[-1:])
        scores = self.evaluate_checked(of_loss[0], Y, W, backend, threads, program=of_loss[1])
        return scores | self.measure(names, X, Y, sample_weight, backend, logits)

    def check_metrics(self, names: Sequence[str], *, allow_matrix: bool = False) -> tuple[str, ...]:
        """The metrics of those names, as they are called.

        Raises
        ------
        ConfigurationError
            If there is no such metric, or it does not suit the network.
        """
        wanted = check_metrics(names, self.task, self.n_outputs, allow_matrix=allow_matrix)
        for name in wanted:
            without = self.is_classifier and not self.loss_function.gives_probabilities
            if without and metric_named(name).needs == "probabilities":
                raise ConfigurationError(
                    f"the metric {name!r} needs probabilities, which a network with the loss {self.loss} does not "
                    "give; name another metric"
                )
        return wanted

    @property
    def task(self) -> str:
        """What metrics go by: "binary", "multilabel", "multiclass" or "regression"."""
        if not self.is_classifier:
            return "regression"
        if self.loss == "categorical_crossentropy":
            return "multiclass"
        return "binary" if self.n_outputs == 1 else "multilabel"

    def measure(
        self,
        names: Sequence[str],
        X: Samples | Streamed,
        Y: Array,
        sample_weight: npt.ArrayLike | None,
        backend: str,
        logits: Array | None = None,
    ) -> dict[str, Any]:
        """The metrics of those names, which ``check_metrics`` gave, on checked arrays; those of a regression in the
        units of the data, if the network has a preparation that knows them. ``logits`` are the network's, if somebody
        has them already."""
        if not names:
            return {}
        logits = self._outputs(X, backend, activated=False) if logits is None else logits
        outputs, targets = self._activated(logits, backend), Y
        weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        labels = self._labels(logits) if self.is_classifier else outputs
        if self.loss == "hinge":
            targets = np.maximum(Y, 0)  # it has -1 for no
        prepared = self.preparation
        if not self.is_classifier and prepared is not None and len(prepared.target_mean) == self.n_outputs:
            outputs, targets = prepared.values(outputs), prepared.values(Y)
        return dict(measure(names, self.task, targets, outputs, labels, weights))

    def sample_losses(
        self, X: npt.ArrayLike | Pixels, y: npt.ArrayLike, *, backend: str = "jit"
    ) -> npt.NDArray[np.floating]:
        """The loss of each sample, (n_samples,), without penalties: the mean over its outputs, those without a label
        left out. NaN for a sample that has none.

        Parameters and errors are those of ``evaluate``, whose loss is the mean of these, each counted as often as it
        has labels, and the penalties.
        """
        features = self.check_features(X)
        targets = self.check_targets(y, len(features))
        losses = np.empty((len(features), 1 if self.loss == "categorical_crossentropy" else self.n_outputs), self.dtype)
        self.evaluate_checked(features, targets, self.check_weights(targets), backend, losses=losses)
        missing = np.isnan(targets) if self.loss_function.takes_gaps else np.zeros(losses.shape, bool)
        labelled = np.count_nonzero(~missing, axis=1)
        with np.errstate(invalid="ignore"):
            mean: npt.NDArray[np.floating] = np.where(missing, 0, losses).sum(axis=1) / labelled.astype(self.dtype)
        return mean

    def evaluate_checked(
        self,
        X: Samples | Streamed,
        Y: Array,
        W: Array,
        backend: str,
        threads: int | None = None,
        losses: Array | None = None,
        program: Record | None = None,
    ) -> dict[str, float]:
        """``evaluate`` for arrays that ``check_samples``, ``check_targets`` and ``check_weights`` gave; ``losses``
        (n_samples, n_entries) is filled if it is given. With another ``program`` X is what that takes."""
        whole_weight = float(W.sum(dtype=np.float64)) if len(W) else float(len(X))
        result = np.zeros(HISTORY_COLUMNS)
        for which, samples in parts_of(X):
            filled = np.empty((len(samples), W.shape[1]), self.dtype) if losses is None else losses[which]
            result += self._evaluated(samples, Y[which], W[which], whole_weight, backend, threads, filled, program)
        scores = {"loss": float(result[HISTORY_LOSS])}
        if self.is_classifier:
            scores["accuracy"] = float(result[HISTORY_CORRECT]) / self.labelled(Y)
        return scores

    def _evaluated(
        self,
        X: Samples,
        Y: Array,
        W: Array,
        whole_weight: float,
        backend: str,
        threads: int | None,
        losses: Array,
        program: Record | None,
    ) -> npt.NDArray[np.float64]:
        """What some samples add to the result of an evaluation of samples that weigh ``whole_weight`` together."""
        rows = min(len(X), ROWS_AT_ONCE)
        evaluate = self.engine(backend).evaluate
        floats, pixels, divisor = engine_arguments(X, self.dtype)

        def part(which: slice) -> npt.NDArray[np.float64]:
            buffer = np.empty((2, self._row_size * rows), self.dtype)
            result = np.empty(HISTORY_COLUMNS)
            samples = floats[which], pixels[which], divisor
            state = self.program if program is None else program, self.parameters, buffer[0], buffer[1]
            evaluate(result, losses[which], *state, *samples, Y[which], W[which], rows)
            # A part's loss is a mean, which counts for as much as its samples' weights.
            weight = float(W[which].sum(dtype=np.float64)) if len(W) else float(which.stop - which.start)
            result[HISTORY_LOSS] = result[HISTORY_LOSS] * weight / whole_weight if weight > 0 else 0.0
            return result

        total: npt.NDArray[np.float64] = np.sum(in_parts(part, len(X), self._members(backend, len(X), threads)), axis=0)
        return total

    def labelled(self, Y: Array) -> float:
        """How many samples have a label: of one whose outputs have some, the share that has."""
        if not self.loss_function.takes_gaps or self.n_outputs == 1:
            return float(len(Y))
        return np.count_nonzero(~np.isnan(Y)) / self.n_outputs

    def check_samples(self, X: npt.ArrayLike | Pixels | Stream, name: str = "X") -> Samples | Streamed:
        """What ``check_features`` gives, or a stream as this network takes it, with the network's preparation.

        Raises
        ------
        DataError
            As ``check_features``.
        """
        if isinstance(X, Stream):
            return Streamed(X, self.preparation, self.dtype, self.input_shape)
        return self.check_features(X, name)

    def targets_of(self, X: Any, y: Any) -> Any:
        """``y``, or where it is None those of the stream X, prepared by the network's preparation if it has one.

        Raises
        ------
        DataError
            If there are none.
        """
        if y is not None:
            return y
        raw = X.y if isinstance(X, Stream) else None
        if raw is None:
            raise DataError(f"{X.source if isinstance(X, Stream) else 'y'}: there are no targets; give them as y")
        return raw if self.preparation is None else self.preparation.targets(raw, source=X.source)

    def check_features(self, X: npt.ArrayLike | Pixels, name: str = "X") -> Samples:
        """``X`` as ``engine_arguments`` takes it: (n_samples, n_features), C-ordered, of the model's dtype or pixels; a
        copy only if needed.

        Raises
        ------
        DataError
            If X is empty, has another shape, or holds something other than finite numbers.
        """
        if isinstance(X, Stream):
            raise DataError(
                f"{X.source}: a stream is for fit, evaluate and predict; here {name} must be in memory: give an array"
            )
        if isinstance(X, Pixels):
            values = X.X
        else:
            values = numbers(name, X if type(X) is np.ndarray else dense(name, X, self.dtype))
        if values.shape[1:] not in (self.input_shape, (self.n_features,)):
            expected = "(n_samples, " + ", ".join(str(size) for size in self.input_shape) + ")"
            raise DataError(f"{name} must have shape {expected} for this network, but its shape is {values.shape}")
        if len(values) == 0:
            raise DataError(f"{name} is empty; it needs at least one sample")
        if values.ndim != 2:
            values = values.reshape(len(values), self.n_features)
        if values.dtype == BYTES:
            return self._check_pixels(Pixels(converted(values, np.uint8), X.divisor if isinstance(X, Pixels) else 1.0))
        features = converted(values, self.dtype)
        if not all_finite(features):
            row, column = (int(i) for i in np.argwhere(~np.isfinite(features))[0])
            raise DataError(
                f"{name} must be finite, but row {row}, feature {column} holds NaN or infinity (as {self.dtype.name}); "
                "remove or replace it"
            )
        return features

    def _check_pixels(self, pixels: Pixels) -> Pixels:
        limits = np.finfo(self.dtype)
        if not (1 / pixels.divisor >= float(limits.tiny) and 255 / pixels.divisor <= float(limits.max)):
            raise DataError(
                f"the divisor of Pixels, {pixels.divisor:g}, makes numbers of the levels 1 to 255 that "
                f"{self.dtype.name} cannot hold; use one nearer to 255"
            )
        return pixels

    def check_targets(self, y: npt.ArrayLike, samples: int) -> Array:
        """``y`` as the kernels take it, for ``samples`` rows of X; see ``Loss.targets``."""
        return self.loss_function.targets(y, self.n_outputs, samples, self.dtype)

    def check_weights(
        self, targets: Array, sample_weight: npt.ArrayLike | None = None, class_weight: Any = None
    ) -> Array:
        """The weights of checked targets, as the kernels take them; see ``weights.entry_weights``."""
        return entry_weights(self.loss_function, targets, self.n_outputs, sample_weight, class_weight)

    def engine(self, backend: str) -> ModuleType:
        """The engine of that name, ready to run this network.

        Raises
        ------
        ConfigurationError
            If there is no such engine, or a user's own activation cannot be compiled.
        """
        module = engine(backend)
        if self._custom_codes and backend == "jit":
            compile_activations(self._custom_codes, self.dtype.name)
        return module

    def _outputs(
        self, features: Samples | Streamed, backend: str, *, activated: bool, threads: int | None = None
    ) -> Array:
        return self._run(self.program if activated else self._program_to_logits, features, backend, threads)

    def _activated(self, logits: Array, backend: str) -> Array:
        """What the network gives where these are its logits: the loss's own activation, if it has one."""
        if self.loss_function.output_activation is None:
            return logits
        # The end of the Program alone, which is a network without layers.
        return self._run(self.program[-1:], logits, backend)

    def _run(self, program: Record, features: Samples | Streamed, backend: str, threads: int | None = None) -> Array:
        outputs = np.empty((len(features), self.n_outputs), self.dtype)
        predict = self.engine(backend).predict

        def fill(outputs: Array, samples: Samples) -> None:
            rows = min(len(samples), ROWS_AT_ONCE)
            floats, pixels, divisor = engine_arguments(samples, self.dtype)

            def part(which: slice) -> None:
                activations = np.empty(self._row_size * rows, self.dtype)
                some = floats[which], pixels[which], divisor
                predict(outputs[which], program, self.parameters, activations, *some, rows, False, 0, 0)

            in_parts(part, len(samples), self._members(backend, len(samples), threads))

        for which, samples in parts_of(features):
            fill(outputs[which], samples)
        return outputs

    def _members(self, backend: str, rows: int, threads: int | None = None) -> int:
        """How many threads share the rows of a prediction, each row's answer being the same to rounding: ``threads``
        at the most, and only where it pays."""
        return pool_for(threads, self.parameters.size, rows) if backend == "jit" else 1

    def weight_views(self, numbers: npt.NDArray[Any] | None = None) -> list[tuple[npt.NDArray[Any], ...]]:
        """What ``get_weights`` gives copies of; of another vector like ``parameters``, if one is given."""
        flat = self.parameters if numbers is None else numbers
        return [tuple(views_of(op, flat)) for op in self.program[self._has_parameters]]

    @property
    def _has_parameters(self) -> npt.NDArray[np.bool_]:
        kinds: npt.NDArray[np.bool_] = np.isin(self.program["kind"], list(PARAMETERS))
        return kinds

    def parameter_names(self, index: int) -> tuple[tuple[str, ...], str]:
        """What the arrays of a layer with parameters, counted among such layers, are called, and its kind."""
        return PARAMETERS[int(self.program[self._has_parameters][index]["kind"])]


PARAMETERS = {
    DENSE: (("W", "b"), "Dense"),
    LAYER_NORM: (("gamma", "beta"), "LayerNorm"),
    BATCH_NORM: (("gamma", "beta", "mean", "variance"), "BatchNorm"),
}
"""The names of what the ops with parameters have, and of the layer, by kind."""


def views_of(op: Any, parameters: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """What an op has in the flat parameters, in the order of ``PARAMETERS``."""
    weights, biases, size = int(op["weights"]), int(op["biases"]), int(op["output_size"])
    first = parameters[weights:biases]
    views = [first.reshape(-1, size) if op["kind"] == DENSE else first, parameters[biases : biases + size]]
    if op["kind"] == BATCH_NORM:
        statistics = int(op["statistics"])
        views += [parameters[statistics : statistics + size], parameters[statistics + size : statistics + 2 * size]]
    return views
