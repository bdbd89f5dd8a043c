"""How good a network's answers are, as plain data: scores with confidence intervals, per class, label or target, the
worst mistakes and the calibration."""

from .report import report

__all__ = ["report"]
