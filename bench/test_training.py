"""Whole trainings of the workloads by both engines, float32, same steps, same batches and same start.

Warm: one run goes before the timed ones, so that compiling (or loading the cache) is not in them; ``cold_seconds`` in
the results is what that first run took. The two engines take turns in one test, so that a machine whose speed drifts
slows both.
"""

import time
from typing import Any

import pytest
from workloads import WORKLOADS

from fastnet_kernels.check import SIDES

ROUNDS = 5


@pytest.mark.parametrize("name", WORKLOADS)
def test_training(benchmark: Any, name: str) -> None:
    workload = WORKLOADS[name]
    X, y = workload.data()
    cold: dict[str, float] = {}
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    final: dict[str, float] = {}
    for side in SIDES:
        network = workload.network()
        started = time.perf_counter()
        workload.train(network, X, y, side)
        cold[side] = time.perf_counter() - started

    def one_round() -> None:
        for side in SIDES:
            network = workload.network()
            started = time.perf_counter()
            history = workload.train(network, X, y, side)
            seconds[side].append(time.perf_counter() - started)
            final[side] = history.loss[-1]

    benchmark.group = f"training, {name}"
    benchmark.pedantic(one_round, rounds=ROUNDS)
    benchmark.extra_info.update(
        kind="training", name=name, steps=workload.steps, seconds=seconds, cold_seconds=cold, final_loss=final
    )
    # Rounding moves a loss; another computation would move it by more than a thousandth.
    assert final["jit"] == pytest.approx(final["reference"], rel=1e-3)
