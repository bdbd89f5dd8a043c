"""Training from a file beside training in memory, mnist's shapes: in turns; the ratio is the median of the rounds'.

What is in the file is learned, so that losses can be compared too: ``test_order`` has those on held-out samples after
trainings of several seeds, from a file whose samples are in any order and from one sorted by class.
"""

import statistics
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn

ROUNDS, BATCH, FEATURES, CLASSES, CHUNK = 4, 128, 784, 10, 256
MEMORY, SEEDS = "40MB", 3


def data(samples: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Pictures of ten classes, each a faint pattern below noise."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, samples)
    patterns = rng.integers(0, 40, (CLASSES, FEATURES), dtype=np.uint8)
    return patterns[y] + rng.integers(0, 216, (samples, FEATURES), dtype=np.uint8), y


def network() -> fn.Network:
    layers = [fn.Dense(128, activation="relu"), fn.Dense(CLASSES, activation="softmax")]
    return fn.Network(layers, input_shape=(FEATURES,), loss="categorical_crossentropy")


def write(path: Path, X: Any, y: Any, **how: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("X", data=X, **how)
        file["y"] = y
    return path


LAYOUTS: dict[str, dict[str, Any]] = {
    "chunks": {"chunks": (CHUNK, FEATURES)},
    "contiguous": {},
    "lzf": {"chunks": (CHUNK, FEATURES), "compression": "lzf"},
    "gzip": {"chunks": (CHUNK, FEATURES), "compression": "gzip", "compression_opts": 1},
}


@pytest.mark.parametrize(("samples", "memory"), [(120_000, MEMORY), (240_000, "80MB"), (480_000, "160MB")])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_speed(benchmark: Any, layout: str, samples: int, memory: str, tmp_path: Path, capsys: Any) -> None:
    X, y = data(samples)
    path = write(tmp_path / "data.h5", X, y, **LAYOUTS[layout])
    scaled, stream = fn.Pixels(X), fn.Stream(path, memory=memory)
    preparation = fn.Preparation.fit(stream)
    assert preparation.divisor == scaled.divisor
    taken: dict[str, list[float]] = {"in memory": [], "stream": []}
    worked: dict[str, list[float]] = {"in memory": [], "stream": []}

    def one_round() -> None:
        for how in taken:
            net = network()
            net.preparation = preparation
            started, before = time.perf_counter(), time.process_time()
            net.fit(scaled if how == "in memory" else stream, y, epochs=1, batch_size=BATCH)
            taken[how].append(time.perf_counter() - started)
            worked[how].append(time.process_time() - before)

    benchmark.group = "streams"
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)
    # The processor's own time is what is left of a comparison where others keep the machine busy.
    ratio, of_work = (
        statistics.median(
            whole / streamed for whole, streamed in zip(*(pair[1:] for pair in both.values()), strict=True)
        )
        for both in (taken, worked)
    )
    plan = network().buffers_of(stream, y, batch_size=BATCH)
    benchmark.extra_info.update(
        kind="stream", name=layout, samples=samples, seconds=taken, ratio=ratio, of_work=of_work
    )
    with capsys.disabled():
        print(
            f"\n{layout}, {samples} samples ({X.nbytes / 1e6:.0f} MB) within {memory}, {plan.buffers} buffers: "
            f"{ratio:.2f} times the speed in memory, {of_work:.2f} by the processor's time"
        )


@pytest.mark.parametrize("order", ["any", "sorted by class"])
def test_order(order: str, tmp_path: Path, capsys: Any) -> None:
    X, y = data(70_000)
    train, held_out = np.arange(60_000), np.arange(60_000, 70_000)
    if order != "any":
        train = train[np.argsort(y[train], kind="stable")]
    path = write(tmp_path / "data.h5", X[train], y[train], **LAYOUTS["chunks"])
    losses: dict[str, list[float]] = {"in memory": [], "stream": []}
    for seed in range(SEEDS):
        for how, found in losses.items():
            net = fn.Network(
                network().layers, input_shape=(FEATURES,), loss="categorical_crossentropy", dtype="float32", seed=seed
            )
            stream = fn.Stream(path, memory=MEMORY)
            net.preparation = fn.Preparation.fit(stream)
            net.fit(fn.Pixels(X[train]) if how == "in memory" else stream, y[train], epochs=2, batch_size=BATCH)
            found.append(net.evaluate(fn.Pixels(X[held_out]), y[held_out])["loss"])
    with capsys.disabled():
        for how, found in losses.items():
            mean, deviation = statistics.mean(found), statistics.stdev(found)
            print(f"\nsamples in {order} order, {how}: loss held out {mean:.4f} +- {deviation:.4f} over {SEEDS} seeds")
