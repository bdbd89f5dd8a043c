"""What an optimizer accepts, and its updates beside the textbook's, worked out one number at a time."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet.optimizers import OPTIMIZER_CLASSES, Optimizer, WithRate
from fastnet_kernels.program import OPTIMIZERS

BACKENDS = ("jit", "reference")
X, Y, W0, B0 = 1.5, 2.0, 0.25, -0.5


def gradients(w: float, b: float) -> tuple[float, float]:
    """Of the loss ``(w x + b - y) ** 2``."""
    slope = 2 * (w * X + b - Y)
    return slope * X, slope


def trained(optimizer: Optimizer, epochs: int, backend: str) -> list[float]:
    net = fn.Network([fn.Dense(1)], input_shape=(1,), loss="mean_squared_error", dtype="float64")
    net.set_weights([([[W0]], [B0])])
    net.fit([[X]], [Y], optimizer=optimizer, epochs=epochs, batch_size=None, backend=backend)
    return [float(number) for number in net.parameters]


def sgd_by_hand(rate: float, momentum: float, nesterov: bool) -> Iterator[list[float]]:
    p, v = [W0, B0], [0.0, 0.0]
    while True:
        g = gradients(*p)
        for i in (0, 1):
            v[i] = momentum * v[i] - rate * g[i]
            p[i] += momentum * v[i] - rate * g[i] if nesterov else v[i]
        yield list(p)


def adam_by_hand(rate: float, b1: float, b2: float, epsilon: float) -> Iterator[list[float]]:
    p, m, v, t = [W0, B0], [0.0, 0.0], [0.0, 0.0], 0
    while True:
        t += 1
        g = gradients(*p)
        for i in (0, 1):
            m[i] = b1 * m[i] + (1 - b1) * g[i]
            v[i] = b2 * v[i] + (1 - b2) * g[i] ** 2
            corrected_m, corrected_v = m[i] / (1 - b1**t), v[i] / (1 - b2**t)
            p[i] -= rate * corrected_m / (math.sqrt(corrected_v) + epsilon)
        yield list(p)


def lion_by_hand(rate: float, b1: float, b2: float, decay: float) -> Iterator[list[float]]:
    p, m = [W0, B0], [0.0, 0.0]
    while True:
        g = gradients(*p)
        for i in (0, 1):
            p[i] *= 1 - rate * decay
            p[i] -= rate * math.copysign(1, b1 * m[i] + (1 - b1) * g[i])
            m[i] = b2 * m[i] + (1 - b2) * g[i]
        yield list(p)


def rprop_by_hand(rate: float, shrink: float, grow: float, smallest: float, largest: float) -> Iterator[list[float]]:
    p, last, size = [W0, B0], [0.0, 0.0], [rate, rate]
    while True:
        g = list(gradients(*p))
        for i in (0, 1):
            if g[i] * last[i] > 0:
                size[i] = min(size[i] * grow, largest)
            elif g[i] * last[i] < 0:
                size[i], g[i] = max(size[i] * shrink, smallest), 0.0
            p[i] -= size[i] * (math.copysign(1, g[i]) if g[i] else 0)
            last[i] = g[i]
        yield list(p)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("optimizer", "by_hand"),
    [
        (fn.SGD(0.1), (sgd_by_hand, 0.1, 0.0, False)),
        (fn.SGD(0.03, momentum=0.9), (sgd_by_hand, 0.03, 0.9, False)),
        (fn.SGD(0.03, momentum=0.9, nesterov=True), (sgd_by_hand, 0.03, 0.9, True)),
        (fn.SGD(0.03, nesterov=True), (sgd_by_hand, 0.03, 0.0, True)),
        (fn.Adam(), (adam_by_hand, 0.001, 0.9, 0.999, 1e-8)),
        (fn.Adam(0.2, beta_1=0.5, beta_2=0.7), (adam_by_hand, 0.2, 0.5, 0.7, 1e-8)),
        (fn.Adam(0.2, epsilon=0.3), (adam_by_hand, 0.2, 0.9, 0.999, 0.3)),
        (fn.Adam(0.2, beta_1=0, beta_2=0), (adam_by_hand, 0.2, 0.0, 0.0, 1e-8)),
        (fn.Lion(0.2, weight_decay=0.3), (lion_by_hand, 0.2, 0.9, 0.99, 0.3)),
        (fn.Lion(0.5, beta_1=0.2, beta_2=0.6), (lion_by_hand, 0.5, 0.2, 0.6, 0.0)),
        (fn.Rprop(0.5), (rprop_by_hand, 0.5, 0.5, 1.2, 1e-6, 50.0)),
        (fn.Rprop(2.0, 0.1, 3.0, 0.3, 2.5), (rprop_by_hand, 2.0, 0.1, 3.0, 0.3, 2.5)),
    ],
    ids=lambda value: repr(value) if isinstance(value, Optimizer) else "by hand",
)
def test_the_updates_are_the_textbooks(optimizer: Optimizer, by_hand: tuple[Any, ...], backend: str) -> None:
    method, *constants = by_hand
    for epochs, expected in zip(range(1, 7), method(*constants), strict=False):
        assert trained(optimizer, epochs, backend) == pytest.approx(expected, rel=1e-12)


def test_defaults_and_names() -> None:
    assert fn.SGD() == fn.SGD(learning_rate=0.01, momentum=0.0, nesterov=False)
    assert fn.Adam() == fn.Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8)
    assert {kind().kernel for kind in OPTIMIZER_CLASSES.values()} == {*OPTIMIZERS} - {"centered_rmsprop"}
    assert fn.RMSprop(centered=True).kernel == "centered_rmsprop"
    assert all(kind.name == name for name, kind in OPTIMIZER_CLASSES.items())


@pytest.mark.parametrize(
    "optimizer",
    [
        fn.SGD(0.125, momentum=0.5, nesterov=True),
        fn.Adam(0.25, 0.5, 0.75, 0.125),
        fn.AdamW(0.25, 0.5, 0.75, 0.125, 0.375),
        fn.AMSGrad(0.25, 0.5, 0.75, 0.125),
        fn.Adamax(0.25, 0.5, 0.75, 0.125),
        fn.Adagrad(0.25, 0.5, 0.125),
        fn.RMSprop(0.25, 0.5, 0.125, 0.75),
        fn.RMSprop(0.25, 0.5, 0.125, 0.75, centered=True),
        fn.Adadelta(0.25, 0.5, 0.125),
        fn.Lion(0.25, 0.5, 0.75, 0.125),
        fn.Rprop(0.25, 0.5, 1.5, 0.125, 0.75),
        fn.Nadam(0.25, 0.5, 0.75, 0.125, 0.375),
        fn.SGD(0.25, clip_value=0.5, average=0.75),
        fn.Adam(0.25, clip_norm=0.5),
    ],
    ids=repr,
)
def test_the_record_holds_every_constant_and_nothing_else(optimizer: Optimizer) -> None:
    record = optimizer.record()
    assert record.shape == (1,)
    assert OPTIMIZERS[record["kind"][0]] == optimizer.kernel
    # One is the kernel, the other a column of the schedule.
    constants = {name: value for name, value in vars(optimizer).items() if name not in ("centered", "learning_rate")}
    for name in record.dtype.names or ():
        if name != "kind":
            assert record[name][0] == (constants.get(name) or 0)
    assert set(constants) < set(record.dtype.names or ())


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), True, "0.1", None])
@pytest.mark.parametrize("kind", [kind for kind in OPTIMIZER_CLASSES.values() if issubclass(kind, WithRate)])
def test_a_learning_rate_is_above_0_and_finite(kind: Any, rate: Any) -> None:
    with pytest.raises(fn.ConfigurationError, match="learning_rate must be a number above 0, not"):
        kind(rate)


@pytest.mark.parametrize(
    ("kind", "wrong", "sentence"),
    [
        (fn.SGD, {"momentum": 1.0}, "momentum must be a number at least 0 and below 1, not 1.0"),
        (fn.SGD, {"momentum": -0.1}, "momentum must be a number at least 0 and below 1, not -0.1"),
        (fn.SGD, {"nesterov": "yes"}, "nesterov must be"),
        (fn.AdamW, {"weight_decay": -1}, "weight_decay must be a number at least 0 and below 1000"),
        (fn.Lion, {"weight_decay": float("nan")}, "weight_decay must be a number"),
        (fn.Adagrad, {"decay": -0.1}, "decay must be a number at least 0, not -0.1"),
        (fn.RMSprop, {"decay": 1}, "decay must be a number at least 0 and below 1, not 1"),
        (fn.RMSprop, {"centered": 1}, "centered must be True or False, not 1"),
        (fn.Adadelta, {"epsilon": 0}, "epsilon must be a number above 0, not 0"),
        (fn.Rprop, {"shrink": 1}, "shrink must be a number above 0 and below 1, not 1"),
        (fn.Rprop, {"grow": 1}, "grow must be a number above 1, not 1"),
        (fn.Rprop, {"smallest": 3, "largest": 2}, "largest must be a number above 3, not 2"),
        (fn.Adam, {"beta_1": 1}, "beta_1 must be a number at least 0 and below 1, not 1"),
        (fn.Adam, {"beta_2": 1}, "beta_2 must be a number at least 0 and below 1, not 1"),
        (fn.Adam, {"epsilon": 0}, "epsilon must be a number above 0, not 0"),
        (fn.Nadam, {"momentum_decay": 0}, "momentum_decay must be a number above 0, not 0"),
        (fn.SGD, {"clip_value": 0}, "clip_value must be a number above 0, not 0"),
        (fn.Adam, {"clip_norm": -1}, "clip_norm must be a number above 0, not -1"),
        (fn.Adam, {"clip_norm": 1, "clip_value": 1}, "clip_value and clip_norm cannot both be given"),
        (fn.Lion, {"average": 1}, "average must be a number above 0 and below 1, not 1"),
        (fn.LBFGS, {"memory": 0}, "memory must be a whole number of at least 1, not 0"),
        (fn.LBFGS, {"average": 0.5}, "LBFGS takes no clip_value, clip_norm or average"),
        (fn.AdamW, {"learning_rate": fn.OneCycle(2.0, over=9), "weight_decay": 0.6}, "weight_decay must .* below 0.5"),
    ],
)
def test_constants_out_of_range_are_refused(kind: Any, wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fn.ConfigurationError, match=sentence):
        kind(**wrong)


def test_the_record_is_new_each_time() -> None:
    optimizer = fn.SGD(0.1, momentum=0.5)
    optimizer.record()["momentum"] = 7
    np.testing.assert_array_equal(optimizer.record()["momentum"], [0.5])
