"""``fastnet train``: read, train, measure, save, and say what was done."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import History, Network, __version__
from ..errors import DivergenceError
from . import summary
from .config import use_file
from .destination import Destination
from .engines import load_engine
from .interrupts import NOTHING_TRAINED, REASON, Interruptible
from .main import INTERRUPTED, complain
from .options import DATA_HELP, settings_options
from .output import Printer, json_text, labelled
from .progress import watcher
from .samples import Samples, read_samples
from .scores import in_words, measure
from .settings import Settings


@dataclass(frozen=True)
class Job:
    """One training and how it is watched."""

    settings: Settings
    samples: Samples
    destination: Destination
    quiet: bool

    @property
    def say(self) -> Say:
        """What prints a line for a human."""
        return speaker(quiet=self.quiet)

    def fit(self, network: Network, backend: str) -> History:
        """Train the network by one engine, which is loaded before the time counts."""
        settings, train, validation = self.settings, self.samples.train, self.samples.validation
        load_engine(backend, settings.dtype, "train", "evaluate", "predict")
        table = watcher(self.say, quiet=self.quiet)

        def clean_up() -> None:
            table.close()
            self.destination.discard()

        interruptible = Interruptible(clean_up)

        # In the reference a training that diverges overflows on its way; the loss tells of it in one sentence.
        @np.errstate(over="ignore", invalid="ignore")
        def work() -> History:
            return network.fit(
                train.X,
                train.y,
                optimizer=settings.build_optimizer(),
                epochs=settings.epochs,
                batch_size=settings.rows_in_batch,
                validation_data=None if validation is None else (validation.X, validation.y),
                callbacks=[*settings.build_callbacks(), table, interruptible],
                backend=backend,
                threads=settings.threads,
            )

        try:
            return interruptible.run(work)
        finally:
            table.close()


@click.command(epilog=DATA_HELP, context_settings={"show_default": True})
@settings_options
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    is_eager=True,
    callback=use_file,
    metavar="FILE",
    help="TOML with values for these options; a flag goes before it.",
)
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
    config: Path | None,
    out: Path | None,
    force: bool,
    compare: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train a network on DATA and save it."""
    settings = Settings(**{field.name: values[field.name] for field in fields(Settings)})
    samples = read_samples(settings)
    network = settings.build_network(samples.preparation)
    begin = summary.before(settings, samples, network)
    job = Job(settings, samples, Destination(out, force=force, data=settings.data), quiet=as_json)
    try:
        for line in begin:
            job.say(line)
        history, model = fit_and_save(job, network)
    finally:
        job.destination.discard()
    report: dict[str, Any] = summary.report(settings, job.samples, network, history)
    job.say(summary.after(report["training"]))
    for name, part in (
        ("train", job.samples.train),
        ("validation", job.samples.validation),
        ("test", job.samples.test),
    ):
        report[name] = None if part is None else measure(network, part, settings.backend)
        if report[name] is not None:
            job.say(labelled(name, in_words(report[name])))
    job.say(labelled("saved", str(model)))
    interrupted = history.stopped == REASON
    report["compare"] = None
    if compare and not interrupted:
        report["compare"] = compare_engines(job, history)
        interrupted = report["compare"]["interrupted"]
    if as_json:
        click.echo(json_text({"version": __version__, **report, "model": str(model)}), nl=False)
    if interrupted:
        ctx.exit(INTERRUPTED)


def fit_and_save(job: Job, network: Network) -> tuple[History, Path]:
    """Train and save; a training that diverges, or that nobody reads the output of, leaves its model too.

    Raises
    ------
    DivergenceError
        If the loss stops being a finite number; the sentence says where the last good model is.
    """
    try:
        history = job.fit(network, job.settings.backend)
    except DivergenceError as error:
        model = job.destination.save(network, job.settings)
        raise DivergenceError(f"{error}; the last good model is kept in {model}") from error
    except OSError:
        job.destination.save(network, job.settings)
        raise
    return history, job.destination.save(network, job.settings)


def compare_engines(job: Job, history: History) -> dict[str, Any]:
    """Train again from the same start by the other engine; times are those of training alone."""
    other = "reference" if job.settings.jit else "jit"
    job.say(f"\nthe same from the same start by the {other} engine:")
    again = job.fit(job.settings.build_network(job.samples.preparation), other)
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
