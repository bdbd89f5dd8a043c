"""What is held out for validation, and what a network is given of the data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnet import Pixels, Preparation
from fastnet.cli.samples import prepare
from fastnet.data import Dataset
from fastnet.errors import ConfigurationError
from fastnet.splits import hold_out

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


def test_groups_and_times_are_no_features_and_are_saved(run: Run, tmp_path: Path) -> None:
    rows = [f"{i},{i * i % 5},p{i % 6},2024-01-{i + 1:02},{'cat' if i % 3 else 'dog'}" for i in range(24)]
    (tmp_path / "table.csv").write_text("\n".join(["a,b,patient,day,animal", *rows]) + "\n", encoding="utf-8")
    common = ["--no-jit", "--epochs", 1, "--layers", "3", "--validation", 0.3, "--json"]
    for column, other in (("patient", "day"), ("day", "patient")):
        # The column that is no feature is left out of the table, as the other is.
        text = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
        gone = text[0].split(",").index(other)
        kept = [",".join(cell for i, cell in enumerate(line.split(",")) if i != gone) for line in text]
        (tmp_path / "one.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
        option = "--group" if column == "patient" else "--time"
        done = run("train", "one.csv", option, column, *common, "--out", column)
        assert done.exit_code == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["data"]["input_shape"] == [2]
        assert report["data"]["samples"]["validation"] in (7, 8)
        configuration = (tmp_path / column / "config.toml").read_text(encoding="utf-8")
        assert f'{option[2:]} = "{column}"' in configuration
    both = run("train", "table.csv", "--group", "patient", "--time", "day", *common)
    assert both.exit_code == 2
    assert "cannot both" in both.stderr
    assert "column 'doctor'" in run("train", "one.csv", "--group", "doctor", *common).stderr
