"""``fastnet train``: read, train, measure, save, and say what was done."""

from pathlib import Path
from typing import Any

import click

from .config import config_option
from .options import DATA_HELP, activations_option, every_option, settings_options
from .output import Printer


@click.command(epilog=DATA_HELP, context_settings={"show_default": True})
@settings_options
@activations_option
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of the run, with its model and all that repeats or resumes it; by default a new one in runs.",
)
@click.option("--force", is_flag=True, help="Overwrite what is in DIR.")
@every_option("30s")
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
    checkpoint_every: int | str,
    compare: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train a network on DATA and save it."""
    # Here, so that --help does not load all that trains.
    from . import summary
    from .about import begun
    from .asked import check_options
    from .destination import Destination
    from .fingerprints import fingerprints
    from .interrupts import NOTHING_TRAINED
    from .job import Job, carry_out
    from .own_activations import read_activations
    from .samples import read_samples
    from .settings import OPTIONS, Settings

    settings = Settings(**{name: values[name] for name in OPTIONS}, own=read_activations(activations))
    settings = check_options(ctx, settings, config)
    try:
        samples = read_samples(settings)
        network = settings.build_network(samples.preparation)
        lines = summary.before(settings, samples, network)
        about = begun(
            checkpoint_every=checkpoint_every,
            activations=None if activations is None else str(activations.resolve()),
            source=samples.train.source,
            planned=settings.epochs,
            data=fingerprints(settings, samples),
        )
        inputs = [name for name in (settings.data, settings.test, settings.base, config) if name is not None]
        destination = Destination.make(out, force=force, data=settings.data, inputs=inputs)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(NOTHING_TRAINED) from None
    job = Job(settings, samples, destination, Printer(quiet=as_json), about, checkpoint_every)
    carry_out(ctx, job, network, lines, compare=compare, as_json=as_json)
