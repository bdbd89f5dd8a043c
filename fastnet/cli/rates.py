"""The learning rate that a training's options ask for: a number, or a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    Timed,
    WarmUp,
)
from .option_types import parsed_piece

if TYPE_CHECKING:
    from .settings import Settings


def build_rate(settings: Settings, rate: float, counts: int) -> float | Schedule:
    """The learning rate.

    Parameters
    ----------
    settings : Settings
    rate : float
        Where the schedule begins or what it rises to.
    counts : int
        The length of the training in what ``--per`` names.
    """
    if settings.schedule == "plateau":
        factor, patience = settings.decay or 0.1, settings.interval or 10
        return ReduceOnPlateau(rate, factor=factor, patience=patience, monitor=settings.monitor)
    chosen = _after_warm_up(settings, rate, max(counts - settings.warm_up, 1))
    return WarmUp(chosen, over=settings.warm_up, per=settings.per) if settings.warm_up else chosen


def _after_warm_up(settings: Settings, rate: float, counts: int) -> float | Timed:
    factor, interval, per = settings.decay, settings.interval, settings.per
    if settings.schedule == "step":
        return StepDecay(rate, factor=factor or 0.1, interval=interval or 10, per=per)
    if settings.schedule == "exponential":
        return ExponentialDecay(rate, factor=factor or 0.95, per=per)
    if settings.schedule == "inverse_time":
        return InverseTimeDecay(rate, decay=factor or 1.0, interval=interval or 1, per=per)
    if settings.schedule == "piecewise":
        boundaries, rates = zip(*(parsed_piece(text) for text in settings.pieces), strict=True)
        return PiecewiseConstant(boundaries, (rate, *rates), per=per)
    if settings.schedule == "polynomial":
        return PolynomialDecay(rate, over=counts, power=factor or 1.0, per=per)
    if settings.schedule == "cosine":
        return CosineDecay(rate, over=interval or counts, restarts=interval is not None, per=per)
    if settings.schedule == "one_cycle":
        return OneCycle(rate, over=max(counts, 2), per=per)
    return rate
