"""``fit_many`` beside one fit after another: 16 small networks, in turns; the ratio is the median of the rounds'."""

import statistics
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from workloads import WORKLOADS

import fastnet as fn

ROUNDS, NETWORKS = 5, 16


@pytest.mark.parametrize("name", ["moons", "digits"])
def test_many(benchmark: Any, name: str, capsys: Any) -> None:
    workload = replace(WORKLOADS[name], epochs=200)
    X, y = workload.data()
    options: dict[str, Any] = {
        "optimizer": workload.optimizer,
        "epochs": workload.epochs,
        "batch_size": workload.batch_size,
    }
    taken: dict[str, list[float]] = {"one by one": [], "fit_many": []}
    weights: dict[str, list[Any]] = {}

    def one_round() -> None:
        for how in taken:
            networks = [workload.network() for _ in range(NETWORKS)]
            started = time.perf_counter()
            if how == "fit_many":
                fn.fit_many(networks, X, y, **options)
            else:
                for network in networks:
                    network.fit(X, y, threads=1, **options)
            taken[how].append(time.perf_counter() - started)
            weights[how] = [network.parameters for network in networks]

    benchmark.group = "many networks"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    pairs = zip(taken["one by one"][1:], taken["fit_many"][1:], strict=True)
    ratio = statistics.median(alone / together for alone, together in pairs)
    benchmark.extra_info.update(kind="many", name=name, seconds=taken, ratio=ratio)
    with capsys.disabled():
        print(f"\nfit_many, {NETWORKS} networks of {name}: {ratio:.2f} times the throughput of one after another")
    np.testing.assert_array_equal(weights["fit_many"], weights["one by one"])
