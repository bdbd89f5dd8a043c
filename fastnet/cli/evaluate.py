"""``fastnet evaluate``: how good a saved network is on data with known answers."""

from pathlib import Path

import click

from .. import __version__
from ..data import read_evaluation
from .engines import load_engine
from .models import load_model
from .option_types import Names
from .options import DATA_HELP, METRICS_HELP, activations_option, x_option, y_option
from .output import Printer, json_text, labelled
from .own_activations import read_activations
from .samples import prepare, raw_part
from .scores import in_lines, in_words, measure

BACKEND = "jit"


@click.command(epilog=DATA_HELP)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--target", metavar="COLUMN,...", help="The target's column in a CSV; by default the one of training.")
@x_option
@y_option
@click.option("--metrics", type=Names(), default="", metavar="NAME,...", help=f"{METRICS_HELP},confusion_matrix.")
@activations_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def evaluate(
    model: Path,
    data: str,
    target: str | None,
    x: str | None,
    y: str | None,
    metrics: tuple[str, ...],
    activations: Path | None,
    as_json: bool,
) -> None:
    """Measure the saved network MODEL on DATA, whose answers are known.

    The data are prepared as they were for training. Where DATA has a test part, that is what is measured.
    """
    network = load_model(model, read_activations(activations))
    wanted = network.check_metrics(metrics, allow_matrix=True)
    dataset = read_evaluation(data, target=target, x=x, y=y, preparation=network.preparation)
    if network.preparation is None:
        part = raw_part(dataset, network)
    else:
        part = prepare(dataset, network.preparation, network.dtype.name)
    load_engine(BACKEND, network.dtype.name, "evaluate", "predict")
    scores = measure(network, part, BACKEND, wanted)
    say = Printer(quiet=as_json)
    say(labelled("model", str(model)))
    say(labelled("data", part.source))
    say(labelled("result", in_words(scores)))
    for line in in_lines(scores, wanted, network):
        say(labelled("", line))
    if as_json:
        say.write(json_text({"version": __version__, "model": str(model), "data": part.source, **scores}))
    say.close()
