"""PyTorch, ``torch.compile``: a whole step (forward, backward by torch.func, update) is one compiled function."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from workloads import NORM, Workload

from . import Array, Weights
from .torch_eager import batches, loss_function, tensors


class Contestant:
    """See ``peers.Contestant``."""

    def __init__(self, workload: Workload, X: Array, y: npt.NDArray[np.generic], start: Weights, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._start = start
        self._X, self._y = tensors(workload, X, y)
        self._size = workload.batch_size or len(X)
        self._layers = [[torch.empty(array.shape) for array in layer] for layer in start]
        self._parameters = [tensor for layer in self._layers for tensor in layer[:2]]
        self._averages = [tensor for layer in self._layers for tensor in layer[2:]]
        self._first = [torch.empty_like(p) for p in self._parameters]
        self._second = [torch.empty_like(p) for p in self._parameters]
        # A tensor, since a number that changes would be compiled in again and again.
        self._step = torch.zeros(())
        # Two shapes of batch at most: fixed ones compile to better code than one for all.
        self._train = torch.compile(step_of(workload), dynamic=False, fullgraph=True)

    def reset(self) -> None:
        for tensors_of, arrays in zip(self._layers, self._start, strict=True):
            for tensor, array in zip(tensors_of, arrays, strict=True):
                tensor.copy_(torch.from_numpy(array))
        for tensor in (*self._first, *self._second, self._step):
            tensor.zero_()

    def run(self, epochs: int) -> None:
        self.losses = []
        train, state = self._train, (self._parameters, self._averages, self._first, self._second, self._step)
        with torch.no_grad():
            for _ in range(epochs):
                seen = [train(*state, x, y) for x, y in batches(self._X, self._y, self._size)]
                self.losses.append(float(torch.stack(seen).mean()))

    def weights(self) -> Weights:
        return [tuple(tensor.numpy().copy() for tensor in tensors_of) for tensors_of in self._layers]


def step_of(workload: Workload) -> Any:
    """A function that trains one batch in place and returns its loss."""
    loss_of, chosen, l2 = loss_function(workload), workload.optimizer, workload.l2
    activation = torch.relu if workload.activation == "relu" else torch.tanh

    def batch_loss(
        parameters: list[torch.Tensor], averages: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor
    ) -> Any:
        given, running, last = iter(parameters), iter(averages), len(workload.sizes) - 2
        for at in range(last + 1):
            W, b = next(given), next(given)
            x = torch.addmm(b, x, W)
            if at < last and workload.batch_norm:
                gamma, beta, mean, variance = next(given), next(given), next(running), next(running)
                kept = 1 - NORM.momentum
                x = functional.batch_norm(x, mean, variance, gamma, beta, True, kept, NORM.epsilon)
            if at < last:
                x = functional.dropout(activation(x), workload.dropout) if workload.dropout else activation(x)
        return loss_of(x, y)

    gradients_and_loss = torch.func.grad_and_value(batch_loss)

    def step(
        parameters: list[torch.Tensor],
        averages: list[torch.Tensor],
        first: list[torch.Tensor],
        second: list[torch.Tensor],
        count: torch.Tensor,
        x: torch.Tensor,
        y: torch.Tensor,
    ) -> Any:
        gradients, loss = gradients_and_loss(parameters, averages, x, y)
        count += 1
        for at, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
            if l2 and p.ndim == 2:
                g = g + l2 * p
            if type(chosen).__name__ == "SGD":
                p -= chosen.learning_rate * g
                continue
            m, v = first[at], second[at]
            m.lerp_(g, 1 - chosen.beta_1)
            v.mul_(chosen.beta_2).addcmul_(g, g, value=1 - chosen.beta_2)
            root = (v / (1 - chosen.beta_2**count)).sqrt() + chosen.epsilon
            p -= chosen.learning_rate / (1 - chosen.beta_1**count) * m / root
        return loss

    return step
