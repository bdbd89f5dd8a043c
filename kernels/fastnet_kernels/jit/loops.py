"""Loops in the code that is being generated, whose values stay in registers."""

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir


def repeated(builder: Any, times: Any, values: list[Any], body: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """Write the loop that replaces the values so often by what ``body`` makes of them."""
    before, test, inside, after = builder.block, *(builder.append_basic_block() for _ in range(3))
    builder.branch(test)
    builder.position_at_end(test)
    running = [builder.phi(value.type) for value in (times, *values)]
    for value, start in zip(running, (ir.Constant(times.type, 0), *values), strict=True):
        value.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", running[0], times), inside, after)
    builder.position_at_end(inside)
    results = [builder.add(running[0], ir.Constant(times.type, 1)), *body(running[1:])]
    for value, result in zip(running, results, strict=True):
        value.add_incoming(result, builder.block)
    builder.branch(test)
    builder.position_at_end(after)
    return running[1:]


UNROLLED = 4
"""Steps to a turn of the highest tiles' innermost loops: four instructions a cycle are all that is issued, of which
what tests for the end would take too many."""


def in_steps(
    builder: Any, times: Any, to_a_turn: int, values: list[Any], steps: Callable[[int, list[Any]], list[Any]]
) -> list[Any]:
    """Write the loop of so many steps, several to a turn while there are as many left; ``steps(n, values)`` writes
    n of them."""
    if to_a_turn > 1:
        many = ir.Constant(times.type, to_a_turn)
        values = repeated(builder, builder.sdiv(times, many), values, functools.partial(steps, to_a_turn))
        times = builder.srem(times, many)
    return repeated(builder, times, values, functools.partial(steps, 1))
