"""The reference's gradients against central differences in float64."""

import itertools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from fastnet_kernels.program import ACTIVATIONS, LOSSES
from fastnet_kernels.reference.activations import activation_backward, activation_forward
from fastnet_kernels.reference.dense import dense_backward, dense_forward, dense_gradients, weight_penalty
from fastnet_kernels.reference.losses import loss_forward_backward

Float64 = npt.NDArray[np.float64]
STEP = 1e-6
# A central difference errs by about STEP**2 (truncation) plus eps / STEP (rounding): a few 1e-10 of the value's size.
TOLERANCE = 2e-9


def differences(function: Callable[[], float], at: Float64) -> Float64:
    """Central differences of a scalar function with respect to every number of ``at``."""
    result = np.empty_like(at)
    for index in itertools.product(*(range(size) for size in at.shape)):
        kept = at[index]
        at[index] = kept + STEP
        above = function()
        at[index] = kept - STEP
        below = function()
        at[index] = kept
        result[index] = (above - below) / (2 * STEP)
    return result


@pytest.mark.parametrize("activation", range(len(ACTIVATIONS)), ids=ACTIVATIONS)
def test_activation(activation: int) -> None:
    rng = np.random.default_rng(activation)
    z, da = rng.standard_normal((4, 5)), rng.standard_normal((4, 5))
    a, dz = np.empty_like(z), np.empty_like(z)

    def value() -> float:
        activation_forward(a, z, activation, 0.25)
        return float(np.sum(a * da))

    value()
    activation_backward(dz, da, a, z, activation, 0.25)
    np.testing.assert_allclose(dz, differences(value, z), rtol=0, atol=TOLERANCE * max(1, np.abs(a).max()))


@pytest.mark.parametrize("activation", range(len(ACTIVATIONS)), ids=ACTIVATIONS)
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_dense(activation: int, l2: float) -> None:
    rng = np.random.default_rng(activation)
    x, weights, biases = rng.standard_normal((4, 3)), rng.standard_normal((3, 5)), rng.standard_normal(5)
    da, a, z = rng.standard_normal((4, 5)), np.empty((4, 5)), np.empty((4, 5))

    def value() -> float:
        dense_forward(a, z, x, weights, biases, activation, 0.25)
        return float(np.sum(a * da)) + weight_penalty(np.zeros_like(weights), weights, l2 / 2, l2)

    value()
    dx, dz, dweights, dbiases = np.empty_like(x), np.empty_like(a), np.empty_like(weights), np.empty_like(biases)
    dense_backward(dx, dz, da, a, z, x, weights, activation, 0.25, True, False)
    dense_gradients(dweights, dbiases, x, dz, 0, False)
    weight_penalty(dweights, weights, l2 / 2, l2)
    for gradient, variable in ((dx, x), (dweights, weights), (dbiases, biases)):
        atol = 10 * TOLERANCE * max(1, np.abs(a).max())
        np.testing.assert_allclose(gradient, differences(value, variable), rtol=0, atol=atol)


def of_loss(output: Float64, targets: Float64, weights: Float64, loss: int) -> tuple[float, Float64]:
    """The weighted mean of the losses and its gradient."""
    columns = 1 if LOSSES[loss] == "categorical_crossentropy" else output.shape[1]
    losses, doutput = np.empty((len(output), columns)), np.empty_like(output)
    scale = 1 / (weights.sum() if len(weights) else losses.size)
    total = loss_forward_backward(losses, doutput, output, targets, weights, scale, loss, 0.75)
    return total * scale, doutput


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("loss", range(len(LOSSES)), ids=LOSSES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_loss(loss: int, outputs: int, soft: bool, weighted: bool) -> None:
    rng = np.random.default_rng(loss)
    output = rng.standard_normal((6, outputs))
    categorical = LOSSES[loss] == "categorical_crossentropy"
    if not categorical:
        targets = rng.random((6, outputs)) if soft else rng.integers(0, 2, (6, outputs)).astype(np.float64)
    elif soft and outputs > 1:
        targets = rng.dirichlet(np.ones(outputs), 6)
    else:
        targets = rng.integers(0, outputs, (6, 1)).astype(np.float64)
    columns = 1 if categorical else outputs
    weights = rng.integers(0, 3, (6 if weighted else 0, columns)).astype(np.float64)
    _, gradient = of_loss(output, targets, weights, loss)
    expected = differences(lambda: of_loss(output, targets, weights, loss)[0], output)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("loss", "targets"), [("binary_crossentropy", [[0.0], [1.0]]), ("categorical_crossentropy", [[0.0], [1.0]])]
)
def test_a_logit_of_10000_neither_overflows_nor_loses_its_gradient(
    loss: str, targets: list[list[float]], dtype: str
) -> None:
    columns = 1 if loss == "binary_crossentropy" else 2
    output = np.full((2, columns), 1e4, dtype)
    if columns == 2:
        output[:, 1] = -1e4
    else:
        output[1] = -1e4
    losses, doutput = np.empty((2, 1), dtype), np.empty_like(output)
    # The first row is right only for softmax, the second wrong for both: its loss is the logits' distance.
    given = np.array(targets, dtype), np.empty((0, 1), dtype)
    total = loss_forward_backward(losses, doutput, output, *given, 1.0, LOSSES.index(loss), 0.0)
    assert total == pytest.approx(20000.0)
    assert np.abs(doutput[1]).max() == pytest.approx(1.0)
