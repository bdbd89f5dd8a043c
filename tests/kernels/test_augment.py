"""What is drawn for a picture, and what that makes of it, beside SciPy's and NumPy's own."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import affine_transform

from fastnet_kernels.program import AUGMENT, MIRROR_COLUMNS, MIRROR_ROWS, OP
from fastnet_kernels.reference.augment import augment, drawn, sine_and_cosine
from fastnet_kernels.reference.pictures import move_pixels

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))


def op(shape: tuple[int, int, int], mirrors: int = 0, shift: tuple[int, int] = (0, 0), degrees: float = 0.0) -> Any:
    record = np.zeros(1, OP)
    record["kind"], record["input_shape"], record["mirrors"] = AUGMENT, shape, mirrors
    record["shift"], record["angle"] = shift, math.radians(degrees)
    return record[0]


def changed(x: np.ndarray, what: Any, seed: int = 0, step: int = 0, first_row: int = 0) -> np.ndarray:
    """Pictures (n, height, width, channels) as they are changed."""
    rows = np.ascontiguousarray(x.reshape(len(x), -1))
    out = np.full_like(rows, np.nan)
    augment(out, rows, what, seed, step, first_row)
    return out.reshape(x.shape)


@given(st.floats(-math.pi, math.pi))
def test_sine_and_cosine(angle: float) -> None:
    # The first term left out, of half a turn, and a rounding of each sum, whose terms are at most pi**4 / 4!.
    assert sine_and_cosine(angle) == pytest.approx((math.sin(angle), math.cos(angle)), rel=0, abs=2e-11)


@given(shape=SHAPES, seed=st.integers(0, 2**63 - 1), step=st.integers(0, 10**9), mirrors=st.integers(0, 3))
def test_without_a_turn_pixels_are_copied_and_edges_continued(
    shape: tuple[int, int, int], seed: int, step: int, mirrors: int
) -> None:
    height, width, _ = shape
    x = np.random.default_rng(seed).standard_normal((1, *shape))
    most = (height // 2, width // 2)
    got = changed(x, op(shape, mirrors, most), seed, step)[0]
    candidates = []
    for up_down in (False, True)[: 1 + bool(mirrors & MIRROR_ROWS)]:
        for left_right in (False, True)[: 1 + bool(mirrors & MIRROR_COLUMNS)]:
            flipped = x[0][:: -1 if up_down else 1, :: -1 if left_right else 1]
            padded = np.pad(flipped, ((most[0],) * 2, (most[1],) * 2, (0, 0)), mode="edge")
            candidates += [
                padded[down : down + height, right : right + width]
                for down in range(2 * most[0] + 1)
                for right in range(2 * most[1] + 1)
            ]
    assert any(np.array_equal(got, candidate) for candidate in candidates)


@pytest.mark.parametrize("shape", [(9, 9, 1), (6, 11, 3), (1, 8, 1)])
@pytest.mark.parametrize("degrees", [10.0, 90.0, 180.0])
def test_a_turned_picture_is_scipys(shape: tuple[int, int, int], degrees: float) -> None:
    """By the map that was drawn, whose turn is one: its places are within a few 1/65536 of a pixel of SciPy's."""
    height, width, channels = shape
    what = op(shape, MIRROR_COLUMNS + MIRROR_ROWS, (height // 3, width // 3), degrees)
    x = np.random.default_rng(1).standard_normal((20, *shape))
    got = changed(x, what)
    for row, picture in enumerate(x):
        where = np.array(drawn(what, 0, 0, row)) / 65536
        matrix, offset = where.reshape(2, 3)[:, 1:], where.reshape(2, 3)[:, 0]
        # A turn, and its mirror image, keeps lengths; sine and cosine are rounded to 1/65536.
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(2), atol=4 / 65536)
        expected = np.stack(
            [
                affine_transform(picture[..., channel], matrix, offset, order=1, mode="nearest")
                for channel in range(channels)
            ],
            axis=-1,
        )
        np.testing.assert_allclose(got[row], expected, atol=1e-12 * np.abs(picture).max())


def test_half_a_turn_of_the_drawn_angles_is_evenly_spread() -> None:
    n = 2000
    what = op((5, 5, 1), MIRROR_COLUMNS, (2, 1), 30.0)
    maps = np.array([drawn(what, 3, 7, row) for row in range(n)]) / 65536
    mirrored = maps[:, 5] < 0
    angles = np.degrees(np.arctan2(-maps[:, 2], maps[:, 1]))
    # Five deviations of a share and of a mean of so many even draws.
    assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / math.sqrt(n)
    assert abs(angles.mean()) < 5 * 30 / math.sqrt(3 * n)
    assert 29 < np.abs(angles).max() <= 30.01
    moved = np.array([drawn(op((5, 5, 1), 0, (2, 1)), 3, 7, row) for row in range(n)])[:, [0, 3]] / 65536
    for column, most in ((0, 2), (1, 1)):
        found, counts = np.unique(moved[:, column], return_counts=True)
        assert found.tolist() == list(range(-most, most + 1))
        share = 1 / len(found)
        assert np.abs(counts / n - share).max() < 5 * math.sqrt(share * (1 - share) / n)


def test_what_is_drawn_depends_on_where_it_is_used_alone() -> None:
    what = op((4, 4, 1), MIRROR_COLUMNS + MIRROR_ROWS, (1, 1), 20.0)
    x = np.random.default_rng(0).standard_normal((8, 4, 4, 1))
    whole = changed(x, what, 5, 6)
    parts = [changed(x[at : at + 3], what, 5, 6, at) for at in range(0, 8, 3)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    for other in ({"seed": 6, "step": 6}, {"seed": 5, "step": 7}, {"seed": 5, "step": 6, "first_row": 1}):
        assert not np.array_equal(changed(x, what, **other), whole)
    again = what.copy()
    again["key"] = 1
    assert not np.array_equal(changed(x, again, 5, 6), whole)


def test_places_between_pixels_of_the_same_are_the_same() -> None:
    x = np.full((1, 12), 0.1, np.float32)
    out = np.zeros_like(x)
    move_pixels(out, x, (-9999, 50001, 40001, 70001, -40001, 50001), (4, 3, 1))
    np.testing.assert_array_equal(out, x)
