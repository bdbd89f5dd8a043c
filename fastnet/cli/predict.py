"""``fastnet predict``: a saved network's answers, one line a sample."""

import csv
import io
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from .. import Network, Preparation
from ..data import read_prediction
from ..data.folders import FILE
from ..errors import OutputError
from ..files import write_atomically
from ..pixels import Pixels
from .engines import load_engine
from .inputs import refuse_input
from .models import load_model, model_file
from .options import DATA_HELP, activations_option, x_option
from .output import Printer, counted, json_text
from .own_activations import read_activations

BACKEND = "jit"


@click.command(epilog=DATA_HELP)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data")
@x_option
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE instead of the terminal."
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@activations_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object instead of CSV.")
def predict(
    model: Path, data: str, x: str | None, out: Path | None, force: bool, activations: Path | None, as_json: bool
) -> None:
    """Write the answers of the saved network MODEL for DATA.

    A classifier gives the label, its probability and the probability of each class; with several labels a sample, 0 or
    1 and a probability for each. Others give numbers in the units that the training data had. Answers that DATA may
    hold itself are set aside.
    """
    if out is not None:
        check_output(out, [model_file(model), data], force=force)
    network = load_model(model, read_activations(activations))
    preparation = network.preparation or nothing_done(network)
    dataset = read_prediction(data, x=x, preparation=preparation)
    X = preparation.samples(dataset.X, source=dataset.source, dtype=network.dtype)
    load_engine(BACKEND, network.dtype.name, "predict")
    header, rows = answers(network, X)
    if FILE in dataset.aside:  # pictures are told apart by nothing else
        header = [FILE, *header]
        rows = [[file, *row] for file, row in zip(dataset.aside[FILE].tolist(), rows, strict=True)]
    if as_json:
        text = json_text({"model": str(model), "data": dataset.source, "columns": header, "rows": rows})
    else:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows([header, *rows])
        text = lines.getvalue()
    say = Printer(quiet=as_json)
    if out is None:
        say.write(text)
    else:
        write_atomically(out, text.encode())
        say(f"{counted(len(rows), 'answer')} written to {out}")
    say.close()


def check_output(out: Path, inputs: list[str | Path], *, force: bool) -> None:
    """Refuse a file that cannot or must not be written, before anything is computed.

    Raises
    ------
    OutputError
        If it is a folder, one of the inputs, or there already without ``force``.
    """
    if out.is_dir():
        raise OutputError(f"{out} is a folder where a file is needed; name a file in it, such as {out / 'answers.csv'}")
    if not out.parent.is_dir():
        raise OutputError(
            f"{out} cannot be written: there is no folder {out.parent}; make it or choose another with -o"
        )
    refuse_input(out, inputs, "choose another file with -o")
    if out.exists() and not force:
        raise OutputError(f"{out} is there already; choose another file with -o or overwrite it with --force")


def nothing_done(network: Network) -> Preparation:
    """A preparation that takes features as they are, for a network that was saved without one."""
    return Preparation(input_shape=network.input_shape, task="regression", scaling="none")


def answers(network: Network, X: npt.NDArray[Any] | Pixels) -> tuple[list[str], list[list[Any]]]:
    """The header and one row a sample.

    Parameters
    ----------
    network : Network
    X : array (n, d) or Pixels, prepared
    """
    preparation = network.preparation
    if not network.is_classifier:
        values = network.predict(X, backend=BACKEND).reshape(len(X), -1)
        in_units = values if preparation is None else preparation.values(values)
        return _names_of_values(network), _shortest(in_units.astype(network.dtype))
    labels = network.predict(X, backend=BACKEND)
    probabilities = None
    if network.loss_function.gives_probabilities:
        probabilities = network.predict_proba(X, backend=BACKEND)
    if network.task == "multilabel":
        names = _names_of_classes(network, network.n_outputs)
        header = [f"label_{name}" for name in names]
        rows: list[list[Any]] = labels.tolist()
    else:
        names = _names_of_classes(network, max(2, network.n_outputs))
        header, rows = ["label"], [[names[index]] for index in labels]
        if probabilities is not None and network.n_outputs == 1:
            probabilities = np.hstack([1 - probabilities, probabilities])
    if probabilities is None:
        return header, rows
    shown = _shortest(probabilities)
    if network.task != "multilabel":
        header.append("probability")
        rows = [[*row, values[index]] for row, values, index in zip(rows, shown, labels, strict=True)]
    header += [f"probability_{name}" for name in names]
    return header, [[*row, *values] for row, values in zip(rows, shown, strict=True)]


def _names_of_values(network: Network) -> list[str]:
    """What the columns of a regression's answers are called: as its targets are, where those have names."""
    preparation = network.preparation
    if preparation is None or preparation.target_name is None:
        return ["value"] if network.n_outputs == 1 else [f"value_{i + 1}" for i in range(network.n_outputs)]
    return [preparation.target_name] if network.n_outputs == 1 else list(preparation.target_names)


def _names_of_classes(network: Network, count: int) -> list[str]:
    preparation = network.preparation
    return [str(i) for i in range(count)] if preparation is None else list(preparation.class_names)


def _shortest(values: npt.NDArray[Any]) -> list[list[float]]:
    """Floats that print with no more digits than their dtype has."""
    return [[float(str(value)) for value in row] for row in values]
