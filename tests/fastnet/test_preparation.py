"""What is done to data before training: fitted once, done again, saved and read back."""

import json
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from fastnet.data import Dataset
from fastnet.errors import DataError, ModelFileError
from fastnet.preparation import Preparation

RNG = np.random.default_rng(0)


def dataset(X: Any, y: Any, **names: Any) -> Dataset:
    return Dataset(np.asarray(X), None if y is None else np.asarray(y), "here", **names)


def fit_targets(y: Any, task: Any = "auto", **names: Any) -> Preparation:
    return Preparation.fit(dataset(np.arange(len(y))[:, None], y, **names), task=task)


class TestScaling:
    @pytest.mark.parametrize(
        ("top", "scaling", "divisor"),
        [(0, "none", 1), (1, "none", 1), (16, "divide", 16), (17, "divide", 255)],
    )
    def test_pictures_are_divided_by_their_full_scale(self, top: int, scaling: str, divisor: float) -> None:
        X = np.zeros((4, 2, 3), np.uint8)
        X[1, 1, 1] = top
        prepared = Preparation.fit(dataset(X, [0, 1, 0, 1]))
        assert (prepared.scaling, prepared.divisor) == (scaling, divisor)
        assert prepared.input_shape == (2, 3)
        out = prepared.features(X, source="here")
        assert out.shape == (4, 6)
        assert out.dtype == np.float32
        assert out[1, 4] == np.float32(top / divisor)
        assert np.count_nonzero(out) == (top > 0)

    def test_floats_are_standardised_by_the_training_statistics(self) -> None:
        X = RNG.normal(5, 3, (2500, 3))  # more rows than one block
        prepared = Preparation.fit(dataset(X, X[:, 0]))
        out = prepared.features(X, source="here", dtype=np.float64)
        np.testing.assert_allclose(out, (X - X.mean(axis=0)) / X.std(axis=0), rtol=1e-12)
        other = prepared.features(X[:7] + 1, source="there", dtype=np.float64)
        np.testing.assert_allclose(other, out[:7] + 1 / X.std(axis=0), rtol=1e-9)

    @pytest.mark.parametrize("constant", [0.1, -1e300, 0.0, 1e-320])
    def test_a_constant_column_becomes_zero(self, constant: float) -> None:
        X = np.column_stack([np.full(7, constant), np.arange(7)])
        prepared = Preparation.fit(dataset(X, np.arange(7) % 2))
        assert prepared.deviation[0] == 1
        assert not prepared.features(X, source="here")[:, 0].any()

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64, np.int64])
    def test_features_are_new_contiguous_rows(self, dtype: Any, kind: Any) -> None:
        X = np.asfortranarray(RNG.integers(0, 200, (5, 4)).astype(kind))
        before = X.copy()
        out = Preparation.fit(dataset(X, np.arange(5) % 2)).features(X, source="here", dtype=dtype)
        assert out.flags.c_contiguous
        assert out.dtype == dtype
        assert not np.shares_memory(out, X)
        np.testing.assert_array_equal(X, before)

    @pytest.mark.parametrize(
        ("shape", "fits"),
        [
            ((3, 2, 3), True),
            ((3, 6), True),
            ((3, 3, 2), False),
            ((3, 5), False),
            ((6,), False),
            ((0, 6), False),
        ],
    )
    def test_only_the_shape_of_training_or_flat_rows(self, shape: tuple[int, ...], fits: bool) -> None:
        prepared = Preparation(input_shape=(2, 3), task="regression", scaling="none")
        if fits:
            assert prepared.features(np.ones(shape), source="here").shape == (3, 6)
            return
        with pytest.raises(DataError, match=r"here: .*2 x 3"):
            prepared.features(np.ones(shape), source="here")

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_nan_and_infinity_are_named(self, bad: float) -> None:
        X = np.ones((2000, 2))
        X[1500, 1] = bad
        for names, words in (
            (None, "sample 1501 of 2000, feature 2 of 2 is"),
            (("a", "b"), "feature 'b' is"),
        ):
            with pytest.raises(DataError, match=words):
                Preparation.fit(dataset(X, np.arange(2000) % 2, feature_names=names))
            prepared = Preparation(input_shape=(2,), task="regression", scaling="none", feature_names=names)
            with pytest.raises(DataError, match=words):
                prepared.features(X, source="here")

    @pytest.mark.parametrize(
        ("scaling", "extra"), [("none", {}), ("standardise", {"mean": (0.0,), "deviation": (1.0,)})]
    )
    def test_too_large_for_the_dtype(self, scaling: Any, extra: dict[str, Any]) -> None:
        prepared = Preparation(input_shape=(1,), task="regression", scaling=scaling, **extra)
        with pytest.raises(DataError, match=r"once scaled.*feature 1 of 1 is inf"):
            prepared.features([[1e300]], source="here")

    def test_too_large_to_standardise(self) -> None:
        with pytest.raises(DataError, match=r"feature 1 of 1 has values up to 1e\+300.*too large"):
            Preparation.fit(dataset([[1e300], [-1e300]], [0, 1]))

    @pytest.mark.parametrize("X", [[[0.5, 0.25]], [[0.0, 256.0]], [[-1, 3]], np.array([[300, 1]], np.uint16)])
    def test_pictures_scaled_already_are_refused(self, X: Any) -> None:
        prepared = Preparation(input_shape=(2,), task="regression", scaling="divide", divisor=255.0)
        with pytest.raises(DataError, match=r"whole numbers from 0 to 255.*unscaled"):
            prepared.features(X, source="here")

    def test_text_is_no_feature(self) -> None:
        prepared = Preparation(input_shape=(1,), task="regression", scaling="none")
        with pytest.raises(DataError, match="real numbers, not <U1"):
            prepared.features([["a"]], source="here")
        with pytest.raises(DataError, match="real numbers"):
            Preparation.fit(dataset([["a"], ["b"]], [0, 1]))


class TestTask:
    @pytest.mark.parametrize(
        ("y", "task"),
        [
            ([0, 1, 0, 1], "binary"),
            ([0, 1], "binary"),
            ([-1, 1, 1], "binary"),
            ([0.0, 1.0, 1.0], "binary"),
            ([True, False], "binary"),
            (["a", "b", "c"], "multiclass"),
            ([3, 1, 2] * 3, "multiclass"),
            ([3.0, 1.0, 2.0] * 3, "multiclass"),
            ([3, 1, 2] * 2, "regression"),
            ([1.5, 2, 3] * 9, "regression"),
            (list(range(100)) * 3, "multiclass"),
            (list(range(101)) * 3, "regression"),
            ([[0, 1], [1, 0], [0, 1]], "binary"),
            ([[0, 1], [1, 1], [0, 1]], "multilabel"),
            ([[0, np.nan], [1, 0], [0, 1]], "multilabel"),
            ([[0.5, 0.5], [1, 0], [0, 1]], "regression"),
            # What the README says of whole numbers, at its edges.
            ([1, 2] * 2, "regression"),
            ([1, 2, 1, 2, 1], "binary"),
            ([-1, 0], "regression"),
        ],
    )
    def test_auto(self, y: list[Any], task: str) -> None:
        assert fit_targets(y).task == task

    def test_named_classes_are_classes(self) -> None:
        prepared = fit_targets([2, 0], class_names=("a", "b", "c"))
        assert (prepared.task, prepared.class_names) == ("binary", ("a", "c"))
        assert prepared.class_values == (0, 2)
        assert fit_targets([0.5, 1.5], class_names=("a", "b")).task == "regression"

    @pytest.mark.parametrize(("task", "expected"), [("classification", "multiclass"), ("regression", "regression")])
    def test_asked_for(self, task: Literal["classification", "regression"], expected: str) -> None:
        assert fit_targets([1, 2, 3], task).task == expected

    @pytest.mark.parametrize(
        ("y", "task", "words"),
        [
            (None, "auto", "no targets"),
            ([5, 5, 5], "auto", "all 3 samples are of one class, 5"),
            (["a", "a"], "auto", "one class, 'a'"),
            (["a"], "auto", "one sample only; training needs at least two"),
            ([2.5], "regression", "one sample only"),
            ([1.5, np.nan], "auto", "sample 2 of 2, the target is nan"),
            ([1.5, np.inf], "regression", "sample 2 of 2, the target is inf"),
            (["a", "b"], "regression", "'a'.*regression needs numbers"),
            ([[1.5, 2], [3, 4]], "classification", "without being one-hot"),
            ([1e300, -1e300], "regression", "the target has values up to"),
        ],
    )
    def test_targets_that_do_not_do(self, y: Any, task: Any, words: str) -> None:
        X = np.arange(3 if y is None else len(y))[:, None]
        with pytest.raises(DataError, match=f"here: .*{words}"):
            Preparation.fit(dataset(X, y), task=task)

    def test_labels_that_do_not_fit_the_names(self) -> None:
        with pytest.raises(DataError, match=r"label 2, but 2 class names.*from 0 to 1"):
            fit_targets([0, 2], class_names=("a", "b"))
        with pytest.raises(DataError, match="label -1"):
            fit_targets([0, -1], class_names=("a", "b"))
        with pytest.raises(DataError, match="two classes are called 'a'"):
            fit_targets([0, 1], class_names=("a", "a"))


class TestTargets:
    @pytest.mark.parametrize(
        ("y", "indices", "names"),
        [
            (["b", "a", "b"], [1, 0, 1], ["b", "a", "b"]),
            ([7, 3, 7, 7, 7], [1, 0, 1, 1, 1], ["7", "3", "7", "7", "7"]),
            ([[0, 0, 1], [1, 0, 0]], [1, 0], ["2", "0"]),
            ([True, False], [1, 0], ["1", "0"]),
        ],
    )
    def test_classes_there_and_back(self, y: list[Any], indices: list[int], names: list[str]) -> None:
        prepared = fit_targets(y)
        found = prepared.targets(y, source="here")
        assert found.dtype == np.int64
        assert found.tolist() == indices
        assert prepared.labels(found).tolist() == names

    def test_whole_floats_are_the_same_labels(self) -> None:
        assert fit_targets([0, 1, 0]).targets([1.0, 0.0], source="here").tolist() == [1, 0]

    @pytest.mark.parametrize(
        ("trained", "y", "words"),
        [
            (["cat", "dog"], ["dog", "cow"], "sample 2 of 2 has the label 'cow'.*'cat', 'dog'"),
            ([0, 1, 1], [1, 2], "label 2, .*known labels are 0, 1$"),
            ([0, 1, 1], [-1], "label -1, "),
            ([0, 1, 1], [0.5], "label 0.5, "),
            ([0, 1, 1], ["0"], "label '0', "),
            (["a", "b"], [0], "label 0, "),
            ([str(i) for i in range(12)], ["x"], "and 2 more"),
            ([0, 1, 1], [np.nan], "sample 1 of 1, the target is nan"),
        ],
    )
    def test_a_label_never_seen(self, trained: Any, y: Any, words: str) -> None:
        with pytest.raises(DataError, match=f"there: .*{words}"):
            fit_targets(trained).targets(y, source="there")

    @pytest.mark.parametrize("shape", [(50,), (50, 3)])
    def test_regression_there_and_back(self, shape: tuple[int, ...]) -> None:
        y = RNG.normal(100, 20, shape)
        prepared = fit_targets(y)
        standard = prepared.targets(y, source="here")
        assert standard.shape == (50, 1 if len(shape) == 1 else 3)
        np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(standard.std(axis=0), 1, rtol=1e-12)
        np.testing.assert_allclose(prepared.values(standard).reshape(shape), y, rtol=1e-12)
        assert prepared.n_outputs == standard.shape[1]

    def test_flat_outputs_stay_flat(self) -> None:
        prepared = fit_targets([0.5, 1.5, 4.0])
        assert prepared.values([0.0, 1.0]).shape == (2,)
        assert prepared.values([[0.0], [1.0]]).shape == (2, 1)
        assert prepared.values([0.0]) == pytest.approx(2.0)

    def test_a_constant_target_comes_back(self) -> None:
        prepared = fit_targets([2.5, 2.5, 2.5])
        assert prepared.values(prepared.targets([2.5], source="here")).tolist() == [[2.5]]

    def test_the_wrong_number_of_outputs(self) -> None:
        prepared = fit_targets(RNG.random((5, 2)))
        with pytest.raises(DataError, match="2 target values as in training, but has 3"):
            prepared.targets(RNG.random((4, 3)), source="here")
        with pytest.raises(DataError, match=r"the network's outputs: .* but has 1"):
            prepared.values([0.0])

    @pytest.mark.parametrize("indices", [[2], [-1], [0.0]])
    def test_no_such_class(self, indices: Any) -> None:
        with pytest.raises(DataError, match="integers from 0 to 1"):
            fit_targets(["a", "b"]).labels(indices)

    @pytest.mark.parametrize(("y", "n"), [([0, 1], 1), (["a", "b", "c"], 3), ([0.5, 1.5], 1)])
    def test_the_number_of_outputs(self, y: Any, n: int) -> None:
        assert fit_targets(y).n_outputs == n


class TestLabels:
    Y = np.array([[0, 1, np.nan], [1, 1, 0], [np.nan, 0, 1], [1, 0, 0]])

    def test_labels_stay_what_they_are(self) -> None:
        prepared = fit_targets(self.Y, class_names=("a", "b", "c"))
        assert (prepared.task, prepared.n_outputs, prepared.class_names) == ("multilabel", 3, ("a", "b", "c"))
        np.testing.assert_array_equal(prepared.targets(self.Y, source="here"), self.Y)
        assert Preparation.from_dict(json.loads(json.dumps(prepared.to_dict()))) == prepared
        assert fit_targets(self.Y).class_names == ("0", "1", "2")

    @pytest.mark.parametrize(
        ("y", "words"),
        [
            ([[0.0, 1.0, 2.0]], "should be 0, 1 or NaN"),
            ([[0.0, 1.0]], "3 target values as in training, but has 2"),
            ([0, 1], "3 target values as in training, but has 1"),
            ([[0.0, 1.0, np.inf]], "should be 0, 1 or NaN"),
        ],
    )
    def test_other_targets_are_refused(self, y: Any, words: str) -> None:
        with pytest.raises(DataError, match=f"there: .*{words}"):
            fit_targets(self.Y).targets(y, source="there")

    @pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "b")])
    def test_names_that_do_not_fit(self, names: tuple[str, ...]) -> None:
        with pytest.raises(DataError, match="3 columns of labels, but the names a, b"):
            fit_targets(self.Y, class_names=names)

    def test_a_file_with_one_label_is_refused(self) -> None:
        with pytest.raises(ModelFileError, match="'class_names' should be a list of two or more"):
            Preparation.from_dict({**fit_targets(self.Y).to_dict(), "class_names": ["a"]})


class TestProbabilities:
    SHARES = np.array([[0.5, 0.25, 0.25], [1, 0, 0], [0.125, 0.125, 0.75]])

    def test_rows_that_sum_to_1_are_of_classes_when_asked(self) -> None:
        prepared = fit_targets(self.SHARES, "classification", class_names=("a", "b", "c"))
        assert (prepared.task, prepared.class_values) == ("multiclass", (0, 1, 2))
        np.testing.assert_array_equal(prepared.targets(self.SHARES, source="here"), self.SHARES)
        # The same classes as one-hot rows, or as indices.
        assert prepared.targets(np.eye(3), source="here").tolist() == [0, 1, 2]
        assert prepared.targets([2, 0], source="here").tolist() == [2, 0]

    def test_of_two_classes_the_second_s(self) -> None:
        y = np.array([[0.75, 0.25], [0.5, 0.5]])
        prepared = fit_targets(y, "classification")
        assert (prepared.task, prepared.n_outputs) == ("binary", 1)
        assert prepared.targets(y, source="here").tolist() == [0.25, 0.5]

    @pytest.mark.parametrize("row", [[0.5, 0.25, 0.2], [-0.5, 0.75, 0.75], [0.5, 0.5]])
    def test_others_are_refused(self, row: list[float]) -> None:
        prepared = fit_targets(self.SHARES, "classification")
        with pytest.raises(DataError, match=r"there: .*which sum to 1"):
            prepared.targets([row, row], source="there")


class TestSaving:
    @given(
        X=hnp.arrays(
            st.sampled_from([np.uint8, np.float32, np.float64]),
            st.tuples(st.integers(3, 6), st.integers(1, 3)),
            elements=st.integers(0, 200),
        ),
        y=st.one_of(
            st.just([0, 1, 1, 0, 1, 0]),
            st.just(["é", "", "\n", "é", "a", "b"]),
            st.lists(st.floats(-1e9, 1e9), min_size=6, max_size=6, unique=True),
        ),
        named=st.booleans(),
    )
    def test_json_gives_the_same_back(self, X: Any, y: list[Any], named: bool) -> None:
        names = tuple(f"f{i}" for i in range(X.shape[1])) if named else None
        data = dataset(X, y[: len(X)], feature_names=names, target_name="t" if named else None)
        prepared = Preparation.fit(data)
        back = Preparation.from_dict(json.loads(json.dumps(prepared.to_dict(), allow_nan=False)))
        assert back == prepared
        np.testing.assert_array_equal(back.features(X, source="here"), prepared.features(X, source="here"))
        np.testing.assert_array_equal(
            back.targets(y[: len(X)], source="here"), prepared.targets(y[: len(X)], source="here")
        )

    CLASSES = fit_targets(["a", "b", "c"]).to_dict()
    NUMBERS = fit_targets([0.5, 1.5, 4.0]).to_dict()

    @pytest.mark.parametrize("name", CLASSES)
    def test_every_entry_must_be_there(self, name: str) -> None:
        entries = {key: value for key, value in self.CLASSES.items() if key != name}
        with pytest.raises(ModelFileError, match=f"no entry '{name}'"):
            Preparation.from_dict(entries)

    @pytest.mark.parametrize("entries", [None, [], "text", 3])
    def test_it_must_be_a_mapping(self, entries: Any) -> None:
        with pytest.raises(ModelFileError, match="should be a mapping"):
            Preparation.from_dict(entries)

    def test_an_unknown_entry(self) -> None:
        with pytest.raises(ModelFileError, match="'whitening' that this version does not know"):
            Preparation.from_dict({**self.CLASSES, "whitening": True})

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("input_shape", []),
            ("input_shape", [0]),
            ("input_shape", [1.0]),
            ("input_shape", [True]),
            ("input_shape", 1),
            ("input_shape", [2]),
            ("task", "clustering"),
            ("task", ["binary"]),
            ("task", "binary"),
            ("task", "regression"),
            ("scaling", None),
            ("scaling", "divide"),
            ("divisor", 0),
            ("divisor", -1.0),
            ("divisor", float("nan")),
            ("divisor", True),
            ("divisor", "1"),
            pytest.param("divisor", 10**400, id="divisor-400 digits"),
            pytest.param("divisor", 10**5000, id="divisor-5000 digits"),
            ("mean", [float("inf")]),
            ("mean", [None]),
            ("mean", []),
            ("mean", [1.0, 2.0]),
            ("mean", {"a": 1}),
            ("deviation", [0.0]),
            ("deviation", [-1.0]),
            ("deviation", []),
            ("feature_names", ["a", "b"]),
            ("feature_names", [1]),
            ("feature_names", "a"),
            ("class_names", ["a", "b"]),
            ("class_names", [1, 2, 3]),
            ("class_values", ["a", "b"]),
            ("class_values", ["a", "c", "b"]),
            ("class_values", ["a", "a", "b"]),
            ("class_values", ["a", "b", 3]),
            ("class_values", [1, 2, 2**63]),
            ("class_values", [0.0, 1.0, float("nan")]),
            ("class_values", [False, True, 2]),
            ("target_name", 3),
            ("target_mean", [1.0]),
            ("target_deviation", [1.0]),
        ],
    )
    def test_every_entry_is_checked(self, name: str, value: Any) -> None:
        with pytest.raises(ModelFileError, match="the model's data preparation: '") as caught:
            Preparation.from_dict({**self.CLASSES, name: value})
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 300

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("target_mean", []),
            ("target_deviation", []),
            ("target_deviation", [0.0]),
            ("class_values", ["a", "b"]),
            ("class_names", ["a"]),
        ],
    )
    def test_what_a_regression_needs(self, name: str, value: Any) -> None:
        assert Preparation.from_dict(self.NUMBERS).task == "regression"
        with pytest.raises(ModelFileError, match="the model's data preparation: '"):
            Preparation.from_dict({**self.NUMBERS, name: value})


class TestTables:
    """What is saved of tables is checked entry by entry; files from before have none of it."""

    PREPARATION = Preparation.fit(
        pd.DataFrame({"a": [1.0, None, 3.0], "c": ["x", "y", "x"], "b": [True, False, None]}),
        [0, 1, 1],
        impute="mean",
    )

    def test_json_gives_the_same_back(self) -> None:
        back = Preparation.from_dict(json.loads(json.dumps(self.PREPARATION.to_dict(), allow_nan=False)))
        assert back == self.PREPARATION
        assert [(column.kind, column.fill) for column in back.columns] == [
            ("number", 2.0),
            ("category", "x"),
            ("boolean", 0.0),
        ]

    def test_what_older_versions_wrote_has_no_columns(self) -> None:
        entries = fit_targets([0, 1]).to_dict()
        assert {"columns", "ignored"}.isdisjoint(entries)
        assert Preparation.from_dict(entries).columns == ()

    @pytest.mark.parametrize(
        ("index", "name", "value"),
        [
            (0, "name", 3),
            (0, "name", "c"),
            (0, "kind", "time"),
            (0, "kind", "category"),
            (0, "categories", ["x"]),
            (0, "fill", "mean"),
            (0, "fill", True),
            (0, "fill", float("nan")),
            (0, "own_missing", True),
            (1, "categories", ["y", "x"]),
            (1, "categories", ["x", "x"]),
            (1, "categories", [1, 2]),
            (1, "categories", []),
            (1, "categories", ["x", "y", "z"]),
            (1, "fill", "z"),
            (1, "fill", 2.0),
            (1, "own_missing", True),
            (1, "own_missing", 1),
        ],
    )
    def test_every_entry_of_a_column_is_checked(self, index: int, name: str, value: Any) -> None:
        entries = self.PREPARATION.to_dict()
        entries["columns"][index][name] = value
        with pytest.raises(ModelFileError, match="the model's data preparation: '"):
            Preparation.from_dict(entries)

    @pytest.mark.parametrize("value", [None, "a", [None], [[]], [{}], 3])
    def test_columns_are_a_list_of_mappings(self, value: Any) -> None:
        with pytest.raises(ModelFileError, match="the model's data preparation"):
            Preparation.from_dict({**self.PREPARATION.to_dict(), "columns": value})

    def test_ignored_are_texts(self) -> None:
        with pytest.raises(ModelFileError, match="'ignored' should be a list of texts"):
            Preparation.from_dict({**self.PREPARATION.to_dict(), "ignored": [1]})

    def test_scaling_has_to_be_that_of_columns(self) -> None:
        with pytest.raises(ModelFileError, match="'columns'"):
            Preparation.from_dict({**self.PREPARATION.to_dict(), "scaling": "none", "mean": [], "deviation": []})

    @pytest.mark.parametrize(
        ("y", "words"),
        [
            (pd.Series(["a", None, "b"]), "sample 2 of 3 has no target"),
            (pd.Series([1, "a", 2], dtype=object), "several types"),
            (["a", "b"], "X has 3 samples but y has 2"),
        ],
    )
    def test_targets_of_a_frame(self, y: Any, words: str) -> None:
        with pytest.raises(DataError, match=words):
            Preparation.fit(pd.DataFrame({"a": [1.0, 2.0, 3.0]}), y)

    def test_arrays_with_gaps_are_filled_in_by_their_place(self) -> None:
        X = np.array([[1.0, np.nan], [3.0, 4.0], [np.nan, 8.0]])
        prepared = Preparation.fit(X, [0, 1, 1], impute="mean")
        assert prepared.feature_names is None
        out = prepared.features([[np.nan, 6.0]], source="here")
        assert out.tolist() == [[0, 0]]
        with pytest.raises(DataError, match=r"X: sample 1 of 3, feature 2 of 2 is nan"):
            Preparation.fit(X, [0, 1, 1])

    def test_sparse_features_are_scaled_as_dense_ones(self) -> None:
        X = sparse.random(20, 5, 0.3, format="csr", random_state=0)
        prepared = Preparation.fit(X, np.arange(20) % 2)
        expected = prepared.features(X.toarray(), source="X", dtype=np.float64)
        np.testing.assert_array_equal(prepared.features(X, source="X", dtype=np.float64), expected)
