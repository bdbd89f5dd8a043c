"""Data from files of several formats and from built-in sources, all as a `Dataset`."""

from .builtin import BUILT_IN
from .dataset import Dataset
from .sources import read_evaluation, read_prediction, read_training

__all__ = ["BUILT_IN", "Dataset", "read_evaluation", "read_prediction", "read_training"]
