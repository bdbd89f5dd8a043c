"""Counted randomness: each number depends on where it is used, and on nothing else, and looks random."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnet_kernels.reference.randomness import dropout_mask, shuffle

SEEDS = st.integers(0, 2**63 - 1)


def mask(rows: int = 50, units: int = 40, rate: float = 0.4, seed: int = 1, **where: int) -> np.ndarray:
    """A mask at (stream 0, step 0, row 0) unless told otherwise."""
    result = np.full((rows, units), np.nan)
    dropout_mask(result, rate, seed, where.get("stream", 0), where.get("step", 0), where.get("first_row", 0))
    return result


@given(seed=SEEDS, epoch=st.integers(0, 10**9), n=st.integers(1, 200))
def test_a_shuffle_is_a_permutation(seed: int, epoch: int, n: int) -> None:
    order = np.empty(n, np.int64)
    shuffle(order, seed, epoch)
    assert sorted(order.tolist()) == list(range(n))


def test_every_permutation_of_three_is_as_likely() -> None:
    counts: dict[tuple[int, ...], int] = {}
    order = np.empty(3, np.int64)
    for epoch in range(6000):
        shuffle(order, 5, epoch)
        counts[tuple(order)] = counts.get(tuple(order), 0) + 1
    assert len(counts) == 6
    # Chi-square with 5 degrees of freedom passes 25 with probability 1.4e-4; the seed is fixed.
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 25


def test_another_seed_or_epoch_is_another_order() -> None:
    orders = []
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        order = np.empty(50, np.int64)
        shuffle(order, seed, epoch)
        orders.append(order)
    assert all((a != b).any() for a, b in zip(orders, [*orders[1:], orders[0]], strict=True))


@given(seed=SEEDS, step=st.integers(0, 10**9), cut=st.integers(1, 49))
def test_a_block_of_rows_has_the_bits_of_the_whole(seed: int, step: int, cut: int) -> None:
    whole = mask(seed=seed, step=step)
    np.testing.assert_array_equal(mask(rows=cut, seed=seed, step=step), whole[:cut])
    np.testing.assert_array_equal(mask(rows=50 - cut, seed=seed, step=step, first_row=cut), whole[cut:])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_kept_and_the_mean(rate: float) -> None:
    drawn = mask(rows=400, units=500, rate=rate)
    n = drawn.size
    kept = np.count_nonzero(drawn) / n
    # Five standard deviations of a binomial share.
    assert abs(kept - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / n)
    assert set(np.unique(drawn)) == {0.0, 1 / (1 - rate)}


@pytest.mark.parametrize("other", [{"seed": 2}, {"stream": 1}, {"step": 1}, {"first_row": 1}])
def test_neighbouring_masks_are_independent(other: dict[str, int]) -> None:
    a = mask(400, 500, 0.5) > 0
    b = mask(400, 500, 0.5, **other) > 0
    # Independent halves agree in half of the places, up to five standard deviations.
    assert abs(np.mean(a == b) - 0.5) < 5 * 0.5 / np.sqrt(a.size)


def test_neighbouring_units_and_rows_are_independent() -> None:
    drawn = mask(400, 500, 0.5) > 0
    for a, b in ((drawn[1:], drawn[:-1]), (drawn[:, 1:], drawn[:, :-1])):
        assert abs(np.mean(a == b) - 0.5) < 5 * 0.5 / np.sqrt(a.size)
