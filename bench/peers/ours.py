"""fastnet: the whole call of ``fit`` is timed, its checks of the data and its count of right answers included."""

import numpy as np
import numpy.typing as npt
from workloads import Workload

from . import Array, Weights


class Contestant:
    """See ``peers.Contestant``."""

    def __init__(self, workload: Workload, X: Array, y: npt.NDArray[np.generic], start: Weights, threads: int) -> None:
        self._workload, self._X, self._y, self._start, self._threads = workload, X, y, start, threads
        self._network = workload.network()

    def reset(self) -> None:
        self._network.set_weights(self._start)

    def run(self, epochs: int) -> None:
        self._network.fit(
            self._X,
            self._y,
            optimizer=self._workload.optimizer,
            epochs=epochs,
            batch_size=self._workload.batch_size,
            backend="jit",
            threads=self._threads,
        )

    def weights(self) -> Weights:
        return self._network.get_weights()
