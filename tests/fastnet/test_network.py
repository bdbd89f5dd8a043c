"""The network that users hold: building, fitting, asking, weights, and the sentence for every misuse."""

import importlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

import fastnet as fn

BACKENDS = ("jit", "reference")
Floats = npt.NDArray[np.float64]


def data(samples: int = 12, seed: int = 0) -> tuple[Floats, npt.NDArray[np.int64]]:
    X = np.random.default_rng(seed).normal(size=(samples, 3))
    y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)
    y[:2] = 0, 1
    return X, y


def binary(**options: Any) -> fn.Network:
    layers = [fn.Dense(4, activation="tanh"), fn.Dense(1, activation="sigmoid")]
    return fn.Network(layers, **{"input_shape": 3, "loss": "binary_crossentropy", **options})


def classes(n: int = 3, **options: Any) -> fn.Network:
    layers: list[Any] = [fn.Dropout(0.3), fn.Dense(5, activation="relu"), fn.Dense(n, activation="softmax")]
    return fn.Network(layers, **{"input_shape": 3, "loss": "categorical_crossentropy", **options})


def regression(outputs: int = 1, **options: Any) -> fn.Network:
    return fn.Network([fn.Dense(outputs)], **{"input_shape": 3, "loss": "mean_squared_error", **options})


class TestBuilding:
    def test_one_size_and_a_tuple_of_one_are_the_same_shape(self) -> None:
        assert binary(input_shape=3).input_shape == binary(input_shape=[3]).input_shape == (3,)

    def test_sizes(self) -> None:
        net = classes(4, input_shape=(2, 3, 2))
        assert (net.n_features, net.n_outputs, net.is_classifier) == (12, 4, True)
        assert net.parameters.shape == (12 * 5 + 5 + 5 * 4 + 4,)
        assert net.parameters.flags.c_contiguous
        assert not regression().is_classifier

    def test_the_repr_builds_the_network_again(self) -> None:
        net = classes(dtype="float64", seed=9)
        again = eval(repr(net), vars(fn).copy())
        assert repr(again) == repr(net)
        np.testing.assert_array_equal(again.parameters, net.parameters)

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"input_shape": ()}, r"input_shape must have 1 to 3 sizes.*not \(\)"),
            ({"input_shape": (1, 2, 3, 4)}, "input_shape must have 1 to 3 sizes"),
            ({"input_shape": (3, 0)}, "size in input_shape must be a whole number of at least 1"),
            ({"input_shape": 2.5}, "size in input_shape must be a whole number .*not 2.5"),
            ({"input_shape": "3"}, "size in input_shape must be a whole number .*not '3'"),
            ({"input_shape": None}, "input_shape must"),
            ({"loss": "mse"}, "loss must be one of mean_squared_error, .*not 'mse'"),
            ({"loss": "binary_crossentropi"}, r"did you mean 'binary_crossentropy'\?"),
            ({"dtype": "float16"}, "dtype must be one of float32, float64, not 'float16'"),
            ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
            ({"seed": 2**63}, r"seed must be below 2\*\*63"),
            ({"seed": 1.5}, "seed must be a whole number of at least 0, not 1.5"),
        ],
    )
    def test_options_that_make_no_network_are_refused(self, wrong: dict[str, Any], sentence: str) -> None:
        with pytest.raises(fn.ConfigurationError, match=sentence):
            binary(**wrong)

    @pytest.mark.parametrize("layers", [[3], ["dense"], [fn.Dense], [None]])
    def test_layers_that_are_none_are_refused(self, layers: Any) -> None:
        with pytest.raises(fn.ConfigurationError, match=r"layers such as Dense\(10\), not"):
            fn.Network(layers, input_shape=3, loss="mean_squared_error")


class TestWeights:
    def test_shapes_and_copies(self) -> None:
        net = classes()
        (W1, b1), (W2, b2) = net.get_weights()
        assert [a.shape for a in (W1, b1, W2, b2)] == [(3, 5), (5,), (5, 3), (3,)]
        before = net.parameters.copy()
        for array in (W1, b1, W2, b2):
            array[...] = 7
        np.testing.assert_array_equal(net.parameters, before)

    @settings(max_examples=20)
    @given(st.data())
    def test_what_is_set_is_what_is_got(self, draw: st.DataObject) -> None:
        net = classes(dtype="float64")
        finite = st.floats(-1e300, 1e300)
        weights = [
            tuple(draw.draw(st_numpy.arrays(np.float64, a.shape, elements=finite)) for a in pair)
            for pair in net.get_weights()
        ]
        net.set_weights(weights)
        for pair, expected in zip(net.get_weights(), weights, strict=True):
            for array, value in zip(pair, expected, strict=True):
                np.testing.assert_array_equal(array, value)

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_weights_decide_the_answer(self, backend: str) -> None:
        net = regression(2, dtype="float64")
        W, b = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([10.0, 20])
        net.set_weights([(W, b)])
        np.testing.assert_array_equal(net.predict([[1, 0, 2]], backend=backend), [[21, 34]])

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (lambda w: w[:1], r"needs 2 tuples such as \(W, b\), one for each layer with parameters, not 1"),
            (lambda w: [w[0], w[1][:1]], r"needs \(W, b\) for Dense layer 1, not 1 arrays"),
            (
                lambda w: [w[0], (w[1][0].T, w[1][1])],
                r"W of Dense layer 1 must have shape \(5, 3\), not \(3, 5\)",
            ),
            (
                lambda w: [w[0], (w[1][0], w[1][1][:, np.newaxis])],
                r"b of Dense layer 1 must have shape \(3,\), not \(3, 1\)",
            ),
            (lambda w: [w[0], (w[1][0].astype(str), w[1][1])], "W of Dense layer 1 must hold numbers"),
            (
                lambda w: [w[0], (w[1][0], [0, np.nan, 0])],
                "b of Dense layer 1 must be finite, but it holds NaN or infinity",
            ),
            (lambda w: [w[0], (w[1][0], [0, 1e300, 0])], "b of Dense layer 1 must be"),
        ],
    )
    def test_wrong_weights_are_refused_and_nothing_is_set(self, change: Callable[[Any], Any], sentence: str) -> None:
        net = classes()
        before = net.parameters.copy()
        weights = change([(W + 1, b + 1) for W, b in net.get_weights()])
        with pytest.raises(fn.DataError, match=sentence):
            net.set_weights(weights)
        np.testing.assert_array_equal(net.parameters, before)

    @pytest.mark.parametrize("backend", BACKENDS)
    def test_another_vector_of_parameters_is_the_one_that_answers(self, backend: str) -> None:
        X, y = data()
        net, other = classes(seed=1), classes(seed=2)
        net.predict_proba(X, backend=backend)
        net.parameters = other.parameters.copy()
        for one in (net, pickle.loads(pickle.dumps(net))):
            np.testing.assert_array_equal(
                one.predict_proba(X, backend=backend), other.predict_proba(X, backend=backend)
            )
            assert one.evaluate(X, y, backend=backend) == other.evaluate(X, y, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
class TestAsking:
    def test_one_sigmoid_output(self, backend: str) -> None:
        net, (X, y) = binary(dtype="float64"), data()
        probabilities = net.predict_proba(X, backend=backend)
        assert probabilities.shape == (12, 1)
        assert probabilities.dtype == np.float64
        assert ((probabilities > 0) & (probabilities < 1)).all()
        labels = net.predict(X, backend=backend)
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, probabilities[:, 0] > 0.5)
        assert net.evaluate(X, y, backend=backend)["accuracy"] == np.mean(labels == y)

    def test_softmax(self, backend: str) -> None:
        net, (X, y) = classes(dtype="float64"), data()
        probabilities = net.predict_proba(X, backend=backend)
        assert probabilities.shape == (12, 3)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-14)
        labels = net.predict(X, backend=backend)
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, probabilities.argmax(axis=1))
        scores = net.evaluate(X, y, backend=backend)
        assert scores["accuracy"] == np.mean(labels == y)
        expected = -np.log(probabilities[np.arange(12), y]).mean()
        assert scores["loss"] == pytest.approx(expected, rel=1e-13)

    def test_several_sigmoid_outputs(self, backend: str) -> None:
        net = fn.Network([fn.Dense(2, activation="sigmoid")], input_shape=3, loss="binary_crossentropy")
        X, y = data()
        labels = net.predict(X, backend=backend)
        assert labels.shape == (12, 2)
        assert labels.dtype == np.int64
        Y = np.c_[y, 1 - y]
        scores = net.evaluate(X, Y, backend=backend)
        assert scores["accuracy"] == pytest.approx(np.mean(labels == Y), rel=1e-15)

    def test_regression(self, backend: str) -> None:
        X, y = data()
        one, two = regression(), regression(2)
        assert one.predict(X, backend=backend).shape == (12,)
        assert two.predict(X, backend=backend).shape == (12, 2)
        assert one.predict(X, backend=backend).dtype == np.float32
        assert list(one.evaluate(X, y, backend=backend)) == ["loss"]
        with pytest.raises(fn.ConfigurationError, match="loss is mean_squared_error; use predict"):
            one.predict_proba(X, backend=backend)

    def test_dropout_does_nothing_here(self, backend: str) -> None:
        net, X = classes(), data()[0]
        without = fn.Network(net.layers[1:], input_shape=3, loss=net.loss)
        without.set_weights(net.get_weights())
        np.testing.assert_array_equal(net.predict_proba(X, backend=backend), without.predict_proba(X, backend=backend))

    def test_many_rows_are_as_few(self, backend: str) -> None:
        """Rows go through in blocks of 256, the last one ragged."""
        net, (X, y) = binary(dtype="float64"), data(600)
        together = net.predict_proba(X, backend=backend)
        apart = np.concatenate([net.predict_proba(X[start : start + 7], backend=backend) for start in range(0, 600, 7)])
        np.testing.assert_allclose(together, apart, rtol=1e-14)
        p = together[:, 0]
        expected = -np.where(y == 1, np.log(p), np.log(1 - p)).mean()
        assert net.evaluate(X, y, backend=backend)["loss"] == pytest.approx(expected, rel=1e-12)

    def test_penalties_are_in_the_loss(self, backend: str) -> None:
        X, y = data()
        plain = regression(dtype="float64")
        net = fn.Network([fn.Dense(1, l2=0.5)], input_shape=3, loss="mean_squared_error", dtype="float64")
        net.set_weights([([[1], [2], [3]], [100])])
        plain.set_weights(net.get_weights())
        expected = plain.evaluate(X, y, backend=backend)["loss"] + 0.5 / 2 * (1 + 4 + 9)
        assert net.evaluate(X, y, backend=backend)["loss"] == pytest.approx(expected, rel=1e-14)

    def test_predict_and_accuracy_agree_next_to_the_border(self, backend: str) -> None:
        """A logit of 1e-10 says yes, though the probability rounds to one half."""
        net = fn.Network([fn.Dense(1, activation="sigmoid")], input_shape=1, loss="binary_crossentropy")
        net.set_weights([([[1]], [0])])
        X = [[1e-10], [-1e-10], [0.0]]
        labels = net.predict(X, backend=backend)
        assert net.evaluate(X, labels, backend=backend)["accuracy"] == 1

    @pytest.mark.parametrize(
        "variant",
        [
            lambda X: X.tolist(),
            np.asfortranarray,
            lambda X: np.repeat(X, 2, axis=0)[::2],
            lambda X: X.astype(">f8"),
            lambda X: X.astype(np.int8),
            lambda X: X.reshape(-1, 1, 3, 1),
        ],
        ids=["list", "fortran", "strided", "big-endian", "int8", "picture"],
    )
    def test_any_layout_of_the_same_numbers(self, variant: Callable[[Floats], Any], backend: str) -> None:
        X = np.round(3 * data()[0])
        net = binary(dtype="float64", input_shape=(1, 3, 1))
        np.testing.assert_array_equal(
            net.predict_proba(variant(X), backend=backend), net.predict_proba(X, backend=backend)
        )

    def test_what_is_given_is_left_alone_and_may_be_read_only(self, backend: str) -> None:
        X, y = data()
        X.flags.writeable = y.flags.writeable = False
        X_before, y_before = X.copy(), y.copy()
        net = binary(dtype="float64")
        net.fit(X, y, epochs=2, batch_size=5, validation_data=(X, y), backend=backend)
        net.predict(X, backend=backend)
        np.testing.assert_array_equal(X, X_before)
        np.testing.assert_array_equal(y, y_before)


BAD_FEATURES = [
    (np.zeros((0, 3)), "empty; it needs at least one sample"),
    (np.zeros((4, 2)), r"must have shape \(n_samples, 3\) for this network.*\(4, 2\)"),
    (np.zeros(3), r"must have shape \(n_samples, 3\) .*its shape is \(3,\)"),
    (np.zeros((4, 3, 1)), r"its shape is \(4, 3, 1\)"),
    ([["a", "b", "c"]], "must hold numbers, but its type is <U1; encode text"),
    ([[None, 1, 2]], "must hold numbers, but its type is object"),
    ([[1j, 1, 2]], "must hold real numbers, but its type is complex128"),
    ([[0, 0, 0], [0, np.nan, 0]], r"finite, but row 1, feature 1 holds NaN .*\(as float32\)"),
    ([[0, 0, np.inf], [0, 0, -np.inf]], "finite, but row 0, feature 2 holds NaN or infinity"),
    ([[0, 0, 0], [1e300, 0, 0]], r"finite, but row 1, feature 0 holds .*\(as float32\)"),
    ([[1, 2, 3], [1, 2]], ""),
]


class TestBadInput:
    @pytest.mark.parametrize(("X", "sentence"), BAD_FEATURES)
    def test_features(self, X: Any, sentence: str) -> None:
        net = binary()
        before = net.parameters.copy()
        good, y = data()
        calls: list[Callable[[], Any]] = [
            lambda: net.fit(X, np.arange(len(X)) % 2, epochs=1),
            lambda: net.fit(good, y, epochs=1, validation_data=(X, np.arange(len(X)) % 2)),
            lambda: net.predict(X),
            lambda: net.predict_proba(X),
            lambda: net.evaluate(X, np.arange(len(X)) % 2),
        ]
        for call in calls:
            with pytest.raises(fn.DataError, match=rf"^(the validation )?X .*{sentence}"):
                call()
        np.testing.assert_array_equal(net.parameters, before)

    @pytest.mark.parametrize("backend", ["jit", "reference"])
    @pytest.mark.parametrize("members", [1, 2])
    @pytest.mark.parametrize("samples", [1, 256, 300, 600])
    def test_one_number_that_predict_meets_anywhere(
        self, samples: int, members: int, backend: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In the first block of rows or the last, of one thread or another: an engine sees it on its way."""
        monkeypatch.setattr(fn.forward.Forward, "members", lambda *_: min(members, samples))
        net = binary()
        X = np.random.default_rng(0).standard_normal((samples, 3)).astype(np.float32)
        expected = net.predict_proba(X, backend=backend)
        for row, column, bad in ((samples - 1, 2, np.nan), (0, 0, np.inf), (samples // 2, 1, -np.inf)):
            broken = X.copy()
            broken[row, column] = bad
            for predict in (net.predict, net.predict_proba):
                with pytest.raises(fn.DataError, match=rf"^X must be finite, but row {row}, feature {column} holds"):
                    predict(broken, backend=backend)
        largest = np.full_like(X, np.finfo(np.float32).max)
        assert net.predict_proba(largest, backend=backend).shape == (samples, 1)
        np.testing.assert_array_equal(net.predict_proba(X, backend=backend), expected)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_features_whose_sum_overflows_are_fine(self, dtype: str) -> None:
        largest = float(np.finfo(dtype).max)
        net = fn.Network([fn.Dense(1, init="zeros")], input_shape=1, loss="mean_squared_error")
        net = fn.Network(net.layers, input_shape=1, loss=net.loss, dtype=dtype)
        np.testing.assert_array_equal(net.predict([[largest], [largest]]), [0, 0])

    @pytest.mark.parametrize(
        ("y", "sentence"),
        [
            ([0, 1], r"one row for each of the 12 rows of X, but its shape is \(2,\)"),
            ([0, 1] * 7, r"one row for each of the 12 rows of X, but its shape is \(14,\)"),
            (["cat", "dog"] * 6, "y must hold numbers, but its type is <U3"),
            ([0, np.nan] * 6, "y must be finite, but row 1 holds NaN"),
            ([0, 2] * 6, r"y must lie in \[0, 1\] for binary_crossentropy"),
            ([1] * 12, r"one class only \(1 in each of the 12 rows\).*at least two classes"),
            ([0] * 12, r"one class only \(0 in each of the 12 rows\)"),
        ],
    )
    def test_targets(self, y: Any, sentence: str) -> None:
        net, (X, good) = binary(), data()
        before = net.parameters.copy()
        with pytest.raises(fn.DataError, match=sentence):
            net.fit(X, y, epochs=1)
        if "one class" not in sentence:  # which is no reason not to evaluate or validate
            with pytest.raises(fn.DataError, match=sentence):
                net.evaluate(X, y)
            with pytest.raises(fn.DataError, match=sentence):
                net.fit(X, good, epochs=1, validation_data=(X, y))
        np.testing.assert_array_equal(net.parameters, before)

    def test_one_class_only_for_softmax_too(self) -> None:
        X, _ = data()
        for y in ([2] * 12, [[0, 0, 1]] * 12):
            with pytest.raises(fn.DataError, match=r"one class only \(2 in each of the 12 rows\)"):
                classes().fit(X, y, epochs=1)

    def test_one_value_only_is_fine_for_regression(self) -> None:
        X, _ = data()
        assert len(regression().fit(X, np.ones(12), epochs=1).loss) == 1

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"epochs": 0}, "epochs must be a whole number of at least 1, not 0"),
            ({"epochs": 1.5}, "epochs must be a whole number of at least 1, not 1.5"),
            ({"batch_size": 0}, "batch_size must be a whole number of at least 1, not 0"),
            ({"batch_size": "full"}, "batch_size must be a whole number .*not 'full'"),
            ({"backend": "numpy"}, "backend must be one of jit, reference, not 'numpy'"),
            ({"backend": "JIT"}, "backend must be one of jit, reference, not 'JIT'"),
            ({"threads": 0}, "threads must be a whole number of at least 1, not 0"),
            ({"threads": True}, "threads must be a whole number of at least 1, not True"),
            ({"optimizer": "adam"}, r"optimizer such as Adam\(\), not 'adam'"),
            ({"optimizer": fn.Adam}, r"optimizer such as Adam\(\), not <class"),
            ({"validation_data": ([[1, 2, 3]],)}, "validation_data must be"),
            ({"validation_data": ([[1, 2, 3]], [0], [1], [1])}, "validation_data must be"),
            ({"callbacks": [fn.EarlyStopping]}, "callback"),
            ({"callbacks": fn.EarlyStopping()}, "callbacks must be"),
        ],
        ids=lambda value: str(value).split(" object at")[0],
    )
    def test_options(self, options: dict[str, Any], sentence: str) -> None:
        net, (X, y) = binary(), data()
        before = net.parameters.copy()
        with pytest.raises(fn.ConfigurationError, match=sentence):
            net.fit(X, y, **{"epochs": 1, **options})
        np.testing.assert_array_equal(net.parameters, before)

    @pytest.mark.parametrize("backend", ["numpy", None, ""])
    def test_an_unknown_backend_is_refused_by_every_verb(self, backend: Any) -> None:
        net, (X, y) = binary(), data()
        calls: list[Callable[[], Any]] = [
            lambda: net.predict(X, backend=backend),
            lambda: net.predict_proba(X, backend=backend),
            lambda: net.evaluate(X, y, backend=backend),
        ]
        for call in calls:
            with pytest.raises(fn.ConfigurationError, match="backend must be one of jit, refer"):
                call()


@pytest.mark.parametrize(("backend", "other"), [BACKENDS, BACKENDS[::-1]])
def test_the_engine_asked_for_is_the_one_that_runs(backend: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for name in ("train", "predict", "evaluate"):
        module = importlib.import_module(f"fastnet_kernels.{backend}.engine")
        original = getattr(module, name)

        def counted(*arguments: Any, name: str = name, original: Any = original) -> Any:
            calls.append(name)
            return original(*arguments)

        monkeypatch.setattr(module, name, counted)
        monkeypatch.delattr(importlib.import_module(f"fastnet_kernels.{other}.engine"), name)
    net, (X, y) = binary(), data()
    net.fit(X, y, epochs=1, validation_data=(X, y), backend=backend)
    net.predict(X, backend=backend)
    assert calls == ["train", "evaluate", "predict"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", [binary, classes], ids=["binary", "softmax"])
def test_fit_learns(make: Callable[..., fn.Network], dtype: str, backend: str) -> None:
    X, y = data(40)
    net = make(dtype=dtype)
    history = net.fit(X, y, optimizer=fn.Adam(0.05), epochs=25, batch_size=8, backend=backend)
    assert history.loss[-1] < 0.7 * history.loss[0]
    assert net.evaluate(X, y, backend=backend)["accuracy"] >= 0.9
    assert net.parameters.dtype == dtype


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_hot_targets_train_as_indices_do(backend: str) -> None:
    X, y = data()
    nets = [classes(), classes()]
    for net, targets in zip(nets, (y, np.eye(3)[y]), strict=True):
        net.fit(X, targets, epochs=3, batch_size=5, backend=backend)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


@pytest.mark.parametrize("backend", BACKENDS)
def test_fit_goes_on_from_the_present_weights(backend: str) -> None:
    X, y = data()
    once, twice = binary(), binary()
    options: dict[str, Any] = {"optimizer": fn.SGD(0.1), "batch_size": None, "backend": backend}
    whole = once.fit(X, y, epochs=6, **options)
    first, second = (twice.fit(X, y, epochs=3, **options) for _ in range(2))
    assert first.loss + second.loss == whole.loss
    np.testing.assert_array_equal(once.parameters, twice.parameters)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_larger_than_the_data_is_the_full_batch(backend: str) -> None:
    X, y = data()
    histories = [binary().fit(X, y, epochs=3, batch_size=size, backend=backend).loss for size in (None, 12, 1000)]
    assert histories[0] == histories[1] == histories[2]


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_sample_one_feature_one_unit(backend: str) -> None:
    net = fn.Network([fn.Dense(1)], input_shape=1, loss="mean_squared_error", dtype="float64")
    history = net.fit([[2]], [3], optimizer=fn.SGD(0.05), epochs=50, batch_size=1, backend=backend)
    assert history.loss[-1] < 1e-9
    assert net.predict([[2]], backend=backend)[0] == pytest.approx(3, abs=1e-4)
