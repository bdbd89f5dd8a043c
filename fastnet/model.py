"""A model: layers lowered to a Program over one flat parameter vector, and what can be asked of it without training."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import statistics_count

from .checked_samples import checked_samples, shaped_samples
from .data.stream import Stream
from .errors import ConfigurationError
from .evaluation import Evaluation
from .forward import Forward
from .head import Head
from .labelled import Labelled, targets_of
from .layers import Layer, checked_layers
from .losses import Loss, checked_loss, loss_to_data
from .lowering import initial_parameters, lower
from .monte_carlo import is_random, mean_and_deviation
from .parameter_views import checked_weights, parameter_names, weight_views
from .pixels import Pixels, Samples
from .preparation import Preparation
from .streamed import Streamed
from .validation import checked_seed, choice, whole

DTYPES = ("float32", "float64")

Array = npt.NDArray[np.floating]


class Model:
    """See ``Network``, which adds training and files.

    Attributes
    ----------
    n_features, n_outputs : int
        Numbers in one sample, and numbers that the network gives for it.
    program : Record
        What the layers are for an engine.
    head : Head
        What the outputs say.
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
        self.layers = checked_layers(layers)
        shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
        if not 1 <= len(shape) <= 3:
            raise ConfigurationError(f"input_shape must have 1 to 3 sizes, such as (64,) or (28, 28, 1), not {shape!r}")
        self.input_shape = tuple(whole("a size in input_shape", size, at_least=1) for size in shape)
        self.loss_function = checked_loss(loss)
        self.loss = self.loss_function.name
        self.dtype = np.dtype(choice("dtype", getattr(dtype, "__name__", dtype), DTYPES))
        self.seed = checked_seed(seed)
        self.program = lower(self.layers, self.input_shape, self.loss_function)
        self.parameters = initial_parameters(self.layers, self.program, self.seed, self.dtype)
        self._forward: Forward | None = None
        self.preparation: Preparation | None = None
        self.n_features, self.n_outputs = math.prod(self.input_shape), int(self.program[-1]["output_size"])
        self.head = Head(self.loss_function, self.n_outputs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_forward": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A user's own activation has another address in another process."""
        self.__dict__.update(state)
        self.program = lower(self.layers, self.input_shape, self.loss_function)

    @property
    def is_classifier(self) -> bool:
        """Whether the outputs say classes."""
        return self.head.is_classifier

    @property
    def task(self) -> str:
        """What metrics go by: "binary", "multilabel", "multiclass" or "regression"."""
        return self.head.task

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

    @property
    def forward(self) -> Forward:
        """Runs it over samples."""
        # Made once, unless somebody gives the model another vector.
        if self._forward is None or self._forward.parameters is not self.parameters:
            self._forward = Forward(self.program, self.parameters)
        return self._forward

    @property
    def evaluation(self) -> Evaluation:
        """What measures it, with the preparation that it has now."""
        return Evaluation(self.forward, self.head, self.preparation)

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
        for old, new in checked_weights(self.program, self.parameters, weights):
            old[...] = new

    def weight_views(self, numbers: npt.NDArray[Any] | None = None) -> list[tuple[npt.NDArray[Any], ...]]:
        """What ``get_weights`` gives copies of; of another vector like ``parameters``, if one is given."""
        return weight_views(self.program, self.parameters if numbers is None else numbers)

    def parameter_names(self, index: int) -> tuple[tuple[str, ...], str]:
        """What the arrays of a layer with parameters, counted among such layers, are called, and its kind."""
        return parameter_names(self.program, index)

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
        return self.predict_checked(self._samples(X), backend)

    def predict_checked(
        self, features: Samples | Streamed, backend: str, threads: int | None = None
    ) -> npt.NDArray[Any]:
        """``predict`` for what ``check_samples`` gave."""
        if self.is_classifier:
            # Read off the logits, as accuracy counts them: a small one can round to a probability of one half.
            return self.head.classes(self.forward.logits(features, backend, threads))
        outputs = self.forward.outputs(features, backend, threads)
        return outputs[:, 0] if self.n_outputs == 1 else outputs

    def predict_proba(self, X: npt.ArrayLike | Pixels | Stream, *, backend: str = "jit") -> Array:
        """The probabilities a classifier gives: (n_samples, n_outputs). One sigmoid output is one column, the
        probability of class 1. Parameters and errors are those of ``predict``; a network that is no classifier raises
        ConfigurationError."""
        if not self.loss_function.gives_probabilities:
            raise ConfigurationError(
                f"predict_proba needs a network that gives probabilities, but this one's loss is {self.loss}; "
                "use predict"
            )
        return self.forward.outputs(self._samples(X), backend)

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
        if not is_random(self.program):
            raise ConfigurationError(
                "predict_spread needs a network with dropout or noise (or Augment), but this one gives the same answer "
                "in every draw"
            )
        features, seed = self.check_features(X), checked_seed(seed)
        return mean_and_deviation(self.forward, features, whole("draws", draws, at_least=2), seed, backend)

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
        return self.evaluation.scores(wanted, self.labelled(features, targets, sample_weight), backend)

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
        return self.evaluation.sample_losses(self.labelled(features, targets), backend)

    def _samples(self, X: npt.ArrayLike | Pixels | Stream) -> Samples | Streamed:
        """What ``check_samples`` gives, but not seen to be finite: an engine that predicts says whether it was."""
        return self._streamed(X) if isinstance(X, Stream) else shaped_samples(X, "X", self.input_shape, self.dtype)

    def _streamed(self, stream: Stream) -> Streamed:
        return Streamed(stream, self.preparation, self.dtype, self.input_shape)

    def check_samples(self, X: npt.ArrayLike | Pixels | Stream, name: str = "X") -> Samples | Streamed:
        """What ``check_features`` gives, or a stream as this network takes it, with the network's preparation.

        Raises
        ------
        DataError
            As ``check_features``.
        """
        return self._streamed(X) if isinstance(X, Stream) else self.check_features(X, name)

    def check_features(self, X: npt.ArrayLike | Pixels, name: str = "X") -> Samples:
        """``X`` as an engine takes it; see ``checked_samples``."""
        return checked_samples(X, name, self.input_shape, self.dtype)

    def check_targets(self, y: npt.ArrayLike, samples: int) -> Array:
        """``y`` as the kernels take it, for ``samples`` rows of X; see ``Loss.targets``."""
        return self.head.targets(y, samples, self.dtype)

    def check_weights(
        self, targets: Array, sample_weight: npt.ArrayLike | None = None, class_weight: Any = None
    ) -> Array:
        """The weights of checked targets, as the kernels take them; see ``weights.entry_weights``."""
        return self.head.weights(targets, sample_weight, class_weight)

    def check_metrics(self, names: Sequence[str], *, allow_matrix: bool = False) -> tuple[str, ...]:
        """The metrics of those names, as they are called; see ``Head.check_metrics``."""
        return self.head.check_metrics(names, allow_matrix=allow_matrix)

    def targets_of(self, X: Any, y: Any) -> Any:
        """``y``, or where it is None those of the stream X, prepared by the network's preparation if it has one.

        Raises
        ------
        DataError
            If there are none.
        """
        return targets_of(X, self.preparation) if y is None else y

    def labelled(
        self,
        X: Samples | Streamed,
        targets: Array,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: Any = None,
    ) -> Labelled:
        """Checked samples and targets, with the weights of these.

        Raises
        ------
        DataError, ConfigurationError
            As ``weights.entry_weights``.
        """
        weights = self.check_weights(targets, sample_weight, class_weight)
        return Labelled(X, targets, weights, None if sample_weight is None else np.asarray(sample_weight, np.float64))
