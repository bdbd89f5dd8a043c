"""Several columns of targets: labels that do not exclude each other, classes' probabilities, several numbers."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import fastnet as fn

from .conftest import Run

SMALL = ["--no-jit", "--layers", "4", "--epochs", 3, "--out", "out", "--force"]


def written(name: str, header: str, rows: list[str]) -> str:
    Path(name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return name


@pytest.fixture
def labels(run: Run) -> str:
    """Two features and three labels, of which some are missing."""
    rows = [f"{i},{i * i % 5},{i % 2},{int(i > 5)},{'' if i % 3 == 0 else int(i % 5 > 1)}" for i in range(12)]
    return written("labels.csv", "width,height,odd,large,late", rows)


@pytest.fixture
def full(run: Run) -> str:
    """Two features and two labels, of which none is missing."""
    return written("full.csv", "width,height,odd,large", [f"{i},{i * i % 5},{i % 2},{int(i > 5)}" for i in range(12)])


def answers(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_labels_with_gaps_from_training_to_answers(run: Run, labels: str) -> None:
    target = ["--target", "odd,large,late"]
    shown = run("train", labels, *SMALL, *target, "--validation", 0.25, "--class-weight", "balanced")
    assert shown.exit_code == 0, shown.stderr
    assert "3 labels, yes or no each (odd, large, late), 3 of 27 missing" in shown.stdout
    assert "3 sigmoid" in shown.stdout
    network = fn.load("out")
    assert (network.loss, network.task) == ("binary_crossentropy", "multilabel")

    again = run("train", "--config", "out/config.toml", "--out", "again")
    assert again.exit_code == 0, again.stderr
    assert Path("out/model.h5").read_bytes() == Path("again/model.h5").read_bytes()

    evaluated = run("evaluate", "out", labels, "--metrics", "f1", "--json")  # by the names of training
    assert evaluated.exit_code == 0, evaluated.stderr
    scores = json.loads(evaluated.stdout)
    assert (scores["samples"], scores["labels"]) == (12, 32)
    assert f"{scores['accuracy']:.2%} of 32 labels" in run("evaluate", "out", labels).stdout

    predicted = answers(run("predict", "out", labels).stdout)
    names = ["odd", "large", "late"]
    assert predicted[0] == [f"label_{name}" for name in names] + [f"probability_{name}" for name in names]
    numbers = np.array(predicted[1:], float)
    np.testing.assert_array_equal(numbers[:, :3], numbers[:, 3:] > 0.5)
    known = np.genfromtxt(labels, delimiter=",", skip_header=1)[:, 2:]
    right = numbers[:, :3] == known
    assert right[~np.isnan(known)].mean() == pytest.approx(scores["accuracy"])
    # The targets need not be there.
    bare = [line.rsplit(",", 3)[0] for line in Path(labels).read_text(encoding="utf-8").splitlines()]
    assert answers(run("predict", "out", written("bare.csv", bare[0], bare[1:])).stdout) == predicted


def test_what_was_guessed_of_columns_of_0_and_1_is_said(run: Run, full: str) -> None:
    assert "labels guessed from columns of 0 and 1" in run("train", full, *SMALL, "--target", "odd,large").stdout
    numbers = run("train", full, *SMALL, "--target", "odd,large", "--task", "regression")
    assert "2 targets to predict as a number" in numbers.stdout
    assert "guessed" not in numbers.stdout


def test_one_hot_columns_are_classes(run: Run) -> None:
    rows = [f"{i},{i * i % 5},{int(i % 3 == 0)},{int(i % 3 == 1)},{int(i % 3 == 2)}" for i in range(12)]
    data = written("classes.csv", "width,height,cat,dog,cow", rows)
    shown = run("train", data, *SMALL, "--target", "cat,dog,cow")
    assert "3 classes (cat, dog, cow)" in shown.stdout
    assert answers(run("predict", "out", data).stdout)[0][2:] == [
        f"probability_{name}" for name in ("cat", "dog", "cow")
    ]
    labels = run("train", data, *SMALL, "--target", "cat,dog,cow", "--task", "multilabel")
    assert "3 labels, yes or no each (cat, dog, cow)" in labels.stdout


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_of_classes_are_learned(run: Run, classes: int) -> None:
    names = ["cat", "dog", "cow"][:classes]
    shares = np.random.default_rng(0).dirichlet(np.ones(classes), 12)
    rows = [f"{i},{i * i % 5}," + ",".join(repr(float(share)) for share in row) for i, row in enumerate(shares)]
    data = written("shares.csv", ",".join(["width", "height", *names]), rows)
    options = [*SMALL, "--target", ",".join(names), "--task", "classification"]
    shown = run("train", data, *options, "--validation", 0.25)
    assert shown.exit_code == 0, shown.stderr
    network = fn.load("out")
    preparation = network.preparation
    assert preparation is not None
    assert preparation.class_names == tuple(names)
    X = preparation.features(np.array([[i, i * i % 5] for i in range(12)], float), source="here")
    y = shares if classes > 2 else shares[:, 1]
    expected = network.evaluate(X, y)
    scores = json.loads(run("evaluate", "out", data, "--json").stdout)
    assert scores["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert scores["accuracy"] == expected["accuracy"]
    assert "2 targets" in run("train", data, *SMALL, "--target", "cat,dog").stdout


def test_several_numbers_are_answered_by_name(run: Run, amounts: Path) -> None:
    assert run("train", amounts, *SMALL, "--target", "height,price").exit_code == 0
    assert answers(run("predict", "out", amounts).stdout)[0] == ["height", "price"]
    swapped = run("evaluate", "out", amounts, "--target", "price,height")
    assert swapped.exit_code == 1
    assert "the targets are price, height, but the model was trained on height, price" in swapped.stderr


@pytest.mark.parametrize(
    ("header", "target"), [("a,one; two,three", "one; two,three"), ('a,"one, two",three', '"one, two",three')]
)
def test_names_with_commas_stand_in_quotation_marks(run: Run, header: str, target: str) -> None:
    data = written("names.csv", header, [f"{i},{i % 2},{int(i > 5)}" for i in range(12)])
    done = run("train", data, *SMALL, "--target", target)
    assert done.exit_code == 0, done.stderr
    assert run("evaluate", "out", data).exit_code == 0
    assert len(answers(run("predict", "out", data).stdout)[0]) == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "odd,colour"], "labels.csv: there is no column 'colour' for the target"),
        (["--target", "odd,odd"], "labels.csv: the target 'odd' is named twice; name it once"),
        (["--target", "odd,late", "--task", "regression"], "labels.csv: sample 1 of 12, the target is nan"),
        (["--target", "odd,late", "--task", "classification"], "labels.csv: sample 1 of 12, the target is nan"),
        (["--target", "odd,late", "--loss", "hinge"], "labels are missing, which --loss hinge does not take"),
        (["--target", "odd,late", "--loss", "huber"], "does not suit data with several labels to predict; use binary"),
    ],
)
def test_targets_that_do_not_do_are_one_sentence(run: Run, labels: str, options: list[object], sentence: str) -> None:
    result = run("train", labels, *SMALL, *options)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "odd", "--task", "multilabel"], "full.csv: multilabel needs two columns of targets or more"),
        (["--target", "odd,height", "--task", "multilabel"], "of 0 for no, 1 for yes and nothing (NaN) for no label"),
        (["--target", "odd,large", "--task", "classification"], "or the classes' probabilities, which sum to 1"),
    ],
)
def test_columns_that_are_not_what_was_asked_for(run: Run, full: str, options: list[object], sentence: str) -> None:
    result = run("train", full, *SMALL, *options)
    assert result.exit_code == 1
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("cell", "words"), [("maybe", "'maybe'"), ("inf", "'inf'"), ("", "the label 'b' is missing in each of the 4")]
)
def test_cells_of_several_targets(run: Run, cell: str, words: str) -> None:
    data = written("cells.csv", "x,a,b", [f"{i},{i % 2},{cell}" for i in range(4)])
    result = run("train", data, *SMALL, "--target", "a,b")
    assert result.exit_code == 1
    assert words in result.stderr
