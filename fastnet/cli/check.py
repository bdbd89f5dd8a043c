"""``fastnet check``: every kernel of both sides beside the same computation in float64, or a network's gradients beside
finite differences."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import __version__
from .options import activations_option
from .output import Printer, counted, json_text, table

if TYPE_CHECKING:
    from fastnet_kernels.check import Result

    from ..activations import CustomActivation
    from ..gradient_check import GradientCheck
    from ..network import Network

HEADER = ("kernel", "dtype", "compared", "reference", "jit", "of its limit", "ok")
GRADIENTS_HEADER = ("network", "layer", "parameter", "engine", "checked", "largest", "relative error", "ok")
ARCHITECTURE = re.compile(r"\d+(-\d+)+")


@click.command()
@click.option("--gradients", is_flag=True, help="Compare gradients with finite differences instead.")
@click.argument("model", required=False)
@activations_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with every comparison instead.")
@click.pass_context
def check(ctx: click.Context, /, gradients: bool, model: str | None, activations: Path | None, as_json: bool) -> None:
    """Compare every fast kernel with its readable twin on this machine.

    Both sides run over regular, odd and smallest shapes in float32 and float64. The table shows the largest error of
    each in units of rounding, and how much of what rounding may cause the worst comparison took. The exit code is 1
    if any error is larger than that.

    With --gradients the gradients of every layer, of some tens of its parameters where there are more, by both engines,
    are compared with central differences of the loss in float64. MODEL is a saved model, a run's folder, or sizes such
    as 5-7-3, tried with every activation; without it, every activation, loss and normalisation is tried on small
    networks. Activations of your own are tried with fastnet's.
    """
    if model is not None and not gradients:
        raise click.UsageError("MODEL is for --gradients; leave it out, or add --gradients", ctx)
    say = Printer(quiet=as_json)
    if activations is not None and not gradients:
        raise click.UsageError("--activations is for --gradients; leave it out, or add --gradients", ctx)
    wrong = _check_gradients(say, model, activations, as_json) if gradients else _check_kernels(say, as_json)
    say.close()
    if wrong:
        ctx.exit(1)


def _check_kernels(say: Printer, as_json: bool) -> int:
    # The check takes no user data, but its kernels are compiled, and that takes seconds to import.
    from fastnet_kernels.check import check as run_check

    say("every kernel of both sides, in units of rounding (the first time, the jit kernels are compiled) ...\n")
    say.close()
    results = list(run_check())
    for line in table(HEADER, grouped(results)):
        say(line)
    wrong = [result for result in results if not result.ok]
    for result in wrong:
        errors = f"reference {result.reference:.3g}, jit {result.jit:.3g}, limit {result.limit:.3g}"
        say(f"out of its limit: {result.kernel}, {result.case}, {result.dtype}: {errors}")
    say(f"\n{counted(len(results), 'comparison')}, {len(wrong) or 'none'} out of its limit")
    if as_json:
        rows = [{**asdict(result), "ok": result.ok} for result in results]
        say.write(json_text({"version": __version__, "ok": not wrong, "results": rows}))
    return len(wrong)


def _check_gradients(say: Printer, model: str | None, activations: Path | None, as_json: bool) -> int:
    from ..gradient_check import TOLERANCE, check_gradients
    from .own_activations import read_activations

    own = read_activations(activations)
    say("gradients beside central differences in float64 (the first time, the jit kernels are compiled) ...\n")
    say.close()
    found = [(name, result) for name, network in networks(model, own) for result in check_gradients(network)]
    for line in table(GRADIENTS_HEADER, [_row(name, result) for name, result in found]):
        say(line)
    wrong = [name for name, result in found if not result.ok]
    out = f"{len(wrong) or 'none'} with a relative error above {TOLERANCE:g}"
    say(f"\n{counted(len(found), 'parameter tensor')}, {out}")
    if as_json:
        rows = [{"network": name, **asdict(result), "ok": result.ok} for name, result in found]
        say.write(json_text({"version": __version__, "ok": not wrong, "results": rows}))
    return len(wrong)


def networks(model: str | None, own: Sequence["CustomActivation"] = ()) -> Iterator[tuple[str, "Network"]]:
    """The networks whose gradients are checked, by name.

    Raises
    ------
    ModelFileError
        If ``model`` is neither a saved model nor sizes.
    """
    from .. import ACTIVATIONS, Activation, BatchNorm, Dense, LayerNorm, Network
    from ..activations import name_of
    from ..losses import LOSS_CLASSES
    from .models import load_model

    sizes = [5, 7, 6, 3]
    if model is not None:
        if not ARCHITECTURE.fullmatch(model):
            yield model, load_model(Path(model), own)
            return
        sizes = [int(size) for size in model.split("-")]
    *hidden, outputs = sizes[1:]
    tried: list[str | CustomActivation] = [*ACTIVATIONS, *own]
    for activation in tried:
        layers = [Dense(size, activation=activation, l1=0.01, l2=0.1) for size in hidden]
        yield name_of(activation), Network([*layers, Dense(outputs)], input_shape=sizes[0], loss="mean_squared_error")
    if model is not None:
        return
    for name, kind in LOSS_CLASSES.items():
        layers = [Dense(size, activation="tanh") for size in hidden]
        last = Dense(outputs, activation=kind.output_activation or "identity")
        yield name, Network([*layers, last], input_shape=sizes[0], loss=name)
    for norm in (BatchNorm(), LayerNorm()):
        middle = [layer for size in hidden for layer in (Dense(size), norm, Activation("silu"))]
        network = Network([*middle, Dense(outputs)], input_shape=sizes[0], loss="mean_squared_error")
        yield type(norm).__name__, network


def _row(name: str, result: "GradientCheck") -> tuple[str, ...]:
    return (
        name,
        result.layer,
        result.parameter,
        result.backend,
        str(result.checked),
        f"{result.largest:.3g}",
        f"{result.error:.2g}",
        "yes" if result.ok else "NO",
    )


def grouped(results: Iterable["Result"]) -> list[tuple[str, ...]]:
    """One row for each kernel and dtype."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.kernel, result.dtype), []).append(result)
    return [
        (
            kernel,
            dtype,
            str(len(group)),
            f"{max(result.reference for result in group):.3g}",
            f"{max(result.jit for result in group):.3g}",
            f"{max(_share(result) for result in group):.0%}",
            "yes" if all(result.ok for result in group) else "NO",
        )
        for (kernel, dtype), group in sorted(groups.items())
    ]


def _share(result: "Result") -> float:
    largest = max(result.reference, result.jit)
    if not largest:
        return 0.0
    return largest / result.limit if result.limit else float("inf")
