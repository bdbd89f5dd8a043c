"""The contestants: who they are, what each must be able to do, and which of them this machine has.

A contestant trains the same workload in the way its own experts would. One file each; its class is ``Contestant``.
Nothing here imports a contestant's library: that is part of what a contestant's own process is measured on.
"""

import importlib
import importlib.util
import os
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
from workloads import Workload

Array = npt.NDArray[np.float32]
Weights = list[tuple[Array, ...]]
"""What ``Network.get_weights`` gives: of a dense layer W (n_in, n_out) and b (n_out,), of a batch normalisation gamma,
beta and the running mean and variance, all (n_out,)."""


class Contestant(Protocol):
    """One way to train a workload.

    All keep the mean loss of each epoch, as somebody who watches a training would; a new order of the samples in each
    epoch, unless the batch is the whole set; the last, smaller batch of an epoch.
    """

    def __init__(self, workload: Workload, X: Array, y: npt.NDArray[np.generic], start: Weights, threads: int) -> None:
        """Make ready whatever one makes once: X (samples, features) float32 and y are those of ``workload.data``."""

    def reset(self) -> None:
        """Go back to the start's weights and to an optimizer at rest; not timed."""

    def run(self, epochs: int) -> None:
        """Train; the timed part. Returns when the work is done, not when it has been queued."""

    def weights(self) -> Weights:
        """What was learned; not timed."""


@dataclass(frozen=True)
class Entry:
    """A line of the table of contestants: how it is shown, and the module that must be there."""

    label: str
    module: str


OURS = "ours"
PEERS = {
    "numpy_by_hand": Entry("NumPy by hand", "numpy"),
    "torch_eager": Entry("PyTorch, eager", "torch"),
    "torch_compiled": Entry("PyTorch, compiled", "torch"),
    "jax_scan": Entry("JAX, jitted scan", "jax"),
    "sklearn_mlp": Entry("scikit-learn", "sklearn"),
}
CONTESTANTS = {OURS: Entry("fastnet", "fastnet"), **PEERS}


def refusal(name: str, workload: Workload) -> str | None:
    """Why this contestant can't take part in this workload; None if it can."""
    module = CONTESTANTS[name].module
    if importlib.util.find_spec(module) is None:
        return f"{module} is not installed"
    if name == "sklearn_mlp" and workload.dropout:
        return "scikit-learn has no dropout"
    if name == "sklearn_mlp" and workload.batch_norm:
        return "scikit-learn has no batch normalisation"
    if name == "numpy_by_hand" and workload.batch_norm:
        return "batch normalisation is not written by hand here"
    return None


def contestant(name: str) -> type[Contestant]:
    """Import a contestant, and with it its library."""
    return cast(type[Contestant], importlib.import_module(f"peers.{name}").Contestant)


def environment(threads: int) -> dict[str, str]:
    """The environment of a process in which every contestant's libraries start that many threads and no more."""
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    # XLA sizes its pool by NPROC, and OpenMP's threads would otherwise share the cores in an order of their own.
    settings = {**dict.fromkeys(limits, str(threads)), "NPROC": str(threads), "JAX_PLATFORMS": "cpu"}
    if threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        settings["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false".strip()
    return {**os.environ, **settings}
