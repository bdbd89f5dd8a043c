"""A network's twin in PyTorch, float64: the same layers and weights, trained on the same batches.

PyTorch is no dependency: ``pip install -e ".[oracle]"`` brings it, and without it whatever imports this is skipped.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import fastnet as fn
from fastnet.layers import WithParameters
from fastnet.optimizers import Optimizer
from fastnet_kernels.reference.randomness import dropout_mask, gaussian

torch = pytest.importorskip("torch", reason='PyTorch is the oracle of these tests: pip install -e ".[oracle]"')
functional = torch.nn.functional
# To wait for other threads takes longer than these small sums: a normalisation took twenty times as long.
torch.set_num_threads(1)
Array = npt.NDArray[Any]
Pair = tuple[Optimizer, Callable[[Any], Any]]
"""An optimizer, and what makes PyTorch's of a list of parameters."""

on_both = pytest.mark.parametrize("backend", ["jit", "reference"])
FEATURES, ROWS, BATCH, EPOCHS = 5, 36, 8, 10
"""Five batches an epoch, the last of them half as large: 50 steps."""
STEPS_PER_EPOCH = 5
TOLERANCE = 1e-9

X = np.random.default_rng(3).standard_normal((ROWS, FEATURES))
UNSEEN = np.random.default_rng(4).standard_normal((2 * ROWS, FEATURES))
NUMBERS = np.random.default_rng(5).standard_normal((ROWS, 3))
CLASSES = np.random.default_rng(6).choice(3, ROWS, p=[0.6, 0.3, 0.1])

SGD: Pair = (fn.SGD(0.05), lambda p: torch.optim.SGD(p, 0.05))
MOMENTUM: Pair = (fn.SGD(0.02, momentum=0.9), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9))
ADAM: Pair = (fn.Adam(0.01), lambda p: torch.optim.Adam(p, 0.01))

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda z: torch.softmax(z, dim=1),
    "leaky_relu": lambda z: functional.leaky_relu(z, 0.01),
    "elu": functional.elu,
    "selu": torch.selu,
    "absolute": torch.abs,
    # PyTorch's is linear from 20 on unless it is told otherwise, which leaves out 2e-9.
    "softplus": lambda z: functional.softplus(z, threshold=1000),
    "gelu": functional.gelu,
    "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
    "silu": functional.silu,
    # PyTorch's own takes a sixth in float32 even for float64, which is 2e-8 away.
    "hard_sigmoid": lambda z: torch.clamp(z / 6 + 0.5, 0, 1),
    "hard_tanh": functional.hardtanh,
    "exponential": torch.exp,
}


def function_of(activation: Any) -> Callable[[Any], Any]:
    """PyTorch's function for what a layer has as its activation."""
    if isinstance(activation, fn.LeakyReLU):
        return lambda z: functional.leaky_relu(z, activation.slope)
    if isinstance(activation, fn.ELU):
        return lambda z: functional.elu(z, activation.alpha)
    return ACTIVATIONS[activation]


def arrays_of(module: Any) -> list[Any]:
    """The tensors of a module in the order and the shapes of ``Network.get_weights``, where they lie."""
    if isinstance(module, torch.nn.Linear):
        return [module.weight.T, module.bias]
    if isinstance(module, torch.nn.LayerNorm):
        return [module.weight, module.bias]
    return [module.weight, module.bias, module.running_mean, module.running_var]


def module_of(layer: WithParameters, arrays: Sequence[Array]) -> Any:
    """PyTorch's module for a layer, holding these arrays."""
    if isinstance(layer, fn.Dense):
        module = torch.nn.Linear(*arrays[0].shape, dtype=torch.float64)
    elif isinstance(layer, fn.LayerNorm):
        module = torch.nn.LayerNorm(len(arrays[0]), eps=layer.epsilon, dtype=torch.float64)
    else:
        momentum = 1 - layer.momentum
        module = torch.nn.BatchNorm1d(len(arrays[0]), eps=layer.epsilon, momentum=momentum, dtype=torch.float64)
    module.requires_grad_(layer.trainable)
    with torch.no_grad():
        for tensor, array in zip(arrays_of(module), arrays, strict=True):
            tensor.copy_(torch.tensor(array))
    return module


class Twin:
    """A network's layers in PyTorch, with the weights that it has now.

    ``modules`` has one for each layer with parameters.
    """

    def __init__(self, net: fn.Network) -> None:
        self.layers, self.loss, self.seed = net.layers, net.loss_function, net.seed
        self.with_parameters = [layer for layer in net.layers if isinstance(layer, WithParameters)]
        pairs = zip(self.with_parameters, net.get_weights(), strict=True)
        self.modules = torch.nn.ModuleList([module_of(layer, arrays) for layer, arrays in pairs])
        self.steps = 0
        self.training = False

    def train(self, training: bool) -> None:
        """Go by the batch's statistics, drop and disturb; or not. What is frozen goes by its running averages."""
        self.training = training
        for layer, module in zip(self.with_parameters, self.modules, strict=True):
            module.train(training and layer.trainable)

    def __call__(self, x: Any) -> Any:
        """What the loss takes: logits for the losses that take the last activation in."""
        modules, key = iter(self.modules), 0
        for layer in self.layers:
            if isinstance(layer, fn.Activation):
                x = function_of(layer.activation)(x)
                continue
            if isinstance(layer, fn.Dropout | fn.GaussianNoise):
                x = self._disturbed(x, layer, key) if self.training else x
            else:
                x = next(modules)(x)
                if isinstance(layer, fn.Dense) and (layer is not self.layers[-1] or not self.loss.output_activation):
                    x = function_of(layer.activation)(x)
            key += 1
        return x

    def _disturbed(self, x: Any, layer: fn.Dropout | fn.GaussianNoise, key: int) -> Any:
        """With the random numbers of fastnet's own: PyTorch's come from another generator."""
        random = np.empty(x.shape)
        if isinstance(layer, fn.Dropout):
            dropout_mask(random, layer.rate, self.seed, key, self.steps, 0)
            return x * torch.tensor(random)
        gaussian(random, layer.deviation, self.seed, key, self.steps, 0)
        return x + torch.tensor(random)

    def penalty(self) -> Any:
        """Of the layers that are trained."""
        total = torch.zeros((), dtype=torch.float64)
        for layer, module in zip(self.with_parameters, self.modules, strict=True):
            if isinstance(layer, fn.Dense) and layer.trainable:
                total = total + layer.l1 * module.weight.abs().sum() + layer.l2 / 2 * module.weight.square().sum()
        return total

    def predict(self, x: Array) -> Array:
        """What ``predict`` gives, and ``predict_proba`` for probabilities; (n_samples, n_outputs)."""
        self.train(False)
        with torch.no_grad():
            outputs: Array = ACTIVATIONS[self.loss.output_activation or "identity"](self(torch.tensor(x))).numpy()
        return (outputs > 0).astype(np.int64) if self.loss.name == "hinge" else outputs


def network(layers: Sequence[Any], loss: Any = "mean_squared_error") -> fn.Network:
    """One for ``X`` in float64."""
    return fn.Network(layers, input_shape=FEATURES, loss=loss, dtype="float64", seed=1)


def dense(
    outputs: int = 3, activation: Any = "tanh", last: str = "identity", loss: Any = "mean_squared_error", **options: Any
) -> fn.Network:
    """One of three dense layers, each with these options."""
    layers = [fn.Dense(units, activation=activation, **options) for units in (6, 4)]
    return network([*layers, fn.Dense(outputs, activation=last, **options)], loss)


def mean_of(twin: Twin, decay: float) -> Any:
    """What ``Optimizer.average`` keeps, by PyTorch: ``update_parameters(twin.modules)`` after each step.

    PyTorch's own exponential mean begins with the weights of the first step. Here it begins with zeros and is divided
    by ``1 - decay**t``: the same as a mean whose share of new weights falls from 1 to ``1 - decay``.
    """

    def next_mean(old: Any, new: Any, before: Any) -> Any:
        return old + (new - old) * (1 - decay) / (1 - decay ** (int(before) + 1))

    return torch.optim.swa_utils.AveragedModel(twin.modules, avg_fn=next_mean)


def nothing() -> None:
    """What is done about a step unless a test says more."""


@contextmanager
def in_float64() -> Iterator[None]:
    """PyTorch's NAdam keeps a product of momenta in the default type, which is float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@in_float64()
def train_both(
    net: fn.Network,
    twin: Twin,
    y: Array,
    cost: Callable[[Any, slice], Any],
    pair: Pair,
    backend: str,
    *,
    before_step: Callable[[], Any] = nothing,
    after_step: Callable[[], Any] = nothing,
    schedule: Callable[[Any], Any] | None = None,
    per: str = "epoch",
    mass: Array | None = None,
    **options: Any,
) -> None:
    """Train a network and its twin on ``X`` and ``y`` for ``EPOCHS``, and compare the losses of the epochs.

    Parameters
    ----------
    cost : callable
        PyTorch's mean loss of a batch, from what the loss takes and the batch's place.
    before_step, after_step : callable
        Done to the twin before and after each of its updates.
    schedule, per : callable, str
        Makes the scheduler of PyTorch's optimizer, and when it steps: "epoch" or "step".
    mass : (ROWS,) ndarray or None
        How much each sample counts in the loss of an epoch.
    options
        Of ``Network.fit``.
    """
    ours, make = pair
    optimizer = make([parameter for parameter in twin.modules.parameters() if parameter.requires_grad])
    scheduler = None if schedule is None else schedule(optimizer)
    inputs, mass = torch.tensor(X), np.ones(ROWS) if mass is None else mass
    expected = []
    twin.train(True)
    for _ in range(EPOCHS):
        batches = [slice(start, min(start + BATCH, ROWS)) for start in range(0, ROWS, BATCH)]
        losses = []
        for rows in batches:
            optimizer.zero_grad()
            loss = cost(twin(inputs[rows]), rows) + twin.penalty()
            loss.backward()
            losses.append(loss.item())
            before_step()
            optimizer.step()
            after_step()
            twin.steps += 1
            if scheduler is not None and per == "step":
                scheduler.step()
        expected.append(np.average(losses, weights=[mass[rows].sum() for rows in batches]))
        if scheduler is not None and per == "epoch":
            scheduler.step()
    history = net.fit(X, y, optimizer=ours, epochs=EPOCHS, batch_size=BATCH, shuffle=False, backend=backend, **options)
    np.testing.assert_allclose(history.loss, expected, rtol=TOLERANCE)


def assert_close(found: Array, wanted: Array, size: float) -> None:
    """To the tolerance, relative to each number or to the size of the largest."""
    np.testing.assert_allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE * size)


def assert_same(net: fn.Network, twin: Twin, backend: str) -> None:
    """Compare the weights, running averages too, and the predictions."""
    normalised = {
        id(layer)
        for layer, after in itertools.pairwise(twin.layers)
        if isinstance(layer, fn.Dense) and layer.activation == "identity"
        if isinstance(after, fn.BatchNorm) and after.trainable
    }
    for layer, found, module in zip(twin.with_parameters, net.get_weights(), twin.modules, strict=True):
        wanted = [tensor.detach().numpy() for tensor in arrays_of(module)]
        sizes = [float(np.abs(array).max()) for array in wanted]
        if id(layer) in normalised:
            # The mean takes a bias away: it has no gradient but rounding errors, which are those of the weights.
            sizes[1] = sizes[0]
        for mine, other, size in zip(found, wanted, sizes, strict=True):
            assert_close(mine, other, size)
    answer = net.predict_proba if net.loss_function.gives_probabilities else net.predict
    outputs = twin.predict(UNSEEN)
    assert_close(answer(UNSEEN, backend=backend).reshape(outputs.shape), outputs, float(np.abs(outputs).max()))


def assert_same_training(
    net: fn.Network, y: Array, cost: Callable[[Any, slice], Any], pair: Pair, backend: str, **options: Any
) -> Twin:
    """Train a network and its twin, as ``train_both`` does, and compare all that is left."""
    twin = Twin(net)
    train_both(net, twin, y, cost, pair, backend, **options)
    assert_same(net, twin, backend)
    return twin


def squared_error(z: Any, rows: slice) -> Any:
    return functional.mse_loss(z, torch.tensor(NUMBERS[rows]))


def cross_entropy(z: Any, rows: slice) -> Any:
    return functional.cross_entropy(z, torch.tensor(CLASSES[rows]))
