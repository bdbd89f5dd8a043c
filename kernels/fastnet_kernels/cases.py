"""Inputs for every kernel, and how far from the truth each output may be.

The truth is the reference run in float64 on the very inputs (rounded to the dtype under test first). An error is told
in roundings: ``|got - truth| / (eps * scale)``, where ``eps`` is the spacing of the dtype at 1 and ``scale`` the size
of what the output is summed from, so that cancellation is not held against a kernel. The limits are the standard bounds
of rounding analysis (Higham, Accuracy and Stability of Numerical Algorithms, chapters 3 and 4): a sum of n terms in
whatever order is within n roundings of the sum of their magnitudes; each further operation adds one, and ``FEW``
stands for the handful that an elementwise formula takes. A scale of 0 demands equality.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .program import (
    ACTIVATIONS,
    DENSE,
    DROPOUT,
    HISTORY_COLUMNS,
    KEEP_Z,
    LOSS,
    LOSSES,
    OP,
    OPTIMIZER,
    OPTIMIZERS,
    RUN,
    SLOTS,
    Record,
    parameter_count,
    row_size,
)
from .reference.activations import activation_forward
from .reference.randomness import dropout_mask

FEW = 8
SLOPE = 0.25
"""Of the activations that have one; exact in every float type."""
Float64 = npt.NDArray[np.float64]

SHAPES = {
    "regular": (64, 32, 16),
    "odd": (33, 17, 5),
    "one row": (1, 7, 3),
    "one column": (16, 5, 1),
    "one number": (1, 1, 1),
    "many columns": (9, 4, 70),
}
"""(rows, n_in, n_out) by name."""


@dataclass(frozen=True)
class Bound:
    """How far an output may be from the truth: ``limit`` roundings of ``scale`` (broadcast to the output)."""

    scale: npt.ArrayLike
    limit: float


EXACT = Bound(0.0, 0.0)


@dataclass(frozen=True)
class Case:
    """One call of one kernel.

    Attributes
    ----------
    module, kernel : where the kernel is on both sides
    name : what is particular about the inputs
    arguments : by parameter name; float arrays are float64 here and cast to the dtype under test
    bounds : what is compared, by parameter name, and "return" for the returned value
    filled : parameters that the kernel fills without reading them; they are NaN before the call
    scratch : parameters whose contents after the call mean nothing
    """

    module: str
    kernel: str
    name: str
    arguments: dict[str, Any]
    bounds: dict[str, Bound]
    filled: tuple[str, ...] = ()
    scratch: tuple[str, ...] = field(default=())


def cases(dtype: npt.DTypeLike, shapes: Mapping[str, tuple[int, int, int]] = SHAPES) -> Iterator[Case]:
    """Every case over these shapes, inputs rounded to ``dtype``; then the extreme inputs and the whole trainings."""
    for name, shape in shapes.items():
        rng = np.random.default_rng(list(shape))

        def draw(*size: int, rng: np.random.Generator = rng) -> Float64:
            return rng.standard_normal(size).astype(dtype).astype(np.float64)

        for activation in range(len(ACTIVATIONS)):
            yield from _activation(f"{ACTIVATIONS[activation]}, {name}", draw(shape[0], shape[2]), activation, draw)
            yield from _dense(f"{ACTIVATIONS[activation]}, {name}", shape, activation, draw)
        yield from _gradients(name, shape, draw)
        yield _l2(name, shape, draw)
        yield from _samples(name, shape, draw)
        for loss in range(len(LOSSES)):
            yield _loss(f"{LOSSES[loss]}, {name}", draw(shape[0], shape[2]), loss, rng)
        yield from _counts(name, shape, draw, rng)
        yield from _dropout(name, shape, draw)
        for optimizer in _optimizers():
            yield _update(name, shape, optimizer, draw)
        yield from _rows(name, shape, draw, rng)
    extreme = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [88.0, -88.0, 1e-30], [1e4, 9999.0, 1.0]])
    extreme = extreme.astype(dtype).astype(np.float64)
    rng = np.random.default_rng(0)
    for activation in range(len(ACTIVATIONS)):
        yield from _activation(f"{ACTIVATIONS[activation]}, extreme", extreme, activation, lambda *size: np.ones(size))
    for loss in range(len(LOSSES)):
        yield _loss(f"{LOSSES[loss]}, extreme", extreme, loss, rng)
    # Divergence must be seen, so NaN goes through every activation and its derivative.
    lost = np.array([[np.nan, 1.0, -1.0], [1.0, np.nan, np.nan]])
    for activation in range(len(ACTIVATIONS)):
        yield from _activation(f"{ACTIVATIONS[activation]}, NaN", lost, activation, lambda *size: lost)
    for loss in range(len(LOSSES)):
        yield _loss(f"{LOSSES[loss]}, NaN", lost, loss, rng)
    for optimizer in _optimizers():
        yield from _whole(optimizer, dtype)


def _spread(z: Float64, a: Float64, activation: str) -> Float64:
    """What the activation makes of one rounding of z and of its own result."""
    if activation != "softmax":
        # |f'| is at most about 1, and where f is flat its own rounding is all there is.
        return np.asarray(np.abs(a) + np.minimum(np.abs(z), np.abs(z) * (1 - np.tanh(np.abs(z) / 2) ** 2) * 4))
    shifted = np.abs(z - z.max(axis=1, keepdims=True))
    return np.asarray(a * (1 + z.shape[1] / FEW + shifted + (a * shifted).sum(axis=1, keepdims=True)))


def _passed(da: Float64, a: Float64, activation: str) -> Float64:
    """The size of what ``activation_backward`` sums for each dz."""
    if activation != "softmax":
        return np.abs(da)
    products = np.abs(da * a).sum(axis=1, keepdims=True)
    return np.asarray(np.abs(a) * (np.abs(da) + (1 + a.shape[1] / FEW) * products))


def _activation(name: str, z: Float64, activation: int, draw: Any) -> Iterator[Case]:
    a = np.zeros_like(z)
    activation_forward(a, z, activation, SLOPE)
    arguments = {"a": a, "z": z, "activation": activation, "slope": SLOPE}
    bounds = {"a": Bound(_spread(z, a, ACTIVATIONS[activation]), FEW)}
    yield Case("activations", "activation_forward", name, arguments, bounds, filled=("a",))
    da = draw(*z.shape)
    arguments = {"dz": np.zeros_like(z), "da": da, "a": a, "z": z, "activation": activation, "slope": SLOPE}
    bounds = {"dz": Bound(_passed(da, a, ACTIVATIONS[activation]), FEW)}
    yield Case("activations", "activation_backward", name, arguments, bounds, filled=("dz",))


def _dense(name: str, shape: tuple[int, int, int], activation: int, draw: Any) -> Iterator[Case]:
    rows, n_in, n_out = shape
    x, weights, biases, da = draw(rows, n_in), draw(n_in, n_out), draw(n_out), draw(rows, n_out)
    z = x @ weights + biases
    a = np.zeros_like(z)
    activation_forward(a, z, activation, SLOPE)
    sums = np.abs(x) @ np.abs(weights) + np.abs(biases)
    if ACTIVATIONS[activation] == "softmax":
        sums = sums.max(axis=1, keepdims=True)
    layer = {"weights": weights, "biases": biases, "activation": activation, "slope": SLOPE}
    arguments = {"a": a, "z": np.zeros_like(z), "x": x, **layer}
    bounds = {"a": Bound(sums + _spread(z, a, ACTIVATIONS[activation]), n_in + 1 + FEW), "z": Bound(sums, n_in + 1)}
    yield Case("dense", "dense_forward", name, arguments, bounds, filled=("a", "z"))
    passed = _passed(da, a, ACTIVATIONS[activation])
    bounds = {"dz": Bound(passed, FEW), "dx": Bound(passed @ np.abs(weights).T, n_out + FEW)}
    for needs_dx in (True, False):
        arguments = {
            "dx": np.zeros_like(x),
            "dz": np.zeros_like(z),
            "da": da,
            "a": a,
            "z": z,
            "weights": weights,
            "activation": activation,
            "slope": SLOPE,
            "needs_dx": needs_dx,
        }
        compared = bounds if needs_dx else {"dz": bounds["dz"]}
        which = name if needs_dx else f"{name}, first layer"
        yield Case("dense", "dense_backward", which, arguments, compared, ("dx", "dz"), scratch=("dx",))


def _gradients(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    """All inputs, and the later half of them with the biases or without; a first block and a later one."""
    rows, n_in, n_out = shape
    x, dz = draw(rows, n_in), draw(rows, n_out)
    for part, first, owner in (("", 0, True), (", later inputs", n_in // 2, True), (", no biases", n_in // 2, False)):
        for accumulate in (False, True):
            mine = slice(first, n_in)
            arguments = {
                "dweights": np.zeros((n_in, n_out))[mine],
                "dbiases": np.zeros(n_out if owner else 0),
                "x": x,
                "dz": dz,
                "first": first,
                "accumulate": accumulate,
            }
            bounds = {"dweights": Bound(np.abs(x[:, mine]).T @ np.abs(dz), rows + FEW)}
            if owner:
                bounds["dbiases"] = Bound(np.abs(dz).sum(axis=0), rows + FEW)
            which = f"{name}{part}{', later block' if accumulate else ''}"
            filled = () if accumulate else ("dweights", "dbiases")
            yield Case("dense", "dense_gradients", which, arguments, bounds, filled)


def _l2(name: str, shape: tuple[int, int, int], draw: Any) -> Case:
    _, n_in, n_out = shape
    dweights, weights, l2 = draw(n_in, n_out), draw(n_in, n_out), 0.01
    bounds = {
        "dweights": Bound(np.abs(dweights) + l2 * np.abs(weights), FEW),
        "return": Bound(l2 / 2 * np.sum(weights**2), weights.size + FEW),
    }
    return Case("dense", "l2_penalty", name, {"dweights": dweights, "weights": weights, "l2": l2}, bounds)


def _samples(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    """The first layer in sample space: n samples in all, this block the last of them."""
    rows, _, n_out = shape
    n = rows + 3
    x, combination, share, biases = draw(rows, n + n_out), draw(n, n_out), draw(1), draw(n_out)
    place = {"x": x, "combination": combination, "share": share}
    products = np.abs(x[:, :n]) @ np.abs(combination)
    sums = products + np.abs(share * x[:, n:]) + np.abs(biases)
    tanh = ACTIVATIONS.index("tanh")
    a, dz = np.tanh(x[:, :n] @ combination + share * x[:, n:] + biases), draw(rows, n_out)
    z = {"z": np.zeros_like(a)}
    arguments = {"a": np.zeros_like(a), **z, **place, "biases": biases, "activation": tanh, "slope": 0.0}
    bounds = {"a": Bound(sums + np.abs(a), n + 2 + FEW), "z": Bound(sums, n + 2)}
    yield Case("dense", "samples_forward", name, arguments, bounds, filled=("a", "z"))
    for part, first, owner in (("all samples", 0, True), ("later samples", 5, False)):
        arguments = {
            "dcombination": draw(n, n_out)[first:],
            "dbiases": np.zeros(n_out if owner else 0),
            "dz": dz,
            "first": first,
            "first_row": 3,
            "accumulate": False,
        }
        bounds = {"dcombination": EXACT}
        if owner:
            bounds["dbiases"] = Bound(np.abs(dz).sum(axis=0), rows + FEW)
        yield Case("dense", "samples_gradients", f"{name}, {part}", arguments, bounds, filled=("dbiases",))
    size = np.sum((products + 2 * np.abs(share * x[:, n:])) * np.abs(combination[3:]))
    arguments = {"product": np.zeros_like(a), **place, "first_row": 3}
    bounds = {"return": Bound(size, n + a.size + FEW)}
    yield Case("dense", "samples_penalty", name, arguments, bounds, filled=("product",), scratch=("product",))


def _loss(name: str, output: Float64, loss: int, rng: np.random.Generator) -> Case:
    rows, n_out = output.shape
    scale = 1 / rows
    targets = rng.integers(0, 2, (rows, n_out)).astype(np.float64)
    if LOSSES[loss] == "categorical_crossentropy":
        targets = rng.integers(0, n_out, (rows, 1)).astype(np.float64)
        probabilities = np.empty_like(output)
        activation_forward(probabilities, output, ACTIVATIONS.index("softmax"), 0.0)
        shifted = np.abs(output - output.max(axis=1, keepdims=True))
        gradient = scale * (_spread(output, probabilities, "softmax") + (np.arange(n_out) == targets))
        # An exponential carries the rounding of its argument; the loss is of the size of what it is summed from.
        wrong = probabilities * (shifted > 0)
        chosen = np.take_along_axis(shifted, targets.astype(np.intp), axis=1)
        total = np.sum(wrong * (1 + shifted)) * n_out + np.sum(chosen)
    elif LOSSES[loss] == "binary_crossentropy":
        gradient = scale / n_out * (1 + np.abs(targets))
        total = np.sum(np.log1p(np.exp(-np.abs(output))) + np.abs(output * ((output >= 0) - targets))) / n_out
    else:
        gradient = scale / n_out * (np.abs(output) + np.abs(targets))
        total = np.sum((output - targets) ** 2) / n_out
    arguments = {"doutput": np.zeros_like(output), "output": output, "targets": targets, "scale": scale, "loss": loss}
    bounds = {"doutput": Bound(gradient, FEW), "return": Bound(total, output.size + FEW)}
    return Case("losses", "loss_forward_backward", name, arguments, bounds, filled=("doutput",))


def _counts(name: str, shape: tuple[int, int, int], draw: Any, rng: np.random.Generator) -> Iterator[Case]:
    rows, _, n_out = shape
    output = draw(rows, n_out)
    for kind, targets in (
        ("classes", rng.integers(0, max(n_out, 2), (rows, 1))),
        ("labels", rng.integers(0, 2, (rows, n_out))),
    ):
        arguments = {"output": output, "targets": targets.astype(np.float64)}
        # The labels' count is divided by n_out: one rounding of a number that has at most rows.
        yield Case("losses", "count_correct", f"{kind}, {name}", arguments, {"return": Bound(rows, 1)})


def _dropout(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    rows, n_in, _ = shape
    x = draw(rows, n_in)
    where: dict[str, Any] = {"rate": 0.3, "seed": 11, "stream": 2, "step": 5, "first_row": 3}
    mask = np.zeros_like(x)
    dropout_mask(mask, **where)
    kept = {"mask": Bound(mask, 1)}
    yield Case("randomness", "dropout_mask", name, {"mask": mask, **where}, kept, filled=("mask",))
    for kernel, out, given in (("dropout_forward", "out", "x"), ("dropout_backward", "dx", "dout")):
        arguments = {out: np.zeros_like(x), given: x, **where}
        yield Case("dropout", kernel, name, arguments, {out: Bound(np.abs(x), 3)}, filled=(out,))


def _optimizers() -> Iterator[tuple[str, Record]]:
    """A few settings of each optimizer. Adam's epsilon is large here so that its step does not turn on the last bit of
    a gradient near 0."""
    for name, settings in (
        ("sgd", {}),
        ("sgd", {"momentum": 0.9}),
        ("sgd", {"momentum": 0.9, "nesterov": 1}),
        *((name, {}) for name in OPTIMIZERS if name != "sgd"),
        ("adam", {"weight_decay": 0.1}),
        ("rmsprop", {"momentum": 0.9}),
    ):
        record = np.zeros(1, OPTIMIZER)
        record["kind"], record["learning_rate"] = OPTIMIZERS.index(name), 0.01
        record["beta_1"], record["beta_2"], record["epsilon"], record["decay"] = 0.9, 0.99, 0.01, 0.9
        record["shrink"], record["grow"], record["smallest"], record["largest"] = 0.5, 1.2, 1e-3, 2.0
        for key, value in settings.items():
            record[key] = value
        yield " ".join([name, *settings]), record


def _update(name: str, shape: tuple[int, int, int], optimizer: tuple[str, Record], draw: Any) -> Case:
    n = shape[1] * shape[2]
    label, record = optimizer
    kind = OPTIMIZERS[record["kind"][0]]
    # A part of the flat vector, as a member of a team updates it; the other slots must stay.
    slots = np.abs(draw(SLOTS[kind], n))
    if kind == "centered_rmsprop":
        # The mean of squares is no less than the mean's square, and here by enough that nothing cancels.
        slots[0], slots[2] = np.maximum(slots[0], 1), slots[2] / 8
    parameters, gradients = draw(n - n // 3), draw(n - n // 3)
    touched = np.zeros((1, n))
    touched[0, n // 3 :] = np.abs(gradients) + gradients**2
    arguments = {
        "parameters": parameters,
        "slots": slots,
        "gradients": gradients,
        "optimizer": record[0],
        "step": 3,
        "start": n // 3,
    }
    bounds = {
        "parameters": Bound(np.abs(parameters) + np.abs(gradients) + slots[:, n // 3 :].max(axis=0), FEW),
        "slots": Bound((slots + touched) * (touched > 0), FEW),
    }
    return Case("optimizers", "update", f"{label}, {name}", arguments, bounds)


def _rows(name: str, shape: tuple[int, int, int], draw: Any, rng: np.random.Generator) -> Iterator[Case]:
    rows, n_in, _ = shape
    order = np.zeros(rows * 3, np.int64)
    arguments: dict[str, Any] = {"order": order, "seed": 4, "epoch": rows}
    yield Case("randomness", "shuffle", name, arguments, {"order": EXACT}, filled=("order",))
    arguments = {
        "batch": np.zeros((rows, n_in)),
        "X": draw(rows * 3, n_in),
        "order": rng.permutation(rows * 3),
        "start": 1,
    }
    yield Case("engine", "gather", name, arguments, {"batch": EXACT}, filled=("batch",))
    pixels = rng.integers(0, 256, (rows * 3, n_in), np.uint8)
    batch = {"batch": np.zeros((rows, n_in))}
    for divisor in (1.0, 255.0):
        which = f"{name}, by {divisor:g}"
        # One division, so half a rounding.
        arguments = {**batch, "pixels": pixels[rows : 2 * rows], "divisor": divisor}
        bounds = {"batch": Bound(pixels[rows : 2 * rows] / divisor, 1)}
        yield Case("pixels", "convert_pixels", which, arguments, bounds, filled=("batch",))
        order = rng.permutation(rows * 3)
        arguments = {**batch, "pixels": pixels, "order": order, "start": 1, "divisor": divisor}
        bounds = {"batch": Bound(pixels[order[1 : 1 + rows]] / divisor, 1)}
        yield Case("pixels", "gather_pixels", which, arguments, bounds, filled=("batch",))


def _program(hidden: str, loss: str, output_activation: str) -> Record:
    """5-7-6-3 with dropout between, l2 on the first layer; a small sample of everything."""
    program = np.zeros(5, OP)
    end, parameters = 5, 0
    sizes = (5, 7, 7, 6, 3)
    for index, kind in enumerate((DENSE, DROPOUT, DENSE, DENSE, LOSS)):
        op = program[index]
        op["kind"], op["key"], op["passes_on"] = kind, index, index > 0
        op["input_size"], op["output_size"] = sizes[index], sizes[min(index + 1, 4)]
        op["input"], op["output"] = end - op["input_size"], end
        if kind == DENSE:
            op["z"], op["slope"] = end, SLOPE
            if hidden in KEEP_Z and index < 3:
                op["output"] = end = end + op["output_size"]
            op["weights"], op["biases"] = parameters, parameters + op["input_size"] * op["output_size"]
            parameters = op["biases"] + op["output_size"]
            op["function"] = ACTIVATIONS.index(hidden if index < 3 else "identity")
        end += int(op["output_size"])
    program[0]["l2"], program[1]["rate"] = 0.1, 0.25
    last = program[-1]
    last["output_size"], last["output"] = last["input_size"], last["input"]
    last["function"], last["output_activation"] = LOSSES.index(loss), ACTIVATIONS.index(output_activation)
    return program


def _whole(optimizer: tuple[str, Record], dtype: npt.DTypeLike) -> Iterator[Case]:
    """Whole trainings with a ragged last batch, and prediction and evaluation in blocks with a ragged last one."""
    for hidden, loss, output_activation in (
        ("tanh", "categorical_crossentropy", "softmax"),
        ("sigmoid", "binary_crossentropy", "sigmoid"),
        ("relu", "mean_squared_error", "identity"),
        ("silu", "mean_squared_error", "identity"),
        ("softmax", "mean_squared_error", "identity"),
    ):
        program = _program(hidden, loss, output_activation)
        label, record = optimizer
        n, batch, epochs = 37, 16, 3
        rng = np.random.default_rng(len(hidden))
        X = rng.standard_normal((n, 5)).astype(dtype).astype(np.float64)
        columns = 1 if loss == "categorical_crossentropy" else 3
        Y = rng.integers(0, 3 if columns == 1 else 2, (n, columns)).astype(np.float64)
        size = parameter_count(program)
        parameters = (0.5 * rng.standard_normal(size)).astype(dtype).astype(np.float64)
        run = np.zeros(1, RUN)
        run["batch_size"], run["shuffle"], run["seed"], run["count_correct"] = batch, 1, 7, 1
        # Two members of a team, blocks of 6 rows: every loop over rows has a ragged end. One shares one copy of
        # gradients.
        run["threads"], block = 2, 6
        buffer = np.zeros(row_size(program) * block)
        steps = epochs * -(-n // batch)
        # Each step adds at most the roundings of its longest chain of sums to a parameter of size about 1.
        chain = batch + sum(int(op["input_size"]) for op in program)
        for name, samples, settings in _samples_of(X, rng.integers(0, 256, X.shape, np.uint8), run):
            arguments: dict[str, Any] = {
                "history": np.zeros((epochs, HISTORY_COLUMNS)),
                "program": program,
                "optimizer": record,
                "run": settings,
                "parameters": parameters,
                "slots": np.zeros((SLOTS[OPTIMIZERS[record["kind"][0]]], size)),
                "gradients": np.zeros((1 if hidden == "relu" else 2, size)),
                "activations": buffer,
                "deltas": buffer.copy(),
                "order": np.zeros(n, np.int64),
                **samples,
                "Y": Y,
                "targets": np.zeros((block, columns)),
            }
            bounds = {
                "parameters": Bound(1 + np.abs(parameters), steps * chain),
                "history": Bound([4.0, n], steps * chain),
                "return": EXACT,
            }
            scratch = ("gradients", "activations", "deltas", "order", "targets", "slots")
            filled = ("history", "gradients", "activations", "deltas", "targets")
            which = f"{label}, {hidden}, {loss}{name}"
            yield Case("engine", "train", which, arguments, bounds, filled, scratch)
            if label != "sgd":
                break
            given = {**samples, "divisor": float(settings["divisor"][0])}
            shared = {"program": program, "parameters": parameters, "activations": buffer}
            arguments = {"outputs": np.zeros((n, 3)), **shared, **given, "max_rows": block}
            bounds = {"outputs": Bound(4.0, chain)}
            yield Case("engine", "predict", which, arguments, bounds, ("outputs", "activations"), ("activations",))
            arguments = {
                "result": np.zeros(HISTORY_COLUMNS),
                **shared,
                "deltas": buffer.copy(),
                **given,
                "Y": Y,
                "max_rows": block,
            }
            bounds = {"result": Bound([8.0, n], chain)}
            written = ("result", "activations", "deltas")
            yield Case("engine", "evaluate", which, arguments, bounds, written, ("activations", "deltas"))


def _samples_of(
    X: Float64, pixels: npt.NDArray[np.uint8], run: Record
) -> Iterator[tuple[str, dict[str, npt.NDArray[Any]], Record]]:
    """The same run on floats, then on pixels, shuffled and as they lie."""
    yield "", {"X": X, "pixels": pixels[:0, :0]}, run
    for name, shuffled in ((", pixels", 1), (", pixels in order", 0)):
        settings = run.copy()
        settings["shuffle"], settings["divisor"] = shuffled, 255
        yield name, {"X": X[:0, :0], "pixels": pixels}, settings
