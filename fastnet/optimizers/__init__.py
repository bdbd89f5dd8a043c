"""What an optimizer is: frozen descriptions, each of which has a kernel."""

from .adam import Adam, Adamax, AdamW, AMSGrad, Nadam
from .adaptive import Adadelta, Adagrad, RMSprop
from .base import Optimizer, WithRate
from .lbfgs import LBFGS
from .sgd import SGD
from .signs import Lion, Rprop

__all__ = [
    "LBFGS",
    "OPTIMIZER_CLASSES",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "Rprop",
    "WithRate",
]

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
