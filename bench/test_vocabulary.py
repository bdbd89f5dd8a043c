"""The parts that networks are put together from, float32 on one thread: activations and noise of 64x1024 numbers,
losses of 256x10, normalisations of 256x256, updates of 1,000,000 parameters.

Kernels take turns with NumPy's plain expression of the same (a loss with its reference), and optimizers with Adam, by
the bytes that they move a second; a ratio is the median of the rounds' ratios. ``python bench/table.py FILE`` prints
the ratios of what ``pytest bench/test_vocabulary.py --benchmark-json=FILE`` measured.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

import fastnet as fn
from fastnet.optimizers import OPTIMIZER_CLASSES
from fastnet_kernels.cases import Case, cases
from fastnet_kernels.check import arguments_of, kernel
from fastnet_kernels.program import ACTIVATIONS, OPTIMIZERS, PRODUCT, RATE
from fastnet_kernels.reference.activations import SELU_ALPHA, SELU_SCALE

DTYPE = "float32"
ROUNDS = 21
TURN = 1e-3
"""Seconds of a side's turn in a round, about."""
TOLERANCE = 1e-4
"""Of the largest number: a sum of 1024 numbers is within as many roundings of 6e-8; another formula is not."""
SLOPE = 0.01
EPSILON = 1e-5
DEVIATION = 0.1
PARAMETERS = 1_000_000


Draw = Callable[..., Any]


@pytest.fixture
def draw() -> Draw:
    """A new array of numbers of a normal distribution at each call, by its shape."""
    rng = np.random.default_rng(0)
    return lambda *size: rng.standard_normal(size, dtype=np.float32)


def assert_equal(got: Any, expected: Any) -> None:
    """But for rounding."""
    assert got.dtype == expected.dtype == DTYPE
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE * float(np.abs(expected).max()))


def jit(module: str, name: str, *arguments: Any) -> Callable[[], Any]:
    """The compiled kernel, ready to be called on these arguments."""
    return partial(kernel(module, name, "jit", arguments, DTYPE), *arguments)


def in_turns(benchmark: Any, sides: Mapping[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Seconds of a call of each side, round by round."""
    calls = {}
    for name, call in sides.items():
        # A first call loads code and touches memory.
        call()
        started = time.perf_counter()
        call()
        calls[name] = max(1, round(TURN / (time.perf_counter() - started)))
    seconds: dict[str, list[float]] = {name: [] for name in sides}

    def one_round() -> None:
        for name, call in sides.items():
            started = time.perf_counter()
            for _ in range(calls[name]):
                call()
            seconds[name].append((time.perf_counter() - started) / calls[name])

    benchmark.pedantic(one_round, rounds=ROUNDS)
    return seconds


def compare(benchmark: Any, name: str, sides: Mapping[str, Callable[[], Any]]) -> None:
    """Time two sides, ours first, and note how many times faster ours is."""
    seconds = in_turns(benchmark, sides)
    _, beside = sides
    ratio = statistics.median(b / a for a, b in zip(*seconds.values(), strict=True))
    benchmark.group = name
    benchmark.extra_info.update(kind="part", name=name, beside=beside, seconds=seconds, ratio=ratio)


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


EXPRESSIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z.copy(),
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: np.tanh(z),
    "softmax": softmax,
    "leaky_relu": lambda z: np.where(z > 0, z, SLOPE * z),
    "elu": lambda z: np.where(z > 0, z, SLOPE * np.expm1(z)),
    "selu": lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(z)),
    "absolute": lambda z: np.abs(z),
    "softplus": lambda z: np.log1p(np.exp(z)),
    "gelu": lambda z: 0.5 * z * (1 + erf(z / sqrt(2))),
    "gelu_tanh": lambda z: 0.5 * z * (1 + np.tanh(sqrt(2 / pi) * (z + 0.044715 * z * z * z))),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "hard_tanh": lambda z: np.clip(z, -1, 1),
    "exponential": lambda z: np.exp(z),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(benchmark: Any, draw: Draw, name: str) -> None:
    z = draw(64, 1024)
    a = np.empty_like(z)
    arguments = (a, z, ACTIVATIONS.index(name), SLOPE)
    # One that is new, and has no expression here yet, is beside its reference.
    plain = partial(kernel("activations", "activation_forward", "reference", arguments, DTYPE), *arguments)
    beside = {"NumPy": partial(EXPRESSIONS[name], z)} if name in EXPRESSIONS else {"reference": plain}
    ours = jit("activations", "activation_forward", *arguments)
    compare(benchmark, f"{name}, 64x1024", {"jit": ours, **beside})
    ours()
    got = a.copy()
    plain()
    assert_equal(got, a)
    if name in EXPRESSIONS:
        assert_equal(got, EXPRESSIONS[name](z))


def test_noise(benchmark: Any, draw: Draw) -> None:
    x = draw(64, 1024)
    out = np.empty_like(x)
    ours = jit("noise", "noise_forward", out, x, DEVIATION, 11, 2, 5, 3)
    compare(benchmark, "gaussian noise, 64x1024", {"jit": ours, "NumPy": lambda: x + DEVIATION * draw(*x.shape)})
    # Six of the standard errors of a deviation and of a mean that so many numbers have.
    assert np.std(out - x) == pytest.approx(DEVIATION, rel=6 / sqrt(2 * x.size))
    assert abs(np.mean(out - x)) < 6 * DEVIATION / sqrt(x.size)


LOSS_CASES = [
    case
    for case in cases(DTYPE, {"256x10": (256, 1, 10)})
    if case.kernel == "loss_forward_backward" and "256x10" in case.name and "weighted" not in case.name
]


@pytest.mark.parametrize("case", LOSS_CASES, ids=lambda case: case.name)
def test_loss(benchmark: Any, case: Case) -> None:
    arguments = {side: arguments_of(case, DTYPE) for side in ("jit", "reference")}
    sides = {
        side: partial(kernel(case.module, case.kernel, side, tuple(given.values()), DTYPE), *given.values())
        for side, given in arguments.items()
    }
    compare(benchmark, case.name, sides)
    assert sides["jit"]() == pytest.approx(sides["reference"](), rel=TOLERANCE)
    for filled in case.filled:
        assert_equal(arguments["jit"][filled], arguments["reference"][filled])


def normalised(x: Any, axis: int) -> tuple[Any, Any]:
    """``xhat`` and one over the deviation."""
    inverse = 1 / np.sqrt(x.var(axis=axis, keepdims=True) + EPSILON)
    return (x - x.mean(axis=axis, keepdims=True)) * inverse, inverse


def forward(x: Any, gamma: Any, beta: Any, axis: int) -> tuple[Any, ...]:
    return (normalised(x, axis)[0] * gamma + beta,)


def backward(dz: Any, x: Any, gamma: Any, axis: int) -> tuple[Any, ...]:
    """dx, dgamma and dbeta."""
    xhat, inverse = normalised(x, axis)
    g = gamma * dz
    means = g.mean(axis=axis, keepdims=True) + xhat * (g * xhat).mean(axis=axis, keepdims=True)
    return inverse * (g - means), (dz * xhat).sum(axis=0), dz.sum(axis=0)


def in_a_row(*kernels: Callable[[], Any]) -> Callable[[], None]:
    def call() -> None:
        for each in kernels:
            each()

    return call


@pytest.mark.parametrize("way", ["forward", "backward"])
@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_normalization(benchmark: Any, draw: Draw, kind: str, way: str) -> None:
    n = 256
    x, dz, gamma, beta = draw(n, n), draw(n, n), draw(n), draw(n)
    z, dx, dgamma, dbeta, mean, squares, variance = (np.empty_like(array) for array in (x, x, *[gamma] * 5))
    kernels: list[Callable[[], Any]] = []
    layer: tuple[Any, ...] = ()
    outputs: tuple[Any, ...] = (z,)
    axis = 1
    if kind == "batch":
        axis, layer = 0, (mean, variance)
        kernels = [jit("normalization", "own_moments", mean, squares, x), partial(np.divide, squares, n, variance)]
    if way == "forward":
        kernels.append(jit("normalization", f"{kind}_norm_forward", z, x, *layer, gamma, beta, EPSILON))
        plain = partial(forward, x, gamma, beta, axis)
    else:
        gradients = (dbeta, dgamma, dz, x, *layer, EPSILON, False)
        sums = (dbeta, dgamma, 1 / n) if kind == "batch" else ()
        kernels.append(jit("normalization", f"{kind}_norm_gradients", *gradients))
        kernels.append(jit("normalization", f"{kind}_norm_backward", dx, dz, x, *layer, gamma, *sums, EPSILON))
        outputs, plain = (dx, dgamma, dbeta), partial(backward, dz, x, gamma, axis)
    compare(benchmark, f"{kind} normalisation {way}, 256x256", {"jit": in_a_row(*kernels), "NumPy": plain})
    for got, expected in zip(outputs, plain(), strict=True):
        assert_equal(got, expected)


UPDATES: dict[str, Any] = {
    **{name: kind() for name, kind in OPTIMIZER_CLASSES.items() if kind is not fn.LBFGS},
    "centered rmsprop": fn.RMSprop(centered=True),
}


class Updated:
    """1,000,000 parameters that an optimizer updates, from zeros."""

    def __init__(self, optimizer: Any, gradients: Any) -> None:
        self.parameters = np.zeros(PARAMETERS, DTYPE)
        self._slots = np.zeros((optimizer.slots, PARAMETERS), DTYPE)
        # Parameters and slots are read and written, gradients are read.
        self.bytes = 2 * (self.parameters.nbytes + self._slots.nbytes) + gradients.nbytes
        self._optimizer, self._gradients = optimizer, gradients

    def step(self, number: int, side: str = "jit") -> Callable[[], Any]:
        """The update of that number, counted from 1."""
        rates = np.full(1, self._optimizer.learning_rate)
        row = self._optimizer.schedule(rates, number - 1)[0]
        settings = (self._optimizer.record()[0], float(row[RATE]), float(row[PRODUCT]), 1.0, number, 0)
        arguments = (self.parameters, self._slots, self._gradients, *settings)
        return partial(kernel("optimizers", "update", side, arguments, DTYPE), *arguments)


def beside_adam(benchmark: Any, name: str, call: Callable[[], Any], moved: int, gradients: Any) -> None:
    """Time a pass over vectors of which it reads and writes ``moved`` bytes, and Adam's."""
    adam = Updated(fn.Adam(), gradients)
    seconds = in_turns(benchmark, {"jit": call, "adam": adam.step(2)})
    medians = {side: statistics.median(times) for side, times in seconds.items()}
    rates = {"jit": moved / medians["jit"], "adam": adam.bytes / medians["adam"]}
    pairs = zip(*seconds.values(), strict=True)
    ratio = statistics.median(b / a for a, b in pairs) * moved / adam.bytes
    benchmark.group = "optimizers, 1,000,000 parameters"
    benchmark.extra_info.update(kind="optimizer", name=name, seconds=seconds, bytes_per_second=rates, ratio=ratio)


@pytest.mark.parametrize("name", UPDATES)
def test_optimizer(benchmark: Any, draw: Draw, name: str) -> None:
    gradients = draw(PARAMETERS)
    this, expected = (Updated(UPDATES[name], gradients) for _ in range(2))
    this.step(1)()
    expected.step(1, "reference")()
    assert_equal(this.parameters, expected.parameters)
    beside_adam(benchmark, name, this.step(2), this.bytes, gradients)


def test_clipping(benchmark: Any, draw: Draw) -> None:
    gradients = draw(PARAMETERS)
    expected = np.clip(gradients, -0.5, 0.5)
    # A factor below 1 would make the gradients smaller at each call, until they are denormal.
    call = jit("optimizers", "clip", gradients, 1.0, 0.5)
    beside_adam(benchmark, "clipping by value", call, 2 * gradients.nbytes, draw(PARAMETERS))
    assert_equal(gradients, expected)


def test_averaging(benchmark: Any, draw: Draw) -> None:
    parameters, mean = draw(PARAMETERS), np.zeros(PARAMETERS, DTYPE)
    call = jit("optimizers", "average_parameters", mean, parameters, 0.75)
    call()
    assert_equal(mean, parameters / 4)
    beside_adam(benchmark, "mean of the parameters", call, 2 * mean.nbytes + parameters.nbytes, draw(PARAMETERS))


def test_every_optimizer_is_measured() -> None:
    assert {optimizer.kernel for optimizer in UPDATES.values()} == set(OPTIMIZERS)
