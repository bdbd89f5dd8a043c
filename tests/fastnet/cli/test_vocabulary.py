"""The command line's choices: every one trains, is saved, used again, and refused where it does not fit."""

import json
from pathlib import Path

import pytest

import fastnet as fn

from .conftest import Run

SMALL = ["--no-jit", "--epochs", 2, "--layers", "4,3"]


def trained(run: Run, data: object, *options: object) -> dict[str, object]:
    result = run("train", data, *SMALL, *options, "--out", "out", "--json")
    assert result.exit_code == 0, result.stderr
    report: dict[str, object] = json.loads(result.stdout)
    return report


@pytest.mark.parametrize(
    "options",
    [
        *(["--activation", name] for name in ("gelu", "absolute", "exponential")),
        *(["--optimizer", name, "--learning-rate", 0.001] for name in ("nadam", "rmsprop", "lion", "adadelta")),
        *(["--normalization", name, "--activation", "silu"] for name in ("batch", "layer")),
        *(
            ["--schedule", name, "--warm-up", 1]
            for name in ("step", "exponential", "inverse_time", "polynomial", "cosine", "one_cycle")
        ),
        ["--schedule", "plateau", "--decay", 0.5, "--interval", 1, "--validation", 0.25],
        ["--schedule", "cosine", "--interval", 1],
        ["--schedule", "piecewise", "--pieces", "1:0.01", "--warm-up", 1],
        ["--schedule", "cosine", "--interval", 2, "--warm-up", 2, "--per", "step", "--batch-size", 5],
        ["--schedule", "one_cycle", "--per", "step", "--batch-size", 5],
        ["--schedule", "plateau", "--monitor", "f1", "--metrics", "f1"],
        ["--patience", 1, "--monitor", "val_recall", "--metrics", "recall", "--validation", 0.25],
        ["--optimizer", "rmsprop", "--centered", "--momentum", 0.5],
        ["--activation", "leaky_relu", "--slope", 0.2, "--normalization", "layer"],
        ["--activation", "elu", "--alpha", 0.5],
        ["--l1", 0.01, "--l2", 0.01, "--max-norm", 1, "--input-dropout", 0.1, "--noise", 0.1, "--dropout", 0.1],
        ["--clip-norm", 1, "--average", 0.9, "--class-weight", "balanced", "--label-smoothing", 0.1],
        ["--clip-value", 0.1, "--loss", "hinge"],
        ["--optimizer", "adamw", "--weight-decay", 0.1],
        ["--optimizer", "lbfgs", "--batch-size", "full"],
        ["--metrics", "f1,roc_auc", "--validation", 0.25],
    ],
    ids=lambda options: " ".join(str(option) for option in options),
)
def test_a_choice_trains_and_its_configuration_repeats_it(run: Run, table: Path, options: list[object]) -> None:
    trained(run, table, *options)
    again = run("train", "--config", "out/config.toml", "--out", "again")
    assert again.exit_code == 0, again.stderr
    assert Path("out/model.h5").read_bytes() == Path("again/model.h5").read_bytes()


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber", "log_cosh", "poisson"])
def test_losses_of_numbers(run: Run, loss: str) -> None:
    Path("counts.csv").write_text("a,b,count\n" + "".join(f"{i % 5},{i % 3},{i % 7}\n" for i in range(40)))
    report = trained(run, "counts.csv", "--task", "regression", "--loss", loss)
    network = fn.load("out/model.h5")
    assert network.loss == loss
    assert isinstance(report["train"], dict)
    assert report["train"]["rmse"] > 0
    if loss == "poisson":
        assert network.preparation is not None
        assert network.preparation.target_mean == (0.0,)


def test_numbers_of_one_s_own_reach_the_network(run: Run, table: Path, amounts: Path) -> None:
    trained(run, table, "--activation", "leaky_relu", "--slope", 0)
    dense = fn.load("out/model.h5").layers[0]
    assert isinstance(dense, fn.Dense)
    assert dense.activation == fn.LeakyReLU(0.0)
    trained(run, amounts, "--activation", "elu", "--alpha", 0.5, "--loss", "huber", "--delta", 0.25, "--force")
    network = fn.load("out/model.h5")
    assert network.loss_function == fn.Huber(0.25)
    assert [getattr(layer, "activation", None) for layer in network.layers[:2]] == [fn.ELU(0.5)] * 2


def test_a_schedule_by_steps_changes_within_an_epoch(run: Run, table: Path) -> None:
    # 12 samples in batches of 5 are 3 steps an epoch: the last of each is step 2 and step 5.
    options = ["--schedule", "piecewise", "--learning-rate", 0.3, "--pieces", "2:0.2,3:0.1", "--batch-size", 5]
    for per, expected in (("step", [0.2, 0.1]), ("epoch", [0.3, 0.3])):
        report = trained(run, table, *options, "--per", per, "--force")
        assert isinstance(report["training"], dict)
        assert report["training"]["learning_rate"] == expected


def test_metrics_are_shown_and_measured(run: Run, table: Path) -> None:
    shown = run(
        "train", table, *SMALL, "--metrics", "f1,balanced_accuracy", "--validation", 0.25, "--out", "out"
    ).stdout
    assert "val balanced_accuracy" in shown
    measured = run("evaluate", "out", table, "--metrics", "f1,confusion_matrix", "--json")
    assert measured.exit_code == 0, measured.stderr
    scores = json.loads(measured.stdout)
    assert 0 <= scores["f1"] <= 1
    assert len(scores["confusion_matrix"]) == 2
    assert "rows are the true classes" in run("evaluate", "out", table, "--metrics", "confusion_matrix").stdout


def test_a_model_to_begin_with(run: Run, table: Path) -> None:
    trained(run, table, "--normalization", "layer")
    result = run("train", table, "--no-jit", "--epochs", 1, "--from", "out", "--freeze", 2, "--out", "second")
    assert result.exit_code == 0, result.stderr
    assert "4 (frozen) -> layer norm" in result.stdout
    first, second = fn.load("out/model.h5").get_weights(), fn.load("second/model.h5").get_weights()
    assert [bool((a[0] == b[0]).all()) for a, b in zip(first, second, strict=True)] == [True, True, False, False, False]
    again = run("train", "--config", "second/config.toml", "--out", "third")
    assert again.exit_code == 0, again.stderr
    assert Path("second/model.h5").read_bytes() == Path("third/model.h5").read_bytes()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--schedule", "cosine", "--decay", 0.5], "the cosine schedule has no decay"),
        (["--interval", 3], "the constant schedule has no interval"),
        (["--schedule", "plateau", "--warm-up", 1], "the plateau schedule cannot be warmed up"),
        (["--optimizer", "lbfgs"], "lbfgs needs all samples in each step: give --batch-size full"),
        (["--optimizer", "lbfgs", "--batch-size", "full", "--learning-rate", 1], "lbfgs has no learning-rate"),
        (["--optimizer", "lbfgs", "--batch-size", "full", "--clip-norm", 1], "lbfgs has no clip-norm"),
        (["--optimizer", "lbfgs", "--batch-size", "full", "--normalization", "batch"], "use --normalization layer"),
        (["--clip-norm", 1, "--clip-value", 1], "--clip-value and --clip-norm cannot both be given"),
        (["--optimizer", "rprop", "--warm-up", 1], "rprop has no learning rate to change"),
        (["--pieces", "3:0.1"], "the constant schedule has no pieces"),
        (["--schedule", "piecewise"], "the piecewise schedule needs its learning rates, such as --pieces"),
        (["--schedule", "piecewise", "--pieces", "3:0.1,2:0.2"], "'3:0.1,2:0.2' is not a list of rising whole numbers"),
        (["--schedule", "piecewise", "--pieces", "3:nan"], "'3:nan' is not a list"),
        (["--schedule", "piecewise", "--pieces", "0:0.1"], "'0:0.1' is not a list"),
        (["--schedule", "piecewise", "--pieces", "0.1"], "'0.1' is not a list"),
        (["--per", "step"], "the constant schedule counts no steps"),
        (["--schedule", "plateau", "--per", "step"], "the plateau schedule counts no steps"),
        (["--centered"], "adam has no centered; leave it out or use --optimizer rmsprop"),
        (["--slope", 0.1], "--slope is for --activation leaky_relu, not for relu"),
        (["--alpha", 1, "--activation", "selu"], "--alpha is for --activation elu, not for selu"),
        (["--delta", 2, "--task", "regression"], "--delta is for --loss huber, not for auto"),
        (["--monitor", "loss"], "--monitor is for --patience and --schedule plateau"),
        (["--monitor", "f1", "--patience", 1], "--monitor f1 is nothing that is measured; add it with --metrics f1"),
        (["--monitor", "val_loss", "--patience", 1], "--monitor val_loss needs samples that are held out"),
        (["--average", 0.9, "--patience", 1], "--patience cannot go by the loss of a training with --average"),
        (["--task", "regression", "--metrics", "mae,f1"], "the metric f1 does not suit --task regression"),
        (["--task", "multilabel", "--metrics", "confusion_matrix"], "does not suit --task multilabel"),
        (["--task", "regression", "--class-weight", "balanced"], "--class-weight is for classes, not for --task"),
        (["--weight-decay", 0.1], "adam has no weight-decay; leave it out or use --optimizer adamw or lion"),
        (["--from", "model.h5", "--activation", "tanh"], "--from keeps the layers that the model has"),
    ],
)
def test_choices_that_do_not_fit_are_wrong_usage(run: Run, table: Path, options: list[object], sentence: str) -> None:
    result = run("train", table, *options)
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--loss", "huber"],
            "--loss huber does not suit data with two classes to predict; use binary_crossentropy or",
        ),
        (["--loss", "hinge", "--label-smoothing", 0.1], "--label-smoothing is for cross-entropies, not for hinge"),
        (["--metrics", "r2"], "r2"),
        (["--metrics", "f2"], "f2"),
        (["--from", "gone.h5"], "there is no model file at gone.h5"),
    ],
)
def test_choices_that_the_data_refuse_fail_in_a_sentence(
    run: Run, table: Path, options: list[object], sentence: str
) -> None:
    result = run("train", table, "--no-jit", "--epochs", 1, *options)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--metrics", "f1"], "'f1' is for binary and multiclass and multilabel networks, but this one is regression"),
        (["--class-weight", "balanced"], "--class-weight is for classes, but the data have numbers to predict"),
        (["--patience", 1, "--monitor", "accuracy"], "--monitor accuracy is for classes, but the data have numbers"),
    ],
)
def test_what_numbers_do_not_have_is_refused_before_training(
    run: Run, amounts: Path, options: list[object], sentence: str
) -> None:
    result = run("train", amounts, *SMALL, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr
    assert not Path("runs").exists()


def test_the_table_of_epochs_is_in_the_units_of_the_data(run: Run, amounts: Path) -> None:
    report = trained(run, amounts, "--metrics", "rmse")
    assert isinstance(report["training"], dict)
    assert isinstance(report["train"], dict)
    last = report["training"]["history"]["root_mean_squared_error"][-1]
    # The same by two ways of summing float32 answers.
    assert last == pytest.approx(report["train"]["rmse"], rel=1e-6)
    assert last > 100


def test_gradients_of_a_model_and_of_sizes(run: Run, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(run, table, "--normalization", "batch")
    result = run("check", "--gradients", "out", "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["ok"]
    assert {row["layer"] for row in report["results"]} >= {"Dense 0", "BatchNorm 1", "Dense 4"}
    sizes = run("check", "--gradients", "3-4-2")
    assert "softplus" in sizes.stdout
    assert "none with a relative error above" in sizes.stdout
    monkeypatch.setattr("fastnet.gradient_check.TOLERANCE", 1e-20)
    assert run("check", "--gradients", "out").exit_code == 1
    assert run("check", "out").exit_code == 2
