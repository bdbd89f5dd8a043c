"""The estimators inside scikit-learn's tools, with the data that these take."""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  it makes the import below possible
from sklearn.feature_selection import SelectFromModel
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score, cross_validate, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale

import fastnet as fn
from fastnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.needs_compiler,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

Data = tuple[npt.NDArray[Any], npt.NDArray[Any]]
SOON: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "max_iter": 60,
    "learning_rate_init": 0.05,
    "random_state": 0,
    "threads": 1,
}


@pytest.fixture(scope="module")
def flowers() -> Data:
    iris = load_iris()
    return iris.data, iris.target_names[iris.target]


@pytest.fixture(scope="module")
def patients() -> Data:
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def classifier(**options: Any) -> MLPClassifier:
    return MLPClassifier(**{**SOON, **options})


def regressor(**options: Any) -> MLPRegressor:
    return MLPRegressor(**{**SOON, **options})


class TestTools:
    def test_pipeline_and_grid_search(self, flowers: Data) -> None:
        pipeline = Pipeline([("scale", StandardScaler()), ("net", classifier())])
        grid = {"net__hidden_layer_sizes": [(2,), (8,)], "net__dropout": [0.0, 0.1]}
        search = GridSearchCV(pipeline, grid, cv=3).fit(*flowers)
        assert search.best_score_ > 0.9
        assert set(search.predict(flowers[0])) == set(flowers[1])

    @pytest.mark.slow
    def test_cross_validation_in_several_processes(self, flowers: Data) -> None:
        alone = cross_val_score(classifier(), *flowers, cv=3)
        together = cross_val_score(classifier(), *flowers, cv=3, n_jobs=2)
        np.testing.assert_array_equal(together, alone)
        assert alone.mean() > 0.9

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda net: CalibratedClassifierCV(net, cv=3),
            lambda net: VotingClassifier([("net", net), ("line", LogisticRegression())], voting="soft"),
            lambda net: BaggingClassifier(net, n_estimators=3, random_state=0),
            lambda net: StackingClassifier([("net", net)], LogisticRegression(), cv=3),
            lambda net: OneVsRestClassifier(net),
        ],
        ids=["calibrated", "voting", "bagging", "stacking", "one against the rest"],
    )
    def test_ensembles(self, wrap: Any, flowers: Data) -> None:
        X, y = scale(flowers[0]), flowers[1]
        model = wrap(classifier()).fit(X, y)
        assert model.score(X, y) > 0.9
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-12)

    def test_regressors_around_it(self, patients: Data) -> None:
        X, y = patients
        assert TransformedTargetRegressor(regressor(), transformer=StandardScaler()).fit(X, y).score(X, y) > 0.5
        assert MultiOutputRegressor(regressor()).fit(X, np.column_stack([y, -y])).predict(X).shape == (len(X), 2)

    def test_inspection(self, patients: Data) -> None:
        X, y = patients
        model = regressor().fit(X, y)
        importance = permutation_importance(model, X, y, n_repeats=3, random_state=0)
        assert importance.importances_mean.argmax() in (2, 8)  # the body mass index and a serum measurement
        assert partial_dependence(model, X, [2]).average.shape == (1, 100)

    def test_selection_by_a_getter(self, patients: Data) -> None:
        def size(model: MLPRegressor) -> Any:
            return np.abs(model.coefs_[0]).sum(axis=1)

        selection = SelectFromModel(regressor(), importance_getter=size, max_features=4)
        assert 1 <= selection.fit_transform(*patients).shape[1] <= 4

    def test_metadata_routing(self, flowers: Data) -> None:
        X, y = flowers
        weights = np.where(y == "setosa", 0.0, 1.0)
        with sklearn.config_context(enable_metadata_routing=True):
            pipeline = make_pipeline(
                StandardScaler().set_fit_request(sample_weight=False),
                classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True),
            )
            found = cross_validate(pipeline, X, y, params={"sample_weight": weights}, cv=3, return_estimator=True)
        # Nobody was told of setosas.
        assert all("setosa" not in model.predict(X[50:]) for model in found["estimator"])

    def test_a_search_over_objects(self, flowers: Data) -> None:
        grid: dict[str, list[Any]] = {
            "activation": ["relu", fn.LeakyReLU(0.1)],
            "solver": ["adam", fn.SGD(0.1, momentum=0.9), fn.AdamW(fn.CosineDecay(0.05, over=60))],
            "callbacks": [None, [fn.EarlyStopping(5, monitor="loss")]],
        }
        search = GridSearchCV(classifier(), grid, cv=2, error_score="raise").fit(scale(flowers[0]), flowers[1])
        assert len(search.cv_results_["params"]) == 12
        assert all(search.best_params_[name] in values for name, values in grid.items() if name != "callbacks")
        assert search.best_score_ > 0.9

    def test_a_search_by_halving_epochs(self, flowers: Data) -> None:
        options = {"resource": "max_iter", "min_resources": 5, "max_resources": 40, "cv": 2, "random_state": 0}
        search = HalvingGridSearchCV(classifier(), {"alpha": [1e-4, 1e3]}, **options)
        assert search.fit(scale(flowers[0]), flowers[1]).best_params_["alpha"] == 1e-4

    def test_a_table_of_numbers_and_names(self) -> None:
        frames = pytest.importorskip("pandas")
        rng = np.random.default_rng(0)
        table = frames.DataFrame({"age": rng.normal(40, 10, 120), "town": rng.choice(["here", "there"], 120)})
        y = np.where(table["town"] == "here", "stays", "goes")
        columns = ColumnTransformer([("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(), ["town"])])
        model = make_pipeline(columns, classifier()).fit(table, y)
        assert model.score(table, y) == 1.0
        assert permutation_importance(model, table, y, n_repeats=2, random_state=0).importances_mean[1] > 0.2
        shown = partial_dependence(model, table, ["town"], categorical_features=["town"])
        # Of the second class, "stays".
        assert shown.average[0, 0] > 0.9 > 0.1 > shown.average[0, 1]

    def test_learning_curves_in_parts(self, flowers: Data) -> None:
        X, y = scale(flowers[0]), flowers[1]
        options = {"cv": 3, "train_sizes": [0.2, 1.0], "shuffle": True, "random_state": 0}
        found = learning_curve(classifier(), X, y, exploit_incremental_learning=True, **options)
        assert found[1].shape == (2, 3)
        # One epoch with a few samples, and then one more with the others.
        assert found[1][1].mean() > found[1][0].mean()

    def test_set_output(self, flowers: Data) -> None:
        pytest.importorskip("pandas")
        pipeline = make_pipeline(StandardScaler(), classifier()).set_output(transform="pandas").fit(*flowers)
        assert list(pipeline[-1].feature_names_in_) == ["x0", "x1", "x2", "x3"]


class TestCopies:
    @pytest.mark.parametrize("options", [{}, {"dropout": 0.1, "batch_norm": True}, {"solver": "lbfgs"}])
    @pytest.mark.parametrize("through", ["pickle", "joblib", "memory map"])
    def test_saving(self, through: str, options: dict[str, Any], flowers: Data, tmp_path: Path) -> None:
        X, y = flowers
        model = classifier(**options).fit(X, y)
        if through == "pickle":
            again = pickle.loads(pickle.dumps(model))
        else:
            file = tmp_path / "model.joblib"
            joblib.dump(model, file)
            again = joblib.load(file, mmap_mode="r" if through == "memory map" else None)
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        for mine, other in zip(again.coefs_, model.coefs_, strict=True):
            np.testing.assert_array_equal(mine, other)

    def test_a_saved_training_goes_on_as_the_other(self, flowers: Data) -> None:
        X, y = flowers
        model = classifier(solver="adam", dropout=0.2).partial_fit(X, y, classes=np.unique(y))
        again = pickle.loads(pickle.dumps(model))
        for _ in range(3):
            model.partial_fit(X, y)
            again.partial_fit(X, y)
        for mine, other in zip(again.coefs_, model.coefs_, strict=True):
            np.testing.assert_array_equal(mine, other)

    def test_saving_with_callbacks(self, flowers: Data) -> None:
        X, y = scale(flowers[0]), flowers[1]
        model = classifier(callbacks=[fn.EarlyStopping(3)]).fit(X, y, validation_data=(X, y))
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert clone(again).fit(X, y).loss_curve_ == clone(model).fit(X, y).loss_curve_

    def test_clone(self, flowers: Data) -> None:
        model = classifier(alpha=0.5).fit(*flowers)
        fresh = clone(model)
        assert fresh.get_params() == model.get_params()
        assert not hasattr(fresh, "coefs_")

    def test_the_network_itself(self, flowers: Data, tmp_path: Path) -> None:
        X, y = flowers
        model = classifier().fit(X, y)
        model.network_.save(tmp_path / "model.h5")
        found = fn.load(tmp_path / "model.h5").predict(X)
        np.testing.assert_array_equal(model.classes_[found], model.predict(X))

    def test_weights_of_two_layers_may_change_places(self) -> None:
        X, y = load_iris(return_X_y=True)
        model = MLPClassifier((6, 6, 6), max_iter=2, random_state=0).fit(X, y)
        first, second = model.coefs_[1].copy(), model.coefs_[2].copy()
        model.coefs_[1], model.coefs_[2] = model.coefs_[2], model.coefs_[1]
        model.predict(X)
        np.testing.assert_array_equal(model.coefs_[1], second)
        np.testing.assert_array_equal(model.coefs_[2], first)
        np.testing.assert_array_equal(model.network_.get_weights()[1][0], second)

    def test_weights_that_a_user_sets(self, flowers: Data) -> None:
        X, y = flowers
        model, other = classifier().fit(X, y), classifier(random_state=1).fit(X, y)
        model.coefs_ = [array.copy() for array in other.coefs_]
        model.intercepts_ = [array.copy() for array in other.intercepts_]
        np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
        model.coefs_[0][:] = 0
        model.intercepts_[0][:] = 0
        np.testing.assert_array_equal(model.predict_proba(X), np.broadcast_to(model.predict_proba(X[:1]), (150, 3)))
        kept = model.coefs_[1]
        model.coefs_[0], model.coefs_[1] = np.full((4, 8), 3.0), np.zeros((3, 3))
        with pytest.raises(ValueError, match=r"coefs_\[1\] must have shape \(8, 3\), not \(3, 3\)"):
            model.predict(X)
        model.coefs_[1] = kept
        model.predict(X)
        np.testing.assert_array_equal(model.network_.get_weights()[0][0], 3)  # what was right is not lost
        model.coefs_ = model.coefs_[:1]
        with pytest.raises(ValueError, match="coefs_ must have 2 arrays, one for each layer, but it has 1"):
            model.predict(X)


class TestData:
    @pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
    @pytest.mark.parametrize("options", [{}, {"early_stopping": True}])
    def test_sparse(self, kind: Any, options: dict[str, Any], flowers: Data) -> None:
        X, y = flowers
        X = np.where(X > 1, X, 0)
        whole, part = classifier(**options).fit(X, y), classifier(**options).fit(kind(X), y)
        np.testing.assert_array_equal(part.predict_proba(kind(X)), whole.predict_proba(X))

    def test_several_labels(self) -> None:
        X, y = make_multilabel_classification(n_samples=100, n_classes=3, random_state=0)
        model = classifier(max_iter=300).fit(scale(X), y)
        assert model.predict(scale(X)).shape == model.predict_proba(scale(X)).shape == (100, 3)
        assert model.score(scale(X), y) > 0.9

    def test_several_numbers(self, patients: Data) -> None:
        X, y = patients
        model = regressor().fit(X, np.column_stack([y, 2 * y]))
        assert model.predict(X).shape == (len(X), 2)
        assert model.score(X, np.column_stack([y, 2 * y])) > 0.5

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_frames(self, library: str, flowers: Data) -> None:
        frames: Any = pytest.importorskip(library)
        X, y = flowers
        names = ["sepal length", "sepal width", "petal length", "petal width"]
        frame = frames.DataFrame(dict(zip(names, X.T, strict=True)))
        model = classifier(early_stopping=True).fit(frame, frames.Series(y.tolist()))
        assert list(model.feature_names_in_) == names
        assert set(model.predict(frame)) <= {"setosa", "versicolor", "virginica"}
        expected = classifier(early_stopping=True).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(frame), expected.predict_proba(X))
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame[names[::-1]])

    def test_what_a_model_weighs(self, flowers: Data) -> None:
        # The weights once, and Adam's two moments.
        model = classifier(hidden_layer_sizes=(1000,), max_iter=1).fit(*flowers)
        written = BytesIO()
        pickle.dump(model, written)
        assert written.tell() < 3.5 * model.network_.parameters.nbytes
