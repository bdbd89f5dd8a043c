"""What a layer is, not how it runs: frozen descriptions that ``lowering`` turns into op records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .activations import ActivationObject, CustomActivation, activation_to_data, checked_activation
from .errors import ConfigurationError
from .initializers import Initializer, checked_init, init_to_data
from .validation import choice, number, whole


class Layer:
    """Base of the layers; this one's gives as many numbers as it takes."""

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one sample after this layer."""
        return input_shape


def _is_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {value!r}")


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer: ``activation(x @ W + b)``.

    Parameters
    ----------
    units : int
        Number of outputs, at least 1.
    activation : str or activation
        One of ``fastnet.ACTIVATIONS``, or ``LeakyReLU(slope)``, ``ELU(alpha)`` or a ``CustomActivation``.
    init : str or initializer
        How the weights start: one of ``fastnet.INITIALIZERS``, "auto" (by the activation: he for ReLU and its kin,
        lecun for SELU, xavier for the others), or
        ``Normal(scale)``, ``Uniform(scale)`` or ``Constant(value)``; biases start at zero.
    l1, l2 : float
        Penalty ``l1 * sum(abs(W)) + l2 / 2 * sum(W ** 2)``, added to the loss; biases have none.
    max_norm : float or None
        After each step the weights into a unit are shrunk to this norm where theirs is larger.
    trainable : bool
        Whether training changes the weights. One that it does not change costs no gradient, and has no penalty.

    Raises
    ------
    ConfigurationError
        If a value is out of its range or a name is not known.
    """

    units: int
    activation: str | ActivationObject = "identity"
    init: str | Initializer = "auto"
    l2: float = 0.0
    l1: float = 0.0
    max_norm: float | None = None
    trainable: bool = True

    def __post_init__(self) -> None:
        # Plain numbers, whatever kind was given, so that a model file can hold them.
        object.__setattr__(self, "units", whole("Dense units", self.units, at_least=1))
        object.__setattr__(self, "activation", checked_activation(self.activation))
        object.__setattr__(self, "init", checked_init(self.init))
        object.__setattr__(self, "l1", number("l1", self.l1, at_least=0))
        object.__setattr__(self, "l2", number("l2", self.l2, at_least=0))
        if self.max_norm is not None:
            object.__setattr__(self, "max_norm", number("max_norm", self.max_norm, above=0))
        _is_flag("trainable", self.trainable)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one sample after this layer."""
        return (self.units,)


@dataclass(frozen=True)
class Activation(Layer):
    """The activation of the layer before it, which has none of its own: for one that follows a normalisation.

    Parameters
    ----------
    activation : str or activation
        As Dense's.
    """

    activation: str | ActivationObject

    def __post_init__(self) -> None:
        object.__setattr__(self, "activation", checked_activation(self.activation))


@dataclass(frozen=True)
class Dropout(Layer):
    """Inverted dropout: in training each input is dropped with probability ``rate`` and the others are scaled by
    ``1 / (1 - rate)``; in prediction it does nothing.

    Parameters
    ----------
    rate : float
        In [0, 1).

    Raises
    ------
    ConfigurationError
        If rate is out of its range.
    """

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", number("dropout rate", self.rate, at_least=0, below=1))


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """Numbers of a normal distribution around 0 added in training; in prediction it does nothing.

    Parameters
    ----------
    deviation : float
        The distribution's standard deviation, at least 0.
    """

    deviation: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "deviation", number("the deviation of GaussianNoise", self.deviation, at_least=0))


FLIPS = ("none", "horizontal", "vertical", "both")


@dataclass(frozen=True)
class Augment(Layer):
    """Pictures changed at random in training, anew in each step; in prediction it does nothing.

    It stands first in a network whose input_shape is a picture's, (height, width) or (height, width, channels). A
    picture is flipped, then turned about its middle, then moved by whole pixels; where that leaves room, its nearest
    edge is continued. A turned picture's numbers lie between those of four pixels (bilinear), any other's are copies.
    Like a dropout's, what is drawn depends on the network's seed, the step and the sample's place in the batch alone.

    Parameters
    ----------
    flip : str
        "horizontal" exchanges left and right in half the pictures, "vertical" top and bottom, "both" does both, each by
        itself; or "none".
    shift : float
        In [0, 1): a picture moves up or down by at most this share of its height, and to a side by at most this share
        of its width, each whole number of pixels as likely as the others.
    rotate : float
        In [0, 180]: a picture turns by at most so many degrees in either direction, each angle as likely.

    Raises
    ------
    ConfigurationError
        If a value is out of its range.
    """

    flip: str = "none"
    shift: float = 0.0
    rotate: float = 0.0

    def __post_init__(self) -> None:
        choice("the flip of Augment", self.flip, FLIPS)
        object.__setattr__(self, "shift", number("the shift of Augment", self.shift, at_least=0, below=1))
        object.__setattr__(self, "rotate", number("the rotate of Augment", self.rotate, at_least=0))
        if self.rotate > 180:
            raise ConfigurationError(
                f"the rotate of Augment must be at most 180 degrees, half a turn to either side, not {self.rotate:g}"
            )


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation (Ioffe and Szegedy, 2015): ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, by the
    mean and variance of each unit over the batch in training, and by their running averages in prediction.

    Parameters
    ----------
    momentum : float
        The share of the running averages that a step keeps, in [0, 1); one minus PyTorch's.
    epsilon : float
        Above 0.
    trainable : bool
        Whether training changes gamma and beta. A layer that it does not change goes by its running averages.
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    trainable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "momentum", number("the momentum of BatchNorm", self.momentum, at_least=0, below=1))
        object.__setattr__(self, "epsilon", number("the epsilon of BatchNorm", self.epsilon, above=0))
        _is_flag("trainable", self.trainable)


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Layer normalisation (Ba, Kiros and Hinton, 2016): ``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, by
    the mean and variance of each sample over its units.

    Parameters
    ----------
    epsilon : float
        Above 0.
    trainable : bool
        Whether training changes gamma and beta.
    """

    epsilon: float = 1e-5
    trainable: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "epsilon", number("the epsilon of LayerNorm", self.epsilon, above=0))
        _is_flag("trainable", self.trainable)


WithParameters = Dense | BatchNorm | LayerNorm
LAYERS: dict[str, type[Layer]] = {
    kind.__name__.lower(): kind for kind in (Dense, Activation, Dropout, GaussianNoise, Augment, BatchNorm, LayerNorm)
}


def checked_layers(layers: Any) -> tuple[Layer, ...]:
    """``layers``, if they are a sequence of layers, of which no two have different activations of one name.

    Raises
    ------
    ConfigurationError
        If they are something else.
    """
    if not isinstance(layers, Sequence):
        raise ConfigurationError(f"layers must be a list of layers, such as [Dense(10)], not {layers!r}")
    own: dict[str, CustomActivation] = {}
    for layer in layers:
        if type(layer) not in LAYERS.values():
            raise ConfigurationError(f"layers must be fastnet layers such as Dense(10), not {layer!r}")
        activation = getattr(layer, "activation", None)
        if isinstance(activation, CustomActivation) and own.setdefault(activation.name, activation) != activation:
            raise ConfigurationError(
                f"two different CustomActivations are named {activation.name!r}, the name they are saved by; rename one"
            )
    return tuple(layers)


def layer_to_dict(layer: Layer) -> dict[str, Any]:
    """The layer as plain data: its kind and its parameters."""
    data = {"kind": type(layer).__name__.lower(), **vars(layer)}
    if isinstance(layer, Dense | Activation):
        data["activation"] = activation_to_data(layer.activation)
    if isinstance(layer, Dense):
        data["init"] = init_to_data(layer.init)
    return data


def layer_from_dict(data: Any, own: Sequence[CustomActivation] = ()) -> Layer:
    """The layer that ``layer_to_dict`` described; ``own`` are the user's activations that it may name.

    Raises
    ------
    ConfigurationError
        If the data does not describe a layer.
    """
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or data["kind"] not in LAYERS:
        raise ConfigurationError(f"a layer is one of {', '.join(LAYERS)}, but the description says {data!r}")
    parameters = {name: value for name, value in data.items() if name != "kind"}
    if "activation" in parameters:
        parameters["activation"] = checked_activation(parameters["activation"], own)
    try:
        return LAYERS[data["kind"]](**parameters)
    except TypeError as error:
        raise ConfigurationError(f"the description of a {data['kind']} layer is wrong: {error}") from error
