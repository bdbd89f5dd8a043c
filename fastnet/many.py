"""Many independent trainings at once: one a core, each on one thread."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy.typing as npt

from .errors import ConfigurationError
from .network import Network
from .optimizers import Optimizer
from .pixels import Pixels
from .threads import cores, one_blas_thread
from .training import History
from .validation import whole


def fit_many(
    networks: Sequence[Network],
    X: npt.ArrayLike | Pixels,
    y: npt.ArrayLike,
    *,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    workers: int | None = None,
    **options: Any,
) -> list[History]:
    """Train every network on the same data, as many at a time as there are cores.

    Each is trained by ``network.fit(X, y, threads=1, **options)`` and gets the same bits as it would alone: which run
    beside each other makes no difference. A compiled engine call holds no interpreter lock, so small networks share
    the cores nearly evenly.

    Parameters
    ----------
    networks : sequence of Network
        Different objects; their seeds, penalties, dropout rates or whole architectures may differ.
    X, y : array_like
        As in ``Network.fit``.
    optimizer : Optimizer, sequence of Optimizer, or None
        One for all, or one for each network.
    workers : int or None
        How many at a time; None is one a core.
    **options
        The other options of ``Network.fit`` but ``threads``; callbacks would be shared between networks and are not
        taken.

    Returns
    -------
    list of History
        In the order of ``networks``.

    Raises
    ------
    ConfigurationError
        If a network is given twice, the optimizers are not as many as the networks, or an option is out of its range.
    DataError, DivergenceError
        As ``Network.fit``; the first in the order of ``networks``, when all have ended.
    """
    networks = list(networks)
    if len({id(network) for network in networks}) < len(networks):
        raise ConfigurationError("fit_many needs different networks, but one is given twice; build a network for each")
    if not_taken := {"threads", "callbacks"} & options.keys():
        raise ConfigurationError(
            f"fit_many does not take {' or '.join(sorted(not_taken))}; fit the networks one by one"
        )
    optimizers = list(optimizer) if isinstance(optimizer, Sequence) else [optimizer] * len(networks)
    if len(optimizers) != len(networks):
        raise ConfigurationError(
            f"fit_many needs an optimizer for each of the {len(networks)} networks, not {len(optimizers)}"
        )

    def fit(network: Network, optimizer: Optimizer | None) -> History:
        return network.fit(X, y, optimizer=optimizer, threads=1, **options)

    at_once = cores() if workers is None else whole("workers", workers, at_least=1)
    with one_blas_thread(), ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(fit, *pair) for pair in zip(networks, optimizers, strict=True)]
    return [future.result() for future in futures]
