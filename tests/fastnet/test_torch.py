"""Activations and optimizers beside PyTorch's in float64: the same weights to begin with, the same batches, fifty steps
of three layers."""

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import fastnet as fn
from fastnet.optimizers import OPTIMIZER_CLASSES, WithRate

from .torch_twin import (
    ACTIVATIONS,
    ADAM,
    CLASSES,
    EPOCHS,
    MOMENTUM,
    NUMBERS,
    SGD,
    STEPS_PER_EPOCH,
    TOLERANCE,
    Pair,
    Twin,
    X,
    assert_same,
    assert_same_training,
    cross_entropy,
    dense,
    mean_of,
    on_both,
    squared_error,
    torch,
    train_both,
)

# Both engines are held to PyTorch once; without the compiler they are held to each other.
pytestmark = pytest.mark.needs_compiler

STEPS = EPOCHS * STEPS_PER_EPOCH


class Lion:
    """PyTorch has none: Chen et al. (2023), algorithm 2."""

    def __init__(self, parameters: list[Any], rate: float, beta_1: float, beta_2: float, weight_decay: float) -> None:
        self.holder = torch.optim.SGD(parameters, rate)
        self.beta_1, self.beta_2, self.weight_decay = beta_1, beta_2, weight_decay
        self.momenta = [torch.zeros_like(parameter) for parameter in parameters]

    def zero_grad(self) -> None:
        self.holder.zero_grad()

    def step(self) -> None:
        group = self.holder.param_groups[0]
        with torch.no_grad():
            for parameter, momentum in zip(group["params"], self.momenta, strict=True):
                direction = torch.sign(momentum.lerp(parameter.grad, 1 - self.beta_1))
                parameter -= group["lr"] * (direction + self.weight_decay * parameter)
                momentum.lerp_(parameter.grad, 1 - self.beta_2)


OPTIMIZERS: dict[str, Pair] = {
    "sgd": SGD,
    "momentum": MOMENTUM,
    "nesterov": (
        fn.SGD(0.05, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
    ),
    "adam": ADAM,
    "adam, other constants": (
        fn.Adam(0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-3),
        lambda p: torch.optim.Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-3),
    ),
    "adamw": (fn.AdamW(0.01, weight_decay=0.1), lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1)),
    "amsgrad": (fn.AMSGrad(0.01), lambda p: torch.optim.Adam(p, 0.01, amsgrad=True)),
    "adamax": (fn.Adamax(0.01), lambda p: torch.optim.Adamax(p, 0.01)),
    "nadam": (fn.Nadam(0.01), lambda p: torch.optim.NAdam(p, 0.01)),
    "nadam, other constants": (
        fn.Nadam(0.01, beta_1=0.8, beta_2=0.95, momentum_decay=0.1),
        lambda p: torch.optim.NAdam(p, 0.01, betas=(0.8, 0.95), momentum_decay=0.1),
    ),
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
    "lion": (fn.Lion(0.005, weight_decay=0.1), lambda p: Lion(p, 0.005, 0.9, 0.99, 0.1)),
}
SCHEDULES: dict[str, tuple[Any, Any, str]] = {
    "step": (fn.StepDecay(0.01, 0.5, 3), lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5), "epoch"),
    "one cycle": (
        fn.OneCycle(0.02, over=STEPS, per="step"),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.02, STEPS, cycle_momentum=False),
        "step",
    ),
    "warm-up": (
        fn.WarmUp(0.01, over=8, per="step"),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / 8, total_iters=7),
        "step",
    ),
}


@on_both
@pytest.mark.parametrize("activation", fn.ACTIVATIONS)
def test_activations(activation: str, backend: str) -> None:
    # An exponential of an exponential of ordinary weights is past all bounds.
    init = fn.Normal(0.1) if activation == "exponential" else "auto"
    assert_same_training(dense(activation=activation, init=init), NUMBERS, squared_error, SGD, backend)


@on_both
@pytest.mark.parametrize("activation", fn.ACTIVATIONS)
def test_activations_of_the_last_layer(activation: str, backend: str) -> None:
    assert_same_training(dense(last=activation), NUMBERS, squared_error, SGD, backend)


@on_both
@pytest.mark.parametrize("activation", [fn.LeakyReLU(0.3), fn.ELU(0.7)], ids=repr)
def test_activations_with_a_number_of_their_own(activation: Any, backend: str) -> None:
    assert_same_training(dense(activation=activation), NUMBERS, squared_error, SGD, backend)


def test_every_activation_and_optimizer_is_compared() -> None:
    assert set(ACTIVATIONS) == set(fn.ACTIVATIONS)
    # L-BFGS has a test of its own.
    assert {type(ours).name for ours, _ in OPTIMIZERS.values()} == set(OPTIMIZER_CLASSES) - {"lbfgs"}


def classifier() -> fn.Network:
    return dense(last="softmax", loss="categorical_crossentropy")


@on_both
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimizers(optimizer: str, backend: str) -> None:
    assert_same_training(dense(), NUMBERS, squared_error, OPTIMIZERS[optimizer], backend)
    assert_same_training(classifier(), CLASSES, cross_entropy, OPTIMIZERS[optimizer], backend)


def with_rate(optimizer: str, rate: Any) -> WithRate:
    ours = OPTIMIZERS[optimizer][0]
    assert isinstance(ours, WithRate)
    return dataclasses.replace(ours, learning_rate=rate)


@on_both
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "amsgrad", "adamax", "adagrad, decay", "adadelta"])
def test_schedules(optimizer: str, name: str, backend: str) -> None:
    rate, schedule, per = SCHEDULES[name]

    def theirs(parameters: list[Any]) -> Any:
        made = OPTIMIZERS[optimizer][1](parameters)
        made.param_groups[0]["lr"] = rate.peak
        return made

    pair = with_rate(optimizer, rate), theirs
    assert_same_training(dense(), NUMBERS, squared_error, pair, backend, schedule=schedule, per=per)


@on_both
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["momentum", "nesterov"])
def test_schedules_with_momentum(optimizer: str, name: str, backend: str) -> None:
    # PyTorch multiplies the whole velocity by the present rate. Here, as in Sutskever et al. (2013), each gradient goes
    # into the velocity with the rate of its own step: PyTorch's at the rate 1, with gradients times the rate.
    rate = SCHEDULES[name][0]
    rates = iter(rate.rates(0, STEPS, STEPS_PER_EPOCH))
    net = dense()
    twin = Twin(net)

    def times_the_rate() -> None:
        now = next(rates)
        for parameter in twin.modules.parameters():
            parameter.grad *= now

    def theirs(parameters: list[Any]) -> Any:
        return torch.optim.SGD(parameters, 1.0, momentum=0.9, nesterov=optimizer == "nesterov")

    train_both(
        *(net, twin, NUMBERS, squared_error, (with_rate(optimizer, rate), theirs), backend), before_step=times_the_rate
    )
    assert_same(net, twin, backend)


@on_both
@pytest.mark.parametrize("l2", [0.0, 0.05])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "rmsprop"])
@pytest.mark.parametrize("by", ["norm", "value"])
def test_clipping(by: str, optimizer: str, l2: float, backend: str) -> None:
    # The penalty's gradient is a part of what is clipped, as PyTorch's is if the loss has it.
    ours, theirs = OPTIMIZERS[optimizer]
    limit = 0.5 if by == "norm" else 0.2
    net = dense(l2=l2)
    twin = Twin(net)
    sizes = []

    def clip() -> None:
        parameters = list(twin.modules.parameters())
        if by == "norm":
            sizes.append(float(torch.nn.utils.clip_grad_norm_(parameters, limit)))
        else:
            sizes.append(max(float(parameter.grad.abs().max()) for parameter in parameters))
            torch.nn.utils.clip_grad_value_(parameters, limit)

    pair: Pair = dataclasses.replace(ours, **{f"clip_{by}": limit}), theirs
    train_both(net, twin, NUMBERS, squared_error, pair, backend, before_step=clip)
    assert min(sizes) < limit < max(sizes)
    assert_same(net, twin, backend)


@on_both
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_averages_of_the_weights(optimizer: str, backend: str) -> None:
    net = dense()
    twin = Twin(net)
    mean = mean_of(twin, 0.9)
    ours, theirs = OPTIMIZERS[optimizer]
    pair: Pair = dataclasses.replace(ours, average=0.9), theirs
    after_step = functools.partial(mean.update_parameters, twin.modules)
    train_both(net, twin, NUMBERS, squared_error, pair, backend, after_step=after_step)
    twin.modules = mean.module
    assert_same(net, twin, backend)


@on_both
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_lbfgs(l2: float, backend: str) -> None:
    # PyTorch's L-BFGS searches along a line by other rules than SciPy's, which both sides take here.
    net = dense(l2=l2)
    twin = Twin(net)
    parameters = list(twin.modules.parameters())

    def loss_and_gradient(vector: Any) -> tuple[float, Any]:
        torch.nn.utils.vector_to_parameters(torch.tensor(vector), parameters)
        loss = squared_error(twin(torch.tensor(X)), slice(None)) + twin.penalty()
        gradients = torch.autograd.grad(loss, parameters)
        return loss.item(), torch.nn.utils.parameters_to_vector(gradients).numpy()

    expected = [loss_and_gradient(start := torch.nn.utils.parameters_to_vector(parameters).detach().numpy())[0]]
    result = minimize(
        loss_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: expected.append(intermediate_result.fun),
        options={"maxcor": 10, "gtol": 1e-5, "ftol": 0, "maxiter": STEPS},
    )
    loss_and_gradient(result.x)
    history = net.fit(X, NUMBERS, optimizer=fn.LBFGS(), epochs=STEPS, batch_size=None, backend=backend)
    # An epoch's loss is that before its iteration.
    np.testing.assert_allclose(history.loss, expected[:STEPS], rtol=TOLERANCE)
    assert_same(net, twin, backend)
