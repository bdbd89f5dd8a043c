"""When Ctrl-C is heard, and what it may disturb."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import h5py
import pytest

import fastnet as fn
from fastnet.cli import main as entry
from fastnet.cli.engines import load_engine
from fastnet.cli.interrupts import Interruptible
from fastnet.cli.signals import heard_once, leave
from fastnet.signals import heard_by, held_back

from .conftest import Run


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Whatever a test does, Ctrl-C ends the tests again after it."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def test_only_the_first_is_heard() -> None:
    with heard_once():
        with pytest.raises(KeyboardInterrupt):
            press()
        press()
        press()


def test_who_heard_before_hears_again() -> None:
    heard: list[int] = []
    with heard_by(lambda number, frame: heard.append(number)):
        press()
    assert heard == [signal.SIGINT]
    with pytest.raises(KeyboardInterrupt):
        press()


def test_what_came_while_it_was_held_back_is_heard_at_the_end() -> None:
    done: list[str] = []

    def work() -> None:
        with held_back():
            press()
            press()
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]
    with held_back():
        done.append("again")
    with pytest.raises(KeyboardInterrupt):
        press()


def test_a_model_is_made_whole_before_ctrl_c_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While h5py works, where Python would print it and go on."""
    network = fn.Network([fn.Dense(1)], input_shape=2, loss="mean_squared_error")
    make = h5py.Group.create_dataset

    def interrupted(*arguments: Any, **options: Any) -> Any:
        press()
        return make(*arguments, **options)

    monkeypatch.setattr(h5py.Group, "create_dataset", interrupted)
    with pytest.raises(KeyboardInterrupt):
        network.save(tmp_path / "model.h5")
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    network.save(tmp_path / "model.h5")
    fn.load(tmp_path / "model.h5")


def test_who_ignores_is_left_alone() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with heard_once():
        press()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_saving_is_not_disturbed() -> None:
    done: list[int] = []

    def save(outcome: "Future[int]") -> None:
        press()
        press()
        done.append(outcome.result())

    interruptible = Interruptible(lambda: pytest.fail("it ended at once"))
    with pytest.raises(KeyboardInterrupt):
        interruptible.run(lambda: 7, save)
    assert done == [7]


def test_interrupt_while_saving_says_where(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = fn.Network.save

    def pressed_meanwhile(network: fn.Network, path: Path) -> None:
        press()
        save(network, path)

    monkeypatch.setattr(fn.Network, "save", pressed_meanwhile)
    result = run("train", table, "--no-jit", "--epochs", 1, "--layers", 2, "--out", "out")
    assert result.exit_code == 130
    assert result.stderr == f"fastnet: interrupted; the model is saved in {Path('out', 'model.h5')}\n"
    assert fn.load("out/model.h5").n_features == 2


MODULES = {"read_samples": "samples", "load_engine": "job", "measure": "job", "compare_engines": "job"}


def interrupting(*_: object, **__: object) -> Any:
    """Stands for whatever was running when Ctrl-C was pressed."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["read_samples", "load_engine"])
def test_interrupt_before_training_says_so(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(f"fastnet.cli.{MODULES[name]}.{name}", interrupting)
    result = run("train", table, "--no-jit", "--out", "out")
    assert result.exit_code == 130
    assert result.stderr == (
        "fastnet: interrupted before the first epoch ended: nothing was trained yet and nothing is saved\n"
    )
    assert not Path("out").exists()


@pytest.mark.parametrize(("name", "options"), [("measure", []), ("compare_engines", ["--compare"])])
def test_interrupt_after_training_says_where(
    run: Run, table: Path, monkeypatch: pytest.MonkeyPatch, name: str, options: list[str]
) -> None:
    monkeypatch.setattr(f"fastnet.cli.{MODULES[name]}.{name}", interrupting)
    result = run("train", table, "--no-jit", "--epochs", 1, "--layers", 2, "--out", "out", *options)
    assert result.exit_code == 130
    assert result.stderr == f"fastnet: interrupted; the model is saved in {Path('out', 'model.h5')}\n"


def test_interrupted_process_ends_without_a_shutdown_to_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int) -> None:
        raise RecursionError(code)

    def cli(**_: object) -> None:
        raise SystemExit(130)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr("fastnet.cli.cli", cli)
    with pytest.raises(RecursionError, match=r"^130$"):
        entry()


def test_leaving_cleans_up_says_so_and_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(code: int) -> None:
        raise RecursionError(code)

    cleaned: list[bool] = []
    monkeypatch.setattr(os, "_exit", end)
    with heard_by(lambda number, frame: leave("good bye", lambda: cleaned.append(True))):
        with pytest.raises(RecursionError, match=r"^130$"):
            press()
        press()
    assert cleaned == [True]
    assert capsys.readouterr().err == "fastnet: good bye\n"


def wait_for(event: threading.Event) -> None:
    """Wait as for a terminal that was stopped."""
    event.wait()


def test_leaving_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def end(code: int) -> None:
        raise RecursionError(code)

    stopped, before = threading.Event(), set(threading.enumerate())
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr("fastnet.cli.signals.SECONDS_TO_LEAVE", 0.01)
    with pytest.raises(RecursionError, match=r"^130$"):
        leave("good bye", lambda: wait_for(stopped))
    stopped.set()
    # What it had to say is said here, and not in the middle of the next test.
    for thread in set(threading.enumerate()) - before:
        thread.join()


def test_interrupt_while_an_engine_loads_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[str] = []
    monkeypatch.setattr("fastnet.cli.engines.engine", lambda backend: press())
    load_engine("reference", "float32", interrupted=lambda: left.append("now"))
    assert left == ["now"]
