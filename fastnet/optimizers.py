"""What an optimizer is; its update is a kernel of the same name in lower case."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fastnet_kernels.program import OPTIMIZER, OPTIMIZERS, Record

from .errors import ConfigurationError
from .validation import number


@dataclass(frozen=True)
class Optimizer:
    """Base of the optimizers: frozen dataclasses whose fields are the kernel's constants."""

    name: ClassVar[str]

    @property
    def kernel(self) -> str:
        """The kernel that does its update, one of ``program.OPTIMIZERS``."""
        return self.name

    def record(self) -> Record:
        """The optimizer as the engines read it: one OPTIMIZER record, of shape (1,)."""
        record = np.zeros(1, OPTIMIZER)
        record["kind"] = OPTIMIZERS.index(self.kernel)
        for field, value in vars(self).items():
            if field != "centered":  # which is a kernel of its own
                record[field] = value
        return record


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent: ``v = momentum * v - learning_rate * g``, then ``p += v``.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    momentum : float
        In [0, 1).
    nesterov : bool
        Whether to look ahead: ``p += momentum * v - learning_rate * g``.
    """

    name: ClassVar[str] = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("momentum", self.momentum, at_least=0, below=1)
        if not isinstance(self.nesterov, bool):
            raise ConfigurationError(f"nesterov must be True or False, not {self.nesterov!r}")


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015), with bias correction.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    beta_1, beta_2 : float
        Decay of the first and second moments, in [0, 1).
    epsilon : float
        Added to the root of the second moment, above 0.
    """

    name: ClassVar[str] = "adam"
    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("beta_1", self.beta_1, at_least=0, below=1)
        number("beta_2", self.beta_2, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): before each step every parameter, biases too, is
    multiplied by ``1 - learning_rate * weight_decay``, as in PyTorch.

    Parameters
    ----------
    weight_decay : float
        At least 0, and below ``1 / learning_rate``. The others are Adam's.
    """

    name: ClassVar[str] = "adamw"
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        _decay_of_weights(self.weight_decay, self.learning_rate)

    @property
    def kernel(self) -> str:
        return "adam"


def _decay_of_weights(weight_decay: float, learning_rate: float) -> None:
    number("weight_decay", weight_decay, at_least=0, below=1 / learning_rate)


@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam divided by the largest second moment so far (Reddi, Kale and Kumar, 2018); parameters as Adam's."""

    name: ClassVar[str] = "amsgrad"


@dataclass(frozen=True)
class Adamax(Adam):
    """Adam with the infinity norm (Kingma and Ba, 2015, section 7); parameters as Adam's."""

    name: ClassVar[str] = "adamax"
    learning_rate: float = 0.002


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer, 2011): each parameter's rate falls with the squares of its gradients so far.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        At least 0: step t has the rate ``learning_rate / (1 + (t - 1) * decay)``.
    epsilon : float
        Added to the root of the sum of squares, above 0.
    """

    name: ClassVar[str] = "adagrad"
    learning_rate: float = 0.01
    decay: float = 0.0
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("decay", self.decay, at_least=0)
        number("epsilon", self.epsilon, above=0)


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012): the gradient over the root of its running mean square.

    Parameters
    ----------
    learning_rate : float
        Above 0.
    decay : float
        Of the running means, in [0, 1); PyTorch's alpha, Keras's rho.
    epsilon : float
        Added to the root, above 0.
    momentum : float
        In [0, 1).
    centered : bool
        Whether to divide by the root of the variance instead (Graves, 2013).
    """

    name: ClassVar[str] = "rmsprop"
    learning_rate: float = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("decay", self.decay, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)
        number("momentum", self.momentum, at_least=0, below=1)
        if not isinstance(self.centered, bool):
            raise ConfigurationError(f"centered must be True or False, not {self.centered!r}")

    @property
    def kernel(self) -> str:
        return "centered_rmsprop" if self.centered else "rmsprop"


@dataclass(frozen=True)
class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): the gradient over the root of its running mean square, times that of the changes.

    Parameters
    ----------
    learning_rate : float
        Above 0; the paper has none, which is 1.
    decay : float
        Of the running means, in [0, 1); the paper's rho.
    epsilon : float
        Added under both roots, above 0.
    """

    name: ClassVar[str] = "adadelta"
    learning_rate: float = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("decay", self.decay, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)


@dataclass(frozen=True)
class Lion(Optimizer):
    """Lion (Chen et al., 2023): steps of one size, in the direction of a momentum's sign.

    Parameters
    ----------
    learning_rate : float
        Above 0; a third to a tenth of Adam's.
    beta_1, beta_2 : float
        The momentum's share in the direction, and its decay, in [0, 1).
    weight_decay : float
        As AdamW's.
    """

    name: ClassVar[str] = "lion"
    learning_rate: float = 0.0001
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("beta_1", self.beta_1, at_least=0, below=1)
        number("beta_2", self.beta_2, at_least=0, below=1)
        _decay_of_weights(self.weight_decay, self.learning_rate)


@dataclass(frozen=True)
class Rprop(Optimizer):
    """Rprop (Riedmiller and Braun, 1993), for full batches: each parameter has a step of its own, which only the signs
    of its gradients change.

    Parameters
    ----------
    learning_rate : float
        The first step, above 0.
    shrink, grow : float
        What a step is multiplied by when the sign has changed, in (0, 1), and when it has not, above 1.
    smallest, largest : float
        Steps stay between them; above 0.
    """

    name: ClassVar[str] = "rprop"
    learning_rate: float = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0

    def __post_init__(self) -> None:
        number("learning_rate", self.learning_rate, above=0)
        number("shrink", self.shrink, above=0, below=1)
        number("grow", self.grow, above=1)
        number("smallest", self.smallest, above=0)
        number("largest", self.largest, above=self.smallest)


OPTIMIZER_CLASSES: dict[str, type[Optimizer]] = {
    kind.name: kind for kind in (SGD, Adam, AdamW, AMSGrad, Adamax, Adagrad, RMSprop, Adadelta, Lion, Rprop)
}
