"""PyTorch, eager: tensors made once, no DataLoader, one gather an epoch whose batches are views, fused optimizer."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from workloads import BINARY, CLASSES, NORM, Workload

from . import Array, Weights


def tensors(workload: Workload, X: Array, y: npt.NDArray[np.generic]) -> tuple[torch.Tensor, torch.Tensor]:
    """X and the targets as PyTorch's losses take them."""
    if workload.loss == CLASSES:
        return torch.from_numpy(X), torch.from_numpy(y.astype(np.int64))
    return torch.from_numpy(X), torch.from_numpy(y.astype(np.float32).reshape(len(X), -1))


def loss_function(workload: Workload) -> Any:
    """The mean loss from the last layer's sums."""
    functions = {BINARY: nn.functional.binary_cross_entropy_with_logits, CLASSES: nn.functional.cross_entropy}
    return functions.get(workload.loss, nn.functional.mse_loss)


def batches(X: torch.Tensor, y: torch.Tensor, size: int) -> Any:
    """Pairs of an epoch's batches, in a new order unless one batch is all."""
    if size >= len(X):
        return [(X, y)]
    order = torch.randperm(len(X))
    return zip(X.index_select(0, order).split(size), y.index_select(0, order).split(size), strict=True)


class Contestant:
    """See ``peers.Contestant``."""

    def __init__(self, workload: Workload, X: Array, y: npt.NDArray[np.generic], start: Weights, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._workload, self._start = workload, start
        self._X, self._y = tensors(workload, X, y)
        self._loss = loss_function(workload)
        self._size = workload.batch_size or len(X)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(workload.sizes):
            layers.append(nn.Linear(n_in, n_out))
            if workload.batch_norm:
                layers.append(nn.BatchNorm1d(n_out, eps=NORM.epsilon, momentum=1 - NORM.momentum))
            layers.append(nn.ReLU() if workload.activation == "relu" else nn.Tanh())
            layers += [nn.Dropout(workload.dropout)] if workload.dropout else []
        while not isinstance(layers[-1], nn.Linear):
            layers.pop()
        self._model = nn.Sequential(*layers)
        self._linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
        # Views of each layer's arrays, in the shapes and the order of the start's.
        self._arrays: list[list[torch.Tensor]] = []
        for layer in layers:
            if isinstance(layer, nn.Linear):
                self._arrays.append([layer.weight.detach().T, layer.bias.detach()])
            elif isinstance(layer, nn.BatchNorm1d):
                trained = [layer.weight.detach(), layer.bias.detach()]
                self._arrays.append([*trained, layer.running_mean, layer.running_var])

    def reset(self) -> None:
        for tensors_of, arrays in zip(self._arrays, self._start, strict=True):
            for tensor, array in zip(tensors_of, arrays, strict=True):
                tensor.copy_(torch.from_numpy(array))
        chosen = self._workload.optimizer
        penalised = [layer.weight for layer in self._linear]
        others = [parameter for parameter in self._model.parameters() if parameter.ndim == 1]
        groups = [{"params": penalised, "weight_decay": self._workload.l2}, {"params": others}]
        # Without a penalty one group does, and every group costs a call.
        parameters = groups if self._workload.l2 else list(self._model.parameters())
        self._optimizer: torch.optim.Optimizer
        if type(chosen).__name__ == "SGD":
            self._optimizer = torch.optim.SGD(parameters, lr=chosen.learning_rate, fused=True)
        else:
            betas = (chosen.beta_1, chosen.beta_2)
            self._optimizer = torch.optim.Adam(
                parameters, lr=chosen.learning_rate, betas=betas, eps=chosen.epsilon, fused=True
            )

    def run(self, epochs: int) -> None:
        model, loss_of, optimizer = self._model, self._loss, self._optimizer
        self.losses = []
        for _ in range(epochs):
            seen = []
            for x, y in batches(self._X, self._y, self._size):
                loss = loss_of(model(x), y)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                seen.append(loss.detach())
            self.losses.append(float(torch.stack(seen).mean()))

    def weights(self) -> Weights:
        return [tuple(tensor.numpy().copy() for tensor in tensors_of) for tensors_of in self._arrays]
