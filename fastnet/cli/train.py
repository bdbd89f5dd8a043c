"""``fastnet train``: read, train, measure, save, and say what was done."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from .. import History, Network, __version__
from ..errors import DivergenceError
from . import summary
from .asked import check_options
from .cautions import cautions
from .config import config_option
from .destination import Destination
from .engines import load_engine
from .interrupts import NOTHING_TRAINED, REASON, Interruptible
from .main import INTERRUPTED, complain
from .options import DATA_HELP, activations_option, settings_options
from .output import Printer, json_text, labelled
from .own_activations import read_activations
from .progress import watcher
from .samples import Samples, read_samples
from .scores import in_words, measure
from .settings import OPTIONS, Settings

R = TypeVar("R")


@dataclass(frozen=True)
class Job:
    """One training and how it is watched."""

    settings: Settings
    samples: Samples
    destination: Destination
    say: Printer

    def fit(
        self, network: Network, backend: str, finish: Callable[[Future[History]], R], saved: str | None = None
    ) -> R:
        """Train the network by one engine, which is loaded before the time counts, and ``finish`` undisturbed."""
        settings, train, validation = self.settings, self.samples.train, self.samples.validation
        table = watcher(self.say)

        def clean_up() -> None:
            table.close()
            self.destination.discard()

        interruptible = Interruptible(clean_up, saved)
        load_engine(backend, settings.dtype, "train", "evaluate", "predict", interrupted=interruptible.leave)

        # In the reference a training that diverges overflows on its way; the loss tells of it in one sentence.
        @np.errstate(over="ignore", invalid="ignore")
        def work() -> History:
            try:
                return network.fit(
                    train.X,
                    train.y,
                    optimizer=settings.build_optimizer(len(train.X)),
                    epochs=settings.epochs,
                    batch_size=settings.rows_in_batch,
                    validation_data=None if validation is None else (validation.X, validation.y),
                    callbacks=[*settings.build_callbacks(), interruptible, table],
                    backend=backend,
                    threads=settings.threads,
                    class_weight=settings.weights_of_classes,
                    metrics=settings.metrics,
                )
            finally:
                table.close()

        return interruptible.run(work, finish)


@click.command(epilog=DATA_HELP, context_settings={"show_default": True})
@settings_options
@activations_option
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the model and its configuration go; by default a new folder in runs.",
)
@click.option("--force", is_flag=True, help="Overwrite what is in DIR.")
@click.option("--compare", is_flag=True, help="Train the same again by the other engine and compare the two.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    activations: Path | None,
    config: Path | None,
    out: Path | None,
    force: bool,
    compare: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train a network on DATA and save it."""
    settings = Settings(**{name: values[name] for name in OPTIONS}, own=read_activations(activations))
    settings = check_options(ctx, settings, config)
    say = Printer(quiet=as_json)
    try:
        samples = read_samples(settings)
        network = settings.build_network(samples.preparation)
        begin = summary.before(settings, samples, network)
        inputs = [name for name in (settings.data, settings.test, settings.base, config) if name is not None]
        job = Job(settings, samples, Destination(out, force=force, data=settings.data, inputs=inputs), say)
        try:
            for line in cautions(samples):
                complain(f"fastnet: warning: {line}")
            for line in begin:
                say(line)
            history, model = fit_and_save(job, network)
        finally:
            job.destination.discard()
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(str(interrupt) or NOTHING_TRAINED) from None
    try:
        interrupted = tell(job, network, history, model, compare=compare, as_json=as_json)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(saved_in_words(model)) from None
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
    for name, part in (
        ("train", job.samples.train),
        ("validation", job.samples.validation),
        ("test", job.samples.test),
    ):
        report[name] = None if part is None else measure(network, part, job.settings.backend)
        if report[name] is not None:
            say(labelled(name, in_words(report[name])))
    say(labelled("saved", str(model)))
    interrupted = history.stopped == REASON
    report["compare"] = None
    if compare and not interrupted and say.failure is None:
        report["compare"] = compare_engines(job, history, model)
        interrupted = report["compare"]["interrupted"]
    if as_json:
        say.write(json_text({"version": __version__, **report, "model": str(model)}))
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
    KeyboardInterrupt
        If Ctrl-C was pressed while the model was saved; it says where.
    """
    saved: list[Path] = []

    def finish(outcome: Future[History]) -> tuple[History, Path]:
        try:
            history = outcome.result()
        except DivergenceError as error:
            model = job.destination.save(network, job.settings)
            raise DivergenceError(f"{error}; the last good model is kept in {model}") from error
        saved.append(job.destination.save(network, job.settings))
        return history, saved[0]

    try:
        return job.fit(network, job.settings.backend, finish)
    except KeyboardInterrupt:
        if not saved:
            raise
        raise KeyboardInterrupt(saved_in_words(saved[0])) from None


def compare_engines(job: Job, history: History, model: Path) -> dict[str, Any]:
    """Train again from the same start by the other engine; times are those of training alone."""
    other = "reference" if job.settings.jit else "jit"
    job.say(f"\nthe same from the same start by the {other} engine:")
    network = job.settings.build_network(job.samples.preparation)
    again = job.fit(network, other, lambda outcome: outcome.result(), saved_in_words(model))
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
