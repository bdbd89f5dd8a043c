"""Adam and what came of it."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from fastnet_kernels.program import PRODUCT

from ..errors import ConfigurationError
from ..schedules import Schedule
from ..validation import number
from .base import WithRate, check_weight_decay


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
        check_weight_decay(self.weight_decay, self.highest_rate)

    @property
    def kernel(self) -> str:
        return "adam"


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
