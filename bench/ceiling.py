"""What no training of a workload can beat by ordinary means: its multiply-adds at the rate of a large sgemm, plus the
bytes that must move at the rate of a copy, both measured in the run that they are compared with."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from peers.growth import ALL
from workloads import Workload

PRODUCT = 1024
"""Rows and columns of the product that the sgemm rate is taken from."""

LEAST_COPY = 1 << 18
"""Bytes below which starting a copy would be part of its time."""


def parameters(workload: Workload) -> int:
    """Weights and biases."""
    return sum(n_in * n_out + n_out for n_in, n_out in pairwise(workload.sizes))


def multiply_adds(workload: Workload) -> float:
    """Multiply-adds of the mean step: forward, the weights' gradients, and the inputs' but for the first layer."""
    products = [n_in * n_out for n_in, n_out in pairwise(workload.sizes)]
    rows = workload.samples * workload.epochs / workload.steps
    return rows * (3 * sum(products) - products[0])


def state_bytes(workload: Workload) -> int:
    """Parameters and the optimizer's slots; gradients need not leave the cache."""
    return 4 * parameters(workload) * (3 if type(workload.optimizer).__name__ == "Adam" else 1)


def moved_bytes(workload: Workload) -> float:
    """Bytes of the mean step: its samples are read, its state is read and written."""
    rows = workload.samples * workload.epochs / workload.steps
    return 4 * rows * workload.sizes[0] + 2 * state_bytes(workload)


def seconds_a_step(workload: Workload, multiply_adds_rate: float, byte_rate: float) -> float:
    """The ceiling as a time."""
    return multiply_adds(workload) / multiply_adds_rate + moved_bytes(workload) / byte_rate


class Ceiling:
    """Measures both rates, with all threads that the process was given.

    The copy is between buffers as large together as the workload's data and state: what fits a cache has that cache's
    rate, so that the ceiling is not too low for small workloads.
    """

    def __init__(self, workload_name: str, threads: int) -> None:
        workload = ALL[workload_name]
        self._a, self._b = np.random.default_rng(0).standard_normal((2, PRODUCT, PRODUCT), np.float32)
        self._c = np.empty_like(self._a)
        held = 4 * workload.samples * workload.sizes[0] + state_bytes(workload)
        size = max(LEAST_COPY, held // 2) // threads // 4
        self._from = [np.ones(size, np.float32) for _ in range(threads)]
        self._to = [np.empty(size, np.float32) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads)
        self.measure()

    def measure(self) -> dict[str, float]:
        """Multiply-adds and copied bytes (read and written ones count) a second, the medians of a few."""
        products = []
        for _ in range(7):
            started = time.perf_counter()
            np.dot(self._a, self._b, out=self._c)
            products.append(time.perf_counter() - started)
        size = self._from[0].nbytes
        times = max(1, (1 << 27) // (size * len(self._from)))

        def copies(to: np.ndarray, source: np.ndarray) -> None:
            for _ in range(times):
                np.copyto(to, source)

        moves = []
        for _ in range(5):
            started = time.perf_counter()
            list(self._pool.map(copies, self._to, self._from))
            moves.append(time.perf_counter() - started)
        return {
            "multiply_adds": PRODUCT**3 / statistics.median(products),
            "bytes": 2 * size * len(self._from) * times / statistics.median(moves),
        }
