"""What is held out for validation, and what a network is given of the data."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnet import Pixels, Preparation
from fastnet.cli.samples import hold_out, prepare
from fastnet.data import Dataset
from fastnet.errors import ConfigurationError

from .conftest import Run


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


class TestPicturesStayBytes:
    @pytest.mark.parametrize("top", [1, 16, 255])
    def test_uint8_data_are_pixels(self, top: int) -> None:
        X = np.random.default_rng(0).integers(0, top + 1, (40, 5, 5), np.uint8)
        X[:, 0, 0] = top
        dataset = Dataset(X=X, y=np.arange(40) % 2, source="here")
        part = prepare(dataset, Preparation.fit(dataset), "float32")
        assert isinstance(part.X, Pixels)
        assert part.X.divisor == top
        assert np.shares_memory(part.X.X, X)

    def test_other_data_are_floats(self) -> None:
        dataset = Dataset(X=np.random.default_rng(0).normal(size=(40, 5)), y=np.arange(40) % 2, source="here")
        part = prepare(dataset, Preparation.fit(dataset), "float32")
        assert isinstance(part.X, np.ndarray)
        assert part.X.dtype == np.float32

    def test_every_verb_gives_what_it_gives_for_floats(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def verbs(out: str) -> list[Any]:
            results = [
                run("train", "digits", "--json", "--epochs", 2, "--validation", 0.2, "--out", out),
                run("evaluate", f"{out}/model.h5", "digits", "--json"),
                run("predict", f"{out}/model.h5", "digits", "--json"),
            ]
            assert [result.exit_code for result in results] == [0, 0, 0], [result.stderr for result in results]
            trained, evaluated, predicted = (json.loads(result.stdout) for result in results)
            parts = [trained[name] for name in ("train", "validation", "test")]
            return [*parts, evaluated["loss"], evaluated["accuracy"], predicted["rows"]]

        as_pixels = verbs("pixels")
        monkeypatch.setattr(Preparation, "samples", Preparation.features)
        assert as_pixels == verbs("floats")
