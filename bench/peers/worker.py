"""A process for one contestant and one workload: ``python worker.py CONTESTANT WORKLOAD THREADS``, in ``bench/``.

It obeys lines of JSON on its standard input and answers each with one on its standard output:

- at the start: what importing took, or why the contestant can't take part;
- ``{"check": EPOCHS}``: the first training of the process, and what it learned;
- ``{"seconds": S, "epochs": EPOCHS}``: train again and again for that long, answering the mean time of a training;
- ``{"memory": true}``: the most memory that the process ever held.
"""

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

REWARM_BELOW = 0.1
"""Seconds of a training below which a turn begins with an untimed one: what others ran has emptied the caches."""


def peak_bytes() -> int | None:
    """The most memory that this process held; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux its peak is inherited from the process that started this one.
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) * 1024
    if sys.platform == "darwin":
        import resource

        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return None


class Worker:
    """The contestant, ready to train."""

    def __init__(self, name: str, workload_name: str, threads: int) -> None:
        clock = [time.perf_counter()]
        import numpy  # noqa: F401  so that its time is known

        clock.append(time.perf_counter())
        import peers
        from peers.growth import ALL

        clock.append(time.perf_counter())
        self._workload = ALL[workload_name]
        self._X, self._y = self._workload.data()
        start = self._workload.network().get_weights()
        clock.append(time.perf_counter())
        made = peers.contestant(name)
        clock.append(time.perf_counter())
        self.idle_bytes = peak_bytes()
        self._contestant = made(self._workload, self._X, self._y, start, threads)
        clock.append(time.perf_counter())
        with_numpy, fastnet, _, library, self.prepare_seconds = (b - a for a, b in pairwise(clock))
        # All need NumPy; fastnet is here for the definition of the workload, which only it itself has to pay for.
        self.import_seconds = with_numpy + library + (fastnet if name == peers.OURS else 0)

    def check(self, epochs: int) -> dict[str, Any]:
        """Train for the first time, compiling what has to be, and say how well the weights do on the whole set."""
        seconds = self._train(epochs)
        return {"seconds": seconds, "loss": self._loss()}

    def turn(self, seconds: float, epochs: int) -> dict[str, Any]:
        """Train until that much time has gone; the mean seconds of a training."""
        first = self._train(epochs)
        times = [] if first < REWARM_BELOW else [first]
        while not times or sum(times) < seconds:
            times.append(self._train(epochs))
        return {"seconds": sum(times) / len(times), "trainings": len(times)}

    def _train(self, epochs: int) -> float:
        self._contestant.reset()
        started = time.perf_counter()
        self._contestant.run(epochs)
        return time.perf_counter() - started

    def _loss(self) -> float:
        """The loss of the learned weights, without dropout, normalised by the running averages, penalty included: the
        same sum for all contestants."""
        import numpy as np
        from workloads import BINARY, CLASSES, NORM

        a = self._X.astype(np.float64)
        weights = self._contestant.weights()
        penalty = 0.0
        for index, (scale, shift, *averages) in enumerate(weights):
            if averages:
                mean, variance = averages
                a = (a - mean) / np.sqrt(variance + NORM.epsilon) * scale + shift
            else:
                a = a @ scale + shift
                penalty += 0.5 * self._workload.l2 * float((scale**2).sum())
            # With batch normalisation an activation follows each of those, else each dense layer but the last.
            if index < len(weights) - 1 and bool(averages) == self._workload.batch_norm:
                a = np.maximum(a, 0) if self._workload.activation == "relu" else np.tanh(a)
        y = self._y
        if self._workload.loss == CLASSES:
            top = a.max(axis=1)
            losses = np.log(np.exp(a - top[:, np.newaxis]).sum(axis=1)) + top - a[np.arange(len(a)), y]
        elif self._workload.loss == BINARY:
            losses = np.logaddexp(0, a) - y.reshape(a.shape) * a
        else:
            losses = (a - y) ** 2
        return float(losses.mean() + penalty)


def main() -> None:
    """Serve until the input ends."""
    answers, sys.stdout = sys.stdout, sys.stderr
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

    def answer(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    name, workload, threads = sys.argv[1:]
    if name == "jax_scan" and threads == "1" and sys.platform == "linux":
        # No setting keeps all of XLA's pools at one thread, so what is called one thread is held to one core.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        if name == "ceiling":
            from ceiling import Ceiling

            ceiling = Ceiling(workload, int(threads))
            answer({})
            for _ in sys.stdin:
                answer(ceiling.measure())
            return
        worker = Worker(name, workload, int(threads))
        answer({"import_seconds": worker.import_seconds, "prepare_seconds": worker.prepare_seconds})
        for line in sys.stdin:
            request = json.loads(line)
            if "check" in request:
                answer(worker.check(request["check"]))
            elif "memory" in request:
                answer({"peak_bytes": peak_bytes(), "idle_bytes": worker.idle_bytes})
            else:
                answer(worker.turn(**request))
    except Exception as error:  # a contestant may fail in any way; the others go on
        answer({"error": f"{type(error).__name__}: {error}".splitlines()[0]})


if __name__ == "__main__":
    main()
