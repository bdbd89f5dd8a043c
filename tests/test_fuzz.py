"""The fuzzer itself: its seeds are read, its inputs can be made again, a few find nothing (`docs/fuzzing.md`)."""

import random
from pathlib import Path

import mutate
import pytest
import targets

from fastnet.errors import DataError, printable

NAMES = [target.name for target in targets.TARGETS if target.name != "forged-model"]


@pytest.fixture(params=targets.TARGETS, ids=lambda target: target.name)
def target(request: pytest.FixtureRequest) -> targets.Target:
    """Each format."""
    found: targets.Target = request.param
    return found


def reader(target: targets.Target, folder: Path) -> targets.Read:
    """What reads files of the format; HDF5 without a process of its own, since what is read is known."""
    prepare = targets.data if target.name == "hdf5" else target.prepare
    return prepare(folder)


def test_every_seed_is_read(target: targets.Target, tmp_path: Path) -> None:
    samples = target.seeds(tmp_path)
    read = reader(target, tmp_path)
    path = tmp_path / target.file_name
    for content in samples:
        path.write_bytes(content)
        assert target.attempt(read, path) == "read"


def test_inputs_are_named_by_their_seed(target: targets.Target, tmp_path: Path) -> None:
    samples = target.seeds(tmp_path)
    made = [[mutate.mutated(random.Random(i), samples, target.inside) for i in range(20)] for _ in range(2)]
    assert made[0] == made[1]
    assert sum(content not in samples for content in made[0]) > 10


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hdf5"])
def test_mutated_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = next(target for target in targets.TARGETS if target.name == name)
    samples = target.seeds(tmp_path)
    read = target.prepare(tmp_path)
    path = tmp_path / target.file_name
    outcomes = set()
    for i in range(40):
        path.write_bytes(mutate.mutated(random.Random(f"test {i}"), samples, target.inside))
        outcomes.add(target.attempt(read, path))
    assert outcomes == {"read"} if name in ("about", "history") else "refused" in outcomes


def test_a_traceback_is_a_finding(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        raise KeyError(path)

    with pytest.raises(KeyError):
        targets.TARGETS[0].attempt(read, tmp_path)


@pytest.mark.parametrize("cause", [None, MemoryError()])
def test_what_is_no_sentence_or_hides_a_lack_of_memory_is_a_finding(cause: Exception | None, tmp_path: Path) -> None:
    def read(path: Path) -> None:
        try:
            raise cause or ValueError
        except (MemoryError, ValueError):
            raise DataError("the data do not fit" if cause else "short") from None

    with pytest.raises(targets.FindingError):
        targets.TARGETS[0].attempt(read, tmp_path)


def test_messages_show_what_a_terminal_would_obey() -> None:
    assert str(DataError("a cell\x1b[2J\n\u202e\ud800 of grün")) == "a cell\\x1b[2J\\n\\u202e\\ud800 of grün"
    assert len(printable("x" * 10**7)) < 2000
