"""``fastnet cv``: a training repeated on folds of the data, each tested on what it never saw."""

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import click
import numpy as np
import numpy.typing as npt

from .. import Preparation, __version__
from ..cross_validation import (
    CrossValidation,
    Fold,
    Ready,
    Split,
    run_folds,
)
from ..data import Dataset
from ..errors import OutputError
from ..files import write_atomically
from ..preparation import AskedTask
from ..scoring.columns import Columns
from ..scoring.intervals import LEVEL
from ..splits import folds_of
from .asked import check_options
from .config import config_option, to_toml
from .engines import load_engine
from .inputs import counted_from
from .option_types import Whole
from .options import DATA_HELP, activations_option, settings_options
from .output import Printer, counted, json_text, labelled
from .own_activations import read_activations
from .predict import check_output
from .samples import fit_options, fit_preparation, read_given, samples_of, values_aside
from .settings import OPTIONS, Settings
from .tables import show
from .writers import writer_for

FOLDS, OUT_OF_FOLD, CONFIGURATION, REPORT = "folds.csv", "out_of_fold.csv", "config.toml", "report.json"
FORMULA = "corrected resampled t (Nadeau and Bengio, 2003)"


@click.command(epilog=DATA_HELP, context_settings={"show_default": True})
@settings_options
@activations_option
@click.option("--folds", type=Whole(2), default=5, metavar="N", help="Parts that take turns in being tested on.")
@click.option("--repeats", type=Whole(1), default=1, metavar="N", help="How often the data are split anew.")
@config_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"Where {FOLDS}, {OUT_OF_FOLD} (each sample's answer by the network that never saw it), {REPORT} and "
    f"{CONFIGURATION} go; by default nothing is written.",
)
@click.option("--force", is_flag=True, help="Overwrite what is in DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def cv(
    ctx: click.Context,
    /,
    activations: Path | None,
    folds: int,
    repeats: int,
    config: Path | None,
    out: Path | None,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Measure how good a training on DATA is, by cross-validation; no model is saved.

    Takes the options of train. The data are cut into folds, stratified by class (or by --group, or in the order of
    --time), and for each a network is trained on the others, prepared by them alone, and tested on it. Folds are
    trained side by side, --threads at a time (by default one a core), with the same results whatever their number. A
    test part that DATA has of its own is left aside.

    The 95% interval of a mean is that of Nadeau and Bengio (2003), which knows that folds share what they train on.
    """
    settings = Settings(**{name: values[name] for name in OPTIONS}, own=read_activations(activations))
    settings = check_options(ctx, settings, config)
    if settings.test is not None:
        raise click.UsageError("cv tests on folds of DATA; leave --test out, and use train for it", ctx)
    if settings.memory is not None:
        raise click.UsageError("cv reads DATA whole; leave --memory out, or use train with --validation", ctx)
    if out is not None:
        check_folder(out, settings.data, force=force)
    say = Printer(quiet=as_json)
    given, _ = read_given(settings)
    # A part of the data is taken for what all of them are, by the classes of all.
    preparation = fit_preparation(settings, given, cast(AskedTask, settings.task))
    of_folds = replace(settings, task=preparation.asked_task)
    classes = preparation.classes_of(given)
    splits = folds_of(
        classes,
        len(given.X),
        folds=folds,
        repeats=repeats,
        seed=settings.seed,
        groups=values_aside(given, settings.group),
        times=values_aside(given, settings.time),
    )
    settings.build_network(preparation)  # so that what does not suit the data is said before anything is trained
    load_engine(settings.backend, settings.dtype, "train", "evaluate", "predict")
    say(labelled("data", f"{given.source}: {counted(len(given.X), 'sample')}"))
    say(labelled("folds", _in_words(settings, folds, repeats, stratified=classes is not None)))
    found = train_folds(say, of_folds, given, splits, folds)
    report = {
        "version": __version__,
        "data": {"source": given.source, "samples": len(given.X), "task": preparation.task},
        "configuration": settings.resolved(),
        "folds": folds,
        "repeats": repeats,
        "interval": {"level": LEVEL, "method": FORMULA},
        "scores": {name: asdict(estimate) for name, estimate in found.scores.items()},
        "each": [_row(fold) for fold in found.folds],
    }
    _tell(say, found)
    if out is not None:
        save(out, report, found, true_columns(given, preparation), counted_from(settings.data))
        say("")
        say(labelled("saved", str(out)))
    if as_json:
        say.write(json_text(report))
    say.close()


def train_folds(
    say: Printer, settings: Settings, given: Dataset, splits: Sequence[Split], folds: int
) -> CrossValidation:
    """Train and test all folds, with a line for each.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, when the trainings under way have ended; it says how many folds were done.
    """

    def make_ready(train: npt.NDArray[np.int64], test: npt.NDArray[np.int64]) -> Ready:
        samples = samples_of(settings, given.rows(train), given.rows(test))
        tested = samples.test
        assert tested is not None
        options = {**fit_options(settings, samples), "callbacks": settings.build_callbacks()}
        network = settings.build_network(samples.preparation)
        return Ready(network, samples.train.X, samples.train.y, tested.X, tested.y, options)

    done: list[Fold] = []
    try:
        with closing(
            run_folds(
                splits,
                make_ready,
                folds=folds,
                metrics=settings.metrics,
                backend=settings.backend,
                workers=settings.threads,
            )
        ) as finished:
            for fold in finished:
                say(labelled("", _line(fold, len(splits), len(done) + 1)))
                done.append(fold)
    except KeyboardInterrupt:
        words = f"interrupted after {len(done)} of {counted(len(splits), 'training')}; nothing is saved"
        raise KeyboardInterrupt(words) from None
    return CrossValidation(tuple(done))


def check_folder(out: Path, data: str, *, force: bool) -> None:
    """Make the folder, and refuse one that holds what would be overwritten.

    Raises
    ------
    OutputError
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out}: the folder cannot be made ({error.strerror or error}); choose another with --out"
        ) from None
    for name in (FOLDS, OUT_OF_FOLD, CONFIGURATION, REPORT):
        check_output(out / name, [data], force=force, instead="another folder with --out")


def save(out: Path, report: Mapping[str, Any], found: CrossValidation, true: Columns, first: int) -> None:
    """Write the folder's four files.

    Raises
    ------
    OutputError
        If one cannot be written.
    """
    text = io.StringIO()
    rows = [
        {**{name: row[name] for name in ("repeat", "fold", "train", "test", "epochs", "seconds")}, **row["scores"]}
        for row in report["each"]
    ]
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomically(out / FOLDS, text.getvalue().encode())
    answers = io.BytesIO()
    writer = writer_for("csv", answers)
    for fold in found.folds:
        writer.write(
            {
                "repeat": np.full(len(fold.test), fold.repeat + 1),
                "fold": np.full(len(fold.test), fold.fold + 1),
                "index": fold.test + first,
                **{name: values[fold.test] for name, values in true.items()},
                **fold.answers,
            }
        )
    writer.close()
    write_atomically(out / OUT_OF_FOLD, answers.getvalue())
    configuration = to_toml(report["configuration"]).encode("utf-8", "surrogateescape")
    write_atomically(out / CONFIGURATION, configuration)
    write_atomically(out / REPORT, json_text(dict(report)).encode())


def true_columns(given: Dataset, preparation: Preparation) -> Columns:
    """What is true of each sample, (n,) a column: the name of its class, its labels or its numbers."""
    assert given.y is not None
    classes = preparation.classes_of(given)
    if classes is not None:
        return {"true": np.array(preparation.class_names)[classes]}
    values = given.y.reshape(len(given.y), -1)
    names = preparation.class_names or preparation.target_names or ("",) * values.shape[1]
    if values.shape[1] == 1:
        return {"true": values[:, 0]}
    return {f"true_{name or index + 1}": values[:, index] for index, name in enumerate(names)}


def _row(fold: Fold) -> dict[str, Any]:
    return {
        "repeat": fold.repeat + 1,
        "fold": fold.fold + 1,
        "train": len(fold.train),
        "test": len(fold.test),
        "epochs": fold.epochs,
        "seconds": fold.seconds,
        "scores": fold.scores,
    }


def _in_words(settings: Settings, folds: int, repeats: int, *, stratified: bool) -> str:
    how = "with about the same share of each class" if stratified else "of samples in random order"
    if settings.group is not None:
        how = f"of whole groups by '{settings.group}'"
    elif settings.time is not None:
        how = f"by '{settings.time}', each tested on what follows on what it is trained on"
    again = f", {counted(repeats, 'repeat')}" if repeats > 1 else ""
    return f"{folds} {how}{again}, seed {settings.seed}"


def _line(fold: Fold, count: int, number: int) -> str:
    shown = ", ".join(f"{name} {shown_score(name, value)}" for name, value in fold.scores.items())
    return f"{number} of {count}: trained on {len(fold.train):,}, tested on {len(fold.test):,}: {shown}"


def _tell(say: Printer, found: CrossValidation) -> None:
    rows = [
        [name, *(shown_score(name, value) for value in (score.mean, score.deviation, score.low, score.high))]
        for name, score in found.scores.items()
    ]
    title = f"over {counted(len(found.folds), 'fold')} ({LEVEL:.0%} interval of the mean: {FORMULA})"
    show(say, title, ("score", "mean", "deviation", "from", "to"), rows)


def shown_score(name: str, value: float) -> str:
    """A score as a user reads it."""
    return f"{value:.2%}" if name == "accuracy" else f"{value:.4g}"
