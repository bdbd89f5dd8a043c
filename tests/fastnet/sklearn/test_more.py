"""What the estimators have beyond scikit-learn's, and how they refuse what does not go together."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import scale
from sklearn.utils._param_validation import InvalidParameterError

import fastnet as fn
from fastnet.optimizers import OPTIMIZER_CLASSES
from fastnet.sklearn import MLPClassifier, MLPRegressor
from fastnet.training import Training
from fastnet_kernels.program import ACTIVATIONS

# The reference engine runs without the compiler too, and what is asked of either is the same.
pytestmark = [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]

SOON: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 5, "random_state": 0, "backend": "reference"}
X: npt.NDArray[Any] = scale(load_iris().data)
y: npt.NDArray[Any] = load_iris().target


def classifier(**options: Any) -> MLPClassifier:
    return MLPClassifier(**{**SOON, **options})


def regressor(**options: Any) -> MLPRegressor:
    return MLPRegressor(**{**SOON, **options})


def numbers(outputs: int = 1) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    features, targets = make_regression(100, 5, n_targets=outputs, random_state=0)
    return features, scale(targets)


class TestVocabulary:
    @pytest.mark.parametrize("activation", [*sorted(set(ACTIVATIONS) - {"softmax"}), fn.LeakyReLU(0.2), fn.ELU(0.5)])
    def test_activations(self, activation: Any) -> None:
        model = classifier(activation=activation, max_iter=40, learning_rate_init=0.02).fit(X, y)
        assert model.loss_curve_[-1] < model.loss_curve_[0]

    @pytest.mark.parametrize("name", sorted(OPTIMIZER_CLASSES))
    def test_optimizers_by_name(self, name: str) -> None:
        model = classifier(solver=name, max_iter=40, batch_size=150, learning_rate_init=0.01).fit(X, y)
        # L-BFGS has no curve; to know nothing of three classes is a loss of log 3.
        first = np.log(3) if name == "lbfgs" else model.loss_curve_[0]
        assert model.loss_ < first

    def test_an_optimizer_object_is_taken_as_it_is(self) -> None:
        model = classifier(solver=fn.SGD(0.05, momentum=0.9, nesterov=True), learning_rate_init=9.0).fit(X, y)
        same = classifier(solver="sgd", learning_rate_init=0.05, momentum=0.9).fit(X, y)
        np.testing.assert_array_equal(model.coefs_[0], same.coefs_[0])
        ended = classifier(solver=fn.LBFGS(tolerance=1e-3), max_iter=500).fit(X, y)
        assert not hasattr(ended, "partial_fit")
        assert ended.score(X, y) > 0.95

    @pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
    def test_schedules(self, solver: str) -> None:
        schedule = fn.PiecewiseConstant((2,), (0.01, 1e-30))
        model = classifier(solver=solver, learning_rate=schedule, momentum=0.0, shuffle=False).fit(X, y)
        assert model.loss_curve_[1] < model.loss_curve_[0]
        # From the third epoch on nothing changes.
        assert model.loss_curve_[2] == model.loss_curve_[3] == model.loss_curve_[4]

    def test_a_schedule_goes_on_in_partial_fit(self) -> None:
        schedule = fn.PiecewiseConstant((2,), (0.01, 1e-30))
        model = classifier(learning_rate=schedule)
        weights = [model.partial_fit(X, y, classes=[0, 1, 2]).coefs_[0].copy() for _ in range(4)]
        assert (weights[1] != weights[0]).any()
        np.testing.assert_array_equal(weights[2], weights[3])

    @pytest.mark.parametrize(
        "solver",
        [fn.SGD(fn.ReduceOnPlateau(0.05, patience=1, min_delta=0.9)), fn.Adam(0.01, average=0.9), fn.Nadam(0.01)],
        ids=["plateau", "mean of the weights", "nadam"],
    )
    def test_what_a_solver_remembers_goes_on_in_partial_fit(self, solver: Any) -> None:
        options = {"solver": solver, "batch_size": 50, "shuffle": False, "max_iter": 6}
        whole, parts = classifier(**options).fit(X, y), classifier(**options)
        for _ in range(6):
            parts.partial_fit(X, y, classes=[0, 1, 2])
        np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])
        assert parts.loss_curve_ == whole.loss_curve_

    @pytest.mark.parametrize("loss", ["mean_absolute_error", "huber", "log_cosh", fn.Huber(0.5)])
    @pytest.mark.parametrize("outputs", [1, 2])
    def test_losses_of_numbers(self, loss: Any, outputs: int) -> None:
        model = regressor(loss=loss, max_iter=100, learning_rate_init=0.02).fit(*numbers(outputs))
        assert model.score(*numbers(outputs)) > 0.5

    def test_hinge(self) -> None:
        model = classifier(loss="hinge", max_iter=100, learning_rate_init=0.02).fit(X, y == 2)
        assert model.score(X, y == 2) > 0.9
        assert model.out_activation_ == "identity"
        assert not hasattr(model, "predict_proba")
        assert not hasattr(model, "predict_log_proba")
        assert classifier(loss=fn.Hinge(), early_stopping=True, max_iter=50).fit(X, y == 2).best_validation_score_ > 0.5

    def test_label_smoothing(self) -> None:
        options = {"max_iter": 300, "learning_rate_init": 0.05}
        plain, smooth = (
            classifier(loss=loss, **options).fit(X, y).predict_proba(X).max(axis=1).mean()
            for loss in ("log_loss", fn.CategoricalCrossentropy(label_smoothing=0.3))
        )
        # Nothing is better than 1 - 0.3 + 0.3 / 3.
        assert smooth < 0.85 < plain

    def test_layers(self) -> None:
        model = classifier(hidden_layer_sizes=(6, 4), dropout=0.25, batch_norm=True, l1=0.5).fit(X, y)
        kinds = [type(layer).__name__ for layer in model.network_.layers]
        assert kinds == ["Dense", "BatchNorm", "Activation", "Dropout"] * 2 + ["Dense"]
        # Two of the samples are equal and go in as one of weight 2; weights have a mean of 1, and penalties go by them.
        different = len(np.unique(X, axis=0)) / len(X)
        for layer in model.network_.layers:
            if isinstance(layer, fn.Dense):
                assert layer.l1 == pytest.approx(0.5 * different)

    def test_l1_empties_weights(self) -> None:
        small = {"max_iter": 100, "learning_rate_init": 0.01}
        without, with_it = (np.abs(classifier(l1=l1, **small).fit(X, y).coefs_[0]).sum() for l1 in (0.0, 20.0))
        assert with_it < without / 2

    @pytest.mark.parametrize(("option", "limit"), [("clip_value", 1e-3), ("clip_norm", 1e-3)])
    def test_clipping(self, option: str, limit: float) -> None:
        options = {"solver": "sgd", "momentum": 0.0, "max_iter": 1, "batch_size": 150, "learning_rate_init": 1.0}
        before = classifier(**{**options, "learning_rate_init": 1e-30}).fit(X, y)
        after = classifier(**options, **{option: limit}).fit(X, y)
        change = np.concatenate([(a - b).ravel() for a, b in zip(after.coefs_, before.coefs_, strict=True)])
        assert 0 < np.abs(change).max() <= limit * (1 + 1e-6)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_dtype(self, dtype: str) -> None:
        model = regressor(dtype=dtype).fit(*numbers())
        assert model.coefs_[0].dtype == model.predict(numbers()[0]).dtype == dtype

    @pytest.mark.usefixtures("teams_for_small_work")
    @pytest.mark.needs_compiler
    def test_both_engines_and_any_team_to_rounding(self) -> None:
        expected = classifier().fit(X, y)
        for threads in (1, 2):
            got = classifier(backend="jit", threads=threads).fit(X, y)
            np.testing.assert_allclose(got.coefs_[0], expected.coefs_[0], rtol=0, atol=1e-12)


class TestWeightsAndValidation:
    def test_class_weight_is_a_weight_of_samples(self) -> None:
        weights = np.where(y == 2, 5.0, 1.0)
        expected = classifier().fit(X, y, weights)
        got = classifier(class_weight={2: 5.0}).fit(X, y)
        np.testing.assert_array_equal(got.coefs_[0], expected.coefs_[0])
        rare = np.flatnonzero((y != 2) | (np.arange(150) % 10 == 0))
        share = [
            (classifier(class_weight=how, max_iter=60).fit(X[rare], y[rare]).predict(X) == 2).mean()
            for how in (None, "balanced")
        ]
        assert share[1] > share[0]

    def test_validation_data(self) -> None:
        model = classifier().fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
        network = model.network_
        assert len(model.validation_loss_curve_) == 5
        assert model.validation_loss_curve_[-1] == pytest.approx(
            network.sample_losses(X[1::2], y[1::2], backend="reference").mean()
        )
        model.set_params(warm_start=True).fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
        assert len(model.validation_loss_curve_) == 10
        assert classifier().fit(X, y).validation_loss_curve_ is None

    @pytest.mark.parametrize("loss", ["squared_error", "poisson"])
    def test_validation_losses_are_as_the_trainings(self, loss: str) -> None:
        features, targets = numbers(2)
        targets = np.floor(np.exp(targets))
        options = {"loss": loss, "alpha": 0.0, "solver": "sgd", "learning_rate_init": 1e-30}
        model = regressor(**options).fit(features, targets, validation_data=(features, targets))
        np.testing.assert_allclose(model.validation_loss_curve_, model.loss_curve_, rtol=1e-12)

    def test_early_stopping_by_ones_own_data(self) -> None:
        model = classifier(early_stopping=True, max_iter=300, n_iter_no_change=4, learning_rate_init=0.05)
        model.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
        assert model.t_ == 75 * model.n_iter_
        assert model.best_validation_score_ == model.score(X[1::2], y[1::2]) == max(model.validation_scores_)

    def test_callbacks(self) -> None:
        stopping = fn.EarlyStopping(2, monitor="val_loss", min_delta=10.0)
        model = classifier(callbacks=[stopping], max_iter=50)
        with warnings.catch_warnings():
            # Who stops the training needs no warning that it has not converged.
            warnings.simplefilter("error", ConvergenceWarning)
            model.fit(X, y, validation_data=(X, y))
        assert model.n_iter_ == len(model.validation_loss_curve_) == 3


class TestRules:
    def test_the_engine_runs_many_epochs_where_nothing_can_happen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        counts: list[int] = []
        train = Training.train

        def counted(self: Any, count: int) -> float:
            counts.append(count)
            return train(self, count)

        monkeypatch.setattr(Training, "train", counted)
        # However slow a busy machine is.
        monkeypatch.setattr("fastnet.training.loop.SECONDS_A_CALL", 1e9)
        model = classifier(max_iter=60, n_iter_no_change=10, tol=1e9).fit(X, y)
        # All but the first epoch are no improvement by so much; the first call is of one epoch.
        assert model.n_iter_ == sum(counts) == 12
        assert max(counts) == 11

    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_verbose(self, early_stopping: bool, capsys: pytest.CaptureFixture[str]) -> None:
        options = {"verbose": True, "tol": 1e9, "n_iter_no_change": 1, "early_stopping": early_stopping}
        model = classifier(max_iter=50, **options).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"Iteration 1, loss = {model.loss_curve_[0]:.8f}"
        what = "Validation score" if early_stopping else "Training loss"
        assert lines[-1] == (
            f"{what} did not improve more than tol=1000000000.000000 for 1 consecutive epochs. Stopping."
        )

    def test_adaptive_says_what_it_does(self, capsys: pytest.CaptureFixture[str]) -> None:
        options = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 4e-6, "tol": 1e9}
        classifier(max_iter=50, verbose=True, n_iter_no_change=1, **options).fit(X, y)
        said = [line.partition("epochs. ")[2] for line in capsys.readouterr().out.splitlines() if "epochs. " in line]
        assert said == ["Setting learning rate to 0.000001", "Learning rate too small. Stopping."]

    def test_an_interruption_leaves_what_was_trained(self) -> None:
        class Interrupting(fn.Callback):
            def on_epoch_end(self, training: Any) -> None:
                if len(training.history.loss) == 3:
                    raise KeyboardInterrupt

        with pytest.warns(UserWarning, match="Training interrupted by user"):
            model = classifier(callbacks=[Interrupting()]).fit(X, y)
        assert model.n_iter_ == 3
        assert model.predict(X).shape == (150,)

    def test_max_iter_warns(self) -> None:
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(5\) reached"):
            classifier().fit(X, y)
        with pytest.warns(ConvergenceWarning, match=r"lbfgs failed to converge after 5 iteration\(s\)"):
            classifier(solver="lbfgs").fit(X, y)

    def test_a_divergence_goes_back_to_the_best_score(self) -> None:
        features, targets = numbers()
        options = {"activation": "identity", "solver": "sgd", "learning_rate_init": 5.0, "max_iter": 500}
        with pytest.warns(ConvergenceWarning, match="training diverged"):
            model = regressor(early_stopping=True, **options).fit(features, targets)
        assert np.isnan(model.validation_scores_[-1])
        assert np.isfinite(model.predict(features)).all()
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            regressor(**options).fit(features, targets)

    def test_a_warm_start_keeps_what_normalisations_learned(self) -> None:
        model = classifier(batch_norm=True, warm_start=True).fit(X, y)
        gamma = model.network_.get_weights()[1][0]
        assert (gamma != 1).any()
        model.set_params(alpha=0.5, learning_rate_init=1e-30).fit(X, y)
        np.testing.assert_array_equal(model.network_.get_weights()[1][0], gamma)

    def test_counts_begin_anew_where_the_rule_is_another(self) -> None:
        model = classifier(solver="lbfgs", warm_start=True).fit(X, y)
        model.set_params(solver="adam").fit(X, y)
        assert len(model.loss_curve_) == 5
        model.set_params(early_stopping=True).fit(X, y)
        assert len(model.loss_curve_) == len(model.validation_scores_) == 5


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"alpha": -1}, "The 'alpha' parameter of MLPClassifier must be a float in the range"),
            ({"dropout": 1.0}, "The 'dropout' parameter of MLPClassifier must be a float in the range"),
            ({"solver": "adagrad2"}, "The 'solver' parameter of MLPClassifier must be a str among"),
            ({"activation": "wobble"}, "The 'activation' parameter of MLPClassifier must be a str among"),
            ({"backend": "gpu"}, "The 'backend' parameter of MLPClassifier must be a str among"),
            ({"threads": 0}, "The 'threads' parameter of MLPClassifier must be an int in the range"),
            ({"dtype": "float16"}, "The 'dtype' parameter of MLPClassifier must be a str among"),
            ({"loss": "squared_error"}, "The 'loss' parameter of MLPClassifier must be a str among"),
        ],
    )
    def test_parameters(self, options: dict[str, Any], sentence: str) -> None:
        with pytest.raises(InvalidParameterError, match=sentence):
            classifier(**options).fit(X, y)

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
            (
                {"hidden_layer_sizes": (2.5,)},
                "a size in hidden_layer_sizes must be a whole number of at least 1, not 2.5",
            ),
            ({"callbacks": [3]}, "callbacks must be a list of callback objects"),
            ({"loss": "hinge"}, "loss must be 'log_loss' or CategoricalCrossentropy for multiclass targets, not Hinge"),
            ({"loss": fn.Huber()}, "loss must be 'log_loss' or CategoricalCrossentropy for multiclass targets"),
            ({"solver": fn.Adam(), "clip_norm": 1.0}, "a solver object does not take clip_norm; give it to the object"),
            ({"solver": "lbfgs", "clip_value": 1.0}, "an L-BFGS solver does not take clip_value; leave it out"),
            (
                {"solver": fn.Adam(), "learning_rate": fn.StepDecay(0.1)},
                "a solver object does not take a schedule as learning_rate; give it to the object",
            ),
            ({"solver": "lbfgs", "dropout": 0.5}, "LBFGS cannot train a network with dropout or noise"),
            ({"momentum": 1.0, "solver": "sgd"}, "momentum must be a number at least 0 and below 1, not 1.0"),
        ],
    )
    def test_what_does_not_go_together(self, options: dict[str, Any], sentence: str) -> None:
        with pytest.raises(fn.ConfigurationError, match=sentence):
            classifier(**options).fit(X, y)

    def test_other_sizes_in_a_warm_start_leave_the_model_as_it_was(self) -> None:
        model = classifier(warm_start=True).fit(X, y)
        before = model.predict_proba(X)
        with pytest.raises(fn.DataError, match="fit anew with warm_start=False to change the sizes of layers"):
            model.set_params(hidden_layer_sizes=(9,)).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), before)

    def test_more(self) -> None:
        with pytest.raises(fn.ConfigurationError, match="partial_fit does not support early_stopping=True"):
            classifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
        with pytest.raises(fn.ConfigurationError, match="class_weight='balanced' needs all samples"):
            classifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
        with pytest.raises(fn.ConfigurationError, match="loss must be one for numbers in MLPRegressor"):
            regressor(loss=fn.Hinge()).fit(*numbers())
        with pytest.raises(fn.DataError, match="batch_norm needs at least 2 different samples, but n_samples = 1"):
            regressor(batch_norm=True).fit([[1.0, 2.0]], [3.0])
        with pytest.raises(fn.DataError, match=r"`y` has classes not in `self\.classes_`"):
            classifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y + 1)
        with pytest.raises(fn.DataError, match=r"`y` has classes not in `self\.classes_`"):
            classifier().fit(X[:100], y[:100], validation_data=(X, y))
        with pytest.raises(fn.ConfigurationError, match=r"validation_data must be a pair \(X, y\)"):
            classifier().fit(X, y, validation_data=X)
        with pytest.raises(fn.DataError, match="The validation set is too small"):
            regressor(early_stopping=True).fit([[1.0], [2.0]], [3.0, 4.0])
        with pytest.raises(fn.DataError, match="no sample has a weight above 0"):
            classifier(class_weight={0: 0, 1: 0, 2: 0}).fit(X, y)
        with pytest.raises(ValueError, match="Negative values in data passed to"):
            classifier().fit(X, y, np.full(150, -1))
        with pytest.raises(NotFittedError):
            _ = classifier().network_
        with pytest.raises(AttributeError, match="partial_fit"):
            classifier(solver="lbfgs").partial_fit(X, y)
