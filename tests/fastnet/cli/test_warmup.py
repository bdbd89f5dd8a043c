"""``fastnet warmup``: what is compiled, what is said of it, and what stops it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import fastnet
from fastnet import backends
from fastnet.cli.output import Printer
from fastnet.cli.warmup import DTYPES, progress
from fastnet.errors import OutputError
from fastnet.model import DTYPES as MODEL_DTYPES

from .conftest import Run

ENTRY_POINTS = ("kernels", "train", "evaluate", "predict")
ALL = [(name, dtype) for dtype in DTYPES for name in ENTRY_POINTS]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """What was to be compiled; it takes two seconds, but that for evaluate is there already."""
    asked: list[tuple[str, str]] = []

    def compile_ahead(dtypes: Iterable[str]) -> Iterator[tuple[str, str, float | None]]:
        for dtype in dtypes:
            for name in ENTRY_POINTS:
                asked.append((name, dtype))
                yield name, dtype, None if name == "evaluate" else 2.0

    monkeypatch.setattr(backends, "compile_ahead", compile_ahead)
    monkeypatch.setattr(backends, "kernel_cache", lambda: tmp_path / "cache")
    return asked


def test_its_types_are_those_of_a_network() -> None:
    assert DTYPES == MODEL_DTYPES


def test_all_is_compiled_and_each_has_its_line(run: Run, asked: list[tuple[str, str]], tmp_path: Path) -> None:
    done = run("warmup")
    assert (done.exit_code, done.stderr, asked) == (0, "", ALL)
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["cache", str(tmp_path / "cache")]
    assert lines[1].split() == ["kernels", "float32", "compiled", "in", "2", "s"]
    assert lines[3].split() == ["evaluate", "float32", "already", "compiled"]
    assert len(lines) == 1 + len(ALL)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_type_alone(dtype: str, run: Run, asked: list[tuple[str, str]]) -> None:
    assert run("warmup", "--dtype", dtype).exit_code == 0
    assert asked == [(name, dtype) for name in ENTRY_POINTS]


def test_another_type_is_wrong_usage(run: Run, asked: list[tuple[str, str]]) -> None:
    done = run("warmup", "--dtype", "float16")
    assert done.exit_code == 2
    assert "float16" in done.stderr
    assert asked == []


def test_json(run: Run, asked: list[tuple[str, str]], tmp_path: Path) -> None:
    value = json.loads(run("warmup", "--dtype", "float64", "--json").stdout)
    assert value["version"] == fastnet.__version__
    assert value["cache"] == str(tmp_path / "cache")
    assert value["entry_points"] == [
        {"name": "kernels", "dtype": "float64", "compiled": True, "seconds": 2.0},
        {"name": "train", "dtype": "float64", "compiled": True, "seconds": 2.0},
        {"name": "evaluate", "dtype": "float64", "compiled": False, "seconds": 0.0},
        {"name": "predict", "dtype": "float64", "compiled": True, "seconds": 2.0},
    ]


def test_the_lines_are_above_the_bar_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with progress(Printer(quiet=False), 2) as tell:
        tell("train [first]")
        tell("evaluate")
    lines = capsys.readouterr().out.splitlines()
    assert any("train [first]" in line for line in lines)
    assert any("evaluate" in line for line in lines)


@pytest.mark.needs_compiler
def test_a_cache_that_cannot_be_written_is_an_error(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.jit.compiler import cache_folder

    (tmp_path / "file").touch()
    monkeypatch.setenv("FASTNET_CACHE_DIR", str(tmp_path / "file"))
    cache_folder.cache_clear()
    try:
        done = run("warmup")
    finally:
        cache_folder.cache_clear()
    assert (done.exit_code, done.stdout) == (1, "")
    warning, error = done.stderr.splitlines()
    assert "FASTNET_CACHE_DIR" in warning
    assert error.startswith("fastnet: error: nothing was compiled ahead")


@pytest.mark.needs_compiler
def test_what_could_not_be_kept_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnet_kernels.jit import ahead, compiler, engine

    monkeypatch.setattr(compiler, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(ahead, "compile_missing", lambda wanted: iter(()))
    monkeypatch.setattr(engine, "compiled", lambda name, dtype: None)
    with pytest.raises(OutputError, match="could not be kept in"):
        list(backends.compile_ahead(["float32"]))


def test_without_the_compiler_it_is_an_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastnet_kernels.jit.compiler.COMPILED", False)
    done = run("warmup")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "NUMBA_DISABLE_JIT" in done.stderr


@pytest.mark.slow
@pytest.mark.needs_compiler
def test_once_warm_everything_is_found(tmp_path: Path) -> None:
    environment = {**os.environ, "FASTNET_CACHE_DIR": str(tmp_path)}
    results = []
    for _ in range(2):
        command = [sys.executable, "-m", "fastnet", "warmup", "--dtype", "float64", "--json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        results.append(json.loads(done.stdout))
    first, second = ([entry["compiled"] for entry in result["entry_points"]] for result in results)
    assert (first, second) == ([True] * 4, [False] * 4)
    assert {path.name for path in Path(results[0]["cache"]).iterdir()} == {f"{name}-float64" for name in ENTRY_POINTS}


@pytest.mark.slow
@pytest.mark.needs_compiler
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as POSIX sends it")
def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "fastnet", "warmup"],
        env={**os.environ, "FASTNET_CACHE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("cache")
    until = time.monotonic() + 60
    while not list(tmp_path.rglob("train-float32-*")) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "fastnet: interrupted; what is compiled already is kept\n")
