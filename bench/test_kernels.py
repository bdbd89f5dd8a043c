"""Every kernel, reference beside jit: 256 rows, 128 inputs, 64 outputs, float32. A group is one comparison."""

from typing import Any

import pytest

from fastnet_kernels.cases import Case, cases
from fastnet_kernels.check import SIDES, arguments_of, kernel

DTYPE = "float32"
SHAPE = {"256x128x64": (256, 128, 64)}
CASES = [case for case in cases(DTYPE, SHAPE) if "256x128x64" in case.name and "first layer" not in case.name]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kernel}, {case.name}")
def test_kernel(benchmark: Any, case: Case, side: str) -> None:
    arguments = list(arguments_of(case, DTYPE).values())
    function = kernel(case.module, case.kernel, side, tuple(arguments), DTYPE)
    benchmark.group = f"{case.kernel}, {case.name}"
    benchmark.extra_info.update(kind="kernel", name=benchmark.group, side=side)
    benchmark(function, *arguments)
