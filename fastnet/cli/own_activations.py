"""Activations of the user's own, from a Python file that they name: no model or configuration ever runs code."""

import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path

from ..activations import CustomActivation
from ..errors import ConfigurationError, FastnetError


def read_activations(path: Path | None) -> tuple[CustomActivation, ...]:
    """Run a Python file and return the ``CustomActivation`` objects that it leaves at its top level.

    Raises
    ------
    ConfigurationError
        If there is no such file, it fails, or it defines no activation or two of one name.
    """
    if path is None:
        return ()
    if not path.is_file():
        raise ConfigurationError(f"there is no file {path} to read activations from; check the path of --activations")
    try:
        # What it prints must not mix with the answers.
        with redirect_stdout(sys.stderr):
            left = runpy.run_path(str(path))
    except FastnetError as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except (Exception, SystemExit) as error:  # it is the user's own file: whatever it raises belongs in the sentence
        raise ConfigurationError(
            f"{path}: the file fails ({type(error).__name__}: {error}); correct it, so that `python {path.name}` runs"
        ) from None
    found: dict[str, CustomActivation] = {}
    for value in left.values():
        if isinstance(value, CustomActivation) and found.setdefault(value.name, value) != value:
            raise ConfigurationError(f"{path}: two different activations are named {value.name!r}; rename one")
    if not found:
        raise ConfigurationError(
            f"{path} defines no activation; it needs a line such as mine = fastnet.CustomActivation('mine', value, "
            "derivative)"
        )
    return tuple(found.values())
