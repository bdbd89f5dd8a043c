"""Schedules beside ``torch.optim.lr_scheduler``, to 1e-12 relative.

PyTorch is no dependency: ``pip install -e ".[oracle]"`` brings it, and without it these tests are skipped.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from fastnet.schedules import (
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    ReduceOnPlateau,
    StepDecay,
    Timed,
    WarmUp,
)

# No kernel runs in these.
pytestmark = pytest.mark.needs_compiler

torch = pytest.importorskip("torch", reason='PyTorch is the oracle of these tests: pip install -e ".[oracle]"')
scheduler = torch.optim.lr_scheduler

RATE = 0.3
RELATIVE = 1e-12


def optimizer() -> Any:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], RATE)


def theirs(make: Callable[[Any], Any], counts: int) -> list[float]:
    """The rates of the first counts, each taken before a step as a training loop does."""
    updates = optimizer()
    schedule = make(updates)
    rates = []
    for count in range(counts):
        rates.append(updates.param_groups[0]["lr"])
        updates.step()
        if count < counts - 1:  # OneCycleLR counts its steps
            schedule.step()
    return rates


@pytest.mark.parametrize(
    ("ours", "make", "counts"),
    [
        (StepDecay(RATE, 0.5, 3), lambda o: scheduler.StepLR(o, 3, 0.5), 20),
        (StepDecay(RATE), lambda o: scheduler.StepLR(o, 10), 45),
        (ExponentialDecay(RATE, 0.9), lambda o: scheduler.ExponentialLR(o, 0.9), 60),
        (
            PiecewiseConstant([2, 3, 7], [RATE, RATE / 2, RATE / 4, RATE / 8]),
            lambda o: scheduler.MultiStepLR(o, [2, 3, 7], 0.5),
            12,
        ),
        (PolynomialDecay(RATE, over=9), lambda o: scheduler.PolynomialLR(o, 9), 15),
        (PolynomialDecay(RATE, over=9, power=2.5), lambda o: scheduler.PolynomialLR(o, 9, 2.5), 15),
        (
            PolynomialDecay(RATE, RATE / 4, over=6),
            lambda o: scheduler.LinearLR(o, start_factor=1, end_factor=0.25, total_iters=6),
            10,
        ),
        (CosineDecay(RATE, over=12), lambda o: scheduler.CosineAnnealingLR(o, 12), 13),
        (CosineDecay(RATE, 0.02, over=12), lambda o: scheduler.CosineAnnealingLR(o, 12, 0.02), 13),
        (CosineDecay(RATE, over=7, restarts=True), lambda o: scheduler.CosineAnnealingWarmRestarts(o, 7), 30),
        (
            CosineDecay(RATE, 0.01, over=3, growth=2, restarts=True),
            lambda o: scheduler.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
            100,
        ),
        (
            CosineDecay(RATE, over=1, growth=3, restarts=True),
            lambda o: scheduler.CosineAnnealingWarmRestarts(o, 1, 3),
            50,
        ),
        *(
            (
                OneCycle(RATE, over=over, start_share=share, start_divisor=start, end_divisor=end),
                lambda o, given=(over, share, start, end): scheduler.OneCycleLR(
                    o,
                    RATE,
                    given[0],
                    pct_start=given[1],
                    div_factor=given[2],
                    final_div_factor=given[3],
                    cycle_momentum=False,
                ),
                over,
            )
            for over, share, start, end in [
                (20, 0.3, 25.0, 1e4),
                (17, 0.3, 25.0, 1e4),
                (101, 0.25, 10.0, 1e3),
                (10, 0.9, 1.0, 1.0),
                (3, 0.3, 25.0, 1e4),  # no count to rise in
                (2, 0.3, 25.0, 1e4),
                (8, 0.0, 25.0, 100.0),
            ]
        ),
        (
            WarmUp(RATE, over=5, start=RATE / 5),
            lambda o: scheduler.LinearLR(o, start_factor=0.2 + 0.8 / 5, total_iters=4),
            12,
        ),
        (
            WarmUp(ExponentialDecay(RATE, 0.8), over=4),
            lambda o: scheduler.SequentialLR(
                o,
                [scheduler.LinearLR(o, start_factor=1 / 4, total_iters=3), scheduler.ExponentialLR(o, 0.8)],
                milestones=[4],
            ),
            15,
        ),
        (
            WarmUp(CosineDecay(RATE, over=10), over=1),
            lambda o: scheduler.SequentialLR(
                o, [scheduler.ConstantLR(o, 1.0, 1), scheduler.CosineAnnealingLR(o, 10)], milestones=[1]
            ),
            11,
        ),
    ],
    ids=lambda value: repr(value) if isinstance(value, Timed) else "",
)
def test_rates(ours: Timed, make: Callable[[Any], Any], counts: int) -> None:
    expected = theirs(make, counts)
    # PyTorch's cosines end a rounding error of the highest rate away from 0.
    np.testing.assert_allclose(ours.rates(0, counts, 1), expected, rtol=RELATIVE, atol=1e-16)
    np.testing.assert_array_equal(ours.rates(0, 3 * counts, 3), np.repeat(ours.rates(0, counts, 1), 3))


def plateau_rates(values: Iterable[float], **settings: Any) -> list[float]:
    updates = optimizer()
    schedule = scheduler.ReduceLROnPlateau(updates, **settings)
    rates = []
    for value in values:
        schedule.step(value)
        rates.append(updates.param_groups[0]["lr"])
    return rates


@pytest.mark.parametrize("cooldown", [0, 1, 4])
@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_plateau(patience: int, cooldown: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Falling, then flat, with changes on both sides of the threshold, and a few values that are no numbers.
    values = np.maximum(np.linspace(3, 1, 80), 2) * (1 + 0.02 * rng.standard_normal(80))
    values[rng.integers(0, 80, 6)] = np.nan
    values[rng.integers(0, 80, 3)] = np.inf
    expected = plateau_rates(values, factor=0.5, patience=patience, threshold=0.01, cooldown=cooldown, min_lr=RATE / 50)
    ours = ReduceOnPlateau(RATE, factor=0.5, patience=patience, min_delta=0.01, cooldown=cooldown, smallest=RATE / 50)
    found = [ours.rate_after(values[: epoch + 1].tolist()) for epoch in range(len(values))]
    assert len(set(expected)) > 2
    assert found == pytest.approx(expected, rel=RELATIVE)


def test_plateau_with_the_defaults_until_the_changes_are_too_small() -> None:
    expected = plateau_rates([1.0] * 150)
    found = [ReduceOnPlateau(RATE).rate_after([1.0] * epochs) for epochs in range(1, 151)]
    assert found == pytest.approx(expected, rel=RELATIVE)
    assert 0 < found[-1] == found[-40]


def test_what_is_better_when_larger_is_given_with_its_sign_changed() -> None:
    accuracies = np.round(0.9 - np.exp(-np.arange(60) / 10) + 0.01 * np.random.default_rng(0).standard_normal(60), 2)
    expected = plateau_rates(accuracies, mode="max", factor=0.5, patience=2)
    ours = ReduceOnPlateau(RATE, factor=0.5, patience=2)
    assert accuracies.min() < 0 < accuracies.max()
    assert len(set(expected)) > 2
    losses = (-accuracies).tolist()
    found = [ours.rate_after(losses[: epoch + 1]) for epoch in range(60)]
    assert found == pytest.approx(expected, rel=RELATIVE)
