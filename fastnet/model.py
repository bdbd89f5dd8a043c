"""A model: layers lowered to a Program over one flat parameter vector, and what can be asked of it without training."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import DENSE, HISTORY_COLUMNS, HISTORY_CORRECT, HISTORY_LOSS, IDENTITY, row_size

from .backends import engine
from .errors import ConfigurationError, DataError
from .layers import Dense, Dropout, Layer
from .losses import LOSS_TABLE
from .lowering import initial_parameters, lower
from .pixels import Pixels, Samples, engine_arguments
from .preparation import Preparation
from .threads import in_parts, members_for, worth_sharing
from .validation import all_finite, choice, converted, numbers, whole

DTYPES = ("float32", "float64")
ROWS_AT_ONCE = 256
"""Rows that prediction sends through all layers together, so that what they give stays in the cache."""

Array = npt.NDArray[np.floating]


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
        loss: str,
        dtype: str = "float32",
        seed: int = 0,
    ) -> None:
        for layer in layers:
            if not isinstance(layer, Dense | Dropout):
                raise ConfigurationError(f"layers must be fastnet layers such as Dense(10), not {layer!r}")
        shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
        if not 1 <= len(shape) <= 3:
            raise ConfigurationError(f"input_shape must have 1 to 3 sizes, such as (64,) or (28, 28, 1), not {shape!r}")
        self.input_shape = tuple(whole("a size in input_shape", size, at_least=1) for size in shape)
        self.layers = tuple(layers)
        self.loss = choice("loss", loss, LOSS_TABLE)
        self.dtype = np.dtype(choice("dtype", dtype, DTYPES))
        self.seed = whole("seed", seed, at_least=0)
        if self.seed >= 2**63:
            raise ConfigurationError(f"seed must be below 2**63, not {seed}")
        self.program = lower(self.layers, self.input_shape, LOSS_TABLE[loss])
        self.parameters = initial_parameters(self.layers, self.program, self.seed, self.dtype)
        self.preparation: Preparation | None = None
        # Worked out once: a single row is predicted in less time than these take.
        self._row_size = row_size(self.program)
        self._program_to_logits = self.program.copy()
        self._program_to_logits[-1]["output_activation"] = IDENTITY
        self.n_features = math.prod(self.input_shape)
        self.n_outputs = int(self.program[-1]["output_size"])

    @property
    def is_classifier(self) -> bool:
        """Whether the outputs are probabilities of classes."""
        return LOSS_TABLE[self.loss].is_classification

    def __repr__(self) -> str:
        layers = ", ".join(repr(layer) for layer in self.layers)
        return (
            f"{type(self).__name__}([{layers}], input_shape={self.input_shape}, loss={self.loss!r}, "
            f"dtype={self.dtype.name!r}, seed={self.seed})"
        )

    def get_weights(self) -> list[tuple[Array, Array]]:
        """Copies of (W, b) for each dense layer in order; W is (n_in, n_out), b is (n_out,)."""
        return [(weights.copy(), biases.copy()) for weights, biases in self._weight_views()]

    def set_weights(self, weights: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> None:
        """Set (W, b) of every dense layer, shaped as ``get_weights`` gives them.

        Raises
        ------
        DataError
            If a pair is missing, has another shape, or holds something other than finite numbers; nothing is then set.
        """
        views = self._weight_views()
        if len(weights) != len(views):
            raise DataError(
                f"set_weights needs {len(views)} (W, b) pairs, one for each Dense layer, not {len(weights)}"
            )
        checked = []
        for index, (pair, (old_weights, old_biases)) in enumerate(zip(weights, views, strict=True)):
            if len(pair) != 2:
                raise DataError(f"set_weights needs a (W, b) pair for Dense layer {index}, not {len(pair)} arrays")
            for name, value, old in zip("Wb", pair, (old_weights, old_biases), strict=True):
                new = converted(numbers(f"{name} of Dense layer {index}", value), self.dtype)
                if new.shape != old.shape:
                    raise DataError(f"{name} of Dense layer {index} must have shape {old.shape}, not {new.shape}")
                if not np.isfinite(new).all():
                    raise DataError(f"{name} of Dense layer {index} must be finite, but it holds NaN or infinity")
                checked.append((old, new))
        for old, new in checked:
            old[...] = new

    def predict(self, X: npt.ArrayLike | Pixels, *, backend: str = "jit") -> npt.NDArray[Any]:
        """The network's answer for each sample.

        Parameters
        ----------
        X : array_like or Pixels
            (n_samples, *input_shape) or (n_samples, n_features), finite.
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
        # Classes are read off the logits, as accuracy counts them: a small one can round to a probability of one half.
        outputs = self._outputs(X, backend, activated=not self.is_classifier)
        if not self.is_classifier:
            return outputs[:, 0] if self.n_outputs == 1 else outputs
        if self.loss == "categorical_crossentropy":
            classes: npt.NDArray[np.int64] = outputs.argmax(axis=1)
            return classes
        labels = (outputs > 0).astype(np.int64)
        return labels[:, 0] if self.n_outputs == 1 else labels

    def predict_proba(self, X: npt.ArrayLike | Pixels, *, backend: str = "jit") -> Array:
        """The probabilities a classifier gives: (n_samples, n_outputs). One sigmoid output is one column, the
        probability of class 1. Parameters and errors are those of ``predict``; a network that is no classifier raises
        ConfigurationError."""
        if not self.is_classifier:
            raise ConfigurationError(
                f"predict_proba needs a classifier, but this network's loss is {self.loss}; use predict"
            )
        return self._outputs(X, backend, activated=True)

    def evaluate(self, X: npt.ArrayLike | Pixels, y: npt.ArrayLike, *, backend: str = "jit") -> dict[str, float]:
        """The mean loss over the samples (penalties included) and, for a classifier, the accuracy.

        Parameters are those of ``predict``, with ``y`` as in ``Network.fit``.

        Returns
        -------
        dict
            ``{"loss": ..., "accuracy": ...}``.

        Raises
        ------
        DataError
            If X or y cannot be used.
        """
        features = self.check_features(X)
        return self.evaluate_checked(features, self.check_targets(y, len(features)), backend)

    def evaluate_checked(self, X: Samples, Y: Array, backend: str, threads: int | None = None) -> dict[str, float]:
        """``evaluate`` for arrays that ``check_features`` and ``check_targets`` gave."""
        rows = min(len(X), ROWS_AT_ONCE)
        evaluate = engine(backend).evaluate
        floats, pixels, divisor = engine_arguments(X, self.dtype)

        def part(which: slice) -> npt.NDArray[np.float64]:
            buffer = np.empty((2, self._row_size * rows), self.dtype)
            result = np.empty(HISTORY_COLUMNS)
            samples = floats[which], pixels[which], divisor
            evaluate(result, self.program, self.parameters, buffer[0], buffer[1], *samples, Y[which], rows)
            # A part's loss is a mean, which counts for as many samples as it is of.
            result[HISTORY_LOSS] *= (which.stop - which.start) / len(X)
            return result

        result = np.sum(in_parts(part, len(X), self._members(backend, len(X), threads)), axis=0)
        scores = {"loss": float(result[HISTORY_LOSS])}
        if self.is_classifier:
            scores["accuracy"] = float(result[HISTORY_CORRECT]) / len(X)
        return scores

    def check_features(self, X: npt.ArrayLike | Pixels, name: str = "X") -> Samples:
        """``X`` as ``engine_arguments`` takes it: (n_samples, n_features), C-ordered, of the model's dtype or pixels; a
        copy only if needed.

        Raises
        ------
        DataError
            If X is empty, has another shape, or holds something other than finite numbers.
        """
        values = X.X if isinstance(X, Pixels) else numbers(name, X)
        if values.shape[1:] not in (self.input_shape, (self.n_features,)):
            expected = "(n_samples, " + ", ".join(str(size) for size in self.input_shape) + ")"
            raise DataError(f"{name} must have shape {expected} for this network, but its shape is {values.shape}")
        if len(values) == 0:
            raise DataError(f"{name} is empty; it needs at least one sample")
        values = values.reshape(len(values), self.n_features)
        if values.dtype == np.uint8:
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
        return LOSS_TABLE[self.loss].targets(y, self.n_outputs, samples, self.dtype)

    def _outputs(self, X: npt.ArrayLike | Pixels, backend: str, *, activated: bool) -> Array:
        features = self.check_features(X)
        rows = min(len(features), ROWS_AT_ONCE)
        outputs = np.empty((len(features), self.n_outputs), self.dtype)
        program = self.program if activated else self._program_to_logits
        predict = engine(backend).predict
        floats, pixels, divisor = engine_arguments(features, self.dtype)

        def part(which: slice) -> None:
            activations = np.empty(self._row_size * rows, self.dtype)
            samples = floats[which], pixels[which], divisor
            predict(outputs[which], program, self.parameters, activations, *samples, rows)

        in_parts(part, len(features), self._members(backend, len(features)))
        return outputs

    def _members(self, backend: str, rows: int, threads: int | None = None) -> int:
        """How many threads share the rows of a prediction, each row's answer being the same to rounding: ``threads``
        at the most, and only where it pays."""
        if backend != "jit" or not worth_sharing(self.parameters.size, rows):
            return 1
        return members_for(threads, self.parameters.size, rows)

    def _weight_views(self) -> list[tuple[Array, Array]]:
        views = []
        for op in self.program[self.program["kind"] == DENSE]:
            weights = self.parameters[op["weights"] : op["biases"]]
            biases = self.parameters[op["biases"] : op["biases"] + op["output_size"]]
            views.append((weights.reshape(op["input_size"], op["output_size"]), biases))
        return views
