"""Loading the model that a user names."""

from collections.abc import Sequence
from pathlib import Path

from .. import CustomActivation, Network, load
from ..errors import MissingActivationError, ModelFileError
from ..network import MODEL


def load_model(path: Path, own: Sequence[CustomActivation] = ()) -> Network:
    """The network in a file, or in the folder that ``train`` saved; ``own`` are the user's activations.

    Raises
    ------
    ModelFileError
        If there is none, it cannot be read, or it has an activation that is not among ``own``.
    """
    try:
        return load(model_file(path), activations=own)
    except ModelFileError as error:
        missing = error.__cause__
        if not isinstance(missing, MissingActivationError):
            raise
        given = f" (the one given defines {', '.join(one.name for one in own)})" if own else ""
        raise ModelFileError(
            f"{path} has an activation of its user's own, {missing.activation!r}, which a model file only names; give "
            f"the Python file that defines it with --activations FILE.py{given}"
        ) from None


def model_file(path: Path) -> Path:
    """The file itself, where a user named its folder."""
    return path / MODEL if path.is_dir() else path
