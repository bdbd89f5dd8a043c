"""What only a process of its own can show: Ctrl-C, a reader that went away, and the cache of compiled kernels."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import fastnet as fn

# A process that was started in the background may have been told to ignore Ctrl-C.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastnet.cli import main
main()
"""
SMALL = ["--no-jit", "--layers", "4", "--batch-size", "full", "--out", "out"]

posix_only = pytest.mark.skipif(os.name != "posix", reason="Ctrl-C can be sent to one process only on POSIX")


@contextmanager
def start(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``fastnet`` in a process of its own, which does not outlive the test."""
    with subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, *arguments],
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
        read_until(process, "%")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in stdout
    assert str(Path("out", "model.h5")) in stdout
    assert "press Ctrl-C again" in stderr
    assert "Traceback" not in stderr
    assert fn.load(tmp_path / "out" / "model.h5").n_features == 2


@posix_only
def test_second_interrupt_ends_at_once(tmp_path: Path) -> None:
    # One epoch of this takes far longer than the test waits.
    slow = ["--no-jit", "--layers", "8000,8000", "--batch-size", "1", "--out", "out"]
    with start(tmp_path, "train", "digits", *slow) as process:
        read_until(process, "epoch ")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "press Ctrl-C again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert stderr == "fastnet: interrupted\n"
    assert "saved" not in stdout
    assert not (tmp_path / "out").exists()


@posix_only
def test_reader_that_goes_away_is_no_noise_and_loses_nothing(tmp_path: Path) -> None:
    # A row every 500 epochs: the first after the reader has gone is the one that finds it out.
    with start(tmp_path, "train", "moons", "--epochs", "6000", *SMALL) as process:
        read_until(process, "%")
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert fn.load(tmp_path / "out" / "model.h5").n_features == 2


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
    counts = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", COUNTS, str(tmp_path / "out")],
            env={**os.environ, "FASTNET_CACHE_DIR": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=True,
        )
        counts.append([line.split()[1:] for line in done.stdout.splitlines() if line.startswith("counted")])
    hits, misses = ["1", "0"], ["0", "1"]
    assert counts == [[misses] * 3, [hits] * 3]


@pytest.mark.slow
@pytest.mark.needs_compiler
def test_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "fastnet", "train", "moons", "--epochs", "1", "--layers", "2", "--json"],
        cwd=tmp_path,
        env={**os.environ, "FASTNET_CACHE_DIR": str(tmp_path / "file")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    assert lines[0].startswith("fastnet: warning: compiled kernels cannot be kept in ")
    assert all(line.startswith("fastnet: ") for line in lines)
