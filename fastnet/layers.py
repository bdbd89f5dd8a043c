"""What a layer is, not how it runs: frozen descriptions that ``lowering`` turns into op records."""

from dataclasses import asdict, dataclass
from typing import Any

from .activations import Activation, activation_to_data, checked_activation
from .errors import ConfigurationError
from .initializers import Initializer, checked_init, init_to_data
from .validation import number, whole


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: ``activation(x @ W + b)``.

    Parameters
    ----------
    units : int
        Number of outputs, at least 1.
    activation : str or activation
        One of ``fastnet.ACTIVATIONS``, or ``LeakyReLU(slope)`` or ``ELU(alpha)``.
    init : str or initializer
        How the weights start: one of ``fastnet.INITIALIZERS``, "auto" (by the activation: he for ReLU and its kin,
        lecun for SELU, xavier for the others), or
        ``Normal(scale)``, ``Uniform(scale)`` or ``Constant(value)``; biases start at zero.
    l2 : float
        Penalty ``l2 / 2 * sum(W ** 2)``, added to the loss; biases have none.

    Raises
    ------
    ConfigurationError
        If a value is out of its range or a name is not known.
    """

    units: int
    activation: str | Activation = "identity"
    init: str | Initializer = "auto"
    l2: float = 0.0

    def __post_init__(self) -> None:
        # Plain numbers, whatever kind was given, so that a model file can hold them.
        object.__setattr__(self, "units", whole("Dense units", self.units, at_least=1))
        object.__setattr__(self, "activation", checked_activation(self.activation))
        object.__setattr__(self, "init", checked_init(self.init))
        object.__setattr__(self, "l2", number("l2", self.l2, at_least=0))

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one sample after this layer."""
        return (self.units,)


@dataclass(frozen=True)
class Dropout:
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

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one sample after this layer."""
        return input_shape


Layer = Dense | Dropout
LAYERS: dict[str, type[Dense] | type[Dropout]] = {"dense": Dense, "dropout": Dropout}


def layer_to_dict(layer: Layer) -> dict[str, Any]:
    """The layer as plain data: its kind and its parameters."""
    data = {"kind": type(layer).__name__.lower(), **asdict(layer)}
    if isinstance(layer, Dense):
        data["activation"], data["init"] = activation_to_data(layer.activation), init_to_data(layer.init)
    return data


def layer_from_dict(data: Any) -> Layer:
    """The layer that ``layer_to_dict`` described.

    Raises
    ------
    ConfigurationError
        If the data does not describe a layer.
    """
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or data["kind"] not in LAYERS:
        raise ConfigurationError(f"a layer is one of {', '.join(LAYERS)}, but the description says {data!r}")
    parameters = {name: value for name, value in data.items() if name != "kind"}
    try:
        return LAYERS[data["kind"]](**parameters)
    except TypeError as error:
        raise ConfigurationError(f"the description of a {data['kind']} layer is wrong: {error}") from error
