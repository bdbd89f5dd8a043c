"""What ``train`` and ``resume`` share: train, keep what a killed training goes on from, measure, save, tell."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from .. import History, Network, __version__
from ..callbacks import Callback
from ..errors import DivergenceError, FastnetError, LostDataError, OutputError
from ..state import State
from . import summary
from .about import About, now, versions
from .cautions import cautions
from .destination import Destination, Outcome
from .engines import load_engine
from .interrupts import NOTHING_SAVED, NOTHING_TRAINED, REASON, Interruptible
from .main import INTERRUPTED, complain
from .output import Printer, json_text, labelled
from .progress import watcher
from .samples import Samples, fit_options
from .scores import in_words, measure
from .settings import Settings

R = TypeVar("R")


@dataclass(frozen=True)
class Job:
    """One training and how it is watched.

    Attributes
    ----------
    about : dict
        What is known of it before it begins.
    every : int or str
        How often it is kept: ``Checkpoint``'s.
    resume : dict or None
        What the checkpoint holds that it goes on from; it is emptied when the training has taken it up.
    is_new : bool
        Whether its folder is, or has been begun before.
    """

    settings: Settings
    samples: Samples
    destination: Destination
    say: Printer
    about: About
    every: int | str
    resume: State | None = None
    is_new: bool = True

    def fit(
        self,
        network: Network,
        backend: str,
        finish: Callable[[Future[History]], R],
        keepers: Callable[[], list[Callback]] = list,
        saved: str | None = None,
    ) -> R:
        """Train the network by one engine, which is loaded before the time counts, and ``finish`` undisturbed.

        Parameters
        ----------
        network, backend, finish
        keepers : callable
            Called just before the training for what keeps it.
        saved : str or None
            What to say where an earlier training has been saved already.
        """
        settings, train = self.settings, self.samples.train
        table = watcher(self.say)

        def clean_up() -> None:
            table.close()
            self.destination.discard()

        def words(any_epoch: bool) -> str:
            if saved is not None:
                return saved
            if self.destination.can_go_on:
                return f"interrupted; {self.how_to_go_on} goes on from the last checkpoint"
            return NOTHING_SAVED if any_epoch else NOTHING_TRAINED

        interruptible = Interruptible(clean_up, words)
        load_engine(backend, settings.dtype, "train", "evaluate", "predict", interrupted=interruptible.leave)
        kept = keepers()

        # In the reference a training that diverges overflows on its way; the loss tells of it in one sentence.
        @np.errstate(over="ignore", invalid="ignore")
        def work() -> History:
            try:
                return network.fit(
                    train.X,
                    train.y,
                    **fit_options(settings, self.samples),
                    callbacks=[*settings.build_callbacks(), interruptible, table, *kept],
                    backend=backend,
                    threads=settings.threads,
                    metrics=settings.metrics,
                    resume=self.resume if kept else None,
                )
            finally:
                table.close()

        return interruptible.run(work, finish)

    def keepers(self) -> list[Callback]:
        """Write what is known before the training; what keeps it is returned."""
        made_by = versions()
        if self.is_new:
            self.destination.begin(self.settings, {**made_by, **self.about})
        else:
            for name, version in made_by.items():
                if version != self.about.get(name):
                    complain(
                        f"fastnet: warning: the run began with {name} {self.about.get(name)}, and this is {version}: "
                        "the last digits can differ from those of a run without an interruption"
                    )
            resumed = [*self.about.get("resumed", []), {"at": now(), **made_by}]
            self.destination.go_on(self.settings, {**self.about, "resumed": resumed})
        return self.destination.watchers(self.every)

    @property
    def how_to_go_on(self) -> str:
        """The command that resumes the run."""
        return f"`fastnet resume {self.destination.folder}`"


def carry_out(
    ctx: click.Context, job: Job, network: Network, lines: list[str], *, compare: bool, as_json: bool
) -> None:
    """Train, save, measure and tell; ends the command with its exit code."""
    say = job.say
    try:
        for line in cautions(job.samples):
            complain(f"fastnet: warning: {line}")
        for line in lines:
            say(line)
        try:
            history, model = fit_and_save(job, network)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(str(interrupt) or NOTHING_TRAINED) from None
        try:
            interrupted = tell(job, network, history, model, compare=compare, as_json=as_json)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(saved_in_words(model)) from None
    finally:
        job.destination.discard()
    if say.failure is not None:
        complain(f"fastnet: error: {say.problem}; the model is saved in {model}")
        ctx.exit(INTERRUPTED if interrupted else 1)
    if interrupted:
        ctx.exit(INTERRUPTED)


def tell(job: Job, network: Network, history: History, model: Path, *, compare: bool, as_json: bool) -> bool:
    """Measure the saved network and print what came of it; whether Ctrl-C was pressed meanwhile or before."""
    say = job.say
    report: dict[str, Any] = summary.report(job.settings, job.samples, network, history)
    say(summary.after(report["training"]))
    state = "finished" if history.stopped is None else "stopped early"
    state = "interrupted" if history.stopped == REASON else state
    scores: dict[str, Any] = {}
    try:
        for name, part in (
            ("train", job.samples.train),
            ("validation", job.samples.validation),
            ("test", job.samples.test),
        ):
            scores[name] = None if part is None else measure(network, part, job.settings.backend)
            if scores[name] is not None:
                say(labelled(name, in_words(scores[name])))
    finally:
        job.destination.end(Outcome(state, len(history.loss), history.stopped), scores)
    report |= scores
    say(labelled("saved", str(model)))
    interrupted = history.stopped == REASON
    if interrupted:
        say(labelled("to go on", job.how_to_go_on))
    report["compare"] = None
    if compare and not interrupted and say.failure is None:
        report["compare"] = compare_engines(job, history, model)
        interrupted = report["compare"]["interrupted"]
    if as_json:
        run = str(job.destination.folder)
        say.write(json_text({"version": __version__, **report, "model": str(model), "run": run, "state": state}))
    return interrupted


def saved_in_words(model: Path) -> str:
    """What an interrupted training says once its model is safe."""
    return f"interrupted; the model is saved in {model}"


def fit_and_save(job: Job, network: Network) -> tuple[History, Path]:
    """Train and save; a training that diverges leaves its model too.

    Raises
    ------
    DivergenceError
        If the loss stops being a finite number; the sentence says where the last good model is.
    LostDataError
        If samples can no longer be read from their file; the sentence says where the model of the last epoch is.
    OutputError
        If something cannot be written; the sentence says where the model is.
    KeyboardInterrupt
        If Ctrl-C was pressed while the model was saved; it says where.
    """
    saved: list[Path] = []

    def finish(outcome: Future[History]) -> tuple[History, Path]:
        destination = job.destination
        try:
            history = outcome.result()
        except DivergenceError as error:
            model = destination.save(network)
            destination.end(Outcome("diverged", None, str(error)), {})
            raise DivergenceError(f"{error}; the last good model is kept in {model}") from error
        except LostDataError as error:
            model = destination.save(network)
            destination.end(Outcome("failed", None, str(error)), {})
            raise LostDataError(f"{error}; the model of the last epoch that ended is kept in {model}") from error
        except OutputError as error:
            kept = destination.keep_elsewhere(network)
            with suppress(FastnetError):
                destination.end(Outcome("failed", None, str(error)), {})
            raise OutputError(f"{error}; {kept}") from error
        saved.append(destination.save(network))
        return history, saved[0]

    try:
        return job.fit(network, job.settings.backend, finish, job.keepers)
    except KeyboardInterrupt:
        if not saved:
            raise
        raise KeyboardInterrupt(saved_in_words(saved[0])) from None


def compare_engines(job: Job, history: History, model: Path) -> dict[str, Any]:
    """Train again from the same start by the other engine; times are those of training alone."""
    other = "reference" if job.settings.jit else "jit"
    job.say(f"\nthe same from the same start by the {other} engine:")
    network = job.settings.build_network(job.samples.preparation)
    again = job.fit(network, other, lambda outcome: outcome.result(), saved=saved_in_words(model))
    both = min(len(history.loss), len(again.loss))
    difference = float(np.max(np.abs(np.subtract(history.loss[:both], again.loss[:both]))))
    seconds = {job.settings.backend: sum(history.seconds[:both]), other: sum(again.seconds[:both])}
    ratio = seconds["reference"] / seconds["jit"]
    for line in summary.comparison(seconds, ratio, both, difference, max(history.loss[:both])):
        job.say(line)
    return {
        "epochs": both,
        "seconds": seconds,
        "ratio": ratio,
        "largest_loss_difference": difference,
        "interrupted": again.stopped == REASON,
    }
