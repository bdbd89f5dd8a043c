"""How long whole processes take, from their start to their end: the command line beside ``import torch``.

The processes take turns, so that a machine whose speed drifts slows all of them, and the ratios are medians of those of
neighbours in time. Warm: the kernels are in the cache. The first run of all, which compiles them, is timed once, with a
cache of its own. ``pytest bench/test_startup.py`` prints each time and ratio; nothing is asserted of them.
"""

import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROUNDS = 7
TRAIN = ("-m", "fastnet", "train", "moons", "--epochs", "1", "--force", "--out", "run")
COMMANDS = {
    "fastnet --help": ("-m", "fastnet", "--help"),
    "fastnet train --help": ("-m", "fastnet", "train", "--help"),
    "fastnet train moons": TRAIN,
}
TORCH = ("-c", "import torch")


def seconds(arguments: tuple[str, ...], folder: Path, cache: Path) -> float:
    """How long Python takes for these arguments, in a folder, with a cache of kernels."""
    environment = {**os.environ, "FASTNET_CACHE_DIR": str(cache)}
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A cache of kernels, and the seconds of the run that filled it: the first on a machine."""
    folder = tmp_path_factory.mktemp("kernels")
    return folder, seconds(TRAIN, tmp_path_factory.mktemp("first"), folder)


def test_first_run(benchmark: Any, cache: tuple[Path, float], tmp_path: Path, capsys: Any) -> None:
    folder, first = cache
    later = seconds(TRAIN, tmp_path, folder)
    benchmark.group = "start-up"
    benchmark.pedantic(seconds, (TRAIN, tmp_path, folder), rounds=1)
    benchmark.extra_info.update(kind="startup", name="first run", seconds={"first": [first], "later": [later]})
    with capsys.disabled():
        print(f"\nfirst run: {first:.2f} s, a later one: {later:.2f} s")
    assert any(folder.rglob("seal.sha256")), "nothing was compiled in the first run"


@pytest.mark.parametrize("name", COMMANDS)
def test_startup(benchmark: Any, name: str, cache: tuple[Path, float], tmp_path: Path, capsys: Any) -> None:
    if find_spec("torch") is None:
        pytest.skip("PyTorch, whose import is what start-up is compared with, is not installed")
    folder, _ = cache
    taken: dict[str, list[float]] = {"ours": [], "import torch": []}

    def one_round() -> None:
        taken["ours"].append(seconds(COMMANDS[name], tmp_path, folder))
        taken["import torch"].append(seconds(TORCH, tmp_path, folder))

    benchmark.group = "start-up"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    # The first round, which reads everything from the disk, is not counted.
    counted = {side: times[1:] for side, times in taken.items()}
    ratio = statistics.median(ours / torch for ours, torch in zip(*counted.values(), strict=True))
    benchmark.extra_info.update(kind="startup", name=name, seconds=counted, ratio=ratio)
    ours, torch = (statistics.median(times) for times in counted.values())
    with capsys.disabled():
        print(f"\n{name}: {ours:.2f} s, import torch: {torch:.2f} s, ratio {ratio:.2f}")
    assert len(counted["ours"]) == ROUNDS
