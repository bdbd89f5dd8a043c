"""scikit-learn's own tests of its MLP, which its wheel ships, on fastnet's classes: all of them."""

import importlib.util
import warnings
from itertools import chain
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network

import fastnet as fn
from fastnet.sklearn import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.needs_compiler,
    # scikit-learn's settings let them pass.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1:UserWarning"),
]


class OptimizersRate:
    """Where scikit-learn's estimators have an optimizer, of whose things its tests look at the learning rate."""

    @property
    def _optimizer(self: Any) -> SimpleNamespace:
        return SimpleNamespace(learning_rate=self._learning_rate)


class Classifier(OptimizersRate, MLPClassifier):
    """What a private method of scikit-learn's does, by fastnet's."""

    def _loss_grad_lbfgs(self, packed: Any, X: Any, y: Any, *_: Any) -> tuple[float, Any]:
        network = self.network_
        arrays = [*self.coefs_, *self.intercepts_]
        ends = np.cumsum([array.size for array in arrays])[:-1]
        for array, values in zip(arrays, np.split(packed, ends), strict=True):
            array[...] = values.reshape(array.shape)
        training = self._training(self._labelled(X, y, None), fn.LBFGS(), 1, len(X))
        row, gradient = training.steps.loss_and_gradient()
        weights, biases = zip(*network.weight_views(gradient), strict=True)
        return float(row[0]), np.concatenate([part.ravel() for part in chain(weights, biases)])


class Regressor(OptimizersRate, MLPRegressor):
    """As fastnet's."""


def scikit_learns_tests() -> ModuleType:
    """The module of tests, with fastnet's classes where it imports scikit-learn's."""
    path = Path(sklearn.neural_network.__file__).parent / "tests" / "test_mlp.py"
    spec = importlib.util.spec_from_file_location("scikit_learns_test_mlp", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(sklearn.neural_network, "MLPClassifier", Classifier)
        patch.setattr(sklearn.neural_network, "MLPRegressor", Regressor)
        spec.loader.exec_module(module)
    return module


TESTS = {name: test for name, test in vars(scikit_learns_tests()).items() if name.startswith("test_")}
globals().update(TESTS)


@pytest.fixture
def global_random_seed() -> int:
    """scikit-learn's own fixture gives this one too, unless it is told otherwise."""
    return 42


def test_all_of_them_are_here() -> None:
    assert len(TESTS) >= 40
