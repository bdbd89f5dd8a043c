"""``fastnet resume``: go on with a run that was interrupted or killed, or give one more epochs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .. import __version__
from ..errors import CheckpointError, ConfigurationError
from ..state import State
from ..state import read as read_state
from . import summary
from .about import About, AboutError, read_about
from .asked import check_options
from .destination import CHECKPOINT, CONFIGURATION, PREVIOUS, Destination
from .fingerprints import fingerprints, refuse_changed
from .interrupts import NOTHING_TRAINED
from .job import Job, carry_out
from .option_types import Whole
from .options import activations_option, every_option
from .output import Printer, counted, json_text, labelled
from .own_activations import read_activations
from .samples import read_samples
from .settings import OPTIONS, Settings
from .train import train

OF_THE_LENGTH = ("one_cycle", "polynomial")
"""The schedules that follow from the number of epochs, as cosine does without an interval."""


@click.command(context_settings={"show_default": True})
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--epochs", type=Whole(1), metavar="N", help="Epochs in all, instead of those that were planned.")
@activations_option
@every_option(None)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def resume(
    ctx: click.Context,
    /,
    folder: Path,
    epochs: int | None,
    activations: Path | None,
    checkpoint_every: int | str | None,
    as_json: bool,
) -> None:
    """Go on with the run in DIR, from its last checkpoint or, if it has none, from its beginning.

    The training ends in the same bits as one that was never interrupted, on the same machine. A run that is finished
    needs --epochs to go on; a schedule that follows from the number of epochs is that of N epochs from there on.
    """
    about = read_about(folder)
    settings = _settings(ctx, folder, activations)
    say = Printer(quiet=as_json)
    destination = Destination(folder)
    try:
        job, lines = _job(destination, settings, about, epochs, checkpoint_every, say)
        network = None if job is None else job.settings.build_network(job.samples.preparation)
    except KeyboardInterrupt:
        destination.discard()
        raise KeyboardInterrupt(NOTHING_TRAINED) from None
    except BaseException:
        destination.discard()
        raise
    if job is None or network is None:
        destination.discard()
        for line in lines:
            say(line)
        if as_json:
            say.write(json_text({"version": __version__, "run": str(folder), "state": about["state"]}))
        say.close()
        return
    begin = summary.before(job.settings, job.samples, network)
    carry_out(ctx, job, network, [*begin[:-1], *lines, ""], compare=False, as_json=as_json)


def _settings(ctx: click.Context, folder: Path, activations: Path | None) -> Settings:
    """What the configuration of the run says, read as ``train`` reads it."""
    path = folder / CONFIGURATION
    if not path.is_file():
        raise AboutError(f"{folder} is no run that can go on: there is no {CONFIGURATION}; train anew")
    with train.make_context("resume", ["--config", str(path)], parent=ctx) as of_train:
        values: dict[str, Any] = {name: of_train.params[name] for name in OPTIONS}
        return check_options(of_train, Settings(**values, own=read_activations(activations)), path)


def _job(
    destination: Destination,
    settings: Settings,
    about: About,
    epochs: int | None,
    every: int | str | None,
    say: Printer,
) -> tuple[Job | None, list[str]]:
    """The rest of the run and what to say of it; None if nothing is left to do.

    Raises
    ------
    FastnetError
        If it cannot go on.
    """
    folder, planned = destination.folder, settings.epochs
    if about.get("state") == "diverged":
        raise ConfigurationError(
            f"{folder} diverged, and would again; train anew, with a lower learning rate: fastnet train --config "
            f"{folder / CONFIGURATION} --learning-rate F"
        )
    found = _last_checkpoint(folder)
    done = 0 if found is None else len(found["history"]["loss"])
    if epochs is not None and epochs < done:
        raise ConfigurationError(f"{folder} has done {done} epochs already; ask for more than that with --epochs")
    if about.get("state") in ("finished", "stopped early") and (epochs is None or epochs <= planned):
        early = "" if about["state"] == "finished" else f", stopped early ({about.get('reason')})"
        text = f"{folder}: {done} of {counted(planned, 'epoch')}{early}; for more: --epochs N, above {planned}"
        return None, [labelled("finished", text)]
    if epochs is not None:
        settings = replace(settings, epochs=epochs)
    samples = read_samples(settings)
    now_read = fingerprints(settings, samples)
    refuse_changed(about["data"], now_read, folder)
    lines = [labelled("goes on", f"after {counted(done, 'epoch')} of {settings.epochs}" if done else "from its start")]
    if settings.epochs != planned and (
        settings.schedule in OF_THE_LENGTH or (settings.schedule == "cosine" and settings.interval is None)
    ):
        text = f"the {settings.schedule} schedule is that of {settings.epochs} epochs from here on"
        lines.append(labelled("", text))
    kept_every = every or about.get("checkpoint_every") or "30s"
    again = {
        **about,
        "checkpoint_every": kept_every,
        "planned": settings.epochs,
        **{"ended": None, "state": None, "reason": None},
    }
    return Job(settings, samples, destination, say, again, kept_every, found, is_new=False), lines


def _last_checkpoint(folder: Path) -> State | None:
    """What the newest checkpoint holds, which is the one before the last where a process was killed between the two.

    Raises
    ------
    CheckpointError
        If it is damaged; the sentence names the one before it, if that is whole.
    """
    path, previous = folder / CHECKPOINT, folder / PREVIOUS
    if not path.exists():
        return read_state(previous) if previous.exists() else None
    try:
        return read_state(path)
    except CheckpointError as error:
        try:
            done = len(read_state(previous)["history"]["loss"])
        except (CheckpointError, KeyError, TypeError):
            raise error from None
        raise CheckpointError(
            f"{error}; the checkpoint before it, {previous}, is whole: remove {path} and resume again to go on from "
            f"there, after epoch {done}"
        ) from None
