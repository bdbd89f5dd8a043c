"""What only a process of its own can show: Ctrl-C, output that nobody takes, and the cache of compiled kernels."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import fastnet as fn
from fastnet.state import read as read_state

# A process that was started in the background may have been told to ignore Ctrl-C.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastnet.cli import main
main()
"""
SMALL = ["--no-jit", "--layers", "4", "--batch-size", "full", "--out", "out"]

FIRST_EPOCH = "    1   "
"""What the row of the first epoch has."""

posix_only = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C can be sent to one process only on POSIX")


@contextmanager
def start(folder: Path, *arguments: str, before: str = "") -> Iterator[subprocess.Popen[str]]:
    """``fastnet`` in a process of its own, which does not outlive the test; ``before`` is run first."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", before + PROGRAM, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What the process printed up to the line that has the words."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if words in line:
            return text
    pytest.fail(f"it never printed {words!r}: {text}")


@posix_only
def test_first_interrupt_saves(tmp_path: Path) -> None:
    with start(tmp_path, "train", "moons", "--epochs", "1000000", *SMALL) as process:
        read_until(process, FIRST_EPOCH)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in stdout
    assert str(Path("out", "model.h5")) in stdout
    assert "to go on   `fastnet resume out`" in stdout
    assert "press Ctrl-C again" in stderr
    assert "Traceback" not in stderr
    assert fn.load(tmp_path / "out" / "model.h5").n_features == 2


@posix_only
def test_interrupt_before_the_first_epoch_ended(tmp_path: Path) -> None:
    # One epoch of this takes far longer than the test waits.
    slow = ["--no-jit", "--layers", "8000,8000", "--batch-size", "1", "--out", "out"]
    with start(tmp_path, "train", "digits", *slow) as process:
        read_until(process, "epoch ")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert stderr == (
        "fastnet: interrupted before the first epoch ended: nothing was trained yet and nothing is saved\n"
    )
    assert "trained" not in stdout
    assert not (tmp_path / "out").exists()


SLOW_SECOND_EPOCH = """
import threading
from fastnet.training import Training
train = Training.train
def slow_after_the_first(self, count):
    if self.history.loss:
        threading.Event().wait()
    return train(self, count)
Training.train = slow_after_the_first
"""


@posix_only
def test_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    with start(tmp_path, "train", "moons", *SMALL, before=SLOW_SECOND_EPOCH) as process:
        read_until(process, FIRST_EPOCH)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "press Ctrl-C again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert stderr == "fastnet: interrupted in the middle of an epoch: nothing is saved\n"
    assert "saved" not in stdout
    assert not (tmp_path / "out").exists()


@posix_only
def test_second_interrupt_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    kept = [*SMALL, "--checkpoint-every", "1"]
    with start(tmp_path, "train", "moons", "--epochs", "3", *kept, before=SLOW_SECOND_EPOCH) as process:
        read_until(process, FIRST_EPOCH)
        while not (tmp_path / "out" / "checkpoint.h5").exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "press Ctrl-C again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert stderr == "fastnet: interrupted; `fastnet resume out` goes on from the last checkpoint\n"
    names = ["about.json", "checkpoint.h5", "config.toml", "history.csv"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


@posix_only
@pytest.mark.parametrize("pause", [0.0, 0.003, 0.02, 0.1, 0.3])
def test_three_quick_interrupts_never_leave_half_a_file(tmp_path: Path, pause: float) -> None:
    with start(tmp_path, "train", "moons", "--epochs", "1000000", *SMALL) as process:
        read_until(process, FIRST_EPOCH)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(pause)
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    folder = tmp_path / "out"
    if folder.exists():
        names = {path.name for path in folder.iterdir() if path.suffix != ".tmp"}
        assert names <= {"about.json", "config.toml", "history.csv", "checkpoint.h5", "model.h5"}
        assert names >= {"about.json", "config.toml", "checkpoint.h5"}
        assert read_state(folder / "checkpoint.h5")["epochs"] == 1000000
        if "model.h5" in names:
            assert fn.load(folder / "model.h5").n_features == 2


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("when", ["at once", "later"])
def test_reader_that_goes_away_loses_nothing(tmp_path: Path, when: str, options: list[str]) -> None:
    with start(tmp_path, "train", "moons", "--epochs", "3000", *SMALL, *options) as process:
        if when == "later" and not options:
            read_until(process, FIRST_EPOCH)
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        told = process.stderr.read()
    assert told.startswith("fastnet: error: the output could not be written in full (")
    assert told.endswith(f"; the model is saved in {Path('out', 'model.h5')}\n")
    assert told.count("\n") == 1
    assert fn.load(tmp_path / "out" / "model.h5").n_features == 2


FULL = Path("/dev/full")
full_disk = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a file that is always full")


def into_a_full_disk(folder: Path, *arguments: str) -> tuple[int, str]:
    """The exit code and stderr of ``fastnet ... > /dev/full``, its kernels as plain Python."""
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fastnet", *arguments],
            cwd=folder,
            env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    return done.returncode, done.stderr


@full_disk
@pytest.mark.parametrize("options", [[], ["--json"], ["--compare"]])
def test_training_into_a_full_disk_keeps_its_model(tmp_path: Path, options: list[str]) -> None:
    code, stderr = into_a_full_disk(tmp_path, "train", "moons", "--epochs", "2", *SMALL, *options)
    assert code == 1
    assert stderr == (
        "fastnet: error: the output could not be written in full (No space left on device); the model is saved in "
        "out/model.h5\n"
    )
    assert fn.load(tmp_path / "out" / "model.h5").n_features == 2


@full_disk
@pytest.mark.parametrize(
    "arguments", ["predict m.h5 x.npz", "predict m.h5 x.npz --json", "evaluate m.h5 x.npz", "check", "--help"]
)
def test_full_disk_is_one_line(tmp_path: Path, arguments: str) -> None:
    fn.Network([fn.Dense(1, "sigmoid")], input_shape=(2,), loss="binary_crossentropy").save(tmp_path / "m.h5")
    np.savez(tmp_path / "x.npz", X=np.zeros((3, 2)), y=np.array([0, 1, 1]))
    code, stderr = into_a_full_disk(tmp_path, *arguments.split())
    assert code == 1
    assert stderr.startswith("fastnet: error: ")
    assert "No space left on device" in stderr
    assert stderr.count("\n") == 1


COUNTS = """
import sys
from fastnet.cli.main import cli
try:
    cli(["train", "moons", "--jit", "--epochs", "1", "--force", "--out", sys.argv[1]])
except SystemExit as ended:
    assert not ended.code
from fastnet_kernels.jit.engine import compiled
for name in ("train", "evaluate", "predict"):
    stats = compiled(name, "float32").stats
    print("counted", sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


@pytest.mark.slow
@pytest.mark.needs_compiler
def test_second_start_compiles_nothing(tmp_path: Path) -> None:
    """In the cache that all tests share, where the first start may find them too; ``test_warmup`` begins with none."""
    for _ in range(2):
        command = [sys.executable, "-c", COUNTS, str(tmp_path / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        counts = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("counted")]
    hits = ["1", "0"]
    assert counts == [hits] * 3


@pytest.mark.slow
@pytest.mark.needs_compiler
def test_compiling_is_said_only_where_something_is_compiled(tmp_path: Path) -> None:
    fn.Network([fn.Dense(1)], input_shape=(2,), loss="mean_squared_error").save(tmp_path / "m.h5")
    np.savez(tmp_path / "x.npz", X=np.zeros((3, 2)))
    said = [
        subprocess.run(
            [sys.executable, "-m", "fastnet", "predict", "m.h5", "x.npz"],
            cwd=tmp_path,
            env={**os.environ, "FASTNET_CACHE_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for _ in range(2)
    ]
    first = "fastnet: compiling the kernels for float32, which later runs on this machine find in a cache ...\n"
    assert said == [first, ""]


@pytest.mark.slow
@pytest.mark.needs_compiler
def test_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    fn.Network([fn.Dense(1)], input_shape=(2,), loss="mean_squared_error").save(tmp_path / "m.h5")
    (tmp_path / "x.csv").write_text("a,b,y\n1,2,3\n4,5,6\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "fastnet", "evaluate", "m.h5", "x.csv", "--json"],
        cwd=tmp_path,
        env={**os.environ, "FASTNET_CACHE_DIR": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert lines[0].startswith("fastnet: warning: compiled kernels cannot be kept in ")
    assert all(line.startswith("fastnet: ") for line in lines)
