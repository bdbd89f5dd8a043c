"""Plain gradient descent, which changes weights without gradients, of batches of one sample and of more."""

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


def trained(
    name: str, dtype: str, backend: str, optimizer: Any, batch_size: int | None = 1, **more: Any
) -> tuple[Any, list[float]]:
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
    history = network.fit(X, y, optimizer=optimizer, epochs=4, batch_size=batch_size, backend=backend, **more)
    weights = np.concatenate([array.ravel() for layer in network.get_weights() for array in layer])
    return weights, history.loss


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch_size", [1, 7, 32, None])
def test_it_learns_what_the_reference_learns(name: str, dtype: str, batch_size: int | None) -> None:
    """And what the way by gradients does, which a norm that is never reached leads to."""
    # 240 steps, each of which adds a few roundings of sums of at most 70 numbers to weights of size 1.
    rounding = 240 * 70 * float(np.finfo(dtype).eps)
    expected, losses = trained(name, dtype, "reference", fn.SGD(learning_rate=0.01), batch_size)
    for optimizer in (fn.SGD(learning_rate=0.01), fn.SGD(learning_rate=0.01, clip_norm=1e30)):
        weights, found = trained(name, dtype, "jit", optimizer, batch_size)
        np.testing.assert_allclose(weights, expected, rtol=0, atol=rounding)
        np.testing.assert_allclose(found, losses, rtol=rounding)


@pytest.mark.parametrize("batch_size", [1, 32, None])
@pytest.mark.parametrize("name", ["one output", "no hidden layer"])
def test_small_changes_add_up(name: str, batch_size: int | None) -> None:
    """A batch's samples are summed before they come to weights that are larger than each by more than float32 sees."""
    changes = {}
    for dtype, backend in (("float64", "reference"), ("float32", "reference"), ("float32", "jit")):
        begun, _ = trained(name, dtype, backend, fn.SGD(learning_rate=1e-30), batch_size)
        weights, _ = trained(name, dtype, backend, fn.SGD(learning_rate=1e-5), batch_size)
        changes[dtype, backend] = weights.astype("float64") - begun
    assert 0 < np.abs(changes["float64", "reference"]).max() < 0.01
    errors = {
        backend: np.abs(changes["float32", backend] - changes["float64", "reference"]).mean()
        for backend in ("reference", "jit")
    }
    # Both round each weight once a step; half as much again for another order.
    assert errors["jit"] <= 1.5 * errors["reference"]


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
            *[("optimizer", "kind", OPTIMIZERS.index("adagrad")), ("optimizer", "average", 0.5), ("run", "update", 0)],
            *[("program", "l2", 0.1), ("program", "l1", 0.1), ("program", "max_norm", 1.0)],
        ],
        ids=lambda value: str(value),
    )
    def test_anything_else_goes_by_them(self, of: str, name: str, value: float) -> None:
        case = one_by_one()
        if name == "average":
            case.arguments["slots"] = np.zeros((2, case.arguments["slots"].shape[1]))
        case.arguments[of] = case.arguments[of].copy()
        # Of a program its first layer, which has what only a layer may have.
        case.arguments[of][name][0] = value
        assert not self.leaves_gradients_alone(case)

    @pytest.mark.parametrize("change", ["weights of samples", "a frozen layer", "nothing"])
    @pytest.mark.parametrize("batch_size", [1, 5])
    def test_what_leaves_them_alone_learns_what_the_reference_does(self, batch_size: int, change: str) -> None:
        from fastnet_kernels.jit import engine
        from fastnet_kernels.reference import engine as reference

        case = one_by_one()
        if change == "weights of samples":
            case.arguments["W"] = np.random.default_rng(0).integers(0, 4, case.arguments["Y"].shape).astype("float64")
        if change == "a frozen layer":
            case.arguments["program"] = case.arguments["program"].copy()
            case.arguments["program"]["trainable"][0] = 0
        self.widen(case, batch_size)
        found, expected = arguments_of(case, "float64"), arguments_of(case, "float64")
        engine.train(**found)
        reference.train(**expected)
        assert np.isnan(found["gradients"]).all()
        # 111 steps with sums of at most 12 numbers.
        rounding = 111 * 12 * np.finfo("float64").eps
        np.testing.assert_allclose(found["parameters"], expected["parameters"], rtol=0, atol=rounding)
        np.testing.assert_allclose(found["history"], expected["history"], rtol=37 * rounding)

    def test_batches_that_do_not_fit_the_buffers_go_by_gradients(self) -> None:
        case = one_by_one()
        self.widen(case, 5)
        case.arguments["run"]["max_rows"] = 4
        assert not self.leaves_gradients_alone(case)

    def widen(self, case: Case, rows: int) -> None:
        """Make room for batches of so many rows."""
        case.arguments["run"] = case.arguments["run"].copy()
        case.arguments["run"]["batch_size"] = case.arguments["run"]["max_rows"] = rows
        for name in ("activations", "deltas"):
            case.arguments[name] = np.zeros(rows * case.arguments[name].size)
