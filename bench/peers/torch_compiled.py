"""PyTorch, ``torch.compile``: a whole step (forward, backward by torch.func, update) is one compiled function."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from workloads import Workload

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
        self._parameters = [torch.empty(array.shape) for layer in start for array in layer]
        self._first = [torch.empty_like(p) for p in self._parameters]
        self._second = [torch.empty_like(p) for p in self._parameters]
        # A tensor, since a number that changes would be compiled in again and again.
        self._step = torch.zeros(())
        # Two shapes of batch at most: fixed ones compile to better code than one for all.
        self._train = torch.compile(step_of(workload), dynamic=False, fullgraph=True)

    def reset(self) -> None:
        for parameter, array in zip(self._parameters, (a for layer in self._start for a in layer), strict=True):
            parameter.copy_(torch.from_numpy(array))
        for tensor in (*self._first, *self._second, self._step):
            tensor.zero_()

    def run(self, epochs: int) -> None:
        self.losses = []
        train, state = self._train, (self._parameters, self._first, self._second, self._step)
        with torch.no_grad():
            for _ in range(epochs):
                seen = [train(*state, x, y) for x, y in batches(self._X, self._y, self._size)]
                self.losses.append(float(torch.stack(seen).mean()))

    def weights(self) -> Weights:
        arrays = [parameter.numpy().copy() for parameter in self._parameters]
        return list(zip(arrays[::2], arrays[1::2], strict=True))


def step_of(workload: Workload) -> Any:
    """A function that trains one batch in place and returns its loss."""
    loss_of, chosen, l2 = loss_function(workload), workload.optimizer, workload.l2
    activation = torch.relu if workload.activation == "relu" else torch.tanh

    def batch_loss(parameters: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> Any:
        for at in range(0, len(parameters), 2):
            x = torch.addmm(parameters[at + 1], x, parameters[at])
            if at < len(parameters) - 2:
                x = functional.dropout(activation(x), workload.dropout) if workload.dropout else activation(x)
        return loss_of(x, y)

    gradients_and_loss = torch.func.grad_and_value(batch_loss)

    def step(
        parameters: list[torch.Tensor],
        first: list[torch.Tensor],
        second: list[torch.Tensor],
        count: torch.Tensor,
        x: torch.Tensor,
        y: torch.Tensor,
    ) -> Any:
        gradients, loss = gradients_and_loss(parameters, x, y)
        count += 1
        for at, (p, g) in enumerate(zip(parameters, gradients, strict=True)):
            if l2 and at % 2 == 0:
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
