"""Files that another program holds for a moment, as on Windows."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet import files
from fastnet.cli import history_file
from fastnet.errors import OutputError


@pytest.mark.parametrize(("failures", "works"), [(0, True), (2, True), (3, False)])
def test_a_file_that_is_read_meanwhile_is_replaced_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, works: bool
) -> None:
    path, left, replace = tmp_path / "file", [failures], Path.replace
    path.write_bytes(b"old")

    def held(self: Path, target: Path) -> Path:
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held)
    monkeypatch.setattr(files, "PAUSES", (0.0, 0.0))
    if works:
        files.write_atomically(path, b"new")
    else:
        with pytest.raises(OutputError, match="Permission denied"):
            files.write_atomically(path, b"new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"new" if works else b"old"]


def test_a_history_that_is_looked_at_gets_its_rows_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, begun, opened = tmp_path / "history.csv", [0], Path.open

    def held(self: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if self == path and mode == "a":
            begun[0] += 1
            if begun[0] <= 2:
                raise PermissionError(13, "Permission denied")
        return opened(self, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", held)
    monkeypatch.setattr(history_file, "SECONDS_A_WRITE", 0.0)
    network = fn.Network([fn.Dense(1)], input_shape=2, loss="mean_squared_error")
    watchers = [history_file.HistoryFile(path), fn.EarlyStopping(9)]
    network.fit(np.eye(2), np.zeros(2), epochs=6, backend="reference", callbacks=watchers)
    assert [line.partition(",")[0] for line in path.read_text(encoding="utf-8").splitlines()] == ["epoch", *"123456"]
