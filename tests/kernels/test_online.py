"""Batches of one sample by plain gradient descent, which the engine has a way of its own for."""

from typing import Any

import numpy as np
import pytest

import fastnet as fn
from fastnet_kernels.cases import Case, cases
from fastnet_kernels.check import arguments_of
from fastnet_kernels.program import OPTIMIZERS

DTYPES = ["float32", "float64"]
NETWORKS: dict[str, tuple[list[fn.Dense], str]] = {
    "one output": ([fn.Dense(16, activation="relu"), fn.Dense(1, activation="sigmoid")], "binary_crossentropy"),
    "one unit between": (
        [fn.Dense(33, activation="tanh"), fn.Dense(1, activation="gelu"), fn.Dense(3, activation="softmax")],
        "categorical_crossentropy",
    ),
    "no hidden layer": ([fn.Dense(1)], "mean_squared_error"),
    "several outputs": ([fn.Dense(70, activation="elu"), fn.Dense(3)], "mean_absolute_error"),
}


def trained(name: str, dtype: str, backend: str, optimizer: Any, **more: Any) -> tuple[Any, list[float]]:
    """Weights, and the losses of the epochs."""
    layers, loss = NETWORKS[name]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 9)).astype(dtype)
    outputs = layers[-1].units
    y: Any = rng.standard_normal((60, outputs)).astype(dtype)
    if loss == "binary_crossentropy":
        y = (X[:, 0] > 0).astype(dtype)
    elif loss == "categorical_crossentropy":
        y = rng.integers(0, 3, 60)
    network = fn.Network(layers, input_shape=(9,), loss=loss, seed=3, dtype=dtype)
    history = network.fit(X, y, optimizer=optimizer, epochs=4, batch_size=1, backend=backend, **more)
    weights = np.concatenate([array.ravel() for layer in network.get_weights() for array in layer])
    return weights, history.loss


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_it_learns_what_the_reference_learns(name: str, dtype: str) -> None:
    """And what the way by gradients does, which a norm that is never reached leads to."""
    # 240 steps, each of which adds a few roundings of sums of at most 70 numbers to weights of size 1.
    rounding = 240 * 70 * float(np.finfo(dtype).eps)
    expected, losses = trained(name, dtype, "reference", fn.SGD(learning_rate=0.01))
    for optimizer in (fn.SGD(learning_rate=0.01), fn.SGD(learning_rate=0.01, clip_norm=1e30)):
        weights, found = trained(name, dtype, "jit", optimizer)
        np.testing.assert_allclose(weights, expected, rtol=0, atol=rounding)
        np.testing.assert_allclose(found, losses, rtol=rounding)


def test_the_order_and_the_schedule_are_kept() -> None:
    schedule = fn.StepDecay(0.05, factor=0.5, interval=50, per="step")
    for more in ({"shuffle": False}, {"shuffle": True}):
        expected, _ = trained("one output", "float64", "reference", fn.SGD(learning_rate=schedule), **more)
        weights, _ = trained("one output", "float64", "jit", fn.SGD(learning_rate=schedule), **more)
        np.testing.assert_allclose(weights, expected, rtol=0, atol=240 * 70 * np.finfo("float64").eps)


def one_by_one() -> Case:
    return next(case for case in cases("float32") if case.kernel == "train" and "one by one" in case.name)


@pytest.mark.needs_compiler
class TestWhichWay:
    """Where gradients are not needed they are left alone."""

    def leaves_gradients_alone(self, case: Case) -> bool:
        from fastnet_kernels.jit import engine

        arguments = arguments_of(case, "float32")
        before = arguments["parameters"].copy()
        engine.train(**arguments)
        assert (arguments["parameters"] != before).any() or arguments["run"]["update"][0] == 0
        # What is to be filled holds NaN before.
        return bool(np.isnan(arguments["gradients"]).all())

    def test_plain_descent_of_dense_layers(self) -> None:
        assert self.leaves_gradients_alone(one_by_one())

    @pytest.mark.parametrize(
        ("of", "name", "value"),
        [
            *[("optimizer", "momentum", 0.5), ("optimizer", "clip_norm", 1.0), ("optimizer", "clip_value", 1.0)],
            *[("optimizer", "kind", OPTIMIZERS.index("adagrad")), ("run", "batch_size", 2), ("run", "update", 0)],
            *[
                ("program", "l2", 0.1),
                ("program", "l1", 0.1),
                ("program", "max_norm", 1.0),
                ("program", "trainable", 0),
            ],
        ],
        ids=lambda value: str(value),
    )
    def test_anything_else_goes_by_them(self, of: str, name: str, value: float) -> None:
        case = one_by_one()
        case.arguments[of] = case.arguments[of].copy()
        # Of a program its first layer, which has what only a layer may have.
        case.arguments[of][name][0] = value
        assert not self.leaves_gradients_alone(case)

    def test_weights_of_samples_go_by_them(self) -> None:
        case = one_by_one()
        case.arguments["W"] = np.ones_like(case.arguments["Y"])
        assert not self.leaves_gradients_alone(case)
