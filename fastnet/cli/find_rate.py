"""``fastnet find-rate``: a range test for the learning rate of the training that the other options describe."""

from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import __version__
from ..optimizers import LBFGS, Rprop
from ..rate_finder import RateRange, find_learning_rate
from .asked import check_options
from .config import config_option
from .engines import load_engine
from .options import DATA_HELP, POSITIVE, activations_option, settings_options
from .output import Printer, json_text, labelled, table
from .own_activations import read_activations
from .progress import spacing
from .samples import read_samples
from .settings import OPTIONS, Settings

HEADER = ("learning rate", "loss", "")


@click.command("find-rate", epilog=DATA_HELP, context_settings={"show_default": True})
@settings_options
@activations_option
@click.option("--lowest", type=POSITIVE, default=1e-7, metavar="F", help="The first rate that is tried.")
@click.option("--highest", type=POSITIVE, default=10.0, metavar="F", help="The last rate that is tried.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def find_rate(
    ctx: click.Context,
    /,
    activations: Path | None,
    lowest: float,
    highest: float,
    config: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Look for a learning rate for DATA; nothing is trained or saved.

    Takes the options of train and makes one step at each of rising rates, until the loss blows up. Suggested is the
    rate at which the loss had fallen half of the way to its lowest, or a tenth of that of the lowest if it is less. The
    rate and its schedule that the options ask for, and how long they train, are left aside.
    """
    settings = Settings(**{name: values[name] for name in OPTIONS}, own=read_activations(activations))
    settings = check_options(ctx, settings, config)
    if settings.optimizer in (LBFGS.name, Rprop.name):
        raise click.UsageError(f"{settings.optimizer} has no learning rate to look for; use another --optimizer", ctx)
    if settings.memory is not None:
        raise click.UsageError("find-rate reads DATA whole; leave --memory out, and give some of the samples", ctx)
    if lowest >= highest:
        raise click.UsageError(f"--lowest must be below --highest, but {lowest:g} is not below {highest:g}", ctx)
    samples = read_samples(settings)
    network, train = settings.build_network(samples.preparation), samples.train
    load_engine(settings.backend, settings.dtype, "train", "evaluate")
    # Rates that are too high overflow in the reference, which is what the test looks for.
    with np.errstate(over="ignore", invalid="ignore"):
        found = find_learning_rate(
            network,
            train.X,
            train.y,
            optimizer=settings.build_optimizer(len(train.X)),
            batch_size=settings.rows_in_batch,
            lowest=lowest,
            highest=highest,
            backend=settings.backend,
        )
    say = Printer(quiet=as_json)
    for line in (labelled("data", train.source), labelled("optimizer", settings.optimizer), "", *rows(found), ""):
        say(line)
    suggestion, bound = f"{found.suggestion:.2g}", f"{found.highest:.2g}"
    no_more = "and no more" if suggestion == bound else f"and no more than {bound}"
    say(labelled("suggested", f"--learning-rate {suggestion}, {no_more}"))
    if as_json:
        report = {
            "version": __version__,
            "data": train.source,
            "suggestion": found.suggestion,
            "highest": found.highest,
            "rates": found.rates.tolist(),
            "losses": found.losses.tolist(),
            "configuration": settings.resolved(),
        }
        say.write(json_text(report))
    say.close()


def rows(found: RateRange) -> list[str]:
    """Some of the rates that were tried, among them the one that is suggested and the one of the lowest loss."""
    suggested = int(np.argmin(np.abs(np.log(found.rates / found.suggestion))))
    marks = {int(found.losses.argmin()): "lowest", suggested: "suggested"}
    count = len(found.rates)
    shown = sorted({*range(0, count, spacing(count)), *marks, count - 1})
    cells = [(f"{found.rates[i]:.2e}", f"{found.losses[i]:.6f}", marks.get(i, "")) for i in shown]
    return [line.rstrip() for line in table(HEADER, cells)]
