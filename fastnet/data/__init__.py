"""Data from files of several formats and from built-in sources, all as a `Dataset`."""

from .builtin import BUILT_IN
from .catalogue import CATALOGUE, names_data
from .dataset import Dataset
from .sources import read_evaluation, read_prediction, read_training

__all__ = ["BUILT_IN", "CATALOGUE", "Dataset", "names_data", "read_evaluation", "read_prediction", "read_training"]
