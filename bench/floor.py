"""How much of a step is products of matrices: ``python bench/floor.py [WORKLOAD ...] [--rounds 9]``.

A step of a workload on one thread beside its products alone, forward, dW and dX of every layer, by the kernel that the
engine calls for them, on buffers laid out as the engine's and one step after the other, so that the caches are as warm
as they can be. Both in turns in one process. Without a faster product no training of these shapes takes less, so ``a
peer's time / the products`` bounds what any engine could be ahead of that peer.
"""

import argparse
import statistics
import time
from typing import Any

import numba
import numpy as np
from workloads import WORKLOADS, Workload

from fastnet.threads import BLOCK_ROWS, one_blas_thread
from fastnet_kernels.jit.engine import compiled
from fastnet_kernels.jit.products import gemm
from fastnet_kernels.jit.small import AS_IT_IS
from fastnet_kernels.jit.views import matrix, vector

ORDINARY = [name for name in WORKLOADS if not name.startswith("cat") and not name.endswith("norm")]
"""The workloads whose steps are these products: the cats' leave them for the sample space."""


@numba.njit(nogil=True)
def products(times, sizes, rows, parameters, gradients, activations, deltas):  # type: ignore[no-untyped-def]
    """The products of so many steps, or of as many blocks of rows."""
    none = vector(parameters, 0, 0)
    for _ in range(times):
        at = place = 0
        for layer in range(sizes.size - 1):
            n_in, n_out = sizes[layer], sizes[layer + 1]
            x, W = matrix(activations, place, rows, n_in), matrix(parameters, at, n_in, n_out)
            gemm(matrix(activations, place + rows * n_in, rows, n_out), x, W, none, False, False, False, 0, AS_IT_IS, x)
            at += n_in * n_out
            place += rows * n_in
        for layer in range(sizes.size - 2, -1, -1):
            n_in, n_out = sizes[layer], sizes[layer + 1]
            at -= n_in * n_out
            place -= rows * n_in
            dz = matrix(deltas, place + rows * n_in, rows, n_out)
            x = matrix(activations, place, rows, n_in)
            gemm(matrix(gradients, at, n_in, n_out), x, dz, none, True, False, False, 0, AS_IT_IS, x)
            if layer > 0:
                W = matrix(parameters, at, n_in, n_out)
                gemm(matrix(deltas, place, rows, n_in), dz, W, none, False, True, False, 0, AS_IT_IS, x)


def measure(workload: Workload, rounds: int) -> tuple[float, float]:
    """Seconds of a step, and of its products; the medians of the rounds, which time one after the other."""
    sizes, rows = np.array(workload.sizes), workload.batch_size or workload.samples
    # Blocks of rows go through all layers, as in the engine.
    together = min(rows, BLOCK_ROWS)
    rng = np.random.default_rng(0)
    parameters, gradients = rng.standard_normal((2, int(sizes[:-1] @ sizes[1:])), np.float32)
    activations, deltas = rng.standard_normal((2, together * int(sizes.sum())), np.float32)
    network, (X, y) = workload.network(), workload.data()
    arguments: Any = sizes, together, parameters, gradients, activations, deltas
    epochs = max(workload.epochs, -(-200 * rows // workload.samples))
    steps = epochs * -(-workload.samples // rows)

    def train() -> None:
        network.fit(X, y, optimizer=workload.optimizer, epochs=epochs, batch_size=workload.batch_size, threads=1)

    taken: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        ends = [time.perf_counter()]
        train()
        ends.append(time.perf_counter())
        products(steps * -(-rows // together), *arguments)
        ends.append(time.perf_counter())
        taken.append(((ends[1] - ends[0]) / steps, (ends[2] - ends[1]) / steps))
    whole, bare = (statistics.median(times) for times in zip(*taken[1:], strict=True))
    return whole, bare


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    compiled("kernels", "float32")
    print("| workload | a step, µs | its products, µs | share |\n|---|---|---|---|")
    with one_blas_thread():
        for name in options.workloads or ORDINARY:
            step, bare = measure(WORKLOADS[name], options.rounds)
            print(f"| {name} | {1e6 * step:.1f} | {1e6 * bare:.1f} | {bare / step:.0%} |", flush=True)


if __name__ == "__main__":
    main()
