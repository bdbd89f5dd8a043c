"""How the learning rate changes while a network trains: pure functions of the step, or of what was measured."""

from .base import Schedule, Timed, initial_rate
from .cosines import CosineDecay, OneCycle
from .decays import ExponentialDecay, InverseTimeDecay, PiecewiseConstant, PolynomialDecay, StepDecay
from .plateau import PlateauState, ReduceOnPlateau
from .warm_up import WarmUp

__all__ = [
    "SCHEDULE_CLASSES",
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "OneCycle",
    "PiecewiseConstant",
    "PlateauState",
    "PolynomialDecay",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Timed",
    "WarmUp",
    "initial_rate",
]

SCHEDULE_CLASSES: dict[str, type[Schedule]] = {
    kind.name: kind
    for kind in (
        StepDecay,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstant,
        PolynomialDecay,
        CosineDecay,
        OneCycle,
        WarmUp,
        ReduceOnPlateau,
    )
}
