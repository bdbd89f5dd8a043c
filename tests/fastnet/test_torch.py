"""Trainings beside PyTorch's in float64: the same weights to begin with, the same batches, fifty steps of three layers.

PyTorch is no dependency: ``pip install -e ".[oracle]"`` brings it, and without it these tests are skipped.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.optimizers import Optimizer

torch = pytest.importorskip("torch", reason='PyTorch is the oracle of these tests: pip install -e ".[oracle]"')

STEPS, ROWS, BATCH = 50, 40, 8
pytestmark = pytest.mark.parametrize("backend", ["jit", "reference"])

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda z: torch.softmax(z, dim=1),
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.01),
    "elu": torch.nn.functional.elu,
    "selu": torch.selu,
    "absolute": torch.abs,
    # PyTorch's is linear from 20 on unless it is told otherwise, which leaves out 2e-9.
    "softplus": lambda z: torch.nn.functional.softplus(z, threshold=1000),
    "gelu": torch.nn.functional.gelu,
    "gelu_tanh": lambda z: torch.nn.functional.gelu(z, approximate="tanh"),
    "silu": torch.nn.functional.silu,
    # PyTorch's own takes a sixth in float32 even for float64, which is 2e-8 away.
    "hard_sigmoid": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),
    "hard_tanh": torch.nn.functional.hardtanh,
}
LOSSES: dict[str, tuple[str, int, Callable[[Any, Any], Any]]] = {
    "mean_squared_error": ("identity", 3, torch.nn.functional.mse_loss),
    "binary_crossentropy": ("sigmoid", 1, torch.nn.functional.binary_cross_entropy_with_logits),
    "categorical_crossentropy": ("softmax", 3, torch.nn.functional.cross_entropy),
}
OPTIMIZERS: dict[str, tuple[Optimizer, Callable[[Any], Any]]] = {
    "sgd": (fn.SGD(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (fn.SGD(0.05, momentum=0.9), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
    "nesterov": (
        fn.SGD(0.05, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
    ),
    "adam": (fn.Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "adamw": (fn.AdamW(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(every(p), 0.01, weight_decay=0.1)),
    "amsgrad": (fn.AMSGrad(0.01), lambda p: torch.optim.Adam(p, 0.01, amsgrad=True)),
    "adamax": (fn.Adamax(0.01), lambda p: torch.optim.Adamax(p, 0.01)),
    "adagrad": (fn.Adagrad(0.05), lambda p: torch.optim.Adagrad(p, 0.05)),
    "adagrad, decay": (fn.Adagrad(0.05, decay=0.1), lambda p: torch.optim.Adagrad(p, 0.05, lr_decay=0.1)),
    "rmsprop": (fn.RMSprop(0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
    "rmsprop, momentum": (
        fn.RMSprop(0.01, decay=0.9, momentum=0.8),
        lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, momentum=0.8),
    ),
    "rmsprop, centered": (
        fn.RMSprop(0.01, decay=0.9, centered=True),
        lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, centered=True),
    ),
    "adadelta": (fn.Adadelta(), lambda p: torch.optim.Adadelta(p)),
    "rprop": (fn.Rprop(), lambda p: torch.optim.Rprop(p)),
}


def every(groups: Any) -> Any:
    """All parameters as one group: PyTorch decays by the group."""
    return [parameter for group in groups for parameter in group["params"]]


def assert_same_training(
    backend: str,
    activation: Any,
    function: Callable[[Any], Any],
    loss: str = "mean_squared_error",
    optimizer: str = "sgd",
    l2: float = 0.0,
) -> None:
    last, outputs, cost = LOSSES[loss]
    rng = np.random.default_rng(3)
    X = rng.standard_normal((ROWS, 5))
    y: npt.NDArray[Any] = rng.standard_normal((ROWS, outputs))
    if loss != "mean_squared_error":
        y = np.arange(ROWS) % (2 if outputs == 1 else outputs)
    layers = [fn.Dense(n, activation=activation, l2=l2) for n in (6, 4)] + [fn.Dense(outputs, activation=last, l2=l2)]
    net = fn.Network(layers, input_shape=5, loss=loss, dtype="float64", seed=1)
    weights = [(torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)) for W, b in net.get_weights()]
    ours, theirs = OPTIMIZERS[optimizer]
    step = theirs(
        [{"params": [W for W, _ in weights], "weight_decay": l2}, {"params": [b for _, b in weights]}],
    )
    targets = torch.tensor(y if y.ndim == 2 or outputs == 3 else y[:, None].astype(float))
    inputs = torch.tensor(X)
    for number in range(STEPS):
        rows = slice(number * BATCH % ROWS, number * BATCH % ROWS + BATCH)
        a = inputs[rows]
        for W, b in weights[:-1]:
            a = function(a @ W + b)
        W, b = weights[-1]
        step.zero_grad()
        cost(a @ W + b, targets[rows]).backward()
        step.step()
    net.fit(X, y, optimizer=ours, epochs=STEPS * BATCH // ROWS, batch_size=BATCH, shuffle=False, backend=backend)
    for found, wanted in zip(net.get_weights(), weights, strict=True):
        for mine, other in zip(found, wanted, strict=True):
            expected = other.detach().numpy()
            np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("activation", fn.ACTIVATIONS)
def test_activations(activation: str, backend: str) -> None:
    assert_same_training(backend, activation, ACTIVATIONS[activation])


def test_activations_with_a_number_of_their_own(backend: str) -> None:
    assert_same_training(backend, fn.LeakyReLU(0.3), lambda z: torch.nn.functional.leaky_relu(z, 0.3))
    assert_same_training(backend, fn.ELU(0.7), lambda z: torch.nn.functional.elu(z, 0.7))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_optimizers(loss: str, optimizer: str, backend: str) -> None:
    assert_same_training(backend, "tanh", torch.tanh, loss, optimizer)


def test_l2(backend: str) -> None:
    assert_same_training(backend, "gelu", ACTIVATIONS["gelu"], l2=0.1)
