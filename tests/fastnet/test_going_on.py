"""A training goes on where another ended, and callbacks say how long they need not look."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.labelled import Labelled
from fastnet.training import Training

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(37, 3)), RNG.normal(size=(37, 1))
on_both_engines = pytest.mark.parametrize(
    "backend", [pytest.param("jit", marks=pytest.mark.needs_compiler), "reference"]
)


def network() -> fn.Network:
    layers = [fn.Dense(5, activation="tanh"), fn.Dropout(0.3), fn.Dense(1)]
    return fn.Network(layers, input_shape=3, loss="mean_squared_error", dtype="float64", seed=1)


def training(net: fn.Network, epochs: int, optimizer: fn.optimizers.Optimizer, **options: Any) -> Training:
    samples = options.pop("samples", len(X))
    data = Labelled(X[:samples], Y[:samples], net.check_weights(Y[:samples]))
    settings = {"batch_size": 10, "shuffle": True, "validation": None, "metrics": (), "threads": 1}
    return Training(net, data, optimizer=optimizer, epochs=epochs, **{**settings, **options})


def run(net: fn.Network, epochs: int, optimizer: Any, callbacks: Any = (), **options: Any) -> Training:
    this = training(net, epochs, optimizer, **options)
    this.run(list(callbacks))
    return this


OPTIMIZERS = [
    fn.SGD(0.05, momentum=0.9),
    fn.Adam(0.01),
    fn.Nadam(0.01),
    fn.Adam(fn.StepDecay(0.02, 0.5, 2)),
    fn.SGD(fn.ExponentialDecay(0.05, 0.9, per="step")),
    fn.SGD(0.05, average=0.9),
    # Nothing is ten times as good as before: the rate falls after each two epochs.
    fn.SGD(fn.ReduceOnPlateau(0.05, factor=0.5, patience=1, min_delta=0.9)),
]


@on_both_engines
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_two_parts_are_the_whole(optimizer: Any, backend: str) -> None:
    whole, parts = network(), network()
    expected = run(whole, 6, optimizer, backend=backend).history
    first = run(parts, 4, optimizer, backend=backend)
    then = run(parts, 2, optimizer, backend=backend, after=first.progress())
    np.testing.assert_array_equal(parts.parameters, whole.parameters)
    assert first.history.loss + then.history.loss == expected.loss
    assert first.history.learning_rate + then.history.learning_rate == expected.learning_rate
    progress = then.progress()
    assert (progress.epochs, progress.steps) == (6, 24)


@on_both_engines
def test_steps_count_on_where_the_samples_are_others(backend: str) -> None:
    net, optimizer = network(), fn.Adam(0.01)
    progress = run(net, 2, optimizer, backend=backend).progress()
    later = run(net, 1, optimizer, backend=backend, after=progress, samples=12).progress()
    assert (later.epochs, later.steps) == (3, 2 * 4 + 2)


@pytest.mark.needs_compiler
def test_from_sample_space_to_the_ordinary_one() -> None:
    wide = np.random.default_rng(1).normal(size=(6, 40))
    layers = [fn.Dense(2, activation="tanh"), fn.Dense(1)]
    nets = [fn.Network(layers, input_shape=40, loss="mean_squared_error", dtype="float64") for _ in range(2)]
    optimizer = fn.SGD(0.05, momentum=0.9)
    data = Labelled(wide, Y[:6], nets[0].check_weights(Y[:6]))
    options: dict[str, Any] = {
        **{"optimizer": optimizer, "batch_size": 6, "shuffle": False, "validation": None, "metrics": ()},
        "threads": 1,
    }
    expected = Training(nets[0], data, epochs=25, backend="reference", **options)
    expected.run([])
    first = Training(nets[1], data, epochs=20, backend="jit", **options)
    first.run([])
    assert first.steps.trained.slots.shape != expected.steps.trained.slots.shape
    Training(nets[1], data, epochs=5, backend="jit", after=first.progress(), **options).run([])
    # Twenty-five steps in another order of rounding.
    np.testing.assert_allclose(nets[1].parameters, nets[0].parameters, rtol=0, atol=1e-13)


@on_both_engines
def test_a_divergence_goes_back_to_what_was_taken_over(backend: str) -> None:
    net = network()
    progress = run(net, 2, fn.SGD(0.01, momentum=0.5), backend=backend).progress()
    before = net.parameters.copy()
    with pytest.raises(fn.DivergenceError):
        run(net, 3, fn.SGD(1e200, momentum=0.5), backend=backend, after=progress)
    np.testing.assert_array_equal(net.parameters, before)


class Patient(fn.Callback):
    """Looks every ``epochs`` epochs at the latest."""

    def __init__(self, epochs: int | None) -> None:
        self.epochs, self.looks = epochs, list[int]()

    def epochs_until_look(self) -> int | None:
        return self.epochs

    def on_epoch_end(self, training: Training) -> None:
        self.looks.append(len(training.history.loss))


@on_both_engines
def test_a_callback_says_how_long_it_need_not_look(backend: str) -> None:
    patient, idle = Patient(4), Patient(None)
    run(network(), 40, fn.SGD(0.01), [patient, idle], backend=backend)
    looks: npt.NDArray[np.int64] = np.diff([0, *patient.looks])
    assert looks.max() <= 4
    assert looks.sum() == 40
    assert idle.looks == patient.looks
    eager = Patient(1)
    run(network(), 5, fn.SGD(0.01), [Patient(4), Patient(0), eager], backend=backend)
    assert eager.looks == [1, 2, 3, 4, 5]


@on_both_engines
def test_lbfgs_ends_by_the_loss(backend: str) -> None:
    net = fn.Network([fn.Dense(1)], input_shape=3, loss="mean_squared_error", dtype="float64")
    histories = [
        net.fit(X, Y, optimizer=fn.LBFGS(loss_tolerance=tolerance), epochs=50, batch_size=None, backend=backend)
        for tolerance in (0.5, 0.0)
    ]
    assert len(histories[0].loss) < len(histories[1].loss)
    with pytest.raises(fn.ConfigurationError, match="loss_tolerance must be a number at least 0, not -1"):
        fn.LBFGS(loss_tolerance=-1)
