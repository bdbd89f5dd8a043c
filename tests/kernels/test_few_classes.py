"""The softmax and the cross-entropy by columns and the count of right answers, for every shape around their squares."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fastnet_kernels.program import ACTIVATIONS, LOSSES
from fastnet_kernels.reference.activations import activation_forward
from fastnet_kernels.reference.losses import count_correct, loss_forward_backward

CATEGORICAL = LOSSES.index("categorical_crossentropy")
SOFTMAX = ACTIVATIONS.index("softmax")
SHAPES = [
    (rows, classes)
    for classes in (2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65)
    for rows in (1, 2, 7, 8, 9, 15, 16, 17, 33)
]


def compiled(name: str, *arguments: Any) -> Any:
    """The library's kernel, for arguments of these types."""
    from fastnet_kernels.jit import activations, losses
    from fastnet_kernels.jit.library import entry_point_for

    kernel = getattr(activations if hasattr(activations, name) else losses, name)
    return entry_point_for(kernel, arguments, f"{name}-{arguments[0].dtype.name}")(*arguments)


def of_a_batch(
    output: npt.NDArray[Any], targets: npt.NDArray[Any], run: Any
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    losses, doutput = np.full((len(output), 1), np.nan, output.dtype), np.full_like(output, np.nan)
    none = np.empty((0, 1), output.dtype)
    run(losses, doutput, output, targets, none, 0.25, CATEGORICAL, 0.0)
    return losses, doutput


@pytest.mark.needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_shape_and_kind_of_target(dtype: str) -> None:
    rng, rounding = np.random.default_rng(0), np.finfo(dtype).eps
    for rows, classes in SHAPES:
        output = (4 * rng.standard_normal((rows, classes))).astype(dtype)
        output[0, :2] = output[0].max()  # two are the largest
        one = rng.integers(0, classes, (rows, 1)).astype(dtype)
        some = rng.dirichlet(np.ones(classes), rows).astype(dtype)
        for targets in (one, some):
            losses, doutput = of_a_batch(output, targets, lambda *a: compiled("loss_forward_backward", *a))
            exact = of_a_batch(output.astype(np.float64), targets.astype(np.float64), loss_forward_backward)
            # A logit's rounding against the largest, some of an exponential's, and one for each class in the sums.
            bound = float(rounding * (classes + 8) * (2 + 2 * np.abs(output).max()))
            np.testing.assert_allclose(losses, exact[0], rtol=0, atol=bound)
            np.testing.assert_allclose(doutput, exact[1], rtol=0, atol=0.25 * bound)
            counted = compiled("count_correct", output, targets, CATEGORICAL)
            assert counted == count_correct(output, targets, CATEGORICAL)


@pytest.mark.needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("in_place", [False, True])
def test_the_softmax_of_every_shape(dtype: str, in_place: bool) -> None:
    """What is beside the rows and columns stays as it is."""
    rng, rounding = np.random.default_rng(0), np.finfo(dtype).eps
    for rows, classes in SHAPES:
        z = (4 * rng.standard_normal((rows, classes))).astype(dtype)
        memory = np.full(z.size + 64, 7, dtype)
        a = memory[: z.size].reshape(z.shape)
        if in_place:
            a[...] = z
        compiled("activation_forward", a, a if in_place else z, SOFTMAX, 0.0)
        exact = np.empty(z.shape)
        activation_forward(exact, z.astype(np.float64), SOFTMAX, 0.0)
        # The logits' difference is rounded by half an eps of itself, and so is what its exponential makes of it; four
        # are the exponential's, the reciprocal's and the products', and the sum has one for each class.
        limit = rounding * (np.abs(z - z.max(axis=1, keepdims=True)) + classes + 4)
        assert (np.abs(a - exact) <= limit * exact).all(), (rows, classes)
        assert (memory[z.size :] == 7).all()


@pytest.mark.needs_compiler
@pytest.mark.parametrize("classes", [3, 64, 65])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_softmax_of_what_is_no_number(classes: int, dtype: str) -> None:
    """NaN makes its own row NaN, a class that is ruled out has no share, and two infinite ones have no answer."""
    z = np.zeros((5, classes), dtype)
    z[0, 1], z[1, 2], z[2, :2], z[4] = np.nan, -np.inf, np.inf, 1e30
    a = np.empty_like(z)
    compiled("activation_forward", a, z, SOFTMAX, 0.0)
    assert np.isnan(a[0]).all()
    rounding = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(a[1], np.where(np.arange(classes) == 2, 0, 1 / (classes - 1)), rtol=rounding)
    assert a[1, 2] == 0
    assert np.isnan(a[2, :2]).all()
    np.testing.assert_allclose(a[3:], 1 / classes, rtol=rounding)


@pytest.mark.needs_compiler
def test_a_class_that_is_ruled_out_costs_nothing() -> None:
    output = np.array([[0.0, -np.inf, 1.0], [2.0, 0.0, -np.inf]], np.float32)
    targets = np.array([[2.0], [0.0]], np.float32)
    losses, doutput = of_a_batch(output, targets, lambda *a: compiled("loss_forward_backward", *a))
    exact = of_a_batch(output.astype(np.float64), targets.astype(np.float64), loss_forward_backward)
    np.testing.assert_allclose(losses, exact[0], rtol=8 * float(np.finfo(np.float32).eps))
    np.testing.assert_allclose(doutput, exact[1], rtol=8 * float(np.finfo(np.float32).eps))
    assert doutput[0, 1] == doutput[1, 2] == 0


@pytest.mark.needs_compiler
def test_of_several_largest_the_first_is_chosen() -> None:
    output = np.zeros((3, 20), np.float32)
    output[:, [4, 18]] = 1
    targets = np.array([[4.0], [18.0], [5.0]], np.float32)
    assert compiled("count_correct", output, targets, CATEGORICAL) == 1
    assert compiled("count_correct", output, output, CATEGORICAL) == 3


@pytest.mark.needs_compiler
def test_losses_that_are_small_keep_their_digits() -> None:
    output = np.array([[0.0, 40.0, -3.0], [-60.0, 0.0, 25.0]], np.float64)
    targets = np.array([[1.0], [2.0]])
    losses, _ = of_a_batch(output, targets, lambda *a: compiled("loss_forward_backward", *a))
    small = [np.log1p(np.exp(-40) + np.exp(-43)), np.log1p(np.exp(-85) + np.exp(-25))]
    np.testing.assert_allclose(losses[:, 0], small, rtol=64 * np.finfo(float).eps)
