"""What augmentation costs, ``python bench/augmentation.py``, and what it gains, ``python bench/augmentation.py
train_catvnoncat.h5 test_catvnoncat.h5 --seeds 6``.

Costs, float32 on one thread: gathering 128 shuffled pictures of 28x28 with what ``Augment`` does to them over
gathering it as it is, and an epoch of 784-128-10 with it over one without. The sides take turns, seconds are those of
the processor; a ratio is the median of the rounds' ratios.

Gains: a network trained on three quarters of all pictures, with augmentation and without, asked about the last quarter;
another division and other first weights with each seed.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import fastnet as fn
from fastnet.data import read_training
from fastnet_kernels.check import kernel

ROWS, SAMPLES, SHAPE = 128, 10_000, (28, 28)
WAYS = {
    "flip": fn.Augment(flip="horizontal"),
    "shift": fn.Augment(shift=0.1),
    "flip, shift and rotate": fn.Augment(flip="horizontal", shift=0.1, rotate=10),
}
ROUNDS, EPOCHS = 21, 100


def ratios(sides: Mapping[str, Callable[[], Any]], turn: int) -> dict[str, tuple[float, float]]:
    """Of each side, the median of its seconds a call, and of their ratios to the first side's."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for call in sides.values():
        call()
    for _ in range(ROUNDS):
        for name, call in sides.items():
            start = time.process_time()
            for _ in range(turn):
                call()
            seconds[name].append((time.process_time() - start) / turn)
    first = next(iter(seconds.values()))
    return {
        name: (statistics.median(own), statistics.median(a / b for a, b in zip(own, first, strict=True)))
        for name, own in seconds.items()
    }


def network(augment: fn.Augment | None) -> fn.Network:
    layers: list[Any] = [] if augment is None else [augment]
    layers += [fn.Dense(128, activation="relu"), fn.Dense(10, activation="softmax")]
    return fn.Network(layers, input_shape=SHAPE, loss="categorical_crossentropy")


def cost() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (SAMPLES, 784), np.uint8)
    X, y, order = (pixels / 255).astype(np.float32), rng.integers(0, 10, SAMPLES), rng.permutation(SAMPLES)
    batch, scratch = np.empty((ROWS, 784), np.float32), np.empty((1, 784), np.float32)
    floats, none = (X, np.empty((0, 0), np.uint8)), (np.empty((0, 0), np.float32), pixels)
    sides: dict[str, dict[str, tuple[str, str, tuple[Any, ...]]]] = {
        "a batch of floats": {"as it is": ("engine", "gather", (batch, X, order, 0))},
        "a batch of bytes": {"as it is": ("pixels", "gather_pixels", (batch, pixels, order, 0, 255.0))},
    }
    for what, data in zip(sides, (floats, none), strict=True):
        for name, way in WAYS.items():
            op = network(way).program[0]
            arguments = (batch, scratch, *data, 255.0, order, 0, op, 1, 2, 0)
            sides[what][name] = ("augment", "augment_gathered", arguments)
        calls = {}
        for name, (module, function, arguments) in sides[what].items():
            entry = kernel(module, function, "jit", arguments, "float32")
            calls[name] = lambda entry=entry, arguments=arguments: entry(*arguments)
        tell(what, ratios(calls, 5), ROWS)
    steps = -(-SAMPLES // ROWS)
    trainings = {}
    for name, augment in {"as it is": None, **WAYS}.items():
        net = network(augment)
        trainings[name] = lambda net=net: net.fit(X, y, epochs=1, batch_size=ROWS, threads=1)
    tell("an epoch of a training", ratios(trainings, 1), steps * ROWS)


def tell(what: str, found: dict[str, tuple[float, float]], rows: int) -> None:
    for name, (seconds, ratio) in found.items():
        print(f"{what:24} {name:24} {1e9 * seconds / rows:8.0f} ns a sample {ratio:7.2f} times as long")


def gain(files: Sequence[str], seeds: int) -> None:
    parts = [part for file in files for part in read_training(file) if part is not None]
    X, y = np.concatenate([part.X for part in parts]), np.concatenate([np.asarray(part.y) for part in parts])
    found: dict[str, list[tuple[float, float]]] = {"without": [], "with": []}
    for seed in range(seeds):
        held_out, rest = np.split(np.random.default_rng(seed).permutation(len(X)), [len(X) // 4])
        for name, layers in (("without", []), ("with", [fn.Augment(flip="horizontal", shift=0.1, rotate=10)])):
            net = fn.Network(
                [*layers, fn.Dense(32, activation="relu"), fn.Dense(1, activation="sigmoid")],
                input_shape=X.shape[1:],
                loss="binary_crossentropy",
                seed=seed,
            )
            optimizer = fn.Adam(fn.CosineDecay(0.0005, over=EPOCHS))
            net.fit(fn.Pixels(X[rest]), y[rest], epochs=EPOCHS, batch_size=32, optimizer=optimizer)
            result = net.evaluate(fn.Pixels(X[held_out]), y[held_out])
            found[name].append((result["loss"], result["accuracy"]))
    for name, results in found.items():
        losses, accuracies = zip(*results, strict=True)
        print(f"{name:8} loss {statistics.mean(losses):.3f}, accuracy {statistics.mean(accuracies):.1%} on average")
    for index, (name, sign) in enumerate((("loss", -1), ("accuracy", 1))):
        better = [sign * (b[index] - a[index]) for a, b in zip(*found.values(), strict=True)]
        error = statistics.stdev(better) / seeds**0.5
        print(
            f"{name} better by {statistics.mean(better):.3f} +- {error:.3f}, in {sum(d > 0 for d in better)} of {seeds}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="of the cat pictures; without any, what it costs")
    parser.add_argument("--seeds", type=int, default=6)
    asked = parser.parse_args()
    gain(asked.files, asked.seeds) if asked.files else cost()
