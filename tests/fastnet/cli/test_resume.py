"""``fastnet resume``: a run goes on from its folder alone, in the same bits, or a sentence says why not."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

import fastnet as fn
from fastnet import state as states
from fastnet.cli.locks import Lock, is_locked
from fastnet.sealed import SealedFormat
from fastnet.training import Training

from .conftest import Run

KILLING = Path(__file__).with_name("killing.py")
SHORT = ["--no-jit", "--layers", "4", "--batch-size", 5, "--validation", 0.25]


def bits(folder: str) -> bytes:
    return fn.load(folder).parameters.tobytes()


def rows(folder: str) -> list[dict[str, str]]:
    """What history.csv says, but for the seconds."""
    with Path(folder, "history.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    for row in found:
        assert float(row.pop("seconds")) >= 0
    return found


def about(folder: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(Path(folder, "about.json").read_text(encoding="utf-8"))
    return value


class Killed(BaseException):
    """Stands for SIGKILL: nobody has a chance to tidy up."""


def killed_after(run: Run, monkeypatch: pytest.MonkeyPatch, epochs: int, *arguments: object) -> None:
    """A training that gets no further, as if its process had been killed."""
    train = Training.train

    def mortal(self: Training, count: int) -> float:
        if len(self.history.loss) >= epochs:
            raise Killed
        return train(self, count)

    with monkeypatch.context() as patched:
        patched.setattr(Training, "train", mortal)
        with pytest.raises(Killed):
            run(*arguments)


def test_a_killed_run_goes_on_in_the_same_bits(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its checkpoint, which may be large, is read once."""
    options = [table, *SHORT, "--epochs", 9, "--dropout", 0.2, "--patience", 3, "--optimizer", "nadam"]
    assert run("train", *options, "--out", "whole").exit_code == 0
    killed_after(run, monkeypatch, 5, "train", *options, "--out", "parts", "--checkpoint-every", 2)
    assert not Path("parts/model.h5").exists()
    assert len(rows("parts")) <= 5
    with Path("parts/history.csv").open("a", encoding="utf-8") as file:
        file.write("5,0.1,0.2\n6,0.")
    read, paths = SealedFormat.read, list[Path]()

    def listed(self: SealedFormat, path: Path) -> Any:
        paths.append(path)
        return read(self, path)

    monkeypatch.setattr(SealedFormat, "read", listed)
    result = run("resume", "parts")
    assert paths == [Path("parts/checkpoint.h5")]
    assert result.exit_code == 0, result.stderr
    assert "goes on    after 4 epochs of 9" in result.stdout
    assert bits("parts") == bits("whole")
    assert rows("parts") == rows("whole")
    assert [row["epoch"] for row in rows("parts")] == [str(n + 1) for n in range(len(rows("parts")))]
    assert about("parts")["resumed"][0]["fastnet"] == fn.__version__
    assert about("parts")["state"] == about("whole")["state"]
    assert not list(Path("parts").glob(".*"))


def test_the_folder_of_a_run(run: Run, table: Path) -> None:
    result = run("train", table, *SHORT, "--epochs", 3, "--out", "out")
    assert result.exit_code == 0, result.stderr
    names = ["about.json", "checkpoint.h5", "config.toml", "history.csv", "model.h5"]
    assert sorted(path.name for path in Path("out").iterdir()) == names
    assert list(rows("out")[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    said = about("out")
    assert (said["state"], said["epochs"], said["planned"]) == ("finished", 3, 3)
    assert said["data"]["data"]["name"] == str(table.resolve())
    assert said["data"]["data"]["bytes"] == table.stat().st_size
    assert len(said["data"]["data"]["sha256"]) == 64
    assert {"fastnet", "numpy", "numba", "python", "platform", "cores", "command", "started", "ended"} <= set(said)
    assert said["scores"]["train"]["samples"] == 9


def test_a_run_without_a_checkpoint_begins_again(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [table, *SHORT, "--epochs", 3]
    assert run("train", *options, "--out", "whole").exit_code == 0
    killed_after(run, monkeypatch, 2, "train", *options, "--out", "parts")
    # Which is what a killed process would have left.
    assert run("train", *options, "--out", "parts").exit_code == 0
    for name in ("checkpoint.h5", "model.h5", "history.csv"):
        Path("parts", name).unlink()
    said = about("parts")
    Path("parts/about.json").write_text(json.dumps({**said, "state": None, "ended": None}), encoding="utf-8")
    result = run("resume", "parts")
    assert result.exit_code == 0, result.stderr
    assert "from its start" in result.stdout
    assert bits("parts") == bits("whole")


def test_a_finished_run_says_so_and_takes_more_epochs(run: Run, table: Path) -> None:
    assert run("train", table, *SHORT, "--epochs", 5, "--out", "whole").exit_code == 0
    assert run("train", table, *SHORT, "--epochs", 3, "--out", "parts").exit_code == 0
    before = bits("parts")
    result = run("resume", "parts")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "finished   parts: 3 of 3 epochs; for more: --epochs N, above 3\n"
    assert json.loads(run("resume", "parts", "--json").stdout)["state"] == "finished"
    assert bits("parts") == before
    result = run("resume", "parts", "--epochs", 2)
    assert result.exit_code == 1
    assert result.stderr == ("fastnet: error: parts has done 3 epochs already; ask for more than that with --epochs\n")
    assert run("resume", "parts", "--epochs", 5).exit_code == 0
    assert bits("parts") == bits("whole")
    assert rows("parts") == rows("whole")
    assert Path("parts/config.toml").read_text("utf-8") == Path("whole/config.toml").read_text("utf-8")


def test_a_schedule_of_the_number_of_epochs_is_that_of_the_new_one(run: Run, table: Path) -> None:
    options = [table, *SHORT, "--schedule", "cosine"]
    assert run("train", *options, "--epochs", 8, "--out", "whole").exit_code == 0
    assert run("train", *options, "--epochs", 4, "--out", "parts").exit_code == 0
    result = run("resume", "parts", "--epochs", 8)
    assert "the cosine schedule is that of 8 epochs from here on" in result.stdout
    rates = [[row["learning_rate"] for row in rows(name)] for name in ("parts", "whole")]
    assert rates[0][4:] == rates[1][4:]
    assert rates[0][:4] != rates[1][:4]


def test_changed_data_are_refused(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_after(run, monkeypatch, 2, "train", table, *SHORT, "--epochs", 4, "--out", "out", "--checkpoint-every", 1)
    before = table.read_text(encoding="utf-8")
    table.write_text(before.replace("11,1,cat", "11,1,dog"), encoding="utf-8")
    result = run("resume", "out")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"fastnet: error: {table.resolve()} has changed since the run out began (its SHA-")
    assert result.stderr.count("\n") == 1
    table.write_text(before, encoding="utf-8")
    assert run("resume", "out").exit_code == 0


def test_two_processes_do_not_share_a_folder(run: Run, table: Path) -> None:
    assert run("train", table, *SHORT, "--epochs", 1, "--out", "out").exit_code == 0
    lock = Lock(Path("out"))
    assert is_locked(Path("out"))
    for arguments in (["resume", "out", "--epochs", 2], ["train", table, "--out", "out", "--force"]):
        result = run(*arguments)
        assert result.exit_code == 1
        assert result.stderr == (
            f"fastnet: error: out is worked on by another process, {os.getpid()}; wait for its end or end it\n"
        )
    lock.release()
    assert not is_locked(Path("out"))
    # A dead process leaves the file, and holds nothing.
    Path("out/.lock").write_text("1", encoding="ascii")
    assert run("resume", "out", "--epochs", 2).exit_code == 0
    assert not Path("out/.lock").exists()


def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_named(run: Run, table: Path) -> None:
    assert run("train", table, *SHORT, "--epochs", 4, "--checkpoint-every", 1, "--out", "out").exit_code == 0
    path = Path("out/checkpoint.h5")
    image = bytearray(path.read_bytes())
    image[1000] ^= 1
    path.write_bytes(image)
    result = run("resume", "out", "--epochs", 6)
    assert result.exit_code == 1
    assert "its contents do not match its seal" in result.stderr
    assert "resume again to go on from there, after epoch 3" in result.stderr
    path.unlink()
    assert run("resume", "out", "--epochs", 6).exit_code == 0
    assert run("train", table, *SHORT, "--epochs", 6, "--out", "whole").exit_code == 0
    assert bits("out") == bits("whole")


def test_a_file_is_no_run(run: Run, table: Path) -> None:
    result = run("resume", table, "--epochs", 3)
    assert result.exit_code == 1
    assert "is no run that can go on: there is no about.json; give a folder that fastnet train made" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("about.json", None, "is no run that can go on: there is no about.json"),
        ("about.json", b"{", "is not JSON"),
        ("about.json", b"[]", "does not describe a run"),
        ("about.json", b'{"data": {}}', "does not describe a run"),
        ("about.json", b'{"data": {"data": 3}}', "does not describe a run"),
        ("about.json", b'{"data": {"data": {"name": "table.csv"}}}', "does not describe a run"),
        ("config.toml", None, "is no run that can go on: there is no config.toml"),
        ("config.toml", b"epochs = [", "is not TOML"),
        ("config.toml", b"epochs = -3", "epochs"),
        ("checkpoint.h5", b"x", "is not a fastnet checkpoint"),
    ],
)
def test_what_is_no_run_is_a_sentence(run: Run, table: Path, name: str, content: bytes | None, words: str) -> None:
    assert run("train", table, *SHORT, "--epochs", 1, "--out", "out").exit_code == 0
    path = Path("out", name)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    result = run("resume", "out", "--epochs", 3)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not Path("out/.lock").exists()


def test_a_run_that_diverged_is_not_tried_again(run: Run, table: Path) -> None:
    rate = ["--optimizer", "sgd", "--learning-rate", 1e30, "--layers", 4]
    assert run("train", table, "--no-jit", *rate, "--out", "out").exit_code == 3
    assert about("out")["state"] == "diverged"
    result = run("resume", "out")
    assert result.exit_code == 1
    assert "out diverged, and would again; train anew" in result.stderr


def test_a_full_disk_is_one_error_and_the_checkpoint_before_stays(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = states.write, list[int]()

    def full(*arguments: Any) -> None:
        if len(written) == 2:
            raise fn.OutputError("no room")
        written.append(1)
        write(*arguments)

    options = [table, *SHORT, "--epochs", 5, "--checkpoint-every", 1]
    assert run("train", *options, "--out", "whole").exit_code == 0
    with monkeypatch.context() as patched:
        patched.setattr(states, "write", full)
        result = run("train", *options, "--out", "out")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    kept = result.stderr.partition("the trained model is kept in ")[2].strip()
    assert fn.load(kept).n_features == 2
    assert about("out")["state"] == "failed"
    assert len(states.read(Path("out/checkpoint.h5"))["history"]["loss"]) == 2
    assert run("resume", "out").exit_code == 0
    assert bits("out") == bits("whole")


@pytest.mark.skipif(os.name != "posix", reason="an open folder can be removed on POSIX only")
def test_a_folder_that_vanishes_is_one_error(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = Training.train

    def without_a_folder(self: Training, count: int) -> float:
        if len(self.history.loss) == 2:
            Path("out").rename("elsewhere")
        return train(self, count)

    monkeypatch.setattr(Training, "train", without_a_folder)
    result = run("train", table, *SHORT, "--epochs", 5, "--checkpoint-every", 1, "--out", "out")
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
    assert result.stderr.count("\n") == 1
    assert len(states.read(Path("elsewhere/checkpoint.h5"))["history"]["loss"]) == 2


def test_what_force_replaces_is_not_taken_for_the_new_run_and_comes_back(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("train", table, *SHORT, "--epochs", 3, "--out", "out").exit_code == 0
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    again = ["train", table, *SHORT, "--epochs", 4, "--out", "out", "--force"]
    killed_after(run, monkeypatch, 2, *again, "--checkpoint-every", 1)
    assert run("evaluate", "out", table).exit_code == 1, "a model of another run"
    assert run("resume", "out").exit_code == 0
    assert set(before) == {path.name for path in Path("out").iterdir()} - {"checkpoint.previous.h5"}
    assert len(rows("out")) == 4
    before = {path.name: path.read_bytes() for path in Path("out").iterdir()}

    def end(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fastnet.cli.destination.Destination.watchers", end)
    assert run(*again).exit_code == 130
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == before


@pytest.mark.parametrize("kind", ["stream", "groups", "pictures"])
def test_every_kind_of_data(run: Run, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    draw = np.random.default_rng(0)
    if kind == "stream":
        with h5py.File("s.h5", "w") as file:
            file.create_dataset("X", data=draw.normal(size=(300, 4)).astype("f4"), chunks=(50, 4))
            file["y"] = np.arange(300) % 2
        options = ["s.h5", "--memory", "40MB"]
    elif kind == "groups":
        lines = [f"{draw.normal()},{i % 7},{'red' if i % 3 else 'blue'},{'cat' if i % 2 else 'dog'}" for i in range(40)]
        Path("t.csv").write_text("\n".join(["a,g,colour,y", *lines]) + "\n", encoding="utf-8")
        options = ["t.csv", "--group", "g", "--validation", "0.3"]
    else:
        for name in ("cat", "dog"):
            Path("pictures", name).mkdir(parents=True)
            for number in range(4):
                Image.fromarray(draw.integers(0, 255, (6, 5, 3), np.uint8)).save(f"pictures/{name}/{number}.png")
        options = ["pictures", "--size", "4x4", "--grey"]
    options += ["--no-jit", "--layers", "3", "--epochs", "4"]
    assert run("train", *options, "--out", "whole").exit_code == 0
    killed_after(run, monkeypatch, 2, "train", *options, "--out", "parts", "--checkpoint-every", 1)
    if kind == "pictures":  # somebody looked at them
        for name in (".DS_Store", "cat/Thumbs.db", "cat/._0.png"):
            Path("pictures", name).write_bytes(b"x")
    result = run("resume", "parts")
    assert result.exit_code == 0, result.stderr
    assert bits("parts") == bits("whole")
    if kind == "pictures":
        Path("parts/about.json").write_text(json.dumps({**about("parts"), "state": None}), encoding="utf-8")
        Path("pictures/cat/0.png").unlink()
        assert "pictures has changed since the run parts began" in run("resume", "parts").stderr


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
from fastnet.cli import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of a file's size are POSIX's")
def test_a_file_that_cannot_grow_is_one_error_and_nothing_half_is_left(tmp_path: Path, table: Path) -> None:
    """A full disk too takes half a file: here the model is small enough, and the checkpoint is not."""
    options = ["train", str(table), "--no-jit", "--layers", "1000", "--epochs", "2", "--out", "out"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"fastnet: error: {Path('out', 'checkpoint.h5')} cannot be written: File too large")
    assert done.stderr.count("\n") == 1
    assert fn.load(done.stderr.partition("is kept in ")[2].strip()).n_features == 2
    assert not list(tmp_path.glob("out/*.h5")) + list(tmp_path.glob("out/.*"))


def survived(folder: Path, kills: int, seed: int, *names: str) -> dict[str, Any]:
    """What killing.py says."""
    command = [sys.executable, str(KILLING), str(folder), str(kills), str(seed), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    value: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return value


def test_killed_at_random_moments_it_ends_in_the_same_bits(tmp_path: Path) -> None:
    kills = 20 if hasattr(os, "fork") else 3
    done = survived(tmp_path, kills, int(np.random.default_rng().integers(1 << 30)), "adam")
    assert done["kills"] >= kills


@pytest.mark.skipif("FASTNET_KILLS" not in os.environ, reason="takes minutes: FASTNET_KILLS says how many kills")
def test_killed_often_in_every_configuration(tmp_path: Path) -> None:
    names = ["adam", "cosine", "averaged", "plateau", "lbfgs", "rmsprop", "lion"]
    done = survived(tmp_path, int(os.environ["FASTNET_KILLS"]), 0, *names)
    assert set(done["configurations"]) == set(names)
