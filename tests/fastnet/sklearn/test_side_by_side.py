"""The same calls on scikit-learn's estimators and on fastnet's: attributes, answers, their types, warnings, what is
printed and what is refused in which words. Where they differ on purpose, ``docs/sklearn.md`` says so."""

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from sklearn.utils import get_tags

from fastnet import sklearn as ours

pytestmark = pytest.mark.needs_compiler

IRIS = load_iris()
X, Y = scale(IRIS.data), IRIS.target
NAMES = IRIS.target_names[Y]
LABELS = np.column_stack([Y == 0, Y > 0])
SETTINGS: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, "shuffle": False}
ONLY_OURS = {"validation_loss_curve_"}

Call = Callable[[Any], Any]


def outcome(library: ModuleType, kind: str, options: dict[str, Any], call: Call) -> dict[str, Any]:
    """What a call on a new estimator gives, warns of and raises, so that it can be compared."""
    found: dict[str, Any] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = getattr(library, kind)(**{**SETTINGS, **options})
            found["given"] = plain(call(model))
            names = {name for name in dir(model) if name.endswith("_") and not name.startswith("_")}
            found |= {name: plain(getattr(model, name)) for name in names - ONLY_OURS - {"network_"}}
        except (ValueError, TypeError, AttributeError) as error:
            kinds = [kind.__name__ for kind in (ValueError, TypeError, AttributeError) if isinstance(error, kind)]
            found["raised"] = kinds, str(error)
    found["warned"] = [(warning.category.__name__, str(warning.message)) for warning in caught]
    return found


def plain(value: Any) -> Any:
    """A value with its type, numbers rounded to what both libraries agree in."""
    if isinstance(value, ours.MLPClassifier | ours.MLPRegressor | theirs.MLPClassifier | theirs.MLPRegressor):
        return "itself"
    if sparse.issparse(value):
        return value.format, plain(value.toarray())
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, np.ndarray):
        numbers = np.round(value, 10).tolist() if value.dtype == np.float64 else None
        return value.dtype.str, value.shape, numbers if value.dtype.kind == "f" else value.tolist()
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def assert_the_same(kind: str, call: Call, capsys: Any = None, **options: Any) -> dict[str, Any]:
    expected = outcome(theirs, kind, options, call)
    said = capsys.readouterr().out if capsys else ""
    assert outcome(ours, kind, options, call) == expected
    if capsys:
        assert capsys.readouterr().out == said
    return expected


both_kinds = pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
@both_kinds
def test_attributes(kind: str, solver: str, early_stopping: bool) -> None:
    found = assert_the_same(kind, lambda m: m.fit(X[:, :3], Y), solver=solver, early_stopping=early_stopping, alpha=1.0)
    assert "raised" not in found
    assert ("loss_curve_" in found) == (solver != "lbfgs")


@pytest.mark.parametrize(
    "y",
    [
        *(Y, NAMES, NAMES.astype(object), Y == 1, Y.astype(float), Y.astype(np.int8), np.where(Y == 1, 1, -1)),
        *(LABELS, LABELS.astype(int), LABELS.astype(float), sparse.csr_matrix(LABELS.astype(int))),
        *(Y[:, np.newaxis], np.zeros(150), list(Y), X[:, 0], np.column_stack([Y, Y]), np.where(Y > 1, np.nan, Y), None),
    ],
    ids=[
        *("int", "text", "object", "bool", "float", "int8", "signs", "labels", "labels int", "labels float"),
        *("labels sparse", "column", "one class", "list", "numbers", "several outputs", "gaps", "none"),
    ],
)
def test_targets_of_classes(y: Any) -> None:
    assert_the_same("MLPClassifier", lambda m: (m.fit(X, y).predict(X), m.predict_proba(X), m.predict_log_proba(X)))


@pytest.mark.parametrize("dtype", ["float64", "int64", "uint8", "bool", "object", "float16", "str"])
@both_kinds
def test_types_of_features(kind: str, dtype: str) -> None:
    features = (X > 0).astype(int).astype(dtype)
    assert_the_same(kind, lambda m: m.fit(features, Y).predict(features))


@both_kinds
def test_float32_stays(kind: str) -> None:
    features = X.astype("float32")
    for library in (ours, theirs):
        model = getattr(library, kind)(**SETTINGS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(features, Y)
        answers = model.predict(features) if kind == "MLPRegressor" else model.predict_proba(features)
        assert {array.dtype.name for array in (*model.coefs_, *model.intercepts_, answers)} == {"float32"}


@pytest.mark.parametrize("made", [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix, sparse.csr_array])
def test_sparse_features(made: Any) -> None:
    assert_the_same("MLPClassifier", lambda m: m.fit(made(X), Y).predict_proba(made(X)))


@pytest.mark.parametrize(
    "options",
    [
        *({"momentum": 0, "solver": "sgd"}, {"beta_1": 0.0}, {"beta_2": 0.0}, {"tol": 0}, {"alpha": 0}),
        *({"n_iter_no_change": np.inf}, {"learning_rate_init": 1}, {"batch_size": np.int64(32)}, {"batch_size": 1000}),
        *({"early_stopping": True, "validation_fraction": share} for share in (0.0, 0.01)),
        *({"hidden_layer_sizes": sizes} for sizes in ([5], np.array([5, 3]), 5, (), np.int64(4), (0,), -1, "abc")),
        *({"power_t": 0, "solver": "sgd", "learning_rate": "invscaling"}, {"solver": "lbfgs", "max_fun": 2}),
        *({"max_iter": 0}, {"max_iter": 2.0}, {"tol": -1}, {"tol": None}, {"random_state": "x"}, {"batch_size": 0}),
        *({"shuffle": "no"}, {"verbose": "a"}, {"early_stopping": None}, {"beta_1": 1.0}, {"n_iter_no_change": 2.5}),
    ],
    ids=str,
)
@both_kinds
def test_options(kind: str, options: dict[str, Any]) -> None:
    assert_the_same(kind, lambda m: m.fit(X, Y), **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tol": 10, "n_iter_no_change": 1},
        {"early_stopping": True, "tol": 10, "n_iter_no_change": 1},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 10, "n_iter_no_change": 1, "learning_rate_init": 1e-5},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
def test_what_is_printed(options: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert_the_same("MLPClassifier", lambda m: m.fit(X, Y), capsys, **{**options, "verbose": True, "max_iter": 20})


@pytest.mark.parametrize(
    "weights",
    [np.ones(150), None, np.zeros(150) + np.nan, 2.0, np.ones(3), np.ones((150, 1)), np.full(150, "a"), np.arange(150)],
    ids=["ones", "none", "nan", "one number", "too few", "column", "text", "several"],
)
def test_weights(weights: Any) -> None:
    assert_the_same("MLPClassifier", lambda m: m.fit(X, Y, sample_weight=weights))


FIT: Call = lambda m: m.fit(X, Y)  # noqa: E731
BEGIN: Call = lambda m: m.partial_fit(X, Y, classes=[0, 1, 2])  # noqa: E731
GO_ON: Call = lambda m: m.partial_fit(X, Y)  # noqa: E731


def setting(**options: Any) -> Call:
    return lambda m: m.set_params(**options)


@pytest.mark.parametrize(
    ("calls", "options"),
    [
        ([FIT, GO_ON, GO_ON], {}),
        ([BEGIN, FIT], {}),
        ([FIT, FIT, GO_ON, FIT], {"warm_start": True}),
        ([FIT, GO_ON, GO_ON], {"solver": "sgd", "learning_rate": "invscaling"}),
        ([BEGIN] + 4 * [GO_ON], {"solver": "sgd", "learning_rate": "adaptive", "tol": 10, "n_iter_no_change": 1}),
        ([FIT, lambda m: m.fit(X[:, :2], Y)], {}),
        ([FIT, lambda m: m.partial_fit(X[:, :2], Y)], {}),
        ([FIT, lambda m: m.fit(X, Y % 2)], {"warm_start": True}),
        ([FIT, setting(solver="lbfgs"), FIT], {"warm_start": True}),
        ([BEGIN, setting(learning_rate_init=0.1, momentum=0.1), GO_ON], {"solver": "sgd"}),
        ([BEGIN, setting(alpha=3.0), GO_ON], {}),
        ([BEGIN, lambda m: m.partial_fit(X, Y, classes=[0, 1])], {}),
        ([lambda m: m.partial_fit(X, Y, classes=[0, 1])], {}),
        ([lambda m: m.partial_fit(X[:99], Y[:99], classes=[3, 2, 1, 0])], {}),
        ([lambda m: m.partial_fit(X, LABELS, classes=[0, 1])], {}),
        ([GO_ON], {}),
        ([BEGIN], {"early_stopping": True}),
        ([BEGIN], {"solver": "lbfgs"}),
        ([lambda m: m.predict(X)], {}),
    ],
)
def test_calls_in_a_row(calls: list[Call], options: dict[str, Any]) -> None:
    assert_the_same("MLPClassifier", lambda m: [call(m) for call in calls], **options)


@both_kinds
def test_what_other_tools_ask(kind: str) -> None:
    mine, other = (getattr(library, kind)() for library in (ours, theirs))
    assert repr(get_tags(mine)) == repr(get_tags(other))
    assert repr(mine) == repr(other)
    requests, expected = (model.get_metadata_routing()._serialize() for model in (mine, other))
    assert requests["fit"].pop("validation_data") is None
    assert requests == expected
    assert set(other.get_params()) <= set(mine.get_params())
    assert {name: mine.get_params()[name] for name in other.get_params()} == other.get_params()
