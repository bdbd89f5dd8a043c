"""``about.json``: what made a run, when, and how it ended."""

import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from fastnet_kernels.machine import cores

from .. import __version__
from ..errors import FastnetError
from ..files import write_atomically
from .output import json_text

ABOUT = "about.json"
About = dict[str, Any]


class AboutError(FastnetError):
    """An ``about.json`` that is missing or damaged."""


def versions() -> dict[str, Any]:
    """What makes a run, once its engine is loaded: the reference needs no Numba."""
    numba = sys.modules.get("numba")
    return {
        "fastnet": __version__,
        "numpy": np.__version__,
        "numba": None if numba is None else numba.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": cores(),
    }


def now() -> str:
    """The time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def begun(**facts: Any) -> About:
    """What is known of a run before its engine is loaded."""
    command = ["fastnet", *sys.argv[1:]]
    return {"format": 1, "command": command, **facts, "started": now(), "ended": None, "state": None}


def read_about(folder: Path) -> About:
    """What ``about.json`` of a run says.

    Raises
    ------
    AboutError
        If there is none, or it says nothing.
    """
    path = folder / ABOUT
    try:
        about = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise AboutError(
            f"{folder} is no run that can go on: there is no {ABOUT}; give a folder that fastnet train made"
        ) from None
    except OSError as error:
        raise AboutError(f"{path} cannot be read: {error.strerror or error}; check its permissions") from None
    except (ValueError, RecursionError) as error:
        raise AboutError(f"{path} is damaged: it is not JSON ({error}); train anew") from None
    if not isinstance(about, dict) or not _tells_of_data(about.get("data")):
        raise AboutError(f"{path} is damaged: it does not describe a run; train anew")
    return about


def _tells_of_data(data: Any) -> bool:
    """Whether it has the name and the SHA-256 of what was trained on, and of all else that was read."""
    return isinstance(data, dict) and all(
        isinstance(one, dict) and all(isinstance(one.get(name), str) for name in ("name", "sha256"))
        for one in (data.get("data"), *data.values())
    )


def write_about(folder: Path, about: About) -> None:
    """Write it, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_atomically(folder / ABOUT, json_text(about).encode())
