"""fastnet beside its peers: ``python bench/compare.py [WORKLOAD ...] [--rounds 5] [--out FILE.json]``.

Every contestant has a process of its own for each workload and each number of threads. In a round all train one after
the other, so that a machine whose speed drifts slows all; a ratio is the median of the rounds' ratios. Nothing else
should run meanwhile. ``--growth`` measures the series of the second figure too.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ceiling
from peers import CONTESTANTS, OURS, PEERS, environment, refusal
from peers.growth import ALL, GROWTH
from workloads import WORKLOADS, Workload

from fastnet_kernels.machine import cores

LONG = {"cat-2": 2500, "cat-4": 2500}
"""Epochs of ours in trainings that are long in real life, where what is paid once a training counts for little. The
peers, which pay next to nothing once a training, are timed over ``SHORT`` epochs of the same, and all are compared
after ``SHORT``."""
SHORT = 250

LOSS_TOLERANCE = 1e-3
"""How far, relatively, two contestants' losses may be apart where all saw the same batches: rounding in float32 moves
them by less, another computation by more."""


class ContestantFailedError(Exception):
    """What a worker said, or that it ended without a word."""


class Process:
    """A worker and the two pipes to it."""

    def __init__(self, name: str, workload: str, threads: int, **extra: str) -> None:
        command = [sys.executable, str(Path(__file__).parent / "peers" / "worker.py"), name, workload, str(threads)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**environment(threads), **extra},
        )
        self.name, self.threads = name, threads
        try:
            self.hello = self._answer()
        except ContestantFailedError:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ContestantFailedError("the process ended by itself") from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ContestantFailedError("the process ended by itself")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContestantFailedError(answer["error"])
        return answer

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def process(name: str, workload: str, threads: int, **extra: str) -> Iterator[Process]:
    """A worker that ends with the context."""
    worker = Process(name, workload, threads, **extra)
    try:
        yield worker
    finally:
        worker.close()


def measure(
    name: str, contestants: Sequence[str], threads: Sequence[int], rounds: int, turn: float = 0.2
) -> dict[str, Any]:
    """All that is known of one workload afterwards, as plain data.

    Parameters
    ----------
    name : of ``peers.growth.ALL``
    contestants : names of ``peers.CONTESTANTS``
    threads : numbers of threads, each of which every contestant gets
    rounds : turns that each contestant has
    turn : seconds, at the least, that a turn lasts
    """
    workload = ALL[name]
    short = SHORT if name in LONG else workload.epochs
    results: list[dict[str, Any]] = []
    failures: dict[str, str] = {}
    rates: list[dict[str, float]] = []
    with ExitStack() as stack:
        running: list[tuple[Process, dict[str, Any]]] = []
        for contestant in contestants:
            reason = refusal(contestant, workload)
            if reason is not None:
                failures[CONTESTANTS[contestant].label] = reason
                continue
            for count in threads:
                show(f"{name}: {label(contestant, count)} starts")
                try:
                    worker = stack.enter_context(process(contestant, name, count))
                    first = worker.ask(check=short)
                    # Whatever as many epochs as a turn's still have to compile is not to be in the first turn.
                    epochs = LONG.get(name, short) if contestant == OURS else short
                    worker.ask(seconds=0.0, epochs=epochs)
                except ContestantFailedError as error:
                    failures[label(contestant, count)] = str(error)
                    continue
                result = {
                    "contestant": contestant,
                    "threads": count,
                    "epochs": epochs,
                    "steps": workload.steps * epochs // workload.epochs,
                    "import_seconds": worker.hello["import_seconds"],
                    "prepare_seconds": worker.hello["prepare_seconds"],
                    "first_seconds": first["seconds"],
                    "loss": first["loss"],
                    "seconds": [],
                }
                results.append(result)
                running.append((worker, result))
        measured = stack.enter_context(process("ceiling", name, max(threads)))
        for index in range(rounds):
            show(f"{name}: round {index + 1} of {rounds}")
            rates.append(measured.ask())
            # Each round begins with another contestant, so that nobody always follows the same one.
            at = index % max(1, len(running))
            for worker, result in running[at:] + running[:at]:
                result["seconds"].append(worker.ask(seconds=turn, epochs=result["epochs"])["seconds"])
        for worker, result in running:
            result |= worker.ask(memory=True)
    show("")
    return {
        "workload": name,
        "sizes": workload.sizes,
        "loss_after_epochs": short,
        "deterministic": is_deterministic(workload),
        "rates": {key: statistics.median(rate[key] for rate in rates) for key in rates[0]},
        "results": results,
        "failures": failures,
    }


def is_deterministic(workload: Workload) -> bool:
    """Whether every contestant sees the same batches and masks, so that all must learn the same."""
    return (workload.batch_size or workload.samples) >= workload.samples and not workload.dropout


def label(contestant: str, threads: int) -> str:
    """How a contestant is shown in a table."""
    return f"{CONTESTANTS[contestant].label}, {threads} thread{'s' if threads > 1 else ''}"


def step_seconds(result: dict[str, Any]) -> float:
    """The median time of a step."""
    return float(statistics.median(result["seconds"]) / int(result["steps"]))


def fastest(
    results: list[dict[str, Any]], names: Sequence[str], ours: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """The quickest of these contestants, over all numbers of threads: by a step's time or, beside ours, by the ratio,
    which is what the machine's drift between rounds leaves alone."""
    chosen = [result for result in results if result["contestant"] in names]
    if ours is None:
        return min(chosen, key=step_seconds, default=None)
    return min(chosen, key=lambda result: _ratio(result, ours), default=None)


def ratio(result: dict[str, Any] | None, ours: dict[str, Any] | None) -> float | None:
    """How many times longer a step of this contestant takes than one of ours: the median of the rounds' ratios."""
    return None if result is None or ours is None else _ratio(result, ours)


def _ratio(result: dict[str, Any], ours: dict[str, Any]) -> float:
    pairs = zip(result["seconds"], ours["seconds"], strict=True)
    return float(statistics.median(a / b for a, b in pairs) * int(ours["steps"]) / int(result["steps"]))


def share_of_ceiling(measured: dict[str, Any], result: dict[str, Any]) -> float:
    """The least time that a step needs by ordinary means over the time that it took."""
    rates = measured["rates"]
    least = ceiling.seconds_a_step(ALL[measured["workload"]], rates["multiply_adds"], rates["bytes"])
    return least / step_seconds(result)


def losses_agree(measured: dict[str, Any]) -> bool | None:
    """Whether all losses are within the tolerance of ours; None where chance is part of them."""
    if not measured["deterministic"]:
        return None
    losses = [result["loss"] for result in measured["results"]]
    return all(abs(loss - losses[0]) <= LOSS_TOLERANCE * abs(losses[0]) for loss in losses)


def summary(measurements: list[dict[str, Any]]) -> list[str]:
    """The table of the workloads, in Markdown."""
    rows = [
        "| workload | ours, µs a step | best peer | its time / ours | PyTorch's / ours: eager, compiled "
        "| % of ceiling | losses |",
        "|---|---|---|---|---|---|---|",
    ]
    for measured in measurements:
        results = measured["results"]
        ours = fastest(results, [OURS])
        peer = fastest(results, list(PEERS), ours)
        if ours is None:
            rows.append(f"| {measured['workload']} | failed | | | | | |")
            continue
        torch = [number(ratio(fastest(results, [way], ours), ours)) for way in ("torch_eager", "torch_compiled")]
        verdict = {None: "by chance", True: "equal", False: "DIFFERENT"}[losses_agree(measured)]
        rows.append(
            f"| {measured['workload']} | {1e6 * step_seconds(ours):.1f} "
            f"| {label(peer['contestant'], peer['threads']) if peer else '-'} | {number(ratio(peer, ours))} "
            f"| {', '.join(torch)} | {100 * share_of_ceiling(measured, ours):.0f} | {verdict} |"
        )
    return rows


def details(measured: dict[str, Any]) -> list[str]:
    """The table of one workload's contestants, in Markdown."""
    ours = fastest(measured["results"], [OURS])
    rows = [
        f"{measured['workload']}: {'-'.join(map(str, measured['sizes']))}; losses after "
        f"{measured['loss_after_epochs']} epochs; sgemm {measured['rates']['multiply_adds'] / 5e8:.0f} GFLOP/s, "
        f"copying {measured['rates']['bytes'] / 1e9:.0f} GB/s",
        "",
        "| contestant | µs a step | / ours | % of ceiling | final loss "
        "| import, s | first training, s | warm, s | peak memory, MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in measured["results"]:
        peak = "-" if result["peak_bytes"] is None else f"{result['peak_bytes'] / 1e6:.0f}"
        # The first and the warm training are of the same number of epochs, though ours may be timed over more.
        warm = step_seconds(result) * ALL[measured["workload"]].steps
        warm *= measured["loss_after_epochs"] / ALL[measured["workload"]].epochs
        rows.append(
            f"| {label(result['contestant'], result['threads'])} | {1e6 * step_seconds(result):.1f} "
            f"| {number(ratio(result, ours))} | {100 * share_of_ceiling(measured, result):.0f} "
            f"| {result['loss']:.5f} | {result['import_seconds']:.2f} "
            f"| {result['prepare_seconds'] + result['first_seconds']:.3f} | {warm:.4f} | {peak} |"
        )
    rows += [f"| {who} | - | - | - | - | - | - | - | {why} |" for who, why in measured["failures"].items()]
    return rows


def number(value: float | None) -> str:
    """Two or three digits that count."""
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def first_ever(name: str) -> float:
    """Seconds that ours takes to train where nothing has been compiled yet: a machine's first run ever."""
    show("fastnet compiles from nothing")
    with tempfile.TemporaryDirectory() as folder, process(OURS, name, 1, FASTNET_CACHE_DIR=folder) as worker:
        seconds = worker.ask(check=ALL[name].epochs)["seconds"]
    show("")
    return float(worker.hello["prepare_seconds"] + seconds)


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    name = names[0].split(":", 1)[1].strip() if names else platform.processor() or platform.machine()
    return {"cpu": name, "cores": cores(), "system": platform.system(), "python": platform.python_version()}


def show(text: str) -> None:
    """Say what is going on, over what was said before; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="fastnet beside its peers, on this machine, in one run")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(ALL)}; default: the table's")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turn", type=float, default=0.2, help="seconds of a contestant's turn, at the least")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS), metavar="PEER")
    parser.add_argument("--growth", action="store_true", help="the series over width, depth, batch, samples too")
    parser.add_argument("--out", type=Path, help="where the measurements go, as JSON; bench/figure.py draws them")
    options = parser.parse_args()
    options.workloads = options.workloads or list(WORKLOADS)
    unknown = [name for name in options.workloads if name not in ALL]
    if unknown:
        parser.error(f"there is no workload {', '.join(unknown)}; there are {', '.join(ALL)}")
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, not {options.rounds}")
    return options


def main() -> None:
    """Measure, print the tables, write the file (after each workload, so that an end too soon loses little)."""
    options = arguments()
    threads = sorted({1, cores()})
    names = list(dict.fromkeys([*options.workloads, *(GROWTH if options.growth else ())]))
    report: dict[str, Any] = {"machine": machine(), "first_ever_seconds": first_ever(names[0]), "measurements": []}
    for name in names:
        measured = measure(name, [OURS, *options.peers], threads, options.rounds, options.turn)
        report["measurements"].append(measured)
        print("\n".join(details(measured)), end="\n\n", flush=True)
        if options.out is not None:
            part = options.out.with_name(f"{options.out.name}.part")
            part.write_text(json.dumps(report, indent=1), encoding="utf-8")
            part.replace(options.out)
    table = [measured for measured in report["measurements"] if measured["workload"] in WORKLOADS]
    print(", ".join(f"{key}: {value}" for key, value in report["machine"].items()))
    print(
        f"medians of {options.rounds} interleaved rounds, float32; best of {threads} threads, for ours and for the "
        f"peers; equal losses are within {LOSS_TOLERANCE:g} of ours; fastnet's first training ever on a machine "
        f"({names[0]}, all compiled in it) takes {report['first_ever_seconds']:.1f} s\n"
    )
    print("\n".join(summary(table)))
    if any(losses_agree(measured) is False for measured in report["measurements"]):
        sys.exit("contestants that saw the same batches learned different weights: the times do not compare")


if __name__ == "__main__":
    main()
