"""Many independent trainings at once: one a core, each on one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy.typing as npt

from .callbacks import Callback
from .errors import ConfigurationError, DivergenceError
from .history import History
from .network import Network
from .optimizers import Optimizer
from .pixels import Pixels
from .threads import available, one_blas_thread
from .validation import whole

if TYPE_CHECKING:
    from .training import Training

R = TypeVar("R")


class _StopTogether(Callback):
    """Ends every training that has it soon after ``asked`` is set."""

    each_epoch = False

    def __init__(self) -> None:
        self.asked = threading.Event()

    def on_epoch_end(self, training: Training) -> None:
        if self.asked.is_set():
            training.stop("interrupted")


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
        As ``Network.fit``; the first in the order of ``networks``, when all have ended. A divergence is told with the
        network's place, counted from 0; the others have been trained.
    KeyboardInterrupt
        On Ctrl-C, when the trainings under way have stopped, each at the end of an epoch; the others were not begun.
    """
    if not isinstance(networks, Sequence):
        raise ConfigurationError(
            f"fit_many needs a list of networks, such as [Network(...), Network(...)], not {type(networks).__name__}"
        )
    for place, network in enumerate(networks):
        if not isinstance(network, Network):
            raise ConfigurationError(f"fit_many needs a list of networks, but its number {place} is {network!r}")
    networks = list(networks)
    if len({id(network) for network in networks}) < len(networks):
        raise ConfigurationError("fit_many needs different networks, but one is given twice; build a network for each")
    if not_taken := {"threads", "callbacks"} & options.keys():
        advice = "say how many train at once by workers" if not_taken == {"threads"} else "fit the networks one by one"
        raise ConfigurationError(f"fit_many does not take {' or '.join(sorted(not_taken))}; {advice}")
    has_one_each = isinstance(optimizer, Sequence) and not isinstance(optimizer, str)
    optimizers: list[Any] = list(cast(Sequence[Any], optimizer)) if has_one_each else [optimizer] * len(networks)
    if len(optimizers) != len(networks):
        raise ConfigurationError(
            f"fit_many needs an optimizer for each of the {len(networks)} networks, not {len(optimizers)}"
        )

    def fit(index: int, together: Callback) -> History:
        try:
            return networks[index].fit(X, y, optimizer=optimizers[index], threads=1, callbacks=[together], **options)
        except DivergenceError as error:
            raise DivergenceError(f"network {index} of the {len(networks)}: {error}") from error

    return list(side_by_side([partial(fit, index) for index in range(len(networks))], workers))


def side_by_side(works: Sequence[Callable[[Callback], R]], workers: int | None) -> Generator[R, None, None]:
    """What each work gives, in order, as soon as it and those before it are done; some are at work at a time.

    Parameters
    ----------
    works : sequence of callables
        Each trains on one thread, with the callback that it is given, which ends the training early where the others
        are not wanted any more.
    workers : int or None
        How many at a time; None is one a core.

    Raises
    ------
    ConfigurationError
        If workers is not a whole number of at least 1.
    Exception
        What the first of the works raised, in order, when all have ended.
    KeyboardInterrupt
        On Ctrl-C, when the trainings under way have stopped; the others were not begun.
    """
    together = _StopTogether()
    at_once = available() if workers is None else whole("workers", workers, at_least=1)
    with one_blas_thread(), ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(work, together) for work in works]
        try:
            for future in futures:
                wait([future])
                yield future.result()
        except Exception:
            raise
        except BaseException:
            # Ctrl-C, or nobody who asks for the others.
            together.asked.set()
            for future in futures:
                future.cancel()
            raise
