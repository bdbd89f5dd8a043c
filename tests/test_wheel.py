"""An installed wheel works, not only the checkout: build it, install it elsewhere, train."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SOURCES = {"fastnet": PROJECT / "fastnet", "fastnet_kernels": PROJECT / "kernels/fastnet_kernels"}
# setuptools reads the licence expression of pyproject.toml from this version on
OLDEST_SETUPTOOLS = 77

pytestmark = pytest.mark.slow


def run(command: list[str | Path], folder: Path) -> str:
    """Run a command in a folder, outside of the checkout's reach, and return its stdout.

    Compiled kernels are kept in that folder too, so that the first start is a new user's.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["FASTNET_CACHE_DIR"] = str(folder)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy because a build leaves its own folders beside the sources."""
    copy = tmp_path_factory.mktemp("wheel") / "project"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", ".*_cache", ".hypothesis", ".benchmarks", "__pycache__", "*.egg-info",
        "build", "dist", "runs",
    )  # fmt: skip
    shutil.copytree(PROJECT, copy, ignore=left_out)
    # The environment's own setuptools needs no network; an old one makes pip fetch a newer.
    own = int(importlib.metadata.version("setuptools").split(".")[0]) >= OLDEST_SETUPTOOLS
    isolation = ["--no-isolation"] if own else []
    run([sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", copy / "dist"], copy)
    [built] = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that holds the wheel alone; it borrows the dependencies of this one.

    A folder that a ``.pth`` file names comes after the environment's own and its own ``.pth``
    files are not read, so an editable installation of the checkout is not borrowed.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    run([sys.executable, "-m", "pip", "--python", str(python), *install], folder)
    site = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder)
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(site.strip()) / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")
    return python


def test_wheel_holds_both_packages_and_nothing_else(wheel: Path) -> None:
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    expected = {
        f"{package}/{path.relative_to(source).as_posix()}"
        for package, source in SOURCES.items()
        for path in [*source.rglob("*.py"), source / "py.typed"]
    }
    assert files == expected


@pytest.mark.parametrize("package", SOURCES)
def test_installed_package_is_the_one_imported(installed: Path, package: str) -> None:
    found = run([installed, "-c", f"import {package}; print({package}.__file__)"], installed.parent)
    assert Path(found.strip()).resolve().is_relative_to(installed.parent.parent.resolve())


@pytest.mark.needs_compiler
def test_installed_command_trains(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("fastnet.exe" if os.name == "nt" else "fastnet")
    run([command, "train", "moons", "--no-jit", "--epochs", "2", "--out", tmp_path / "run"], tmp_path)
    # By the compiled engine, of which this is the least to compile.
    run([command, "predict", tmp_path / "run", "moons", "-o", tmp_path / "answers.csv"], tmp_path)
    assert len((tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()) > 100
