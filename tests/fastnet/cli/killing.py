"""Trains, kills the training at random moments, resumes it, kills it again, ... and compares what comes of it with a
training that was left alone: the same bits.

    python tests/fastnet/cli/killing.py FOLDER KILLS SEED NAME ...

A process that has everything imported is copied for each part (where there is no fork, a new one is started), so that a
kill costs some milliseconds. Prints what was done as JSON, and fails if anything differs.
"""

import contextlib
import json
import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads cannot be copied

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import fastnet as fn
from fastnet.cli.main import cli

COMMON = "--layers 6,4 --epochs 25 --checkpoint-every 1 --threads 1"
CONFIGURATIONS = {
    "adam": "moons --no-jit --dropout 0.2 --normalization batch --validation 0.2 --patience 12 --batch-size 200",
    "cosine": "moons --no-jit --optimizer sgd --momentum 0.9 --schedule cosine --per step --warm-up 3 --batch-size 300",
    "averaged": "circles --no-jit --average 0.9 --noise 0.1 --validation 0.2 --patience 9 --batch-size 200",
    "plateau": "moons --no-jit --optimizer nadam --schedule plateau --interval 1 --learning-rate 0.3 --batch-size 400",
    "lbfgs": "moons --no-jit --optimizer lbfgs --batch-size full",
    "rmsprop": "blobs --no-jit --optimizer rmsprop --centered --momentum 0.5 --clip-norm 1 --l2 0.01 --dtype float64",
    "lion": "spirals --no-jit --optimizer lion --schedule one_cycle --batch-size 300",
    "jit": "moons --dropout 0.2 --normalization batch --optimizer amsgrad --batch-size 50",
    "jit-team": "digits --layers 128,64 --threads 2 --batch-size 700 --dropout 0.2",
    "sample-space": "wide.npz --optimizer sgd --momentum 0.9 --batch-size full",
}
COMPILED = ("jit", "jit-team", "sample-space")
LONGEST = 0.4
"""Seconds that a process lives at the most."""


def main(folder: Path, kills: int, seed: int, names: list[str]) -> dict[str, Any]:
    """Kill at least so many times, over these configurations in turn, each to its end."""
    os.chdir(folder)
    chance = np.random.default_rng(0)
    np.savez("wide.npz", X=chance.normal(size=(20, 300)), y=np.arange(20) % 2)
    draw = random.Random(seed)
    done: dict[str, Any] = {"kills": 0, "in_writing": 0, "begun_again": 0, "runs": 0, "configurations": {}}
    number = 0
    while done["kills"] < kills or number < len(names):
        name = names[number % len(names)]
        alone, killed = Path(f"{name}-alone"), Path(f"{name}-{number}")
        options = f"{COMMON} {CONFIGURATIONS[name]}".split()
        if not alone.exists():
            assert call(["train", *options, "--out", str(alone)]) == 0, name
        here = survive(["train", *options, "--out", str(killed), "--force"], killed, draw, done)
        compare(alone, killed)
        done["configurations"][name] = done["configurations"].get(name, 0) + here
        done["runs"] += 1
        number += 1
    return done


def survive(train: list[str], folder: Path, draw: random.Random, done: dict[str, Any]) -> int:
    """Train until a process comes to its end; how many were killed."""
    command, kills, longest = train, 0, LONGEST
    while True:
        before = epochs_in(folder)
        code = call(command, draw.uniform(0, longest))
        longest *= 1.1  # what has no state to save, as L-BFGS, would else never come to its end
        if code == 0:
            return kills
        if code is None:
            kills += 1
            done["kills"] += 1
            done["in_writing"] += any(folder.glob(".*.tmp"))
            assert epochs_in(folder) >= before, "a checkpoint got lost"
        # What was killed before anything was written has left no run, and is begun again.
        begun = (folder / "about.json").exists() and (folder / "config.toml").exists()
        assert code is None or not begun, f"{command} ended with {code}: {Path('stderr').read_text()}"
        done["begun_again"] += not begun
        command = ["resume", str(folder)] if begun else train


def epochs_in(folder: Path) -> int:
    """The epochs of the newest checkpoint."""
    from fastnet.state import read

    for name in ("checkpoint.h5", "checkpoint.previous.h5"):
        if (folder / name).exists():
            return len(read(folder / name)["history"]["loss"])
    return 0


def call(arguments: list[str], seconds: float | None = None) -> int | None:
    """The exit code of ``fastnet``, or None if it was killed after so many seconds."""
    if not hasattr(os, "fork"):
        process = subprocess.Popen([sys.executable, "-m", "fastnet", *arguments], stdout=subprocess.DEVNULL)
        try:
            return process.wait(None if seconds is None else seconds + 1.5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None
    child = os.fork()
    if child == 0:
        in_child(arguments)
    ended, status = 0, 0
    started = time.monotonic()
    while seconds is not None and time.monotonic() - started < seconds and not ended:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.001)
    if not ended:
        if seconds is not None:
            os.kill(child, 9)
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return None if code == -9 else code


def in_child(arguments: list[str]) -> None:
    """Run ``fastnet`` and end."""
    code = 1
    try:
        for number, name in ((1, os.devnull), (2, "stderr")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        cli(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def compare(alone: Path, killed: Path) -> None:
    """Refuse the slightest difference in the model or in the history, but for the seconds."""
    one, other = fn.load(alone), fn.load(killed)
    assert one.parameters.tobytes() == other.parameters.tobytes(), f"{killed}: the parameters differ"
    rows = [
        [line.rsplit(",", 1)[0] for line in (folder / "history.csv").read_text().splitlines()]
        for folder in (alone, killed)
    ]
    assert rows[0] == rows[1], f"{killed}: the histories differ"
    assert len(rows[0]) > 3
    about = json.loads((killed / "about.json").read_text())
    assert about["state"] in ("finished", "stopped early"), about["state"]
    assert not list(killed.glob(".*")), "something is left behind"


if __name__ == "__main__":
    # All that is imported and compiled is so once, here, by way of a first run; its threads have ended then.
    place, engine = Path(sys.argv[1]) / "first", [] if any(name in COMPILED for name in sys.argv[4:]) else ["--no-jit"]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        quick = ["train", "moons", "--epochs", "1", "--layers", "2", "--out", str(place), *engine]
        cli(quick, standalone_mode=False)
        cli(["resume", str(place), "--epochs", "2"], standalone_mode=False)
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])))
