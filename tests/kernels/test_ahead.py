"""Entry points compiled side by side, by processes that must neither multiply nor be waited for in vain."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs_compiler

FITS_AT_ONCE = """
import numpy as np
import fastnet as fn

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)
nets = [fn.Network([fn.Dense(1, activation="sigmoid")], input_shape=3, loss="binary_crossentropy") for _ in range(4)]
print(len(fn.fit_many(nets, X, y, epochs=2, workers=4)))
"""


@pytest.mark.slow
def test_threads_that_train_at_once_in_a_fresh_process() -> None:
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", FITS_AT_ONCE], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "4\n"), done.stderr


WANTED = [("kernels", "float32"), ("train", "float32"), ("predict", "float32")]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is started where the cache is empty, on two cores of a machine that has no more processes."""
    from fastnet_kernels.jit import ahead

    started: list[Any] = []

    def start(command: Any, **options: Any) -> Any:
        started.append((command, options))
        raise OSError("no more processes")

    monkeypatch.setattr(ahead, "_is_kept", lambda entry: False)
    monkeypatch.setattr(ahead, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(ahead, "cores", lambda: 2)
    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.delenv("FASTNET_COMPILING", raising=False)
    return started


def test_the_longest_are_apart_and_processes_know_what_they_are(started: list[Any]) -> None:
    from fastnet_kernels.jit.ahead import compile_missing

    assert not list(compile_missing(WANTED))
    command, options = started[0]
    assert command[-2:] == ["fastnet_kernels.jit.ahead", "kernels-float32"]
    assert options["env"]["FASTNET_COMPILING"] == "1"


@pytest.mark.parametrize("case", ["frozen", "an application", "compiling already", "one core"])
def test_no_process_is_started_where_it_would_not_be_pythons(
    case: str, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastnet_kernels.jit import ahead

    if case == "frozen":
        monkeypatch.setattr(sys, "frozen", True, raising=False)
    elif case == "an application":
        monkeypatch.setattr(sys, "executable", str(Path("bin") / "blender"))
    elif case == "compiling already":
        monkeypatch.setenv("FASTNET_COMPILING", "1")
    else:
        monkeypatch.setattr(ahead, "cores", lambda: 1)
    assert not list(ahead.compile_missing(WANTED))
    assert not started


def test_processes_that_fail_are_not_waited_for(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.jit import ahead

    class Failed:
        def poll(self) -> int:
            return 3

        def kill(self) -> None:
            started.append("killed")

        def communicate(self) -> None:
            started.append("closed")

    monkeypatch.setattr(subprocess, "Popen", lambda *command, **options: Failed())
    assert not list(ahead.compile_missing(WANTED))
    assert started == ["killed", "closed"] * 2
