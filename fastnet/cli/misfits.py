"""Options that do not go together, each with a sentence that says so, as Adam has no momentum."""

from collections.abc import Iterator
from dataclasses import fields

from ..errors import ConfigurationError
from ..metrics import column_name, metric_named
from ..optimizers import OPTIMIZER_CLASSES
from ..validation import choice
from .options import ALL, FULL, HIDDEN_ACTIVATIONS, SCHEDULES
from .settings import OF_THE_OPTIMIZER, Settings

Misfit = tuple[str, str]
"""The option to blame, and the sentence."""

TASKS = {"classification": {"binary", "multiclass"}, "multilabel": {"multilabel"}, "regression": {"regression"}}
"""What may come of a task that is asked for."""


def misfits(settings: Settings) -> Iterator[Misfit]:
    """What does not go together, before anything is read.

    Raises
    ------
    ConfigurationError
        If a metric is not known.
    """
    yield from _of_the_optimizer(settings)
    if settings.optimizer == "lbfgs":
        yield from _of_lbfgs(settings)
    yield from _of_the_schedule(settings)
    yield from _of_the_network(settings)
    yield from _of_what_is_watched(settings)


def _of_the_optimizer(settings: Settings) -> Iterator[Misfit]:
    known = {field.name for field in fields(OPTIMIZER_CLASSES[settings.optimizer])}
    for name in OF_THE_OPTIMIZER:
        if getattr(settings, name) and name not in known:
            having = " or ".join(
                kind.name for kind in OPTIMIZER_CLASSES.values() if name in {field.name for field in fields(kind)}
            )
            yield name, f"{settings.optimizer} has no {_flag(name)}; leave it out or use --optimizer {having}"
    if settings.nesterov and not settings.momentum:
        yield "nesterov", "nesterov looks ahead along the momentum, which is 0; give one, such as --momentum 0.9"
    if settings.clip_value and settings.clip_norm:
        yield "clip_value", "--clip-value and --clip-norm cannot both be given; choose one way to clip gradients"


def _of_lbfgs(settings: Settings) -> Iterator[Misfit]:
    if settings.batch_size != FULL:
        yield "batch_size", f"lbfgs needs all samples in each step: give --batch-size {FULL}"
    for name in ("clip_value", "clip_norm", "average"):
        if getattr(settings, name):
            yield name, f"lbfgs has no {_flag(name)}; leave it out"
    if settings.normalization == "batch":
        yield "normalization", "lbfgs cannot train batch normalisations; use --normalization layer"


def _of_the_schedule(settings: Settings) -> Iterator[Misfit]:
    schedule, is_constant = settings.schedule, settings.schedule == "constant" and not settings.warm_up
    if settings.optimizer in ("lbfgs", "rprop") and not is_constant:
        yield "schedule", f"{settings.optimizer} has no learning rate to change; leave --schedule and --warm-up out"
    for name in ("decay", "interval", "pieces"):
        if getattr(settings, name) and name not in SCHEDULES[schedule]:
            yield name, f"the {schedule} schedule has no {name}; leave it out or choose another --schedule"
    if schedule == "piecewise" and not settings.pieces:
        yield "schedule", "the piecewise schedule needs its learning rates, such as --pieces 30:0.01,60:0.001"
    if schedule == "plateau" and settings.warm_up:
        yield "warm_up", "the plateau schedule cannot be warmed up; leave --warm-up out"
    if settings.per == "step" and (is_constant or schedule == "plateau"):
        yield "per", f"the {schedule} schedule counts no steps; leave --per out or choose another --schedule"


def _of_the_network(settings: Settings) -> Iterator[Misfit]:
    try:
        choice("--activation", settings.activation, [*HIDDEN_ACTIVATIONS, *(one.name for one in settings.own)])
    except ConfigurationError as error:
        yield "activation", f"{error}; one of your own needs the file that defines it, by --activations"
    if settings.freeze != ALL and settings.base is None:
        yield "freeze", "--freeze is for the layers of a saved model: give one with --from, or leave it out"
    for name, owner, value in (
        ("slope", "--activation leaky_relu", settings.activation),
        ("alpha", "--activation elu", settings.activation),
        ("delta", "--loss huber", settings.loss),
    ):
        if getattr(settings, name) is not None and not owner.endswith(f" {value}"):
            yield name, f"--{name} is for {owner}, not for {value}; leave it out or give {owner}"


def _of_what_is_watched(settings: Settings) -> Iterator[Misfit]:
    metrics = set()
    for metric in map(metric_named, settings.metrics):
        metrics.add(metric.name)
        if settings.task in TASKS and not TASKS[settings.task] & set(metric.tasks):
            yield "metrics", f"the metric {metric.name} does not suit --task {settings.task}; leave it out"
    if settings.group is not None and settings.time is not None:
        yield "time", "--group and --time cannot both say what is held out; choose one of them"
    if settings.task == "regression" and settings.class_weight != "none":
        yield "class_weight", "--class-weight is for classes, not for --task regression; leave it out"
    name, has_validation = settings.monitor, settings.validation > 0
    if name is not None:
        if settings.patience is None and settings.schedule != "plateau":
            yield "monitor", "--monitor is for --patience and --schedule plateau; give one of them or leave it out"
        measure = column_name(name).removeprefix("val_")
        if measure not in {"loss", "accuracy", *metrics}:
            yield "monitor", f"--monitor {name} is nothing that is measured; add it with --metrics {measure}"
        if name.startswith("val_") and not has_validation:
            yield "monitor", f"--monitor {name} needs samples that are held out: give --validation 0.2"
    of_training = ("loss", "accuracy") if has_validation else (None, "loss", "accuracy")
    if settings.average and settings.patience and name in of_training:
        yield (
            "patience",
            "--patience cannot go by the loss of a training with --average, which is that of the weights before they "
            "are averaged; give --validation and go by what is held out",
        )


def _flag(name: str) -> str:
    return name.replace("_", "-")
