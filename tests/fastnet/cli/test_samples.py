"""What is held out for validation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnet.cli.samples import hold_out
from fastnet.errors import ConfigurationError


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=200),
    st.floats(0.01, 0.99),
    st.integers(0, 2**63 - 1),
)
def test_every_class_gives_about_the_same_share(labels: list[int], share: float, seed: int) -> None:
    classes = np.array(labels)
    try:
        held_out = hold_out(classes, share, seed)
    except ConfigurationError:
        assert int(share * len(classes)) <= len(np.unique(classes))
        return
    for label in np.unique(classes):
        mine = classes == label
        assert abs((held_out & mine).sum() - share * mine.sum()) <= 2
        assert (~held_out & mine).any()


def test_the_seed_decides() -> None:
    classes = np.arange(200) % 4
    first = hold_out(classes, 0.25, 1)
    assert (first == hold_out(classes, 0.25, 1)).all()
    assert (first != hold_out(classes, 0.25, 2)).any()


def test_holding_out_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"0\.01 holds out none of the 20 samples"):
        hold_out(np.zeros(20, np.int64), 0.01, 0)
