"""The project's own environment, ``.venv``: made when absent, filled only when something changed.

Every file in this folder starts with it. An old Python must still get as far as the sentence
below, so nothing here uses syntax that is newer than Python 3.6.
"""

import sys

if sys.version_info < (3, 11):
    running = f"{sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})"
    sys.exit(
        f"fastnet needs Python 3.11 or newer and this is Python {running}: install a newer one and "
        f"start this script with it, for example `python3.11 {sys.argv[0]}`."
    )

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "fastnet-installed.json"


def say(sentence: str) -> None:
    """Print one line at once, so that it stands before what the next program prints."""
    print(f"fastnet: {sentence}", flush=True)


def prepare(*extras: str) -> None:
    """Make ``.venv`` ready: it exists, it works, and the project is installed in it, editable.

    Parameters
    ----------
    *extras : str
        The extras of pyproject.toml that are needed beside the core; those installed earlier stay.

    Raises
    ------
    SystemExit
        With one sentence, when the environment cannot be made or filled.
    """
    if not _works():
        _create()
    wanted = {"root": str(ROOT), "pyproject": _digest(ROOT / "pyproject.toml")}
    found = _read_stamp()
    earlier = set(found.get("extras", []))
    if wanted.items() <= found.items() and earlier.issuperset(extras):
        return
    everything = sorted(earlier.union(extras))
    target = f".[{','.join(everything)}]" if everything else "."
    say(f"installing the project and what it needs into {VENV} (a minute or so the first time)")
    # A stamp that outlived an installation which broke half-way would hide it from the next start.
    STAMP.unlink(missing_ok=True)
    pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--editable", target]
    if call([str(PYTHON), *pip]) != 0:
        sys.exit(
            f"fastnet: installing into {VENV} failed, for the reason pip gives above: mend that "
            "(often it is the network) and start this script again."
        )
    STAMP.write_text(json.dumps({**wanted, "extras": everything}), encoding="utf-8")


def run(*arguments: str, environment: Mapping[str, str] | None = None) -> int:
    """Run ``python ARGUMENTS`` of the environment in the project's folder, showing the command.

    Parameters
    ----------
    *arguments : str
        What follows ``python``, for instance ``"-m", "pytest"``.
    environment : mapping of str to str, optional
        Environment variables to set beside those that are there.

    Returns
    -------
    int
        Its exit code; 128 + n where signal n ended it.
    """
    settings = [f"{name}={value} " for name, value in (environment or {}).items()]
    say(f"{''.join(settings)}python {' '.join(arguments)}")
    code = call([str(PYTHON), *arguments], environment)
    return code if code >= 0 else 128 - code


def call(command: list[str], environment: Mapping[str, str] | None = None) -> int:
    """Run a command in the project's folder and return its exit code.

    An interrupt from the keyboard reaches the command, which may have something to save; this
    process only waits for it. (A handler, because a signal that is ignored would be inherited.)
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.call(command, cwd=ROOT, env={**os.environ, **(environment or {})})
    finally:
        signal.signal(signal.SIGINT, before)


def _works() -> bool:
    """Whether ``.venv`` is an environment that starts, is new enough and has pip."""
    question = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        answer = subprocess.run([str(PYTHON), "-c", question], capture_output=True, check=False)
    except OSError:
        return False
    moved = _read_stamp().get("root", str(ROOT)) != str(ROOT)
    return answer.returncode == 0 and not moved


def _create() -> None:
    """Make ``.venv``, from nothing: what is left of a broken or moved one goes."""
    say(f"{'remaking the broken' if VENV.exists() else 'making the'} environment {VENV}")
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    # Started from within the environment that was just removed, there is only the one it came from.
    python = getattr(sys, "_base_executable", sys.executable)
    if call([python, "-m", "venv", str(VENV)]) != 0:
        sys.exit(
            f"fastnet: {python} could not make the environment {VENV}, for the reason above: "
            "check that the folder can be written and that Python's venv module is there (Debian "
            "and Ubuntu have it in the package python3-venv)."
        )


def _read_stamp() -> dict[str, Any]:
    """What the last installation wrote down; empty when there was none or it can't be read."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
