"""``fastnet evaluate``: how good a saved network is on data with known answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import Network, __version__
from ..data import read_evaluation
from ..data.folders import FILE
from ..scoring import report as report_of
from .engines import load_engine
from .inputs import counted_from
from .models import load_model
from .option_types import Names, Whole
from .options import DATA_HELP, METRICS_HELP, activations_option, x_option, y_option
from .output import Printer, json_text, labelled
from .own_activations import read_activations
from .samples import Part, prepare, raw_part
from .scoreboard import tell
from .scores import Scores, in_lines, in_words, measure
from .tables import fold

BACKEND = "jit"


@click.command(epilog=DATA_HELP)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--target", metavar="COLUMN,...", help="The target's column in a CSV; by default the one of training.")
@x_option
@y_option
@click.option("--metrics", type=Names(), default="", metavar="NAME,...", help=f"{METRICS_HELP},confusion_matrix.")
@click.option(
    "--worst", type=Whole(0), default=10, metavar="N", show_default=True, help="How many of the worst mistakes to list."
)
@activations_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def evaluate(
    model: Path,
    data: str,
    target: str | None,
    x: str | None,
    y: str | None,
    metrics: tuple[str, ...],
    worst: int,
    activations: Path | None,
    as_json: bool,
) -> None:
    """Measure the saved network MODEL on DATA, whose answers are known.

    The data are prepared as they were for training. Where DATA has a test part, that is what is measured. Printed are
    the scores with 95% confidence intervals (Wilson's of shares, else the percentile bootstrap over samples), a table
    by class, label or target, the confusions, the worst mistakes and the calibration; --json has all of it in full.
    Mistakes are listed by the row of a table, counted from 1, the index in an array, counted from 0, or the file of a
    picture.
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
    report = score_report(network, part, wanted, worst=worst, first=counted_from(data), scores=scores)
    if FILE in dataset.aside:
        name_files(report, dataset.aside[FILE].tolist())
    say = Printer(quiet=as_json)
    say(labelled("model", str(model)))
    say(labelled("data", part.source))
    fold(say, "result", in_words(scores))
    for line in in_lines(scores, wanted, network):
        say(labelled("", line))
    tell(say, report, scores)
    if as_json:
        say.write(json_text({"version": __version__, "model": str(model), "data": part.source, **scores, **report}))
    say.close()


def name_files(report: dict[str, Any], files: Sequence[str]) -> None:
    """Put the file of each picture beside the index of the worst mistakes."""
    for mistake in report.get("mistakes", {"worst": ()})["worst"]:
        mistake["file"] = files[mistake["index"] - report["counted_from"]]


# Probabilities that overflow their way to 0 or 1 are answers like others.
@np.errstate(over="ignore", invalid="ignore")
def score_report(
    network: Network, part: Part, metrics: tuple[str, ...], *, worst: int, first: int, scores: Scores
) -> dict[str, Any]:
    """Everything beyond the plain scores, as ``fastnet.scoring.report`` gives it."""
    return report_of(network, part.X, part.y, metrics=metrics, worst=worst, first=first, backend=BACKEND, scores=scores)
