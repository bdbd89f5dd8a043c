"""Losses beside PyTorch's in float64: fifty steps of three layers, with weights of samples and of classes, with labels
that are soft, smoothed or missing."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

import fastnet as fn

from .torch_twin import (
    ADAM,
    CLASSES,
    MOMENTUM,
    NUMBERS,
    ROWS,
    Array,
    assert_same_training,
    dense,
    functional,
    on_both,
    torch,
)

# Both engines are held to PyTorch once; without the compiler they are held to each other.
pytestmark = pytest.mark.needs_compiler

rng = np.random.default_rng(7)

YES_OR_NO = (rng.random((ROWS, 1)) < 0.3).astype(float)
LABELS = (rng.random((ROWS, 3)) < [0.2, 0.5, 0.8]).astype(float)
SHARES = rng.random((ROWS, 3))
SOFT = rng.dirichlet([1, 1, 1], ROWS)
COUNTS = rng.poisson(2, (ROWS, 3)).astype(float)
# The first batch counts for nothing, and of the others a row here and there.
SAMPLE_WEIGHT = rng.random(ROWS) * (rng.random(ROWS) < 0.8) * (np.arange(ROWS) >= 8)
GAPS = np.where(rng.random((ROWS, 3)) < 0.4, np.nan, LABELS)
GAPS[8:16] = np.nan  # a batch without a label, which has no gradient


def reduced(losses: Any, reduction: str) -> Any:
    """As PyTorch's own losses do it."""
    return losses.mean() if reduction == "mean" else losses


def log_cosh(z: Any, t: Any, reduction: str) -> Any:
    """PyTorch has none."""
    size = (z - t).abs()
    return reduced(size + functional.softplus(-2 * size) - np.log(2), reduction)


def hinge(z: Any, t: Any, reduction: str) -> Any:
    """PyTorch has that of many classes only."""
    return reduced(torch.clamp(1 - t * z, min=0), reduction)


def smoothed_binary(z: Any, t: Any, reduction: str) -> Any:
    """PyTorch's takes no label smoothing."""
    return functional.binary_cross_entropy_with_logits(z, 0.9 * t + 0.05, reduction=reduction)


class Problem(NamedTuple):
    """A loss, the last activation, targets (ROWS, n_outputs) or class indices, and PyTorch's function."""

    loss: Any
    last: str
    y: Array
    function: Callable[..., Any]

    @property
    def net(self) -> fn.Network:
        return dense(3 if self.y.ndim == 1 else self.y.shape[1], last=self.last, loss=self.loss)

    def cost(self, z: Any, rows: slice) -> Any:
        return self.function(z, torch.tensor(self.y[rows]), reduction="mean")

    def losses(self, z: Any, rows: slice) -> Any:
        """Of each entry: (n_samples, n_outputs), or (n_samples, 1) where the outputs have one in all."""
        return self.function(z, torch.tensor(self.y[rows]), reduction="none").reshape(len(z), -1)


binary = functional.binary_cross_entropy_with_logits
PROBLEMS = {
    "mean squared error": Problem("mean_squared_error", "identity", NUMBERS, functional.mse_loss),
    "mean squared error of an activation": Problem("mean_squared_error", "sigmoid", NUMBERS, functional.mse_loss),
    "mean absolute error": Problem("mean_absolute_error", "identity", NUMBERS, functional.l1_loss),
    "huber": Problem("huber", "identity", NUMBERS, functional.huber_loss),
    "huber of 0.3": Problem(fn.Huber(0.3), "identity", NUMBERS, partial(functional.huber_loss, delta=0.3)),
    "log cosh": Problem("log_cosh", "identity", NUMBERS, log_cosh),
    "poisson": Problem("poisson", "exponential", COUNTS, functional.poisson_nll_loss),
    "hinge": Problem("hinge", "identity", 2 * LABELS - 1, hinge),
    "binary": Problem("binary_crossentropy", "sigmoid", YES_OR_NO, binary),
    "binary, several outputs": Problem("binary_crossentropy", "sigmoid", LABELS, binary),
    "binary, soft labels": Problem("binary_crossentropy", "sigmoid", SHARES, binary),
    "binary, smoothed": Problem(fn.BinaryCrossentropy(0.1), "sigmoid", LABELS, smoothed_binary),
    "categorical": Problem("categorical_crossentropy", "softmax", CLASSES, functional.cross_entropy),
    "categorical, soft labels": Problem("categorical_crossentropy", "softmax", SOFT, functional.cross_entropy),
    "categorical, smoothed": Problem(
        fn.CategoricalCrossentropy(0.1), "softmax", CLASSES, partial(functional.cross_entropy, label_smoothing=0.1)
    ),
    "categorical, soft labels smoothed": Problem(
        fn.CategoricalCrossentropy(0.2), "softmax", SOFT, partial(functional.cross_entropy, label_smoothing=0.2)
    ),
}


def weighted_mean(losses: Any, weights: Array) -> Any:
    """Of a batch's entries; 0 where nothing has a weight."""
    return (losses * torch.tensor(weights)).sum() / (weights.sum() or 1)


def assert_same_weighted(problem: Problem, weights: Array, backend: str, **options: Any) -> None:
    """With these weights of the entries, (ROWS, 1) or (ROWS, n_outputs)."""

    def cost(z: Any, rows: slice) -> Any:
        losses = problem.losses(z, rows)
        return weighted_mean(losses, np.broadcast_to(weights[rows], losses.shape))

    assert_same_training(problem.net, problem.y, cost, MOMENTUM, backend, mass=weights.sum(axis=1), **options)


def test_every_loss_is_compared() -> None:
    assert {problem.net.loss for problem in PROBLEMS.values()} == set(fn.LOSSES)


@on_both
@pytest.mark.parametrize("pair", [MOMENTUM, ADAM], ids=["momentum", "adam"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_losses(name: str, pair: Any, backend: str) -> None:
    problem = PROBLEMS[name]
    assert_same_training(problem.net, problem.y, problem.cost, pair, backend)


@on_both
@pytest.mark.parametrize("name", PROBLEMS)
def test_sample_weights(name: str, backend: str) -> None:
    assert_same_weighted(PROBLEMS[name], SAMPLE_WEIGHT[:, np.newaxis], backend, sample_weight=SAMPLE_WEIGHT)


def balanced(y: Array) -> Array:
    return np.asarray(compute_class_weight("balanced", classes=np.unique(y), y=y))


@on_both
@pytest.mark.parametrize(
    ("class_weight", "table"),
    [({0: 0.2, 2: 3.0}, [0.2, 1, 3]), ("balanced", balanced(CLASSES))],
    ids=["given", "balanced"],
)
def test_class_weights(class_weight: Any, table: Sequence[float], backend: str) -> None:
    of_classes = np.asarray(table, float)
    problem, weights = PROBLEMS["categorical"], of_classes[CLASSES]

    def cost(z: Any, rows: slice) -> Any:
        return functional.cross_entropy(z, torch.tensor(CLASSES[rows]), weight=torch.tensor(of_classes))

    assert_same_training(problem.net, CLASSES, cost, MOMENTUM, backend, mass=weights, class_weight=class_weight)
    both = weights * SAMPLE_WEIGHT
    assert_same_weighted(
        *(problem, both[:, np.newaxis], backend), class_weight=class_weight, sample_weight=SAMPLE_WEIGHT
    )


@on_both
@pytest.mark.parametrize("name", ["binary", "binary, several outputs", "binary, smoothed", "hinge"])
def test_class_weights_of_yes_and_no(name: str, backend: str) -> None:
    problem = PROBLEMS[name]
    weights = np.where(problem.y > 0, 2.5, 0.5)
    assert_same_weighted(problem, weights, backend, class_weight={0: 0.5, 1: 2.5})
    columns = [balanced(column)[(column > 0).astype(int)] for column in problem.y.T]
    assert_same_weighted(problem, np.stack(columns, axis=1), backend, class_weight="balanced")


@on_both
@pytest.mark.parametrize("name", ["categorical, soft labels", "categorical, soft labels smoothed"])
def test_class_weights_of_soft_labels(name: str, backend: str) -> None:
    # PyTorch weighs each class's term of a sample's loss and divides by the number of samples. Here a sample has the
    # mean weight of its classes, and the sum of the weights divides: for class indices that is PyTorch's own.
    weights = SOFT @ [0.2, 1, 3]
    assert_same_weighted(PROBLEMS[name], weights[:, np.newaxis], backend, class_weight={0: 0.2, 2: 3.0})


@on_both
def test_class_weights_of_soft_yes_and_no(backend: str) -> None:
    weights = 0.5 + 2 * SHARES
    assert_same_weighted(PROBLEMS["binary, soft labels"], weights, backend, class_weight={0: 0.5, 1: 2.5})


@on_both
def test_class_weights_of_smoothed_labels(backend: str) -> None:
    # PyTorch weighs the classes that smoothing adds by their own weights. Here the label alone says the weight.
    weights = np.array([0.2, 1, 3])[CLASSES]
    assert_same_weighted(
        PROBLEMS["categorical, smoothed"], weights[:, np.newaxis], backend, class_weight={0: 0.2, 2: 3}
    )


@on_both
@pytest.mark.parametrize("name", ["binary, several outputs", "binary, smoothed"])
@pytest.mark.parametrize("weighted", ["not weighted", "sample_weight", "class_weight"])
def test_missing_labels(name: str, weighted: str, backend: str) -> None:
    labelled = ~np.isnan(GAPS)
    filled, weights = np.nan_to_num(GAPS), labelled.astype(float)
    options: dict[str, Any] = {}
    if weighted == "sample_weight":
        options, weights = {"sample_weight": SAMPLE_WEIGHT}, weights * SAMPLE_WEIGHT[:, np.newaxis]
    elif weighted == "class_weight":
        options = {"class_weight": "balanced"}
        for column, has, y in zip(weights.T, labelled.T, filled.T, strict=True):
            column[has] = balanced(y[has])[y[has].astype(int)]
    problem = PROBLEMS[name]._replace(y=filled)

    def cost(z: Any, rows: slice) -> Any:
        return weighted_mean(problem.losses(z, rows), weights[rows])

    assert_same_training(problem.net, GAPS, cost, MOMENTUM, backend, mass=weights.sum(axis=1), **options)
