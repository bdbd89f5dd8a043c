"""The seal of model files and checkpoints: not one byte can be another, missing or too many."""

import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import fastnet as fn
from fastnet import checkpoint, state
from fastnet.errors import FastnetError
from fastnet.sealed import SealedFormat


@pytest.fixture(params=["model", "checkpoint"])
def sealed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[SealedFormat, Path]:
    """A whole file and its format."""
    X, y = np.arange(12.0).reshape(6, 2), np.arange(6) % 2
    network = fn.Network([fn.Dense(2), fn.Dense(1, activation="sigmoid")], input_shape=2, loss="binary_crossentropy")
    path = tmp_path / "file.h5"
    if request.param == "model":
        network.save(path)
        return checkpoint.FILE, path
    network.fit(X, y, epochs=1, optimizer=fn.Adam(), backend="reference", callbacks=[fn.Checkpoint(path)])
    return state.FILE, path


def flipped(image: bytes) -> Iterator[bytes]:
    """Every byte with another bit of it turned over."""
    for place in range(len(image)):
        yield image[:place] + bytes([image[place] ^ (1 << place % 8)]) + image[place + 1 :]


def truncated(image: bytes) -> Iterator[bytes]:
    """Every shorter length."""
    return (image[:size] for size in range(len(image)))


def appended(image: bytes) -> Iterator[bytes]:
    """Up to 600 bytes more."""
    return (image + bytes(size) for size in range(1, 600))


def scattered(image: bytes) -> Iterator[bytes]:
    """Several bytes anywhere."""
    source = random.Random(0)
    for _ in range(1000):
        damaged = bytearray(image)
        for place in source.sample(range(len(image)), source.randint(2, 20)):
            damaged[place] ^= source.randint(1, 255)
        yield bytes(damaged)


@pytest.mark.parametrize("damage", [flipped, truncated, appended, scattered])
def test_damage_is_refused(damage: object, sealed: tuple[SealedFormat, Path]) -> None:
    file_format, path = sealed
    image = path.read_bytes()
    file_format.read(path)
    assert callable(damage)
    for index, content in enumerate(damage(image)):
        # What reading asks first; a file for each would take minutes.
        assert not content.startswith(file_format.seal) or content != file_format.sealed(content)
        if index % 100 == 0:
            path.write_bytes(content)
            with pytest.raises(FastnetError):
                file_format.read(path)


def test_what_is_not_sealed_is_not_read(tmp_path: Path) -> None:
    """Data given for a model may be larger than the memory."""
    path = tmp_path / "data.h5"
    size = 1 << 43
    try:
        with path.open("wb") as stream:
            stream.truncate(size)
    except OSError:
        pytest.skip("the file system has no files with holes of this size")
    with pytest.raises(fn.FastnetError, match="is not a fastnet model"):
        fn.load(path)


def test_a_file_is_made_in_memory_once(tmp_path: Path) -> None:
    vectors = [np.ones(1_000_000), np.ones(1_500_000)]
    state.FILE.write(tmp_path / "small.h5", {"float64": [vectors[0][:1]]})  # everything is imported
    tracemalloc.start()
    try:
        state.FILE.write(tmp_path / "file.h5", {"float64": vectors})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * sum(vector.nbytes for vector in vectors)
