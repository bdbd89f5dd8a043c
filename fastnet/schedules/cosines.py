"""Rates along cosines: down, with restarts, and one cycle up and down."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from ..errors import ConfigurationError
from ..validation import number, whole
from .base import Counts, FromRate, Rates, Timed, at_most, blend, half_wave


@dataclass(frozen=True)
class CosineDecay(FromRate):
    """Half a cosine wave from the top down to ``end`` (Loshchilov and Hutter, 2017: SGDR, equation 5):
    ``end + (top - end) * (1 + cos(pi * count / over)) / 2``.

    Without restarts it stays at ``end`` from count ``over`` on. With them, it is back at the top at that count, and so
    on: period i, from 0, lasts ``over * growth ** i`` counts and begins at ``learning_rate * fade ** i``, though never
    below ``end``.

    Parameters
    ----------
    learning_rate : float
        The first top, above 0.
    end : float
        From 0 to learning_rate.
    over : int
        Counts of the first period, at least 1.
    growth : int
        What a period is multiplied by at each restart, at least 1.
    fade : float
        What the top is multiplied by at each restart, in (0, 1].
    restarts : bool
        Whether to start again; growth and fade other than 1 make no sense without.
    """

    name: ClassVar[str] = "cosine"
    end: float = 0.0
    _: KW_ONLY
    over: int
    growth: int = 1
    fade: float = 1.0
    restarts: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            end=at_most(self.learning_rate, "end", self.end, at_least=0),
            over=whole("over", self.over, at_least=1),
            growth=whole("growth", self.growth, at_least=1),
            fade=at_most(1, "fade", self.fade, above=0),
        )
        if not isinstance(self.restarts, bool):
            raise ConfigurationError(f"restarts must be True or False, not {self.restarts!r}")
        if not self.restarts and (self.growth, self.fade) != (1, 1):
            raise ConfigurationError(
                f"growth and fade say what a restart changes, so {self.growth} and {self.fade:g} need restarts=True"
            )

    def _at(self, counts: Counts) -> Rates:
        if not self.restarts:
            return blend(half_wave(np.minimum(counts, self.over), self.over), self.learning_rate, self.end)
        period, position, length = self._periods(counts)
        top = np.maximum(self.learning_rate * self.fade**period, self.end)
        return blend(half_wave(position, length), top, self.end)

    def _periods(self, counts: Counts) -> tuple[Counts, Counts, Rates]:
        """The period each count is in, how many of its counts came before, and how many it has."""
        if self.growth == 1:
            period, position = np.divmod(counts, self.over)
            return period, position, np.full(counts.shape, self.over, np.float64)
        begins, lengths = [0], [self.over]
        while begins[-1] + lengths[-1] <= counts.max(initial=0):
            begins.append(begins[-1] + lengths[-1])
            lengths.append(lengths[-1] * self.growth)
        period = np.searchsorted(np.asarray(begins, np.int64), counts, side="right") - 1
        return period, counts - np.asarray(begins, np.int64)[period], np.asarray(lengths, np.float64)[period]


@dataclass(frozen=True)
class OneCycle(Timed):
    """Up to a high rate and down to almost none (Smith and Topin, 2018), along cosines, as PyTorch's OneCycleLR.

    It begins at ``highest / start_divisor``, is at its highest at count ``start_share * over - 1`` and at
    ``highest / start_divisor / end_divisor`` from count ``over - 1``, the last of the cycle, on. Where that leaves no
    count to rise in (``start_share * over`` below 1) it begins on its way down.

    Parameters
    ----------
    highest : float
        Above 0.
    over : int
        Counts of the whole cycle, at least 2.
    start_share : float
        The share of the cycle that it rises in, in [0, 1).
    start_divisor, end_divisor : float
        At least 1.
    """

    name: ClassVar[str] = "one_cycle"
    highest: float
    _: KW_ONLY
    over: int
    start_share: float = 0.3
    start_divisor: float = 25.0
    end_divisor: float = 1e4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._keep(
            highest=number("highest", self.highest, above=0),
            over=whole("over", self.over, at_least=2),
            start_share=number("start_share", self.start_share, at_least=0, below=1),
            start_divisor=number("start_divisor", self.start_divisor, at_least=1),
            end_divisor=number("end_divisor", self.end_divisor, at_least=1),
        )

    @property
    def peak(self) -> float:
        return self.highest

    def _at(self, counts: Counts) -> Rates:
        turn, last = self.start_share * self.over - 1, self.over - 1
        lowest = self.highest / self.start_divisor
        # With the turn at count 0 itself, that count is the start: any length but 0 says so.
        rise = blend(half_wave(counts, turn or 1.0), lowest, self.highest)
        fall = blend(half_wave(np.minimum(counts, last) - turn, last - turn), self.highest, lowest / self.end_divisor)
        return np.where(counts <= turn, rise, fall)
