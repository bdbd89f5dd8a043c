"""Data that stay in their file: what a user names where they do not fit into memory."""

from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, DataError
from ..validation import choice, size_in_bytes
from .dataset import Array, Dataset
from .sources import read_training
from .stored_samples import StoredSamples

DEFAULT_MEMORY = "500MB"


class Stream:
    """The raw samples of an HDF5 file, read in blocks while a network trains on them; their targets are in memory.

    It stands for X where ``Network.fit``, ``evaluate`` and ``predict`` take it, with y left out, and for
    ``validation_data``. A network with a ``preparation`` prepares each block by it; one without takes the numbers as
    they are.

    Parameters
    ----------
    path : str or Path
        An HDF5 file, compressed or not. Its chunks should be whole samples, up to some hundreds of kilobytes.
    x, y : str or None
        The arrays of the features and of the targets, with the groups they are in; None looks for the usual names.
    memory : str or int
        What a training may take beside the program itself, such as "500MB" or a number of bytes: buffers of samples,
        the targets, the parameters and the optimizer's state.
    part : {"train", "test"}
        Which part of a file that has both.

    Attributes
    ----------
    dataset : Dataset
        Names, raw targets, and X as it lies in the file.
    memory : int
        In bytes.

    Raises
    ------
    DataError
        The file cannot be read, or has no such arrays or part.
    ConfigurationError
        The memory is no amount.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        x: str | None = None,
        y: str | None = None,
        memory: str | int = DEFAULT_MEMORY,
        part: str = "train",
    ) -> None:
        self.memory = size_in_bytes("memory", memory)
        train, test = read_training(path, x=x, y=y, in_place=True)
        if choice("part", part, ("train", "test")) == "test" and test is None:
            raise DataError(f"{path}: it has no test part of its own; leave part out, or give another file")
        self.dataset = train if part == "train" or test is None else test

    @classmethod
    def of(cls, dataset: Dataset, memory: str | int) -> "Stream":
        """The stream of a data set whose features stay in their file.

        Raises
        ------
        ConfigurationError
            If they do not, or the memory is no amount.
        """
        if not isinstance(dataset.X, StoredSamples):
            raise ConfigurationError(f"{dataset.source}: its features are in memory already; read them in place")
        stream = cls.__new__(cls)
        stream.memory, stream.dataset = size_in_bytes("memory", memory), dataset
        return stream

    @property
    def source(self) -> str:
        """What messages call it: the file's path."""
        return self.dataset.source

    @property
    def samples(self) -> StoredSamples:
        """The features."""
        X: Any = self.dataset.X
        assert isinstance(X, StoredSamples)
        return X

    @property
    def y(self) -> Array | None:
        """The raw targets."""
        return self.dataset.y

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, *input_shape)"""
        return self.samples.shape

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, chosen: Any) -> "Stream":
        """Some of the samples: a slice, a mask (n,) or indices that rise, as they stay in the file's order.

        Raises
        ------
        DataError
            They are something else, or none.
        """
        return Stream.of(self.dataset.rows(chosen), self.memory)
