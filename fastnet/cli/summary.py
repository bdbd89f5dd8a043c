"""What ``train`` says about a training: before it, after it, and as plain data for JSON."""

from itertools import zip_longest
from typing import Any

import numpy as np

from .. import Activation, Augment, BatchNorm, Dense, Dropout, GaussianNoise, History, LayerNorm, Network, Preparation
from ..activations import name_of
from ..data.columns import MOST_NAMES, listed
from ..data.stream import Stream
from ..layers import layer_to_dict
from ..optimizers import Optimizer, WithRate
from ..schedules import Schedule, Timed, WarmUp
from ..validation import bytes_in_words
from .output import counted, labelled, seconds
from .samples import Samples, class_counts
from .settings import Settings


def before(settings: Settings, samples: Samples, network: Network) -> list[str]:
    """What was read, what was done to it, the network, and how it is trained."""
    preparation = samples.preparation
    what = f"{counted(len(samples.train.X), 'sample')} of {counted(preparation.n_features, 'feature')}"
    if preparation.task == "multilabel":
        missing = int(np.isnan(samples.train.y).sum())
        what += f", {counted(preparation.n_outputs, 'label')}, yes or no each ({listed(preparation.class_names)})"
        what += f", {missing} of {samples.train.y.size} missing" if missing else ""
    elif preparation.class_names:
        what += f", {counted(len(preparation.class_names), 'class', 'classes')} ({listed(preparation.class_names)})"
    elif preparation.task == "regression":
        what += f", {counted(preparation.n_outputs, 'target')} to predict as a number"
    lines = [labelled("data", f"{samples.train.source}: {what}"), *_columns(preparation), *_balance(samples)]
    if samples.guessed and preparation.task == "multilabel":
        lines.append(labelled("task", "labels guessed from columns of 0 and 1: --task regression to predict numbers"))
    elif samples.guessed and preparation.class_names:
        lines.append(labelled("task", "classes guessed from whole numbers: --task regression to predict numbers"))
    elif samples.guessed:
        lines.append(labelled("task", "numbers guessed from whole numbers: --task classification to predict classes"))
    if samples.validation is not None:
        lines.append(labelled("validation", f"{counted(len(samples.validation.X), 'sample')} held out of the same"))
    if samples.test is not None:
        size = counted(len(samples.test.X), "sample")
        where = f"of {samples.test.source}" if samples.test_is_own else "of its test part"
        lines.append(labelled("test", f"{size} {where}"))
    batch = "full batch" if settings.rows_in_batch is None else f"batches of {settings.rows_in_batch}"
    optimizer = settings.build_optimizer(len(samples.train.X))
    train = samples.train
    if isinstance(train.X, Stream):
        planned = network.buffers_of(train.X, train.y, optimizer=optimizer, batch_size=settings.rows_in_batch)
        lines.append(labelled("memory", f"{bytes_in_words(train.X.memory)}: {planned.in_words()}"))
    return [
        *lines,
        labelled("prepared", _prepared(samples, settings)),
        labelled("network", f"{_layers(network)}: {counted(network.n_parameters, 'parameter')}"),
        labelled(
            "training",
            f"{settings.backend} engine, {network.dtype.name}, {network.loss}, {_optimizer(optimizer)}, {batch}, "
            f"seed {settings.seed}",
        ),
        "",
    ]


def _columns(preparation: Preparation) -> list[str]:
    """What the columns of a table were taken for, a line a kind."""
    if preparation.known_columns is None:
        return []
    texts = []
    for kind, plural in (("number", "numbers"), ("boolean", "booleans"), ("category", "categories")):
        names = [
            column.name + (f" ({counted(len(column.categories), 'value')})" if column.categories else "")
            for column in preparation.known_columns
            if column.kind == kind
        ]
        texts += [f"{counted(len(names), kind, plural)}: {listed(names)}"] if names else []
    texts += [f"left out: {listed(preparation.ignored)}"] if preparation.ignored else []
    return [labelled("" if index else "columns", text) for index, text in enumerate(texts)]


def _balance(samples: Samples) -> list[str]:
    """How the training samples share out among the classes."""
    counts = class_counts(samples)
    if not counts:
        return []
    total = sum(counts.values())
    shares = {name: f"{name} {count:,} ({count / total:.1%})" for name, count in counts.items()}
    if len(counts) <= MOST_NAMES:
        return [labelled("classes", ", ".join(shares.values()))]
    rarest, commonest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    return [labelled("classes", f"the rarest is {shares[rarest]}, the most frequent {shares[commonest]}")]


def _optimizer(optimizer: Optimizer) -> str:
    if not isinstance(optimizer, WithRate):
        return optimizer.name
    rate = optimizer.learning_rate
    if isinstance(rate, Schedule):
        name = rate.name
        if isinstance(rate, WarmUp):
            name = "warm-up" + (f", then {rate.learning_rate.name}" if isinstance(rate.learning_rate, Schedule) else "")
        if isinstance(rate, Timed) and rate.per == "step":
            name += ", per step"
        return f"{optimizer.name} at learning rates up to {optimizer.highest_rate:g} ({name})"
    return f"{optimizer.name} at learning rate {optimizer.learning_rate:g}"


def _prepared(samples: Samples, settings: Settings) -> str:
    preparation = samples.preparation
    whose = "the training samples" if settings.base is None else f"those that {settings.base} was trained on"
    text = {
        "none": "features used as they are",
        "divide": f"features divided by {preparation.divisor:g}",
        "standardise": f"features standardised by the mean and deviation of {whose}",
    }[preparation.scaling]
    is_scaled = any(preparation.target_mean) or any(deviation != 1 for deviation in preparation.target_deviation)
    return f"{text}; the target standardised too" if is_scaled else text


def _layers(network: Network) -> str:
    shape = " x ".join(str(size) for size in network.input_shape)
    layers = []
    for layer, after in zip_longest(network.layers, network.layers[1:]):
        if isinstance(layer, Dense):
            frozen = "" if layer.trainable else " (frozen)"
            own = "" if isinstance(after, BatchNorm | LayerNorm) else f" {name_of(layer.activation)}"
            layers.append(f"{layer.units}{own}{frozen}")
        elif isinstance(layer, Dropout):
            layers.append(f"dropout {layer.rate:g}")
        elif isinstance(layer, GaussianNoise):
            layers.append(f"noise {layer.deviation:g}")
        elif isinstance(layer, Augment):
            layers.append(_augmented(layer))
        elif isinstance(layer, Activation):
            layers.append(name_of(layer.activation))
        else:
            frozen = "" if getattr(layer, "trainable", True) else " (frozen)"
            layers.append(("batch norm" if isinstance(layer, BatchNorm) else "layer norm") + frozen)
    return " -> ".join([shape, *layers])


def _augmented(layer: Augment) -> str:
    done = [f"flip {layer.flip}"] if layer.flip != "none" else []
    done += [f"{name} {value:g}" for name, value in (("shift", layer.shift), ("rotate", layer.rotate)) if value]
    return f"augment ({', '.join(done) or 'nothing'})"


def after(training: dict[str, Any]) -> str:
    """How the training went."""
    text = (
        f"{counted(training['epochs'], 'epoch')} in {seconds(training['seconds'])}, "
        f"{training['samples_per_second']:,.0f} samples a second"
    )
    if training["stopped"]:
        text += f"; stopped before epoch {training['epochs'] + 1}: {training['stopped']}"
    return "\n" + labelled("trained", text)


def comparison(times: dict[str, float], ratio: float, epochs: int, difference: float, largest: float) -> list[str]:
    """The two engines beside each other."""
    faster = f"jit is {ratio:.1f} times faster" if ratio >= 1 else f"jit is {1 / ratio:.1f} times slower"
    return [
        "\n" + labelled("compared", f"{counted(epochs, 'epoch')}, without loading or compiling the kernels"),
        labelled("", f"jit {seconds(times['jit'])}, reference {seconds(times['reference'])}: {faster}"),
        labelled("", f"losses differ by at most {difference:.2g} (the largest loss is {largest:.3g})"),
    ]


def report(settings: Settings, samples: Samples, network: Network, history: History) -> dict[str, Any]:
    """The same as plain data."""
    preparation = samples.preparation
    spent = sum(history.seconds)
    parts = {"train": samples.train, "validation": samples.validation, "test": samples.test}
    return {
        "data": {
            "source": samples.train.source,
            "task": preparation.task,
            "input_shape": preparation.input_shape,
            "classes": preparation.class_names,
            "scaling": preparation.scaling,
            "columns": {column.name: column.kind for column in preparation.known_columns or ()},
            "left_out": preparation.ignored,
            "class_counts": class_counts(samples),
            "samples": {name: 0 if part is None else len(part.X) for name, part in parts.items()},
        },
        "configuration": settings.resolved(),
        "network": {
            "layers": [layer_to_dict(layer) for layer in network.layers],
            "loss": network.loss,
            "parameters": network.n_parameters,
        },
        "training": {
            "engine": settings.backend,
            "epochs": len(history.loss),
            "stopped": history.stopped,
            "seconds": spent,
            "samples_per_second": len(samples.train.X) * len(history.loss) / max(spent, 1e-9),
            "learning_rate": history.learning_rate,
            "history": {name: history[name] for name in history.columns()},
        },
    }
