"""How much each label counts: weights of samples and of classes, labels that are missing, the loss of a sample."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

import fastnet as fn
from fastnet.losses import checked_loss
from fastnet.weights import entry_weights

# Of the layer above the kernels: the pass without the compiler has the kernels' own tests.
pytestmark = pytest.mark.needs_compiler

BACKENDS = ("jit", "reference")
LAST = {"binary_crossentropy": "sigmoid", "categorical_crossentropy": "softmax", "poisson": "exponential"}
Floats = npt.NDArray[np.float64]

on_both_engines = pytest.mark.parametrize("backend", BACKENDS)
for_each_loss = pytest.mark.parametrize("loss", fn.LOSSES)


def data(loss: str, samples: int = 18) -> tuple[Floats, npt.NDArray[Any]]:
    """Features, and targets that suit the loss: classes that are not equally many, or numbers."""
    X = np.random.default_rng(3).normal(size=(samples, 3))
    if loss == "categorical_crossentropy":
        y = np.digitize(X[:, 0], [-0.2, 0.9])
        y[:3] = 0, 1, 2
        return X, y
    y = (X[:, 0] + X[:, 1] > 0.6).astype(np.int64)
    y[:2] = 0, 1
    return X, y if loss in ("binary_crossentropy", "hinge") else 2.0 * y + 0.5


def network(loss: str, outputs: int = 1, **options: Any) -> fn.Network:
    units = 3 if loss == "categorical_crossentropy" else outputs
    layers = [fn.Dense(4, activation="tanh"), fn.Dense(units, activation=LAST.get(loss, "identity"))]
    return fn.Network(layers, **{"input_shape": 3, "loss": loss, "dtype": "float64", "seed": 1, **options})


def trained(net: fn.Network, X: Any, y: Any, **options: Any) -> tuple[fn.Network, fn.History]:
    """The network after a short training of full batches, and its history."""
    history = net.fit(X, y, **{"optimizer": fn.SGD(0.1, momentum=0.5), "epochs": 6, "batch_size": None, **options})
    return net, history


def assert_same(one: tuple[fn.Network, fn.History], other: tuple[fn.Network, fn.History]) -> None:
    """Both trainings are one, but for rounding: a step of it errs by some 1e-16, and there are less than a hundred."""
    np.testing.assert_allclose(one[0].parameters, other[0].parameters, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(one[1].loss, other[1].loss, rtol=1e-12)


@on_both_engines
@for_each_loss
class TestSampleWeight:
    def test_a_weight_of_k_is_the_sample_k_times(self, loss: str, backend: str) -> None:
        X, y = data(loss)
        times = np.arange(len(X)) % 4
        times[:3] = 1, 2, 3
        weighted = trained(network(loss), X, y, sample_weight=times, backend=backend)
        repeated = trained(network(loss), np.repeat(X, times, axis=0), np.repeat(y, times), backend=backend)
        assert_same(weighted, repeated)
        losses = [
            weighted[0].evaluate(X, y, sample_weight=times, backend=backend)["loss"],
            weighted[0].evaluate(np.repeat(X, times, axis=0), np.repeat(y, times), backend=backend)["loss"],
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-13)

    def test_a_power_of_two_for_all_changes_no_bit(self, loss: str, backend: str) -> None:
        X, y = data(loss)
        weights = 1.0 + np.arange(len(X)) % 3
        options: dict[str, Any] = {"batch_size": 5, "backend": backend}
        one, history = trained(network(loss), X, y, sample_weight=weights, **options)
        for scale in (2.0**-40, 2.0**40):
            other, again = trained(network(loss), X, y, sample_weight=scale * weights, **options)
            np.testing.assert_array_equal(other.parameters, one.parameters)
            np.testing.assert_allclose(again.loss, history.loss, rtol=1e-14)

    @pytest.mark.usefixtures("teams_for_small_work")
    def test_both_engines_and_any_team(self, loss: str, backend: str) -> None:
        X, y = data(loss)
        weights = np.random.default_rng(0).random(len(X)) * (np.arange(len(X)) % 3 > 0)
        options: dict[str, Any] = {"sample_weight": weights, "batch_size": 5}
        expected = trained(network(loss), X, y, backend="reference", **options)
        for threads in (1, 2, 3):
            assert_same(trained(network(loss), X, y, backend=backend, threads=threads, **options), expected)


@on_both_engines
def test_an_epochs_loss_is_weighted_by_batch_and_a_batch_without_weight_teaches_nothing(backend: str) -> None:
    X, y = data("mean_squared_error", 14)
    weights = np.array([1.0, 2, 0, 3, 0.5] + [0.0] * 5 + [4, 0, 0, 1])
    sgd = fn.SGD(0.1)
    net, history = trained(
        network("mean_squared_error"),
        *(X, y),
        **{"sample_weight": weights, "optimizer": sgd, "epochs": 1, "batch_size": 5, "shuffle": False},
        backend=backend,
    )
    steps, loss = network("mean_squared_error"), 0.0
    for rows in (slice(0, 5), slice(10, 14)):
        seen = trained(steps, X[rows], y[rows], sample_weight=weights[rows], optimizer=sgd, epochs=1, backend=backend)
        loss += seen[1].loss[0] * weights[rows].sum() / weights.sum()
    assert history.loss == [pytest.approx(loss, rel=1e-13)]
    np.testing.assert_allclose(net.parameters, steps.parameters, rtol=1e-12)


@on_both_engines
@pytest.mark.parametrize("weight", [2.0**100, 1e38, 1e-38, 1e-40])
def test_the_size_of_the_weights_does_not_matter_to_float32(weight: float, backend: str) -> None:
    """The mean over a batch is the same for all weights that are equal; none may vanish or overflow on the way."""
    X, y = data("binary_crossentropy")
    nets = [network("binary_crossentropy", dtype="float32") for _ in range(2)]
    for net, value in zip(nets, (1.0, weight), strict=True):
        trained(net, X, y, sample_weight=np.full(len(X), value), batch_size=6, backend=backend)
    np.testing.assert_allclose(nets[1].parameters, nets[0].parameters, rtol=1e-4, atol=1e-6)


class TestClassWeight:
    @pytest.mark.parametrize("loss", ["binary_crossentropy", "categorical_crossentropy", "hinge"])
    @pytest.mark.parametrize("weights", ["balanced", {0: 0.5, 1: 3.0}, {1: 2}, {np.int64(0): 0.0}])
    def test_it_is_the_weight_of_each_sample_of_the_class(self, loss: str, weights: Any) -> None:
        X, y = data(loss)
        each = (
            compute_sample_weight("balanced", y)
            if weights == "balanced"
            else np.array([weights.get(int(label), 1.0) for label in y])
        )
        assert_same(
            trained(network(loss), X, y, class_weight=weights), trained(network(loss), X, y, sample_weight=each)
        )
        own = 0.5 + np.arange(len(X)) % 2
        both = trained(network(loss), X, y, class_weight=weights, sample_weight=own)
        assert_same(both, trained(network(loss), X, y, sample_weight=own * each))

    def test_each_label_of_several_has_its_own_balance(self) -> None:
        y = np.array([[1.0, 0], [0, 0], [0, np.nan], [0, 1], [1, np.nan], [0, 0]])
        weights = entry_weights(checked_loss("binary_crossentropy"), y, 2, class_weight="balanced")
        expected = np.array([[1.5, 2 / 3], [0.75, 2 / 3], [0.75, 0], [0.75, 2], [1.5, 0], [0.75, 2 / 3]])
        np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-14)

    def test_a_soft_label_has_the_mean_over_its_classes(self) -> None:
        y = np.array([[0.25, 0.75, 0], [0, 0, 1]])
        weights = entry_weights(checked_loss("categorical_crossentropy"), y, 3, class_weight={0: 4, 2: 0.5})
        np.testing.assert_allclose(weights, np.array([[1.75], [0.5]]) / 1.125, rtol=1e-14)

    def test_without_any_there_is_nothing_to_hold(self) -> None:
        weights = entry_weights(checked_loss("binary_crossentropy"), np.zeros((7, 2)), 2)
        assert weights.shape == (0, 2)


@on_both_engines
class TestMissingLabels:
    def test_what_has_no_label_is_in_neither_loss_nor_gradient(self, backend: str) -> None:
        """Of one layer each output learns by itself, at a rate that goes with its share of the labels."""
        X, _ = data("binary_crossentropy")
        Y = (X[:, :2] > 0).astype(np.float64)
        Y[4:9, 1] = Y[16, :] = np.nan
        labelled = ~np.isnan(Y)

        def layer(units: int) -> fn.Network:
            one = [fn.Dense(units, activation="sigmoid", init="zeros")]
            return fn.Network(one, input_shape=3, loss="binary_crossentropy", dtype="float64")

        net = layer(2)
        net.fit(X, Y, optimizer=fn.SGD(0.4), epochs=8, batch_size=None, backend=backend)
        for column in range(2):
            rows = labelled[:, column]
            alone, rate = layer(1), 0.4 * rows.sum() / labelled.sum()
            alone.fit(X[rows], Y[rows, column], optimizer=fn.SGD(rate), epochs=8, batch_size=None, backend=backend)
            (W, b), (W1, b1) = net.get_weights()[0], alone.get_weights()[0]
            np.testing.assert_allclose(W[:, [column]], W1, rtol=1e-12)
            np.testing.assert_allclose(b[column], b1[0], rtol=1e-11, atol=1e-15)

    def test_scores_are_over_the_labels_there_are(self, backend: str) -> None:
        X, _ = data("binary_crossentropy")
        Y = (X[:, :2] > 0).astype(np.float64)
        Y[4:9, 1] = Y[0] = np.nan
        net = network("binary_crossentropy", 2)
        p = net.predict_proba(X, backend=backend)
        losses = np.where(Y > 0, -np.log(p), np.where(np.isnan(Y), np.nan, -np.log(1 - p)))
        scores = net.evaluate(X, Y, backend=backend)
        assert scores["loss"] == pytest.approx(np.nanmean(losses), rel=1e-13)
        right = (p > 0.5) == (Y > 0.5)
        assert scores["accuracy"] == pytest.approx(right[~np.isnan(Y)].mean(), rel=1e-14)
        each, counts = net.sample_losses(X, Y, backend=backend), (~np.isnan(Y)).sum(axis=1)
        assert np.isnan(each[0])
        np.testing.assert_allclose(each[1:], np.nanmean(losses[1:], axis=1), rtol=1e-13)
        assert np.average(each[1:], weights=counts[1:]) == pytest.approx(scores["loss"], rel=1e-13)

    def test_a_single_output_has_to_have_them_all(self, backend: str) -> None:
        X, y = data("binary_crossentropy")
        with pytest.raises(fn.DataError, match="row 3 holds NaN"):
            network("binary_crossentropy").fit(X, np.where(np.arange(len(y)) == 3, np.nan, y), backend=backend)
        with pytest.raises(fn.DataError, match="y has no label: every target is NaN"):
            network("binary_crossentropy", 2).evaluate(X, np.full((len(X), 2), np.nan), backend=backend)


@on_both_engines
@for_each_loss
def test_the_loss_of_each_sample_is_that_of_a_set_of_it_alone(loss: str, backend: str) -> None:
    X, y = data(loss)
    plain = network(loss)
    net = fn.Network(
        [fn.Dense(4, activation="tanh", l2=0.3), plain.layers[1]], input_shape=3, loss=loss, dtype="float64", seed=1
    )
    losses = net.sample_losses(X, y, backend=backend)
    assert losses.shape == (len(X),)
    alone = [plain.evaluate(X[i : i + 1], y[i : i + 1], backend=backend)["loss"] for i in range(len(X))]
    np.testing.assert_allclose(losses, alone, rtol=1e-13)
    assert plain.evaluate(X, y, backend=backend)["loss"] == pytest.approx(losses.mean(), rel=1e-13)


@settings(max_examples=20)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 7.0]), min_size=18, max_size=18).filter(any))
def test_scores_with_weights_agree_with_those_of_the_samples(weights: list[float]) -> None:
    X, y = data("binary_crossentropy")
    net = network("binary_crossentropy")
    scores = net.evaluate(X, y, sample_weight=weights)
    assert scores["loss"] == pytest.approx(np.average(net.sample_losses(X, y), weights=weights), rel=1e-13)
    assert scores["accuracy"] == pytest.approx(np.average(net.predict(X) == y, weights=weights), rel=1e-13)
    assert net.evaluate(X, y, sample_weight=weights, metrics=["accuracy"]) == pytest.approx(scores, rel=1e-13)


@on_both_engines
def test_weights_of_the_validation_data(backend: str) -> None:
    X, y = data("binary_crossentropy")
    weights = np.arange(9) / 4
    held_out = (X[:9], y[:9], weights)
    net = network("binary_crossentropy")
    history = net.fit(X, y, epochs=3, validation_data=held_out, class_weight={1: 5}, backend=backend)
    expected = net.evaluate(X[:9], y[:9], sample_weight=weights, backend=backend)
    assert history.val_loss[-1] == expected["loss"]
    without = [
        network("binary_crossentropy").fit(X, y, epochs=2, validation_data=data, backend=backend).val_loss
        for data in ((X, y), [X, y], (X, y, None))
    ]
    assert without[0] == without[1] == without[2]


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"sample_weight": np.ones(17)}, fn.DataError, r"must have shape \(18,\), a weight a sample, .*\(17,\)"),
        ({"sample_weight": np.ones((18, 1))}, fn.DataError, r"its shape is \(18, 1\)"),
        ({"sample_weight": -np.ones(18)}, fn.DataError, "of at least 0, but row 0 holds -1"),
        ({"sample_weight": [np.nan] * 18}, fn.DataError, "row 0 holds nan"),
        ({"sample_weight": [1.0] * 17 + [np.inf]}, fn.DataError, "row 17 holds inf"),
        ({"sample_weight": "balanced"}, fn.DataError, "sample_weight must hold numbers"),
        ({"sample_weight": np.zeros(18)}, fn.DataError, "no sample has a weight above 0"),
        ({"class_weight": {0: 0, 1: 0}}, fn.DataError, "no sample has a weight above 0"),
        ({"class_weight": "balance"}, fn.ConfigurationError, "class_weight must be .balanced. or a dict"),
        ({"class_weight": [1, 2]}, fn.ConfigurationError, r"a dict of weights by class index, not \[1, 2\]"),
        ({"class_weight": {2: 1}}, fn.ConfigurationError, "names the class 2, but the classes are 0 to 1"),
        ({"class_weight": {True: 1}}, fn.ConfigurationError, "names the class True"),
        ({"class_weight": {0: -1}}, fn.ConfigurationError, "the weight of class 0 must be a number at least 0"),
        ({"validation_data": (np.ones((2, 3)), [0, 1], [0, 0])}, fn.DataError, "no sample has a weight above 0"),
        ({"validation_data": (np.ones((2, 3)), [0, 1], [1])}, fn.DataError, r"must have shape \(2,\)"),
    ],
)
def test_weights_that_cannot_be_used(options: dict[str, Any], error: type[Exception], sentence: str) -> None:
    X, y = data("binary_crossentropy")
    net = network("binary_crossentropy", dtype="float32")
    before = net.parameters.copy()
    with pytest.raises(error, match=sentence):
        net.fit(X, y, epochs=1, **options)
    np.testing.assert_array_equal(net.parameters, before)


def test_a_loss_without_classes_has_no_class_weights() -> None:
    X, y = data("huber")
    with pytest.raises(fn.ConfigurationError, match="class_weight needs classes, but huber has none"):
        network("huber").fit(X, y, epochs=1, class_weight="balanced")
