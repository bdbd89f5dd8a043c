"""What a network is trained to make small: frozen descriptions, each of which has a kernel."""

from .base import Loss, Targets
from .classification import BinaryCrossentropy, CategoricalCrossentropy, Hinge, class_shares
from .regression import Huber, LogCosh, MeanAbsoluteError, MeanSquaredError, Poisson
from .table import LOSS_CLASSES, check_output, checked_loss, loss_to_data

__all__ = [
    "LOSS_CLASSES",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Hinge",
    "Huber",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "Targets",
    "check_output",
    "checked_loss",
    "class_shares",
    "loss_to_data",
]
