"""A network's loss and metrics together: one run over the samples, the same numbers as apart, the data's units."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as skm

import fastnet as fn
from fastnet.data import Dataset

# Of the layer above the kernels: the pass without the compiler has the kernels' own tests.
pytestmark = pytest.mark.needs_compiler

RNG = np.random.default_rng(0)
ROWS = 600  # more than prediction takes at once
X = RNG.normal(size=(ROWS, 4))
LAYERS: dict[str, tuple[list[fn.Dense], Any]] = {
    "binary_crossentropy": ([fn.Dense(1, "sigmoid")], RNG.integers(0, 2, ROWS)),
    "categorical_crossentropy": ([fn.Dense(3, "softmax")], RNG.integers(0, 3, ROWS)),
    "hinge": ([fn.Dense(2)], RNG.integers(0, 2, (ROWS, 2))),
    "mean_squared_error": ([fn.Dense(2, "tanh")], RNG.normal(size=(ROWS, 2))),
    "poisson": ([fn.Dense(1, "exponential")], RNG.integers(0, 5, ROWS)),
}
METRIC = {True: "f1", False: "mae"}


def network(loss: str, **options: Any) -> fn.Network:
    return fn.Network([fn.Dense(5, "tanh", **options), *LAYERS[loss][0]], input_shape=4, loss=loss, dtype="float64")


@pytest.mark.parametrize("backend", ["jit", "reference"])
@pytest.mark.parametrize("loss", LAYERS)
def test_metrics_change_no_other_number(loss: str, backend: str) -> None:
    net, y = network(loss), LAYERS[loss][1]
    apart, name = net.evaluate(X, y, backend=backend), METRIC[net.is_classifier]
    together = net.evaluate(X, y, metrics=[name], backend=backend)
    assert {key: together[key] for key in apart} == apart
    answers = net.predict(X, backend=backend)
    expected = {
        "f1": lambda: skm.f1_score(y, answers, average="binary" if net.task == "binary" else "macro"),
        "mae": lambda: skm.mean_absolute_error(y, answers),
    }[name]()
    assert together["mean_absolute_error" if name == "mae" else name] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("backend", ["jit", "reference"])
def test_probabilities_are_those_of_predict_proba(backend: str) -> None:
    net, y = network("categorical_crossentropy"), LAYERS["categorical_crossentropy"][1]
    expected = skm.log_loss(y, net.predict_proba(X, backend=backend), labels=range(3))
    assert net.evaluate(X, y, metrics=["log_loss"], backend=backend)["log_loss"] == expected


@pytest.mark.parametrize(("options", "runs"), [({}, 1), ({"l2": 0.1}, 2)])
def test_the_network_runs_once(options: Any, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import fastnet_kernels.reference.engine as engine

    rows_run = []
    for name in ("predict", "evaluate"):
        place, function = {"predict": 1, "evaluate": 2}[name], getattr(engine, name)

        def counted(*arguments: Any, place: int = place, function: Any = function) -> Any:
            if len(arguments[place]) > 1:  # a whole Program, not the end of one
                rows_run.append(len(arguments[place - 1]))
            return function(*arguments)

        monkeypatch.setattr(engine, name, counted)
    net, y = network("binary_crossentropy", **options), LAYERS["binary_crossentropy"][1]
    net.evaluate(X, y, metrics=["f1", "roc_auc", "log_loss"], backend="reference")
    assert rows_run == [ROWS] * runs


def test_metrics_of_a_regression_are_in_the_data_s_units() -> None:
    y = RNG.normal(size=(ROWS, 2)) * [10, 1000] + [5, -3]
    preparation = fn.Preparation.fit(Dataset(X, y, "here"))
    prepared = preparation.features(X, source="here", dtype="float64"), preparation.targets(y, source="here")
    net = network("mean_squared_error")
    without = net.evaluate(*prepared, metrics=["mae"])
    net.preparation = preparation
    scores = net.evaluate(*prepared, metrics=["mae", "rmse", "r2"])
    values = preparation.values(net.predict(prepared[0]))
    assert scores["mean_absolute_error"] == pytest.approx(skm.mean_absolute_error(y, values), rel=1e-12)
    assert scores["root_mean_squared_error"] == pytest.approx(skm.root_mean_squared_error(y, values), rel=1e-12)
    assert scores["r2"] == pytest.approx(skm.r2_score(y, values), rel=1e-9)
    assert scores["loss"] == without["loss"]
    history = net.fit(*prepared, epochs=1, metrics=["mae"], validation_data=prepared)
    after = net.evaluate(*prepared, metrics=["mae"])["mean_absolute_error"]
    assert history["mae"] == history["val_mae"] == [after]
