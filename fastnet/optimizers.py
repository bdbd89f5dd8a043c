"""What an optimizer is; its update is a kernel of the same name in lower case."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import OPTIMIZER, OPTIMIZERS, PRODUCT, RATE, SCHEDULE_COLUMNS, SLOTS, Record

from .errors import ConfigurationError
from .schedules import Schedule, initial_rate
from .validation import number, whole


@dataclass(frozen=True)
class Optimizer:
    """Base of the optimizers: frozen dataclasses whose fields are the kernel's constants.

    Parameters
    ----------
    clip_value : float or None
        Each gradient is held between minus this and this, above 0.
    clip_norm : float or None
        All gradients together are shrunk to this norm where theirs is larger, above 0 (Pascanu, Mikolov and Bengio,
        2013).
    average : float or None
        Keep a mean of the weights, ``average`` times itself plus the rest of the weights after each step, in (0, 1),
        with Adam's correction for its beginning; validation and the trained network take the mean (Polyak and Juditsky,
        1992, with a decay).
    """

    name: ClassVar[str]
    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    average: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.clip_value is not None:
            number("clip_value", self.clip_value, above=0)
        if self.clip_norm is not None:
            number("clip_norm", self.clip_norm, above=0)
        if self.clip_value is not None and self.clip_norm is not None:
            raise ConfigurationError("clip_value and clip_norm cannot both be given; choose one way to clip gradients")
        if self.average is not None:
            number("average", self.average, above=0, below=1)

    @property
    def kernel(self) -> str:
        """The kernel that does its update, one of ``program.OPTIMIZERS``."""
        return self.name

    @property
    def slots(self) -> int:
        """How many slot vectors it keeps."""
        return SLOTS[self.kernel] + (self.average is not None)

    @property
    def highest_rate(self) -> float:
        """What no learning rate of a training is above; 0 where there is none."""
        return 0.0

    @property
    def is_linear(self) -> bool:
        """Whether its update is linear in the gradient."""
        return False

    def record(self) -> Record:
        """The optimizer as the engines read it: one OPTIMIZER record, of shape (1,)."""
        record = np.zeros(1, OPTIMIZER)
        record["kind"] = OPTIMIZERS.index(self.kernel)
        names = set(OPTIMIZER.names or ())
        for name, value in vars(self).items():
            if name in names:
                record[name] = 0 if value is None else value
        return record

    def schedule(
        self, rates: npt.NDArray[np.float64], first_step: int, known: tuple[int, float] = (0, 1.0)
    ) -> npt.NDArray[np.float64]:
        """What a step takes that differs from step to step, for as many steps from ``first_step`` (counted from 0) on
        as there are rates: (n_steps, SCHEDULE_COLUMNS). ``known`` is a number of steps and the product after them."""
        schedule = np.empty((len(rates), SCHEDULE_COLUMNS))
        schedule[:, RATE], schedule[:, PRODUCT] = rates, 0
        return schedule


@dataclass(frozen=True)
class WithRate(Optimizer):
    """An optimizer with a learning rate, which may be a schedule."""

    learning_rate: float | Schedule = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        initial_rate(self.learning_rate)

    @property
    def highest_rate(self) -> float:
        return self.learning_rate.peak if isinstance(self.learning_rate, Schedule) else self.learning_rate


@dataclass(frozen=True)
class SGD(WithRate):
    """Stochastic gradient descent: ``v = momentum * v - learning_rate * g``, then ``p += v``.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0.
    momentum : float
        In [0, 1).
    nesterov : bool
        Whether to look ahead: ``p += momentum * v - learning_rate * g``.
    """

    name: ClassVar[str] = "sgd"
    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        number("momentum", self.momentum, at_least=0, below=1)
        if not isinstance(self.nesterov, bool):
            raise ConfigurationError(f"nesterov must be True or False, not {self.nesterov!r}")

    @property
    def is_linear(self) -> bool:
        return self.clip_value is None and self.clip_norm is None and self.average is None


@dataclass(frozen=True)
class Adam(WithRate):
    """Adam (Kingma and Ba, 2015), with bias correction.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0.
    beta_1, beta_2 : float
        Decay of the first and second moments, in [0, 1).
    epsilon : float
        Added to the root of the second moment, above 0.
    epsilon_hat : bool
        Whether it is added to the root as it is, before the correction of its bias, as at the end of the paper's
        section 2, in scikit-learn and in TensorFlow.
    """

    name: ClassVar[str] = "adam"
    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        number("beta_1", self.beta_1, at_least=0, below=1)
        number("beta_2", self.beta_2, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)
        if not isinstance(self.epsilon_hat, bool):
            raise ConfigurationError(f"epsilon_hat must be True or False, not {self.epsilon_hat!r}")
        if self.epsilon_hat and self.kernel != "adam":
            raise ConfigurationError(f"epsilon_hat is for Adam and AdamW, not for {type(self).__name__}; leave it out")


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
        _decay_of_weights(self.weight_decay, self.highest_rate)

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
    learning_rate: float | Schedule = 0.002

    def __post_init__(self) -> None:
        super().__post_init__()


@dataclass(frozen=True)
class Nadam(Adam):
    """Adam with Nesterov's momentum (Dozat, 2016), which warms up: ``beta_1 (1 - 0.96**(t momentum_decay) / 2)``, t
    counted from 1.

    Parameters
    ----------
    momentum_decay : float
        Above 0. The others are Adam's.
    """

    name: ClassVar[str] = "nadam"
    learning_rate: float | Schedule = 0.002
    momentum_decay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        number("momentum_decay", self.momentum_decay, above=0)

    def schedule(
        self, rates: npt.NDArray[np.float64], first_step: int, known: tuple[int, float] = (0, 1.0)
    ) -> npt.NDArray[np.float64]:
        schedule = super().schedule(rates, first_step)
        done, product = known if known[0] <= first_step else (0, 1.0)
        steps = np.arange(done + 1, first_step + len(rates) + 1)
        momenta = self.beta_1 * (1 - 0.5 * 0.96 ** (steps * self.momentum_decay))
        schedule[:, PRODUCT] = np.cumprod(np.append(product, momenta))[1 + first_step - done :]
        return schedule


@dataclass(frozen=True)
class Adagrad(WithRate):
    """Adagrad (Duchi, Hazan and Singer, 2011): each parameter's rate falls with the squares of its gradients so far.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0.
    decay : float
        At least 0: step t has the rate ``learning_rate / (1 + (t - 1) * decay)``.
    epsilon : float
        Added to the root of the sum of squares, above 0.
    """

    name: ClassVar[str] = "adagrad"
    learning_rate: float | Schedule = 0.01
    decay: float = 0.0
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        super().__post_init__()
        number("decay", self.decay, at_least=0)
        number("epsilon", self.epsilon, above=0)


@dataclass(frozen=True)
class RMSprop(WithRate):
    """RMSprop (Tieleman and Hinton, 2012): the gradient over the root of its running mean square.

    Parameters
    ----------
    learning_rate : float or schedule
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
    learning_rate: float | Schedule = 0.01
    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        number("decay", self.decay, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)
        number("momentum", self.momentum, at_least=0, below=1)
        if not isinstance(self.centered, bool):
            raise ConfigurationError(f"centered must be True or False, not {self.centered!r}")

    @property
    def kernel(self) -> str:
        return "centered_rmsprop" if self.centered else "rmsprop"


@dataclass(frozen=True)
class Adadelta(WithRate):
    """Adadelta (Zeiler, 2012): the gradient over the root of its running mean square, times that of the changes.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0; the paper has none, which is 1.
    decay : float
        Of the running means, in [0, 1); the paper's rho.
    epsilon : float
        Added under both roots, above 0.
    """

    name: ClassVar[str] = "adadelta"
    learning_rate: float | Schedule = 1.0
    decay: float = 0.9
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        number("decay", self.decay, at_least=0, below=1)
        number("epsilon", self.epsilon, above=0)


@dataclass(frozen=True)
class Lion(WithRate):
    """Lion (Chen et al., 2023): steps of one size, in the direction of a momentum's sign.

    Parameters
    ----------
    learning_rate : float or schedule
        Above 0; a third to a tenth of Adam's.
    beta_1, beta_2 : float
        The momentum's share in the direction, and its decay, in [0, 1).
    weight_decay : float
        As AdamW's.
    """

    name: ClassVar[str] = "lion"
    learning_rate: float | Schedule = 0.0001
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        number("beta_1", self.beta_1, at_least=0, below=1)
        number("beta_2", self.beta_2, at_least=0, below=1)
        _decay_of_weights(self.weight_decay, self.highest_rate)


@dataclass(frozen=True)
class Rprop(WithRate):
    """Rprop (Riedmiller and Braun, 1993), for full batches: each parameter has a step of its own, which only the signs
    of its gradients change.

    Parameters
    ----------
    learning_rate : float or schedule
        The first step, above 0.
    shrink, grow : float
        What a step is multiplied by when the sign has changed, in (0, 1), and when it has not, above 1.
    smallest, largest : float
        Steps stay between them; above 0.
    """

    name: ClassVar[str] = "rprop"
    learning_rate: float | Schedule = 0.01
    shrink: float = 0.5
    grow: float = 1.2
    smallest: float = 1e-6
    largest: float = 50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.learning_rate, Schedule):
            raise ConfigurationError("Rprop takes no schedule: its learning_rate is that of the first step alone")
        number("shrink", self.shrink, above=0, below=1)
        number("grow", self.grow, above=1)
        number("smallest", self.smallest, above=0)
        number("largest", self.largest, above=self.smallest)


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """L-BFGS (Liu and Nocedal, 1989; Byrd et al., 1995), by SciPy, for small networks and full batches: an epoch is one
    of its iterations, which searches along a line and may look at all samples several times.

    Parameters
    ----------
    memory : int
        How many of the last steps stand for the curvature, at least 1.
    tolerance : float
        It ends when no gradient is larger; at least 0.
    loss_tolerance : float
        It ends when an iteration has lowered the loss by no more than this times the loss (times 1, where the loss is
        below 1); at least 0.
    max_evaluations : int
        Of the loss, in all; at least 1.
    """

    name: ClassVar[str] = "lbfgs"
    memory: int = 10
    tolerance: float = 1e-5
    max_evaluations: int = 15000
    loss_tolerance: float = 64 * float(np.finfo(np.float64).eps)

    def __post_init__(self) -> None:
        if any(value is not None for value in (self.clip_value, self.clip_norm, self.average)):
            raise ConfigurationError("LBFGS takes no clip_value, clip_norm or average; leave them out")
        whole("memory", self.memory, at_least=1)
        number("tolerance", self.tolerance, at_least=0)
        number("loss_tolerance", self.loss_tolerance, at_least=0)
        whole("max_evaluations", self.max_evaluations, at_least=1)

    @property
    def kernel(self) -> str:
        """That of gradient descent, which is never called: SciPy does the steps."""
        return "sgd"


OPTIMIZER_CLASSES: dict[str, type[Optimizer]] = {
    kind.name: kind
    for kind in (
        SGD,
        Adam,
        AdamW,
        AMSGrad,
        Adamax,
        Nadam,
        Adagrad,
        RMSprop,
        Adadelta,
        Lion,
        Rprop,
        LBFGS,
    )
}
