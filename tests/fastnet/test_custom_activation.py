"""An activation of the user's own: what is refused when it is given, and that a network runs it on both sides."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn

# Of the layer above the kernels: the pass without the compiler has the kernels' own tests.
pytestmark = pytest.mark.needs_compiler

BACKENDS = ("jit", "reference")
Floats = npt.NDArray[np.float64]
Function = Callable[[float], float]

on_both_engines = pytest.mark.parametrize("backend", BACKENDS)


def smooth(z: float) -> float:
    return z / (1 + abs(z))


def smooth_derivative(z: float) -> float:
    return 1 / (1 + abs(z)) ** 2


def kinked(z: float) -> float:
    if z > 1:
        return 2 * z - 1
    return z if z > 0 else 0


def kinked_derivative(z: float) -> float:
    if z > 1:
        return 2
    return 1 if z > 0 else 0


def linear(z: float) -> float:
    return 2 * z


def two(z: float) -> float:
    return 2.0


SOFTSIGN = fn.CustomActivation("softsign", smooth, smooth_derivative)
KINKED = fn.CustomActivation("kinked", kinked, kinked_derivative)


def mish(z: float) -> float:
    return z * math.tanh(max(z, 0.0) + math.log1p(math.exp(-abs(z))))


def mish_derivative(z: float) -> float:
    t = math.tanh(max(z, 0.0) + math.log1p(math.exp(-abs(z))))
    return t + z * (0.5 + 0.5 * math.tanh(z / 2)) * (1 - t * t)


MISH = fn.CustomActivation("mish", mish, mish_derivative)


def data(samples: int = 30) -> tuple[Floats, npt.NDArray[np.int64]]:
    X = np.random.default_rng(6).normal(size=(samples, 3)) * 2
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def network(*layers: Any, **options: Any) -> fn.Network:
    given: dict[str, Any] = {"input_shape": 3, "loss": "binary_crossentropy", "dtype": "float64", "seed": 8}
    return fn.Network([*layers, fn.Dense(1, activation="sigmoid")], **given | options)


def alone(activation: Any, **options: Any) -> fn.Network:
    """A network that is this function of one number."""
    given: dict[str, Any] = {"input_shape": 1, "loss": "mean_squared_error", "dtype": "float64"}
    net = fn.Network([fn.Dense(1, activation=activation)], **given | options)
    net.set_weights([([[1.0]], [0.0])])
    return net


def fails_above_9(z: float) -> float:
    if 9 < z < 99:
        raise ValueError("too large for me")
    return 2 * z


class TestWhatIsGiven:
    @pytest.mark.parametrize(
        ("value", "derivative", "sentence"),
        [
            (smooth, lambda z: 1.0, r"derivative of CustomActivation 'own' at z = .* is 1, but its value changes by"),
            (lambda z: z * z, lambda z: 2 * z + 1e-3, "correct one of the two"),
            (lambda z: max(z, 0.0), lambda z: 1.0 if z >= -0.2 else 0.0, "its value changes by 0 there"),
            (lambda z: 1 / 0, two, r"value of CustomActivation 'own' fails at z = -8.*ZeroDivisionError: division"),
            (linear, lambda z: math.sqrt(z), "derivative of CustomActivation 'own' fails at z = -8.*ValueError: "),
            (lambda z: math.inf, two, "value of CustomActivation 'own' at z = -8.* is inf"),
            (linear, lambda z: math.nan, "derivative of CustomActivation 'own' at z = -8.* is nan"),
            (lambda z: None, two, "value of CustomActivation 'own' fails at z = -8.*TypeError"),
            (lambda z: 1j * z, two, "value of CustomActivation 'own' fails at z = -8.*TypeError"),
            (lambda: 1.0, two, "value of CustomActivation 'own' fails at z = -8.*TypeError"),
            (3, two, "value of CustomActivation 'own' fails at z = -8.*not callable"),
        ],
    )
    def test_functions_that_will_not_do(self, value: Any, derivative: Any, sentence: str) -> None:
        with pytest.raises(fn.ConfigurationError, match=sentence) as caught:
            fn.CustomActivation("own", value, derivative)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("value", "derivative"),
        [
            (kinked, kinked_derivative),
            (abs, lambda z: 1.0 if z > 0 else -1.0),
            (math.floor, lambda z: 0.0),
            (lambda z: 1e9 * z, lambda z: 1e9),
            (lambda z: 1e-9 * math.sin(z), lambda z: 1e-9 * math.cos(z)),
            (lambda z: z**5, lambda z: 5 * z**4),
            (lambda z: math.sin(50 * z) / 50, lambda z: math.cos(50 * z)),
        ],
    )
    def test_right_ones_pass_kinks_and_jumps_at_round_numbers_too(self, value: Function, derivative: Function) -> None:
        assert fn.CustomActivation("own", value, derivative).name == "own"

    @pytest.mark.parametrize("name", ["relu", "linear", "elu", "", "two words", 3, None])
    def test_names(self, name: Any) -> None:
        with pytest.raises(fn.ConfigurationError, match=r"name yours differently|must be an identifier, not"):
            fn.CustomActivation(name, linear, two)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", [SOFTSIGN, KINKED, MISH], ids=lambda activation: activation.name)
class TestOneTraining:
    def test_it_is_the_function(self, activation: fn.CustomActivation, dtype: str) -> None:
        z = np.linspace(-9, 9, 301, dtype=dtype)
        expected = [activation.value(float(number)) for number in z]
        # Of numbers below 32: some roundings, which mish's small differences do not magnify.
        allowed = 64 * float(np.finfo(dtype).eps)
        for backend in BACKENDS:
            found = alone(activation, dtype=dtype).predict(z[:, np.newaxis], backend=backend)
            assert found.dtype == np.dtype(dtype)
            np.testing.assert_allclose(found, expected, rtol=allowed, atol=allowed)

    def test_both_engines_and_any_team_to_rounding(self, activation: fn.CustomActivation, dtype: str) -> None:
        X, y = data()
        layers = [fn.Dense(5, activation=activation), fn.BatchNorm(), fn.Activation(activation), fn.Dropout(0.1)]
        layers += [fn.Dense(4, activation=activation, l2=0.01)]

        def fitted(**options: Any) -> tuple[list[float], npt.NDArray[np.floating]]:
            net = network(*layers, dtype=dtype)
            history = net.fit(X, y, optimizer=fn.SGD(0.02), epochs=4, batch_size=7, **options)
            return history.loss, net.parameters

        losses, parameters = fitted(backend="reference")
        rounding = 1e4 * float(np.finfo(dtype).eps)
        for threads in (1, 2, 3):
            found = fitted(threads=threads)
            np.testing.assert_allclose(found[0], losses, rtol=rounding)
            np.testing.assert_allclose(found[1], parameters, rtol=rounding, atol=rounding)
            assert fitted(threads=threads)[0] == found[0]


def test_two_of_them_and_the_gradient_is_that_of_their_functions() -> None:
    """Beside activations that fastnet has itself, written by hand."""
    tanh = fn.CustomActivation("own_tanh", lambda z: math.tanh(z), lambda z: 1 - math.tanh(z) ** 2)
    relu = fn.CustomActivation("own_relu", lambda z: max(z, 0.0), lambda z: 1.0 if z > 0 else 0.0)
    X, y = data()
    options: dict[str, Any] = {"optimizer": fn.SGD(0.1, momentum=0.9), "epochs": 20, "batch_size": 9}
    nets = [
        network(fn.Dense(6, activation=one, init="he"), fn.Dense(5, activation=two, init="xavier"))
        for one, two in (("relu", "tanh"), (relu, tanh))
    ]
    losses = [net.fit(X, y, **options).loss for net in nets]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-9)
    np.testing.assert_allclose(nets[1].parameters, nets[0].parameters, rtol=1e-7, atol=1e-9)


def test_with_fewer_samples_than_features() -> None:
    X, y = np.random.default_rng(0).normal(size=(12, 40)), np.arange(12) % 2
    nets = [network(fn.Dense(3, activation=SOFTSIGN), input_shape=40) for _ in BACKENDS]
    for net, backend in zip(nets, BACKENDS, strict=True):
        net.fit(X, y, optimizer=fn.SGD(0.1), epochs=15, batch_size=None, backend=backend)
    np.testing.assert_allclose(nets[0].parameters, nets[1].parameters, rtol=1e-10, atol=1e-12)


class TestFiles:
    @on_both_engines
    def test_the_file_names_it_and_load_is_given_it(self, backend: str, tmp_path: Path) -> None:
        X, y = data()
        net = network(fn.Dense(4, activation=SOFTSIGN), fn.BatchNorm(), fn.Activation(KINKED))
        net.fit(X, y, epochs=2, backend=backend)
        net.save(tmp_path / "model.h5")
        again = fn.load(tmp_path / "model.h5", activations=[MISH, KINKED, SOFTSIGN])
        assert again.layers == net.layers
        np.testing.assert_array_equal(again.predict_proba(X, backend=backend), net.predict_proba(X, backend=backend))
        for given in ([], [SOFTSIGN]):
            missing = "softsign" if not given else "kinked"
            with pytest.raises(
                fn.ModelFileError, match=rf"activation '{missing}' is one of the user's own.*load again"
            ):
                fn.load(tmp_path / "model.h5", activations=given)

    @pytest.mark.parametrize("given", [[3], [smooth], "softsign"])
    def test_what_is_none_is_refused(self, given: Any, tmp_path: Path) -> None:
        network(fn.Dense(4, activation=SOFTSIGN)).save(tmp_path / "model.h5")
        with pytest.raises(fn.FastnetError, match="activation"):
            fn.load(tmp_path / "model.h5", activations=given)

    def test_two_of_one_name_cannot_be_told_apart(self, tmp_path: Path) -> None:
        """A file has their name alone, so a network with both must not come back as another one."""
        one, other = fn.CustomActivation("own", linear, two), fn.CustomActivation("own", smooth, smooth_derivative)
        with pytest.raises(fn.FastnetError, match="own"):
            network(fn.Dense(2, activation=one), fn.Dense(2, activation=other)).save(tmp_path / "model.h5")


@pytest.mark.needs_compiler
@pytest.mark.parametrize(
    "value",
    [
        lambda z: float(str(z)),
        lambda z: float(f"{z!r}"),
        lambda z: float(np.array([z]).tolist()[0]),
        lambda z: functools.reduce(lambda a, b: a * b, [z, 1.0]),
        functools.partial(lambda factor, z: factor * z, 1.0),
        fn.CustomActivation,
    ],
    ids=["str", "repr", "tolist", "reduce", "partial", "class"],
)
def test_what_numba_cannot_compile_is_one_sentence_and_the_reference_runs_it(value: Any) -> None:
    function: Any = value if value is not fn.CustomActivation else Identity()
    net, X = alone(fn.CustomActivation("own", function, lambda z: 1.0)), [[1.5], [-2.0]]
    np.testing.assert_array_equal(net.predict(X, backend="reference"), [1.5, -2])
    calls: list[Callable[[], Any]] = [
        lambda: net.predict(X),
        lambda: net.fit(X, [0, 1], epochs=1),
        lambda: net.evaluate(X, [0, 1]),
    ]
    for call in calls:
        with pytest.raises(fn.ConfigurationError, match=r'use backend="reference"') as caught:
            call()
        assert "\n" not in str(caught.value)


class Identity:
    """Called like a function, and none that Numba knows."""

    def __call__(self, z: float) -> float:
        return z


@on_both_engines
@pytest.mark.parametrize("value", [math.tanh, np.tanh], ids=["math", "numpy"])
def test_a_function_of_the_library_is_one_too(value: Any, backend: str) -> None:
    net = alone(fn.CustomActivation("own", value, lambda z: 1 - math.tanh(z) ** 2))
    found = net.predict([[0.5], [-3.0]], backend=backend)
    np.testing.assert_allclose(found, np.tanh([0.5, -3]), rtol=1e-14)


@on_both_engines
def test_one_that_fails_in_the_middle_is_never_a_wrong_answer(backend: str) -> None:
    net = alone(fn.CustomActivation("own", fails_above_9, two))
    np.testing.assert_array_equal(net.predict([[1.0], [2.0], [3.0]], backend=backend), [2, 4, 6])
    # A function that the engine calls cannot raise; what it gives instead is seen.
    assert np.isnan(net.predict([[10.0], [20.0], [30.0]], backend=backend)).all()
    with pytest.raises(fn.DivergenceError, match="training diverged"):
        net.fit([[10.0], [20.0]], [1.0, 2.0], epochs=1, backend=backend)


def test_a_function_must_take_numbers_far_out() -> None:
    """Python's own math raises where compiled code has infinity: what overflows would differ from engine to engine."""
    with pytest.raises(
        fn.ConfigurationError, match=r"the value of CustomActivation 'own' fails at z = -10000 \(Overflow"
    ):
        fn.CustomActivation("own", lambda z: 1 / (1 + math.exp(-z)), lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2)
    with pytest.raises(fn.ConfigurationError, match="at z = -10000 is nan; write it so that it is finite"):
        fn.CustomActivation("own", lambda z: z if z > -9 else math.nan, lambda z: 1.0)
