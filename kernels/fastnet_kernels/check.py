"""Runs every case by both sides and reports how far each is from the truth, in roundings."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .cases import Case, cases

DTYPES = ("float32", "float64")
SIDES = ("reference", "jit")


@dataclass(frozen=True)
class Result:
    """One case's outcome.

    Attributes
    ----------
    kernel, case, dtype : which one
    reference, jit : the largest error of each side, in roundings (see ``cases``); infinite where an output is NaN,
        is not filled, or an input was changed
    limit : what both must stay within
    """

    kernel: str
    case: str
    dtype: str
    reference: float
    jit: float
    limit: float

    @property
    def ok(self) -> bool:
        """Whether both sides are within the limit."""
        return max(self.reference, self.jit) <= self.limit


def check() -> Iterator[Result]:
    """Run every case in both dtypes by both sides, one result for each output compared."""
    for dtype in DTYPES:
        for case in cases(dtype):
            yield from check_case(case, dtype)


def check_case(case: Case, dtype: str) -> Iterator[Result]:
    """Run one case by both sides against the reference in float64."""
    truth = call(case, "reference", "float64")
    outcomes = {side: call(case, side, dtype) for side in SIDES}
    for output, bound in case.bounds.items():
        errors = {}
        for side, outcome in outcomes.items():
            errors[side] = (
                np.inf
                if outcome is None or truth is None
                else _roundings(outcome[output], truth[output], bound.scale, dtype)
            )
        yield Result(case.kernel, f"{case.name}: {output}", dtype, errors["reference"], errors["jit"], bound.limit)


def call(case: Case, side: str, dtype: str) -> dict[str, Any] | None:
    """Call the kernel of one side with its float arguments cast to ``dtype`` and NaN in what it must fill.

    Returns
    -------
    dict or None
        What the case compares, by name; None if the kernel changed an argument that it should only read.
    """
    arguments = arguments_of(case, dtype)
    before = {name: np.copy(value) for name, value in arguments.items() if isinstance(value, np.ndarray)}
    returned = kernel(case.module, case.kernel, side, tuple(arguments.values()), dtype)(*arguments.values())
    for name, value in before.items():
        may_change = name in case.bounds or name in case.filled or name in case.scratch
        if not may_change and value.tobytes() != arguments[name].tobytes():
            return None
    return {name: returned if name == "return" else arguments[name] for name in case.bounds}


def arguments_of(case: Case, dtype: str) -> dict[str, Any]:
    """Fresh arguments of the case by name, floats in ``dtype``, with NaN (or -1) in what the kernel must fill."""
    arguments = {name: _cast(value, dtype, name) for name, value in case.arguments.items()}
    for name in case.filled:
        arguments[name][...] = np.nan if arguments[name].dtype.kind == "f" else -1
    return arguments


def kernel(module: str, name: str, side: str, arguments: tuple[Any, ...], dtype: str) -> Callable[..., Any]:
    """The kernel of one side; the jit one compiled for these arguments' types, or loaded from the cache."""
    function: Callable[..., Any] = getattr(importlib.import_module(f"fastnet_kernels.{side}.{module}"), name)
    if side == "reference":
        return function
    from .jit.library import entry_point_for

    return entry_point_for(function, arguments, f"{name}-{dtype}")


def _cast(value: Any, dtype: str, name: str) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    # The engine keeps its history in float64 whatever the dtype.
    if value.dtype.kind == "f" and name not in ("history", "result", "schedule"):
        return np.array(value, dtype, order="C")
    return value.copy()


def _roundings(got: Any, truth: Any, scale: npt.ArrayLike, dtype: str) -> float:
    got, truth = np.asarray(got, np.float64), np.asarray(truth, np.float64)
    with np.errstate(invalid="ignore"):
        same = (got == truth) | (np.isnan(got) & np.isnan(truth))
        error = np.where(same, 0.0, np.abs(got - truth))
    allowed = np.broadcast_to(np.asarray(scale, np.float64) * float(np.finfo(dtype).eps), error.shape)
    smallest = float(np.finfo(dtype).tiny)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Below the smallest normal number a rounding is no longer relative.
        ratios = np.where(same, 0.0, error / np.where(allowed > 0, allowed + smallest, 0.0))
    return float(np.max(np.where(np.isnan(ratios), np.inf, ratios), initial=0.0))
