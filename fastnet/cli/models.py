"""Loading the model that a user names."""

from pathlib import Path

from .. import Network, load
from ..network import MODEL


def load_model(path: Path) -> Network:
    """The network in a file, or in the folder that ``train`` saved.

    Raises
    ------
    ModelFileError
        If there is none, or it cannot be read.
    """
    return load(model_file(path))


def model_file(path: Path) -> Path:
    """The file itself, where a user named its folder."""
    return path / MODEL if path.is_dir() else path
