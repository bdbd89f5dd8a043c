"""Settings every test runs under, and the data that lives outside the project."""

import os

# Two test processes share the cores: a BLAS that starts a team in each makes them fight. It reads
# this once, when it is loaded, so the line has to come before anything that imports NumPy.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from pathlib import Path

import pytest
from hypothesis import settings

from fastnet.data import vetting

# A machine that is busy, or that compiles a kernel inside an example, is not a failure.
settings.register_profile("fastnet", deadline=None)
settings.load_profile("fastnet")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data files: ``FASTNET_DATA``, or ``../shared/data`` from the project.

    Returns
    -------
    pathlib.Path
        The folder, which exists; which files are in it is for the test to ask. Without a folder
        the test is skipped.
    """
    folder = Path(os.environ.get("FASTNET_DATA") or PROJECT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no folder of real data at {folder}: set the environment variable FASTNET_DATA to one")
    return folder


@pytest.fixture(autouse=True)
def vetting_in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 files of tests are harmless, and a process for each takes longer than most tests; ``vets`` has it anyway."""
    if "vets" not in request.keywords:
        monkeypatch.setattr("fastnet.data.vetting.ask", lambda path, seconds: vetting.look(path))


@pytest.fixture
def teams_for_small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """``threads`` as they are asked for: networks as small as those of tests stay on one otherwise."""
    monkeypatch.setattr("fastnet.threads.WORTH_A_THREAD", 0)
    monkeypatch.setattr("fastnet.threads.WORTH_A_NUMBER", 0)
    monkeypatch.setattr("fastnet.threads.WORTH_A_POOL", 0)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name parameters whose text differs between workers (time stamps in bytes, addresses) by their argument's name."""
    return argname if isinstance(val, bytes) or " at 0x" in repr(val) else None
