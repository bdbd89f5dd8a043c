"""The house stands as it was designed: folders, scripts, one-way imports, a light start."""

import ast
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SCRIPTS = ["quickstart", "test", "bench", "fuzz"]
HEAVY = {"numba", "llvmlite", "scipy", "sklearn", "pyarrow", "pandas"}


def run_python(*arguments: str) -> str:
    """Run this interpreter in a process of its own and return what it wrote to stdout."""
    done = subprocess.run([sys.executable, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def imported_by(statements: str) -> set[str]:
    """The top-level names in ``sys.modules`` of a new process after it ran the statements."""
    report = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    return set(run_python("-c", f"{statements}\n{report}").splitlines()[-1].split())


@pytest.mark.parametrize(
    "folder",
    [
        ".ci",
        "bench",
        "docs/decisions",
        "fastnet",
        "fastnet/cli",
        "fastnet/data",
        "kernels/fastnet_kernels/jit",
        "kernels/fastnet_kernels/reference",
        "scripts",
        "tests",
    ],
)
def test_folder_is_there(folder: str) -> None:
    assert (PROJECT / folder).is_dir()


@pytest.mark.parametrize("package", ["fastnet", "kernels/fastnet_kernels"])
def test_package_says_it_is_typed(package: str) -> None:
    assert (PROJECT / package / "py.typed").is_file()


@pytest.mark.parametrize("name", [*SCRIPTS, "_environment.py"])
def test_script_compiles_even_on_an_old_python(name: str) -> None:
    source = (PROJECT / "scripts" / name).read_text(encoding="utf-8")
    compile(source, name, "exec", dont_inherit=True)
    # An old interpreter has to get as far as the sentence that says it is too old.
    ast.parse(source, name, feature_version=(3, 6))


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_starts_with_python(name: str) -> None:
    first_line = (PROJECT / "scripts" / name).read_text(encoding="utf-8").splitlines()[0]
    assert first_line == "#!/usr/bin/env python3"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX files have an executable bit")
@pytest.mark.parametrize("path", [*(f"scripts/{name}" for name in SCRIPTS), ".ci/run"])
def test_command_is_executable(path: str) -> None:
    assert os.access(PROJECT / path, os.X_OK)


def test_imports_run_one_way() -> None:
    # import-linter has no `python -m` form; its cache is off because other processes test too.
    program = (
        "import sys; from importlinter.cli import lint_imports_command; "
        "sys.exit(lint_imports_command(['--no-cache', '--no-logo']))"
    )
    assert " 0 broken" in run_python("-c", program)


def test_version_is_the_package_metadata() -> None:
    printed = run_python("-m", "fastnet", "--version").split()
    assert printed[-1] == importlib.metadata.version("fastnet-jit")


def test_import_fastnet_is_light() -> None:
    names = imported_by("import fastnet")
    assert "fastnet" in names
    assert not names & (HEAVY | {"h5py", "click", "rich"})


def test_help_is_light() -> None:
    names = imported_by(
        "import contextlib, sys\n"
        "from fastnet.cli import main\n"
        "sys.argv = ['fastnet', '--help']\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
    )
    assert "fastnet" in names
    assert not names & HEAVY
