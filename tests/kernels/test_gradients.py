"""The reference's gradients against central differences in float64."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from fastnet_kernels.program import ACTIVATIONS, LOSSES
from fastnet_kernels.reference.activations import activation_backward, activation_forward
from fastnet_kernels.reference.dense import dense_backward, dense_forward, dense_gradients, l2_penalty
from fastnet_kernels.reference.losses import loss_forward_backward

Float64 = npt.NDArray[np.float64]
STEP = 1e-6
# A central difference errs by about STEP**2 (truncation) plus eps / STEP (rounding): a few 1e-10 of the value's size.
TOLERANCE = 2e-9


def differences(function: object, at: Float64) -> Float64:
    """Central differences of a scalar function with respect to every number of ``at``."""
    result = np.empty_like(at)
    for index in itertools.product(*(range(size) for size in at.shape)):
        kept = at[index]
        at[index] = kept + STEP
        above = function()  # type: ignore[operator]
        at[index] = kept - STEP
        below = function()  # type: ignore[operator]
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
    np.testing.assert_allclose(dz, differences(value, z), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("activation", range(len(ACTIVATIONS)), ids=ACTIVATIONS)
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_dense(activation: int, l2: float) -> None:
    rng = np.random.default_rng(activation)
    x, weights, biases = rng.standard_normal((4, 3)), rng.standard_normal((3, 5)), rng.standard_normal(5)
    da, a, z = rng.standard_normal((4, 5)), np.empty((4, 5)), np.empty((4, 5))

    def value() -> float:
        dense_forward(a, z, x, weights, biases, activation, 0.25)
        return float(np.sum(a * da)) + l2_penalty(np.zeros_like(weights), weights, l2)

    value()
    dx, dz, dweights, dbiases = np.empty_like(x), np.empty_like(a), np.empty_like(weights), np.empty_like(biases)
    dense_backward(dx, dz, da, a, z, weights, activation, 0.25, True)
    dense_gradients(dweights, dbiases, x, dz, 0, False)
    l2_penalty(dweights, weights, l2)
    for gradient, variable in ((dx, x), (dweights, weights), (dbiases, biases)):
        np.testing.assert_allclose(gradient, differences(value, variable), rtol=0, atol=10 * TOLERANCE)


@pytest.mark.parametrize("loss", range(len(LOSSES)), ids=LOSSES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_loss(loss: int, outputs: int) -> None:
    rng = np.random.default_rng(loss)
    output = rng.standard_normal((6, outputs))
    columns = 1 if LOSSES[loss] == "categorical_crossentropy" else outputs
    targets = rng.integers(0, outputs if columns < outputs else 2, (6, columns)).astype(np.float64)
    if LOSSES[loss] == "categorical_crossentropy" and outputs == 1:
        targets[:] = 0
    doutput = np.empty_like(output)
    loss_forward_backward(doutput, output, targets, 1 / 6, loss)

    def value() -> float:
        return loss_forward_backward(np.empty_like(output), output, targets, 1.0, loss) / 6

    np.testing.assert_allclose(doutput, differences(value, output), rtol=0, atol=TOLERANCE)


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
    doutput = np.empty_like(output)
    # The first row is right only for softmax, the second wrong for both: its loss is the logits' distance.
    total = loss_forward_backward(doutput, output, np.array(targets, dtype), 1.0, LOSSES.index(loss))
    assert total == pytest.approx(20000.0)
    assert np.abs(doutput[1]).max() == pytest.approx(1.0)
