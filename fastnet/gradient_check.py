"""A network's gradients beside central differences of its loss, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import HISTORY_LOSS

from .errors import ConfigurationError
from .network import Network
from .optimizers import SGD
from .pixels import Pixels
from .training import Training
from .validation import whole

STEP = 1e-5
"""Of a parameter of size 1, in either direction."""

TOLERANCE = 1e-6
"""A central difference of float64 errs by about STEP**2 (truncation) plus eps / STEP (rounding): 1e-10 and 2e-11 of the
loss's and its derivatives' sizes, of which many may come together."""


@dataclass(frozen=True)
class GradientCheck:
    """One parameter tensor's gradient.

    Attributes
    ----------
    layer, parameter : str
        Such as "Dense 0" and "W"; layers are counted among those with parameters.
    backend : str
    checked : int
        How many of its numbers were moved.
    largest : float
        The largest gradient among them.
    error : float
        The largest difference from the central difference, relative to the size of the tensor's gradients.
    """

    layer: str
    parameter: str
    backend: str
    checked: int
    largest: float
    error: float

    @property
    def ok(self) -> bool:
        """Whether the error is what rounding may cause."""
        return self.error <= TOLERANCE


def check_gradients(
    network: Network,
    X: npt.ArrayLike | Pixels | None = None,
    y: npt.ArrayLike | None = None,
    *,
    most: int = 50,
    backends: str | Sequence[str] = ("reference", "jit"),
    seed: int = 0,
) -> list[GradientCheck]:
    """Compare every parameter tensor's gradient of the loss (penalties, and what dropout, noise and augmentation
    draw in the first step, included) with central differences, in float64 whatever the network's dtype; it stays as it
    is.

    Parameters
    ----------
    network : Network
    X, y : as of ``Network.fit``, or None
        None draws some samples that suit the network.
    most : int
        How many numbers of a tensor are moved, chosen at random.
    backends : str or sequence of str
    seed : int
        Decides which, and the samples.

    Returns
    -------
    list of GradientCheck
        For each backend one a tensor, of those that are trained.

    Raises
    ------
    DataError, ConfigurationError
        If an argument cannot be used.
    """
    if not isinstance(network, Network):
        raise ConfigurationError(f"check_gradients needs a network, such as fastnet.load gives, not {network!r}")
    most, rng = whole("most", most, at_least=1), np.random.default_rng(whole("seed", seed, at_least=0))
    double = Network(
        network.layers,
        input_shape=network.input_shape,
        loss=network.loss_function,
        dtype="float64",
        seed=network.seed,
    )
    double.parameters[...] = network.parameters
    if (X is None) != (y is None):
        raise ConfigurationError("check_gradients needs both X and y, or neither; give the other one too")
    if X is None or y is None:
        X, y = drawn(double, rng)
    features = double.check_features(X)
    data = double.labelled(features, double.check_targets(y, len(features)))
    results = []
    for backend in (backends,) if isinstance(backends, str) else backends:
        training = Training(
            double,
            data,
            optimizer=SGD(),
            epochs=1,
            batch_size=len(features),
            shuffle=False,
            validation=None,
            metrics=(),
            backend=backend,
            threads=1,
        )
        results += _check(double, training, backend, most, np.random.default_rng(seed))
    return results


def drawn(network: Network, rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Samples and targets that suit the network's loss."""
    X = rng.standard_normal((SAMPLES, network.n_features))
    if network.loss == "categorical_crossentropy":
        return X, rng.integers(0, network.n_outputs, SAMPLES).astype(np.float64)
    y = rng.standard_normal((SAMPLES, network.n_outputs))
    if network.loss == "poisson":
        return X, np.floor(np.abs(2 * y))
    return X, (y > 0).astype(np.float64) if network.is_classifier else y


SAMPLES = 7


def _check(
    network: Network, training: Training, backend: str, most: int, rng: np.random.Generator
) -> list[GradientCheck]:
    gradient = training.steps.loss_and_gradient()[1].copy()
    results = []
    for index, views in enumerate(network.weight_views(np.arange(network.parameters.size))):
        names, kind = network.parameter_names(index)
        for name, view in zip(names, views, strict=True):
            places = view.ravel()
            if not training.is_trained[places].all():
                continue
            chosen = rng.permutation(places)[:most]
            differences = np.array([_difference(network, training, int(place)) for place in chosen])
            size = max(float(np.abs(gradient[places]).max()), float(np.abs(differences).max()), SMALLEST)
            error = float(np.abs(gradient[chosen] - differences).max()) / size
            largest = float(np.abs(gradient[chosen]).max())
            results.append(GradientCheck(f"{kind} {index}", name, backend, len(chosen), largest, error))
    return results


SMALLEST = 1e-3
"""What gradients are taken for at least: before a batch normalisation those of a bias are 0 but for roundings."""


def _difference(network: Network, training: Training, place: int) -> float:
    kept = network.parameters[place]
    step = STEP * max(1.0, abs(float(kept)))
    losses = []
    for moved in (kept + step, kept - step):
        network.parameters[place] = moved
        losses.append(float(training.steps.loss_and_gradient()[0][HISTORY_LOSS]))
    network.parameters[place] = kept
    return (losses[0] - losses[1]) / (2 * step)
