"""Feeds mutated files to every reader and counts what becomes of them; exits with 1 where any was a finding.

Each format is read by a process of its own, under a limit of memory, and watched: one that crashes, hangs or takes too
much is started again after the input that did it, which is saved like every other finding.
"""

import argparse
import json
import math
import multiprocessing
import os
import platform
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mutate
import targets

SECONDS = 10.0
"""How long reading one file may take."""
START = 60.0
"""How long the first one may: it waits for imports and for the seeds to be made."""
MEGABYTES = 1024
"""How much a process that reads may hold, with all that it imported."""
ADDRESS_SPACE = 8 * 2**30
"""How much it may ask for: numbers of a file that are taken for sizes without a question end here."""
OUTCOMES = ("read", "refused", "traceback", "memory", "hang", "crash")


def made(target: targets.Target, seed: int, index: int, samples: list[bytes]) -> bytes:
    """The input of this number: the same in every run with this seed and these libraries."""
    return mutate.mutated(random.Random(f"{target.name} {seed} {index}"), samples, target.inside)


def work(name: str, seed: int, stop: int, findings: Path, place: Any, counts: Any) -> None:
    """Read inputs until ``stop``; ``place`` and ``counts`` are shared with the process that watches."""
    target = next(target for target in targets.TARGETS if target.name == name)
    memory = Memory()
    with tempfile.TemporaryDirectory(dir=in_memory()) as temporary:
        folder = Path(temporary)
        samples = target.seeds(folder)
        read = target.prepare(folder)
        path = folder / target.file_name
        parent = multiprocessing.parent_process()
        for index in range(place.value, stop):
            if parent is not None and not parent.is_alive():
                return
            place.value = index
            content = made(target, seed, index, samples)
            path.write_bytes(content)
            try:
                outcome = target.attempt(read, path)
            except Exception as error:
                outcome = "traceback"
                save(findings, target, seed, index, content, outcome, error)
            if memory.exceeded():
                save(findings, target, seed, index, content, "memory")
                counts[OUTCOMES.index("memory")] += 1
                place.value = index + 1
                return
            counts[OUTCOMES.index(outcome)] += 1
        place.value = stop


def in_memory() -> Path | None:
    """A folder that is no disk, where there is one: a million files would wear it."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else None


class Memory:
    """The limits of this process, where the system has them."""

    def __init__(self) -> None:
        self._used: Callable[[], int] | None = None
        try:
            import resource
        except ImportError:  # Windows: only what it asks for in vain is noticed there
            return
        unit = 1 if sys.platform == "darwin" else 1024

        def used() -> int:
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

        self._used = used
        if sys.platform != "darwin":
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def exceeded(self) -> bool:
        """Whether it ever held more than it may."""
        return self._used is not None and self._used() > MEGABYTES * 2**20


def save(
    findings: Path,
    target: targets.Target,
    seed: int,
    index: int,
    content: bytes,
    outcome: str,
    error: Exception | None = None,
) -> None:
    """Keep an input that is a finding, one for each place in the code that it leads to."""
    where, told = f"{index}", f"{target.name}, seed {seed}, input {index}: {outcome}\n"
    if error is not None:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"
        told += "".join(traceback.format_exception(error))
    folder = findings / f"{target.name}-{outcome}-{where}"
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / Path(target.file_name).name).write_bytes(content)
        (folder / "finding.txt").write_text(told, encoding="utf-8", errors="backslashreplace")


def fuzz(target: targets.Target, seed: int, inputs: int, findings: Path) -> Counter[str]:
    """Feed one format its inputs; how many had which outcome, and in how many seconds."""
    context = multiprocessing.get_context("spawn")
    place: Any = context.Value("q", 0, lock=False)
    counts: Any = context.Array("q", len(OUTCOMES), lock=False)
    start = time.monotonic()
    while place.value < inputs:
        child = context.Process(target=work, args=(target.name, seed, inputs, findings, place, counts))
        child.start()
        outcome = watched(child, place)
        if outcome:
            index = place.value
            with tempfile.TemporaryDirectory() as folder:
                content = made(target, seed, index, target.seeds(Path(folder)))
            save(findings, target, seed, index, content, outcome)
            counts[OUTCOMES.index(outcome)] += 1
            place.value = index + 1
    seconds = math.ceil(time.monotonic() - start)
    return Counter({**dict(zip(OUTCOMES, counts, strict=True)), "inputs": inputs, "seconds": seconds})


def watched(child: Any, place: Any) -> str:
    """How a process ended: "" by itself, else "crash" or "hang"."""
    first = place.value
    seen, since = first, time.monotonic()
    while child.is_alive():
        child.join(0.5)
        if place.value != seen:
            seen, since = place.value, time.monotonic()
        elif time.monotonic() - since > (SECONDS if seen != first else START):
            child.kill()
            child.join()
            return "hang"
    if child.exitcode > 0:  # an error of the fuzzer's own, which it printed
        sys.exit("the process that reads ended with an error")
    return "crash" if child.exitcode else ""


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="how many inputs in total (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="where chance starts (%(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="how many times, each with the next seed (%(default)s)")
    parser.add_argument("--only", metavar="NAMES", help="some formats, with commas between")
    parser.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="a folder for findings")
    parser.add_argument("-o", "--output", type=Path, help="a file for the summary")
    asked = parser.parse_args()
    names = (
        asked.only.split(",")
        if asked.only
        else [target.name for target in targets.TARGETS if target.name not in targets.BEYOND]
    )
    chosen = [target for target in targets.TARGETS if target.name in names]
    total = sum(target.share for target in chosen)
    counted = {target.name: Counter[str]() for target in chosen}
    summary: dict[str, Any] = {}
    for seed in range(asked.seed, asked.seed + asked.rounds):
        for target in chosen:
            inputs = round(asked.inputs / asked.rounds * target.share / total)
            counted[target.name].update(fuzz(target, seed, inputs, asked.findings))
        summary = summarised(counted, asked.seed, seed)
        text = json.dumps(summary)
        print(text, flush=True)
        if asked.output is not None:
            asked.output.write_text(text + "\n", encoding="utf-8")
    return int(any(summary["total"].get(outcome) for outcome in OUTCOMES[2:]))


def summarised(counted: Mapping[str, Counter[str]], first: int, last: int) -> dict[str, Any]:
    """What became of the inputs of all seeds so far, and with which versions."""
    return {
        "seeds": [first, last],
        "total": dict(sum(counted.values(), Counter())),
        "formats": {name: dict(counts) for name, counts in counted.items()},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version(name) for name in ("fastnet-jit", "numpy", "h5py", "pyarrow", "pillow")},
    }


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
