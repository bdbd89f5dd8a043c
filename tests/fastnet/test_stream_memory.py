"""A training keeps the memory that it was given, on a file several times that size."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

pytest.importorskip("resource", reason="the system has no limits of a process's memory")

ROWS, FEATURES, MEMORY = 204_800, 784, 38_000_000

CHILD = """
import resource, sys
import h5py, numpy as np
import fastnet as fn

def network(preparation):
    layers = [fn.Dense(8, activation="relu"), fn.Dense(2, activation="softmax")]
    made = fn.Network(layers, input_shape=(784,), loss="categorical_crossentropy")
    made.preparation = preparation
    return made

def train(stream):
    held_out = np.arange(len(stream)) % 10 == 0
    preparation = fn.Preparation.fit(stream[~held_out])
    net = network(preparation)
    history = net.fit(stream[~held_out], epochs=1, batch_size=128, validation_data=stream[held_out], threads=1)
    return net.buffers_of(stream[~held_out], batch_size=128), history, net.evaluate(stream[held_out])

big, small, memory = sys.argv[1], sys.argv[2], int(sys.argv[3])
train(fn.Stream(small))  # everything is imported, every kernel loaded, every kind of thread started once
stream = fn.Stream(big, memory=memory)
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))
try:
    np.ones(memory + 2**20, np.uint8)
except MemoryError:
    print("limited")
plan, history, scores = train(stream)
print(plan.buffers, history.accuracy[0], scores["accuracy"])
"""


def written(path: Path, rows: int) -> Path:
    """Samples that say their class in each feature: quickly compressed, quickly learned."""
    with h5py.File(path, "w") as file:
        X = file.create_dataset("X", (rows, FEATURES), "uint8", chunks=(256, FEATURES), compression="lzf")
        chunk = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis] % 2 * 255, FEATURES, axis=1)
        X[:256] = chunk
        filters, compressed = X.id.read_direct_chunk((0, 0))
        for start in range(256, rows, 256):
            X.id.write_direct_chunk((start, 0), compressed, filters)
        file["y"] = np.arange(rows) % 2
    return path


@pytest.mark.slow
@pytest.mark.needs_compiler
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not say how much a process takes")
def test_a_hard_limit_is_kept(tmp_path: Path) -> None:
    big, small = written(tmp_path / "big.h5", ROWS), written(tmp_path / "small.h5", 2560)
    assert ROWS * FEATURES > 4 * MEMORY
    done = subprocess.run(
        [sys.executable, "-c", CHILD, big, small, str(MEMORY)],
        # A thread's own arena of the allocator reserves 64 MB of addresses, which are no memory; and what is freed
        # before the limit is to be given back, so that it is not to be had in spite of it.
        env=os.environ | {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    limited, rest = done.stdout.splitlines()
    buffers, accuracy, held_out = rest.split()
    assert limited == "limited"
    assert int(buffers) > 6
    assert float(accuracy) > 0.9
    assert float(held_out) == 1.0
