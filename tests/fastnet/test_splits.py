"""What is held out: no group on both sides, nothing earlier than what it is trained on, every class trained on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnet.errors import ConfigurationError, DataError
from fastnet.splits import folds_of, hold_out, in_order

SEEDS = st.integers(0, 2**63 - 1)
SHARES = st.floats(0.05, 0.9)
RNG = np.random.default_rng(0)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=5, max_size=80), SHARES, SEEDS)
def test_groups_stay_together(samples: list[tuple[int, int]], share: float, seed: int) -> None:
    classes, groups = np.array(samples).T
    try:
        held_out = hold_out(classes, share, seed, groups=groups)
    except ConfigurationError:
        # One group holds all of a class, or there is no other group.
        alone = [len(np.unique(groups[classes == c])) == 1 for c in np.unique(classes)]
        assert any(alone) or share > 0.4
        return
    assert held_out.any()
    assert not set(groups[held_out]) & set(groups[~held_out])
    assert set(classes[~held_out]) == set(classes)


def test_groups_are_balanced_as_well_as_may_be() -> None:
    groups = np.repeat(np.arange(40), RNG.integers(1, 20, 40))
    classes = RNG.integers(0, 3, len(groups))
    held_out = hold_out(classes, 0.25, 0, groups=groups)
    assert held_out.mean() == pytest.approx(0.25, abs=0.05)
    assert (held_out == hold_out(classes, 0.25, 0, groups=groups)).all()
    assert (held_out != hold_out(classes, 0.25, 1, groups=groups)).any()


@settings(max_examples=40)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=60), SHARES)
def test_the_last_in_time_are_held_out(moments: list[int], share: float) -> None:
    times = np.array(moments)
    classes = np.zeros(len(times), np.int64)
    if len(set(moments)) == 1:
        with pytest.raises(ConfigurationError, match="one time"):
            hold_out(classes, share, 0, times=times)
        return
    held_out = hold_out(classes, share, 0, times=times)
    assert times[~held_out].max() < times[held_out].min()
    assert held_out.any()


def test_dates_have_an_order() -> None:
    texts = np.array(["2024-02-01", "2023-12-31T23:00", "2024-01-05", "2024-02-01"])
    assert in_order(texts).tolist() == [2, 0, 1, 2]
    assert in_order(np.array([3.5, -1, 3.5])).tolist() == [1, 0, 1]
    with pytest.raises(DataError, match="31/12/2024"):
        in_order(np.array(["2024-02-01", "31/12/2024"]))


def test_dates_have_a_time_zone_all_or_none() -> None:
    zones = ["2024-05-31T13:00:00Z", "2024-05-31 14:00+02:00", "2024-05-31T07:59:59.5-05"]
    assert in_order(np.array(zones)).tolist() == [2, 0, 1]
    with pytest.raises(DataError, match="some times have a time zone"):
        in_order(np.array([zones[0], "2024-05-31T13:00:00"]))


@pytest.mark.parametrize("bad", ["", "NaT", "today", "now", "2024-02-30", "31.05.2024"])
def test_what_is_no_date_is_refused(bad: str) -> None:
    """NumPy takes some of these for dates."""
    with pytest.raises(DataError, match=f"one is '{bad}'"):
        in_order(np.array(["2024-05-31", bad]))


@pytest.mark.parametrize(
    "values", [np.array([1.0, np.nan]), np.array(["2024-05-31", "NaT"], "datetime64[D]"), np.array([1, None])]
)
def test_a_sample_without_a_time_or_a_group_is_refused(values: np.ndarray) -> None:
    """It would be taken for the last in time, or all such samples for one group."""
    for what in ("times", "groups"):
        with pytest.raises(DataError, match=f"sample 2 of 2 has no {what[:-1]}"):
            hold_out(np.zeros(2, int), 0.5, 0, **{what: values})


def test_groups_of_several_types_are_refused() -> None:
    with pytest.raises(DataError, match="several types"):
        folds_of(None, 2, folds=2, groups=np.array([1, "a"], dtype=object))


@pytest.mark.parametrize("classes", [None, RNG.integers(0, 3, 60)])
def test_each_sample_is_tested_once_a_repeat(classes: np.ndarray | None) -> None:
    splits = folds_of(classes, 60, folds=4, repeats=3, seed=2**62)
    assert len(splits) == 12
    for repeat in range(3):
        tests = np.concatenate([test for _, test in splits[4 * repeat : 4 * repeat + 4]])
        assert sorted(tests) == list(range(60))
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(60))
        if classes is not None:
            # Each class's samples are dealt to the folds one by one.
            sizes = np.bincount(classes[test], minlength=3) - np.bincount(classes) / 4
            assert (np.abs(sizes) < 2).all()
    assert any((a[1] != b[1]).any() for a, b in zip(splits[:4], splits[4:8], strict=True) if len(a[1]) == len(b[1]))


@pytest.mark.parametrize("classes", [None, np.arange(60) % 2])
def test_folds_of_groups(classes: np.ndarray | None) -> None:
    groups = np.array([f"g{i % 12}" for i in RNG.permutation(60)])
    for train, test in folds_of(classes, 60, folds=3, repeats=2, groups=groups):
        assert not set(groups[train]) & set(groups[test])


def test_folds_of_time_test_on_what_follows() -> None:
    times = RNG.integers(0, 20, 60)
    splits = folds_of(None, 60, folds=4, times=times)
    assert len(splits) == 4
    for train, test in splits:
        assert times[train].max() < times[test].min()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": np.array([0] * 9 + [1]), "folds": 2}, "one sample only"),
        ({"classes": np.arange(10) // 5, "folds": 6}, "only 5 samples of any class"),
        ({"classes": None, "folds": 11}, "only 10 samples"),
        ({"classes": None, "folds": 3, "groups": np.arange(10) % 2}, "only 2 groups"),
        ({"classes": None, "folds": 3, "times": np.arange(10) % 3}, "only 3 different times"),
        ({"classes": None, "folds": 3, "times": np.arange(10), "repeats": 2}, "not shuffled"),
        ({"classes": np.arange(10) // 5, "folds": 3, "times": np.arange(10)}, "no sample of class 2 of 2"),
        ({"classes": np.arange(10) // 5, "folds": 2, "groups": np.arange(10) // 5}, "no sample of class"),
    ],
)
def test_what_cannot_be_split_is_one_sentence(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        folds_of(n_samples=10, **options)  # type: ignore[arg-type]


def test_one_group_cannot_be_held_out() -> None:
    with pytest.raises(ConfigurationError, match="one group"):
        hold_out(np.zeros(5, np.int64), 0.5, 0, groups=np.ones(5))
    with pytest.raises(ConfigurationError, match="every class"):
        hold_out(np.arange(6) // 3, 0.5, 0, groups=np.arange(6) // 3)
