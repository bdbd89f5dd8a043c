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
    AUGMENT,
    BATCH_NORM,
    CATEGORICAL,
    DENSE,
    DROPOUT,
    HISTORY_COLUMNS,
    KEEP_Z,
    LAYER_NORM,
    LOSS,
    LOSSES,
    MIRROR_COLUMNS,
    MIRROR_ROWS,
    MOMENTS,
    NOISE,
    OP,
    OPTIMIZER,
    OPTIMIZERS,
    RUN,
    SLOTS,
    Record,
    moments_size,
    parameter_count,
    row_size,
)
from .reference.activations import activation_forward
from .reference.normalization import own_moments
from .reference.randomness import dropout_mask, gaussian

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
        yield from _penalties(name, shape, draw)
        yield from _samples(name, shape, draw)
        for loss in range(len(LOSSES)):
            yield from _loss(f"{LOSSES[loss]}, {name}", draw(shape[0], shape[2]), loss, rng)
        yield from _weigh(name, shape, draw, rng)
        yield from _counts(name, shape, draw, rng)
        yield from _dropout(name, shape, draw)
        yield from _noise(name, shape, draw)
        yield from _augment(name, shape, draw, rng)
        yield from _normalization(name, shape, draw)
        for optimizer in _optimizers():
            yield _update(name, shape, optimizer, draw)
        yield from _clip_and_average(name, shape, draw)
        yield from _rows(name, shape, draw, rng)
    extreme = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [88.0, -88.0, 1e-30], [1e4, 9999.0, 1.0]])
    extreme = extreme.astype(dtype).astype(np.float64)
    rng = np.random.default_rng(0)
    # An exponential has no bound.
    bounded = np.minimum(extreme, 80)
    for activation in range(len(ACTIVATIONS)):
        z = bounded if ACTIVATIONS[activation] == "exponential" else extreme
        yield from _activation(f"{ACTIVATIONS[activation]}, extreme", z, activation, lambda *size: np.ones(size))
    for loss in range(len(LOSSES)):
        logits = bounded if LOSSES[loss] == "poisson" else extreme
        yield from _loss(f"{LOSSES[loss]}, extreme", logits, loss, rng)
    # Divergence must be seen, so NaN goes through every activation and its derivative.
    lost = np.array([[np.nan, 1.0, -1.0], [1.0, np.nan, np.nan]])
    for activation in range(len(ACTIVATIONS)):
        yield from _activation(f"{ACTIVATIONS[activation]}, NaN", lost, activation, lambda *size: lost)
    for loss in range(len(LOSSES)):
        yield from _loss(f"{LOSSES[loss]}, NaN", lost, loss, rng)
    for optimizer in _optimizers():
        yield from _whole(optimizer, dtype)


def _spread(z: Float64, a: Float64, activation: str) -> Float64:
    """What the activation makes of one rounding of z and of its own result."""
    if activation == "exponential":
        return np.asarray(a * (1 + np.abs(z)))
    if activation != "softmax":
        # |f'| is at most about 1, and where f is flat its own rounding is all there is.
        return np.asarray(np.abs(a) + np.minimum(np.abs(z), np.abs(z) * (1 - np.tanh(np.abs(z) / 2) ** 2) * 4))
    shifted = np.abs(z - z.max(axis=1, keepdims=True))
    return np.asarray(a * (1 + z.shape[1] / FEW + shifted + (a * shifted).sum(axis=1, keepdims=True)))


def _passed(da: Float64, a: Float64, activation: str) -> Float64:
    """The size of what ``activation_backward`` sums for each dz."""
    if activation == "exponential":
        return np.abs(da * a)
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
    moved = sums * a if ACTIVATIONS[activation] == "exponential" else sums
    layer = {"weights": weights, "biases": biases, "activation": activation, "slope": SLOPE}
    arguments = {"a": a, "z": np.zeros_like(z), "x": x, **layer}
    bounds = {"a": Bound(moved + _spread(z, a, ACTIVATIONS[activation]), n_in + 1 + FEW), "z": Bound(sums, n_in + 1)}
    yield Case("dense", "dense_forward", name, arguments, bounds, filled=("a", "z"))
    passed = _passed(da, a, ACTIVATIONS[activation])
    bounds = {"dz": Bound(passed, FEW), "dx": Bound(passed @ np.abs(weights).T, n_out + FEW)}
    for which, needs_dx, is_rectified in (("", True, False), (", first layer", False, False), (", ReLU", True, True)):
        arguments = {
            "dx": np.zeros_like(x),
            "dz": np.zeros_like(z),
            "da": da,
            "a": a,
            "z": z,
            "x": x,
            "weights": weights,
            "activation": activation,
            "slope": SLOPE,
            "needs_dx": needs_dx,
            "is_rectified": is_rectified,
        }
        compared = bounds if needs_dx else {"dz": bounds["dz"]}
        yield Case("dense", "dense_backward", f"{name}{which}", arguments, compared, ("dx", "dz"), scratch=("dx",))


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


def _penalties(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    _, n_in, n_out = shape
    dweights, weights = draw(n_in, n_out), draw(n_in, n_out)
    for l1, l2 in ((0.0, 0.01), (0.02, 0.0), (0.02, 0.01)):
        bounds = {
            "dweights": Bound(np.abs(dweights) + l1 + l2 * np.abs(weights), FEW),
            "return": Bound(np.sum(l1 * np.abs(weights) + l2 / 2 * weights**2), weights.size + FEW),
        }
        arguments = {"dweights": dweights, "weights": weights, "l1": l1, "l2": l2}
        yield Case("dense", "weight_penalty", f"{name}, l1 {l1:g}, l2 {l2:g}", arguments, bounds)
    norms = np.zeros(n_out)
    # Well away from the largest norm, which a rounding must not decide on; and one column of nothing.
    spread = weights * np.where(np.arange(n_out) % 2, 0.1, 3) / np.linalg.norm(weights, axis=0)
    spread[:, n_out // 2] = 0
    arguments = {"weights": spread, "norms": norms, "max_norm": 1.5}
    yield Case(
        "dense", "hold_norms", name, arguments, {"weights": Bound(np.abs(spread), n_in + FEW)}, ("norms",), ("norms",)
    )


def _samples(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    """The first layer in sample space: n samples in all, this block the last of them."""
    rows, _, n_out = shape
    n = rows + 3
    # Two columns more than there are numbers, which nobody may use.
    whole, combination, share, biases = draw(n, n + n_out + 2), draw(n, n_out), draw(1), draw(n_out)
    whole[:, :n] += whole[:, :n].T.copy()
    whole[:, n + n_out :] = np.nan
    x = whole[3:, : n + n_out]
    place = {"combination": combination, "share": share}
    products = np.abs(x[:, :n]) @ np.abs(combination)
    sums = products + np.abs(share * x[:, n:]) + np.abs(biases)
    tanh = ACTIVATIONS.index("tanh")
    a, dz = np.tanh(x[:, :n] @ combination + share * x[:, n:] + biases), draw(rows, n_out)
    z = {"z": np.zeros_like(a)}
    arguments = {"a": np.zeros_like(a), **z, "x": whole, **place, "biases": biases, "first_row": 3}
    arguments |= {"activation": tanh, "slope": 0.0}
    bounds = {"a": Bound(sums + np.abs(a), n + 2 + FEW), "z": Bound(sums, n + 2)}
    yield Case("dense", "samples_forward", name, arguments, bounds, filled=("a", "z"))
    yield from _samples_of_features(name, combination, share, draw)
    own, last = draw(rows, n + 1 + n_out), draw(1, n_out)
    for part, first, end, owner, accumulate in (
        ("all samples", 0, n + 1, True, False),
        ("later samples", 5, n + 1, False, False),
        ("samples alone", 1, n, False, False),
        ("a later block", 0, n + 1, True, True),
    ):
        before = np.vstack([draw(n, n_out), last])[first:end]
        arguments = {
            "dcombination": before,
            "dbiases": np.zeros(n_out if owner else 0),
            "x": own,
            "dz": dz,
            "n": n,
            "first": first,
            "first_row": 3,
            "accumulate": accumulate,
        }
        sizes = np.zeros_like(before)
        sizes[n - first :] = np.abs(own[:, n]) @ np.abs(dz) + np.abs(last)
        bounds = {"dcombination": Bound(sizes, rows + FEW)}
        if owner:
            bounds["dbiases"] = Bound(np.abs(dz).sum(axis=0), rows + FEW)
        yield Case(
            "dense", "samples_gradients", f"{name}, {part}", arguments, bounds, () if accumulate else ("dbiases",)
        )
    with_direction = np.vstack([combination, last])
    for part, first_row in (("the last samples", 3), ("others", 2)):
        arguments = {"product": np.zeros_like(a), "x": own, "combination": with_direction, "share": share}
        arguments["first_row"] = first_row
        of_rows = np.abs(own[:, :n]) @ np.abs(combination) + 2 * np.abs(share * own[:, n + 1 :])
        size = np.sum(of_rows * np.abs(combination[first_row : first_row + rows])) + np.vdot(last, last)
        bounds = {"return": Bound(size, n + a.size + FEW)}
        scratch = ("product",)
        yield Case("dense", "samples_penalty", f"{name}, {part}", arguments, bounds, filled=scratch, scratch=scratch)


def _samples_of_features(name: str, combination: Float64, share: Float64, draw: Any) -> Iterator[Case]:
    """What leads to sample space and back, over more features than are turned at a time."""
    n, n_out = combination.shape
    n_features, together = 2 * n + 5, n + 1
    x, weights, before, along = draw(n, n_features), draw(n_features, n_out), draw(n, n + n_out + 2), draw(n)
    before[:, :n] += before[:, :n].T.copy()
    before[:, n + n_out :] = np.nan
    sizes = np.abs(before)
    p = np.abs(x) + np.abs(np.outer(along, weights[:, 0]))
    sizes[:, : n + n_out] += p @ np.hstack([p.T, np.abs(weights)])
    bound = Bound(sizes, n_features + -(-n_features // together) + FEW)
    for part, first, end in (("all samples", 0, n), ("some samples", 1, n - 1), ("the last sample", n - 1, n)):
        arguments = {"products": before, "turned": np.zeros((together, n + n_out + 2)), "x": x, "along": along}
        arguments |= {"weights": weights, "first": first, "end": end}
        bounds = {"products": bound}
        yield Case("dense", "samples_products", f"{name}, {part}", arguments, bounds, scratch=("turned",))
    for part, first, end in (("all features", 0, n_features), ("some features", 3, n_features - 1)):
        given, size = np.abs(x[:, first:end]), end - first
        initial, of_direction = draw(size, 1 + n_out), draw(n_out)
        arguments = {"weights": np.zeros((size, n_out)), "x": x, "combination": combination}
        arguments |= {"of_direction": of_direction, "share": share, "initial_weights": initial, "first": first}
        sizes = given.T @ np.abs(combination) + np.abs(np.outer(initial[:, 0], of_direction))
        bounds = {"weights": Bound(sizes + np.abs(share * initial[:, 1:]), n + 4)}
        yield Case("dense", "samples_weights", f"{name}, {part}", arguments, bounds, filled=("weights",))


def _loss(name: str, output: Float64, loss: int, rng: np.random.Generator) -> Iterator[Case]:
    """Every entry alike, and with weights, of which some are 0; classes as indices and as probabilities."""
    rows, n_out = output.shape
    kind, slope = LOSSES[loss], 0.75 if LOSSES[loss] == "huber" else 0.0
    targets = rng.integers(0, 2, (rows, n_out)).astype(np.float64)
    variants = {"": 2 * targets - 1 if kind == "hinge" else targets}
    if kind == "categorical_crossentropy":
        variants = {"": rng.integers(0, n_out, (rows, 1)).astype(np.float64)}
        if n_out > 1:
            # Eighths, which add up to 1 without a rounding.
            variants[", soft"] = rng.multinomial(8, np.ones(n_out) / n_out, rows) / 8
    columns = 1 if kind == "categorical_crossentropy" else n_out
    none = np.zeros((0, columns))
    some = rng.integers(0, 3, (rows, columns)).astype(np.float64)
    for variant, given in variants.items():
        for which, weights in (("", none), (", weighted", some)):
            counted = weights if len(weights) else np.ones((rows, columns))
            scale = 1 / max(counted.sum(), 1)
            gradient, size = _loss_sizes(output, given, kind, slope)
            arguments = {
                "losses": np.zeros((rows, columns)),
                "doutput": np.zeros_like(output),
                "output": output,
                "targets": given,
                "weights": weights,
                "scale": scale,
                "loss": loss,
                "slope": slope,
            }
            bounds = {
                "losses": Bound(size, n_out + FEW),
                "doutput": Bound(scale * gradient * np.where(np.isnan(gradient), 1, counted), FEW),
                "return": Bound(np.sum(np.where(counted > 0, size * counted, 0)), output.size + FEW),
            }
            filled = ("losses", "doutput")
            yield Case("losses", "loss_forward_backward", f"{name}{variant}{which}", arguments, bounds, filled)


def _loss_sizes(output: Float64, targets: Float64, kind: str, slope: float) -> tuple[Float64, Float64]:
    """The sizes of what each gradient and each entry's loss are summed from."""
    difference = np.abs(output) + np.abs(targets)
    if kind == "categorical_crossentropy":
        probabilities = np.empty_like(output)
        activation_forward(probabilities, output, ACTIVATIONS.index("softmax"), 0.0)
        shifted = np.abs(output - output.max(axis=1, keepdims=True))
        one_hot = (np.arange(output.shape[1]) == targets) if targets.shape[1] == 1 else targets
        # An exponential carries the rounding of its argument; the loss is of the size of what it is summed from, which
        # is all but one of the largest.
        wrong = np.sort(probabilities * (1 + shifted) * (probabilities < 1), axis=1)
        wrong[probabilities.max(axis=1) < 1, -1] = 0
        total = wrong.sum(axis=1, keepdims=True) + (one_hot * shifted).sum(axis=1, keepdims=True)
        return _spread(output, probabilities, "softmax") + one_hot, total
    if kind == "binary_crossentropy":
        size = np.log1p(np.exp(-np.abs(output))) + np.abs(output * ((output >= 0) - targets))
        return 1 + np.abs(targets) + 0 * output, size
    if kind == "poisson":
        rates = np.exp(output)
        return rates * (1 + np.abs(output)) + targets, rates * (1 + np.abs(output)) + np.abs(targets * output)
    if kind == "hinge":
        return np.abs(targets) + 0 * output, 1 + np.abs(targets * output)
    if kind == "mean_squared_error":
        return 2 * difference, difference**2
    if kind == "huber":
        return np.minimum(difference, slope) + 0 * output, np.minimum(difference, 2 * slope) * difference
    if kind == "log_cosh":
        # A rounding of the difference d moves tanh by 1 - tanh(d)**2 of it, which is at most a half of d or so.
        return np.minimum(difference, 2), np.minimum(difference, 2) * difference
    return 1 + 0 * output, difference


def _weigh(name: str, shape: tuple[int, int, int], draw: Any, rng: np.random.Generator) -> Iterator[Case]:
    rows, _, n_out = shape
    for columns in sorted({1, n_out}):
        losses, doutput = np.abs(draw(rows, columns)), draw(rows, n_out)
        weights = np.abs(draw(rows, columns)) * rng.integers(0, 2, (rows, columns))
        losses[weights == 0] = np.nan
        arguments = {"losses": losses, "doutput": doutput, "weights": weights}
        total = np.nansum(np.where(weights > 0, losses * weights, 0))
        bounds = {"doutput": Bound(np.abs(doutput) * weights, FEW), "return": Bound(total, losses.size + FEW)}
        yield Case("losses", "weigh", f"{name}, {columns} columns", arguments, bounds)


def _counts(name: str, shape: tuple[int, int, int], draw: Any, rng: np.random.Generator) -> Iterator[Case]:
    rows, _, n_out = shape
    output = draw(rows, n_out)
    gaps = rng.integers(0, 2, (rows, n_out)).astype(np.float64)
    gaps[::3] = np.nan
    binary = LOSSES.index("binary_crossentropy")
    for kind, targets, loss in (
        ("classes", rng.integers(0, max(n_out, 2), (rows, 1)), CATEGORICAL),
        ("soft classes", rng.dirichlet(np.ones(n_out), rows), CATEGORICAL),
        ("labels", rng.integers(0, 2, (rows, n_out)), binary),
        ("some labels", gaps, binary),
    ):
        if loss == CATEGORICAL and n_out == 1:
            continue
        arguments = {"output": output, "targets": targets.astype(np.float64), "loss": loss}
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


def _noise(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    rows, n_in, _ = shape
    x = draw(rows, n_in)
    where: dict[str, Any] = {"deviation": 0.3, "seed": 11, "stream": 2, "step": 5, "first_row": 3}
    noise = np.zeros_like(x)
    gaussian(noise, **where)
    # A rounding of the share of the distribution beyond z moves z by 1 / z in the tail, by 1.3 in the middle.
    size = 0.3 + np.abs(noise)
    yield Case("randomness", "gaussian", name, {"noise": noise, **where}, {"noise": Bound(size, FEW)}, ("noise",))
    arguments = {"out": np.zeros_like(x), "x": x, **where}
    bounds = {"out": Bound(np.abs(x) + size, FEW)}
    yield Case("noise", "noise_forward", name, arguments, bounds, filled=("out",))
    arguments = {"dx": np.zeros_like(x), "dout": x}
    yield Case("noise", "noise_backward", name, arguments, {"dx": EXACT}, filled=("dx",))


def _augment(name: str, shape: tuple[int, int, int], draw: Any, rng: np.random.Generator) -> Iterator[Case]:
    """Pictures of a case's inputs by its outputs, moved and mirrored, which are copies, and turned as well."""
    rows, height, width = shape
    op = np.zeros(1, OP)
    op["kind"], op["key"], op["mirrors"] = AUGMENT, 2, MIRROR_COLUMNS + MIRROR_ROWS
    op["shift"], op["input_shape"] = (height // 3, width // 3), (height, width, 1 + rows % 3)
    op["input_size"] = op["output_size"] = op["input_shape"].prod()
    n, where = int(op["input_size"][0]), {"seed": 11, "step": 5, "first_row": 3}
    x, pixels = draw(rows, n), rng.integers(0, 256, (rows, n), np.uint8)
    order = rng.permutation(rows)
    none = np.zeros((0, 0))
    for angle, which in ((0.0, name), (0.5, f"{name}, turned")):
        turning = op.copy()
        turning["angle"] = angle
        changing: dict[str, Any] = {"op": turning[0], **where}
        # Between numbers that may be as far apart as twice the largest; those that are only moved are as they were.
        bounds = {"out": Bound(np.abs(x).max(), FEW if angle else 0)}
        arguments = {"out": np.zeros((rows, n)), "x": x, **changing}
        yield Case("augment", "augment", which, arguments, bounds, filled=("out",))
        for kind, data in (
            ("floats", {"X": x, "pixels": none.astype(np.uint8)}),
            ("pixels", {"X": none, "pixels": pixels}),
        ):
            batch = {"batch": np.zeros((rows - rows // 2, n)), "scratch": np.zeros((1, n))}
            divided = {"divisor": 255.0, "order": order, "start": rows // 2}
            size, roundings = (1.0, FEW) if kind == "pixels" else (np.abs(x).max(), FEW if angle else 0)
            yield Case(
                *("augment", "augment_gathered", f"{which}, {kind}", {**batch, **data, **divided, **changing}),
                *({"batch": Bound(size, roundings)}, ("batch", "scratch"), ("scratch",)),
            )


def _normalization(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    """The scale of what is normalised is what its mean is summed from, over the deviation."""
    rows, n, _ = shape
    x, dz, gamma, beta, epsilon = draw(rows, n), draw(rows, n), draw(n), draw(n), 0.01
    mean, squares = np.zeros(n), np.zeros(n)
    for weights in (draw(rows, 2) ** 2, np.empty((0, 1))):
        factors = weights.mean(axis=1, keepdims=True) if len(weights) else np.ones((rows, 1))
        own_moments(mean, squares, x, weights)
        size = (factors * np.abs(x)).sum(axis=0) / factors.sum()
        # A weight is one rounding more in the numerator, and the sum of weights as many as there are rows.
        roundings = (2 if len(weights) else 1) * rows + FEW
        # The mean's own error counts squared, too, which is all there is of a single row.
        spread = (factors * np.abs(x - mean) * (np.abs(x - mean) + size)).sum(axis=0)
        spread += factors.sum() * roundings * float(np.finfo(np.float32).eps) * size**2
        bounds = {"mean": Bound(size, roundings), "squares": Bound(spread, 2 * rows + roundings)}
        arguments: dict[str, Any] = {"mean": mean.copy(), "squares": squares.copy(), "x": x, "weights": weights}
        which = f"{name}{', weights' if len(weights) else ''}"
        yield Case("normalization", "own_moments", which, arguments, bounds, filled=("mean", "squares"))
    other_mean, other_squares = draw(n), np.abs(draw(n))
    for others in (0.0, 7.0):
        arguments = {
            "mean": other_mean,
            "variance": other_squares,
            "own_mean": mean,
            "own_squares": squares,
            "count": float(rows),
            "others": others,
        }
        apart = np.abs(mean) + np.abs(other_mean)
        bounds = {
            "mean": Bound(apart, FEW),
            "variance": Bound(squares + other_squares + (rows + others) * apart**2, FEW),
        }
        yield Case("normalization", "merge_moments", f"{name}, {others:g} others", arguments, bounds)
    variance = squares / rows
    inverse = 1 / np.sqrt(variance + epsilon)
    layer: dict[str, Any] = {"mean": mean, "variance": variance}
    arguments = {"z": np.zeros_like(x), "x": x, **layer, "gamma": gamma, "beta": beta, "epsilon": epsilon}
    xhat = (np.abs(x) + np.abs(mean)) * inverse
    bounds = {"z": Bound(xhat * np.abs(gamma) + np.abs(beta), FEW)}
    yield Case("normalization", "batch_norm_forward", name, arguments, bounds, filled=("z",))
    dbeta, dgamma = np.abs(dz).sum(axis=0), (np.abs(dz) * xhat).sum(axis=0)
    for accumulate in (False, True):
        sums = {"dbeta": draw(n), "dgamma": draw(n)}
        arguments = {**sums, "dz": dz, "x": x, **layer, "epsilon": epsilon, "accumulate": accumulate}
        bounds = {
            "dbeta": Bound(dbeta + np.abs(sums["dbeta"]), rows + FEW),
            "dgamma": Bound(dgamma + np.abs(sums["dgamma"]), rows + FEW),
        }
        filled = () if accumulate else ("dbeta", "dgamma")
        which = f"{name}{', later block' if accumulate else ''}"
        yield Case("normalization", "batch_norm_gradients", which, arguments, bounds, filled)
    for share, weights in ((1 / rows, np.empty((0, 1))), (1 / rows, draw(rows, 2) ** 2), (0.0, np.empty((0, 1)))):
        passed = {"dbeta": draw(n), "dgamma": draw(n)}
        arguments = {
            "dx": np.zeros_like(x),
            "dz": dz,
            "x": x,
            "weights": weights,
            **layer,
            "gamma": gamma,
            **passed,
            "share": share,
            "epsilon": epsilon,
        }
        shares = share * weights.mean(axis=1, keepdims=True) if len(weights) else share
        sizes = np.abs(dz) + shares * (np.abs(passed["dbeta"]) + xhat * np.abs(passed["dgamma"]))
        bounds = {"dx": Bound(np.abs(gamma) * inverse * sizes, 2 * FEW)}
        which = f"{name}{', weights' if len(weights) else '' if share else ', running averages'}"
        yield Case("normalization", "batch_norm_backward", which, arguments, bounds, filled=("dx",))
    value = draw(n)
    arguments = {"average": mean, "value": value, "momentum": 0.9, "factor": 1.25}
    bounds = {"average": Bound(np.abs(mean) + np.abs(value), FEW)}
    yield Case("normalization", "running_average", name, arguments, bounds)
    yield from _layer_norm(name, x, dz, gamma, beta, epsilon)


def _layer_norm(name: str, x: Float64, dz: Float64, gamma: Float64, beta: Float64, epsilon: float) -> Iterator[Case]:
    rows, n = x.shape
    inverse = 1 / np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
    # A rounding of the mean, which is summed from n numbers, moves everything in the row.
    xhat = (np.abs(x) + np.abs(x).mean(axis=1, keepdims=True)) * inverse
    # The relative error of the deviation is that of the squares it is summed from, however small it is itself.
    xhat = xhat * (1 + (np.abs(x).mean(axis=1, keepdims=True) * inverse) ** 2)
    roundings = n + FEW
    layer: dict[str, Any] = {"x": x, "epsilon": epsilon}
    arguments = {"z": np.zeros_like(x), "x": x, "gamma": gamma, "beta": beta, "epsilon": epsilon}
    bounds = {"z": Bound(xhat * np.abs(gamma) + np.abs(beta), roundings)}
    yield Case("normalization", "layer_norm_forward", name, arguments, bounds, filled=("z",))
    for accumulate in (False, True):
        sums = {"dbeta": np.ones(n), "dgamma": np.ones(n)}
        arguments = {**sums, "dz": dz, **layer, "accumulate": accumulate}
        bounds = {
            "dbeta": Bound(1 + np.abs(dz).sum(axis=0), rows + FEW),
            "dgamma": Bound(1 + (np.abs(dz) * xhat).sum(axis=0), rows + roundings),
        }
        filled = () if accumulate else ("dbeta", "dgamma")
        which = f"{name}{', later block' if accumulate else ''}"
        yield Case("normalization", "layer_norm_gradients", which, arguments, bounds, filled)
    g = np.abs(gamma * dz)
    sizes = inverse * (g + g.mean(axis=1, keepdims=True) + xhat * (g * xhat).mean(axis=1, keepdims=True))
    arguments = {"dx": np.zeros_like(x), "dz": dz, "x": x, "gamma": gamma, "epsilon": epsilon}
    bounds = {"dx": Bound(sizes, 2 * roundings)}
    yield Case("normalization", "layer_norm_backward", name, arguments, bounds, filled=("dx",))


def _clip_and_average(name: str, shape: tuple[int, int, int], draw: Any) -> Iterator[Case]:
    gradients = draw(shape[1] * shape[2])
    arguments = {"gradients": gradients, "factor": 0.75, "limit": 0.5}
    yield Case("optimizers", "clip", name, arguments, {"gradients": Bound(np.abs(gradients), 2)})
    mean = draw(len(gradients))
    arguments = {"mean": mean, "parameters": gradients, "kept": 0.9}
    bounds = {"mean": Bound(np.abs(mean) + np.abs(gradients), FEW)}
    yield Case("optimizers", "average_parameters", name, arguments, bounds)


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
        ("sgd", {"clip_value": 0.25}),
        ("adam", {"clip_norm": 0.5, "average": 0.75}),
    ):
        record = np.zeros(1, OPTIMIZER)
        record["kind"] = OPTIMIZERS.index(name)
        record["momentum_decay"] = 0.004 if name == "nadam" else 0
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
    slots = np.abs(draw(SLOTS[kind] + (record["average"][0] > 0), n))
    if kind == "centered_rmsprop":
        # The mean of squares is no less than the mean's square, and here by enough that nothing cancels.
        slots[0], slots[2] = np.maximum(slots[0], 1), slots[2] / 8
    parameters, gradients = draw(n - n // 3), draw(n - n // 3)
    touched = np.zeros((1, n))
    touched[0, n // 3 :] = np.abs(gradients) + gradients**2 + np.abs(parameters)
    arguments = {
        "parameters": parameters,
        "slots": slots,
        "gradients": gradients,
        "optimizer": record[0],
        "rate": 0.01,
        "product": 0.1,
        "factor": 0.5 if record["clip_norm"][0] > 0 else 1.0,
        "step": 3,
        "start": n // 3,
    }
    bounds = {
        "parameters": Bound(np.abs(parameters) + np.abs(gradients) + slots[:, n // 3 :].max(axis=0), FEW),
        "slots": Bound((slots + touched) * (touched > 0), FEW),
    }
    return Case("optimizers", "update", f"{label}, {name}", arguments, bounds, scratch=("gradients",))


def _rows(name: str, shape: tuple[int, int, int], draw: Any, rng: np.random.Generator) -> Iterator[Case]:
    rows, n_in, _ = shape
    order = np.zeros(rows * 3, np.int64)
    arguments: dict[str, Any] = {"order": order, "seed": 4, "epoch": rows}
    yield Case("randomness", "shuffle", name, arguments, {"order": EXACT}, filled=("order",))
    X = draw(rows * 3, n_in)
    some = {"whole": slice(0, n_in), "some columns": slice(n_in // 3, n_in - n_in // 4)}
    for which, columns in some.items():
        part = {"batch": np.zeros((rows, columns.stop - columns.start))}
        arguments = {**part, "X": X, "order": rng.permutation(rows * 3), "start": 1, "first": columns.start}
        yield Case("engine", "gather", f"{which}, {name}", arguments, {"batch": EXACT}, filled=("batch",))
    pixels = rng.integers(0, 256, (rows * 3, n_in), np.uint8)
    batch = {"batch": np.zeros((rows, n_in))}
    for divisor in (1.0, 255.0):
        which = f"{name}, by {divisor:g}"
        # One division, so half a rounding.
        arguments = {**batch, "pixels": pixels[rows : 2 * rows], "divisor": divisor}
        bounds = {"batch": Bound(pixels[rows : 2 * rows] / divisor, 1)}
        yield Case("pixels", "convert_pixels", which, arguments, bounds, filled=("batch",))
        order = rng.permutation(rows * 3)
        for of_row, columns in some.items():
            part = {"batch": np.zeros((rows, columns.stop - columns.start))}
            arguments = {**part, "pixels": pixels, "order": order, "start": 1, "divisor": divisor}
            arguments["first"] = columns.start
            bounds = {"batch": Bound(pixels[order[1 : 1 + rows], columns] / divisor, 1)}
            in_order = {**part, "pixels": pixels, "start": rows, "divisor": divisor, "first": columns.start}
            of_order = {"batch": Bound(pixels[rows : 2 * rows, columns] / divisor, 1)}
            yield Case("pixels", "convert_columns", f"{of_row}, {which}", in_order, of_order, filled=("batch",))
            yield Case("pixels", "gather_pixels", f"{of_row}, {which}", arguments, bounds, filled=("batch",))


ONE_BY_ONE = (DENSE, DENSE, DENSE, LOSS)
DENSE_ONLY = (DENSE, DROPOUT, DENSE, DENSE, LOSS)
AUGMENTED = (AUGMENT, DENSE, BATCH_NORM, DENSE, DENSE, LOSS)
SPLIT = (DENSE, NOISE, DENSE, DENSE, LOSS)
SPLIT_NORMALISED = (DENSE, BATCH_NORM, DENSE, DENSE, LOSS)
NORMALISED = (NOISE, DENSE, BATCH_NORM, DROPOUT, DENSE, LAYER_NORM, BATCH_NORM, DENSE, LOSS)

DESCRIBED = {
    DENSE_ONLY: "",
    ONE_BY_ONE: ", one by one",
    SPLIT: ", split",
    SPLIT_NORMALISED: ", split and normalised",
    AUGMENTED: ", augmented",
    NORMALISED: ", normalised",
}


def _program(kinds: tuple[int, ...], hidden: str, loss: str, output_activation: str) -> Record:
    """5-7-6-3 and what is between, with both penalties and held norms on the first layer, but for batches of one; a
    small sample of everything."""
    program = np.zeros(len(kinds), OP)
    end, parameters, moments, size = 5, 0, 0, 5
    units = iter((7, 6, 3))
    for index, kind in enumerate(kinds):
        op = program[index]
        is_last = kind == LOSS or kinds[index + 1] == LOSS
        op["kind"], op["key"], op["input_size"] = kind, index, size
        op["passes_on"] = bool((program["trainable"][:index] != 0).any())
        size = next(units) if kind == DENSE else size
        op["output_size"], op["input"], op["output"] = size, end - op["input_size"], end
        if kind in (DENSE, LAYER_NORM, BATCH_NORM):
            # What a normalisation follows has no activation of its own.
            own = kind != DENSE or kinds[index + 1] not in (LAYER_NORM, BATCH_NORM)
            activation = hidden if own and not is_last else "identity"
            op["z"], op["slope"], op["trainable"], op["function"] = end, SLOPE, 1, ACTIVATIONS.index(activation)
            if activation in KEEP_Z:
                op["output"] = end = end + size
            op["weights"] = parameters
            op["biases"] = parameters + (op["input_size"] if kind == DENSE else 1) * size
            parameters = op["biases"] + size
            op["epsilon"], op["momentum"], op["moments"] = 0.01, 0.75, moments
            moments += MOMENTS * size * (kind == BATCH_NORM)
        end += size
    op = program[int(np.argmax(program["kind"] == DENSE))]
    if kinds != ONE_BY_ONE:
        op["l1"], op["l2"], op["max_norm"] = 0.01, 0.1, 1.25 if NOISE in kinds else 0
    if kinds[0] == AUGMENT:
        op = program[0]
        op["input_shape"], op["mirrors"], op["shift"], op["angle"] = (1, 5, 1), MIRROR_COLUMNS, (0, 1), 0.25
    program["rate"][program["kind"] == DROPOUT] = 0.25
    program["deviation"][program["kind"] == NOISE] = 0.25
    for op in program[program["kind"] == BATCH_NORM]:
        program["statistics"][op["key"]] = parameters
        parameters += 2 * op["output_size"]
    last = program[-1]
    last["output"] = last["input"]
    last["targets"], last["target_weights"] = end - size, end
    last["function"], last["output_activation"] = LOSSES.index(loss), ACTIVATIONS.index(output_activation)
    return program


def _whole(optimizer: tuple[str, Record], dtype: npt.DTypeLike) -> Iterator[Case]:
    """Whole trainings with a ragged last batch, and prediction and evaluation in blocks with a ragged last one."""
    for kinds, hidden, loss, output_activation in (
        (DENSE_ONLY, "tanh", "categorical_crossentropy", "softmax"),
        (DENSE_ONLY, "sigmoid", "binary_crossentropy", "sigmoid"),
        (DENSE_ONLY, "relu", "mean_squared_error", "identity"),
        (DENSE_ONLY, "silu", "mean_squared_error", "identity"),
        (DENSE_ONLY, "softmax", "mean_squared_error", "identity"),
        (NORMALISED, "tanh", "mean_squared_error", "identity"),
        (NORMALISED, "softplus", "huber", "identity"),
        (SPLIT, "relu", "categorical_crossentropy", "softmax"),
        (SPLIT_NORMALISED, "softplus", "huber", "identity"),
        (AUGMENTED, "elu", "mean_squared_error", "identity"),
        (ONE_BY_ONE, "tanh", "categorical_crossentropy", "softmax"),
        (ONE_BY_ONE, "silu", "huber", "identity"),
    ):
        program = _program(kinds, hidden, loss, output_activation)
        label, record = optimizer
        if BATCH_NORM in kinds and label in ("lion", "rprop"):
            # A bias before a batch normalisation has no gradient but for roundings, and these two go by its sign.
            continue
        if kinds in (AUGMENTED, ONE_BY_ONE) and label != "sgd":
            # The rows come to any optimizer changed in the same way, and no other has a way of its own for one.
            continue
        n, batch, epochs = 37, 1 if kinds == ONE_BY_ONE else 16, 3
        rng = np.random.default_rng(len(hidden))
        X = rng.standard_normal((n, 5)).astype(dtype).astype(np.float64)
        columns = 1 if loss == "categorical_crossentropy" else 3
        Y = rng.integers(0, 3 if columns == 1 else 2, (n, columns)).astype(np.float64)
        # Some programs count every entry alike.
        has_weights = hidden != "tanh" and kinds != ONE_BY_ONE
        W = rng.integers(0, 3, (n if has_weights else 0, columns)).astype(np.float64)
        program[-1]["slope"] = 0.75 if loss == "huber" else 0.0
        size = parameter_count(program)
        parameters = (0.5 * rng.standard_normal(size)).astype(dtype).astype(np.float64)
        for op in program[program["kind"] == BATCH_NORM]:
            parameters[op["statistics"] + op["output_size"] :][: op["output_size"]] = 1
        run = np.zeros(1, RUN)
        run["batch_size"], run["shuffle"], run["seed"], run["count_correct"], run["update"] = batch, 1, 7, 1, 1
        # Two members of a team, blocks of 6 rows: every loop over rows has a ragged end. One shares one copy of
        # gradients. Batch normalisation needs room for the whole batch.
        run["loss_factor"] = run["gradient_factor"] = 1
        if hidden in ("relu", "softplus"):
            run["loss_factor"], run["gradient_factor"], run["penalty_by_rows"] = 0.5, 1.5, 1
            run["rows_per_weight"] = 1.5
        run["threads"], block = 1 if kinds == ONE_BY_ONE else 2, 6 if kinds in (DENSE_ONLY, SPLIT) else batch
        run["max_rows"], run["split"] = block, kinds in (SPLIT, SPLIT_NORMALISED)
        buffer = np.zeros(row_size(program) * block)
        steps = epochs * -(-n // batch)
        # Each step adds at most the roundings of its longest chain of sums to a parameter of size about 1; a
        # normalisation divides by deviations that are not far from it, twice a step.
        chain = (batch + sum(int(op["input_size"]) for op in program)) * (4 if BATCH_NORM in kinds else 1)
        schedule = np.column_stack([0.01 / (1 + np.arange(steps)), 0.5 ** np.arange(1, steps + 1)])
        for name, samples, settings in _samples_of(X, rng.integers(0, 256, X.shape, np.uint8), run):
            arguments: dict[str, Any] = {
                "history": np.zeros((epochs, HISTORY_COLUMNS)),
                "program": program,
                "optimizer": record,
                "schedule": schedule,
                "run": settings,
                "parameters": parameters,
                "slots": np.zeros((SLOTS[OPTIMIZERS[record["kind"][0]]] + (record["average"][0] > 0), size)),
                "gradients": np.zeros((1 if hidden in ("relu", "softplus") or kinds == ONE_BY_ONE else 2, size)),
                "activations": buffer,
                "deltas": buffer.copy(),
                "moments": np.zeros((int(run["threads"][0]), moments_size(program))),
                "order": np.zeros(n, np.int64),
                **samples,
                "Y": Y,
                "W": W,
            }
            bounds = {
                "parameters": Bound(1 + np.abs(parameters), steps * chain),
                "history": Bound([4.0, n], steps * chain),
                "return": EXACT,
            }
            scratch = ("gradients", "activations", "deltas", "moments", "order", "slots")
            filled = ("history", "gradients", "activations", "deltas", "moments")
            which = f"{label}, {hidden}, {loss}{DESCRIBED[kinds]}{name}"
            yield Case("engine", "train", which, arguments, bounds, filled, scratch)
            if label != "sgd":
                break
            given = {**samples, "divisor": float(settings["divisor"][0])}
            shared = {"program": program, "parameters": parameters, "activations": buffer}
            for sampled in (False, True):
                draws = {"max_rows": block, "sampled": sampled, "seed": 3, "draw": 2}
                arguments = {"outputs": np.zeros((n, 3)), **shared, **given, **draws}
                bounds = {"outputs": Bound(4.0, chain), "return": EXACT}
                drawn = f"{which}{', sampled' if sampled else ''}"
                yield Case("engine", "predict", drawn, arguments, bounds, ("outputs", "activations"), ("activations",))
            arguments = {
                "result": np.zeros(HISTORY_COLUMNS),
                "losses": np.zeros((n, columns)),
                **shared,
                "deltas": buffer.copy(),
                **given,
                "Y": Y,
                "W": W,
                "max_rows": block,
            }
            bounds = {"result": Bound([8.0, n], chain), "losses": Bound(8.0, chain)}
            written = ("result", "losses", "activations", "deltas")
            yield Case("engine", "evaluate", which, arguments, bounds, written, ("activations", "deltas"))


def _samples_of(
    X: Float64, pixels: npt.NDArray[np.uint8], run: Record
) -> Iterator[tuple[str, dict[str, npt.NDArray[Any]], Record]]:
    """The same run on floats, then on pixels, shuffled and as they lie; where a team splits them, floats too."""
    yield "", {"X": X, "pixels": pixels[:0, :0]}, run
    if run["split"][0]:
        in_order = run.copy()
        in_order["shuffle"] = 0
        yield ", in order", {"X": X, "pixels": pixels[:0, :0]}, in_order
    for name, shuffled in ((", pixels", 1), (", pixels in order", 0)):
        settings = run.copy()
        settings["shuffle"], settings["divisor"] = shuffled, 255
        yield name, {"X": X[:0, :0], "pixels": pixels}, settings
