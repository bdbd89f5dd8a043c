"""The cross-entropy by columns and the count of right answers, for every shape around the squares it works in."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fastnet_kernels.program import LOSSES
from fastnet_kernels.reference.losses import count_correct, loss_forward_backward

CATEGORICAL = LOSSES.index("categorical_crossentropy")


def compiled(name: str, *arguments: Any) -> Any:
    """The library's kernel, for arguments of these types."""
    from fastnet_kernels.jit import losses
    from fastnet_kernels.jit.library import entry_point_for

    return entry_point_for(getattr(losses, name), arguments, f"{name}-{arguments[0].dtype.name}")(*arguments)


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
    for classes in (2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65):
        for rows in (1, 2, 7, 8, 9, 15, 16, 17, 33):
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
