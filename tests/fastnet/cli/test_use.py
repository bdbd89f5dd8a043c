"""``fastnet evaluate`` and ``fastnet predict`` on models of every kind, prepared and not."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

import fastnet as fn

from .conftest import Run


@pytest.fixture
def model(run: Run, table: Path) -> Path:
    """A classifier of the two classes in ``table``."""
    done = run("train", table, "--no-jit", "--epochs", 2, "--layers", "3", "--out", "model")
    assert done.exit_code == 0, done.stderr
    return Path("model/model.h5")


def rows(text: str) -> list[dict[str, str]]:
    """CSV text as one dictionary a line."""
    return list(csv.DictReader(io.StringIO(text)))


def test_evaluate_says_the_scores(run: Run, model: Path, table: Path) -> None:
    result = run("evaluate", model, table)
    assert result.exit_code == 0
    assert "accuracy" in result.stdout
    assert "of 12 samples)" in result.stdout
    scores = json.loads(run("evaluate", model, table, "--json").stdout)
    assert scores["samples"] == 12
    assert f"loss {scores['loss']:.4f}" in result.stdout


def test_predict_writes_labels_with_their_probabilities(run: Run, model: Path, table: Path) -> None:
    result = run("predict", model, table)
    assert result.exit_code == 0
    found = rows(result.stdout)
    assert len(found) == 12
    assert list(found[0]) == ["label", "probability", "probability_cat", "probability_dog"]
    for row in found:
        cat, dog = float(row["probability_cat"]), float(row["probability_dog"])
        assert cat + dog == pytest.approx(1)
        assert row["label"] == ("dog" if dog > cat else "cat")
        assert float(row["probability"]) == max(cat, dog)


def test_predict_agrees_with_evaluate(run: Run, model: Path, table: Path) -> None:
    truth = [row["animal"] for row in rows(table.read_text(encoding="utf-8"))]
    labels = [row["label"] for row in rows(run("predict", model, table).stdout)]
    accuracy = json.loads(run("evaluate", model, table, "--json").stdout)["accuracy"]
    assert np.mean([a == b for a, b in zip(labels, truth, strict=True)]) == pytest.approx(accuracy)


def test_predict_needs_no_target_and_no_order_of_columns(run: Run, model: Path, table: Path) -> None:
    lines = [f"{row['height']},{row['width']}" for row in rows(table.read_text(encoding="utf-8"))]
    Path("new.csv").write_text("\n".join(["height,width", *lines]) + "\n", encoding="utf-8")
    assert run("predict", model, "new.csv").stdout == run("predict", model, table).stdout


def test_predict_to_a_file_overwrites_only_when_told(run: Run, model: Path, table: Path) -> None:
    printed = run("predict", model, table).stdout
    assert run("predict", model, table, "-o", "out.csv").stdout == "12 answers written to out.csv\n"
    assert Path("out.csv").read_bytes() == printed.encode()
    Path("out.csv").write_text("mine", encoding="utf-8")
    refused = run("predict", model, table, "-o", "out.csv")
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert Path("out.csv").read_text(encoding="utf-8") == "mine"
    assert run("predict", model, table, "-o", "out.csv", "--force").exit_code == 0
    assert Path("out.csv").read_bytes() == printed.encode()


def test_predict_json_is_the_same_table(run: Run, model: Path, table: Path) -> None:
    printed = list(csv.reader(io.StringIO(run("predict", model, table).stdout)))
    value = json.loads(run("predict", model, table, "--json").stdout)
    assert [value["columns"], *[[str(cell) for cell in row] for row in value["rows"]]] == printed


def test_regression_predicts_in_the_units_of_the_data(run: Run, amounts: Path) -> None:
    options = ["--layers", "", "--epochs", 300, "--learning-rate", 0.1, "--optimizer", "sgd"]
    assert run("train", amounts, "--no-jit", "--out", "m", *options).exit_code == 0
    found = rows(run("predict", "m", amounts).stdout)
    truth = [float(row["price"]) for row in rows(amounts.read_text(encoding="utf-8"))]
    np.testing.assert_allclose([float(row["price"]) for row in found], truth, rtol=0.02)
    scores = json.loads(run("evaluate", "m", amounts, "--json").stdout)
    errors = np.subtract([float(row["price"]) for row in found], truth)
    assert scores["rmse"] == pytest.approx(float(np.sqrt(np.mean(errors**2))), rel=0.05, abs=0.01)
    assert "in the data's units" in run("evaluate", "m", amounts).stdout


def bare(last: fn.Dense, loss: str, input_shape: tuple[int, ...] = (4,)) -> fn.Network:
    """A network that was made in Python, so that it has no preparation, saved as bare.h5."""
    network = fn.Network([last], input_shape=input_shape, loss=loss)
    network.save("bare.h5")
    return network


@pytest.mark.parametrize("shape", [(4,), (2, 2, 1)])
def test_model_without_preparation_takes_raw_arrays(run: Run, shape: tuple[int, ...]) -> None:
    network = bare(fn.Dense(3, "softmax"), "categorical_crossentropy", shape)
    X = np.random.default_rng(0).normal(size=(6, *shape))
    y = np.arange(6) % 3
    np.savez("data.npz", X=X, y=y)
    scores = json.loads(run("evaluate", "bare.h5", "data.npz", "--json").stdout)
    assert scores == {**scores, "samples": 6, **network.evaluate(X, y)}
    found = rows(run("predict", "bare.h5", "data.npz").stdout)
    assert [row["label"] for row in found] == [str(label) for label in network.predict(X)]
    probabilities = [[float(row[f"probability_{i}"]) for i in range(3)] for row in found]
    np.testing.assert_array_equal(np.array(probabilities, np.float32), network.predict_proba(X))


def test_model_without_preparation_that_is_no_classifier(run: Run) -> None:
    network = bare(fn.Dense(2), "mean_squared_error")
    X = np.random.default_rng(0).normal(size=(3, 4))
    np.savez("data.npz", X=X)
    found = rows(run("predict", "bare.h5", "data.npz").stdout)
    values = np.array([[row["value_1"], row["value_2"]] for row in found], np.float32)
    np.testing.assert_array_equal(values, network.predict(X))


def test_labels_that_do_not_exclude_each_other(run: Run) -> None:
    network = bare(fn.Dense(2, "sigmoid"), "binary_crossentropy")
    X = np.random.default_rng(0).normal(size=(3, 4))
    np.savez("data.npz", X=X)
    found = list(csv.reader(io.StringIO(run("predict", "bare.h5", "data.npz").stdout)))
    assert found[0] == ["label_0", "label_1", "probability_0", "probability_1"]
    numbers = np.array(found[1:], np.float32)
    np.testing.assert_array_equal(numbers[:, :2], network.predict(X))
    np.testing.assert_array_equal(numbers[:, 2:], network.predict_proba(X))


def test_hinge_gives_labels_without_probabilities(run: Run) -> None:
    X = np.random.default_rng(0).normal(size=(3, 4))
    np.savez("data.npz", X=X)
    for outputs, header in ((1, ["label"]), (2, ["label_0", "label_1"])):
        network = bare(fn.Dense(outputs), "hinge")
        result = run("predict", "bare.h5", "data.npz")
        assert result.exit_code == 0, result.stderr
        found = list(csv.reader(io.StringIO(result.stdout)))
        assert found[0] == header
        np.testing.assert_array_equal(np.array(found[1:], int), network.predict(X).reshape(3, outputs))


def test_predict_json_to_a_file_prints_nothing(run: Run, model: Path, table: Path) -> None:
    assert run("predict", model, table, "-o", "out.json", "--json").stdout == ""
    assert len(json.loads(Path("out.json").read_text(encoding="utf-8"))["rows"]) == 12


def test_predict_to_a_folder_is_one_sentence(run: Run, model: Path, table: Path) -> None:
    result = run("predict", model, table, "-o", "model", "--force")
    assert result.exit_code == 1
    assert result.stderr.startswith("fastnet: error: model is a folder where a file is needed")


@pytest.mark.parametrize("named", ["model", "model/model.h5"])
@pytest.mark.parametrize("out", ["table.csv", "model/model.h5", "model/../table.csv"])
def test_predict_never_overwrites_what_it_reads(run: Run, model: Path, table: Path, named: str, out: str) -> None:
    before = model.read_bytes(), table.read_bytes()
    for options in (["--force"], []):
        result = run("predict", named, table, "-o", out, *options)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "is read by this very command" in result.stderr
        assert result.stderr.count("\n") == 1
    assert (model.read_bytes(), table.read_bytes()) == before


def test_predict_never_overwrites_mnist_files(run: Run, model: Path) -> None:
    Path("mnist").mkdir()
    labels = Path("mnist/train-labels-idx1-ubyte")
    for path in (labels, Path("mnist/train-images-idx3-ubyte")):
        path.write_bytes(b"")
    for data in ("mnist", "mnist/train-images-idx3-ubyte"):
        result = run("predict", model, data, "-o", labels, "--force")
        assert "is read by this very command" in result.stderr
    assert "is read by" not in run("predict", model, "mnist", "-o", "mnist/new-idx1-ubyte").stderr


def test_evaluate_from_standard_input_is_one_sentence(run: Run, model: Path) -> None:
    result = run("evaluate", model, "-")
    assert result.exit_code == 1
    assert result.stderr == (
        "fastnet: error: -: reading standard input is not supported yet; save the data to a file and give its path\n"
    )
