"""From an estimator's parameters to an optimizer that does what scikit-learn's of that name does."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigurationError
from ..optimizers import LBFGS, OPTIMIZER_CLASSES, SGD, Adam, Optimizer
from ..schedules import Schedule, Timed
from ..schedules.base import Counts, Rates

FTOL = 1e7 * float(np.finfo(np.float64).eps)
"""SciPy's usual bound for what an iteration of L-BFGS must lower the loss by, which scikit-learn leaves as it is."""


@dataclass(frozen=True)
class EpochRates(Timed):
    """The rate of each epoch from ``first`` on, as a list that may grow while the training goes on; the last is that of
    all later epochs too."""

    values: list[float]
    first: int = 0

    @property
    def initial(self) -> float:
        return self.values[0]

    def _at(self, counts: Counts) -> Rates:
        return np.asarray(self.values)[np.clip(counts - self.first, 0, len(self.values) - 1)]

    def at(self, epoch: int) -> float:
        """The rate of an epoch, counted from ``first``."""
        return self.values[min(epoch, len(self.values) - 1)]

    def set_from(self, epoch: int, rate: float) -> None:
        """Make this the rate from that epoch on, which is none of those with a rate of their own."""
        self.values.extend([self.values[-1]] * (epoch - len(self.values)))
        self.values.append(rate)


def is_lbfgs(solver: str | Optimizer) -> bool:
    """Whether the solver is L-BFGS, by name or as an object."""
    return isinstance(solver, LBFGS) or solver == LBFGS.name


def optimizer_for(estimator: Any, rates: EpochRates) -> Optimizer:
    """The optimizer that an estimator's ``solver`` stands for.

    Parameters
    ----------
    estimator : BaseMLP
    rates : EpochRates
        What SGD goes by, as it alone does in scikit-learn, unless ``learning_rate`` is a schedule.

    Raises
    ------
    ConfigurationError
        If a parameter is out of the optimizer's range, or does not go with the solver.
    """
    solver, schedule = estimator.solver, estimator.learning_rate
    clip = {name: getattr(estimator, name) for name in ("clip_value", "clip_norm")}
    given = [name for name, value in clip.items() if value is not None]
    if isinstance(schedule, Schedule):
        given.append("a schedule as learning_rate")
    if given and (isinstance(solver, Optimizer) or is_lbfgs(solver)):
        what = "an L-BFGS solver" if is_lbfgs(solver) else "a solver object"
        advice = "leave it out" if is_lbfgs(solver) else "give it to the object"
        raise ConfigurationError(f"{what} does not take {given[0]}; {advice}")
    if isinstance(solver, Optimizer):
        return solver
    rate = schedule if isinstance(schedule, Schedule) else estimator.learning_rate_init
    if solver == "lbfgs":
        return LBFGS(tolerance=estimator.tol, max_evaluations=estimator.max_fun, loss_tolerance=FTOL)
    if solver == "sgd":
        return SGD(
            schedule if isinstance(schedule, Schedule) else rates,
            momentum=estimator.momentum,
            nesterov=bool(estimator.nesterovs_momentum),
            **clip,
        )
    if solver == "adam":
        return Adam(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon, epsilon_hat=True, **clip)
    return OPTIMIZER_CLASSES[solver](learning_rate=rate, **clip)  # type: ignore[call-arg]


def lbfgs_warning(stopped: str | None, iterations: int, max_iter: int) -> str | None:
    """What scikit-learn warns of after a fit by L-BFGS that ended so, if it does."""
    ended = "STOP: TOTAL NO. OF ITERATIONS REACHED LIMIT" if stopped is None else stopped.upper()
    if "CONVERGENCE" in ended:
        return None
    ended = ended.removeprefix("L-BFGS ENDED: ")
    status = 1 if ended.startswith("STOP") else 2
    more = f"Increase the number of iterations to improve the convergence (max_iter={max_iter}).\n"
    return (
        f"lbfgs failed to converge after {iterations} iteration(s) (status={status}):\n{ended}\n\n"
        f"{more if iterations == max_iter else ''}You might also want to scale the data as shown in:\n"
        "    https://scikit-learn.org/stable/modules/preprocessing.html"
    )


def rates_of(estimator: Any, samples: int, first: int, rate: float) -> EpochRates:
    """scikit-learn's learning rates for epochs of so many samples from ``first`` on, which begin with ``rate``; those
    of "adaptive" as far as they are known."""
    if estimator.learning_rate != "invscaling" or estimator.solver != "sgd":
        return EpochRates([rate], first)
    seen = estimator.t_ + samples * np.arange(1, estimator.max_iter + 1, dtype=np.float64)
    falling = estimator.learning_rate_init / (seen + 1) ** estimator.power_t
    return EpochRates([rate, *falling.tolist()], first)
